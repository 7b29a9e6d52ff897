//! The dialogue of `--configure`, and the file that it writes.

use crate::support::configure::{KEEP, OF_THE_MOMENT};
use crate::support::env::TestEnv;
use crate::support::run::Run;
use std::os::unix::fs::PermissionsExt;

fn configure(t: &TestEnv, arguments: &str, answers: &str) -> Run {
    t.s3cmd(&format!("--configure {arguments}")).stdin(answers).run()
}

#[test]
fn the_questions_come_in_the_order_of_s3cmd_and_the_file_is_written() {
    let t = TestEnv::new();
    let user = t.service.main.clone();
    let file = t.home("new.s3cfg");
    let (access, secret, host) = (&user.access, &user.secret, &t.service.host);
    let answers = format!("{access}\n{secret}\n\n{host}\n{host}\n\n/bin/gpg\nno\n\n\ny\n");
    let run = t.s3cmd("--configure").arg("-c").arg(&file).stdin(answers).ok();
    let mut rest = run.raw.as_slice();
    for prompt in [
        "\nEnter new values or accept defaults in brackets with Enter.\n",
        "Leave them empty for using the env variables.\nAccess Key: Secret Key: Default Region [US]: \nUse ",
        "S3 Endpoint [s3.amazonaws.com]: ",
        "DNS-style bucket+hostname:port template for accessing a bucket [%(bucket)s.s3.amazonaws.com]: ",
        "Encryption password: Path to GPG program [",
        "Use HTTPS protocol [Yes]: ",
        "HTTP Proxy server name: \nNew settings:\n  Access Key: ",
        "  HTTP Proxy server port: 0\n\nTest access with supplied credentials? [Y/n] ",
        "Please wait, attempting to list all buckets...\nSuccess. Your access key and secret key worked fine :-)\n",
        "\nNow verifying that encryption works...\nNot configured. Never mind.\n\nSave settings? [y/N] ",
        "Configuration saved to '",
    ] {
        let found = rest.windows(prompt.len()).position(|part| part == prompt.as_bytes());
        let at = found.unwrap_or_else(|| panic!("{prompt:?} is missing in\n{run}"));
        rest = &rest[at + prompt.len()..];
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(text.contains(&format!("\nsecret_key = {secret}\n")) && text.contains("\nuse_https = False\n"));
    assert!(OF_THE_MOMENT.iter().all(|key| !text.contains(&format!("\n{key} = "))), "{text}");
    t.s3cmd("ls").config(&file).ok();
}

#[test]
fn comments_unknown_keys_and_a_symbolic_link_are_kept() {
    let t = TestEnv::new();
    let link = t.home(".s3cfg");
    let text = std::fs::read_to_string(&link).unwrap();
    let real = t.write_config("real.s3cfg", &format!("# mine\n{text}unknown_key = 1\nsecret = 2\n\n# end\n"));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("real.s3cfg", &link).unwrap();
    configure(&t, "", &format!("\n\neu-north-1\n{}n\ny\n", &KEEP[3..]));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let now = std::fs::read_to_string(real).unwrap();
    assert!(now.starts_with(&format!("# mine\n{text}unknown_key = 1\nsecret = 2\n\n# end\n")), "{now}");
    assert!(now.contains("\nbucket_location = eu-north-1\n"), "{now}");
}

#[test]
fn leaving_the_dialogue_writes_nothing() {
    let t = TestEnv::new();
    let before = std::fs::read(t.home(".s3cfg")).unwrap();
    for answers in ["", "a\nb\n", &format!("{KEEP}n\nn\nn\n"), &format!("{KEEP}n\nn\n\nnew\n")] {
        let run = configure(&t, "", answers);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.ends_with("\nConfiguration aborted. Changes were NOT saved.\n"), "{run}");
    }
    assert_eq!(std::fs::read(t.home(".s3cfg")).unwrap(), before);
    let run = t.s3cmd("--configure -c /nowhere/s3cfg").stdin(format!("{KEEP}n\ny\n")).run();
    assert_eq!(run.code, Some(74), "{run}");
    run.explains("ERROR: Writing config file failed: /nowhere/s3cfg: No such file or directory");
}

#[test]
fn a_failed_test_reports_why_and_what_to_change() {
    let t = TestEnv::with_bucket();
    let run = configure(&t, "", &format!("\nwrong\n{}y\nn\nn\nn\n", &KEEP[2..]));
    assert!(run.stderr.starts_with("ERROR: Test failed: 403 (SignatureDoesNotMatch)"), "{run}");
    run.explains("WARNING: What may have to be changed: secret_key")
        .mentions("\nRetry configuration? [Y/n] ");
    let run = configure(&t, "s3://BUCKET", &format!("{KEEP}y\nn\nn\n"));
    run.mentions("attempting to list bucket: s3://BUCKET\nSuccess.");
    let run = configure(&t, "nonsense", &format!("{KEEP}y\nn\nn\nn\n"));
    run.complains("ERROR: Test failed: Invalid bucket uri: nonsense");
}

#[test]
fn a_provider_fills_the_defaults_of_the_answers() {
    let t = TestEnv::new();
    for (name, wanted) in [
        ("allas", "S3 Endpoint [a3s.fi]: "),
        ("LUMI-O", "S3 Endpoint [lumidata.eu]: "),
        ("Scaleway", "Default Region [fr-par]: "),
        ("minio", "Use HTTPS protocol [No]: "),
    ] {
        configure(&t, &format!("--provider {name}"), KEEP).mentions(wanted);
    }
    t.s3cmd("--configure --provider nowhere").fails(64).explains("Known are: alibaba, allas, aws, ceph,");
    t.s3cmd("ls --provider aws").fails(64).explains("--provider");
}
