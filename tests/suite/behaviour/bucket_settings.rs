//! What all commands for settings of buckets and objects share: `info` shows them, dry runs change none, invalid values
//! and keys are refused.

use crate::support::env::TestEnv;

const CORS: &str = "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";

#[test]
fn info_shows_the_settings_of_a_bucket() {
    let t = TestEnv::with_bucket();
    t.file("cors.xml", CORS);
    // s3cmd prints a line for new rules only if the service answers 204.
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

/// Each would change the content of another object on services that ignore sub-resources they do not know.
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
fn invalid_values_are_refused_before_any_request() {
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
