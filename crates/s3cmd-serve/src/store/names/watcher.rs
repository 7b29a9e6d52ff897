//! Change notifications from the kernel (inotify) for directories: changes by any process on this machine.

use crate::store::dir::Dir;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

/// A change in a watched directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A name was created, removed or replaced.
    Name { watch: i32, name: Vec<u8> },
    /// The kernel has removed the watch.
    Ended { watch: i32 },
    /// The kernel's event queue overflowed, so any number of changes may have been missed.
    Lost,
}

/// The size of the read buffer in bytes.
const BUFFER: usize = 64 << 10;

/// An inotify instance.
#[derive(Debug)]
pub(super) struct Watcher(OwnedFd);

impl Watcher {
    /// `None` if the kernel provides no inotify instance.
    pub(super) fn new() -> Option<Self> {
        let instance = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        instance.inspect_err(|error| log::debug!("serve: no inotify: {error}")).ok().map(Self)
    }

    /// Watches a directory; `None` if that is not possible.
    pub(super) fn add(&self, dir: &Dir) -> Option<i32> {
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR;
        let watch = inotify::add_watch(&self.0, dir.proc_path(), flags);
        watch.inspect_err(|error| log::debug!("serve: cannot watch a directory: {error}")).ok()
    }

    pub(super) fn remove(&self, watch: i32) {
        // Fails if the kernel has removed the watch already.
        let _ = inotify::remove_watch(&self.0, watch);
    }

    /// Passes all pending events to `handle`.
    pub(super) fn read(&self, mut handle: impl FnMut(Event)) -> io::Result<()> {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.0, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let watch = event.wd();
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                handle(Event::Lost);
            } else if event.events().contains(ReadFlags::IGNORED) {
                handle(Event::Ended { watch });
            } else if let Some(name) = event.file_name() {
                handle(Event::Name { watch, name: name.to_bytes().to_vec() });
            }
        }
    }
}
