//! `accesslog`.

use crate::support::env::TestEnv;
use crate::support::skip::on_serve;

#[test]
fn access_logs_are_switched_on_shown_and_switched_off() {
    if !on_serve("access logs") {
        return;
    }
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t.reserve("MISSING");
    let off = "Access logging for: s3://BUCKET/\n   Logging Enabled: False";
    let on =
        "Access logging for: s3://BUCKET/\n   Logging Enabled: True\n     Target prefix: s3://BUCKET2/log/";
    t.s3cmd("accesslog s3://BUCKET").ok().prints(off);
    for also in ["", "-P "] {
        t.s3cmd(&format!("accesslog {also}--access-logging-target-prefix=s3://BUCKET2/log/ s3://BUCKET"))
            .ok()
            .prints(on);
        t.s3cmd("accesslog s3://BUCKET").ok().prints(on);
    }
    t.s3cmd("accesslog --access-logging-target-prefix=s3://MISSING/log/ s3://BUCKET").fails(12);
    t.s3cmd("accesslog --access-logging-target-prefix=log/ s3://BUCKET")
        .fails(64)
        .complains("ERROR: Parameter problem: --log-target-prefix must be a S3 URI");
    t.s3cmd("accesslog -n --no-access-logging s3://BUCKET").run().prints(off);
    t.s3cmd("accesslog s3://BUCKET").ok().prints(on);
    t.s3cmd("accesslog --no-access-logging s3://BUCKET").ok().prints(off);
    t.s3cmd("accesslog s3://BUCKET").ok().prints(off);
}
