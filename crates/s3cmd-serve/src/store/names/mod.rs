//! The names in directories, in the order of keys.
//!
//! A small directory is read every time. The names of a large directory are read once and kept sorted in a temporary
//! file ([`index`]). On local file systems the kernel reports each change ([`watcher`]), so that the directory need not
//! be read again, whether the server or another process changes it: for each reported name, the server reads its stat
//! and updates the index. If the directory's modification time changed without a report, the directory is read again.
//! Other file systems may be changed by other machines; there an index is valid as long as the directory's modification
//! time does not change.

mod index;
mod page;
mod page_file;
#[cfg(test)]
mod tests;
mod watcher;

use super::dir::{Dir, FileKind, Identity};
use super::locks;
use super::nonblocking::FsKind;
use index::{Builder, Index};
use page::Page;
use page_file::PageFile;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use watcher::{Event, Watcher};

/// Directories with fewer names have no index.
const INDEX_THRESHOLD: usize = 500;

/// The maximum number of indexes. Each one holds a file descriptor.
const MAX_INDEXES: usize = 128;

/// A directory that changed less than this before it was read may change again with the same modification time.
const TIMESTAMP_GRANULARITY_NS: i64 = 1_000_000_000;

/// An index that was not used for this long is dropped.
const IDLE_NS: i64 = 600 * 1_000_000_000;

/// How often to check for the report of a change that the modification time shows, and the pause in between.
const MAX_ATTEMPTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(1);

/// Events are read after this number of writes by the server. The kernel's queue holds 16,384 events.
const WRITES_PER_REFRESH: usize = 1000;

/// The indexes of large directories.
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    page_file: OnceLock<Option<Arc<PageFile>>>,
    watcher: OnceLock<Option<Watcher>>,
    state: Mutex<CacheState>,
    /// Whether any directory is watched.
    is_watching: AtomicBool,
    /// The number of writes by the server since events were last read.
    writes: AtomicUsize,
}

#[derive(Debug, Default)]
struct CacheState {
    indexes: HashMap<Identity, Arc<IndexedDir>>,
    watched: HashMap<i32, Arc<IndexedDir>>,
    /// Directories that are being read.
    building: HashMap<Identity, Arc<Mutex<()>>>,
}

/// A directory with its index.
#[derive(Debug)]
struct IndexedDir {
    dir: Dir,
    watch: Option<i32>,
    /// Modification time of the directory, in nanoseconds, when it was read; if it is watched, after the last reports
    /// were processed.
    mtime: AtomicI64,
    /// Whether there were reports since `mtime` was set.
    has_changed: AtomicBool,
    /// When the index was last used; nanoseconds since the epoch.
    used: AtomicI64,
    index: RwLock<Index>,
    /// Names reported while the directory is being read; `None` afterwards.
    changed: Mutex<Option<BTreeSet<Vec<u8>>>>,
    /// Whether changes were missed: only listings that have begun continue to use the index.
    is_stale: AtomicBool,
    /// Whether reading or writing the index failed: it is unusable.
    is_broken: AtomicBool,
}

/// Iterates over the names of a directory.
#[derive(Debug, Default)]
pub(super) struct DirNames {
    page: Page,
    position: usize,
    /// The source of further pages, if any.
    source: Option<Arc<IndexedDir>>,
}

impl DirNames {
    /// Moves forward to the first name that is, or as a directory contains, a path at or after `target`, which is a
    /// path relative to the directory.
    pub(super) fn seek(&mut self, target: &[u8]) -> io::Result<()> {
        let name = self.page.get(self.position).or_else(|| self.page.last());
        if name.is_none_or(|name| page::may_reach(name, target)) {
            return Ok(());
        }
        self.position = self.position.max(self.page.reaching(target));
        if self.position == self.page.len()
            && let Some(source) = &self.source
        {
            let next = source.with_index(|index| index.reaching(target))?;
            self.set_page(next);
        }
        Ok(())
    }

    /// Skips all remaining names.
    pub(super) fn end(&mut self) {
        self.set_page(None);
    }

    /// The next name. Names of directories end in `/`.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if self.position == self.page.len()
            && let (Some(source), Some(last)) = (&self.source, self.page.last())
        {
            let next = source.with_index(|index| index.after(last))?;
            self.set_page(next);
        }
        let position = self.position;
        self.position = (position + 1).min(self.page.len());
        Ok(self.page.get(position))
    }

    fn set_page(&mut self, page: Option<(Page, usize)>) {
        if page.is_none() {
            self.source = None;
        }
        (self.page, self.position) = page.unwrap_or_default();
    }
}

impl IndexedDir {
    /// Calls `read` with the index. After an error the index is unusable.
    fn with_index<T>(&self, read: impl FnOnce(&Index) -> io::Result<T>) -> io::Result<T> {
        let index = locks::read(&self.index);
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("the index of a directory is unusable"));
        }
        read(&index).inspect_err(|_| self.is_broken.store(true, Ordering::Relaxed))
    }

    /// Processes reported names.
    fn update(&self, names: BTreeSet<Vec<u8>>) {
        let mut changed = locks::lock(&self.changed);
        if let Some(changed) = &mut *changed {
            changed.extend(names);
            return;
        }
        drop(changed);
        if let Err(error) = self.update_index(names) {
            log::debug!("serve: dropping the index of a directory: {error}");
            self.is_broken.store(true, Ordering::Relaxed);
        }
    }

    fn update_index(&self, names: BTreeSet<Vec<u8>>) -> io::Result<()> {
        let mut changes = BTreeMap::new();
        for name in names {
            let Ok(text) = std::str::from_utf8(&name) else { continue };
            let kind = self.dir.stat(text)?.map(|stat| stat.kind);
            changes.insert([&name, &b"/"[..]].concat(), kind == Some(FileKind::Dir));
            changes.insert(name, kind == Some(FileKind::File));
        }
        locks::write(&self.index).change(&changes)
    }

    /// Whether the reports explain the directory's modification time, which must be read after the reports. If not, a
    /// report is still pending, or there is none: resetting a file system to a snapshot is not reported.
    fn explains(&self, mtime: i64) -> bool {
        if self.has_changed.swap(false, Ordering::Relaxed) {
            self.mtime.store(mtime, Ordering::Relaxed);
        }
        self.mtime.load(Ordering::Relaxed) == mtime
    }

    fn is_valid(&self) -> bool {
        !self.is_stale.load(Ordering::Relaxed) && !self.is_broken.load(Ordering::Relaxed)
    }
}

fn now_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

impl NameCache {
    /// Stores the indexes in the file that `create_file` returns; if it fails, there are no indexes. Must be called
    /// before the first use.
    pub(super) fn store_in(&self, create_file: impl FnOnce() -> io::Result<File>) {
        self.page_file.get_or_init(|| page_file_in(create_file()));
    }

    fn page_file(&self) -> Option<&Arc<PageFile>> {
        self.page_file.get_or_init(|| page_file_in(tempfile::tempfile())).as_ref()
    }

    fn watcher(&self) -> Option<&Watcher> {
        self.watcher.get_or_init(Watcher::new).as_ref()
    }

    fn state(&self) -> MutexGuard<'_, CacheState> {
        locks::lock(&self.state)
    }

    /// The names of a directory.
    pub(super) fn names(&self, dir: &Dir) -> io::Result<DirNames> {
        let identity = dir.identity()?;
        if let Some(source) = self.find(dir, identity)? {
            return first_names(source);
        }
        if let Some(names) = read_names(dir, INDEX_THRESHOLD)? {
            return Ok(names);
        }
        match self.find_or_build(dir, identity) {
            Ok(source) => first_names(source),
            Err(error) => {
                log::debug!("serve: cannot index a directory: {error}");
                Ok(read_names(dir, usize::MAX)?.unwrap_or_default())
            }
        }
    }

    /// The index of a directory. Concurrent requests for the same directory wait for the first one to build it.
    fn find_or_build(&self, dir: &Dir, identity: Identity) -> io::Result<Arc<IndexedDir>> {
        let building = Arc::clone(self.state().building.entry(identity).or_default());
        let guard = locks::lock(&building);
        let built = match self.find(dir, identity) {
            Ok(Some(source)) => Ok(source),
            Ok(None) => match self.build(dir, identity) {
                // Without the other indexes, this one may fit.
                Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
                    self.forget_all();
                    self.build(dir, identity)
                }
                built => built,
            },
            Err(error) => Err(error),
        };
        drop(guard);
        let mut state = self.state();
        // If only `building` and the map refer to it, no other request is waiting.
        if Arc::strong_count(&building) <= 2 {
            state.building.remove(&identity);
        }
        built
    }

    /// The index of a directory, if there is a valid one.
    fn find(&self, dir: &Dir, identity: Identity) -> io::Result<Option<Arc<IndexedDir>>> {
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                // Without the lock, so that requests for other directories need not wait.
                std::thread::sleep(PAUSE);
            }
            let mut state = self.state();
            if !state.indexes.contains_key(&identity) {
                return Ok(None);
            }
            self.refresh(&mut state);
            let Some(found) = state.indexes.get(&identity) else { return Ok(None) };
            if !found.is_valid() {
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

    /// Reads a directory and builds its index.
    fn build(&self, dir: &Dir, identity: Identity) -> io::Result<Arc<IndexedDir>> {
        let page_file = self.page_file().ok_or(io::ErrorKind::Unsupported)?;
        let (now, mtime) = (now_ns(), dir.stat_self()?.mtime);
        let mut state = self.state();
        // Changes by other machines are not reported.
        let watcher = self.watcher().filter(|_| dir.fs_kind() != FsKind::Other);
        let watch = watcher.and_then(|watcher| watcher.add(dir));
        let indexed = Arc::new(IndexedDir {
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
        let result = self.read_into(&indexed, page_file);
        let mut state = self.state();
        self.refresh(&mut state);
        let changed = locks::lock(&indexed.changed).take();
        indexed.update(changed.unwrap_or_default());
        let is_reusable = watch.is_some() || mtime < now - TIMESTAMP_GRANULARITY_NS;
        if result.is_ok() && indexed.is_valid() && is_reusable {
            state.indexes.insert(identity, Arc::clone(&indexed));
            self.evict(&mut state);
        } else {
            self.unwatch(&mut state, watch);
        }
        result.map(|()| indexed)
    }

    fn read_into(&self, indexed: &IndexedDir, page_file: &Arc<PageFile>) -> io::Result<()> {
        let mut builder = Builder::new(Arc::clone(page_file));
        indexed.dir.for_each_entry(|name, kind| match servable(name, kind) {
            Some((name, is_dir)) => builder.push(name, is_dir),
            None => Ok(()),
        })?;
        *locks::write(&indexed.index) = builder.finish()?;
        Ok(())
    }

    /// Must be called after each change by the server, so that events do not fill the kernel's queue while no client
    /// lists.
    pub(super) fn count_write(&self) {
        if self.is_watching.load(Ordering::Relaxed)
            && self.writes.fetch_add(1, Ordering::Relaxed) >= WRITES_PER_REFRESH
            && let Ok(mut state) = self.state.try_lock()
        {
            self.refresh(&mut state);
        }
    }

    /// Processes all pending events.
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
                indexed.update(names);
            }
        }
        let idle_limit = now_ns() - IDLE_NS;
        let is_idle = |indexed: &IndexedDir| indexed.used.load(Ordering::Relaxed) < idle_limit;
        let idle: Vec<Identity> =
            state.indexes.iter().filter(|(_, indexed)| is_idle(indexed)).map(|(id, _)| *id).collect();
        idle.into_iter().for_each(|identity| self.forget(state, identity));
    }

    /// Drops the least recently used indexes, down to the limit.
    fn evict(&self, state: &mut CacheState) {
        while state.indexes.len() > MAX_INDEXES {
            let used = |indexed: &IndexedDir| indexed.used.load(Ordering::Relaxed);
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

/// A page file in a newly created file; `None` if that failed.
fn page_file_in(created: io::Result<File>) -> Option<Arc<PageFile>> {
    let created = created.inspect_err(|error| log::debug!("serve: no file for name indexes: {error}"));
    created.ok().map(|file| Arc::new(PageFile::new(file)))
}

/// The name of an entry and whether it is a directory; `None` if the entry can be neither an object nor a folder.
fn servable(name: &[u8], kind: FileKind) -> Option<(&[u8], bool)> {
    let is_served = kind != FileKind::Other && std::str::from_utf8(name).is_ok();
    is_served.then_some((name, kind == FileKind::Dir))
}

fn with_slash(name: &[u8], is_dir: bool) -> Vec<u8> {
    [name, if is_dir { b"/" } else { b"" }].concat()
}

/// The names of an index from the first one on.
fn first_names(source: Arc<IndexedDir>) -> io::Result<DirNames> {
    let (page, position) = source.with_index(|index| index.reaching(b""))?.unwrap_or_default();
    Ok(DirNames { page, position, source: Some(source) })
}

/// Reads all names of a directory into memory; `None` if there are `limit` or more.
fn read_names(dir: &Dir, limit: usize) -> io::Result<Option<DirNames>> {
    let mut names = Vec::new();
    let is_complete = dir.for_each_entry_while(|name, kind| {
        names.extend(servable(name, kind).map(|(name, is_dir)| with_slash(name, is_dir)));
        Ok(names.len() < limit)
    })?;
    Ok(is_complete.then(|| DirNames { page: Page::from_unsorted(names), position: 0, source: None }))
}
