//! Interrupted transfers that are run again: nothing is transferred twice, and nothing is left behind.

use crate::support::interrupting_proxy::{Cut, MIB, broken, clean, content, part, states, uploads, world};
use std::fs;

#[test]
fn an_interrupted_upload_goes_on_where_it_stopped() {
    for command in ["put f s3://BUCKET/k", "sync f s3://BUCKET/k"] {
        let (t, relay) = world();
        let bytes = content(17 * MIB);
        t.file("f", &bytes);
        broken(&relay, part(3), t.s3cmd(command));
        assert_eq!((states(&t), uploads(&t)), (1, 1));
        broken(&relay, part(4), t.s3cmd(command));
        t.s3cmd(command).ok();
        assert_eq!(relay.moved().0, 2, "{command}");
        clean(&t);
        assert!(t.content("k") == bytes);
    }
}

#[test]
fn a_part_whose_response_was_lost_is_compared_and_not_sent_again() {
    let (t, relay) = world();
    let bytes = content(12 * MIB);
    t.file("f", &bytes);
    broken(&relay, Cut::Answer("partNumber=2&".into()), t.s3cmd("put f s3://BUCKET/k"));
    t.s3cmd("put f s3://BUCKET/k").ok();
    assert_eq!(relay.moved().0, 2);
    clean(&t);
    assert!(t.content("k") == bytes);
}

#[test]
fn an_upload_whose_completion_response_was_lost_is_complete() {
    let (t, relay) = world();
    let bytes = content(12 * MIB);
    t.file("f", &bytes);
    broken(&relay, Cut::Answer("k?uploadId=".into()), t.s3cmd("put f s3://BUCKET/k"));
    assert_eq!(states(&t), 1);
    t.s3cmd("put f s3://BUCKET/k").ok();
    assert_eq!(relay.moved().0, 0);
    clean(&t);
    assert!(t.content("k") == bytes);
}

#[test]
fn sync_forgets_an_upload_whose_completion_response_was_lost() {
    let (t, relay) = world();
    t.file("d/f", content(12 * MIB));
    t.file("d/g", content(12 * MIB));
    broken(&relay, Cut::Answer("p/f?uploadId=".into()), t.s3cmd("sync d/ s3://BUCKET/p/"));
    assert_ne!(states(&t), 0);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok();
    clean(&t);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok().prints("");
}

#[test]
fn an_upload_whose_id_was_lost_is_aborted() {
    let (t, relay) = world();
    t.file("f", content(6 * MIB));
    broken(&relay, Cut::Answer("?uploads".into()), t.s3cmd("put f s3://BUCKET/k"));
    assert_eq!((states(&t), uploads(&t)), (1, 1));
    t.s3cmd("put f s3://BUCKET/k").ok();
    clean(&t);
}

#[test]
fn an_upload_of_a_changed_file_starts_again() {
    let (t, relay) = world();
    let mut bytes = content(12 * MIB);
    t.file("f", &bytes);
    broken(&relay, part(3), t.s3cmd("put f s3://BUCKET/k"));
    bytes[3] ^= 1;
    t.file("f", &bytes);
    t.s3cmd("put f s3://BUCKET/k").ok();
    assert_eq!(relay.moved().0, 12);
    clean(&t);
    assert!(t.content("k") == bytes);
    // Now it is too small for parts.
    t.file("f", &bytes);
    broken(&relay, part(3), t.s3cmd("put f s3://BUCKET/k"));
    assert_eq!(uploads(&t), 1);
    t.file("f", "small");
    t.s3cmd("put f s3://BUCKET/k").ok();
    clean(&t);
    assert_eq!(t.content("k"), b"small");
}

#[test]
fn an_upload_to_another_key_is_not_resumed() {
    let (t, relay) = world();
    t.file("f", content(12 * MIB));
    broken(&relay, part(3), t.s3cmd("put f s3://BUCKET/k"));
    t.s3cmd("put f s3://BUCKET/other").ok();
    assert_eq!(relay.moved().0, 12);
    assert_eq!((states(&t), uploads(&t)), (1, 1));
    t.s3cmd("put f s3://BUCKET/k").ok();
    clean(&t);
}

#[test]
fn abort_on_error_leaves_nothing() {
    let (t, relay) = world();
    t.file("f", content(12 * MIB));
    broken(&relay, part(3), t.s3cmd("put --abort-on-error f s3://BUCKET/k"));
    clean(&t);
}

#[test]
fn a_named_upload_is_compared_part_by_part() {
    for option in ["--continue-put", "--upload-id=ID"] {
        let (t, relay) = world();
        let bytes = content(12 * MIB);
        t.file("f", &bytes);
        broken(&relay, part(3), t.s3cmd("put f s3://BUCKET/k"));
        // As after a reboot of a machine that keeps no state.
        fs::remove_dir_all(t.home(".local")).expect("there is a state");
        let listed = String::from_utf8(t.s3cmd("multipart s3://BUCKET").ok().raw).expect("text");
        let id = listed.trim_end().rsplit('\t').next().unwrap_or_default();
        let run = t.s3cmd(&format!("put {} f s3://BUCKET/k", option.replace("ID", id))).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.explains("WARNING: MultiPart: size and md5sum match for s3://BUCKET/k part 1, skipping.\n")
            .explains("WARNING: MultiPart: size and md5sum match for s3://BUCKET/k part 2, skipping.\n");
        assert_eq!(relay.moved().0, 2);
        clean(&t);
        assert!(t.content("k") == bytes);
    }
}

#[test]
fn a_named_upload_of_other_content_fails() {
    let (t, relay) = world();
    let mut bytes = content(12 * MIB);
    t.file("f", &bytes);
    broken(&relay, part(3), t.s3cmd("put f s3://BUCKET/k"));
    fs::remove_dir_all(t.home(".local")).expect("there is a state");
    bytes[3] ^= 1;
    t.file("f", &bytes);
    t.s3cmd("put --continue-put f s3://BUCKET/k")
        .fails(2)
        .explains("the upload was started for other content");
    t.s3cmd("put f s3://BUCKET/k").ok();
    clean(&t);
    assert!(t.content("k") == bytes);
}

#[test]
fn an_upload_works_without_a_directory_for_its_state() {
    let (t, relay) = world();
    t.file("f", content(6 * MIB));
    t.file("no-directory", "");
    let state = t.path("no-directory");
    t.s3cmd("put f s3://BUCKET/k").env("XDG_STATE_HOME", &state).ok();
    assert_eq!(uploads(&t), 0);
    // The directory that the user chose is used.
    let state = t.dir("states");
    broken(&relay, part(2), t.s3cmd("put f s3://BUCKET/k").env("XDG_STATE_HOME", &state));
    assert_eq!(t.files("states").len(), 1);
    t.s3cmd("put f s3://BUCKET/k").env("XDG_STATE_HOME", &state).ok();
    assert_eq!((t.files("states").len(), relay.moved().0), (0, 1));
    clean(&t);
}

#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    for command in ["get s3://BUCKET/k d/k", "sync s3://BUCKET/ d/"] {
        let (t, relay) = world();
        let bytes = content(50 * MIB);
        t.object("k", &bytes);
        t.dir("d");
        broken(&relay, Cut::Request(format!("bytes={}-", 32 * MIB)), t.s3cmd(command));
        assert!(!t.exists("d/k"));
        assert_eq!(t.files("d").len(), 2, "{:?}", t.files("d"));
        t.s3cmd(command).ok();
        assert_eq!(relay.moved().1, 18, "{command}");
        clean(&t);
        assert!(t.read("d/k") == bytes);
    }
}

#[test]
fn a_partial_file_is_continued_and_the_continuation_too() {
    let (t, relay) = world();
    let bytes = content(70 * MIB);
    t.object("k", &bytes);
    t.file("k", &bytes[..20 * MIB as usize]);
    broken(&relay, Cut::Request(format!("bytes={}-", 48 * MIB)), t.s3cmd("get --continue s3://BUCKET/k"));
    assert_eq!(t.read("k").len() as u64, 20 * MIB);
    t.s3cmd("get --continue s3://BUCKET/k").ok();
    assert_eq!(relay.moved().1, 22);
    clean(&t);
    assert!(t.read("k") == bytes);
    // Other content at the beginning is detected.
    let mut other = bytes[..40 * MIB as usize].to_vec();
    other[5] ^= 1;
    t.file("k", other);
    t.s3cmd("get --continue s3://BUCKET/k").ok();
    clean(&t);
    assert!(t.read("k") == bytes);
}

#[test]
fn the_state_of_a_complete_download_is_removed() {
    let (t, relay) = world();
    let bytes = content(40 * MIB);
    t.object("k", &bytes);
    t.dir("d");
    for command in ["get s3://BUCKET/k d/k", "sync s3://BUCKET/ d/"] {
        let _ = fs::remove_file(t.path("d/k"));
        broken(&relay, Cut::Request(format!("bytes={}-", 16 * MIB)), t.s3cmd("get s3://BUCKET/k d/k"));
        // As if the run was killed after the rename and before the removal of the state.
        let files = t.files("d");
        let unfinished = files.iter().find(|name| name.ends_with(".part")).expect("a temporary file");
        fs::remove_file(t.path(format!("d/{unfinished}"))).expect("it is removed");
        t.file("d/k", &bytes);
        match command.starts_with("get") {
            true => t.s3cmd(command).fails(64),
            false => t.s3cmd(command).ok(),
        };
        assert_eq!(t.files("d"), ["k"], "{command}");
    }
}
