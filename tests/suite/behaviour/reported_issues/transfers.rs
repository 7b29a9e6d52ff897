//! Reported issues about uploads, downloads and `sync`.

use crate::support::env::TestEnv;
use crate::support::interrupting_proxy::{Cut, MIB, broken, clean, content, part, uploads, world};
use crate::support::stub::{listen, pointing_at, request};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn issue_943_an_interrupted_upload_goes_on() {
    let (t, relay) = world();
    let bytes = content(12 * MIB);
    t.file("f", &bytes);
    broken(&relay, part(3), t.s3cmd("put f s3://BUCKET/k"));
    assert_eq!(uploads(&t), 1);
    t.s3cmd("put f s3://BUCKET/k").ok();
    assert!(relay.moved().0 < 4, "parts were sent again");
    clean(&t);
    assert!(t.content("k") == bytes);
}

#[test]
fn pain_06_several_unfinished_uploads_of_a_key_are_no_obstacle() {
    let (t, relay) = world();
    let bytes = content(11 * MIB);
    for name in ["g", "f"] {
        t.file(name, if name == "f" { bytes.clone() } else { vec![b'x'; 11 << 20] });
        broken(&relay, part(3), t.s3cmd(&format!("put {name} s3://BUCKET/k")));
    }
    assert_eq!(uploads(&t), 2);
    t.s3cmd("put --continue-put f s3://BUCKET/k").ok();
    assert!(t.content("k") == bytes);
}

#[test]
fn issue_634_a_continued_download_is_verified() {
    let t = TestEnv::with_bucket();
    t.object("k", "the whole content\n");
    t.file("k", "not this");
    t.s3cmd("get --continue s3://BUCKET/k").ok();
    assert_eq!(t.text("k"), "the whole content\n");
}

#[test]
fn issue_558_a_sync_continues_an_interrupted_download() {
    let (t, relay) = world();
    let bytes = content(40 * MIB);
    t.object("k", &bytes);
    t.dir("d");
    broken(&relay, Cut::Request(format!("bytes={}-", 32 * MIB)), t.s3cmd("sync s3://BUCKET/ d/"));
    t.s3cmd("sync s3://BUCKET/ d/").ok();
    assert_eq!(relay.moved().1, 8);
    assert!(t.read("d/k") == bytes);
    clean(&t);
}

/// A service with one object whose ETag does not match its content.
fn damaged() -> TestEnv {
    let port = listen(|mut stream| {
        let body = if request(&mut stream).starts_with("HEAD") { "" } else { "damaged bytes" };
        // The client may close the connection.
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nETag: \"6f5902ac237024bdd0c176cb93063dc4\"\r\n\
             Last-Modified: Tue, 02 Jan 2024 03:04:05 GMT\r\nConnection: close\r\n\r\n{body}"
        );
    });
    pointing_at(port, "use_https = False\nmax_retries = 1")
}

#[test]
fn pain_09_a_damaged_download_is_a_failure() {
    let t = damaged();
    let run = t.s3cmd("get s3://b/k f").run();
    assert!(run.code.is_some_and(|code| code != 0), "{run}");
    assert!(t.files("").is_empty(), "{run}");
}

#[test]
fn issue_233_an_object_in_parts_is_not_sent_again() {
    let t = TestEnv::with_bucket();
    t.file("d/big", content(11 * MIB));
    t.s3cmd("sync --multipart-chunk-size-mb=5 d/ s3://BUCKET/").ok().mentions("upload: 'd/big'");
    t.s3cmd("sync d/ s3://BUCKET/").ok().prints("");
    let mut other = content(11 * MIB);
    other[0] ^= 1;
    t.file("d/big", other);
    t.s3cmd("sync d/ s3://BUCKET/").ok().mentions("upload: 'd/big'");
}

#[test]
fn issue_850_a_second_sync_between_buckets_copies_nothing() {
    let t = TestEnv::with_two_buckets();
    for key in ["p/a", "p/sub/b"] {
        t.object(key, key);
    }
    t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET2/q/").ok().mentions("'s3://BUCKET2/q/sub/b'");
    t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET2/q/").ok().silent_about("remote copy");
    assert_eq!(t.keys_of("BUCKET2"), ["q/a", "q/sub/b"]);
}

#[test]
fn issue_245_a_dry_run_shows_where_names_go() {
    let t = TestEnv::with_bucket();
    t.file("d/a", "a");
    for (source, key) in [("d", "p/d/a"), ("d/", "p/a")] {
        let run = t.s3cmd(&format!("sync -n {source} s3://BUCKET/p/")).run();
        run.prints(&format!("upload: 'd/a' -> 's3://BUCKET/{key}'"));
    }
}

#[test]
fn issue_470_siblings_of_a_synced_directory_stay() {
    let t = TestEnv::with_bucket();
    t.file("dir/a", "a");
    for key in ["dir/gone", "dir2/x", "dir_thumb"] {
        t.object(key, key);
    }
    t.s3cmd("sync --delete-removed dir s3://BUCKET/").ok().mentions("delete: 's3://BUCKET/dir/gone'");
    assert_eq!(t.keys(), ["dir/a", "dir2/x", "dir_thumb"]);
}

#[test]
fn issue_155_an_empty_or_missing_source_empties_no_bucket() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.dir("empty");
    t.s3cmd("sync --delete-removed missing/ s3://BUCKET/").fails(64);
    t.s3cmd("sync --delete-removed empty/ s3://BUCKET/").run().explains("cowardly refusing to delete");
    assert_eq!(t.keys(), ["k"]);
    // The other two directions.
    t.file("d/f", "f");
    t.s3cmd("sync --delete-removed s3://BUCKET/none/ d/").run().explains("cowardly refusing to delete");
    assert_eq!(t.files("d"), ["f"]);
    t.object("p/k", "k");
    t.s3cmd("sync --delete-removed s3://BUCKET/none/ s3://BUCKET/p/")
        .run()
        .explains("cowardly refusing to delete");
    assert_eq!(t.keys(), ["k", "p/k"]);
}

#[test]
fn issue_802_what_is_excluded_is_not_deleted() {
    let t = TestEnv::with_bucket();
    t.file("d/a", "a");
    for key in ["keep/x", "gone", "k.log"] {
        t.object(key, key);
    }
    t.s3cmd("sync --delete-removed --exclude=keep/ --exclude=*.log d/ s3://BUCKET/").ok();
    assert_eq!(t.keys(), ["a", "k.log", "keep/x"]);
}

#[test]
fn pain_21_sources_of_one_name_are_refused() {
    let t = TestEnv::with_bucket();
    for name in ["a/same", "b/same"] {
        t.file(name, name);
        t.object(name, name);
    }
    t.s3cmd("put a/same b/same s3://BUCKET/p/").fails(64).prints("");
    t.s3cmd("get s3://BUCKET/a/same s3://BUCKET/b/same .").fails(64).prints("");
    assert!(t.keys().len() == 2 && !t.exists("same"));
}

#[test]
fn issue_1285_a_connection_that_breaks_is_tried_again() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let port = listen(move |mut stream| {
        let text = request(&mut stream);
        if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
            // Closes the connection, before the response the first time and in the middle of its head the second time.
            return;
        }
        let body = if text.starts_with("HEAD") { "" } else { "content" };
        // The client may close the connection.
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nETag: \"9a0364b9e99bb480dd25e1f0284c8555\"\r\n\
             Last-Modified: Tue, 02 Jan 2024 03:04:05 GMT\r\nConnection: close\r\n\r\n{body}"
        );
    });
    let t = pointing_at(port, "use_https = False");
    let run = t.s3cmd("get s3://b/k f").run();
    assert_eq!((run.code, t.text("f")), (Some(0), "content".to_owned()), "{run}");
}

#[test]
fn issue_1127_slow_standard_input_is_waited_for() {
    let t = TestEnv::with_bucket();
    t.configure("socket_timeout = 2");
    t.shell("{ printf a; sleep 4; printf b; } | s3cmd put - s3://BUCKET/k").ok();
    assert_eq!(t.content("k"), b"ab");
}

#[test]
fn issue_198_types_are_those_that_browsers_expect() {
    let t = TestEnv::with_bucket();
    for (name, types) in [
        ("a.css", &["text/css"][..]),
        ("a.js", &["text/javascript", "application/javascript"]),
        ("a.json", &["application/json"]),
        ("a.svg", &["image/svg+xml"]),
        ("a.html", &["text/html"]),
    ] {
        t.file(name, "/* plain text to file(1) */\n");
        t.s3cmd(&format!("put {name} s3://BUCKET")).ok();
        let info = t.s3cmd(&format!("info s3://BUCKET/{name}")).ok();
        let right = types.iter().any(|kind| info.stdout.contains(&format!("MIME type: {kind}\n")));
        assert!(right, "{info}");
    }
}

#[test]
fn issue_1156_a_copied_duplicate_has_its_own_attributes() {
    let t = TestEnv::with_bucket();
    for (name, mode) in [("d/a", 0o600), ("d/b", 0o640)] {
        t.file(name, "same");
        std::fs::set_permissions(t.path(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    t.s3cmd("sync d/ s3://BUCKET/").ok().mentions("remote copy: 'a' -> 'b'");
    t.s3cmd("sync s3://BUCKET/ o/").ok();
    let mode = |name: &str| std::fs::metadata(t.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("o/a"), mode("o/b")), (0o600, 0o640));
}

#[test]
fn issue_4_an_excluded_directory_is_not_entered() {
    let t = TestEnv::with_bucket();
    t.file("d/a", "a");
    t.file("d/closed/b", "b");
    let close = |mode| std::fs::set_permissions(t.path("d/closed"), PermissionsExt::from_mode(mode)).unwrap();
    let calls = ["put -r --exclude=closed/ d/ s3://BUCKET/", "put -r d/ s3://BUCKET/"]
        .map(|line| t.s3cmd(line).bound_by_permissions());
    let [Some(with), Some(without)] = calls else { return };
    close(0);
    let runs = [with.run(), without.run()];
    close(0o755);
    // A run that enters the directory prints a warning.
    assert!(runs[0].stderr.is_empty() && !runs[1].stderr.is_empty(), "{}\n{}", runs[0], runs[1]);
    assert_eq!(t.keys(), ["a"]);
}

#[test]
fn issue_1430_directory_objects_and_files_of_one_name_cost_only_themselves() {
    let t = TestEnv::with_bucket();
    t.dir("d/empty");
    t.s3cmd("sync --keep-dirs d/ s3://BUCKET/p/").ok();
    for key in ["p/a", "p/a/b", "p/z"] {
        t.object(key, key);
    }
    t.dir("o");
    t.s3cmd("get -r s3://BUCKET/p/ o/").fails(2);
    assert!(t.path("o/empty").is_dir());
    assert_eq!(t.text("o/z"), "p/z");
}

#[test]
fn issue_819_warnings_of_links_can_be_silenced() {
    let t = TestEnv::with_bucket();
    t.file("d/a", "a");
    symlink("a", t.path("d/link")).unwrap();
    t.s3cmd("put -r d s3://BUCKET").run().explains("WARNING: Skipping over symbolic link");
    t.configure("verbosity = ERROR");
    t.s3cmd("put -r d s3://BUCKET").ok().mentions("d/a");
}

#[test]
fn issue_1311_owners_that_cannot_be_set_are_one_warning() {
    let t = TestEnv::with_bucket();
    for name in ["x", "y"] {
        t.file(name, name);
        let attributes = "x-amz-meta-s3cmd-attrs:gid:12345/mode:33184/mtime:1500000000/uid:12345";
        let line =
            format!("put --no-preserve --no-check-md5 --add-header={attributes} {name} s3://BUCKET/q/");
        t.s3cmd(&line).ok();
    }
    // Root keeps the right to set owners unless it is taken away.
    let run = t
        .shell(
            "if [ \"$(id -u)\" = 0 ]; then set -- setpriv --bounding-set=-chown --; fi\n\
             \"$@\" \"$PROGRAM\" sync s3://BUCKET/q/ o/",
        )
        .env("PROGRAM", crate::support::env::PROGRAM)
        .run();
    assert!(run.code == Some(0) && run.stderr.lines().count() == 1, "{run}");
    assert_eq!(t.files("o"), ["x", "y"]);
}

#[test]
fn pain_48_times_are_exact_and_files_are_not_executable() {
    let t = TestEnv::with_bucket();
    t.file("f", "x");
    t.s3cmd("put --no-preserve f s3://BUCKET/q/f").ok();
    for zone in ["UTC", "Asia/Tokyo", "XXX-9"] {
        t.s3cmd("get --force s3://BUCKET/q/f got").env("TZ", zone).ok();
        t.s3cmd("sync s3://BUCKET/q/ o/").env("TZ", zone).ok();
        for name in ["got", "o/f"] {
            let metadata = std::fs::metadata(t.path(name)).unwrap();
            let (time, now) = (metadata.modified().unwrap(), std::time::SystemTime::now());
            let off = now.duration_since(time).unwrap_or_else(|error| error.duration());
            assert!(off.as_secs() < 1800, "{name} in {zone}: {off:?}");
            assert_eq!(metadata.permissions().mode() & 0o111, 0, "{name}");
        }
        std::fs::remove_dir_all(t.path("o")).unwrap();
    }
}

#[test]
fn issue_6386_of_rclone_parts_grow_where_there_would_be_too_many() {
    let t = TestEnv::with_bucket();
    let bytes = content(16 * MIB);
    t.file("f", &bytes);
    t.configure("multipart_max_chunks = 2\nmultipart_chunk_size_mb = 5");
    t.s3cmd("put f s3://BUCKET").ok();
    t.s3cmd("ls -l s3://BUCKET").ok().mentions("-2   STANDARD");
    assert!(t.content("f") == bytes);
}
