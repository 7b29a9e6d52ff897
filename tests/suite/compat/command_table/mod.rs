//! `docs/commands.md`: every command on three servers, and beside s3cmd 2.4.0.
//!
//! `tests/heavy/command-table` starts the servers and writes the table. Without it one test remains: that the table has
//! a complete row for every command.

pub(crate) mod rows;

use crate::compat::allowed_differences;
use crate::compat::twins::{Twins, files, original};
use crate::support::env::{PROGRAM, TestEnv};
use crate::support::notice::notice;
use crate::support::run::{Invocation, Run};
use crate::support::service::{Serve, Service, service};
use crate::support::snapshot::{Seed, Store};
use rows::{ROWS, Row};
use s3cmd::cli::command_table::COMMANDS;
use s3cmd_client::ops::cloudfront::Distribution;
use std::fmt::Write as _;

/// Commands that s3cmd 2.4.0 does not have.
const OWN: &[&str] = &[
    "getacl",
    "getpolicy",
    "getcors",
    "getversioning",
    "getownership",
    "getblockpublicaccess",
    "getobjectlegalhold",
    "getobjectretention",
    "md5sum",
    "check",
    "serve",
    "help",
];

/// What a proof looks at: this program's world after the lines, and what they printed.
pub(crate) struct Seen<'a> {
    pub(crate) t: &'a TestEnv,
    store: &'a Store,
    /// Standard output of all lines, normalised.
    pub(crate) stdout: String,
    /// Standard output of the last line, byte for byte.
    raw: String,
}

impl Seen<'_> {
    pub(crate) fn said(&self, text: &str) -> bool {
        self.stdout.contains(text)
    }

    pub(crate) fn keys(&self, bucket: &str) -> Option<Vec<String>> {
        self.store.keys(&self.t.fill(bucket))
    }

    pub(crate) fn header(&self, key: &str, name: &str) -> Option<String> {
        self.store.head(&self.t.fill("BUCKET"), key)?.header(name).map(str::to_owned)
    }

    /// A document of the bucket.
    pub(crate) fn document(&self, name: &str) -> String {
        self.of("BUCKET", None, name)
    }

    /// A document of an object.
    pub(crate) fn object_document(&self, key: &str, name: &str) -> String {
        self.of("BUCKET", Some(key), name)
    }

    pub(crate) fn of(&self, bucket: &str, key: Option<&str>, name: &str) -> String {
        self.store.document(&self.t.fill(bucket), key, name)
    }

    /// Whether the printed link leads to this content.
    pub(crate) fn fetches(&self, content: &str) -> bool {
        let link = self.raw.trim();
        link.starts_with("http://") && crate::support::http::get(link).body == content.as_bytes()
    }

    /// The distribution of the bucket.
    pub(crate) fn distribution(&self) -> Option<Distribution> {
        let bucket = self.t.fill("BUCKET");
        let shows = |d: &Distribution| d.origins.iter().any(|origin| origin.host.contains(&bucket));
        self.store.distributions().into_iter().find(shows)
    }

    /// How many invalidations the distribution of the bucket has.
    pub(crate) fn invalidations(&self) -> usize {
        self.distribution().map_or(0, |distribution| self.store.invalidations(&distribution.id))
    }
}

/// The outcome of a command on one server.
struct Outcome {
    /// The cell of the table.
    cell: String,
    /// The difference between the transcripts, if it is not allowed.
    difference: Option<String>,
    /// The differences that were allowed.
    rows: Vec<&'static str>,
}

fn play(row: &Row, original: &std::ffi::OsString, service: &Service) -> Outcome {
    let mut twins = Twins::bare(original, service);
    let store = Store::new(service);
    for theirs in [true, false] {
        let t = twins.side_mut(theirs);
        files(t);
        t.file("topic.xml", TOPIC);
        t.configure(&format!("cloudfront_host = {}\nmax_retries = 1", service.host));
        for step in row.before {
            prepare(t, &store, step);
        }
    }
    let comparable = !OWN.contains(&row.command) && !row.command.starts_with("cf");
    let place = format!("table {}", row.command);
    let (mut stdout, mut raw, mut failed) = (String::new(), String::new(), None);
    let (mut difference, mut rows) = (None, Vec::new());
    for line in row.lines {
        let call = |theirs: bool| twins.side(theirs).account_wide(|| twins.side(theirs).s3cmd(line));
        if comparable {
            let (theirs, ours) = (shown(row, &call(true)), call(false));
            let expected = allowed_differences::expected(&place, &theirs);
            if expected != theirs {
                rows.extend(allowed_differences::rows(&place));
            }
            let found = shown(row, &ours);
            if expected != found && difference.is_none() {
                difference =
                    Some(format!("{line}\n--- s3cmd 2.4.0:\n{expected}\n--- this program:\n{found}"));
            }
            take(&ours, &mut stdout, &mut raw, &mut failed);
        } else {
            take(&call(false), &mut stdout, &mut raw, &mut failed);
        }
    }
    let seen = Seen { t: twins.side(false), store: &store, stdout, raw };
    let cell = match failed {
        Some(error) => error,
        None if (row.proof)(&seen) => "yes".to_owned(),
        None => "accepted, without effect".to_owned(),
    };
    Outcome { cell, difference, rows }
}

/// Adds a run to what was seen, and keeps the first error.
fn take(run: &Run, stdout: &mut String, raw: &mut String, failed: &mut Option<String>) {
    *stdout += &run.stdout;
    *raw = String::from_utf8_lossy(&run.raw).into_owned();
    if run.code != Some(0) && failed.is_none() {
        let line = run.stderr.lines().find(|line| line.starts_with("ERROR: ")).or(run.stderr.lines().last());
        // For failures that are printed to standard output.
        let line = line.or(run.stdout.lines().last()).unwrap_or_default();
        let line = line.trim_start_matches("ERROR: ").replace('|', "\\|");
        let code = run.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        *failed = Some(format!("`{line}`, exit code {code}"));
    }
}

/// A run in the form that is compared. A listing of all buckets shows those of other tests, too.
fn shown(row: &Row, run: &Run) -> String {
    let text = run.as_transcript();
    if row.command != "la" {
        return text;
    }
    text.lines()
        .filter(|line| !line.is_empty() && (!line.contains("s3://") || line.contains("s3://BUCKET")))
        .collect()
}

fn prepare(t: &mut TestEnv, store: &Store, step: &str) {
    let bucket = t.fill("BUCKET");
    match step {
        "upload" => {
            let id = store.begin_upload(&bucket, "large");
            t.normaliser.name(&id, "UPLOAD");
        }
        "odd" => {
            let seed = Seed { key: "a\u{1}b".into(), content: b"odd".to_vec(), headers: Vec::new() };
            store.put(&bucket, &[seed]);
        }
        // The line of the command itself shows what the server lacks.
        line => drop(Invocation { program: PROGRAM.into(), ..t.s3cmd(line) }.run()),
    }
}

const TOPIC: &str = "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TopicConfiguration><Id>made</Id>\
     <Topic>arn:aws:sns:us-east-1:123456789012:topic</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration>\
     </NotificationConfiguration>";

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by tests/heavy/command-table"))
}

/// Writes the table into the file `S3CMD_TABLE`.
#[test]
#[ignore = "run by tests/heavy/command-table"]
fn the_table_of_commands_is_written() {
    let original = original().expect("S3CMD_ORIGINAL is set");
    assert!(service().external, "the variables of tests/lab/ceph-rgw are set");
    let serve = Serve::start();
    let moto = Service { host: variable("S3CMD_TABLE_MOTO"), day: None, ..service().clone() };
    let servers = [
        (variable("S3CMD_TABLE_CEPH_NAME"), service()),
        ("`serve`".to_owned(), &serve.service),
        (variable("S3CMD_TABLE_MOTO_NAME"), &moto),
    ];
    let only = std::env::var("S3CMD_TABLE_ONLY").unwrap_or_default();
    let mut table = format!(
        "{HEAD}\n| command | {} | {} | {} | prints as s3cmd 2.4.0 |\n|---|---|---|---|---|\n",
        servers[0].0, servers[1].0, servers[2].0
    );
    let mut problems = Vec::new();
    for row in ROWS.iter().filter(|row| row.command.contains(&only)) {
        let outcomes = servers.each_ref().map(|(_, service)| play(row, &original, service));
        for ((name, _), outcome) in servers.iter().zip(&outcomes) {
            if let Some(difference) = &outcome.difference {
                problems.push(format!("{} on {name}: {difference}", row.command));
            }
        }
        let mut rows: Vec<&str> = outcomes.iter().flat_map(|outcome| outcome.rows.clone()).collect();
        rows.sort_unstable();
        rows.dedup();
        let same = match row.command {
            command if OWN.contains(&command) => "not in s3cmd 2.4.0".to_owned(),
            command if command.starts_with("cf") => "`cf-api`: s3cmd reaches none of these".to_owned(),
            _ if outcomes.iter().any(|outcome| outcome.difference.is_some()) => "no".to_owned(),
            _ if rows.is_empty() => "yes".to_owned(),
            _ => format!("but for `{}`", rows.join("`, `")),
        };
        let cells = outcomes.each_ref().map(|outcome| outcome.cell.as_str());
        let line = format!("| `{}` | {} | {same} |", row.command, cells.join(" | "));
        notice(&line);
        let _ = writeln!(table, "{line}");
    }
    table += "| `serve` | needs none | is this one | needs none | not in s3cmd 2.4.0 |\n";
    std::fs::write(variable("S3CMD_TABLE"), table).expect("the table is written");
    assert!(problems.is_empty(), "{} differences:\n\n{}", problems.len(), problems.join("\n\n"));
}

const HEAD: &str = "# Every command on three servers

Generated by `tests/heavy/command-table`. It runs each command on each server and verifies the effect on the service
itself: the object, its headers, the document of the bucket. *yes* means that the command had its effect. If a server
does not support what a command needs, the cell shows the error that the command prints. For the last column, the same
commands ran through s3cmd 2.4.0 on the same servers, in separate buckets. *yes* there means that standard output,
standard error and exit code were the same on all three servers, errors included, after replacing bucket names, times
and ids. Rows of [differences](differences.md) are named where they apply.
";

/// The file has a complete row for every command, and names only differences that are explained.
#[test]
fn the_table_of_commands_is_complete() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md"));
    let differences = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/differences.md"));
    for command in COMMANDS {
        let start = format!("| `{}` | ", command.name());
        let row = document.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/commands.md lacks {}", command.name()));
        let plain = row.replace("\\|", "/");
        let cells: Vec<&str> = plain.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        let last = row.rsplit(" | ").next().unwrap_or_default();
        for slug in last.split('`').skip(1).step_by(2) {
            assert!(differences.contains(&format!("| `{slug}` |")), "no row {slug}, which is named in {row}");
        }
        assert!(!last.starts_with("no |"), "an unexplained difference: {row}");
        assert!(
            command.name() == "serve" || ROWS.iter().any(|row| row.command == command.name()),
            "no proof for {}",
            command.name()
        );
    }
}
