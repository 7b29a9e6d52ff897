//! `mv`: a copy whose source is deleted afterwards.

use crate::support::env::TestEnv;

#[test]
fn moved_objects_are_deleted_at_their_source() {
    let mut t = TestEnv::with_objects(&["d/a", "d/b", "d/ä"]);
    t.new_bucket("BUCKET2");
    t.s3cmd("mv s3://BUCKET/d/ä s3://BUCKET2/moved")
        .ok()
        .prints("move: 's3://BUCKET/d/ä' -> 's3://BUCKET2/moved'  [1 of 1]");
    assert_eq!(t.keys(), ["d/a", "d/b"]);
    t.s3cmd("mv -r s3://BUCKET/d/ s3://BUCKET/f/").ok();
    assert_eq!(t.keys(), ["f/a", "f/b"]);
    assert_eq!(t.content("f/a"), b"d/a\n");
}

#[test]
fn a_missing_source_is_not_found() {
    let mut t = TestEnv::with_objects(&["a"]);
    t.new_bucket("BUCKET2");
    t.s3cmd("mv s3://BUCKET/no s3://BUCKET2/x").fails(12).complains("WARNING: Key not found s3://BUCKET/no");
    assert_eq!(t.keys(), ["a"]);
}
