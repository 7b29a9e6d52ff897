//! What the kernel says of changes in directories: by this process, or by any other of this machine.

use crate::store::dir::Dir;

/// Something that happened in a watched directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A name came, went, or changed what it is of.
    Name { watch: i32, name: Vec<u8> },
    /// The directory is watched no longer.
    Ended { watch: i32 },
    /// There was more than the kernel keeps: anything may have happened.
    Lost,
}

mod kernel {
    use super::{Dir, Event};
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;

    /// Bytes that are read at once.
    const BUFFER: usize = 64 << 10;

    /// An inotify instance.
    #[derive(Debug)]
    pub(in super::super) struct Watcher(OwnedFd);

    impl Watcher {
        /// `None` where the kernel has none to give.
        pub(in super::super) fn new() -> Option<Self> {
            let made = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
            made.inspect_err(|error| log::debug!("serve: no inotify: {error}")).ok().map(Self)
        }

        /// Watches a directory; `None` if that cannot be.
        pub(in super::super) fn add(&self, dir: &Dir) -> Option<i32> {
            let what = WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO
                | WatchFlags::ONLYDIR;
            let added = inotify::add_watch(&self.0, dir.own_path(), what);
            added.inspect_err(|error| log::debug!("serve: cannot watch a directory: {error}")).ok()
        }

        pub(in super::super) fn remove(&self, watch: i32) {
            // It may have ended by itself.
            let _ = inotify::remove_watch(&self.0, watch);
        }

        /// Tells what has happened up to now.
        pub(in super::super) fn read(&self, mut tell: impl FnMut(Event)) -> io::Result<()> {
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
                    tell(Event::Lost);
                } else if event.events().contains(ReadFlags::IGNORED) {
                    tell(Event::Ended { watch });
                } else if let Some(name) = event.file_name() {
                    tell(Event::Name { watch, name: name.to_bytes().to_vec() });
                }
            }
        }
    }
}

pub(super) use kernel::Watcher;
