//! Configuration documents of buckets: validated before they are sent, compared in meaning with what the service
//! returns, shown by dry runs, and set for several buckets.

use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op};
use crate::support::skip::on_serve;

const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

const EXPIRES: &str = "<Expiration><Days>3</Days></Expiration>";

const CORS: &str = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";

fn lifecycle(filter: &str, actions: &str) -> String {
    format!(
        "<LifecycleConfiguration {NAMESPACE}><Rule><ID>r</ID><Filter>{filter}</Filter><Status>Enabled</Status>{actions}</Rule></LifecycleConfiguration>"
    )
}

fn policy(effect: &str, bucket: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{{effect}"Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/*"}}]}}"#
    )
}

#[test]
fn a_document_of_another_kind_changes_nothing() {
    let t = TestEnv::with_bucket();
    t.file("rules.xml", lifecycle("<Prefix>log/</Prefix>", EXPIRES));
    t.file("cors.xml", CORS);
    t.file("typo.xml", lifecycle("<Prefx>log/</Prefx>", EXPIRES));
    t.file("nothing.xml", "");
    t.s3cmd("setlifecycle rules.xml s3://BUCKET").ok();
    for file in ["cors.xml", "typo.xml", "nothing.xml"] {
        let run = t.s3cmd(&format!("setlifecycle {file} s3://BUCKET")).fails(11).prints("").in_one_line();
        run.explains("(MalformedXML)");
    }
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("<Prefix>log/</Prefix>");
    t.s3cmd("setcors rules.xml s3://BUCKET").fails(11).in_one_line();
    t.s3cmd("setnotification cors.xml s3://BUCKET").fails(11).in_one_line();
    let server = Hostile::start();
    server.bucket("b");
    let mut h = server.world();
    h.normaliser.keep_messages = true;
    h.file("cors.xml", CORS);
    h.s3cmd("setlifecycle cors.xml s3://b")
        .fails(11)
        .explains("it is a 'CORSConfiguration', not a 'LifecycleConfiguration'");
    assert_eq!(server.count(Op::PutDocument("lifecycle")), 0);
}

#[test]
fn an_invalid_policy_does_not_replace_a_valid_one() {
    let t = TestEnv::with_bucket();
    t.file("deny.json", t.fill(&policy("\"Effect\": \"Deny\", ", "BUCKET")));
    t.file("empty.json", "{}");
    t.file("effectless.json", t.fill(&policy("", "BUCKET")));
    t.file("other.json", policy("\"Effect\": \"Allow\", ", "another-bucket"));
    t.s3cmd("setpolicy deny.json s3://BUCKET").ok();
    for file in ["empty.json", "effectless.json", "other.json"] {
        let run = t.s3cmd(&format!("setpolicy {file} s3://BUCKET")).fails(11).prints("").in_one_line();
        run.explains("(InvalidArgument)");
    }
    t.s3cmd("getpolicy s3://BUCKET").ok().mentions("\"Deny\"");
}

#[test]
fn a_rule_that_the_store_weakens_is_reported() {
    let server = Hostile::start();
    server.bucket("b");
    let t = server.world();
    let weak = lifecycle("", EXPIRES);
    let body = weak.split_once('>').map(|(_, rest)| rest.trim_end_matches("</LifecycleConfiguration>"));
    let answer = Answer::xml("LifecycleConfiguration", body.unwrap_or_default());
    server.lie(Lie::instead(Op::GetDocument("lifecycle"), answer));
    t.file("size.xml", lifecycle("<ObjectSizeGreaterThan>1000</ObjectSizeGreaterThan>", EXPIRES));
    let run = t.s3cmd("setlifecycle size.xml s3://b").fails(2);
    run.prints("s3://b/: Lifecycle Policy updated")
        .complains("WARNING: s3://b/: the rule 'r' differs: it is stored without ObjectSizeGreaterThan 1000");
    t.s3cmd("expire --expiry-days=5 s3://b").fails(2).explains("with Expiration Days 3");
    t.configure("check_documents = False");
    t.s3cmd("setlifecycle size.xml s3://b").ok();
}

#[test]
fn a_document_that_cannot_be_read_back_is_no_failure() {
    let server = Hostile::start();
    server.bucket("b");
    let t = server.world();
    server.lie(Lie::instead(Op::GetDocument("cors"), Answer::error(403, "AccessDenied")));
    t.file("cors.xml", CORS);
    t.s3cmd("setcors cors.xml s3://b").ok();
    t.s3cmd("-v setcors cors.xml s3://b")
        .run()
        .explains("INFO: s3://b/: the CORS configuration was not read back");
}

#[test]
fn the_same_document_in_another_form_is_no_difference() {
    let t = TestEnv::with_bucket();
    let and = "<And><Prefix>a/</Prefix><Tag><Key>x</Key><Value>1</Value></Tag><Tag><Key>y</Key><Value>2</Value></Tag></And>";
    let noncurrent =
        "<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays></NoncurrentVersionExpiration>";
    let dated = "<Expiration><Date>2040-01-01</Date></Expiration>";
    for (filter, actions) in [
        (and, EXPIRES),
        ("", EXPIRES),
        ("<Prefix></Prefix>", dated),
        ("<Tag><Key>x</Key><Value>1</Value></Tag>", EXPIRES),
        ("<Prefix>a b&amp;c</Prefix>", noncurrent),
    ] {
        t.file("rules.xml", lifecycle(filter, actions));
        t.s3cmd("setlifecycle rules.xml s3://BUCKET").ok();
    }
    t.file(
        "two.xml",
        format!("<LifecycleConfiguration><Rule><Prefix>b</Prefix><Status>Enabled</Status>{EXPIRES}</Rule><Rule><Prefix>a</Prefix><Status>Disabled</Status>{EXPIRES}</Rule></LifecycleConfiguration>"),
    );
    t.s3cmd("setlifecycle two.xml s3://BUCKET").ok();
    t.file(
        "cors.xml",
        CORS.replace("<AllowedMethod>GET", "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET"),
    );
    t.s3cmd("setcors cors.xml s3://BUCKET").ok();
    t.s3cmd("settagging s3://BUCKET 'z=1&a=2'").ok();
}

#[test]
fn what_a_get_command_prints_is_accepted_by_the_set_command() {
    let t = TestEnv::with_bucket();
    let and = "<And><Prefix>a/</Prefix><Tag><Key>x</Key><Value>1</Value></Tag><Tag><Key>y</Key><Value>2</Value></Tag></And>";
    t.file("rules.xml", lifecycle(and, EXPIRES));
    t.file("cors.xml", CORS);
    t.file("policy.json", t.fill(&policy("\"Effect\": \"Allow\", ", "BUCKET")));
    for (set, get, file) in [
        ("setlifecycle", "getlifecycle", "rules.xml"),
        ("setcors", "getcors", "cors.xml"),
        ("setpolicy", "getpolicy", "policy.json"),
    ] {
        t.s3cmd(&format!("{set} {file} s3://BUCKET")).ok();
        let printed = t.s3cmd(&format!("{get} s3://BUCKET")).ok();
        t.file("printed", &printed.raw);
        t.s3cmd(&format!("{set} printed s3://BUCKET")).ok();
        assert_eq!(t.s3cmd(&format!("{get} s3://BUCKET")).ok().raw, printed.raw, "{get}");
    }
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("<And>\n\t\t\t\t<Prefix>a/</Prefix>");
    t.s3cmd("settagging s3://BUCKET 'a=1&b=x y'").ok();
    let printed = t.s3cmd("gettagging s3://BUCKET").ok();
    let text = String::from_utf8(printed.raw).expect("text");
    t.s3cmd("settagging s3://BUCKET").arg(text.trim_end()).ok();
    t.s3cmd("gettagging s3://BUCKET").ok().mentions("\ta:\t1\n").mentions("\tb:\tx y\n");
}

#[test]
fn every_named_bucket_gets_the_document() {
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t.reserve("MISSING");
    t.file("rules.xml", lifecycle("<Prefix>log/</Prefix>", EXPIRES));
    t.file("cors.xml", CORS);
    t.file("policy.json", policy("\"Effect\": \"Allow\", ", "*"));
    t.s3cmd("setlifecycle rules.xml s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |s3://BUCKET/: Lifecycle Policy updated
        |s3://BUCKET2/: Lifecycle Policy updated
        ",
    );
    let run = t.s3cmd("setlifecycle rules.xml s3://BUCKET s3://MISSING s3://BUCKET2").fails(2);
    run.prints(
        "
        |s3://BUCKET/: Lifecycle Policy updated
        |s3://BUCKET2/: Lifecycle Policy updated
        ",
    )
    .complains("ERROR: s3://MISSING/: S3 error: 404 (NoSuchBucket)");
    for line in [
        "setcors cors.xml",
        "setpolicy policy.json",
        "getlifecycle",
        "getcors",
        "getpolicy",
        "payer",
        "getversioning",
        "getblockpublicaccess",
        "getacl",
        "info",
        "dellifecycle",
        "delcors",
        "delpolicy",
    ] {
        let run = t.s3cmd(&format!("{line} s3://BUCKET s3://BUCKET2")).ok();
        let run = run.mentions("s3://BUCKET/").mentions("s3://BUCKET2/");
        drop(run);
        let run = t.s3cmd(&format!("{line} s3://BUCKET s3://MISSING s3://BUCKET2")).fails(2);
        run.mentions("s3://BUCKET/").mentions("s3://BUCKET2/").explains("MISSING");
    }
    for (command, value) in
        [("settagging", "a=b"), ("setversioning", "enable"), ("setblockpublicaccess", "BlockPublicPolicy")]
    {
        let run = t.s3cmd(&format!("{command} s3://BUCKET s3://BUCKET2 {value}")).ok();
        assert_eq!(run.lines().len(), 2, "{run}");
    }
    for bucket in ["BUCKET", "BUCKET2"] {
        t.s3cmd(&format!("gettagging s3://{bucket}")).ok().mentions("\ta:\tb");
        t.s3cmd(&format!("getversioning s3://{bucket}")).ok().prints(&format!("s3://{bucket}/: Enabled"));
    }
    t.s3cmd("deltagging s3://BUCKET s3://BUCKET2").ok();
    // An invalid argument stops the run before the first request.
    t.s3cmd("setlifecycle rules.xml s3://BUCKET s3://BUCKET2/key").fails(64).prints("");
}

#[test]
fn access_logs_and_websites_are_set_for_every_bucket() {
    if !on_serve("access logs and websites") {
        return;
    }
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t.s3cmd("accesslog --access-logging-target-prefix=s3://BUCKET2/log/ s3://BUCKET s3://BUCKET2").ok();
    t.s3cmd("accesslog s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |Access logging for: s3://BUCKET/
        |   Logging Enabled: True
        |     Target prefix: s3://BUCKET2/log/
        |Access logging for: s3://BUCKET2/
        |   Logging Enabled: True
        |     Target prefix: s3://BUCKET2/log/
        ",
    );
    t.s3cmd("setownership s3://BUCKET s3://BUCKET2 ObjectWriter").ok();
    t.s3cmd("getownership s3://BUCKET s3://BUCKET2")
        .ok()
        .prints("s3://BUCKET/: ObjectWriter\ns3://BUCKET2/: ObjectWriter\n");
}

#[test]
fn a_dry_run_shows_what_would_change() {
    let t = TestEnv::with_bucket();
    t.file("rules.xml", lifecycle("<Prefix>log/</Prefix>", EXPIRES));
    t.file("more.xml", lifecycle("<Prefix>log/</Prefix>", "<Expiration><Days>5</Days></Expiration>"));
    let dry = |line: &str| {
        let run = t.s3cmd(line).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.complains("WARNING: Exiting now because of --dry-run")
    };
    dry("setlifecycle -n rules.xml s3://BUCKET").prints(
        "
        |s3://BUCKET/: lifecycle configuration would change:
        |+rule 'r'
        |+  Expiration Days 3
        |+  Prefix 'log/'
        |+  Status Enabled
        ",
    );
    t.s3cmd("setlifecycle rules.xml s3://BUCKET").ok();
    dry("setlifecycle -n more.xml s3://BUCKET").prints(
        "
        |s3://BUCKET/: lifecycle configuration would change:
        | rule 'r'
        |-  Expiration Days 3
        |+  Expiration Days 5
        |   Prefix 'log/'
        |   Status Enabled
        ",
    );
    dry("setlifecycle -n rules.xml s3://BUCKET")
        .prints("s3://BUCKET/: lifecycle configuration would stay as it is");
    dry("dellifecycle -n s3://BUCKET").mentions("\n-  Expiration Days 3\n");
    dry("expire -n --expiry-days=9 s3://BUCKET").mentions("\n+  Expiration Days 9\n");
    dry("settagging -n s3://BUCKET a=b").mentions("\n+  'a'='b'\n");
    dry("setversioning -n s3://BUCKET enable").mentions("\n+  Status Enabled\n");
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("<Days>3</Days>");
    t.s3cmd("getversioning s3://BUCKET").ok().prints("s3://BUCKET/: none");
    t.file("broken.xml", CORS);
    t.s3cmd("setlifecycle -n broken.xml s3://BUCKET").run().explains("(MalformedXML)");
}
