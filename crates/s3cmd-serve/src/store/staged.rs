//! New content that is being written and is not an object or part yet.

use super::cipher::{EncryptedSegment, SegmentCipher};
use super::dir::Dir;
use super::part_slots::{ClosedSlots, PartSlot};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A unique name for a temporary file.
pub(super) fn temporary_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    format!("{:016x}-{:x}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The kind of file that staged content is in.
#[derive(Debug)]
pub(super) enum StagedKind {
    /// A temporary file; removed on drop.
    Temporary,
    /// A slot of a shared file.
    PartSlot(PartSlot),
    /// The complete shared file; not removed on drop.
    Content(#[expect(dead_code, reason = "held until drop")] ClosedSlots),
}

/// New content that has no name in the bucket yet.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) tmp: Dir,
    pub(super) name: String,
    pub(crate) file: File,
    cipher: Option<SegmentCipher>,
    pub(super) kind: StagedKind,
    /// Number of bytes written.
    written: u64,
}

impl Staged {
    pub(super) fn new(tmp: Dir, name: String, file: File, kind: StagedKind) -> Self {
        Self { tmp, name, file, cipher: None, kind, written: 0 }
    }

    /// Encrypts all bytes that are written from now on.
    pub(crate) fn encrypt(&mut self, cipher: Option<SegmentCipher>) {
        self.cipher = cipher;
    }

    /// Ends the encryption; returns the encrypted segment, if any.
    pub(crate) fn segment(&mut self) -> Option<EncryptedSegment> {
        self.cipher.take().map(SegmentCipher::finish)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut encrypted = Vec::new();
        let bytes = match &mut self.cipher {
            None => bytes,
            Some(cipher) => {
                encrypted.extend_from_slice(bytes);
                cipher.encrypt(&mut encrypted);
                &encrypted
            }
        };
        match &self.kind {
            StagedKind::Temporary | StagedKind::Content(_) => self.file.write_all(bytes)?,
            StagedKind::PartSlot(slot) => {
                let offset = slot.start + self.written;
                if bytes.len() as u64 > slot.end - offset {
                    // Must not overwrite the next slot. The length of a body is otherwise checked only at its end.
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a request body is longer than its declared length",
                    ));
                }
                self.file.write_all_at(bytes, offset)?;
            }
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Renames the file, replacing a file that has the new name.
    pub(super) fn rename(self, dir: &Dir, name: &str) -> io::Result<()> {
        // The drop that follows no longer finds the old name.
        self.tmp.rename(&self.name, dir, name)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if matches!(self.kind, StagedKind::Temporary) {
            let _ = self.tmp.unlink(&self.name);
        }
    }
}
