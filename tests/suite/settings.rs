//! Settings of buckets and of single objects: versioning, ownership, public access, payer, website, access logs, CORS,
//! notifications, expiry, legal hold, retention, restoring.

use crate::env::{TestEnv, notice};
use crate::server::service;

/// Whether the service has what Ceph has not; says that a test is left out if not.
pub(crate) fn has(what: &str) -> bool {
    let has = !service().external;
    if !has {
        notice(&format!("{what}: not on this endpoint, left out"));
    }
    has
}

const CORS: &str = "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";

#[test]
fn a_bucket_shows_what_was_set() {
    let t = TestEnv::with_bucket();
    t.file("cors.xml", CORS);
    // s3cmd speaks of new rules only where the service answers 204.
    t.s3cmd("setcors cors.xml s3://BUCKET").ok().prints("");
    t.s3cmd("payer --requester-pays s3://BUCKET").ok().prints("s3://BUCKET/: Payer updated");
    t.s3cmd("setblockpublicaccess s3://BUCKET blockpublicpolicy,RestrictPublicBuckets")
        .ok()
        .prints("s3://BUCKET/: Block Public Access updated");
    t.s3cmd("info s3://BUCKET")
        .ok()
        .mentions("   Payer:     Requester\n")
        .mentions("   Block Public Access: BlockPublicPolicy,RestrictPublicBuckets\n")
        .mentions(&format!("   CORS:      {CORS}"));
    t.s3cmd("delcors s3://BUCKET").ok().prints("s3://BUCKET/: CORS deleted");
    t.s3cmd("payer s3://BUCKET").ok().prints("s3://BUCKET/: Payer updated");
    t.s3cmd("setblockpublicaccess s3://BUCKET none").ok().prints("s3://BUCKET/: Block Public Access updated");
    t.s3cmd("info s3://BUCKET")
        .ok()
        .mentions("   Payer:     BucketOwner\n")
        .mentions("   Block Public Access: none\n")
        .mentions("   CORS:      none\n");
}

#[test]
fn an_ownership_rule_is_set_and_shown() {
    if !has("ownership") {
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

#[test]
fn a_website_is_made_shown_and_removed() {
    if !has("websites") {
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

#[test]
fn access_logs_are_switched_on_shown_and_switched_off() {
    if !has("access logs") {
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

#[test]
fn notifications_are_set_shown_and_removed() {
    if !has("notifications without a topic") {
        return;
    }
    let t = TestEnv::with_bucket();
    let none = "<?xml version=\"1.0\" ?>\n<NotificationConfiguration/>\n\n";
    t.s3cmd("getnotification s3://BUCKET").ok();
    t.file(
        "n.xml",
        "<NotificationConfiguration><QueueConfiguration><Id>x</Id><Queue>arn:aws:sqs:us-east-1:1:q</Queue>\
         <Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>",
    );
    t.s3cmd("setnotification n.xml s3://BUCKET").ok().prints("s3://BUCKET/: Notification Policy updated");
    t.s3cmd("getnotification s3://BUCKET").ok().mentions("\t\t<Queue>arn:aws:sqs:us-east-1:1:q</Queue>\n");
    let run = t.s3cmd("delnotification -n s3://BUCKET").run();
    run.mentions("s3://BUCKET/: Notification Policy deleted")
        .mentions("\n-  QueueConfiguration\n")
        .complains("WARNING: Exiting now because of --dry-run");
    t.s3cmd("getnotification s3://BUCKET").ok().mentions("<Id>x</Id>");
    t.s3cmd("delnotification s3://BUCKET").ok().prints("s3://BUCKET/: Notification Policy deleted");
    t.s3cmd("getnotification s3://BUCKET").ok().prints(none);
}

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

/// Each would change another object's content on services that ignore what they do not know of objects.
#[test]
fn documents_of_buckets_are_refused_with_a_key() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    t.file("f.xml", CORS);
    let lines = [
        "setlifecycle f.xml s3://BUCKET/k",
        "getlifecycle s3://BUCKET/k",
        "dellifecycle s3://BUCKET/k",
        "setpolicy f.xml s3://BUCKET/k",
        "getpolicy s3://BUCKET/k",
        "delpolicy s3://BUCKET/k",
        "setcors f.xml s3://BUCKET/k",
        "delcors s3://BUCKET/k",
        "setnotification f.xml s3://BUCKET/k",
        "getnotification s3://BUCKET/k",
        "delnotification s3://BUCKET/k",
        "payer s3://BUCKET/k",
        "expire --expiry-days=1 s3://BUCKET/k",
        "ws-create s3://BUCKET/k",
        "ws-info s3://BUCKET/k",
        "ws-delete s3://BUCKET/k",
    ];
    let wanted =
        "ERROR: Parameter problem: Expecting S3 URI with just the bucket name set instead of 's3://BUCKET/k'";
    for line in lines {
        t.s3cmd(line).fails(64).prints("").complains(wanted);
    }
    let others = ["setversioning s3://BUCKET/k enable", "setownership s3://BUCKET/k ObjectWriter"];
    for line in others.into_iter().chain(["setblockpublicaccess s3://BUCKET/k ''", "accesslog s3://BUCKET/k"])
    {
        let command = line.split(' ').next().unwrap_or_default();
        t.s3cmd(line).fails(64).prints("").complains(&format!(
            "ERROR: Parameter problem: Only bucket name is required for [{command}] command"
        ));
    }
    for line in [
        "setobjectlegalhold ON s3://BUCKET",
        "setobjectretention GOVERNANCE 2030-01-01T00:00:00Z s3://BUCKET",
    ] {
        t.s3cmd(line)
            .fails(64)
            .complains("ERROR: Parameter problem: Expecting S3 URI with a filename: s3://BUCKET/");
    }
    assert_eq!(t.content("k"), b"content");
}

#[test]
fn a_dry_run_changes_no_setting() {
    let t = TestEnv::with_bucket();
    t.file("f.xml", CORS);
    let before = t.s3cmd("info s3://BUCKET").ok().stdout;
    for line in
        ["setcors -n f.xml s3://BUCKET", "payer -n --requester-pays s3://BUCKET", "delcors -n s3://BUCKET"]
    {
        let run = t.s3cmd(line).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.complains("WARNING: Exiting now because of --dry-run");
    }
    for line in [
        "setversioning -n s3://BUCKET enable",
        "setownership -n s3://BUCKET ObjectWriter",
        "setblockpublicaccess -n s3://BUCKET BlockPublicPolicy",
        "expire -n --expiry-days=1 s3://BUCKET",
        "ws-create -n s3://BUCKET",
    ] {
        let run = t.s3cmd(line).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.complains("WARNING: Exiting now because of --dry-run");
    }
    assert_eq!(t.s3cmd("info s3://BUCKET").ok().stdout, before);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let t = TestEnv::with_bucket();
    for (line, problem) in [
        ("setversioning s3://BUCKET on", "Must be 'enable' or 'disable'. Got: on"),
        (
            "setblockpublicaccess s3://BUCKET BlockPublicAcls,all",
            "Must be blockpublicacls or ignorepublicacls or blockpublicpolicy or restrictpublicbuckets. Got: all",
        ),
        ("setobjectlegalhold on s3://BUCKET/k", "Incorrect status"),
        ("setobjectretention governance 2030-01-01T00:00:00Z s3://BUCKET/k", "Incorrect mode"),
        (
            "setobjectretention GOVERNANCE 2030-01-01 s3://BUCKET/k",
            "Incorrect data format, should be YYYY-MM-DDTHH:MM:SSZ",
        ),
        ("restore -D 0 s3://BUCKET/k", "You must restore a file for 1 or more days"),
        ("restore s3://BUCKET", "Expecting S3 URI with a filename or --recursive: s3://BUCKET/"),
        ("setcors f.xml hello.txt", "Expecting S3 URI with just the bucket name set instead of 'hello.txt'"),
    ] {
        t.file("f.xml", CORS);
        t.s3cmd(line).fails(64).prints("").complains(&format!("ERROR: Parameter problem: {problem}"));
    }
    t.s3cmd("setcors no-such.xml s3://BUCKET").fails(74).in_one_line().explains("no-such.xml");
}

#[test]
fn a_restore_is_planned_in_order() {
    let t = TestEnv::with_bucket();
    for key in ["d/b", "d/a", "top"] {
        t.object(key, "x");
    }
    let run = t.s3cmd("restore -r -n --exclude=top s3://BUCKET").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.prints("exclude: top\nrestore: 's3://BUCKET/d/a'\nrestore: 's3://BUCKET/d/b'\n")
        .complains("WARNING: Exiting now because of --dry-run");
    t.s3cmd("restore -r s3://BUCKET/none/").ok().prints("");
}

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

#[test]
fn an_object_is_protected_where_its_bucket_allows_it() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.s3cmd("setobjectlegalhold ON s3://BUCKET/k").fails(11).explains("400 (InvalidRequest)");
    if !has("cleaning up after retention") {
        return;
    }
    let mut t = TestEnv::new();
    t.reserve("BUCKET");
    t.s3cmd("mb --add-header=x-amz-bucket-object-lock-enabled:true s3://BUCKET").ok();
    t.object("k", "k");
    // s3cmd speaks of them only where the service answers 204, and takes the second for failed.
    t.s3cmd("setobjectlegalhold ON s3://BUCKET/k").ok().prints("");
    t.s3cmd("setobjectretention COMPLIANCE 2100-01-31T00:00:00Z s3://BUCKET/k").ok().prints("");
    t.s3cmd("setobjectretention COMPLIANCE 2100-01-01T00:00:00Z s3://BUCKET/k").fails(77);
    t.s3cmd("setobjectretention COMPLIANCE 2100-02-01T00:00:00Z s3://BUCKET/k").ok();
    t.s3cmd("setobjectlegalhold OFF s3://BUCKET/k").ok();
    t.s3cmd("setobjectlegalhold ON s3://BUCKET/none").fails(12);
}

#[test]
fn archived_objects_are_restored_and_others_are_no_failure() {
    if !has("archived objects") {
        return;
    }
    let t = TestEnv::with_bucket();
    t.file("f", "content");
    t.s3cmd("put --storage-class=GLACIER f s3://BUCKET/d/old").ok();
    t.s3cmd("put f s3://BUCKET/d/new").ok();
    t.s3cmd("get s3://BUCKET/d/old -").fails(77);
    t.s3cmd("restore s3://BUCKET/d/new").fails(77).prints("").explains("403 (InvalidObjectState)");
    let run = t.s3cmd("restore -r -D 2 --restore-priority=expedited s3://BUCKET/d/").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.prints("restore: 's3://BUCKET/d/old'").explains("WARNING: Not archived: 's3://BUCKET/d/new' (");
    assert_eq!(t.content("d/old"), b"content");
    t.s3cmd("restore s3://BUCKET/d/old s3://BUCKET/none")
        .fails(2)
        .prints("restore: 's3://BUCKET/d/old'")
        .explains("ERROR: Restore of 's3://BUCKET/none' failed (Reason: 404 (NoSuchKey)");
    t.s3cmd("restore s3://BUCKET/none").fails(12).prints("");
}
