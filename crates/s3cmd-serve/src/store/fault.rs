//! Fault injection for tests: simulates a process that dies at a chosen moment. From then on every change to a
//! directory by this thread fails.

use std::cell::Cell;
use std::io;

thread_local! {
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Lets `steps` more changes succeed; with `None`, all of them.
pub(super) fn die_after(steps: Option<usize>) {
    LEFT.set(steps);
}

/// Must be called before each change to a directory.
pub(super) fn step() -> io::Result<()> {
    match LEFT.get() {
        None => Ok(()),
        Some(0) => Err(io::Error::other("dead")),
        Some(left) => {
            LEFT.set(Some(left - 1));
            Ok(())
        }
    }
}
