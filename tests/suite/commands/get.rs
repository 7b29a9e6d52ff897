//! `get`: which key becomes which file, what happens to existing files, and what is never written.

use crate::support::bytes::bytes;
use crate::support::env::{FILE_TIME, TestEnv};
use crate::support::skip;
use std::os::unix::fs::symlink;

#[test]
fn the_destination_decides_the_file() {
    // (what is fetched and where to, the resulting files)
    let table: &[(&str, &[&str])] = &[
        ("s3://BUCKET/d1/a", &["a"]),
        ("s3://BUCKET/d1/a g/", &["g/a"]),
        ("s3://BUCKET/d1/a g", &["g/a"]),
        ("s3://BUCKET/d1/a g/new", &["g/new"]),
        ("s3://BUCKET/d1/a s3://BUCKET/top g", &["g/a", "g/top"]),
        ("-r s3://BUCKET/d1 g/", &["g/d1/a", "g/d1/sub/b", "g/d12/c"]),
        ("-r s3://BUCKET/d1/ g/", &["g/a", "g/sub/b"]),
        ("-r s3://BUCKET/d1/sub g", &["g/sub/b"]),
        ("-r s3://BUCKET g", &["g/d1/a", "g/d1/sub/b", "g/d12/c", "g/top"]),
        ("-r s3://BUCKET/", &["d1/a", "d1/sub/b", "d12/c", "top"]),
        ("s3://BUCKET/d1/* g", &["g/a"]),
        ("s3://BUCKET/t?p g", &["g/top"]),
        ("-r s3://BUCKET/none g", &[]),
        ("-r --exclude='*/sub/*' --exclude=top s3://BUCKET g", &["g/d1/a", "g/d12/c"]),
    ];
    let t = TestEnv::with_objects(&["d1/a", "d1/sub/b", "d12/c", "top"]);
    for (line, files) in table {
        t.dir("g");
        let run = t.s3cmd(&format!("get {line}")).ok();
        assert_eq!(t.files(""), *files, "{run}");
        for file in t.files("") {
            let name = file.rsplit('/').next().expect("a name");
            assert!(
                name == "new" || t.text(&file).trim_end().ends_with(name),
                "{file} holds {:?}",
                t.text(&file)
            );
        }
        std::fs::remove_dir_all(t.path("")).expect("the files can be removed");
        t.dir("");
    }
}

#[test]
fn destinations_that_make_no_sense_are_refused() {
    let t = TestEnv::with_objects(&["d/a", "d/b"]);
    let several = "ERROR: Parameter problem: Destination must be a directory or stdout when downloading multiple sources.";
    let table = [
        ("get -r s3://BUCKET/d down/", several),
        ("get s3://BUCKET/d/* down/", several),
        ("get s3://BUCKET/d/a s3://BUCKET/d/b down", several),
        (
            "get s3://BUCKET",
            "ERROR: Parameter problem: Expecting S3 URI with a filename or --recursive: s3://BUCKET/",
        ),
        (
            "get s3://BUCKET/d/",
            "ERROR: Parameter problem: Expecting S3 URI with a filename or --recursive: s3://BUCKET/d/",
        ),
        ("get s3://BUCKET/no", "ERROR: Parameter problem: Source object 's3://BUCKET/no' does not exist."),
        ("get", "ERROR: Not enough parameters for command 'get'"),
    ];
    for (line, complaint) in table {
        t.s3cmd(line).fails(64).prints("").complains(complaint);
    }
    assert!(t.files("").is_empty());
}

#[test]
fn an_existing_file_is_kept_unless_said_otherwise() {
    let t = TestEnv::with_objects(&["k"]);
    t.file("f", "old content\n");
    t.s3cmd("get s3://BUCKET/k f").fails(64).prints("").complains(
        "ERROR: Parameter problem: File 'f' already exists. Use either of --force / --continue / --skip-existing or give it a new name.",
    );
    t.s3cmd("get --skip-existing s3://BUCKET/k f").ok().prints("");
    assert_eq!(t.text("f"), "old content\n");
    t.s3cmd("get --force s3://BUCKET/k f").ok().prints("download: 's3://BUCKET/k' -> 'f' (2 bytes in TIME)");
    assert_eq!(t.text("f"), "k\n");
    t.s3cmd("get --continue s3://BUCKET/k f").ok().prints("");
    assert_eq!(t.text("f"), "k\n");
}

#[test]
fn an_existing_file_stops_the_rest_of_a_recursive_get() {
    let t = TestEnv::with_objects(&["a", "b", "c"]);
    t.file("g/b", "mine");
    // One after the other, so that none of the rest has started yet.
    t.s3cmd("get -r --jobs=1 s3://BUCKET g/").fails(64).explains("File 'g/b' already exists.");
    assert_eq!(t.text("g/b"), "mine");
    assert!(!t.exists("g/c"));
    t.s3cmd("get -r --skip-existing s3://BUCKET g/").ok();
    assert_eq!((t.text("g/a"), t.text("g/b"), t.text("g/c")), ("a\n".into(), "mine".into(), "c\n".into()));
}

#[test]
fn a_partial_file_is_continued() {
    let t = TestEnv::with_bucket();
    let content: Vec<u8> = bytes(300_000);
    t.object("k", &content);
    t.file("f", &content[..100_000]);
    t.s3cmd("get --continue s3://BUCKET/k f").ok();
    assert!(t.read("f") == content);
    // Longer than the object, so it is not a beginning of it.
    t.file("f", vec![1; 400_000]);
    t.s3cmd("get --continue s3://BUCKET/k f").ok();
    assert!(t.read("f") == content);
}

#[test]
fn continuing_a_file_with_other_content_fails() {
    let t = TestEnv::with_bucket();
    let content = vec![5; 100_000];
    t.object("k", &content);
    t.file("f", vec![6; 50_000]);
    let run = t.s3cmd("get --continue s3://BUCKET/k f").run();
    assert!(run.code != Some(0) || t.read("f") == content, "a wrong file and exit code 0:\n{run}");
}

#[test]
fn standard_output_takes_any_number_of_objects() {
    let t = TestEnv::with_objects(&["a", "b"]);
    let run = t.s3cmd("get s3://BUCKET/a s3://BUCKET/b -").ok();
    assert_eq!(run.raw, b"a\nb\n");
    let run = t.s3cmd("get -r s3://BUCKET -").ok();
    assert_eq!(run.raw, b"a\nb\n");
    assert!(t.files("").is_empty());
}

#[test]
fn devices_and_links_are_written_through() {
    let t = TestEnv::with_objects(&["a"]);
    t.s3cmd("get --force s3://BUCKET/a /dev/null").ok();
    assert!(!std::fs::metadata("/dev/null").expect("it is still there").is_file());
    t.file("real", "old");
    symlink("real", t.path("link")).expect("a link");
    t.s3cmd("get --force s3://BUCKET/a link").ok();
    assert_eq!(t.text("real"), "a\n");
    assert!(std::fs::symlink_metadata(t.path("link")).expect("it is still there").is_symlink());
}

#[test]
fn a_downloaded_file_carries_the_time_of_the_object() {
    let t = TestEnv::with_objects(&["a"]);
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(600);
    for zone in ["UTC", "Asia/Tokyo", "XYZ+5"] {
        t.s3cmd("get --force s3://BUCKET/a f").env("TZ", zone).ok();
        let mtime = std::fs::metadata(t.path("f")).and_then(|m| m.modified()).expect("a time");
        assert!(mtime > before && mtime <= std::time::SystemTime::now(), "{mtime:?} in zone {zone}");
        let whole = mtime.duration_since(std::time::UNIX_EPOCH).expect("after the epoch");
        assert!(whole.as_secs() as i64 > FILE_TIME && whole.subsec_nanos() == 0);
    }
}

#[test]
fn keys_never_leave_the_destination() {
    let keys = ["../up", "../../up2", "a/../../up3", "/abs", "./here", "x/../y", "ok"];
    let t = TestEnv::with_objects(&keys);
    t.dir("deep/dest");
    let run = t.s3cmd("get -r s3://BUCKET deep/dest").run();
    assert!(matches!(run.code, Some(0 | 2)), "{run}");
    let files = t.files("");
    assert!(files.iter().all(|file| file.starts_with("deep/dest/")), "{files:?}\n{run}");
    assert!(!t.home("../up").exists() && !std::path::Path::new("/abs").exists());
    assert!(files.contains(&"deep/dest/ok".to_owned()), "{files:?}\n{run}");
    assert_eq!(t.text("deep/dest/ok"), "ok\n");
}

#[test]
fn a_link_in_the_way_does_not_lead_out_of_the_destination() {
    let t = TestEnv::with_objects(&["d/secret", "ok"]);
    t.dir("outside");
    t.dir("dest");
    symlink(t.path("outside"), t.path("dest/d")).expect("a link");
    let run = t.s3cmd("get -r s3://BUCKET dest").run();
    assert!(t.files("outside").is_empty(), "{run}");
    assert_eq!(t.text("dest/ok"), "ok\n");
}

#[test]
fn a_key_that_is_file_and_directory_fails_alone() {
    let t = TestEnv::with_objects(&["a", "a/b", "a/c", "z"]);
    t.dir("g");
    let run = t.s3cmd("get -r s3://BUCKET g").fails(2);
    assert_eq!(t.text("g/z"), "z\n", "{run}");
    let files = t.files("g");
    assert!(files == ["a", "z"] || files == ["a/b", "a/c", "z"], "{files:?}\n{run}");
}

#[test]
fn directory_objects_become_directories() {
    let t = TestEnv::with_bucket();
    t.object("dir/", "");
    t.object("dir/a", "a");
    t.dir("g");
    t.s3cmd("get -r s3://BUCKET g").ok();
    assert!(t.path("g/dir").is_dir());
    assert_eq!(t.text("g/dir/a"), "a");
}

#[test]
fn a_dry_run_fetches_nothing() {
    let t = TestEnv::with_objects(&["a"]);
    let run = t.s3cmd("get -n s3://BUCKET/a f").run();
    assert_eq!(run.code, Some(0));
    run.prints("download: 's3://BUCKET/a' -> 'f'").complains("WARNING: Exiting now because of --dry-run");
    assert!(t.files("").is_empty());
}

#[test]
fn delete_after_fetch_moves_the_object_here() {
    let t = TestEnv::with_objects(&["a", "b"]);
    t.s3cmd("get --delete-after-fetch s3://BUCKET/a")
        .ok()
        .mentions("File 's3://BUCKET/a' removed after fetch\n");
    assert_eq!(t.text("a"), "a\n");
    assert_eq!(t.keys(), ["b"]);
}

#[test]
fn a_full_device_is_one_clear_line() {
    if !std::path::Path::new("/dev/full").exists() {
        return skip::not_possible("there is no /dev/full");
    }
    let t = TestEnv::with_objects(&["a"]);
    let run = t.s3cmd("get --force s3://BUCKET/a /dev/full").run();
    assert!(!matches!(run.code, Some(0) | None), "{run}");
    run.explains("No space left on device").in_one_line();
}

#[test]
fn a_full_disk_leaves_no_half_file() {
    let t = TestEnv::with_bucket();
    t.object("big", vec![b'x'; 3 * 1024 * 1024]);
    t.object("small", "small\n");
    t.dir("disk");
    let mount = "mount -t tmpfs -o size=1m none disk 2>/dev/null || exit 99";
    let script = format!(
        "set -u; unshare -rm true 2>/dev/null && way=-rm || way=-m
         program=$(declare -f s3cmd)
         unshare $way bash -c \"$program\"'
             {mount}
             s3cmd get -r --jobs=1 s3://BUCKET disk/; echo \"exit $?\"
             ls -A disk' || exit 99"
    );
    let run = t.shell(&script).run();
    if run.code != Some(0) {
        return skip::not_possible("no small file system can be mounted");
    }
    assert!(run.lines().ends_with(&["small"]), "{run}");
    assert!(!run.stdout.contains("exit 0"), "{run}");
    run.explains("No space left on device");
}

#[test]
fn a_killed_download_leaves_nothing_under_the_final_name() {
    let t = TestEnv::with_bucket();
    let content = vec![b'x'; 4 * 1024 * 1024];
    t.object("big", &content);
    let mut child = t.s3cmd("get --limit-rate=500k s3://BUCKET/big f").command().spawn().expect("it starts");
    let started = std::time::Instant::now();
    // The download has to be in progress when it is killed.
    while t.files("").is_empty() && started.elapsed().as_secs() < 30 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(child.try_wait().expect("it can be waited for").is_none(), "it ended too early");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert!(!t.exists("f"), "{:?}", t.files(""));
    t.s3cmd("get s3://BUCKET/big f").ok();
    assert!(t.read("f") == content);
}
