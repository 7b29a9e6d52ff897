//! `--version`, `--help` and `help`.

use crate::support::env::TestEnv;

#[test]
fn the_first_line_of_the_version_is_the_one_that_scripts_compare() {
    let t = TestEnv::new();
    let run = t.s3cmd("--version").ok();
    assert_eq!(run.lines()[0], "s3cmd version 2.4.0", "{run}");
    assert!(run.lines().len() > 1 && run.lines()[1].contains(env!("CARGO_PKG_VERSION")), "{run}");
    // It needs no configuration.
    std::fs::remove_file(t.home(".s3cfg")).expect("it is there");
    t.s3cmd("--version").ok();
}

#[test]
fn help_describes_the_program_and_each_command() {
    let t = TestEnv::new();
    t.s3cmd("--help").ok().mentions("Usage: s3cmd [options] COMMAND [parameters]").mentions("--recursive");
    t.s3cmd("help put").ok().mentions("put").mentions("--acl-public");
    t.s3cmd("put --help").ok().mentions("put").mentions("--acl-public");
}
