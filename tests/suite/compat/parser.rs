//! The parser and the settings beside s3cmd 2.4.0: random command lines and configuration files go through both
//! programs, and `--dump-config`, the error texts and the exit codes have to agree.
//!
//! `S3CMD_ORIGINAL` is the command line of s3cmd (such as `python3 /usr/bin/s3cmd`). `S3CMD_DIFFERENTIAL_LINES` is the
//! number of lines (300), `S3CMD_DIFFERENTIAL_SEED` the seed of a run to repeat. Deliberate differences
//! (`docs/differences.md`) are either not generated or named in `same`.

#![allow(
    clippy::print_stdout,
    reason = "the seed and the differences are for the reader of the test's output"
)]

use crate::support::random::Random;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use s3cmd::cli::{self, Parsed, options};
use s3cmd::config::{self, FixedEnvironment};

/// The outcome in one of the two programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    exit: i32,
    stdout: String,
    stderr: String,
}

const VARIABLES: [(&str, &str); 6] =
    [("XVAR", "hello"), ("YVAR", "$XVAR"), ("NVAR", "7"), ("BVAR", "yes"), ("EVAR", ""), ("ZVAR", "$NOPE")];

const TEXTS: &[&str] = &[
    "",
    "x",
    "ls",
    "-r",
    "--",
    "--limit",
    "a b",
    "é",
    "$XVAR",
    "$YVAR",
    "$NOPE",
    "$EVAR",
    "$",
    "a=b",
    "=",
    "7",
    "-1",
    "+3",
    " 8 ",
    "1_0",
    "0x10",
    "010",
    "3k",
    "2M",
    "0",
    "http://h:1",
    "https://%(bucket)s.h",
    "'q'",
    "it's \"q\"",
    "$NVAR",
    "$ZVAR",
];
const MIME_TYPES: &[&str] =
    &["a/b", "text/html; charset=utf-8", "c/d", "e/f", "x", "", "a/b/c", "A/B", "a b/c"];
const CHANGES: &[&str] = &[
    "read:x",
    "all:x:y",
    "write:é",
    "read_acp:a b",
    "full_control:x",
    "eat:x",
    "read:",
    ":",
    "READ:x",
    "write_acp:a@b",
    "a-b:c",
];
const HEADERS: &[&str] =
    &["a:b", "X-Amz-Tagging:days=1", "x", "a b:c", "a/b?:c", "a:b:c", "Cache-Control: no-store", "n:"];
const REGEXPS: &[&str] = &["a+", "b.c", "[xy]", "d|e", "^x$", "(", "[a-z", "(?=x)y", ""];
const WORDS: &[&str] = &["ls", "put", "frobnicate", "s3://b/k", "-", "", "é"];
const BROKEN: &[&str] = &["--nosuch", "--no-such=1", "-Z", "-rZ", "---", "-é", "--=x", "-r=", "--REC"];
const FILE_LINES: &[&str] = &[
    "limit = 5",
    "limit=x",
    "limit =",
    "use_https = off",
    "use_https = maybe",
    "host_base = \"a b\"",
    "host_base = $XVAR",
    "host_base = $NOPE",
    "host_bucket = https://%(bucket)s.b/",
    "limitrate = 3k",
    "limitrate = 3q",
    "verbosity = INFO",
    "verbosity = info",
    "stray",
    ";comment",
    "# comment",
    "[section]",
    " [section]",
    "unknown = 1",
    "acl_public = yes",
    "add_headers = a:b,c:d",
    "multipart_chunk_size_mb = 6",
    "socket_timeout = $NVAR",
    "gpg_passphrase = p",
    "website_endpoint = http://x",
    "restore_days = -1",
    "kms_key = k",
    "server_side_encryption = True",
    "signature_v2 = 1",
    "access_key =",
    "log_target_prefix = False",
    "progress_meter = yes",
];

fn value(random: &mut Random, option: &options::OptionSpec) -> &'static str {
    let pool = match (option.check, option.name()) {
        (options::Check::Mime, _) => MIME_TYPES,
        (options::Check::Acl, _) => CHANGES,
        (options::Check::Priority, _) => &["standard", "bulk", "expedited", "Standard", ""],
        (_, "add-header") => HEADERS,
        (_, "rexclude" | "rinclude") => REGEXPS,
        (_, "encoding") => &["utf-8", "UTF-8"],
        (_, "config") => &["other", "other", "other", "missing"],
        (_, name) if name.ends_with("-from") => &["patterns", "patterns", "patterns", "missing"],
        (_, "multipart-chunk-size-mb") => {
            &["5", "0x10", "7", "1", "6000", "x", "", "010", "09", " 7", "-7", "1_0"]
        }
        (_, "limit" | "max-delete" | "max-retries" | "restore-days") if !random.one_in(12) => {
            &["3", "-1", "1_0", "0"]
        }
        (_, "limit-rate") if !random.one_in(12) => &["3", "3k", "3M", " 3 k", "0"],
        _ => TEXTS,
    };
    random.pick(pool)
}

/// A random argument, with its value if that is an argument of its own.
fn argument(random: &mut Random, line: &mut Vec<String>) {
    match random.below(20) {
        0..=1 => line.push(random.pick(WORDS).to_owned()),
        2 if random.one_in(3) => line.push(random.pick(BROKEN).to_owned()),
        3 if random.one_in(6) => line.push("--".to_owned()),
        4..=6 => cluster(random, line),
        _ => long(random, line),
    }
}

fn cluster(random: &mut Random, line: &mut Vec<String>) {
    let shorts: Vec<_> = theirs(random).into_iter().filter(|option| option.short.is_some()).collect();
    let mut argument = String::from("-");
    for _ in 0..=random.below(3) {
        let option = shorts[random.below(shorts.len())];
        argument.extend(option.short);
        if option.takes_value() {
            let value = value(random, option);
            if random.one_in(2) {
                line.push(argument + value);
            } else {
                line.extend([argument, value.to_owned()]);
            }
            return;
        }
    }
    line.push(argument);
}

fn long(random: &mut Random, line: &mut Vec<String>) {
    let table = theirs(random);
    let option = table[random.below(table.len())];
    let mut name = option.long[random.below(option.long.len())].to_owned();
    if random.one_in(7) {
        name.truncate(1 + random.below(name.len()));
    }
    if name == "check" {
        // An option here, ambiguous in s3cmd.
        name.push_str("-md5");
    }
    let value = value(random, option);
    match (option.takes_value(), random.below(40)) {
        (true, 0..=19) | (false, 0) => line.push(format!("--{name}={value}")),
        (true, _) => line.extend([format!("--{name}"), value.to_owned()]),
        (false, _) => line.push(format!("--{name}")),
    }
}

/// The options of s3cmd. Those that end the run at once are rare, so that others are tested.
fn theirs(random: &mut Random) -> Vec<&'static options::OptionSpec> {
    let ending = random.one_in(20);
    let wanted = |name: &str| ending || !matches!(name, "help" | "version" | "dump-config" | "encrypt");
    options::all().filter(|option| option.origin == options::Origin::S3cmd && wanted(option.name())).collect()
}

fn command_line(random: &mut Random) -> Vec<String> {
    let mut line = vec!["--dump-config".to_owned()];
    if !random.one_in(10) {
        line.extend(["-c", "config"].map(str::to_owned));
    }
    for _ in 0..random.below(9) {
        argument(random, &mut line);
    }
    line
}

fn config_file(random: &mut Random) -> String {
    let mut text = String::from("[default]\n");
    if !random.one_in(12) {
        text.push_str("access_key = AK\nsecret_key = SK\n");
    }
    for _ in 0..random.below(4) {
        text.push_str(random.pick(FILE_LINES));
        text.push('\n');
    }
    text
}

fn original(command: &[&str], line: &[String], folder: &Path) -> Outcome {
    let inherited = ["PATH", "PYTHONPATH"].into_iter();
    let output = Command::new(command[0])
        .args(&command[1..])
        .args(line)
        .current_dir(folder)
        .env_clear()
        .envs(inherited.filter_map(|name| Some((name, std::env::var_os(name)?))))
        .env("HOME", folder)
        .env("LANG", "C.UTF-8")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(VARIABLES)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Outcome {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What this program does, up to the point where a command would begin. The working directory is the folder.
fn ours(line: &[String], folder: &Path) -> Outcome {
    let environment = FixedEnvironment {
        vars: VARIABLES.map(|(name, value)| (name.to_owned(), OsString::from(value))).into(),
        home: Some(folder.to_owned()),
        terminal: false,
    };
    let run = match cli::parse(line.iter().map(OsString::from)) {
        Parsed::Print { stdout, exit } => {
            return Outcome { exit: exit.into(), stdout, stderr: String::new() };
        }
        Parsed::Fail { stderr, stdout, exit } => return Outcome { exit: exit.into(), stdout, stderr },
        Parsed::Complete(question) => panic!("no line of s3cmd's: {question:?}"),
        Parsed::Run(run) => run,
    };
    let text = |level: &str, lines: &[String]| {
        lines.iter().map(|line| format!("{level}: {line}\n")).collect::<String>()
    };
    match config::load(&run.options, &environment) {
        Err(error) => Outcome {
            exit: error.exit.into(),
            stdout: String::new(),
            stderr: text("WARNING", &error.warnings) + &text("ERROR", &error.lines),
        },
        Ok(loaded) => {
            assert!(run.options.dump_config());
            let stdout = if loaded.settings.quiet { String::new() } else { loaded.settings.dump() };
            Outcome { exit: 0, stdout, stderr: text("WARNING", &loaded.warnings) }
        }
    }
}

/// Whether the two agree, after deliberate differences are brought to one form.
fn same(theirs: &mut Outcome, ours: &mut Outcome) -> bool {
    // Help and version: each program has its own.
    for start in ["Usage: ", "s3cmd version 2.4.0\n"] {
        if theirs.stdout.starts_with(start) && ours.stdout.starts_with(start) {
            theirs.stdout.truncate(start.len());
            ours.stdout.truncate(start.len());
        }
    }
    // A traceback of Python: here one line, and 64 for an invalid regular expression.
    if let Some(problem) = theirs.stderr.lines().find_map(|line| line.strip_prefix("Problem: ")) {
        if problem.starts_with("error: ") && ours.stderr.contains("regular expression") {
            return (theirs.exit, ours.exit) == (1, 64);
        }
        let reason = problem.split_once(": ").map_or(problem, |(_, reason)| reason);
        let warnings = theirs.stderr.split_inclusive('\n').filter(|line| line.starts_with("WARNING: "));
        theirs.stderr = warnings.map(str::to_owned).chain([format!("ERROR: {reason}\n")]).collect();
    }
    for outcome in [&mut *theirs, &mut *ours] {
        outcome.stderr = without_reasons(&outcome.stderr);
    }
    theirs == ours
}

/// Drops the reason why a file cannot be used, which differs: the text after the name of the file if the next line
/// names what is missing, or for a file of patterns.
fn without_reasons(stderr: &str) -> String {
    let lines: Vec<&str> =
        stderr.split_inclusive('\n').filter(|line| !line.starts_with("DEBUG: ") && *line != "\n").collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let is_about_file = lines.get(at + 1) == Some(&"ERROR: Configuration file not available.\n");
        match line.rsplit_once(": ") {
            Some((file, _)) if is_about_file => text.push_str(&format!("{file}: REASON\n")),
            // A line may contain a secret: this program prints only its number.
            _ if line.starts_with("WARNING: Ignoring invalid line in ") => text.push_str("WARNING: a line\n"),
            _ if line.contains("No such file or directory") => text.push_str("ERROR: no such file\n"),
            _ => text.push_str(line),
        }
    }
    text
}

fn report(at: u64, line: &[String], config: &str, theirs: &Outcome, ours: &Outcome) {
    println!("--- line {at}: {line:?}\n    config: {config:?}\n    exit: {} / {}", theirs.exit, ours.exit);
    println!("    stderr: {:?}\n          / {:?}", theirs.stderr, ours.stderr);
    let only = |one: &str, other: &str| {
        let missing = one.lines().filter(|line| !other.lines().any(|known| known == *line));
        missing.take(8).map(str::to_owned).collect::<Vec<_>>()
    };
    println!("    only theirs: {:?}", only(&theirs.stdout, &ours.stdout));
    println!("    only ours: {:?}", only(&ours.stdout, &theirs.stdout));
}

#[test]
fn random_lines_are_parsed_as_by_s3cmd() {
    let Some(command) = crate::compat::twins::original() else { return };
    let command = command.into_string().expect("a command line is text");
    let command: Vec<&str> = command.split_whitespace().collect();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("S3CMD_DIFFERENTIAL_LINES").unwrap_or(300);
    let seed = number("S3CMD_DIFFERENTIAL_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    println!("seed {seed}, {count} lines");
    let folder = tempfile::tempdir().unwrap();
    // Names such as `config` are relative, and the library opens them from here.
    std::env::set_current_dir(folder.path()).unwrap();
    std::fs::write("other", "access_key = OK\nsecret_key = OS\nhost_base = other\n").unwrap();
    std::fs::write("patterns", "*.txt\n# c\n\n a+ \n").unwrap();
    let mut random = Random::new(seed);
    let mut differences = 0;
    let mut dumps = 0;
    for at in 0..count {
        let config = config_file(&mut random);
        let line = command_line(&mut random);
        std::fs::write("config", &config).unwrap();
        let mut theirs = original(&command, &line, folder.path());
        let mut ours = ours(&line, folder.path());
        dumps += u64::from(theirs.stdout.starts_with("[default]"));
        if !same(&mut theirs, &mut ours) {
            differences += 1;
            report(at, &line, &config, &theirs, &ours);
        }
    }
    println!("seed {seed}: {count} lines, {dumps} of them with a dump, {differences} differ");
    assert_eq!(differences, 0, "lines that differ; seed {seed}");
    assert!(dumps * 4 > count, "the lines hardly ever reach the settings");
}
