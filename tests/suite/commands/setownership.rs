//! `setownership`.

use crate::support::env::TestEnv;
use crate::support::skip::on_serve;

#[test]
fn an_ownership_rule_is_set_and_shown() {
    if !on_serve("ownership") {
        return;
    }
    let t = TestEnv::with_bucket();
    t.s3cmd("setownership s3://BUCKET bucketownerPREFERRED")
        .ok()
        .prints("s3://BUCKET/: Bucket Object Ownership updated");
    t.s3cmd("info s3://BUCKET").ok().mentions("   Ownership: BucketOwnerPreferred\n");
    t.s3cmd("setownership s3://BUCKET me").fails(64).complains(
        "ERROR: Parameter problem: Must be bucketownerpreferred or bucketownerenforced or objectwriter. Got: me",
    );
}
