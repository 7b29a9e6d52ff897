//! Secrets are never printed, and files with secrets that other users can read are reported.

use crate::support::env::TestEnv;

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
fn invalid_configuration_lines_are_not_repeated() {
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

#[test]
fn readable_secret_files_are_reported_on_request() {
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
