//! Requester pays and object ownership on `serve`.

use crate::support::env::TestEnv;
use crate::support::skip::on_serve;

#[test]
fn requester_pays_buckets_require_the_header() {
    if !on_serve("requester pays and ownership") {
        return;
    }
    let t = TestEnv::with_bucket();
    t.file("f", "hello");
    t.s3cmd("put --acl-public f s3://BUCKET/f").ok();
    t.s3cmd("payer --requester-pays s3://BUCKET").ok();
    t.alt("get s3://BUCKET/f g").fails(77);
    t.alt("get --requester-pays s3://BUCKET/f g").ok();
    assert_eq!(t.text("g"), "hello");
    t.s3cmd("get s3://BUCKET/f h").ok();
}

#[test]
fn a_bucket_with_enforced_ownership_rejects_acls() {
    if !on_serve("requester pays and ownership") {
        return;
    }
    let t = TestEnv::with_bucket();
    t.file("f", "hello");
    t.s3cmd("put --acl-public f s3://BUCKET/f").ok();
    t.alt("get s3://BUCKET/f g").ok();
    t.s3cmd("setownership s3://BUCKET BucketOwnerEnforced").ok();
    t.alt("get s3://BUCKET/f h").fails(77);
    t.s3cmd("setacl --acl-public s3://BUCKET/f").fails(11).explains("AccessControlListNotSupported");
    t.s3cmd("put f s3://BUCKET/g").ok();
}
