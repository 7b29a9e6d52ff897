//! Opens, locks and identifies temporary files.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

pub(super) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)
}

/// Opens an existing file under the name of a temporary file. Returns `None` if it cannot be one of this user's.
pub(super) fn open_left(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    // Does not follow a symbolic link, and does not block on a pipe.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = match OpenOptions::new().read(true).write(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        Err(_) => return Ok(None),
    };
    let metadata = file.metadata()?;
    let ours =
        metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.nlink() == 1;
    // If it was renamed meanwhile, it has no name or another one, which `leads_to` detects.
    Ok(Some(file).filter(|_| ours))
}

/// The result of trying to lock a file.
pub(super) enum Lock {
    Held,
    Busy,
    Unsupported,
}

pub(super) fn lock(file: &File) -> Lock {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Held,
        Err(rustix::io::Errno::WOULDBLOCK) => Lock::Busy,
        Err(_) => Lock::Unsupported,
    }
}

/// Whether a path refers to this open file, and not through a symbolic link.
pub(super) fn leads_to(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(named), Ok(open)) = (std::fs::symlink_metadata(path), file.metadata()) else { return false };
    (named.dev(), named.ino()) == (open.dev(), open.ino())
}
