//! What concerns this side of a transfer only: remembered sums, times for other programs.

use crate::env::{FILE_TIME, TestEnv, notice};

#[test]
fn times_are_stored_for_rclone_beside_the_attributes_of_s3cmd() {
    let t = TestEnv::with_bucket();
    let path = t.file("f", "x");
    filetime::set_file_mtime(&path, filetime::FileTime::from_unix_time(FILE_TIME, 123_456_000)).unwrap();
    t.s3cmd("put --rclone-mtime f s3://BUCKET/both").ok();
    t.s3cmd("put --rclone-mtime --no-preserve f s3://BUCKET/dir/alone").ok();
    t.s3cmd("put f s3://BUCKET/without").ok();
    let info = |key: &str| t.s3cmd(&format!("info s3://BUCKET/{key}")).ok();
    info("both").mentions("x-amz-meta-mtime: 1704164645.123456").mentions("/mtime:1704164645/");
    info("dir/alone").mentions("x-amz-meta-mtime: 1704164645.123456").silent_about("/mtime:");
    info("without").silent_about("x-amz-meta-mtime");
    // Where s3cmd's attributes are absent the time comes from there.
    t.s3cmd("sync s3://BUCKET/dir/ down/").ok();
    let restored = std::fs::metadata(t.path("down/alone")).unwrap();
    assert_eq!(
        filetime::FileTime::from_last_modification_time(&restored),
        filetime::FileTime::from_unix_time(FILE_TIME, 123_456_000)
    );
    t.configure("rclone_mtime = True");
    t.s3cmd("put f s3://BUCKET/without").ok();
    info("without").mentions("x-amz-meta-mtime: 1704164645.123456");
    rclone_sees_the_time(&t);
}

/// Needs `RCLONE`, the path of that program.
fn rclone_sees_the_time(t: &TestEnv) {
    let Some(rclone) = std::env::var_os("RCLONE").filter(|path| !path.is_empty()) else {
        notice("RCLONE is not set: whether rclone reads the stored time is left out");
        return;
    };
    let user = &t.service.main;
    let remote = format!(
        ":s3,provider=Other,access_key_id={},secret_access_key={},endpoint='http://{}',force_path_style=true:",
        user.access, user.secret, t.service.host
    );
    let listed =
        t.shell("\"$RCLONE\" lsl \"$REMOTE\"BUCKET").env("RCLONE", rclone).env("REMOTE", remote).run();
    for name in ["both", "dir/alone", "without"] {
        assert!(listed.stdout.contains(name), "{listed}");
    }
    assert_eq!(listed.stdout.matches("03:04:05.123456").count(), 3, "{listed}");
}

#[test]
fn remembered_sums_spare_unchanged_files_a_reading() {
    let t = TestEnv::with_bucket();
    // The sums of files that have just changed are not remembered, so these get old times of both kinds: the second by
    // waiting, which only the system can set.
    for (name, text) in [("tree/a", "first\n"), ("tree/b", "second\n")] {
        t.file(name, text);
    }
    std::thread::sleep(std::time::Duration::from_millis(2100));
    t.s3cmd("sync --cache-file=cache tree/ s3://BUCKET/").ok();
    let text = t.text("cache");
    assert!(text.starts_with("s3cmd-rs MD5 cache, version 1\n") && text.lines().count() == 3, "{text}");
    // What is remembered is believed: with another sum the unchanged file counts as another one.
    let sum = text.lines().nth(1).unwrap().split(' ').next().unwrap();
    t.file("cache", text.replace(sum, &"0".repeat(32)));
    t.s3cmd("sync -n --cache-file=cache tree/ s3://BUCKET/").run().mentions("upload: 'tree/a'");
    t.s3cmd("sync -n tree/ s3://BUCKET/").run().silent_about("upload");
    // A file that changed is read again, whatever stands there.
    t.file("tree/a", "changed, and longer\n");
    t.s3cmd("sync --cache-file=cache tree/ s3://BUCKET/").ok().mentions("upload: 'tree/a'");
    assert_eq!(t.content("a"), b"changed, and longer\n");
}

#[test]
fn a_cache_of_s3cmd_is_replaced_and_another_file_is_not() {
    let t = TestEnv::with_bucket();
    t.file("f", "x");
    t.file("pickle", b"\x80\x04\x95\x10");
    let run = t.s3cmd("put --cache-file=pickle f s3://BUCKET").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.complains("WARNING: The cache file 'pickle' is one of s3cmd's and will be replaced");
    assert!(t.text("pickle").starts_with("s3cmd-rs MD5 cache"));
    t.file("letter", "Dear all,\n");
    t.s3cmd("put --cache-file=letter f s3://BUCKET")
        .run()
        .complains("WARNING: 'letter' is no cache file: it is left alone");
    assert_eq!(t.text("letter"), "Dear all,\n");
}
