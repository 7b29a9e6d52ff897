//! A temporary file of pages of a fixed size, each of which is written and read as a whole.

use crate::store::locks;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

/// The size of a page in bytes.
pub(super) const PAGE_SIZE: usize = 16 << 10;

/// The maximum number of pages, which take one gibibyte of disk space.
const MAX_PAGES: u32 = 1 << 16;

/// A temporary file of pages, each in a numbered slot.
#[derive(Debug)]
pub(super) struct PageFile {
    file: File,
    max_pages: u32,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    /// Number of slots in the file.
    count: u32,
    /// Slots that are not in use.
    free: Vec<u32>,
}

impl PageFile {
    /// Takes over an empty file.
    pub(super) fn new(file: File) -> Self {
        Self { file, max_pages: MAX_PAGES, slots: Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn with_max_pages(file: File, max_pages: u32) -> Self {
        Self { max_pages, ..Self::new(file) }
    }

    /// Writes a page of at most [`PAGE_SIZE`] bytes to a free slot. Fails with `QuotaExceeded` if the file is full.
    pub(super) fn add(&self, bytes: &[u8]) -> io::Result<u32> {
        let slot = {
            let mut slots = locks::lock(&self.slots);
            match slots.free.pop() {
                Some(slot) => slot,
                None if slots.count == self.max_pages => return Err(io::ErrorKind::QuotaExceeded.into()),
                None => {
                    slots.count += 1;
                    slots.count - 1
                }
            }
        };
        self.write(slot, bytes).inspect_err(|_| self.release(slot))?;
        Ok(slot)
    }

    /// Overwrites a slot. Fails with `InvalidFilename` if a page is too long, which only a single name can cause.
    pub(super) fn write(&self, slot: u32, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > PAGE_SIZE {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        self.file.write_all_at(bytes, slot_offset(slot))
    }

    /// Reads the first `length` bytes of a slot.
    pub(super) fn read(&self, slot: u32, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, slot_offset(slot))?;
        Ok(bytes)
    }

    /// Frees a slot.
    pub(super) fn release(&self, slot: u32) {
        let mut slots = locks::lock(&self.slots);
        slots.free.push(slot);
        if slots.free.len() == slots.count as usize {
            // No slot is in use: return the disk space.
            if self.file.set_len(0).is_ok() {
                *slots = Slots::default();
            }
        }
    }

    /// The number of slots in use.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        let slots = self.slots.lock().unwrap();
        slots.count as usize - slots.free.len()
    }
}

fn slot_offset(slot: u32) -> u64 {
    u64::from(slot) * PAGE_SIZE as u64
}
