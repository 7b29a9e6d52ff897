//! New files before they have a name, and what fills them.

use super::dir::Dir;
use super::slots::{Closed, Slot};
use super::write::PIECE;
use crate::serve::error::{S3Error, S3Result};
use crate::serve::sse::{Sealer, Segment};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom, Write};
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
pub(super) enum Kind {
    /// One of its own; dropped, it goes away.
    Temporary,
    /// A slot of a shared file.
    Slot(Slot),
    /// The shared file itself, complete; dropped, it stays.
    Content(#[expect(dead_code, reason = "held")] Closed),
}

/// New content that has no name in the bucket yet.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) tmp: Dir,
    pub(super) name: String,
    pub(crate) file: File,
    sealer: Option<Sealer>,
    pub(super) kind: Kind,
    /// How much was written, in bytes.
    written: u64,
}

impl Staged {
    pub(super) fn new(tmp: Dir, name: String, file: File, kind: Kind) -> Self {
        Self { tmp, name, file, sealer: None, kind, written: 0 }
    }

    /// What is written from here on is encrypted.
    pub(crate) fn seal(&mut self, sealer: Option<Sealer>) {
        self.sealer = sealer;
    }

    /// Ends the encryption: what was encrypted is a segment of an object.
    pub(crate) fn segment(&mut self) -> Option<Segment> {
        self.sealer.take().map(Sealer::finish)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sealed = Vec::new();
        let bytes = match &mut self.sealer {
            None => bytes,
            Some(sealer) => {
                sealed.extend_from_slice(bytes);
                sealer.apply(&mut sealed);
                &sealed
            }
        };
        match &self.kind {
            Kind::Temporary | Kind::Content(_) => self.file.write_all(bytes)?,
            Kind::Slot(slot) => {
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
        if matches!(self.kind, Kind::Temporary) {
            let _ = self.tmp.unlink(&self.name);
        }
    }
}

/// Reads a range of a file to a sink.
pub(crate) fn copy_range(
    file: &File,
    mut offset: u64,
    mut length: u64,
    mut sink: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> S3Result<()> {
    let mut buffer = vec![0; PIECE];
    while length > 0 {
        let wanted = length.min(PIECE as u64) as usize;
        let read = std::os::unix::fs::FileExt::read_at(file, &mut buffer[..wanted], offset)?;
        if read == 0 {
            return Err(S3Error::new("InternalError", "The object became shorter while it was read."));
        }
        sink(&mut buffer[..read])?;
        offset += read as u64;
        length -= read as u64;
    }
    Ok(())
}

/// Appends a range of a file to another; the kernel does it where it can (without a copy on some file systems). Returns how
/// much there was.
pub(super) fn append(mut from: &File, offset: u64, length: u64, mut to: &File) -> io::Result<u64> {
    from.seek(SeekFrom::Start(offset))?;
    io::copy(&mut from.take(length), &mut to)
}
