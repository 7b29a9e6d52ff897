//! Pages of one size in a temporary file, each of which is written and read whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

/// Bytes of a page.
pub(super) const PAGE_SIZE: usize = 16 << 10;

/// The most pages: together they take one gibibyte of disk space.
const MOST: u32 = 1 << 16;

/// A temporary file of pages, each at a slot of its own.
#[derive(Debug)]
pub(super) struct PageFile {
    file: File,
    most: u32,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    /// Slots that the file has.
    count: u32,
    /// Those of them that nobody uses.
    free: Vec<u32>,
}

impl PageFile {
    /// Takes a file, which is empty.
    pub(super) fn new(file: File) -> Self {
        Self { file, most: MOST, used: Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn with_most(file: File, most: u32) -> Self {
        Self { most, ..Self::new(file) }
    }

    /// Writes a new slot, of at most [`PAGE_SIZE`] bytes. Fails with `QuotaExceeded` where there is no room.
    pub(super) fn add(&self, bytes: &[u8]) -> io::Result<u32> {
        let slot = {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            match used.free.pop() {
                Some(slot) => slot,
                None if used.count == self.most => return Err(io::ErrorKind::QuotaExceeded.into()),
                None => {
                    used.count += 1;
                    used.count - 1
                }
            }
        };
        self.write(slot, bytes).inspect_err(|_| self.release(slot))?;
        Ok(slot)
    }

    /// Writes a slot anew.
    pub(super) fn write(&self, slot: u32, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > PAGE_SIZE {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        self.file.write_all_at(bytes, place(slot))
    }

    /// Reads the first bytes of a slot.
    pub(super) fn read(&self, slot: u32, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, place(slot))?;
        Ok(bytes)
    }

    /// Gives a slot back.
    pub(super) fn release(&self, slot: u32) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.free.push(slot);
        if used.free.len() == used.count as usize {
            // Nothing is kept: the disk gets its space back.
            if self.file.set_len(0).is_ok() {
                *used = Used::default();
            }
        }
    }

    /// Slots in use.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        let used = self.used.lock().unwrap();
        used.count as usize - used.free.len()
    }
}

fn place(slot: u32) -> u64 {
    u64::from(slot) * PAGE_SIZE as u64
}
