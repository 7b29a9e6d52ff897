//! The local file that goes up: whether it is still what it was when its attributes were taken and its digests computed.
//!
//! A file that is written while it is read becomes a mixture that never existed. The times and the size say whether it
//! may have been; if so, its present bytes are compared with what was sent. A log that only grew is stored as it was.

use crate::s3::body::{FileChanged, FileRange, Payload};
use crate::s3::{Error, Result};
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How coarse the clock of file times may be: a change this soon after another one may not show.
const TICK: Duration = Duration::from_millis(10);

/// An open file.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) file: Arc<File>,
    /// Where it is, or was; `None` for standard input.
    path: Option<PathBuf>,
    /// Where reading began: 0 but for standard input.
    start: u64,
    /// What it was when it was opened.
    pub(super) before: Metadata,
    /// Whether a change right after that may not show in its times.
    is_fresh: bool,
}

/// A range of the source, in bytes from its beginning, and the MD5 of what was sent of it.
pub(super) type SentRange = (u64, u64, Option<[u8; 16]>);

impl Source {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::of(File::open(path)?, Some(path.to_owned()), 0)
    }

    /// Standard input, where that is a file; it is read from where it stands now.
    #[cfg(unix)]
    pub(super) fn stdin() -> Option<Self> {
        use std::os::fd::AsFd;
        let file = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let start = io::Seek::stream_position(&mut &file).ok()?;
        Self::of(file, None, start).ok()
    }

    /// Standard input, where that is a file: this cannot be told here.
    #[cfg(not(unix))]
    pub(super) fn stdin() -> Option<Self> {
        None
    }

    fn of(file: File, path: Option<PathBuf>, start: u64) -> io::Result<Self> {
        let now = SystemTime::now();
        let before = file.metadata()?;
        let age = latest_change(&before).and_then(|time| now.duration_since(time).ok());
        let is_fresh = age.is_none_or(|age| age < TICK);
        Ok(Self { file: Arc::new(file), path, start, before, is_fresh })
    }

    /// Length in bytes when it was opened.
    pub(super) fn size(&self) -> u64 {
        self.before.len()
    }

    /// All of it, by the length that it had.
    pub(super) fn whole(&self) -> FileRange {
        FileRange { file: self.file.clone(), offset: 0, length: self.size() }
    }

    /// Reads all of it, a small file, into memory; reads it again where it changed meanwhile.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut content = self.read_once()?;
        if self.is_same_file_unchanged() {
            return Ok(content);
        }
        for _ in 0..3 {
            let again = self.read_once()?;
            if again == content {
                return Ok(content);
            }
            content = again;
        }
        Err(FileChanged::DURING_UPLOAD.into())
    }

    fn read_once(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::with_capacity(self.size() as usize);
        self.whole().each_block(|block| {
            content.extend_from_slice(&block);
            Ok(())
        })?;
        Ok(content)
    }

    /// Whether the open file has the size and the times that it had.
    fn is_same_file_unchanged(&self) -> bool {
        let now = self.file.metadata();
        !self.is_fresh && now.is_ok_and(|now| stamp(&now) == stamp(&self.before))
    }

    /// Whether another file has taken its place.
    fn is_replaced(&self) -> bool {
        let now = self.path.as_ref().and_then(|path| std::fs::metadata(path).ok());
        now.is_some_and(|now| identity(&now) != identity(&self.before))
    }

    /// Whether something was done to it since it was opened: it may hold other bytes, or another file is in its place.
    pub(super) fn was_touched(&self) -> bool {
        !self.is_same_file_unchanged() || self.is_replaced()
    }

    /// Makes sure that what was sent is what it holds; the ranges are all of it that was read.
    pub(super) async fn check(&self, sent: impl Iterator<Item = SentRange>) -> Result<()> {
        if !self.was_touched() {
            return Ok(());
        }
        if self.is_replaced() {
            return Err(changed());
        }
        for (offset, length, md5) in sent {
            let range = FileRange { file: self.file.clone(), offset: self.start + offset, length };
            let now = Payload::File(range).digests(true, false).await?.md5;
            if md5.is_none() || now != md5 {
                return Err(changed());
            }
        }
        // The attributes that were stored must not be those of an earlier content. What only grew is stored as it was.
        let now = self.file.metadata()?;
        let has_other_time = now.modified().ok() != self.before.modified().ok();
        let grew = now.len() > self.before.len();
        if self.path.is_some() && has_other_time && !grew { Err(changed()) } else { Ok(()) }
    }
}

/// The failure of an upload whose source changed.
pub(super) fn changed() -> Error {
    Error::Io(FileChanged::DURING_UPLOAD.into())
}

/// Whether an upload failed because its source changed.
pub(super) fn is_changed(error: &Error) -> bool {
    matches!(error, Error::Io(error) if FileChanged::is(error))
}

#[cfg(unix)]
fn stamp(metadata: &Metadata) -> (u64, [i64; 4]) {
    use std::os::unix::fs::MetadataExt;
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    (metadata.len(), times)
}

#[cfg(not(unix))]
fn stamp(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) {}

/// The later of the times of content and status.
#[cfg(unix)]
fn latest_change(metadata: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let status = Duration::new(metadata.ctime().try_into().ok()?, metadata.ctime_nsec().try_into().ok()?);
    metadata.modified().ok().map(|modified| modified.max(SystemTime::UNIX_EPOCH + status))
}

#[cfg(not(unix))]
fn latest_change(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5::{Digest, Md5};
    use std::io::Write;

    fn md5(content: &[u8]) -> Option<[u8; 16]> {
        Some(Md5::digest(content).into())
    }

    /// A file whose times are settled.
    fn settled(root: &tempfile::TempDir, content: &[u8]) -> PathBuf {
        let path = root.path().join("f");
        std::fs::write(&path, content).unwrap();
        std::thread::sleep(2 * TICK);
        path
    }

    #[tokio::test]
    async fn what_was_sent_has_to_be_what_the_file_holds() {
        let root = tempfile::tempdir().unwrap();
        let path = settled(&root, b"onetwo");
        let sent = || [(0, 3, md5(b"one")), (3, 3, md5(b"two"))].into_iter();
        let source = Source::open(&path).unwrap();
        assert!(!source.was_touched());
        source.check(sent()).await.unwrap();
        // A file that grew holds what was sent, and so does one that got another name.
        std::fs::hard_link(&path, root.path().join("g")).unwrap();
        assert!(source.was_touched());
        source.check(sent()).await.unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"three").unwrap();
        assert!(source.was_touched());
        source.check(sent()).await.unwrap();
        // One that was rewritten does not, whatever its times say.
        std::fs::write(&path, b"oneTWO").unwrap();
        let time = filetime::FileTime::from_system_time(source.before.modified().unwrap());
        filetime::set_file_mtime(&path, time).unwrap();
        assert!(is_changed(&source.check(sent()).await.unwrap_err()));
        std::fs::write(&path, b"one").unwrap();
        assert!(is_changed(&source.check(sent()).await.unwrap_err()));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn another_file_in_its_place_is_a_change_and_none_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = settled(&root, b"old");
        let source = Source::open(&path).unwrap();
        let sent = || [(0, 3, md5(b"old"))].into_iter();
        std::fs::write(root.path().join("new"), b"new").unwrap();
        std::fs::rename(root.path().join("new"), &path).unwrap();
        assert!(is_changed(&source.check(sent()).await.unwrap_err()));
        std::fs::remove_file(&path).unwrap();
        source.check(sent()).await.unwrap();
    }

    #[test]
    fn a_small_file_is_read_until_it_stands_still() {
        let root = tempfile::tempdir().unwrap();
        let path = settled(&root, b"content");
        let source = Source::open(&path).unwrap();
        assert_eq!(source.read().unwrap(), b"content");
        std::fs::write(&path, b"CONTENT").unwrap();
        assert_eq!(source.read().unwrap(), b"CONTENT");
    }
}
