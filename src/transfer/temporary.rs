//! Temporary files without names, and errors about them that say where they are.

use crate::output::reason;
use std::fs::File;
use std::io;

/// Makes a temporary file that is gone when it is closed, in the directory that `TMPDIR` names.
pub(crate) fn file() -> io::Result<File> {
    tempfile::tempfile().map_err(|error| explained(&error))
}

/// The same error with the directory for temporary files in its text: it is missing, full, or not writable.
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
