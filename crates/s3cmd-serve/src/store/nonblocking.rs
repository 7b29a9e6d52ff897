//! Nonblocking reads of data that is in the kernel's caches.
//!
//! Handing a request to a blocking thread, and its result back, takes longer than reading a small object whose
//! directories and bytes are cached. So reads are first tried on the async thread, where nothing may block: names are
//! looked up with `RESOLVE_CACHED`, bytes are read with `RWF_NOWAIT`. If the kernel had to access a disk, or the
//! process to wait for a lock, the attempt is abandoned without side effects and the work restarts on a blocking
//! thread. This is limited to local file systems, as a network file system may contact its server even for cached data.

use rustix::fs::FsWord;
use rustix::io::{Errno, ReadWriteFlags};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a file system stores its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FsKind {
    /// In memory only.
    Memory,
    /// On a disk of this machine.
    LocalDisk,
    /// On another machine, or unknown.
    Other,
}

impl FsKind {
    /// The kind of a file system by its magic number, from the kernel's `magic.h`.
    pub(super) fn from_magic(magic: FsWord) -> Self {
        // The width and the sign of `FsWord` depend on the architecture.
        match magic as u32 {
            0x0102_1994 | 0x8584_58f6 => Self::Memory,
            // ext2 to ext4, XFS, Btrfs, F2FS, overlays, ZFS.
            0xef53 | 0x5846_5342 | 0x9123_683e | 0xf2f5_2010 | 0x794c_7630 | 0x2fc1_2fc1 => Self::LocalDisk,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Calls may block.
    Blocking,
    /// Nothing may block; the tree is on a file system of this kind.
    Nonblocking(FsKind),
    /// A call would have blocked: the attempt has failed.
    WouldBlock,
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Blocking) };
}

/// Set when the kernel turns out not to support nonblocking reads of files.
static UNSUPPORTED: AtomicBool = AtomicBool::new(false);

/// Runs read-only work without blocking; returns `None`, and drops the result, if anything would have blocked.
pub(super) fn try_nonblocking<T>(fs: FsKind, work: impl FnOnce() -> T) -> Option<T> {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            MODE.set(Mode::Blocking);
        }
    }
    if fs == FsKind::Other || UNSUPPORTED.load(Ordering::Relaxed) {
        return None;
    }
    let _reset = Reset;
    MODE.set(Mode::Nonblocking(fs));
    let result = work();
    (MODE.get() != Mode::WouldBlock).then_some(result)
}

/// Whether a nonblocking attempt is in progress on this thread.
pub(super) fn is_active() -> bool {
    MODE.get() != Mode::Blocking
}

/// Fails the current attempt; returns the error for its caller.
pub(super) fn would_block() -> io::Error {
    MODE.set(Mode::WouldBlock);
    io::ErrorKind::WouldBlock.into()
}

/// Must be called before anything that may block: fails in a nonblocking attempt.
pub(super) fn may_block() -> io::Result<()> {
    if is_active() { Err(would_block()) } else { Ok(()) }
}

/// Fills a buffer from an offset in a file, in bytes. In a nonblocking attempt, only from the page cache.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let Mode::Nonblocking(fs) = MODE.get() else {
        may_block()?;
        return file.read_exact_at(buffer, offset);
    };
    let length = buffer.len();
    match read_cached(file, buffer, offset) {
        Ok(read) if read == length => Ok(()),
        Err(Errno::OPNOTSUPP) if fs == FsKind::Memory => file.read_exact_at(buffer, offset),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            UNSUPPORTED.store(true, Ordering::Relaxed);
            Err(would_block())
        }
        _ => Err(would_block()),
    }
}

fn read_cached(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_has_no_lasting_effect() {
        assert_eq!(try_nonblocking(FsKind::Other, || 1), None);
        assert!(may_block().is_ok());
        assert_eq!(try_nonblocking(FsKind::LocalDisk, || 1), Some(1));
        // The attempt fails even if the error is ignored.
        assert_eq!(try_nonblocking(FsKind::LocalDisk, || may_block().is_ok()), None);
        assert!(
            std::panic::catch_unwind(|| try_nonblocking(FsKind::LocalDisk, || panic!("on purpose"))).is_err()
        );
        assert!(may_block().is_ok());
    }

    #[test]
    fn cached_bytes_are_read_without_blocking() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        let read = |offset, length| {
            let mut buffer = vec![0; length];
            read_exact_at(&file, &mut buffer, offset).map(|()| buffer)
        };
        assert_eq!(read(2, 3).unwrap(), b"234");
        // The bytes were just written, so they are cached, unless the file system does not support the call.
        if let Some(cached) = try_nonblocking(FsKind::Memory, || read(2, 3)) {
            assert_eq!(cached.unwrap(), b"234");
        }
        assert!(try_nonblocking(FsKind::LocalDisk, || read(8, 3)).is_none());
    }
}
