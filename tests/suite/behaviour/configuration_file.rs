//! The configuration file: what `--dump-config` prints, sections, the environment, lines that are no settings.

use crate::support::env::TestEnv;
use crate::support::service::service;

/// Commands that need credentials.
const NEED_KEYS: [&str; 5] = ["ls", "ls s3://b", "put f s3://b", "get s3://b/k -", "del s3://b/k"];

/// The metadata service that s3cmd asks for credentials is not reachable in a test.
#[test]
fn without_a_configuration_or_credentials_no_request_is_sent() {
    let t = TestEnv::new();
    t.file("f", "f");
    for (config, text, reason) in [
        ("none", None, "No such file or directory"),
        ("empty", Some(""), "no access_key in it"),
        ("nokeys", Some("host_base = localhost:1\naccess_key =\n"), "no access_key in it"),
    ] {
        if let Some(text) = text {
            t.file(config, text);
        }
        for line in NEED_KEYS {
            t.s3cmd(&format!("-c {config} {line}"))
                .fails(78)
                .prints("")
                .complains(&without_keys(config, reason));
        }
    }
}

/// All that is printed without credentials. s3cmd names the file and the Python value `None` instead of a reason.
fn without_keys(config: &str, reason: &str) -> String {
    format!(
        "ERROR: {config}: {reason}\nERROR: Configuration file not available.\n\
         ERROR: Consider using --configure parameter to create one.\n"
    )
}

#[test]
fn invalid_lines_in_the_configuration_are_warned_about() {
    let t = TestEnv::with_bucket();
    t.configure("this is nothing\n; nor is this = 1");
    let run = t.s3cmd("ls s3://BUCKET").run();
    assert_eq!(run.code, Some(0));
    assert!(!run.stderr.contains("nothing"), "{run}");
    run.prints("").explains("WARNING: Ignoring invalid line in '").explains(".s3cfg': line 7\n");
}

#[test]
fn a_dumped_configuration_can_be_read_again() {
    let t = TestEnv::with_bucket();
    let run = t.s3cmd("--dump-config").ok().mentions("[default]\n").mentions("host_base = ENDPOINT\n");
    let text = String::from_utf8_lossy(&run.raw).into_owned();
    let keys: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(" = ").map(|(key, _)| key)).collect();
    assert!(keys.is_sorted() && keys.len() > 60, "{run}");
    let file = t.file("dumped", &text);
    t.s3cmd("ls s3://BUCKET").config(&file).ok();
    assert_eq!(t.s3cmd("--dump-config").config(&file).ok().raw, text.as_bytes());
}

#[test]
fn configuration_values_come_from_the_environment_and_other_sections() {
    let t = TestEnv::with_bucket();
    let service = service();
    t.write_config(
        "sections",
        &format!(
            "[allas-project_1]\naccess_key   = wrong\n# comment\n[other]\naccess_key   = $MY_KEY\nsecret_key = \"{}\"\n\
             host_base = http://{}\nhost_bucket = http://{}\nuse_https = no\nunknown_key = 1\n",
            service.main.secret, service.host, service.host
        ),
    );
    t.s3cmd("ls s3://BUCKET").config(t.home("sections")).env("MY_KEY", &service.main.access).ok();
    t.write_config(".s3cfg", &format!("host_base = {0}\nhost_bucket = {0}\nuse_https = no\n", service.host));
    t.s3cmd("ls s3://BUCKET")
        .env("AWS_ACCESS_KEY_ID", &service.main.access)
        .env("AWS_SECRET_ACCESS_KEY", &service.main.secret)
        .ok();
}
