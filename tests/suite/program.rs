//! The program itself: version, help, `check`, configuration dumps, order of output.

use crate::env::TestEnv;
use crate::server::service;

#[test]
fn the_first_line_of_the_version_is_the_one_that_scripts_compare() {
    let t = TestEnv::new();
    let run = t.s3cmd("--version").ok();
    assert_eq!(run.lines()[0], "s3cmd version 2.4.0", "{run}");
    assert!(run.lines().len() > 1 && run.lines()[1].contains(env!("CARGO_PKG_VERSION")), "{run}");
    // No configuration is needed to say it.
    std::fs::remove_file(t.home(".s3cfg")).expect("it is there");
    t.s3cmd("--version").ok();
}

#[test]
fn help_tells_about_the_program_and_each_command() {
    let t = TestEnv::new();
    t.s3cmd("--help").ok().mentions("Usage: s3cmd [options] COMMAND [parameters]").mentions("--recursive");
    t.s3cmd("help put").ok().mentions("put").mentions("--acl-public");
    t.s3cmd("put --help").ok().mentions("put").mentions("--acl-public");
}

#[test]
fn a_dumped_configuration_is_a_configuration() {
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
fn options_stand_anywhere_and_may_be_shortened() {
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

#[test]
fn check_walks_through_the_connection_and_leaves_nothing() {
    let t = TestEnv::with_bucket();
    let run = t.s3cmd("check s3://BUCKET").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.lines().len() > 5, "{run}");
    assert!(t.keys().is_empty());
    let run = t.s3cmd("check --secret_key=wrong s3://BUCKET").run();
    assert!(run.code != Some(0) && run.as_transcript().contains("secret_key"), "{run}");
    let t = TestEnv::new();
    t.configure("host_base = localhost:1\nhost_bucket = localhost:1");
    let run = t.s3cmd("check").run();
    assert!(run.code != Some(0) && run.as_transcript().contains("host_base"), "{run}");
}

#[test]
fn check_embedded_needs_no_account() {
    let t = TestEnv::new();
    std::fs::remove_file(t.home(".s3cfg")).expect("it is there");
    let run = t.s3cmd("check --embedded").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(t.files("").is_empty(), "{:?}", t.files(""));
}

#[test]
fn results_come_in_the_same_order_however_many_run_at_once() {
    let mut t = TestEnv::with_bucket();
    t.know_alt_id("ALTID");
    for i in 0..60 {
        // Sizes that finish out of order.
        t.file(format!("d/{i:02}"), vec![b'x'; if i % 7 == 0 { 300_000 } else { i }]);
    }
    let serial = t.s3cmd("put --jobs=1 -r d s3://BUCKET").ok();
    let parallel = t.s3cmd("put --jobs=16 -r d s3://BUCKET").ok();
    assert_eq!(serial.stdout, parallel.stdout);
    t.dir("g");
    for line in [
        "cp -r s3://BUCKET/d/ s3://BUCKET/e/",
        "get -rf s3://BUCKET/d g/",
        "setacl -r --acl-grant=read:ALTID s3://BUCKET/d",
        "ls -r s3://BUCKET",
    ] {
        let serial = t.s3cmd(line).arg("--jobs=1").ok();
        let parallel = t.s3cmd(line).arg("-j").arg("16").ok();
        assert_eq!(serial.stdout, parallel.stdout, "{line}");
    }
    let parallel = t.s3cmd("del -r s3://BUCKET/d").ok();
    let expected: Vec<String> = (0..60).map(|i| format!("delete: 's3://BUCKET/d/{i:02}'")).collect();
    assert_eq!(parallel.lines(), expected);
}

#[test]
fn the_meter_looks_as_before() {
    let t = TestEnv::with_bucket();
    t.file("hello.txt", "hello world\n");
    let run = t.s3cmd("put --progress hello.txt s3://BUCKET").ok();
    let text = String::from_utf8(run.raw).expect("text");
    let shape = t.normaliser.fill(
        r"^upload: 'hello.txt' -> 's3://BUCKET/hello.txt'  \[1 of 1\]\n(\r *\d+ of 12 +\d+% in +\d+s +[0-9.]+ [kKM]?B/s)+  done\n$",
    );
    assert!(regex::Regex::new(&shape).expect("a pattern").is_match(&text), "{text:?}");
}
