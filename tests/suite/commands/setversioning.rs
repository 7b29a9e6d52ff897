//! `setversioning`.

use crate::support::env::TestEnv;

#[test]
fn versioning_is_switched_on_and_off() {
    let t = TestEnv::with_bucket();
    t.s3cmd("info s3://BUCKET").ok().mentions("   Versioning:none\n");
    for (word, status) in [("enable", "Enabled"), ("disable", "Suspended")] {
        t.s3cmd(&format!("setversioning s3://BUCKET {word}"))
            .ok()
            .prints("s3://BUCKET/: Versioning status updated");
        t.s3cmd("info s3://BUCKET").ok().mentions(&format!("   Versioning:{status}\n"));
    }
}
