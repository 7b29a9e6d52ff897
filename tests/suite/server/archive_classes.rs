//! Objects of the archive classes, which cannot be read until they are restored. Ceph has no such class.

use crate::support::env::TestEnv;
use crate::support::skip::on_serve;

#[test]
fn an_archived_object_is_listed_but_not_read() {
    if !on_serve("archive classes") {
        return;
    }
    let t = TestEnv::with_bucket();
    t.file("cold", "cold content");
    t.s3cmd("put --storage-class=GLACIER cold s3://BUCKET/cold").ok();
    t.s3cmd("info s3://BUCKET/cold").ok().mentions("Storage:   GLACIER");
    t.s3cmd("get s3://BUCKET/cold back").fails(77).explains("InvalidObjectState");
    assert!(!t.exists("back"));
    t.s3cmd("cp s3://BUCKET/cold s3://BUCKET/copy").fails(1).explains("InvalidObjectState");
    assert_eq!(t.keys(), ["cold"]);
}
