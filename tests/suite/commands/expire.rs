//! `expire`: a lifecycle rule from options.

use crate::support::env::TestEnv;

#[test]
fn expiry_is_set_shown_and_removed() {
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t.s3cmd("expire --expiry-days=7 --expiry-prefix='a&b/' s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |Bucket 's3://BUCKET/': expiration configuration is set.
        |Bucket 's3://BUCKET2/': expiration configuration is set.
        ",
    );
    for bucket in ["BUCKET", "BUCKET2"] {
        t.s3cmd(&format!("info s3://{bucket}")).ok().mentions(
            "   Expiration Rule: objects with key prefix 'a&b/' will expire in '7' day(s) after creation\n",
        );
    }
    t.s3cmd("expire --expiry-date=2030-01-01T00:00:00.000Z s3://BUCKET").ok();
    t.s3cmd("info s3://BUCKET").ok().mentions(
        "   Expiration Rule: all objects in this bucket will expire in '2030-01-01T00:00:00.000Z' \n",
    );
    for options in ["--expiry-date=2030-01-01 --expiry-days=3", "--expiry-prefix=log/"] {
        t.s3cmd(&format!("expire {options} s3://BUCKET"))
            .fails(64)
            .complains("ERROR: Parameter problem: Expect either --expiry-day or --expiry-date");
    }
    let run = t.s3cmd("expire -n s3://BUCKET").run();
    run.complains("WARNING: Exiting now because of --dry-run");
    t.s3cmd("getlifecycle s3://BUCKET").ok();
    t.s3cmd("expire s3://BUCKET").ok().prints("Bucket 's3://BUCKET/': expiration configuration is deleted.");
    t.s3cmd("info s3://BUCKET").ok().mentions("   Expiration rule: none\n");
}
