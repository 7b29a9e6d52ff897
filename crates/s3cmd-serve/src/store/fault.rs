//! A process that dies at a chosen moment, for tests: from then on nothing that its thread does to directories happens.

use std::cell::Cell;
use std::io;

thread_local! {
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The thread dies after so many more steps; with `None` it lives again.
pub(super) fn die_after(steps: Option<usize>) {
    LEFT.set(steps);
}

/// One change of a directory.
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
