//! The names of directories, in the order of keys.
//!
//! A small directory is read each time. The names of a large one are read once and kept in order in a temporary file
//! ([`index`]). On file systems of this machine the kernel reports each change in it ([`watcher`]), so that neither
//! what the server writes nor what others write makes it read the directory again; each reported name is looked at, and
//! what it is then is what the index says. A modification time that no report explains makes it read again. On other
//! file systems, which other machines may change, an index holds for as long as the directory's modification time
//! stands.

mod index;
mod page;
mod page_file;
#[cfg(test)]
mod tests;
mod watcher;

use super::dir::{Dir, FileKind, Identity};
use super::nonblocking::FsKind;
use index::{Builder, Index};
use page::Page;
use page_file::PageFile;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use watcher::{Event, Watcher};

/// Directories with fewer names are read each time.
const INDEXED_FROM: usize = 500;

/// The most directories that have an index at one time. Each holds a file descriptor.
const MAX_INDEXES: usize = 128;

/// A directory changed within this time before it was read may change again without its time stamp moving.
const SETTLED_NS: i64 = 1_000_000_000;

/// An index that was not read for this long is dropped.
const IDLE_NS: i64 = 600 * 1_000_000_000;

/// How often, and after what pause, a report is waited for that a modification time announces.
const MAX_ATTEMPTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(1);

/// After so many of the server's own writes the events are read, of which the kernel keeps 16,384.
const WRITES: usize = 1000;

/// What is known of large directories.
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    page_file: OnceLock<Option<Arc<PageFile>>>,
    watcher: OnceLock<Option<Watcher>>,
    state: Mutex<CacheState>,
    /// Whether a directory is watched.
    is_watching: AtomicBool,
    /// The server's writes since events were read.
    writes: AtomicUsize,
}

#[derive(Debug, Default)]
struct CacheState {
    indexes: HashMap<Identity, Arc<Indexed>>,
    watched: HashMap<i32, Arc<Indexed>>,
    /// Directories that are being read.
    building: HashMap<Identity, Arc<Mutex<()>>>,
}

/// A directory that has an index.
#[derive(Debug)]
struct Indexed {
    dir: Dir,
    watch: Option<i32>,
    /// Modification time, in nanoseconds, when it was read; of a watched directory, when the last reports had been
    /// taken in.
    mtime: AtomicI64,
    /// Whether there were reports since then.
    has_changed: AtomicBool,
    /// When it was last asked for.
    used: AtomicI64,
    index: RwLock<Index>,
    /// While the directory is being read, the names that change.
    changed: Mutex<Option<BTreeSet<Vec<u8>>>>,
    /// Whether changes were missed: it says what was there then.
    is_stale: AtomicBool,
    /// Whether it cannot be read or written: it says nothing.
    is_broken: AtomicBool,
}

/// The names of a directory, one after the other.
#[derive(Debug, Default)]
pub(super) struct DirNames {
    page: Page,
    at: usize,
    /// Where the pages come from, if there may be more than the one.
    source: Option<Arc<Indexed>>,
}

impl DirNames {
    /// Moves to the first name that can reach `rest`, which is a path within the directory; never back.
    pub(super) fn seek(&mut self, rest: &[u8]) -> io::Result<()> {
        let here = self.page.get(self.at).or_else(|| self.page.last());
        if here.is_none_or(|name| page::reaches(name, rest)) {
            return Ok(());
        }
        self.at = self.at.max(self.page.reaching(rest));
        if self.at == self.page.len()
            && let Some(source) = &self.source
        {
            let found = source.find(|index| index.reaching(rest))?;
            self.turn_to(found);
        }
        Ok(())
    }

    /// Passes over all names.
    pub(super) fn end(&mut self) {
        self.turn_to(None);
    }

    /// The next name, directories with a `/`.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if self.at == self.page.len()
            && let (Some(source), Some(last)) = (&self.source, self.page.last())
        {
            let found = source.find(|index| index.after(last))?;
            self.turn_to(found);
        }
        let at = self.at;
        self.at = (at + 1).min(self.page.len());
        Ok(self.page.get(at))
    }

    fn turn_to(&mut self, found: Option<(Page, usize)>) {
        if found.is_none() {
            self.source = None;
        }
        (self.page, self.at) = found.unwrap_or_default();
    }
}

impl Indexed {
    /// Looks for a page.
    fn find<T>(&self, look: impl FnOnce(&Index) -> io::Result<T>) -> io::Result<T> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("the names of a directory cannot be kept"));
        }
        look(&index).inspect_err(|_| self.is_broken.store(true, Ordering::Relaxed))
    }

    /// Looks at names that have changed.
    fn look_at(&self, names: BTreeSet<Vec<u8>>) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(changed) = &mut *changed {
            changed.extend(names);
            return;
        }
        drop(changed);
        if let Err(error) = self.change(names) {
            log::debug!("serve: an index of names is dropped: {error}");
            self.is_broken.store(true, Ordering::Relaxed);
        }
    }

    fn change(&self, names: BTreeSet<Vec<u8>>) -> io::Result<()> {
        let mut changes = BTreeMap::new();
        for name in names {
            let Ok(text) = std::str::from_utf8(&name) else { continue };
            let kind = self.dir.stat(text)?.map(|stat| stat.kind);
            changes.insert([&name, &b"/"[..]].concat(), kind == Some(FileKind::Dir));
            changes.insert(name, kind == Some(FileKind::File));
        }
        self.index.write().unwrap_or_else(PoisonError::into_inner).change(&changes)
    }

    /// Whether what is known explains the directory's modification time, which was looked at after the reports. If not,
    /// a report is still on its way, or there is none: a file system that is set back to a snapshot reports nothing.
    fn explains(&self, mtime: i64) -> bool {
        if self.has_changed.swap(false, Ordering::Relaxed) {
            self.mtime.store(mtime, Ordering::Relaxed);
        }
        self.mtime.load(Ordering::Relaxed) == mtime
    }

    fn holds(&self) -> bool {
        !self.is_stale.load(Ordering::Relaxed) && !self.is_broken.load(Ordering::Relaxed)
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl NameCache {
    /// Keeps the indexes in a file that `make` makes; without one there are none. To be called before the first use.
    pub(super) fn keep_in(&self, make: impl FnOnce() -> io::Result<File>) {
        self.page_file.get_or_init(|| new_page_file(make()));
    }

    fn page_file(&self) -> Option<&Arc<PageFile>> {
        self.page_file.get_or_init(|| new_page_file(tempfile::tempfile())).as_ref()
    }

    fn watcher(&self) -> Option<&Watcher> {
        self.watcher.get_or_init(Watcher::new).as_ref()
    }

    fn state(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of a directory.
    pub(super) fn names(&self, dir: &Dir) -> io::Result<DirNames> {
        let identity = dir.identity()?;
        if let Some(source) = self.find(dir, identity)? {
            return first_of(source);
        }
        if let Some(names) = in_memory(dir, INDEXED_FROM)? {
            return Ok(names);
        }
        match self.find_or_build(dir, identity) {
            Ok(source) => first_of(source),
            Err(error) => {
                log::debug!("serve: no index of the names of a directory: {error}");
                Ok(in_memory(dir, usize::MAX)?.unwrap_or_default())
            }
        }
    }

    /// Whoever comes second waits for what the first one makes.
    fn find_or_build(&self, dir: &Dir, identity: Identity) -> io::Result<Arc<Indexed>> {
        let building = Arc::clone(self.state().building.entry(identity).or_default());
        let alone = building.lock().unwrap_or_else(PoisonError::into_inner);
        let built = match self.find(dir, identity) {
            Ok(Some(source)) => Ok(source),
            Ok(None) => match self.build(dir, identity) {
                // There is room for this one if not for all.
                Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
                    self.forget_all();
                    self.build(dir, identity)
                }
                built => built,
            },
            Err(error) => Err(error),
        };
        drop(alone);
        let mut state = self.state();
        // This one and that of the map: nobody waits.
        if Arc::strong_count(&building) <= 2 {
            state.building.remove(&identity);
        }
        built
    }

    /// The index of a directory, if there is one that holds.
    fn find(&self, dir: &Dir, identity: Identity) -> io::Result<Option<Arc<Indexed>>> {
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                // Not under the lock: other directories have nothing to wait for.
                std::thread::sleep(PAUSE);
            }
            let mut state = self.state();
            if !state.indexes.contains_key(&identity) {
                return Ok(None);
            }
            self.refresh(&mut state);
            let Some(found) = state.indexes.get(&identity) else { return Ok(None) };
            if !found.holds() {
                break;
            }
            if found.explains(dir.stat_self()?.mtime) {
                found.used.store(now_ns(), Ordering::Relaxed);
                return Ok(Some(Arc::clone(found)));
            }
            if found.watch.is_none() {
                break;
            }
        }
        self.forget(&mut self.state(), identity);
        Ok(None)
    }

    /// Reads a directory.
    fn build(&self, dir: &Dir, identity: Identity) -> io::Result<Arc<Indexed>> {
        let page_file = self.page_file().ok_or(io::ErrorKind::Unsupported)?;
        let (now, mtime) = (now_ns(), dir.stat_self()?.mtime);
        let mut state = self.state();
        // Other machines' changes are not reported.
        let watcher = self.watcher().filter(|_| dir.fs_kind() != FsKind::Other);
        let watch = watcher.and_then(|watcher| watcher.add(dir));
        let indexed = Arc::new(Indexed {
            dir: dir.try_clone()?,
            watch,
            mtime: AtomicI64::new(mtime),
            has_changed: AtomicBool::new(false),
            used: AtomicI64::new(now),
            index: RwLock::new(Index::new(Arc::clone(page_file))),
            changed: Mutex::new(watch.map(|_| BTreeSet::new())),
            is_stale: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
        });
        if let Some(watch) = watch {
            state.watched.insert(watch, Arc::clone(&indexed));
            self.is_watching.store(true, Ordering::Relaxed);
        }
        drop(state);
        let read = self.read_into(&indexed, page_file);
        let mut state = self.state();
        self.refresh(&mut state);
        let changed = indexed.changed.lock().unwrap_or_else(PoisonError::into_inner).take();
        indexed.look_at(changed.unwrap_or_default());
        let lasts = watch.is_some() || mtime < now - SETTLED_NS;
        if read.is_ok() && indexed.holds() && lasts {
            state.indexes.insert(identity, Arc::clone(&indexed));
            self.make_room(&mut state);
        } else {
            self.unwatch(&mut state, watch);
        }
        read.map(|()| indexed)
    }

    fn read_into(&self, indexed: &Indexed, page_file: &Arc<PageFile>) -> io::Result<()> {
        let mut builder = Builder::new(Arc::clone(page_file));
        indexed.dir.each(|name, kind| match entry(name, kind) {
            Some((name, is_dir)) => builder.push(name, is_dir),
            None => Ok(()),
        })?;
        let index = builder.finish()?;
        *indexed.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        Ok(())
    }

    /// To be called after a change of the server's own, so that its events do not pile up where nobody lists.
    pub(super) fn count_write(&self) {
        if self.is_watching.load(Ordering::Relaxed)
            && self.writes.fetch_add(1, Ordering::Relaxed) >= WRITES
            && let Ok(mut state) = self.state.try_lock()
        {
            self.refresh(&mut state);
        }
    }

    /// Takes in what has happened up to now.
    fn refresh(&self, state: &mut CacheState) {
        self.writes.store(0, Ordering::Relaxed);
        if state.watched.is_empty() {
            return;
        }
        let Some(watcher) = self.watcher() else { return };
        let mut changed: HashMap<i32, BTreeSet<Vec<u8>>> = HashMap::new();
        let (mut ended, mut is_lost) = (Vec::new(), false);
        let read = watcher.read(|event| match event {
            Event::Name { watch, name } => drop(changed.entry(watch).or_default().insert(name)),
            Event::Ended { watch } => ended.push(watch),
            Event::Lost => is_lost = true,
        });
        if is_lost || read.is_err() {
            state.watched.values().for_each(|indexed| indexed.is_stale.store(true, Ordering::Relaxed));
            return;
        }
        for watch in ended {
            if let Some(indexed) = state.watched.remove(&watch) {
                indexed.is_stale.store(true, Ordering::Relaxed);
            }
        }
        for (watch, names) in changed {
            if let Some(indexed) = state.watched.get(&watch) {
                indexed.has_changed.store(true, Ordering::Relaxed);
                indexed.look_at(names);
            }
        }
        let long_ago = now_ns() - IDLE_NS;
        let is_idle = |indexed: &Indexed| indexed.used.load(Ordering::Relaxed) < long_ago;
        let idle: Vec<Identity> =
            state.indexes.iter().filter(|(_, indexed)| is_idle(indexed)).map(|(id, _)| *id).collect();
        idle.into_iter().for_each(|identity| self.forget(state, identity));
    }

    /// Drops the indexes that were not used for the longest time, down to the limit.
    fn make_room(&self, state: &mut CacheState) {
        while state.indexes.len() > MAX_INDEXES {
            let used = |indexed: &Indexed| indexed.used.load(Ordering::Relaxed);
            let oldest = state.indexes.iter().min_by_key(|(_, indexed)| used(indexed)).map(|(id, _)| *id);
            let Some(oldest) = oldest else { return };
            self.forget(state, oldest);
        }
    }

    fn forget(&self, state: &mut CacheState, identity: Identity) {
        if let Some(indexed) = state.indexes.remove(&identity) {
            self.unwatch(state, indexed.watch);
        }
    }

    fn forget_all(&self) {
        let mut state = self.state();
        let all: Vec<Identity> = state.indexes.keys().copied().collect();
        all.into_iter().for_each(|identity| self.forget(&mut state, identity));
    }

    fn unwatch(&self, state: &mut CacheState, watch: Option<i32>) {
        let Some(watch) = watch else { return };
        if state.watched.remove(&watch).is_some()
            && let Some(watcher) = self.watcher()
        {
            watcher.remove(watch);
        }
        self.is_watching.store(!state.watched.is_empty(), Ordering::Relaxed);
    }
}

/// The page file in a new file; `None` if that could not be made.
fn new_page_file(made: io::Result<File>) -> Option<Arc<PageFile>> {
    let made = made.inspect_err(|error| log::debug!("serve: no file for indexes of names: {error}"));
    made.ok().map(|file| Arc::new(PageFile::new(file)))
}

/// A name that may be that of an object or of a folder; whether it is a folder's.
fn entry(name: &[u8], kind: FileKind) -> Option<(&[u8], bool)> {
    let is_served = kind != FileKind::Other && std::str::from_utf8(name).is_ok();
    is_served.then_some((name, kind == FileKind::Dir))
}

fn with_slash(name: &[u8], is_dir: bool) -> Vec<u8> {
    [name, if is_dir { b"/" } else { b"" }].concat()
}

/// An index from its first name on.
fn first_of(source: Arc<Indexed>) -> io::Result<DirNames> {
    let (page, at) = source.find(|index| index.reaching(b""))?.unwrap_or_default();
    Ok(DirNames { page, at, source: Some(source) })
}

/// All names of a directory, in memory; `None` if there are `too_many` or more.
fn in_memory(dir: &Dir, too_many: usize) -> io::Result<Option<DirNames>> {
    let mut names = Vec::new();
    let is_whole = dir.each_until(|name, kind| {
        names.extend(entry(name, kind).map(|(name, is_dir)| with_slash(name, is_dir)));
        Ok(names.len() < too_many)
    })?;
    Ok(is_whole.then(|| DirNames { page: Page::of(names), at: 0, source: None }))
}
