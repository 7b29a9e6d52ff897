//! New files before they have a name, and what fills them.

use super::dir::Dir;
use super::write::PIECE;
use crate::serve::error::{S3Error, S3Result};
use crate::serve::sse::Sealer;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A name that no other temporary has.
pub(super) fn temporary_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    format!("{:016x}-{:x}", *RUN, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A new file that has no name in the bucket yet; dropped, it goes away.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) tmp: Dir,
    pub(super) name: String,
    pub(crate) file: File,
    pub(super) sealer: Option<Sealer>,
}

impl Staged {
    /// What is written from here on is encrypted.
    pub(crate) fn seal(&mut self, sealer: Option<Sealer>) {
        self.sealer = sealer;
    }

    /// The nonce of what was encrypted.
    pub(crate) fn nonce(&self) -> Option<String> {
        self.sealer.as_ref().map(|sealer| sealer.nonce.clone())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.sealer {
            None => self.file.write_all(bytes),
            Some(sealer) => {
                let mut bytes = bytes.to_vec();
                sealer.apply(&mut bytes);
                self.file.write_all(&bytes)
            }
        }
    }

    /// Moves the file to a name, which takes the place of what has it.
    pub(super) fn rename(self, dir: &Dir, name: &str) -> io::Result<()> {
        // The drop that follows finds nothing to remove.
        self.tmp.rename(&self.name, dir, name)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = self.tmp.unlink(&self.name);
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

/// Appends a whole file to another; the kernel does it where it can (without a copy on some file systems).
pub(super) fn append(from: &mut File, to: &mut File) -> io::Result<u64> {
    io::copy(from, to)
}
