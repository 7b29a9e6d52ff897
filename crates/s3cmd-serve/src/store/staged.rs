//! New files before they have a name, and what fills them.

use super::cipher::{EncryptedSegment, SegmentCipher};
use super::dir::Dir;
use super::part_slots::{ClosedSlots, PartSlot};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A name that no other temporary has.
pub(super) fn temporary_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    format!("{:016x}-{:x}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What a staged file is.
#[derive(Debug)]
pub(super) enum StagedKind {
    /// One of its own; dropped, it goes away.
    Temporary,
    /// A slot of a shared file.
    PartSlot(PartSlot),
    /// The shared file itself, complete; dropped, it stays.
    Content(#[expect(dead_code, reason = "held")] ClosedSlots),
}

/// New content that has no name in the bucket yet.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) tmp: Dir,
    pub(super) name: String,
    pub(crate) file: File,
    cipher: Option<SegmentCipher>,
    pub(super) kind: StagedKind,
    /// How much was written, in bytes.
    written: u64,
}

impl Staged {
    pub(super) fn new(tmp: Dir, name: String, file: File, kind: StagedKind) -> Self {
        Self { tmp, name, file, cipher: None, kind, written: 0 }
    }

    /// What is written from here on is encrypted.
    pub(crate) fn encrypt(&mut self, cipher: Option<SegmentCipher>) {
        self.cipher = cipher;
    }

    /// Ends the encryption: what was encrypted is a segment of an object.
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
                let at = slot.start + self.written;
                if bytes.len() as u64 > slot.end - at {
                    // The neighbour is not to suffer for it. Its length is checked, too, but at the end.
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a body is longer than it said"));
                }
                self.file.write_all_at(bytes, at)?;
            }
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Moves the file to a name, which takes the place of what has it.
    pub(super) fn rename(self, dir: &Dir, name: &str) -> io::Result<()> {
        // The drop that follows finds nothing to remove.
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
