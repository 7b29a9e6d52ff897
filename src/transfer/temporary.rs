//! Anonymous temporary files, and errors that name their directory.

use crate::output::reason;
use std::fs::File;
use std::io;

/// Creates a temporary file in the directory of `TMPDIR`. It is deleted when it is closed.
pub(crate) fn file() -> io::Result<File> {
    tempfile::tempfile().map_err(|error| explained(&error))
}

/// Adds the directory for temporary files to an error: it may be missing, full or not writable.
pub(crate) fn explained(error: &io::Error) -> io::Error {
    let directory = std::env::temp_dir();
    io::Error::new(
        error.kind(),
        format!(
            "{}: {} (TMPDIR names another directory for temporary files)",
            directory.display(),
            reason(error)
        ),
    )
}
