//! The command line: every parameter and option has an effect, or the line is refused.

use crate::support::env::TestEnv;
use s3cmd::cli::command_table::COMMANDS;

/// For each command a line with as many parameters as it accepts, and one more. Commands with any number of parameters
/// process all of them.
#[test]
fn surplus_parameters_are_processed_or_refused() {
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

/// The usage of a command with any number of parameters contains `...`.
#[test]
fn the_usage_shows_repeatable_parameters() {
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
fn every_argument_is_listed_linked_and_summed() {
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
fn options_that_would_have_no_effect_are_refused() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.file("f", "f");
    for line in [
        "put --acl-grant=read:user f s3://BUCKET/f",
        "sync --acl-grant=read:user f s3://BUCKET/f",
        "put --acl-revoke=read:user f s3://BUCKET/f",
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
fn empty_values_that_would_mean_more_are_refused() {
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
fn the_command_line_is_checked_before_anything_else() {
    let t = TestEnv::new();
    t.s3cmd("frobnicate").fails(64).prints("").explains("ERROR: Invalid command: frobnicate\n");
    t.s3cmd("lss").fails(64).explains("ls");
    let run = t.s3cmd("").run();
    assert_eq!(run.code, Some(64), "{run}");
    run.mentions("Usage: s3cmd [options] COMMAND [parameters]");
    t.s3cmd("--no-such-option ls").fails(2).prints("").explains("no such option: --no-such-option");
    t.s3cmd("--acl ls").fails(2).prints("").explains("ambiguous option: --acl");
    t.s3cmd("ls --limit").fails(2).prints("");
    t.s3cmd("put").fails(64).complains("ERROR: Not enough parameters for command 'put'");
    t.s3cmd("ls --recursive=yes").fails(2).prints("");
}

#[test]
fn bad_numbers_are_one_line() {
    let t = TestEnv::new();
    for option in
        ["--limit=many", "--max-delete=x", "--max-retries=x", "--restore-days=x", "--limit-rate=fast"]
    {
        let run = t.s3cmd(&format!("ls {option}")).run();
        assert!(!matches!(run.code, Some(0) | None), "{run}");
        run.prints("").in_one_line();
    }
    t.configure("limit = many");
    t.s3cmd("ls").fails(64).prints("").in_one_line().explains("many");
    let t = TestEnv::new();
    t.configure("use_https = perhaps");
    t.s3cmd("ls").fails(64).complains(
        "ERROR: Parameter problem: Config: value of option 'use_https' must be Yes or No, not 'perhaps'",
    );
}

/// Nothing is done if one of several arguments is invalid.
#[test]
fn all_arguments_are_checked_first() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    t.s3cmd("del s3://BUCKET/k hello.txt").fails(64).prints("").explains("'hello.txt'");
    for line in ["cp s3://BUCKET/k s3://", "mv s3://BUCKET/k s3://", "mv -r s3://BUCKET/ s3://"] {
        t.s3cmd(line).fails(64).prints("").explains("Expecting S3 URI with a bucket name");
    }
    t.file("list", "k\n");
    t.file("f", "f");
    t.s3cmd("put --files-from=list f s3://BUCKET/d/").fails(64).prints("");
    assert_eq!(t.keys(), ["k"]);
}

#[test]
fn options_may_be_anywhere_and_abbreviated() {
    let t = TestEnv::with_bucket();
    t.object("d/a", "x");
    let expected = "YYYY-MM-DD hh:mm            1  s3://BUCKET/d/a";
    for line in [
        "-r ls s3://BUCKET",
        "ls s3://BUCKET -r",
        "ls --rec s3://BUCKET",
        "-rr ls s3://BUCKET",
        "ls -r --limit 5 s3://BUCKET",
        "ls -r -- s3://BUCKET",
        "--recursive ls s3://BUCKET",
    ] {
        t.s3cmd(line).ok().prints(expected);
    }
    t.s3cmd("-q ls -r s3://BUCKET").ok().prints("");
}
