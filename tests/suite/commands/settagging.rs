//! `settagging`, `gettagging` and `deltagging` of objects and buckets.

use crate::support::env::TestEnv;

#[test]
fn tags_of_objects_and_buckets_are_set_shown_and_removed() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.s3cmd("settagging s3://BUCKET 'project=lab&days=1'").ok().prints("s3://BUCKET/: Tagging updated");
    // Services differ in the order.
    let run = t.s3cmd("gettagging s3://BUCKET").ok().mentions("s3://BUCKET/ (bucket):\n\t");
    assert_eq!(run.lines().len(), 3, "{run}");
    run.mentions("\tdays:\t1\n").mentions("\tproject:\tlab\n");
    t.s3cmd("settagging s3://BUCKET/k days=1").ok().prints("s3://BUCKET/k: Tagging updated");
    t.s3cmd("gettagging s3://BUCKET/k").ok().prints("s3://BUCKET/k (object):\n\tdays:\t1");
    t.s3cmd("deltagging s3://BUCKET/k").ok().prints("s3://BUCKET/k: Tagging deleted");
    t.s3cmd("gettagging s3://BUCKET/k").ok().prints("s3://BUCKET/k (object):");
    t.s3cmd("deltagging s3://BUCKET").ok().prints("s3://BUCKET/: Tagging deleted");
    t.s3cmd("settagging s3://BUCKET/none days=1").fails(12);
}
