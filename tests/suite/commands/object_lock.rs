//! `setobjectlegalhold` and `setobjectretention`.

use crate::support::env::TestEnv;
use crate::support::skip::on_serve;

#[test]
fn an_object_is_protected_where_its_bucket_allows_it() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.s3cmd("setobjectlegalhold ON s3://BUCKET/k").fails(11).explains("400 (InvalidRequest)");
    if !on_serve("cleaning up after retention") {
        return;
    }
    let mut t = TestEnv::new();
    t.reserve("BUCKET");
    t.s3cmd("mb --add-header=x-amz-bucket-object-lock-enabled:true s3://BUCKET").ok();
    t.object("k", "k");
    // s3cmd prints a line only if the service answers 204, and takes the second command for failed.
    t.s3cmd("setobjectlegalhold ON s3://BUCKET/k").ok().prints("");
    t.s3cmd("setobjectretention COMPLIANCE 2100-01-31T00:00:00Z s3://BUCKET/k").ok().prints("");
    t.s3cmd("setobjectretention COMPLIANCE 2100-01-01T00:00:00Z s3://BUCKET/k").fails(77);
    t.s3cmd("setobjectretention COMPLIANCE 2100-02-01T00:00:00Z s3://BUCKET/k").ok();
    t.s3cmd("setobjectlegalhold OFF s3://BUCKET/k").ok();
    t.s3cmd("setobjectlegalhold ON s3://BUCKET/none").fails(12);
}
