//! Lines that a test prints past the harness, which captures the output of a test that passes.

use std::io::Write;

/// Prints a line to standard error.
pub(crate) fn notice(text: &str) {
    // A line that cannot be written is no reason to fail.
    let _ = writeln!(std::io::stderr().lock(), "note: {text}");
}
