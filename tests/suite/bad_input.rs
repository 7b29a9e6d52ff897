//! Mistakes of every kind: one clear line, s3cmd's exit code, no panic.

use crate::env::TestEnv;

/// No way to the network: the metadata service that s3cmd asks for keys is not reachable in a test.
#[test]
fn without_a_configuration_or_keys_nothing_is_tried() {
    let t = TestEnv::new();
    let advice = "ERROR: Consider using --configure parameter to create one.\n";
    for (config, text) in
        [("none", None), ("empty", Some("")), ("nokeys", Some("host_base = localhost:1\naccess_key =\n"))]
    {
        if let Some(text) = text {
            t.file(config, text);
        }
        let run = t.s3cmd(&format!("-c {config} ls")).fails(78).prints("");
        assert!(run.stderr.starts_with(&format!("ERROR: {config}: ")), "{run}");
        run.explains("ERROR: Configuration file not available.\n").explains(advice);
    }
}

#[test]
fn wrong_keys_are_denied() {
    let t = TestEnv::with_bucket();
    for v2 in ["False", "True"] {
        t.configure(&format!("signature_v2 = {v2}"));
        t.s3cmd("ls --secret_key=wrong").fails(77).prints("").complains(
            "ERROR: S3 error: 403 (SignatureDoesNotMatch)\n\
                 ERROR: secret_key on the command line: it may not be the one of the access key\n",
        );
        t.s3cmd("ls --access_key=NOBODY --secret_key=wrong s3://BUCKET").fails(77).prints("").complains(
            "ERROR: S3 error: 403 (InvalidAccessKeyId)\n\
                 ERROR: access_key on the command line: the service does not know it\n",
        );
    }
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

#[test]
fn stray_lines_in_the_configuration_are_warned_about() {
    let t = TestEnv::with_bucket();
    t.configure("this is nothing\n; nor is this = 1");
    let run = t.s3cmd("ls s3://BUCKET").run();
    assert_eq!(run.code, Some(0));
    assert!(!run.stderr.contains("nothing"), "{run}");
    run.prints("").explains("WARNING: Ignoring invalid line in '").explains(".s3cfg': line 7\n");
}

#[test]
fn a_reader_that_goes_away_is_no_disaster() {
    let t = TestEnv::with_bucket();
    for i in 0..300 {
        t.file(format!("d/{i:03}"), "");
    }
    t.s3cmd("put -r d s3://BUCKET").ok();
    let run = t.shell("s3cmd ls -r s3://BUCKET | head -1; echo \"${PIPESTATUS[0]}\"").run();
    assert_eq!(run.code, Some(0));
    let lines = run.lines();
    assert_eq!(lines[0], "YYYY-MM-DD hh:mm            0  s3://BUCKET/d/000");
    assert!(["0", "74"].contains(&lines[1]), "{run}");
    assert!(run.stderr.is_empty(), "{run}");
}

#[test]
fn a_closed_or_full_standard_output_is_noticed() {
    let t = TestEnv::with_bucket();
    t.object("a", "x");
    let run = t.shell("s3cmd ls s3://BUCKET >&-").run();
    assert!(run.stderr.lines().count() <= 1, "{run}");
    if std::path::Path::new("/dev/full").exists() {
        let run = t.shell("s3cmd ls s3://BUCKET >/dev/full").run();
        assert_eq!(run.code, Some(74), "{run}");
        assert!(run.stderr.lines().count() <= 1, "{run}");
    }
}

#[test]
fn secrets_are_never_shown() {
    let t = TestEnv::with_bucket();
    let secret = t.service.main.secret.clone();
    for line in ["-d ls s3://BUCKET", "-d ls s3://none-such-bucket-here", "-d --signature-v2 ls s3://BUCKET"]
    {
        let run = t.s3cmd(line).run();
        assert!(!run.stdout.contains(&secret) && !run.stderr.contains(&secret), "{run}");
    }
}

/// Nothing is done halfway where one of several arguments cannot be meant.
#[test]
fn all_arguments_are_looked_at_first() {
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

#[cfg(unix)]
#[test]
fn a_name_with_a_line_break_is_uploaded_like_any_other() {
    let t = TestEnv::with_bucket();
    t.file("a\nb", "x");
    for line in ["put", "sync"] {
        let run = t.s3cmd(line).arg("a\nb").arg(t.fill(&format!("s3://BUCKET/{line}/"))).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.explains("WARNING: 1 non-printable characters replaced in: a^Jb");
    }
    assert_eq!(t.keys(), ["put/a^Jb", "sync/a^Jb"]);
}
