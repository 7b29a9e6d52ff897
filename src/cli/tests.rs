use std::ffi::OsString;

use super::*;
use crate::cli::{CliOnly, List, OptionValue};

fn line(args: &[&str]) -> Parsed {
    parse(args.iter().map(OsString::from))
}

fn run(args: &[&str]) -> Invocation {
    match line(args) {
        Parsed::Run(invocation) => invocation,
        other => panic!("{args:?}: {other:?}"),
    }
}

/// The text after `s3cmd: error: `.
fn error(args: &[&str]) -> String {
    match line(args) {
        Parsed::Fail { stderr, stdout, exit: 2 } if stdout.is_empty() => stderr
            .strip_prefix("Usage: s3cmd [options] COMMAND [parameters]\n\ns3cmd: error: ")
            .and_then(|rest| rest.strip_suffix('\n'))
            .unwrap_or_else(|| panic!("{stderr}"))
            .to_owned(),
        other => panic!("{args:?}: {other:?}"),
    }
}

fn printed(args: &[&str]) -> String {
    match line(args) {
        Parsed::Print { stdout, exit: 0 } => stdout,
        other => panic!("{args:?}: {other:?}"),
    }
}

fn words(invocation: &Invocation) -> Vec<&str> {
    invocation.args.iter().map(|arg| arg.to_str().unwrap()).collect()
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.into())
}

#[test]
fn options_can_be_anywhere() {
    for args in [
        ["-r", "--limit", "3", "ls", "s3://b"],
        ["ls", "-r", "s3://b", "--limit", "3"],
        ["ls", "s3://b", "--limit", "3", "-r"],
    ] {
        let run = run(&args);
        assert_eq!(run.command.unwrap().id, Command::Ls);
        assert_eq!(words(&run), ["s3://b"]);
        assert_eq!(run.options.key("recursive"), Some(&OptionValue::Switch(true)));
        assert_eq!(run.options.key("limit"), Some(&text("3")));
    }
}

#[test]
fn values_come_with_the_option_or_after_it() {
    for args in [["--limit=7", ""], ["--limit", "7"], ["--limit", "7"]] {
        assert_eq!(run(&args).options.key("limit"), Some(&text("7")));
    }
    for args in [["-cf", ""], ["-c", "f"], ["--config", "f"], ["--config=f", ""]] {
        assert_eq!(run(&args).options.text(CliOnly::ConfigFile), Some("f".as_ref()));
    }
    assert_eq!(run(&["--host="]).options.key("host_base"), Some(&text("")));
    assert_eq!(run(&["-c=f"]).options.text(CliOnly::ConfigFile), Some("=f".as_ref()));
    assert_eq!(run(&["--host=a=b"]).options.key("host_base"), Some(&text("a=b")));
}

#[test]
fn a_value_may_look_like_an_option_or_a_command() {
    assert_eq!(run(&["--limit", "ls"]).options.key("limit"), Some(&text("ls")));
    assert_eq!(run(&["--limit", "-r"]).options.key("limit"), Some(&text("-r")));
    assert_eq!(run(&["--limit", "--"]).options.key("limit"), Some(&text("--")));
    assert_eq!(run(&["--exclude", "--help"]).options.lists, [(List::Exclude, "--help".into())]);
}

#[test]
fn short_options_cluster() {
    let run = run(&["-rrfH", "-vD-3", "ls"]);
    for key in ["recursive", "force", "human_readable_sizes"] {
        assert_eq!(run.options.key(key), Some(&OptionValue::Switch(true)), "{key}");
    }
    assert_eq!(run.options.key("verbosity"), Some(&text("INFO")));
    assert_eq!(run.options.key("restore_days"), Some(&text("-3")));
}

#[test]
fn two_hyphens_end_the_options() {
    let run = run(&["put", "--", "-r", "--nosuch", "--", "x"]);
    assert_eq!(words(&run), ["-r", "--nosuch", "--", "x"]);
    assert_eq!(run.options.key("recursive"), None);
    assert_eq!(words(&super::tests::run(&["get", "s3://b/k", "-"])), ["s3://b/k", "-"]);
}

#[test]
fn the_last_of_two_opposites_counts() {
    for (args, on) in [
        (["--no-ssl", "--ssl"], true),
        (["--ssl", "--no-ssl"], false),
        (["-s", "--no-ssl"], false),
        (["--no-ssl", "-s"], true),
    ] {
        assert_eq!(run(&args).options.key("use_https"), Some(&OptionValue::Switch(on)), "{args:?}");
    }
    assert_eq!(run(&["-d", "-v"]).options.key("verbosity"), Some(&text("INFO")));
    assert_eq!(run(&["-v", "-d", "-d"]).options.key("verbosity"), Some(&text("DEBUG")));
    assert_eq!(
        run(&["--region=a", "--bucket-location", "b"]).options.key("bucket_location"),
        Some(&text("b"))
    );
    assert_eq!(
        run(&["--ssl", "--no-ssl", "--ssl"]).options.key("use_https"),
        Some(&OptionValue::Switch(true))
    );
    assert_eq!(run(&["--no-check-md5", "--check-md5"]).options.switch(CliOnly::CheckMd5), Some(true));
    let prefix = ["--access-logging-target-prefix=s3://x/", "--no-access-logging"];
    assert_eq!(run(&prefix).options.key("log_target_prefix"), Some(&OptionValue::Switch(false)));
}

#[test]
fn repeated_values_are_all_kept_in_their_order() {
    let args =
        ["--exclude", "a", "put", "--rexclude=b", "--exclude=c", "--add-header", "x:y", "--exclude", ""];
    let expected = [
        (List::Exclude, "a"),
        (List::Rexclude, "b"),
        (List::Exclude, "c"),
        (List::AddHeader, "x:y"),
        (List::Exclude, ""),
    ];
    assert_eq!(run(&args).options.lists, expected.map(|(list, value)| (list, value.into())));
}

#[test]
fn unambiguous_abbreviations_are_accepted() {
    assert_eq!(run(&["--rec"]).options.key("recursive"), Some(&OptionValue::Switch(true)));
    assert_eq!(run(&["--acl-pub"]).options.key("acl_public"), Some(&OptionValue::Switch(true)));
    assert_eq!(run(&["--no-prog"]).options.key("progress_meter"), Some(&OptionValue::Switch(false)));
    assert_eq!(run(&["--delete-after"]).options.key("delete_after"), Some(&OptionValue::Switch(true)));
    assert_eq!(
        error(&["--acl"]),
        "ambiguous option: --acl (--acl-grant, --acl-private, --acl-public, --acl-revoke?)"
    );
    assert_eq!(error(&["--no-r=x"]), "ambiguous option: --no-r (--no-reduced-redundancy, --no-rr?)");
    assert!(
        error(&["--=x"]).starts_with("ambiguous option: -- (--access-logging-target-prefix, --access_key, ")
    );
    assert_eq!(run(&["--emb"]).options.key("embedded"), Some(&OptionValue::Switch(true)));
}

#[test]
fn errors_have_the_messages_of_optparse() {
    for (args, expected) in [
        (&["--nosuch"][..], "no such option: --nosuch"),
        (&["--no-such=3"], "no such option: --no-such"),
        (&["--REC"], "no such option: --REC"),
        (&["---"], "no such option: ---"),
        (&["-Z"], "no such option: -Z"),
        (&["-rZ"], "no such option: -Z"),
        (&["-r="], "no such option: -="),
        (&["-é"], "no such option: -é"),
        (&["--limit"], "--limit option requires 1 argument"),
        (&["--reg"], "--region option requires 1 argument"),
        (&["-rD"], "-D option requires 1 argument"),
        (&["--recursive=1"], "--recursive option does not take a value"),
        (&["--recursive="], "--recursive option does not take a value"),
        (&["--acl-pr=1"], "--acl-private option does not take a value"),
        (&["--help=x"], "--help option does not take a value"),
        (&["--multipart-ch", "x"], "option --multipart-chunk-size-mb: invalid integer value: 'x'"),
        (&["--multipart-chunk-size-mb="], "option --multipart-chunk-size-mb: invalid integer value: ''"),
        (&["-rm", "x"], "option -m: invalid MIME-Type format: 'x'"),
        (&["--mime=x"], "option --mime-type: invalid MIME-Type format: 'x'"),
        (&["--acl-grant=lab-alt"], "option --acl-grant: invalid S3 ACL format: 'lab-alt'"),
        (&["--nosuch", "--limit"], "no such option: --nosuch"),
        (&["--limit", "--nosuch", "-Z"], "no such option: -Z"),
    ] {
        assert_eq!(error(args), expected, "{args:?}");
    }
}

#[test]
fn arguments_that_are_not_utf8_are_kept() {
    use std::os::unix::ffi::OsStringExt;
    let odd = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let args = [odd(b"put"), odd(b"a\xff"), odd(b"--exclude-from=\xfe"), odd(b"-c\xfd"), odd(b"s3://b")];
    let Parsed::Run(run) = parse(args) else { panic!("not run") };
    assert_eq!(run.args, [odd(b"a\xff"), odd(b"s3://b")]);
    assert_eq!(run.options.lists, [(List::ExcludeFrom, odd(b"\xfe"))]);
    assert_eq!(run.options.text(CliOnly::ConfigFile), Some(odd(b"\xfd").as_os_str()));
    let Parsed::Fail { stderr, .. } = parse([odd(b"-r\xff")]) else { panic!("accepted") };
    assert!(stderr.ends_with("no such option: -\\udcff\n"), "{stderr}");
}

#[test]
fn integers_are_converted_to_decimal() {
    let run = run(&["--multipart-chunk-size-mb=0x10"]);
    assert_eq!(run.options.key("multipart_chunk_size_mb"), Some(&text("16")));
}

#[test]
fn the_version_of_s3cmd_comes_first() {
    let shown = printed(&["put", "-c", "x", "--version", "--dump-config"]);
    assert_eq!(shown, format!("s3cmd version 2.4.0\ns3cmd-rs {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(error(&["--version", "--nosuch"]), "no such option: --nosuch");
}

#[test]
fn help_comes_before_later_errors() {
    assert!(printed(&["--version", "--help", "--nosuch"]).contains("Buckets and listings:"));
    assert_eq!(error(&["--nosuch", "--help"]), "no such option: --nosuch");
    for args in [
        &["put", "--help"][..],
        &["--help", "put"],
        &["-h", "--nosuch", "put"],
        &["-r", "put", "x", "-h"],
        &["help", "put"],
        &["help", "put", "--help"],
    ] {
        let page = printed(args);
        assert!(
            page.starts_with("Usage: s3cmd [options] put FILE... s3://BUCKET[/PREFIX]\n"),
            "{args:?} {page}"
        );
    }
    assert_eq!(printed(&["help"]), full_help());
    assert_eq!(printed(&["nosuch", "--help", "put"]), full_help());
}

#[test]
fn help_for_an_unknown_command_is_an_error() {
    let Parsed::Fail { stderr, exit, .. } = line(&["help", "lss"]) else { panic!("accepted") };
    assert_eq!((stderr.as_str(), exit), ("ERROR: Invalid command: lss\nERROR: Did you mean 'ls'?\n", 64));
}

#[test]
fn a_page_shows_the_options_of_its_command() {
    let page = printed(&["help", "signurl"]);
    assert!(page.contains("--content-disposition=TEXT") && !page.contains("--exclude"), "{page}");
    assert!(printed(&["help", "del"]).contains("Also: rm\n"));
}

#[test]
fn every_page_fits_into_80_columns() {
    let pages = command_table::COMMANDS.iter().map(command_help).chain([full_help()]);
    for row in pages.flat_map(|page| page.lines().map(str::to_owned).collect::<Vec<_>>()) {
        assert!(row.chars().count() <= 80 && row.trim_end() == row, "{row:?}");
    }
}

#[test]
fn the_help_shows_every_option_and_command() {
    let page = full_help();
    for option in options::all() {
        for long in option.long {
            assert!(page.contains(&format!("--{long}")), "{long}");
        }
    }
    for command in command_table::COMMANDS {
        assert!(page.contains(&format!("\n  s3cmd {}", command.name())), "{}", command.name());
    }
}

#[test]
fn a_command_is_checked_once_the_settings_are_there() {
    let lines = |args: &[&str]| run(args).check().unwrap_err().lines;
    assert_eq!(lines(&["put", "a"]), ["Not enough parameters for command 'put'"]);
    assert_eq!(lines(&["rm"]), ["Not enough parameters for command 'rm'"]);
    assert_eq!(lines(&["frobnicate"]), ["Invalid command: frobnicate"]);
    assert_eq!(lines(&[""]), ["Invalid command: "]);
    assert_eq!(lines(&["delete"]), ["Invalid command: delete", "Did you mean 'del'?"]);
    assert_eq!(lines(&["md5sum"]), ["Not enough parameters for command 'md5sum'"]);
    assert_eq!(run(&["md5sum", "--check", "list"]).check(), Ok(()));
    assert_eq!(run(&["put", "a", "s3://b"]).check(), Ok(()));
    assert_eq!(run(&["put", "-e", "--no-encrypt", "a", "s3://b"]).check(), Ok(()));
    assert_eq!(run(&["--configure"]).check(), Ok(()));
    assert_eq!(run(&["-q"]).check().unwrap_err().stdout, "");
    let none = run(&["-r"]).check().unwrap_err();
    assert_eq!((none.exit, none.stdout, none.lines), (64, full_help(), Vec::new()));
}

#[test]
fn some_commands_need_no_credentials() {
    for (args, optional) in [
        (&["serve", "d"][..], true),
        (&["check", "--embedded"], true),
        (&["check"], false),
        (&["ls"], false),
        (&["--configure"], true),
        (&["--dump-config"], false),
        (&["nosuch"], false),
    ] {
        assert_eq!(run(args).options.credentials_optional, optional, "{args:?}");
    }
}

#[test]
fn typed_secrets_are_not_shown() {
    let run = run(&["--secret_key=hunter2", "--auth-key", "a,hunter2", "ls"]);
    let shown = format!("{run:?}");
    assert!(!shown.contains("hunter2") && shown.contains("secret_key"), "{shown}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Every line can be parsed, and errors have one of the two formats.
    #[test]
    fn every_line_is_parsed(
        args in proptest::collection::vec("(-{0,3}[a-zé=:$ ]{0,4}|--no-[a-z]{0,3}|\\PC{0,6})", 0..6),
    ) {
        match parse(args.iter().map(OsString::from)) {
            Parsed::Fail { stderr, exit, .. } => {
                let form = if exit == 2 { "Usage: s3cmd [options] COMMAND" } else { "ERROR: " };
                assert!(stderr.starts_with(form) && stderr.ends_with('\n'), "{stderr:?}");
            }
            Parsed::Print { stdout, exit } => assert!(exit == 0 && stdout.ends_with('\n')),
            Parsed::Complete(request) => panic!("{request:?}"),
            Parsed::Run(run) => assert!(run.args.len() < args.len().max(1)),
        }
    }
}
