//! `--rclone-mtime`: modification times that rclone reads.

use crate::support::env::{FILE_TIME, TestEnv};
use crate::support::skip;

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
    // Without s3cmd's attributes the time comes from rclone's header.
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
        return skip::not_possible("rclone reads the stored time: RCLONE is not set");
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
