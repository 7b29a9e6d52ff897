//! Tests that lack something that they need.

use crate::support::service::service;

/// Says on the terminal, past the test harness, that something was left out, and why.
pub(crate) fn notice(text: &str) {
    use std::io::Write;
    // A notice that nobody can read is no reason to fail.
    let _ = writeln!(std::io::stderr().lock(), "note: {text}");
}

/// Whether the service has what Ceph has not; says that a test is left out if not.
pub(crate) fn has(what: &str) -> bool {
    let has = !service().external;
    if !has {
        notice(&format!("{what}: not on this endpoint, left out"));
    }
    has
}
