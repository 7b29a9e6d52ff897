//! A pool of reusable buffers. The kernel hands out a fresh buffer of this size page by page, which costs about as
//! much as filling it.

use bytes::Bytes;
use std::sync::{Mutex, PoisonError};

/// Size of a buffer in bytes: the amount that is read from a file, hashed and sent at once.
pub(crate) const BLOCK: usize = 256 * 1024;

/// Number of free buffers that are kept, 16 MiB at most.
const KEPT: usize = 64;

static FREE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A buffer of [`BLOCK`] bytes that returns to the pool when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Buffer {
    /// Takes a free buffer or allocates one. Its content is arbitrary.
    pub(crate) fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { bytes: free.unwrap_or_else(|| vec![0; BLOCK].into_boxed_slice()), filled: 0 }
    }

    /// The first `length` bytes, to be filled.
    pub(crate) fn space(&mut self, length: usize) -> &mut [u8] {
        self.filled = length;
        &mut self.bytes[..length]
    }

    /// The filled bytes. The buffer returns to the pool when the last reference to them is dropped.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_buffers_hold_what_was_filled() {
        let mut buffer = Buffer::take();
        buffer.space(3).copy_from_slice(b"abc");
        let bytes = buffer.freeze();
        let part = bytes.slice(1..);
        drop(bytes);
        let mut other = Buffer::take();
        other.space(3).copy_from_slice(b"xyz");
        assert_eq!(&part[..], b"bc");
    }
}
