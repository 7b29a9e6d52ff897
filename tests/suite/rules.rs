//! Rules that the service applies: lifecycle, policy, tags.

use crate::env::{TestEnv, notice};
use crate::server::{InProcess, service};
use std::time::{Duration, Instant};

const LIFECYCLE: &str = r#"<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>old</ID><Prefix>log/</Prefix><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>"#;

#[test]
fn a_lifecycle_is_set_shown_and_removed() {
    let t = TestEnv::with_bucket();
    t.file("lifecycle.xml", LIFECYCLE);
    t.s3cmd("setlifecycle lifecycle.xml s3://BUCKET").ok().prints("s3://BUCKET/: Lifecycle Policy updated");
    t.s3cmd("getlifecycle s3://BUCKET").ok().prints(
        "
        |<?xml version=\"1.0\" ?>
        |<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">
        |	<Rule>
        |		<ID>old</ID>
        |		<Prefix>log/</Prefix>
        |		<Status>Enabled</Status>
        |		<Expiration>
        |			<Days>3</Days>
        |		</Expiration>
        |	</Rule>
        |</LifecycleConfiguration>
        |
        ",
    );
    t.s3cmd("info s3://BUCKET").ok().mentions(
        "   Expiration Rule: objects with key prefix 'log/' will expire in '3' day(s) after creation\n",
    );
    for _ in 0..2 {
        t.s3cmd("dellifecycle s3://BUCKET").ok().prints("s3://BUCKET/: Lifecycle Policy deleted");
    }
    t.s3cmd("getlifecycle s3://BUCKET")
        .fails(12)
        .prints("")
        .complains("ERROR: S3 error: 404 (NoSuchLifecycleConfiguration)");
}

#[test]
fn broken_lifecycle_documents_change_nothing() {
    let t = TestEnv::with_bucket();
    t.file("lifecycle.xml", LIFECYCLE);
    t.file("broken.xml", &LIFECYCLE[..140]);
    t.s3cmd("setlifecycle lifecycle.xml s3://BUCKET").ok();
    t.s3cmd("setlifecycle broken.xml s3://BUCKET")
        .fails(11)
        .prints("")
        .complains("ERROR: S3 error: 400 (MalformedXML)");
    t.s3cmd("setlifecycle no-such.xml s3://BUCKET")
        .fails(74)
        .prints("")
        .in_one_line()
        .explains("no-such.xml");
    t.s3cmd("setlifecycle lifecycle.xml").fails(64);
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("<ID>old</ID>");
}

#[test]
fn a_tagged_object_expires_and_its_untagged_neighbour_stays() {
    let own;
    let (service, t) = match service() {
        service if service.external && service.day.is_none() => {
            notice(
                "a lifecycle day lasts too long on this endpoint (RGW_LC_SECONDS is not set): expiry is left out",
            );
            return;
        }
        service if service.external => (service, TestEnv::with_bucket()),
        _ => {
            own = InProcess::start(Duration::from_secs(2));
            let mut t = TestEnv::on(&own.service);
            t.new_bucket("BUCKET");
            (&own.service, t)
        }
    };
    let day = service.day.expect("a short day");
    t.file(
        "expire.xml",
        "<LifecycleConfiguration><Rule><ID>tagged</ID><Filter><Tag><Key>days</Key><Value>1</Value></Tag></Filter>\
         <Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
    );
    t.file("f.txt", "x");
    t.file("g.txt", "x");
    t.s3cmd("setlifecycle expire.xml s3://BUCKET").ok();
    t.s3cmd("--add-header=x-amz-tagging:days=1 put f.txt s3://BUCKET/p/").ok();
    t.s3cmd("put g.txt s3://BUCKET/p/").ok();
    t.s3cmd("gettagging s3://BUCKET/p/f.txt").ok().prints("s3://BUCKET/p/f.txt (object):\n\tdays:\t1");
    assert_eq!(t.keys(), ["p/f.txt", "p/g.txt"]);
    let started = Instant::now();
    while t.keys() != ["p/g.txt"] {
        assert!(started.elapsed() < day * 20 + Duration::from_secs(60), "still there: {:?}", t.keys());
        std::thread::sleep(day / 4);
    }
    std::thread::sleep(day * 2);
    assert_eq!(t.keys(), ["p/g.txt"]);
}

/// A policy that answers the second user's or a source address's requests with `effect`.
fn policy(effect: &str, principal: &str, actions: &str, condition: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "{effect}", "Principal": {principal}, "Action": [{actions}],
            "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"]{condition}}}]}}"#
    )
}

#[test]
fn a_policy_lets_the_second_user_in_until_it_is_deleted() {
    let mut t = TestEnv::with_bucket();
    t.know_alt_id("ALTID");
    t.object("dir/a", "a");
    let text =
        policy("Allow", r#"{"AWS": ["arn:aws:iam:::user/ALTID"]}"#, r#""s3:GetObject", "s3:ListBucket""#, "");
    t.file("policy.json", t.normaliser.fill(&text));
    t.alt("ls s3://BUCKET/dir/").fails(77);
    t.s3cmd("setpolicy policy.json s3://BUCKET").ok().prints("s3://BUCKET/: Policy updated");
    t.alt("ls s3://BUCKET/dir/").ok().prints("YYYY-MM-DD hh:mm            1  s3://BUCKET/dir/a");
    assert_eq!(t.alt("get s3://BUCKET/dir/a -").ok().raw, b"a");
    t.alt("del s3://BUCKET/dir/a").fails(77);
    t.s3cmd("getpolicy s3://BUCKET").ok().mentions("s3:GetObject");
    t.s3cmd("info s3://BUCKET").ok().mentions("   Policy:    {");
    t.s3cmd("delpolicy s3://BUCKET").ok().prints("s3://BUCKET/: Policy deleted");
    t.alt("ls s3://BUCKET/dir/").fails(77);
    t.s3cmd("getpolicy s3://BUCKET").ok().prints("   Policy:    none");
}

#[test]
fn a_deny_by_source_address_takes_effect_and_is_lifted() {
    let t = TestEnv::with_bucket();
    t.object("a", "a");
    let deny = |address: &str| {
        let condition = format!(r#", "Condition": {{"IpAddress": {{"aws:SourceIp": ["{address}"]}}}}"#);
        t.normaliser.fill(&policy("Deny", r#""*""#, r#""s3:GetObject", "s3:PutObject""#, &condition))
    };
    t.file("elsewhere.json", deny("192.0.2.0/24"));
    t.file("here.json", deny("127.0.0.0/8"));
    t.s3cmd("setpolicy elsewhere.json s3://BUCKET").ok();
    assert_eq!(t.content("a"), b"a");
    t.s3cmd("setpolicy here.json s3://BUCKET").ok();
    t.s3cmd("get s3://BUCKET/a -").fails(77).prints("");
    t.s3cmd("put here.json s3://BUCKET").fails(77).prints("");
    t.s3cmd("delpolicy s3://BUCKET").ok().prints("s3://BUCKET/: Policy deleted");
    assert_eq!(t.content("a"), b"a");
}

#[test]
fn broken_policies_are_one_error() {
    let mut t = TestEnv::with_bucket();
    t.reserve("BUCKET2");
    t.file("broken.json", "{\"Version\": \"2012-10-17\", \"Statement\": [");
    t.file("policy.json", policy("Allow", r#""*""#, r#""s3:GetObject""#, "").replace("BUCKET", "x"));
    let run = t.s3cmd("setpolicy broken.json s3://BUCKET").fails(11).prints("").in_one_line();
    run.explains("ERROR: S3 error: 400 (");
    t.s3cmd("setpolicy policy.json s3://BUCKET2").fails(12).complains("ERROR: S3 error: 404 (NoSuchBucket)");
    t.s3cmd("setpolicy no-such.json s3://BUCKET").fails(74).in_one_line().explains("no-such.json");
}

#[test]
fn tags_of_objects_and_buckets_are_set_shown_and_removed() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.s3cmd("settagging s3://BUCKET 'project=lab&days=1'").ok().prints("s3://BUCKET/: Tagging updated");
    // Services differ in the order.
    let run = t.s3cmd("gettagging s3://BUCKET").ok().mentions("s3://BUCKET/ (bucket):\n\t");
    assert_eq!(run.lines().len(), 3, "{run}");
    run.mentions("\tdays:\t1\n").mentions("\tproject:\tlab\n");
    t.s3cmd("settagging s3://BUCKET/k days=1").ok().prints("s3://BUCKET/k: Tagging updated");
    t.s3cmd("gettagging s3://BUCKET/k").ok().prints("s3://BUCKET/k (object):\n\tdays:\t1");
    t.s3cmd("deltagging s3://BUCKET/k").ok().prints("s3://BUCKET/k: Tagging deleted");
    t.s3cmd("gettagging s3://BUCKET/k").ok().prints("s3://BUCKET/k (object):");
    t.s3cmd("deltagging s3://BUCKET").ok().prints("s3://BUCKET/: Tagging deleted");
    t.s3cmd("settagging s3://BUCKET/none days=1").fails(12);
}
