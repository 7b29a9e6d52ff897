//! `serve --remote`: a gateway to a part of a store, with keys of its own.

use crate::support::env::TestEnv;
use crate::support::http;
use crate::support::service::Serve;

/// A world whose service is a gateway to a part of `BUCKET` of `behind`; the bucket has the same name there.
fn gateway(behind: &TestEnv, prefix: &str, options: &[&str]) -> (TestEnv, Serve) {
    let bucket = behind.fill("BUCKET");
    let uri = format!("s3://{bucket}{prefix}");
    let arguments = [&["--remote", &uri], options].concat();
    let serve = Serve::gateway(&behind.home(""), &arguments);
    let mut t = TestEnv::on(&serve.service);
    t.normaliser.name(&bucket, "BUCKET");
    (t, serve)
}

#[test]
fn the_commands_on_objects_work_through_a_gateway() {
    let t = TestEnv::with_bucket();
    t.object("secret", "SECRET");
    t.object("teams/secret", "SECRET");
    let (f, _serve) = gateway(&t, "/team", &[]);
    f.tree();
    f.s3cmd("sync tree/ s3://BUCKET/tree/").ok();
    assert_eq!(f.keys(), ["tree/a.txt", "tree/päivä.txt", "tree/sub/b.txt", "tree/sub/c d.txt"]);
    let behind = t.keys();
    assert_eq!(behind.iter().filter(|key| key.starts_with("team/tree/")).count(), 4, "{behind:?}");
    assert_eq!(behind.len(), 6);
    assert_eq!(f.s3cmd("sync tree/ s3://BUCKET/tree/").ok().stdout, "");
    f.dir("back");
    f.s3cmd("sync s3://BUCKET/tree/ back/").ok();
    assert_eq!(f.files("back"), f.files("tree"));
    assert_eq!(f.text("back/sub/c d.txt"), "c d\n");

    f.file("big", (0..6_500_000_u32).map(|n| (n >> 9) as u8).collect::<Vec<u8>>());
    f.s3cmd("put --multipart-chunk-size-mb=5 --add-header=x-amz-meta-colour:red big s3://BUCKET/big").ok();
    f.s3cmd("get --no-progress s3://BUCKET/big again").ok();
    assert!(f.read("big") == f.read("again"));
    assert!(f.s3cmd("info s3://BUCKET/big").ok().stdout.contains("x-amz-meta-colour: red"));
    assert!(f.s3cmd("ls s3://BUCKET/").ok().stdout.contains("DIR  s3://BUCKET/tree/"));
    f.s3cmd("cp s3://BUCKET/big s3://BUCKET/copy").ok();
    f.s3cmd("modify --add-header=x-amz-meta-colour:blue s3://BUCKET/copy").ok();
    f.s3cmd("mv s3://BUCKET/copy s3://BUCKET/moved").ok();
    assert!(f.s3cmd("info s3://BUCKET/moved").ok().stdout.contains("x-amz-meta-colour: blue"));
    f.s3cmd("settagging s3://BUCKET/moved a=b").ok();
    assert!(f.s3cmd("gettagging s3://BUCKET/moved").ok().stdout.contains('b'));
    assert!(f.s3cmd("getacl s3://BUCKET/moved").ok().stdout.contains("FULL_CONTROL"));
    f.s3cmd("setacl --acl-private s3://BUCKET/moved").ok();
    assert!(f.s3cmd("info s3://BUCKET").ok().stdout.contains("BUCKET"));
    assert_eq!(f.s3cmd("ls").ok().lines().len(), 1);
    let link = f.s3cmd("signurl s3://BUCKET/tree/a.txt +600").ok().raw;
    let link = String::from_utf8(link).expect("a link").trim().to_owned();
    let answer = http::get(&link);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"a\n"[..]));
    assert_eq!(http::get(&link.replace("/tree/a.txt", "/secret")).status, 403);

    f.s3cmd("del --recursive --force s3://BUCKET").ok();
    assert!(f.keys().is_empty());
    assert_eq!(t.keys(), ["secret", "teams/secret"]);
    assert_eq!(t.content("secret"), b"SECRET");
}

#[test]
fn keys_outside_the_prefix_and_the_bucket_itself_are_out_of_reach() {
    let mut t = TestEnv::with_bucket();
    t.object("secret", "SECRET");
    t.object("team/inside", "inside");
    let other = t.reserve("BUCKET2");
    t.s3cmd("mb s3://BUCKET2").ok();
    let (mut f, _serve) = gateway(&t, "/team/", &[]);
    f.normaliser.name(&other, "BUCKET2");
    f.file("file", "EVIL");
    f.file(
        "policy",
        r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"}}"#,
    );
    for (line, code) in [
        ("get s3://BUCKET/secret got", 64),
        ("get s3://BUCKET/../secret got", 77),
        ("put file s3://BUCKET/../secret", 77),
        ("del s3://BUCKET/../secret", 77),
        ("cp s3://BUCKET/../secret s3://BUCKET/got", 1),
        ("cp s3://BUCKET/secret s3://BUCKET/got", 12),
        ("cp s3://BUCKET/inside s3://BUCKET/a/../../got", 1),
        ("ls s3://BUCKET2", 12),
        ("put file s3://BUCKET2/file", 12),
        ("cp s3://BUCKET/inside s3://BUCKET2/got", 1),
        ("rb s3://BUCKET", 77),
        ("mb s3://BUCKET3", 77),
        ("setpolicy policy s3://BUCKET", 77),
        ("setversioning s3://BUCKET enable", 77),
        ("setacl --acl-public s3://BUCKET/inside", 77),
        ("put --acl-public file s3://BUCKET/file", 77),
    ] {
        f.s3cmd(line).fails(code);
    }
    assert_eq!(f.keys(), ["inside"]);
    assert_eq!(t.keys(), ["secret", "team/inside"]);
    assert_eq!(t.content("secret"), b"SECRET");
    assert!(t.keys_of("BUCKET2").is_empty());
}

#[test]
fn a_gateway_can_be_read_only_or_expire() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    let (f, serve) = gateway(&t, "", &["--read-only"]);
    assert_eq!(f.content("k"), b"content");
    f.file("file", "x");
    f.s3cmd("put file s3://BUCKET/file").fails(77);
    f.s3cmd("del s3://BUCKET/k").fails(77);
    assert_eq!(t.keys(), ["k"]);
    drop(serve);
    let (f, _serve) = gateway(&t, "", &["--auth-expires", "2020-01-31"]);
    let run = f.s3cmd("ls s3://BUCKET").fails(77);
    assert!(run.stderr.contains("InvalidAccessKeyId"), "{run}");
}

#[test]
fn a_gateway_reports_what_it_does_not_support() {
    let mut t = TestEnv::with_bucket();
    t.reserve("BUCKET2");
    for (line, code) in [
        ("serve", 64),
        ("serve --remote file", 64),
        ("serve --remote s3://", 64),
        ("serve --remote s3://BUCKET directory", 64),
        ("serve --remote s3://BUCKET --auth-expires soon", 64),
        ("serve --remote s3://BUCKET2 --address 127.0.0.1:0", 12),
    ] {
        t.s3cmd(line).fails(code);
    }
    t.s3cmd("serve --remote s3://BUCKET").config("/nonexistent").fails(78);
}
