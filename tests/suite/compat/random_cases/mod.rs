//! Random cases: random trees, filters and options for the commands that move and delete, through s3cmd 2.4.0 and this
//! program, each in its own world. Each command runs as a dry run, for real and again. All output, and all that is left
//! on disk and in the store, has to be the same.
//!
//! Every run has a new seed and prints it. `S3CMD_SEED` repeats a run, `S3CMD_CASES` is the number of cases: a failure
//! names the seed of its case, which is repeated with `S3CMD_CASES=1`.
//!
//! A deliberate difference (`docs/differences.md`) is not generated, or is in `allowed_differences` with the place
//! `case KIND`.

mod commands;
pub(crate) mod options;

use crate::compat::twins::{Twins, original};
use crate::support::notice::notice;
use crate::support::random::{Random, number, seed};
use crate::support::random_trees::{File, glob, plant, regexp};
use crate::support::service::service;
use crate::support::snapshot::Seed;
use commands::case;
use options::FILTERS;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The default number of cases.
const CASES: u64 = 12;

/// What the two worlds begin with, and what is done there.
#[derive(Debug, Default)]
struct Case {
    /// Its name in `allowed_differences`.
    kind: &'static str,
    files: Vec<(&'static str, Vec<File>)>,
    seeds: Vec<(&'static str, Vec<Seed>)>,
    texts: Vec<(String, String)>,
    lines: Vec<String>,
}

/// A word in quotes, so that the program receives it unchanged.
fn quoted(word: &str) -> String {
    if word.contains('\'') { format!("\"{word}\"") } else { format!("'{word}'") }
}

fn names(files: &[File]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

/// Some of these options, each at most once.
fn some(random: &mut Random, options: &[&str], most: usize) -> String {
    let mut chosen: Vec<&str> = Vec::new();
    for _ in 0..random.below(most + 1) {
        let option = random.pick(options);
        if !chosen.contains(&option) {
            chosen.push(option);
        }
    }
    chosen.iter().map(|option| format!(" {option}")).collect()
}

impl Case {
    /// Random filters for these names, with the files of patterns that they need.
    fn filters(&mut self, random: &mut Random, names: &[&str]) -> String {
        let mut options = String::new();
        if random.one_in(3) {
            return options;
        }
        for _ in 0..=random.below(3) {
            // An include alone has no effect, so excludes are more frequent.
            let option = FILTERS[[0, 0, 2, 4, 6, 1, 1, 3, 5, 7][random.below(10)]];
            let pattern = |random: &mut Random| {
                if option.starts_with("--r") { regexp(random, names) } else { glob(random, names) }
            };
            let value = if option.ends_with("-from") {
                let mut text = String::from("# patterns\n\n");
                for _ in 0..=random.below(2) {
                    let pattern = pattern(random);
                    // Such a line would be a comment.
                    let guarded =
                        pattern.strip_prefix('#').map_or(pattern.clone(), |rest| format!("[#]{rest}"));
                    let _ = writeln!(text, " {guarded} ");
                }
                let file = format!("patterns{}", self.texts.len());
                self.texts.push((file.clone(), text));
                file
            } else {
                pattern(random)
            };
            let _ = write!(options, " {}", quoted(&format!("{option}={value}")));
        }
        options
    }

    /// The command as a dry run, for real, and once more; or only some of these.
    fn play(&mut self, random: &mut Random, line: &str) {
        let (command, rest) = line.split_once(' ').expect("a command with arguments");
        let dry = random.pick(&["-n", "--dry-run"]);
        match random.below(4) {
            0 => self.lines.push(format!("{command} {dry} {rest}")),
            1 => self.lines.push(line.to_owned()),
            2 => self.lines.extend([format!("{command} {dry} {rest}"), line.to_owned()]),
            _ => self.lines.extend([line.to_owned(), line.to_owned()]),
        }
    }
}

/// The places of cases in `allowed_differences`.
pub(crate) fn places() -> Vec<String> {
    let kinds = [
        "put",
        "get",
        "copy",
        "del",
        "change",
        "sync up",
        "sync down",
        "sync down without attributes",
        "sync between",
    ];
    kinds.iter().flat_map(|kind| [format!("case {kind}"), format!("after case {kind}")]).collect()
}

/// Plays a case and describes all differences.
fn differences(original: &std::ffi::OsString, case: &Case) -> Vec<String> {
    let twins = Twins::bare(original, service());
    twins.each(|t| {
        for (directory, files) in &case.files {
            plant(t, directory, files);
        }
        for (name, text) in &case.texts {
            t.file(name, text);
        }
        for (bucket, seeds) in &case.seeds {
            twins.store.put(&t.fill(bucket), seeds);
        }
    });
    let place = format!("case {}", case.kind);
    let mut found: Vec<String> =
        case.lines.iter().filter_map(|line| twins.compare_at(&place, line)).collect();
    found.extend(twins.compare_results(&format!("after {place}")));
    found
}

#[test]
fn random_cases_end_as_in_s3cmd() {
    let Some(original) = original() else { return };
    let (seed, count) = (seed(), number("S3CMD_CASES").unwrap_or(CASES));
    notice(&format!("{count} random cases from S3CMD_SEED={seed}"));
    let (next, lines, failures) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let seed = seed.wrapping_add(at);
                    let case = case(seed);
                    lines.fetch_add(case.lines.len() as u64, Ordering::Relaxed);
                    let found = differences(&original, &case);
                    if !found.is_empty() {
                        let head =
                            format!("S3CMD_SEED={seed} S3CMD_CASES=1, {}: {:#?}", case.kind, case.lines);
                        failures.lock().expect("no panic").push(format!("{head}\n{}", found.join("\n")));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    notice(&format!(
        "{count} random cases, {} command lines, {} cases differ",
        lines.into_inner(),
        failures.len()
    ));
    assert!(failures.is_empty(), "{} cases differ:\n\n{}", failures.len(), failures.join("\n\n"));
}
