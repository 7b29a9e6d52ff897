//! Tests that are skipped, wholly or in part, because something that they need is missing. Every skip goes through this
//! module: it prints `skipped: TEST: WHY` to standard error and, if `S3CMD_SKIPPED` names a file, adds that line to it.
//!
//! There are three kinds:
//! - [`missing`], [`unset`]: something that can be installed. The test fails instead if `CI=true`.
//! - [`another_run`], [`on_serve`]: `.ci/run` runs the suite twice, on `serve` and then on Ceph beside s3cmd 2.4.0. The
//!   test is played in the other of these two runs.
//! - [`not_possible`]: the machine does not allow it.

use crate::support::service::service;
use std::io::Write;

/// Ends the lines of tests that another run plays; `.ci/run` looks for it.
const ANOTHER_RUN: &str = "(played in another run)";

fn skip(why: &str) {
    let test = std::thread::current();
    let line = format!("skipped: {}: {why}\n", test.name().unwrap_or("a thread of a test"));
    // Written at once, as other tests write at the same time. A line that cannot be written is no reason to fail.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("S3CMD_SKIPPED").filter(|path| !path.is_empty()) {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.unwrap_or_else(|error| panic!("S3CMD_SKIPPED={}: {error}", path.display()));
    }
}

/// Skips a test for lack of something that can be installed or set.
///
/// # Panics
///
/// If `CI=true`: there it has to be installed.
pub(crate) fn missing(what: &str) {
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!is_ci, "CI=true, and this is missing: {what}");
    skip(&format!("{what} is missing"));
}

/// Skips a test for lack of an environment variable. `S3CMD_LATER_RUN` lists those that a later run of `.ci/run` sets.
///
/// # Panics
///
/// As [`missing`], unless a later run sets the variable.
pub(crate) fn unset(variable: &str) {
    let later = std::env::var("S3CMD_LATER_RUN").unwrap_or_default();
    if later.split_whitespace().any(|listed| listed == variable) {
        another_run(&format!("{variable} is not set"));
    } else {
        missing(variable);
    }
}

/// Skips a test that another run plays.
pub(crate) fn another_run(why: &str) {
    skip(&format!("{why} {ANOTHER_RUN}"));
}

/// Skips a test that this machine does not allow.
pub(crate) fn not_possible(why: &str) {
    skip(why);
}

/// Whether the service of this run is `serve`, which a test of `what` needs. Reports a skip if it is another one.
pub(crate) fn on_serve(what: &str) -> bool {
    let is_serve = !service().external;
    if !is_serve {
        another_run(&format!("{what}: only on `serve`"));
    }
    is_serve
}
