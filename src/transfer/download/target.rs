//! Where a download is written.

use std::io;
use std::path::{Path, PathBuf};

/// Where the content is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A file, which is created or replaced when the content is complete.
    File(PathBuf),
    /// A device or pipe: a path that exists and is not a regular file is written directly.
    Through(PathBuf),
    /// Standard output.
    Stdout,
    /// Nowhere: only the digest is needed.
    Nowhere,
}

/// Determines whether a local path is a file that can be replaced or is written directly. A symbolic link is resolved,
/// so that its target is replaced and the link stays.
pub(crate) fn target_of(path: &Path) -> io::Result<Target> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Target::File(std::fs::canonicalize(path)?)),
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(Target::Through(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match std::fs::read_link(path) {
            // A dangling link: its target is created.
            Ok(link) => Ok(Target::File(path.parent().unwrap_or(Path::new("")).join(link))),
            Err(_) => Ok(Target::File(path.to_owned())),
        },
        Err(error) => Err(error),
    }
}
