//! Errors of a file that only `close` and `fsync` report.
//!
//! A network file system can accept every `write` and reject the data later: NFS reports an exceeded quota when the
//! file is closed. Dropping a `File` ignores that error.

use std::fs::File;
use std::io;
use std::path::Path;

/// Maximum number of attempts if a signal interrupts `close`.
const ATTEMPTS: usize = 8;

/// Returns the error that `close` would report, while the file stays open and keeps its locks. For this, a duplicate of
/// the file descriptor is closed, which makes a network file system flush the data. On local file systems this is
/// cheap.
pub(crate) fn check_close_errors(file: impl std::os::fd::AsFd) -> io::Result<()> {
    let mut ended = Ok(());
    for _ in 0..ATTEMPTS {
        ended = close_descriptor(file.as_fd().try_clone_to_owned()?);
        if !ended.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
            break;
        }
    }
    ended
}

/// Closes a file and returns the error of `close`.
pub(crate) fn close(file: File) -> io::Result<()> {
    check_close_errors(&file)
}

#[allow(unsafe_code, reason = "the standard library ignores the error of close")]
fn close_descriptor(descriptor: std::os::fd::OwnedFd) -> io::Result<()> {
    use std::os::fd::IntoRawFd;
    // SAFETY: the descriptor is owned, and ownership ends here.
    match unsafe { libc::close(descriptor.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Flushes the entries of a directory to disk. File systems that do not support this are not an error.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        ended => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_stays_open_and_locked_while_its_errors_are_read() {
        use rustix::fs::{FlockOperation, flock};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let mut file = File::create(&path).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
        file.write_all(b"one").unwrap();
        check_close_errors(&file).unwrap();
        let other = File::open(&path).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        file.write_all(b" two").unwrap();
        close(file).unwrap();
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one two");
        sync_directory(folder.path()).unwrap();
        assert!(sync_directory(&path.join("none")).is_err());
    }
}
