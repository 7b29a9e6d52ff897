//! `info` of objects and buckets, and the commands that print one setting.

use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op};
use crate::support::skip::on_serve;

#[test]
fn disabled_and_other_lifecycle_rules_are_shown() {
    let t = TestEnv::with_bucket();
    let plain = t.s3cmd("info s3://BUCKET").ok().stdout;
    assert!(!plain.contains("Lifecycle:"), "{plain}");
    let rule = |id: &str, status: &str, filter: &str, action: &str| {
        format!("<Rule><ID>{id}</ID><Filter>{filter}</Filter><Status>{status}</Status>{action}</Rule>")
    };
    let days = "<Expiration><Days>3</Days></Expiration>";
    let document =
        |rules: &[String]| format!("<LifecycleConfiguration>{}</LifecycleConfiguration>", rules.concat());
    t.file("off.xml", document(&[rule("off", "Disabled", "<Prefix>a/</Prefix>", days)]));
    t.s3cmd("setlifecycle off.xml s3://BUCKET").ok();
    t.s3cmd("info s3://BUCKET").ok().mentions("   Expiration rule: none\n").mentions(
        "   Lifecycle: 'off' (disabled): objects with key prefix 'a/': Expiration after 3 day(s)\n",
    );
    let tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
    let noncurrent =
        "<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration>";
    t.file(
        "more.xml",
        document(&[
            rule("one", "Enabled", tag, days),
            rule("two", "Enabled", "<Prefix>b/</Prefix>", noncurrent),
        ]),
    );
    t.s3cmd("setlifecycle more.xml s3://BUCKET").ok();
    t.s3cmd("info s3://BUCKET")
        .ok()
        .mentions("   Expiration Rule: objects with tag 'k=v' will expire in '3' day(s) after creation\n")
        .mentions("   Lifecycle: 'two' (enabled): objects with key prefix 'b/': NoncurrentVersionExpiration after 7 day(s)\n");
    let json = t.s3cmd("--json info s3://BUCKET").ok().stdout;
    let info: serde_json::Value =
        serde_json::from_str(json.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!(info["expiration"], serde_json::Value::Null);
    assert_eq!(info["lifecycle"].as_array().map(Vec::len), Some(2), "{json}");
    t.s3cmd("dellifecycle s3://BUCKET").ok();
    assert_eq!(t.s3cmd("info s3://BUCKET").ok().stdout, plain);
}

#[test]
fn tags_are_shown_if_present() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    let plain = t.s3cmd("info s3://BUCKET/k").ok().stdout;
    t.s3cmd("settagging s3://BUCKET a=1").ok();
    t.s3cmd("settagging s3://BUCKET/k b=2").ok();
    t.s3cmd("info s3://BUCKET").ok().mentions("   Tag:       a: 1\n");
    let tagged = t.s3cmd("info s3://BUCKET/k").ok().stdout;
    assert_eq!(tagged, format!("{plain}   Tag:       b: 2\n"));
}

#[test]
fn locks_logs_websites_and_encryption_are_shown() {
    if !on_serve("locks, logs, websites and encryption") {
        return;
    }
    let mut t = TestEnv::with_bucket();
    t.reserve("BUCKET2");
    t.s3cmd("mb --add-header=x-amz-bucket-object-lock-enabled:true s3://BUCKET2").ok();
    t.s3cmd("info s3://BUCKET2").ok().mentions("   Object lock: enabled\n");
    t.file("f", "f");
    t.s3cmd("put f s3://BUCKET2/f").ok();
    t.s3cmd("getobjectlegalhold s3://BUCKET2/f").ok().prints("s3://BUCKET2/f: OFF");
    t.s3cmd("getobjectretention s3://BUCKET2/f").ok().prints("s3://BUCKET2/f: none");
    t.s3cmd("setobjectlegalhold ON s3://BUCKET2/f").ok();
    t.s3cmd("getobjectlegalhold s3://BUCKET2/f").ok().prints("s3://BUCKET2/f: ON");
    t.s3cmd("info s3://BUCKET2/f").ok().mentions("   Legal hold: ON\n");
    t.s3cmd("setobjectlegalhold OFF s3://BUCKET2/f").ok();
    t.s3cmd("info s3://BUCKET2/f").ok().silent_about("Legal hold");
    t.s3cmd("ws-create --ws-index=i.html s3://BUCKET").ok();
    t.s3cmd("accesslog --access-logging-target-prefix=s3://BUCKET/log/ s3://BUCKET").ok();
    t.s3cmd("info s3://BUCKET")
        .ok()
        .mentions("   Website:   index document i.html, error document none\n")
        .mentions("   Logging:   s3://BUCKET/log/\n");
    t.s3cmd("getobjectretention s3://BUCKET2/none").fails(12);
    t.s3cmd("getversioning s3://BUCKET-none").fails(12);
}

#[test]
fn retention_and_default_encryption_are_shown() {
    let server = Hostile::start();
    server.object("b/k", "content");
    let t = server.world();
    server.lie(Lie::answer(Op::Head, |_, answer| {
        answer
            .header("x-amz-object-lock-mode", "GOVERNANCE")
            .header("x-amz-object-lock-retain-until-date", "2040-01-01T00:00:00Z")
    }));
    t.s3cmd("info s3://b/k").ok().mentions("   Retention: GOVERNANCE until 2040-01-01T00:00:00Z\n");
    let rule = "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>id</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>";
    server.lie(Lie::instead(
        Op::GetDocument("encryption"),
        Answer::xml("ServerSideEncryptionConfiguration", rule),
    ));
    let lock = "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>9</Days></DefaultRetention></Rule>";
    server.lie(Lie::instead(Op::GetDocument("object-lock"), Answer::xml("ObjectLockConfiguration", lock)));
    t.s3cmd("info s3://b")
        .ok()
        .mentions("   Encryption: aws:kms (id)\n")
        .mentions("   Object lock: enabled, COMPLIANCE for 9 day(s)\n");
    let retention = "<Mode>COMPLIANCE</Mode><RetainUntilDate>2040-01-01T00:00:00Z</RetainUntilDate>";
    server.lie(Lie::instead(Op::GetDocument("retention"), Answer::xml("Retention", retention)));
    t.s3cmd("getobjectretention s3://b/k").ok().prints("s3://b/k: COMPLIANCE 2040-01-01T00:00:00Z");
}

#[test]
fn info_shows_an_object_and_a_bucket() {
    let t = TestEnv::with_bucket();
    t.file("hello.txt", "hello world\n");
    t.s3cmd("put hello.txt s3://BUCKET").ok();
    let run = t.s3cmd("info s3://BUCKET/hello.txt").ok();
    let acl = run
        .lines()
        .into_iter()
        .find(|line| line.starts_with("   ACL:       "))
        .expect("an ACL line")
        .to_owned();
    assert!(acl.ends_with(": FULL_CONTROL"), "{run}");
    run.prints(&format!(
        "
        |s3://BUCKET/hello.txt (object):
        |   File size: 12
        |   Last mod:  DATE
        |   MIME type: text/plain
        |   Storage:   STANDARD
        |   MD5 sum:   6f5902ac237024bdd0c176cb93063dc4
        |   SSE:       none
        |   Policy:    none
        |   CORS:      none
        |{acl}
        |   x-amz-meta-s3cmd-attrs: atime:N/ctime:N/gid:N/gname:S/md5:6f5902ac237024bdd0c176cb93063dc4/mode:33188/mtime:1704164645/uid:N/uname:S
        "
    ));
    let run = t.s3cmd("info s3://BUCKET").ok();
    let lines = run.lines();
    assert!(lines[1].starts_with("   Location:  "), "{run}");
    assert_eq!(lines[0], "s3://BUCKET/ (bucket):");
    assert_eq!(lines[2], "   Payer:     BucketOwner");
    let names: Vec<&str> =
        lines[1..].iter().map(|line| line.split(':').next().unwrap_or("").trim()).collect();
    let expected = [
        "Location",
        "Payer",
        "Ownership",
        "Versioning",
        "Expiration rule",
        "Block Public Access",
        "Policy",
        "CORS",
        "ACL",
    ];
    assert_eq!(names, expected, "{run}");
    t.s3cmd("info s3://BUCKET/no").fails(12).prints("").complains("ERROR: S3 error: 404 (NoSuchKey)");
}
