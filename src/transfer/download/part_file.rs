//! The temporary file of a download: beside its target, under a name that a later run finds again.
//!
//! The name is made of the target's, so that a run that was killed leaves at most one file for each target, and the next
//! one takes it over. Only a file that this user owns and no other process has locked is taken over; runs on one target at
//! the same time use further names, and whoever is done removes those that nobody is at work on.

use super::object::Remote;
use crate::s3::Result;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs at once on one target whose files a later run finds again.
const NAMES: u32 = 4;

/// Whether a file is one that a download keeps while it is under way: no upload takes it along, no sync deletes it.
pub(crate) fn is_unfinished(name: &OsStr) -> bool {
    let middle = name.to_str().and_then(|name| name.strip_prefix(".s3cmd."));
    let middle = middle.and_then(|name| name.strip_suffix(".part").or_else(|| name.strip_suffix(".state")));
    middle.is_some_and(|middle| !middle.is_empty() && middle.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// A temporary file that becomes the target, or is removed.
#[derive(Debug)]
pub(super) struct PartFile {
    file: Arc<File>,
    path: PathBuf,
    target: PathBuf,
    /// Whether the file stays for a later run when it does not become the target.
    keep: bool,
}

impl PartFile {
    /// Opens or makes the temporary file of a target; its content is what an earlier run left.
    pub(super) fn open(target: &Path) -> io::Result<Self> {
        for path in names(target) {
            if let Some(file) = take_over(&path)? {
                return Ok(Self { file: Arc::new(file), path, target: target.to_owned(), keep: false });
            }
        }
        let unique = tempfile::Builder::new().prefix(".s3cmd.").suffix(".part").tempfile_in(parent(target));
        let (file, path) = unique.map_err(plain)?.keep().map_err(|error| plain(error.error))?;
        Ok(Self { file: Arc::new(file), path, target: target.to_owned(), keep: false })
    }

    /// The open file.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where the progress of the download is written down.
    pub(super) fn journal(&self) -> PathBuf {
        self.path.with_extension("state")
    }

    /// Leaves the file to a later run, unless it becomes the target.
    pub(super) fn keep(&mut self) {
        self.keep = true;
    }

    /// Removes it after all.
    pub(super) fn discard(&mut self) {
        self.keep = false;
    }

    /// Gives the verified file its mode, its time and its name.
    pub(super) fn place(mut self, object: &Remote) -> Result<()> {
        finish(&self.file, &self.target, object)?;
        std::fs::rename(&self.path, &self.target)?;
        // What is dropped now is the journal alone.
        self.keep = false;
        for path in names(&self.target).skip(1).filter(|path| path.exists()) {
            if let Ok(Some(_locked)) = take_over(&path) {
                remove(&path);
            }
        }
        Ok(())
    }
}

/// Gives a complete file the mode of what it replaces and the time of the object.
pub(super) fn finish(file: &File, target: &Path, object: &Remote) -> io::Result<()> {
    file.set_permissions(mode_for(target))?;
    if let Some(modified) = object.modified {
        let time = filetime::FileTime::from_system_time(modified);
        filetime::set_file_handle_times(file, Some(time), Some(time))?;
    }
    Ok(())
}

/// Removes the journal of a target's download if its file has become the target: a run was killed between the two.
pub(crate) fn tidy(target: &Path) {
    names(target).for_each(|path| remove_orphan(&path.with_extension("state")));
}

/// Removes a journal whose file is not there.
pub(crate) fn remove_orphan(journal: &Path) {
    let is_journal = journal.extension().is_some_and(|extension| extension == "state");
    if is_journal
        && journal.file_name().is_some_and(is_unfinished)
        && !journal.with_extension("part").exists()
    {
        let _ = std::fs::remove_file(journal);
    }
}

/// The names of a target's temporary files, in the order in which they are tried.
fn names(target: &Path) -> impl Iterator<Item = PathBuf> {
    let name = target.file_name().unwrap_or(target.as_os_str());
    let digest = hex::encode(&Sha256::digest(name.as_encoded_bytes())[..8]);
    let parent = parent(target).to_owned();
    (0..NAMES).map(move |number| match number {
        0 => parent.join(format!(".s3cmd.{digest}.part")),
        _ => parent.join(format!(".s3cmd.{digest}x{number}.part")),
    })
}

fn parent(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
    let _ = std::fs::remove_file(path.with_extension("state"));
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.keep {
            // After a rename there is nothing under the old name; a journal is there for large files only.
            remove(&self.path);
        }
    }
}

/// Opens the file if it is ours: no link, no other owner, no other process at work on it.
#[cfg(unix)]
fn take_over(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{FlockOperation, OFlags};
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let options = || {
        OpenOptions::new().read(true).write(true).create(true).mode(0o600).custom_flags(no_follow).to_owned()
    };
    let file = match options().open(path) {
        Ok(file) => file,
        Err(error)
            if error.kind() == io::ErrorKind::PermissionDenied
                || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let ours =
        metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.nlink() == 1;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        // File systems without locks: then two runs on one target are the user's affair, as ever.
        Err(_) => {}
    }
    // Between opening and locking, the process that held it may have renamed it.
    let same = std::fs::symlink_metadata(path).is_ok_and(|now| now.ino() == metadata.ino());
    Ok(Some(file).filter(|_| ours && same))
}

#[cfg(not(unix))]
fn take_over(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// The mode of the file that is replaced, else that of any new file.
#[cfg(unix)]
pub(in crate::transfer) fn mode_for(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => std::fs::Permissions::from_mode(0o666 & !umask()),
    }
}

/// The process's umask: read where Linux shows it, else by setting it for a moment, once.
#[cfg(unix)]
fn umask() -> u32 {
    static UMASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *UMASK.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let shown = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        if let Some(umask) = shown.and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok()) {
            return umask;
        }
        let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        rustix::process::umask(old);
        old.as_raw_mode()
    })
}

/// An error without the temporary file's name, which means nothing to the user.
fn plain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_killed_run_leaves_one_file_and_the_next_takes_it_over() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let count = || std::fs::read_dir(root.path()).unwrap().count();
        let mut first = PartFile::open(&target).unwrap();
        first.keep();
        // Another process, and so another open file, at the same time gets a name of its own.
        let second = PartFile::open(&target).unwrap();
        assert_ne!(first.path, second.path);
        drop(second);
        let path = first.path.clone();
        drop(first);
        assert_eq!(count(), 1);
        let again = PartFile::open(&target).unwrap();
        assert_eq!(again.path, path);
        drop(again);
        assert_eq!(count(), 0);
    }

    #[test]
    fn of_two_runs_at_once_the_one_that_ends_removes_what_a_kill_left_of_the_other() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let first = PartFile::open(&target).unwrap();
        let mut second = PartFile::open(&target).unwrap();
        std::fs::write(second.journal(), "").unwrap();
        let third = PartFile::open(&target).unwrap();
        assert_ne!(third.path, second.path);
        second.keep();
        drop(second);
        first.place(&Remote::default()).unwrap();
        let left: Vec<_> =
            std::fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(target.exists() && third.path.exists());
    }

    #[test]
    fn a_journal_without_its_file_is_removed_and_one_with_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut part = PartFile::open(&target).unwrap();
        std::fs::write(part.journal(), "").unwrap();
        tidy(&target);
        assert!(part.journal().exists());
        part.keep();
        std::fs::remove_file(&part.path).unwrap();
        tidy(&target);
        assert!(!part.journal().exists());
        let other = root.path().join("my.state");
        std::fs::write(&other, "").unwrap();
        remove_orphan(&other);
        assert!(other.exists());
    }

    #[test]
    fn its_name_is_known_to_those_who_walk_trees() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let first = PartFile::open(&target).unwrap();
        let second = PartFile::open(&target).unwrap();
        for path in [&first.path, &second.path, &first.journal()] {
            assert!(is_unfinished(path.file_name().unwrap()), "{path:?}");
        }
        for name in [".s3cmd", ".s3cmd.part", ".s3cmd.a-b.part", "s3cmd.ab.part", ".s3cmd.ab.txt"] {
            assert!(!is_unfinished(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut made = PartFile::open(&target).unwrap();
        made.keep();
        let path = made.path.clone();
        drop(made);
        std::fs::remove_file(&path).unwrap();
        let victim = root.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        let other = PartFile::open(&target).unwrap();
        assert_ne!(other.path, path);
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }
}
