//! What is set is shown: `info` and the commands that read one setting.

use crate::env::TestEnv;
use crate::hostile::{Answer, Hostile, Lie, Op};
use crate::settings::has;

#[test]
fn rules_that_are_off_or_do_more_are_shown_for_what_they_are() {
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
fn tags_are_shown_where_there_are_some() {
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
    if !has("locks, logs, websites and encryption") {
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
fn listings_and_sums_heed_wildcards_and_filters() {
    let t = TestEnv::with_bucket();
    for key in ["a.txt", "b.dat", "d/a.txt", "d/e/b.txt", "d2/x", "other"] {
        t.object(key, "12345");
    }
    let listed = |line: &str| -> Vec<String> {
        let run = t.s3cmd(line).ok();
        run.lines().iter().map(|line| line.split_once("s3://BUCKET/").expect("a URI").1.to_owned()).collect()
    };
    assert_eq!(listed("ls 's3://BUCKET/*.txt'"), ["a.txt"]);
    assert_eq!(listed("ls 's3://BUCKET/d*'"), ["d/", "d2/"]);
    assert_eq!(listed("ls 's3://BUCKET/d?'"), ["d2/"]);
    assert_eq!(listed("ls 's3://BUCKET/d/*.txt'"), ["d/a.txt"]);
    assert_eq!(listed("ls 's3://BUCKET/*/a.*'"), ["d/a.txt"]);
    assert_eq!(listed("ls 's3://BUCKET/*/'"), ["d/", "d2/"]);
    assert_eq!(listed("ls -r 's3://BUCKET/*.txt'"), ["a.txt", "d/a.txt", "d/e/b.txt"]);
    assert_eq!(listed("ls --exclude='*.txt' s3://BUCKET"), ["d/", "d2/", "b.dat", "other"]);
    assert_eq!(listed("ls -r --exclude='*' --include='*.dat' s3://BUCKET"), ["b.dat"]);
    assert_eq!(listed("ls --rexclude='^d2?/$' s3://BUCKET"), ["a.txt", "b.dat", "other"]);
    assert_eq!(listed("ls -r --exclude='e/*' s3://BUCKET/d/"), ["d/a.txt"]);
    let run = t.s3cmd("ls -r --limit=2 --exclude=a.txt s3://BUCKET").run();
    assert_eq!((run.code, run.lines().len()), (Some(0), 2), "{run}");
    run.complains("WARNING: The list is truncated because the settings limit was reached.");
    t.s3cmd("ls -r --limit=4 --exclude=a.txt s3://BUCKET").ok();
    let sum = |line: &str, objects: u64| {
        let run = t.s3cmd(line).ok();
        assert!(run.stdout.contains(&format!(" {objects} objects ")), "{run}");
    };
    sum("du 's3://BUCKET/*.txt'", 3);
    sum("du 's3://BUCKET/d*'", 3);
    sum("du --exclude='*.txt' s3://BUCKET", 3);
    sum("du --exclude='*' --include='*.dat' s3://BUCKET", 1);
    sum("du s3://BUCKET/d", 3);
}

#[test]
fn versions_are_listed_by_wildcards_and_filters() {
    let t = TestEnv::with_bucket();
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    for key in ["a.txt", "a.txt", "b.dat"] {
        t.object(key, "x");
    }
    let lines = |line: &str| t.s3cmd(line).ok().lines().len();
    assert_eq!(lines("ls --all-versions 's3://BUCKET/*.txt'"), 2);
    assert_eq!(lines("ls --all-versions --exclude='*.txt' s3://BUCKET"), 1);
    t.s3cmd("du --all-versions --exclude=b.dat s3://BUCKET").ok().mentions(" 2 objects ");
    t.s3cmd("del -r -f --all-versions s3://BUCKET").ok();
}

#[test]
fn a_version_that_does_not_exist_is_named() {
    let t = TestEnv::with_bucket();
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    t.object("k", "k");
    let wanted = "ERROR: Version 'wrong' of 's3://BUCKET/k' does not exist";
    for line in [
        "get --version-id=wrong s3://BUCKET/k f",
        "cp --version-id=wrong s3://BUCKET/k s3://BUCKET/k2",
        "info --version-id=wrong s3://BUCKET/k",
        "del --version-id=wrong s3://BUCKET/k",
        "md5sum --version-id=wrong s3://BUCKET/k",
        "restore --version-id=wrong s3://BUCKET/k",
        "gettagging --version-id=wrong s3://BUCKET/k",
        "settagging --version-id=wrong s3://BUCKET/k a=b",
        "deltagging --version-id=wrong s3://BUCKET/k",
        "getacl --version-id=wrong s3://BUCKET/k",
        "setacl --version-id=wrong --acl-private s3://BUCKET/k",
        "setobjectlegalhold --version-id=wrong ON s3://BUCKET/k",
        "getobjectlegalhold --version-id=wrong s3://BUCKET/k",
    ] {
        t.s3cmd(line).fails(12).prints("").complains(wanted);
    }
    t.s3cmd("get --version-id=wrong s3://BUCKET-none/k f").fails(12).explains("NoSuchBucket");
    assert_eq!(t.content("k"), b"k");
    t.s3cmd("del -r -f --all-versions s3://BUCKET").ok();
}

#[test]
fn a_revocation_of_nothing_says_so() {
    let mut t = TestEnv::with_bucket();
    t.know_alt_id("ALTID");
    t.object("k", "k");
    let run = t.s3cmd("setacl --acl-revoke=read:ALTID s3://BUCKET/k").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.prints("")
        .complains("WARNING: s3://BUCKET/k: nothing was revoked: there is no grant of READ for ALTID");
    t.s3cmd("setacl --acl-grant=full_control:ALTID s3://BUCKET/k").ok();
    t.s3cmd("setacl --acl-revoke=read:ALTID s3://BUCKET/k").run().explains("ALTID, who has FULL_CONTROL");
    t.s3cmd("setacl --acl-revoke=all:ALTID s3://BUCKET/k").ok().prints("s3://BUCKET/k: ACL updated");
}

#[test]
fn grants_are_changed_past_an_object_that_fails() {
    let t = TestEnv::with_bucket();
    t.object("a", "a");
    t.object("z", "z");
    let run = t.s3cmd("setacl --acl-public s3://BUCKET/a s3://BUCKET/missing s3://BUCKET/z").fails(2);
    run.mentions("s3://BUCKET/a: ACL set to Public")
        .mentions("s3://BUCKET/z: ACL set to Public")
        .explains("s3://BUCKET/missing");
}

#[test]
fn days_are_not_asked_for_where_a_restored_object_stays() {
    let server = Hostile::start();
    server.object("b/tiered", "x").object("b/archived", "x");
    let t = server.world();
    server.lie(
        Lie::answer(Op::Head, |_, answer| answer.with("x-amz-storage-class", "INTELLIGENT_TIERING"))
            .of("tiered"),
    );
    server
        .lie(Lie::answer(Op::Head, |_, answer| answer.with("x-amz-storage-class", "GLACIER")).of("archived"));
    server.lie(Lie::instead(Op::PutDocument("restore"), Answer::empty(202)));
    t.s3cmd("restore --restore-days=3 s3://b/tiered").ok();
    t.s3cmd("restore --restore-days=3 s3://b/archived").ok();
    let bodies: Vec<String> = server
        .calls()
        .iter()
        .filter(|call| call.op == Op::PutDocument("restore"))
        .map(|call| String::from_utf8_lossy(&call.request.body).into_owned())
        .collect();
    assert!(!bodies[0].contains("<Days>") && bodies[0].contains("<Tier>"), "{bodies:?}");
    assert!(bodies[1].contains("<Days>3</Days>"), "{bodies:?}");
}
