//! Errors of a file that only `close` and `fsync` tell.
//!
//! A file system over a network may take every `write` and refuse the bytes later: NFS reports a full quota when the file is
//! closed. Dropping a `File` does not read that answer.

use std::fs::File;
use std::io;
use std::path::Path;

/// How often a `close` that a signal interrupted is asked again.
#[cfg(unix)]
const ATTEMPTS: usize = 8;

/// Has the file system take what was written so far and returns what `close` would report, while the file stays open and
/// keeps its locks: a second descriptor of the same open file is made and closed. On local file systems this costs nothing.
#[cfg(unix)]
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

/// Closes a file and returns what that reports.
pub(crate) fn close(file: File) -> io::Result<()> {
    check_close_errors(&file)
}

#[cfg(unix)]
#[allow(unsafe_code, reason = "the standard library drops what close reports")]
fn close_descriptor(descriptor: std::os::fd::OwnedFd) -> io::Result<()> {
    use std::os::fd::IntoRawFd;
    // SAFETY: the descriptor is owned, and given up here.
    match unsafe { libc::close(descriptor.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// On these systems nothing is known of such errors.
#[cfg(not(unix))]
pub(crate) fn check_close_errors(_: &File) -> io::Result<()> {
    Ok(())
}

/// Makes the names in a directory durable. File systems that cannot do that for directories are taken as they are.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        ended => ended,
    }
}

#[cfg(all(test, unix))]
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
