//! The dialogue of `--configure`, and the file that it writes.

use crate::differential::original;
use crate::env::TestEnv;
use crate::run::Run;
use std::os::unix::fs::PermissionsExt;

/// Answers to the nine questions that are asked without a proxy, each of them Enter.
const KEEP: &str = "\n\n\n\n\n\n\n\n\n";

/// Keys whose value depends on the moment: s3cmd freezes them into the file, this program leaves them out.
const OF_THE_MOMENT: [&str; 4] = ["encoding", "progress_meter", "public_url_use_https", "signurl_use_https"];

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
fn comments_unknown_keys_and_a_link_survive() {
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
fn nothing_is_written_where_the_dialogue_is_left() {
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
fn a_failed_test_says_why_and_what_to_change() {
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

#[test]
fn the_dialogue_and_the_file_are_those_of_s3cmd() {
    let Some(original) = original() else { return };
    let t = TestEnv::with_bucket();
    let presets = ["alibaba", "allas", "aws", "ceph", "digitalocean", "dreamobjects", "garage", "ibmcos"];
    let presets = presets.iter().chain(&["lumi-o", "minio", "netease", "scaleway", "wasabi"]);
    let theirs = |arguments: &str| {
        let mut call = t.s3cmd(arguments);
        call.program = original.clone();
        call
    };
    let base = std::fs::read_to_string(t.home(".s3cfg")).unwrap();
    for (arguments, answers) in [
        ("", format!("{KEEP}y\ny\n")),
        ("s3://BUCKET", format!("{KEEP}\nYES\n")),
        ("--region=eu --no-progress -v --limit=3", format!("{KEEP}n\ny\n")),
        ("", format!("AK\nSK\nr\nh:1\n%(bucket)s.h:1\np w\n/g\ny\nproxy\n81\n{}", "n\ny\n")),
        ("", format!("\nwrong\n{}y\nn\ny\n", &KEEP[2..])),
        ("", format!("{KEEP}n\nn\ny\n{KEEP}n\ny\n")),
        ("", "\u{e4}\n\"q\"\n".to_owned()),
    ] {
        let mut shown = Vec::new();
        let mut written = Vec::new();
        for ours in [false, true] {
            t.write_config(".s3cfg", &base);
            let line = format!("{arguments} --configure");
            let call = if ours { t.s3cmd(&line) } else { theirs(&line) };
            let run = call.stdin(&answers).run();
            let hint = "WARNING: What may have to be changed";
            let stderr: String = run.stderr.lines().filter(|line| !line.starts_with(hint)).collect();
            shown.push((run.code, run.stdout.clone(), stderr));
            let dump = theirs("--dump-config").run();
            let kept = dump
                .stdout
                .lines()
                .filter(|line| OF_THE_MOMENT.iter().all(|key| line.split(" = ").next() != Some(key)));
            written.push(kept.map(str::to_owned).collect::<Vec<_>>());
        }
        assert_eq!(shown[0], shown[1], "{arguments} {answers:?}");
        assert_eq!(written[0], written[1], "{arguments} {answers:?}");
    }
    for preset in presets {
        let file = t.home(preset);
        t.s3cmd(&format!("--configure --provider {preset}"))
            .arg("-c")
            .arg(&file)
            .stdin(format!("AK\nSK\n{}n\ny\n", &KEEP[2..]))
            .ok();
        let dumps =
            [theirs("--dump-config"), t.s3cmd("--dump-config")].map(|call| call.config(&file).ok().stdout);
        assert_eq!(dumps[0], dumps[1], "{preset}");
    }
}
