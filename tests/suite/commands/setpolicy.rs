//! `setpolicy`, `getpolicy` and `delpolicy`, and what a policy then allows.

use crate::support::env::TestEnv;

/// A policy with this effect for a principal and, if given, a condition.
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
