//! The local file of an upload, and whether it has changed since its attributes were read and its digests computed.
//!
//! If a file is written while it is read, the upload is a mixture that never existed. The times and the size show
//! whether that is possible; if so, the current bytes are compared with what was sent. If a file, such as a log, only
//! grew, the upload is accepted with its original length.

use s3cmd_client::http::body::{FileChanged, FileRange, Payload};
use s3cmd_client::{Error, Result};
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The assumed resolution of file times: a change this soon after another one may not be visible.
const TICK: Duration = Duration::from_millis(10);

/// An open file.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) file: Arc<File>,
    /// The path with which it was opened. `None` for standard input.
    path: Option<PathBuf>,
    /// The offset in bytes at which reading began: 0, except for standard input.
    start: u64,
    /// The metadata when it was opened.
    pub(super) before: Metadata,
    /// Whether a change soon after opening may leave the times as they are.
    is_fresh: bool,
}

/// A range of the source: offset from the first byte read and length, in bytes, and the MD5 of the sent bytes.
pub(super) type SentRange = (u64, u64, Option<[u8; 16]>);

impl Source {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::of(File::open(path)?, Some(path.to_owned()), 0)
    }

    /// Standard input, if it is a file. Reading starts at the current position.
    pub(super) fn stdin() -> Option<Self> {
        use std::os::fd::AsFd;
        let file = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let start = io::Seek::stream_position(&mut &file).ok()?;
        Self::of(file, None, start).ok()
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

    /// The whole file, with its original length.
    pub(super) fn whole(&self) -> FileRange {
        FileRange { file: self.file.clone(), offset: 0, length: self.size() }
    }

    /// Reads the whole file, which must be small, into memory. Reads it again if it changes meanwhile.
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

    /// Whether the open file has its original size and times.
    fn is_same_file_unchanged(&self) -> bool {
        let now = self.file.metadata();
        !self.is_fresh && now.is_ok_and(|now| stamp(&now) == stamp(&self.before))
    }

    /// Whether the path now refers to another file.
    fn is_replaced(&self) -> bool {
        let now = self.path.as_ref().and_then(|path| std::fs::metadata(path).ok());
        now.is_some_and(|now| identity(&now) != identity(&self.before))
    }

    /// Whether the file was modified or replaced since it was opened, so that its bytes may differ.
    pub(super) fn was_touched(&self) -> bool {
        !self.is_same_file_unchanged() || self.is_replaced()
    }

    /// Fails if the file no longer contains what was sent. The ranges must cover everything that was read.
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
        // The stored attributes must not belong to earlier content. A file that only grew is accepted with its original
        // length.
        let now = self.file.metadata()?;
        let has_other_time = now.modified().ok() != self.before.modified().ok();
        let grew = now.len() > self.before.len();
        if self.path.is_some() && has_other_time && !grew { Err(changed()) } else { Ok(()) }
    }
}

/// The error of an upload whose source changed.
pub(super) fn changed() -> Error {
    Error::Io(FileChanged::DURING_UPLOAD.into())
}

/// Whether an upload failed because its source changed.
pub(super) fn is_changed(error: &Error) -> bool {
    matches!(error, Error::Io(error) if FileChanged::is(error))
}

fn stamp(metadata: &Metadata) -> (u64, [i64; 4]) {
    use std::os::unix::fs::MetadataExt;
    let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    (metadata.len(), times)
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// The later of mtime and ctime.
fn latest_change(metadata: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let status = Duration::new(metadata.ctime().try_into().ok()?, metadata.ctime_nsec().try_into().ok()?);
    metadata.modified().ok().map(|modified| modified.max(SystemTime::UNIX_EPOCH + status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5::{Digest, Md5};
    use std::io::Write;

    fn md5(content: &[u8]) -> Option<[u8; 16]> {
        Some(Md5::digest(content).into())
    }

    /// A file whose times are older than [`TICK`].
    fn settled(root: &tempfile::TempDir, content: &[u8]) -> PathBuf {
        let path = root.path().join("f");
        std::fs::write(&path, content).unwrap();
        std::thread::sleep(2 * TICK);
        path
    }

    #[tokio::test]
    async fn sent_bytes_must_match_the_file() {
        let root = tempfile::tempdir().unwrap();
        let path = settled(&root, b"onetwo");
        let sent = || [(0, 3, md5(b"one")), (3, 3, md5(b"two"))].into_iter();
        let source = Source::open(&path).unwrap();
        assert!(!source.was_touched());
        source.check(sent()).await.unwrap();
        // A file that grew still contains what was sent, and so does one that got a second name.
        std::fs::hard_link(&path, root.path().join("g")).unwrap();
        assert!(source.was_touched());
        source.check(sent()).await.unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"three").unwrap();
        assert!(source.was_touched());
        source.check(sent()).await.unwrap();
        // A rewritten file does not, even if its times are restored.
        std::fs::write(&path, b"oneTWO").unwrap();
        let time = filetime::FileTime::from_system_time(source.before.modified().unwrap());
        filetime::set_file_mtime(&path, time).unwrap();
        assert!(is_changed(&source.check(sent()).await.unwrap_err()));
        std::fs::write(&path, b"one").unwrap();
        assert!(is_changed(&source.check(sent()).await.unwrap_err()));
    }

    #[tokio::test]
    async fn replacing_the_file_is_a_change_and_removing_it_is_not() {
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
    fn a_small_file_is_read_until_it_is_stable() {
        let root = tempfile::tempdir().unwrap();
        let path = settled(&root, b"content");
        let source = Source::open(&path).unwrap();
        assert_eq!(source.read().unwrap(), b"content");
        std::fs::write(&path, b"CONTENT").unwrap();
        assert_eq!(source.read().unwrap(), b"CONTENT");
    }
}
