//! No parameter and no option is dropped in silence: it is acted on, or the line is refused.

use crate::env::TestEnv;
use crate::hostile::{Answer, Hostile, Lie, Op};
use s3cmd::cli::command_table::COMMANDS;

/// For each command a line with as many parameters as it takes, and one more. Those that take any number do all of them.
#[test]
fn a_parameter_too_many_is_refused_or_done() {
    let t = TestEnv::new();
    for command in COMMANDS {
        let Some(most) = command.max_args else { continue };
        let name = command.name();
        let mut line = t.s3cmd(name);
        for place in 0..=most {
            line = line.arg(format!("s3://bucket/{place}"));
        }
        let surplus = format!("Too many parameters for command '{name}': 's3://bucket/{most}'");
        line.fails(64).prints("").complains(&format!("ERROR: {surplus}"));
    }
    t.file("list", "");
    t.s3cmd("md5sum --check list s3://bucket/k").fails(64).explains("--check takes no parameters");
    t.s3cmd("check --embedded s3://bucket").fails(64).explains("--embedded takes no parameters");
}

/// What takes any number says so in its usage.
#[test]
fn the_usage_says_whether_there_may_be_more() {
    for command in COMMANDS {
        let name = command.name();
        let many = command.usage.contains("...");
        assert_eq!(many, command.max_args.is_none(), "{name} {}", command.usage);
        if let Some(most) = command.max_args {
            assert_eq!(command.usage.split_whitespace().count(), most, "{name} {}", command.usage);
        }
    }
}

#[test]
fn listings_links_and_sums_are_made_for_every_argument() {
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t.object("a/1", "1");
    t.object("b/22", "22");
    t.s3cmd("ls s3://BUCKET/a/ s3://BUCKET/b/ s3://BUCKET2").ok().prints(
        "
        |YYYY-MM-DD hh:mm            1  s3://BUCKET/a/1
        |YYYY-MM-DD hh:mm            2  s3://BUCKET/b/22
        ",
    );
    t.s3cmd("du s3://BUCKET/a s3://BUCKET/b s3://BUCKET2").ok().prints(
        "
        |           1       1 objects s3://BUCKET/a
        |           2       1 objects s3://BUCKET/b
        |           0       0 objects s3://BUCKET2/
        ",
    );
    t.s3cmd("ls hello.txt").fails(64).explains("Expecting S3 URI instead of 'hello.txt'");
    let run = t.s3cmd("signurl s3://BUCKET/a/1 s3://BUCKET/b/22 +60").ok();
    assert_eq!(run.lines().len(), 2, "{run}");
    run.mentions("/a/1?").mentions("/b/22?");
    t.s3cmd("gettagging s3://BUCKET/a/1 s3://BUCKET/b/22")
        .ok()
        .prints("s3://BUCKET/a/1 (object):\ns3://BUCKET/b/22 (object):\n");
    t.s3cmd("multipart s3://BUCKET s3://BUCKET2").ok().mentions("s3://BUCKET/\n").mentions("s3://BUCKET2/\n");
    let run = t.s3cmd("ls s3://BUCKET/a/ s3://BUCKET-none s3://BUCKET/b/").fails(2);
    run.mentions("s3://BUCKET/a/1")
        .mentions("s3://BUCKET/b/22")
        .explains("Bucket 'BUCKET-none' does not exist");
}

#[test]
fn multipart_shows_the_upload_of_an_id() {
    let server = Hostile::start();
    server.bucket("b");
    let ids = ["one", "two"].map(|key| server.upload(&format!("b/{key}")));
    let t = server.world();
    t.s3cmd(&format!("multipart s3://b {}", ids[1])).ok().mentions("s3://b/two\t").silent_about("s3://b/one");
}

#[test]
fn options_that_would_have_no_effect_are_refused() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.file("f", "f");
    for line in [
        "put --acl-grant=read:somebody f s3://BUCKET/f",
        "sync --acl-grant=read:somebody f s3://BUCKET/f",
        "put --acl-revoke=read:somebody f s3://BUCKET/f",
        "setacl --add-header=x-amz-acl:public-read s3://BUCKET/k",
        "rb -r --exclude=k s3://BUCKET",
        "rb -r --max-delete=0 s3://BUCKET",
        "fixbucket --exclude=k s3://BUCKET",
        "signurl --include=k s3://BUCKET/k +60",
        "put --content-type=text/html f s3://BUCKET/f",
        "put --expiry-days=3 f s3://BUCKET/f",
        "put --remove-header=x f s3://BUCKET/f",
        "mb --server-side-encryption s3://BUCKET2",
        "check -n s3://BUCKET",
        "get --files-from=f s3://BUCKET/k",
    ] {
        t.s3cmd(line).fails(64).prints("").in_one_line().explains("has no effect on");
    }
    assert_eq!(t.keys(), ["k"]);
}

#[test]
fn values_that_are_empty_are_refused_where_they_would_mean_more() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.file("f", "f");
    t.s3cmd("expire --expiry-days=3 --expiry-prefix=log/ s3://BUCKET").ok();
    for line in [
        "expire --expiry-days= s3://BUCKET",
        "expire --expiry-date= s3://BUCKET",
        "expire --expiry-days=3 --expiry-prefix= s3://BUCKET",
        "accesslog --access-logging-target-prefix= s3://BUCKET",
        "put --storage-class= f s3://BUCKET/f",
        "put --server-side-encryption-kms-id= f s3://BUCKET/f",
        "put --upload-id= f s3://BUCKET/f",
        "put --checksum-algorithm= f s3://BUCKET/f",
        "del -r -f --shard= s3://BUCKET",
        "ws-create --ws-index= s3://BUCKET",
        "setblockpublicaccess s3://BUCKET ''",
        "setblockpublicaccess s3://BUCKET ,",
        "setownership s3://BUCKET ''",
        "setversioning s3://BUCKET ''",
        "settagging s3://BUCKET ''",
        "setobjectlegalhold '' s3://BUCKET/k",
        "setobjectretention '' 2040-01-01T00:00:00Z s3://BUCKET/k",
        "setobjectretention GOVERNANCE '' s3://BUCKET/k",
        "expire --expiry-days=soon s3://BUCKET",
        "expire --expiry-days=0 s3://BUCKET",
    ] {
        t.s3cmd(line).fails(64).prints("").in_one_line();
    }
    t.s3cmd("setacl --acl-grant=read: s3://BUCKET/k").fails(2);
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("log/");
    assert_eq!(t.keys(), ["k"]);
}

#[test]
fn keys_in_a_uri_are_refused_and_not_repeated() {
    let t = TestEnv::with_bucket();
    t.file("f", "f");
    for line in [
        "put f 's3://BUCKET/p?aws-access-key-id=AKIA1&aws-secret-access-key=hunter2'",
        "ls 's3://BUCKET?secret_key=hunter2'",
        "get 's3://AKIA1:hunter2@BUCKET/p' f2",
        "accesslog --access-logging-target-prefix='s3://BUCKET/p?secret-key=hunter2' s3://BUCKET",
        "sync f s3://BUCKET/f --add-destination='s3://BUCKET/p?secret-key=hunter2'",
    ] {
        let run = t.s3cmd(line).fails(64).prints("").in_one_line().explains("configuration file");
        assert!(!run.stderr.contains("hunter2") && !run.stderr.contains("AKIA1"), "{run}");
    }
    assert!(t.keys().is_empty());
    t.s3cmd("put f 's3://BUCKET/p?x=1'").ok();
}

#[test]
fn a_line_that_is_no_setting_is_not_repeated() {
    let t = TestEnv::with_bucket();
    t.configure("{\"secret_key\": \"hunter2\"}\nsecret_key: hunter2");
    let run = t.s3cmd("-d ls s3://BUCKET").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!run.stderr.contains("hunter2"), "{run}");
    run.explains("WARNING: Ignoring invalid line in '")
        .explains(".s3cfg': line 7\n")
        .explains(".s3cfg': line 8\n");
    t.configure("add_headers = x-secret hunter2");
    let run = t.s3cmd("ls s3://BUCKET").fails(64);
    assert!(!run.stderr.contains("hunter2"), "{run}");
}

#[cfg(unix)]
#[test]
fn secrets_that_others_may_read_are_told_on_request() {
    use std::os::unix::fs::PermissionsExt;
    let t = TestEnv::with_bucket();
    let words = "other users may read the secrets in";
    let mode = |mode: u32| {
        std::fs::set_permissions(t.home(".s3cfg"), std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    mode(0o644);
    t.s3cmd("-v ls s3://BUCKET").run().explains("INFO: Other users can read the secrets in");
    t.s3cmd("check s3://BUCKET").ok().mentions(words);
    t.s3cmd("ls s3://BUCKET").ok();
    mode(0o600);
    assert!(!t.s3cmd("-v ls s3://BUCKET").run().stderr.contains("secrets"));
    t.s3cmd("check s3://BUCKET").ok().silent_about(words);
}

/// What is over all buckets goes past one that may not be listed.
#[test]
fn a_bucket_that_may_not_be_listed_stops_no_other() {
    let server = Hostile::start();
    server.object("a/k", "one").object("b/k", "four").object("c/k", "two");
    server.lie(Lie::answer(Op::ListObjects, |request, answer| {
        if request.bucket == "b" { Answer::error(403, "AccessDenied") } else { answer }
    }));
    let t = server.world();
    for line in ["la", "du", "du s3://"] {
        let run = t.s3cmd(line).fails(2).explains("s3://b/: S3 error: 403 (AccessDenied)");
        assert!(run.stdout.contains("s3://a/") && run.stdout.contains("s3://c/"), "{line}\n{run}");
        assert!(
            line == "la" || run.stdout.lines().last().is_some_and(|line| line.starts_with("6 ")),
            "{run}"
        );
    }
}
