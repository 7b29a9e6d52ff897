//! Replays what s3cmd 2.4.0 printed against a Ceph Object Gateway, in order, and compares stdout, stderr and exit code.
//!
//! `tests/transcripts/README.md` describes the files. `allowed_differences` lists where this program differs.

use crate::compat::allowed_differences;
use crate::support::env::{TestEnv, split};
use crate::support::run::Run;
use crate::support::service::{Serve, service};
use regex::Regex;
use std::path::{Path, PathBuf};

/// One command and what it printed.
struct Transcript {
    name: String,
    line: String,
    /// Exit code, stdout and stderr as one text; `None` for a step that only prepares the next ones.
    expected: Option<String>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// The names of the transcripts, without their ending.
pub(crate) fn names() -> Vec<String> {
    files().into_iter().filter_map(|file| file.strip_suffix(".txt").map(str::to_owned)).collect()
}

/// The files in the order of their numbers.
fn files() -> Vec<String> {
    let entries = std::fs::read_dir(directory()).expect("the transcripts are there");
    let mut files: Vec<String> =
        entries.map(|entry| entry.expect("a name").file_name().to_string_lossy().into_owned()).collect();
    files.retain(|file| file != "README.md");
    files.sort_by_key(|file| {
        file.split('-').next().and_then(|number| number.parse::<u32>().ok()).expect("a number")
    });
    files
}

fn read() -> Vec<Transcript> {
    let mut transcripts = Vec::new();
    for file in files() {
        let text = std::fs::read_to_string(directory().join(&file)).expect("a text");
        let name = file.rsplit_once('.').expect("an ending").0.to_owned();
        if file.ends_with(".setup") {
            for line in text.lines() {
                let line = if line.starts_with("! ") { line.to_owned() } else { command(line) };
                transcripts.push(Transcript { name: name.clone(), line, expected: None });
            }
            continue;
        }
        let (line, rest) = text.split_once('\n').expect("a command line");
        transcripts.push(Transcript { name, line: command(line), expected: Some(rest.to_owned()) });
    }
    transcripts
}

/// The command lines of all transcripts.
pub(crate) fn lines() -> Vec<String> {
    read().into_iter().map(|transcript| transcript.line).filter(|line| !line.starts_with('!')).collect()
}

fn command(line: &str) -> String {
    line.strip_prefix("$ s3cmd ").unwrap_or_else(|| panic!("not a command line: {line}")).to_owned()
}

/// The files that the transcripts work with, and one configuration for each name that they give with `-c`.
fn prepare(t: &mut TestEnv) {
    for bucket in ["lab-ref-1", "lab-ref-2", "lab-ref-3", "lab-ref-none"] {
        t.reserve(bucket);
    }
    t.know_alt_id("lab-alt");
    t.file("hello.txt", "hello world\n");
    t.file("empty.txt", "");
    t.file("one.txt", "one\n");
    t.file("two.txt", "two\n");
    t.file("multi.bin", (0..12 * 1024 * 1024).map(|i: u32| i as u8).collect::<Vec<u8>>());
    t.tree();
    let lifecycle = "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ID>old</ID>\
         <Prefix>log/</Prefix><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>";
    t.file("lifecycle.xml", lifecycle);
    t.file("broken.xml", &lifecycle[..120]);
    t.file(
        "cors.xml",
        "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><CORSRule><AllowedMethod>GET</AllowedMethod>\
         <AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
    );
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/lab-alt"]},
        "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::lab-ref-1", "arn:aws:s3:::lab-ref-1/*"]}]}"#;
    t.file("policy.json", t.normaliser.fill(policy));
    t.file("broken.json", "{\"Version\": \"2012-10-17\", \"Statement\": [");
    t.dir("down");

    let service = t.service.clone();
    let main = t.config_of(&service.main, &service.host);
    t.file("s3cfg", &main);
    t.file("s3cfg-alt", t.config_of(&service.alt, &service.host));
    t.file("s3cfg-vhost", t.config_of(&service.main, &format!("%(bucket)s.{}", service.host)));
    t.file("s3cfg-badkey", main.replace(&service.main.access, "NOSUCHKEY"));
    t.file("s3cfg-badsecret", main.replace(&service.main.secret, "wrong"));
    t.file("s3cfg-down", main.replace(&service.host, "localhost:1"));
    t.file("s3cfg-nokeys", main.replace(&service.main.access, "").replace(&service.main.secret, ""));
    // With -v the program would report a configuration file that other users can read.
    for name in ["s3cfg", "s3cfg-alt", "s3cfg-vhost", "s3cfg-badkey", "s3cfg-badsecret", "s3cfg-down"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(t.path(name), mode).expect("a mode");
    }
}

/// Takes a redirection off the line's end and runs it. A line that begins with `!` is a shell command.
fn play(t: &TestEnv, line: &str) -> Run {
    if let Some(script) = line.strip_prefix("! ") {
        return t.shell(script).run();
    }
    let (line, input) = line.rsplit_once(" <").unwrap_or((line, ""));
    let input = if input.is_empty() { Vec::new() } else { t.read(input) };
    let over_all_buckets =
        matches!(split(line)[2..], [ref command] if ["ls", "la", "du"].contains(&command.as_str()));
    let call = || t.s3cmd(line).stdin(&input);
    if over_all_buckets { t.account_wide(call) } else { call().run() }
}

/// Applies patterns in turn.
fn change(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}

/// On a shared endpoint only the lines about this test's buckets are compared, and no totals.
fn own_lines(text: &str) -> String {
    let foreign = |line: &&str| line.contains("s3://") && !line.contains("s3://lab-ref-");
    let text: String = text
        .lines()
        .filter(|line| !line.is_empty() && !foreign(line))
        .map(|line| format!("{line}\n"))
        .collect();
    change(&text, &[(r"(?m)^\d+ +Total$", "N Total")])
}

/// Where `serve` differs from Ceph: it has no zones, and some operations are errors in only one of the two.
const NOT_ON_SERVE: &[&str] = &[
    "208-mb-bad-location",
    "830-setownership",
    "838-accesslog-on",
    "841-ws-create",
    "842-ws-info",
    "847-restore",
];

/// Messages of Ceph, and names of the lab's users.
const OF_THE_SERVICE: &[(&str, &str)] = &[
    (r"(?m)\(Reason: (\d{3} \(\w+\)): .*\)$", "(Reason: $1)"),
    (r"\((\w+ )?\d{3} \((\w+)\): .*\)", "($2)"),
    (r"(?m)^   Location:  .*$", "   Location:  WHERE"),
    (r"(?m)^   ACL:       [^*].*: ", "   ACL:       WHO: "),
    (r"\(MalformedPolicy\)", "(InvalidArgument)"),
    (r"\(NoSuchUpload\)", "(NoSuchKey)"),
    ("\t\t<ID>GENERATED</ID>\n", ""),
    (r"(?m)(S3 error: \d+ \(\w+\)): .*$", "$1"),
    (" xmlns=\"[^\"]*\"", ""),
];

/// Without Ceph's messages, and with grants and tags in a fixed order.
fn as_on_any_service(text: &str) -> String {
    let text = change(text, OF_THE_SERVICE);
    let mut lines: Vec<&str> = text.lines().collect();
    let unordered =
        |line: &str| line.starts_with("   ACL:") || line.starts_with('\t') && line.contains(":\t");
    for group in lines.chunk_by_mut(|a, b| unordered(a) && unordered(b)) {
        group.sort_unstable();
    }
    lines.join("\n")
}

fn replay(mut t: TestEnv, as_on_ceph: bool) {
    prepare(&mut t);
    t.normaliser.keep_messages = as_on_ceph;
    let mut failures = Vec::new();
    let transcripts = read();
    for transcript in &transcripts {
        if !as_on_ceph && NOT_ON_SERVE.contains(&transcript.name.as_str()) {
            continue;
        }
        let run = play(&t, &transcript.line);
        if transcript.name == "718-setacl-public-vhost" {
            // s3cmd did not reach the second object (row `others-go-on`).
            assert_eq!(play(&t, "-c s3cfg setacl --acl-private s3://lab-ref-1/renamed.txt").code, Some(0));
        }
        let Some(expected) = &transcript.expected else {
            assert_eq!(run.code, Some(0), "{} could not be prepared:\n{run}", transcript.name);
            continue;
        };
        let original = t.normaliser.apply(&expected.replace("localhost:7480", "ENDPOINT"));
        let mut expected = allowed_differences::expected(&transcript.name, &original);
        let mut found = allowed_differences::without_additions(&run.as_transcript());
        // A listing of all buckets: words that are not URIs are ignored.
        if as_on_ceph && !transcript.line.contains("s3://") {
            (expected, found) = (own_lines(&expected), own_lines(&found));
        }
        if !as_on_ceph {
            (expected, found) = (as_on_any_service(&expected), as_on_any_service(&found));
        }
        if expected.trim_end() != found.trim_end() {
            failures.push(format!(
                "{}: {}\nexpected {expected}\nfound {found}",
                transcript.name, transcript.line
            ));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), transcripts.len(), failures.join("\n\n"));
}

/// On the endpoint from the environment, or else on a `serve` of its own.
#[test]
fn s3cmds_transcripts_are_reproduced() {
    if service().external {
        replay(TestEnv::new(), true);
    } else {
        let serve = Serve::start();
        replay(TestEnv::on(&serve.service), false);
    }
}
