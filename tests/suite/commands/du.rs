//! `du` of a bucket and of a prefix.

use crate::support::env::TestEnv;

#[test]
fn du_counts_objects_and_bytes() {
    let t = TestEnv::with_bucket();
    t.object("a/1", "12345");
    t.object("a/2", "12345");
    t.object("b", "1");
    t.s3cmd("du s3://BUCKET").ok().prints("          11       3 objects s3://BUCKET/");
    t.s3cmd("du s3://BUCKET/a/").ok().prints("          10       2 objects s3://BUCKET/a/");
    t.s3cmd("du -H s3://BUCKET/a/").ok().prints("   10       2 objects s3://BUCKET/a/");
    t.s3cmd("du s3://BUCKET/none").ok().prints("           0       0 objects s3://BUCKET/none");
}
