//! Nonblocking reads of what the kernel has in memory.
//!
//! Handing a request over to a thread that may block, and its answer back, takes longer than finding a small object
//! whose directories and bytes are cached. So reads are first tried on the async thread, where nothing may block: names
//! are looked up with `RESOLVE_CACHED` and bytes read with `RWF_NOWAIT`. Where the kernel would have to ask a disk, or
//! this process wait for a lock, the attempt is given up without a trace, and the work starts again on a thread that
//! may block. Only on file systems of this machine: others may ask a server about what they have in memory.

use rustix::fs::FsWord;
use rustix::io::{Errno, ReadWriteFlags};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the bytes of a file system are.
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
    /// By the number of the file system, from the kernel's `magic.h`.
    pub(super) fn of(number: FsWord) -> Self {
        // Of different width and sign on different machines.
        match number as u32 {
            0x0102_1994 | 0x8584_58f6 => Self::Memory,
            // ext2 to ext4, XFS, Btrfs, F2FS, overlays, ZFS.
            0xef53 | 0x5846_5342 | 0x9123_683e | 0xf2f5_2010 | 0x794c_7630 | 0x2fc1_2fc1 => Self::LocalDisk,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Calls may block, as usual.
    Blocking,
    /// Nothing may block; the tree is on this kind of file system.
    Nonblocking(FsKind),
    /// Something would have blocked: the attempt has failed.
    WouldBlock,
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Blocking) };
}

/// Set when it turns out that the kernel has no nonblocking reads of files.
static UNSUPPORTED: AtomicBool = AtomicBool::new(false);

/// Does read-only work without blocking; `None` if something would have blocked. What it returned is dropped then.
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

/// Whether nothing may block.
pub(super) fn is_active() -> bool {
    MODE.get() != Mode::Blocking
}

/// Makes the attempt fail.
pub(super) fn would_block() -> io::Error {
    MODE.set(Mode::WouldBlock);
    io::ErrorKind::WouldBlock.into()
}

/// Must be called before anything that may block: fails in a nonblocking attempt.
pub(super) fn may_block() -> io::Result<()> {
    if is_active() { Err(would_block()) } else { Ok(()) }
}

/// Fills a buffer from a place in a file.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let Mode::Nonblocking(fs) = MODE.get() else {
        may_block()?;
        return file.read_exact_at(buffer, offset);
    };
    let wanted = buffer.len();
    match read_cached(file, buffer, offset) {
        Ok(read) if read == wanted => Ok(()),
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
    fn a_missed_attempt_leaves_nothing_behind() {
        assert_eq!(try_nonblocking(FsKind::Other, || 1), None);
        assert!(may_block().is_ok());
        assert_eq!(try_nonblocking(FsKind::LocalDisk, || 1), Some(1));
        // Whatever becomes of the error.
        assert_eq!(try_nonblocking(FsKind::LocalDisk, || may_block().is_ok()), None);
        assert!(
            std::panic::catch_unwind(|| try_nonblocking(FsKind::LocalDisk, || panic!("on purpose"))).is_err()
        );
        assert!(may_block().is_ok());
    }

    #[test]
    fn the_kernel_is_asked_for_what_it_has() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        let read = |offset, length| {
            let mut buffer = vec![0; length];
            read_exact_at(&file, &mut buffer, offset).map(|()| buffer)
        };
        assert_eq!(read(2, 3).unwrap(), b"234");
        // Written just now, so in memory; unless the file system does not tell.
        if let Some(found) = try_nonblocking(FsKind::Memory, || read(2, 3)) {
            assert_eq!(found.unwrap(), b"234");
        }
        assert!(try_nonblocking(FsKind::LocalDisk, || read(8, 3)).is_none());
    }
}
