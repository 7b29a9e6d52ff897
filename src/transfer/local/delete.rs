//! Deletes local files.

use crate::output::reason;
use std::io;
use std::path::Path;

/// Deletes a file or an empty directory. Returns whether it was deleted, or an error message.
pub(crate) fn delete_local(path: &Path, is_directory: bool) -> Result<bool, String> {
    let done = if is_directory { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
    match done {
        Ok(()) => Ok(true),
        // Files that the rules protect are still in it.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(reason(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_empty_directories_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("d");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("f"), "x").unwrap();
        assert_eq!(delete_local(&dir, true), Ok(false));
        assert_eq!(delete_local(&dir.join("f"), false), Ok(true));
        assert_eq!(delete_local(&dir, true), Ok(true));
        assert_eq!(delete_local(&dir, true), Ok(false));
    }
}
