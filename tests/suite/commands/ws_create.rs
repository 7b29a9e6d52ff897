//! `ws-create`, `ws-info` and `ws-delete`.

use crate::support::env::TestEnv;
use crate::support::skip::on_serve;

#[test]
fn a_website_is_made_shown_and_removed() {
    if !on_serve("websites") {
        return;
    }
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t.reserve("MISSING");
    t.s3cmd("ws-create --ws-index=i.html --ws-error='a&b.html' s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |Bucket 's3://BUCKET/': website configuration created.
        |Bucket 's3://BUCKET2/': website configuration created.
        ",
    );
    t.s3cmd("ws-create s3://BUCKET2").ok();
    t.configure("website_endpoint = http://%(bucket)s.web.example.org/%(location)s");
    t.s3cmd("ws-info s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |Bucket s3://BUCKET/: Website configuration
        |Website endpoint: http://BUCKET.web.example.org/us-east-1
        |Index document:   i.html
        |Error document:   a&b.html
        |Bucket s3://BUCKET2/: Website configuration
        |Website endpoint: http://BUCKET2.web.example.org/us-east-1
        |Index document:   index.html
        |Error document:   None
        ",
    );
    t.s3cmd("ws-delete s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |Bucket 's3://BUCKET/': website configuration deleted.
        |Bucket 's3://BUCKET2/': website configuration deleted.
        ",
    );
    t.s3cmd("ws-info s3://BUCKET").ok().prints("Bucket s3://BUCKET/: No website configuration found.");
    t.s3cmd("ws-info s3://MISSING").fails(12).prints("").explains("ERROR: Bucket 'MISSING' does not exist\n");
}
