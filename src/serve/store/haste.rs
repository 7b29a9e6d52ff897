//! Work that is done at once or not at all.
//!
//! Handing a request over to a thread that may block, and its answer back, takes longer than finding a small object whose
//! directories and bytes the kernel has in memory. So reads are first tried on the spot, where nothing may be waited for:
//! names are looked up with `RESOLVE_CACHED` and bytes read with `RWF_NOWAIT`, and where the kernel would have to ask a
//! disk, or this process a lock, the attempt is given up, without a trace, and the work done from the beginning where it
//! may wait. Only on file systems of this machine: others may ask a server about what they have in memory.

use rustix::fs::FsWord;
use rustix::io::{Errno, ReadWriteFlags};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a tree's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// Nowhere else.
    Memory,
    /// On a disk of this machine.
    Disk,
    /// Who knows.
    Elsewhere,
}

impl Medium {
    /// By the number of the file system, from the kernel's `magic.h`.
    pub(super) fn of(number: FsWord) -> Self {
        // Of different width and sign on different machines.
        match number as u32 {
            0x0102_1994 | 0x8584_58f6 => Self::Memory,
            // ext2 to ext4, XFS, Btrfs, F2FS, overlays, ZFS.
            0xef53 | 0x5846_5342 | 0x9123_683e | 0xf2f5_2010 | 0x794c_7630 | 0x2fc1_2fc1 => Self::Disk,
            _ => Self::Elsewhere,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting is fine.
    Calm,
    Hasty(Medium),
    /// Something would have had to be waited for.
    Missed,
}

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Calm) };
}

/// Set when it turns out that the kernel cannot read without waiting.
static IS_USELESS: AtomicBool = AtomicBool::new(false);

/// Does read-only work without waiting; `None` if that cannot be. What it returned then is dropped.
pub(super) fn at_once<T>(medium: Medium, work: impl FnOnce() -> T) -> Option<T> {
    struct Calm;
    impl Drop for Calm {
        fn drop(&mut self) {
            STATE.set(State::Calm);
        }
    }
    if !cfg!(target_os = "linux") || medium == Medium::Elsewhere || IS_USELESS.load(Ordering::Relaxed) {
        return None;
    }
    let _calm = Calm;
    STATE.set(State::Hasty(medium));
    let result = work();
    (STATE.get() != State::Missed).then_some(result)
}

/// Whether nothing may be waited for.
pub(super) fn is_on() -> bool {
    STATE.get() != State::Calm
}

/// Gives the attempt up.
pub(super) fn miss() -> io::Error {
    STATE.set(State::Missed);
    io::ErrorKind::WouldBlock.into()
}

/// To be asked before anything that may take its time.
pub(super) fn may_wait() -> io::Result<()> {
    if is_on() { Err(miss()) } else { Ok(()) }
}

/// Fills a buffer from a place in a file.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let State::Hasty(medium) = STATE.get() else {
        may_wait()?;
        return file.read_exact_at(buffer, offset);
    };
    let wanted = buffer.len();
    match read_now(file, buffer, offset) {
        Ok(read) if read == wanted => Ok(()),
        Err(Errno::OPNOTSUPP) if medium == Medium::Memory => file.read_exact_at(buffer, offset),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            IS_USELESS.store(true, Ordering::Relaxed);
            Err(miss())
        }
        _ => Err(miss()),
    }
}

#[cfg(target_os = "linux")]
fn read_now(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)
}

#[cfg(not(target_os = "linux"))]
fn read_now(_file: &File, _buffer: &mut [u8], _offset: u64) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_attempt_leaves_nothing_behind() {
        assert_eq!(at_once(Medium::Elsewhere, || 1), None);
        assert!(may_wait().is_ok());
        if cfg!(target_os = "linux") {
            assert_eq!(at_once(Medium::Disk, || 1), Some(1));
            // Whatever becomes of the error.
            assert_eq!(at_once(Medium::Disk, || may_wait().is_ok()), None);
            assert!(std::panic::catch_unwind(|| at_once(Medium::Disk, || panic!("on purpose"))).is_err());
        }
        assert!(may_wait().is_ok());
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
        if let Some(found) = at_once(Medium::Memory, || read(2, 3)) {
            assert_eq!(found.unwrap(), b"234");
        }
        assert!(at_once(Medium::Disk, || read(8, 3)).is_none());
    }
}
