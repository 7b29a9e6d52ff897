//! A bucket: a folder of the root with its private directory, and its state in memory.

use super::bucket_record::{BucketRecord, DOCUMENTS, RECORD, Versioning};
use super::damage::{Damage, StoredBucket};
use super::digests::Digests;
use super::dir::{Dir, Identity};
use super::key_path::{Layout, PRIVATE};
use super::locks::{self, read, write};
use super::names::NameCache;
use super::part_slots::PartSlots;
use crate::model::bucket_config::BucketConfig;
use crate::model::error::{S3Result, no_such_bucket};
use crate::model::policy::Policy;
use chrono::DateTime;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Number of locks that the keys of a bucket share.
const STRIPES: usize = 64;

/// What happens to leftover files and directories that occupy the path of a new object or sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leftovers {
    /// They stay, and the operation fails.
    Keep,
    /// They are removed.
    Remove,
}

/// How a store writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    /// Make everything durable before it is acknowledged.
    pub(crate) fsync: bool,
    /// Write nothing, not even computed ETags.
    pub(crate) read_only: bool,
    /// Keep folders that become empty when an object is deleted.
    pub(crate) keep_folders: bool,
}

impl Mode {
    /// Fails with `ReadOnlyFilesystem` if nothing may be written.
    pub(super) fn check_writable(self) -> io::Result<()> {
        if self.read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

/// A directory below the bucket that is opened or created on first use.
#[derive(Debug)]
struct LazyDir {
    path: &'static [&'static str],
    dir: OnceLock<Dir>,
}

impl LazyDir {
    const fn new(path: &'static [&'static str]) -> Self {
        Self { path, dir: OnceLock::new() }
    }

    fn get(&self, bucket: &Dir) -> io::Result<Option<&Dir>> {
        if self.dir.get().is_none()
            && let Some(dir) = bucket.walk(self.path.iter().copied())?
        {
            return Ok(Some(self.dir.get_or_init(|| dir)));
        }
        Ok(self.dir.get())
    }

    fn make(&self, bucket: &Dir, mode: Mode) -> io::Result<&Dir> {
        mode.check_writable()?;
        if let Some(dir) = self.dir.get() {
            return Ok(dir);
        }
        let dir = bucket.make(self.path.iter().copied(), mode.fsync)?;
        Ok(self.dir.get_or_init(|| dir))
    }
}

/// A bucket that is being served.
#[derive(Debug)]
pub(crate) struct Bucket {
    name: String,
    pub(super) dir: Dir,
    identity: Identity,
    pub(super) mode: Mode,
    tmp: LazyDir,
    meta: LazyDir,
    escaped_data: LazyDir,
    escaped_meta: LazyDir,
    uploads: LazyDir,
    version_index: LazyDir,
    version_segments: LazyDir,
    version_data: LazyDir,
    state: RwLock<BucketRecord>,
    documents: RwLock<HashMap<String, Arc<str>>>,
    /// The parsed documents.
    config: RwLock<Arc<BucketConfig>>,
    damage: RwLock<Damage>,
    locks: Vec<Mutex<()>>,
    hasher: RandomState,
    /// Set if another program removed the private directory: the bucket is then reopened.
    stale: AtomicBool,
    /// `false` after the bucket was deleted: writers that still hold it must not write any more.
    alive: RwLock<bool>,
    /// Held shared while an object and its sidecar get their names, and exclusively while leftovers are removed that
    /// occupy such a name.
    paths: RwLock<()>,
    names: Arc<NameCache>,
    pub(super) slots: PartSlots,
    pub(super) digests: Digests,
}

impl Bucket {
    /// Opens the folder of a bucket.
    pub(super) fn open(name: &str, dir: Dir, mode: Mode, names: Arc<NameCache>) -> io::Result<Self> {
        let stat = dir.stat_self()?;
        let mut state = BucketRecord {
            owner: None,
            created: DateTime::from_timestamp_nanos(stat.mtime),
            location: None,
            acl: None,
            versioning: None,
            object_lock: false,
        };
        let StoredBucket { record, documents, damage } = StoredBucket::read(name, &dir)?;
        if let Some(record) = record {
            state = record;
        }
        let config = Arc::new(BucketConfig::new(&documents));
        Ok(Self {
            name: name.to_owned(),
            identity: dir.identity()?,
            dir,
            mode,
            tmp: LazyDir::new(&[PRIVATE, "tmp"]),
            meta: LazyDir::new(&[PRIVATE, "meta"]),
            escaped_data: LazyDir::new(&[PRIVATE, "escaped", "data"]),
            escaped_meta: LazyDir::new(&[PRIVATE, "escaped", "meta"]),
            uploads: LazyDir::new(&[PRIVATE, "uploads"]),
            version_index: LazyDir::new(&[PRIVATE, "versions", "index"]),
            version_segments: LazyDir::new(&[PRIVATE, "versions", "segments"]),
            version_data: LazyDir::new(&[PRIVATE, "versions", "data"]),
            state: RwLock::new(state),
            documents: RwLock::new(documents),
            config: RwLock::new(config),
            damage: RwLock::new(damage),
            locks: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
            stale: AtomicBool::new(false),
            alive: RwLock::new(true),
            paths: RwLock::default(),
            names,
            slots: PartSlots::default(),
            digests: Digests::default(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Identifies the folder: if it is replaced, or another file system is mounted over it, that is a different bucket.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn names(&self) -> &NameCache {
        &self.names
    }

    pub(crate) fn state(&self) -> BucketRecord {
        read(&self.state).clone()
    }

    /// Canonical user id of the owner, if it is known.
    pub(crate) fn recorded_owner(&self) -> Option<String> {
        read(&self.state).owner.clone()
    }

    /// The versioning state; `None` if versioning was never enabled.
    pub(crate) fn versioning(&self) -> Option<Versioning> {
        read(&self.state).versioning
    }

    /// Whether Object Lock is enabled.
    pub(crate) fn has_object_lock(&self) -> bool {
        read(&self.state).object_lock
    }

    /// Changes and stores the record of the bucket.
    pub(crate) fn set_state(&self, change: impl FnOnce(&mut BucketRecord)) -> S3Result<()> {
        let _alive = self.ensure_alive()?;
        let mut state = write(&self.state);
        let mut new = state.clone();
        change(&mut new);
        let private = self.private()?;
        self.put_small(&private, RECORD, &serde_json::to_vec(&new).expect("plain data becomes JSON"))?;
        *state = new;
        Ok(())
    }

    /// A bucket document (policy, lifecycle, ...) exactly as the client sent it.
    pub(crate) fn document(&self, name: &str) -> Option<Arc<str>> {
        read(&self.documents).get(name).cloned()
    }

    /// Stores or removes a bucket document.
    pub(crate) fn set_document(&self, name: &str, text: Option<&str>) -> S3Result<()> {
        let _alive = self.ensure_alive()?;
        let mut documents = write(&self.documents);
        let dir = self.private()?.make(std::iter::once(DOCUMENTS), self.mode.fsync)?;
        match text {
            Some(text) => {
                self.put_small(&dir, name, text.as_bytes())?;
                documents.insert(name.to_owned(), Arc::from(text));
            }
            None => {
                dir.unlink(name)?;
                if self.mode.fsync {
                    dir.sync()?;
                }
                documents.remove(name);
            }
        }
        write(&self.damage).mark_repaired(name);
        *write(&self.config) = Arc::new(BucketConfig::new(&documents));
        Ok(())
    }

    /// Fails if a setting that protects the bucket cannot be read: its content is unknown, so no request may be served.
    pub(crate) fn check(&self) -> S3Result<()> {
        read(&self.damage).check()
    }

    /// [`Self::check`] for a request that replaces or removes a document. Returns whether that document is damaged.
    pub(crate) fn check_for_repair(&self, document: &str) -> S3Result<bool> {
        read(&self.damage).check_for_repair(document)
    }

    /// Whether the record could be read: if not, neither the owner nor the versioning state is known.
    pub(crate) fn has_record(&self) -> bool {
        read(&self.damage).has_record()
    }

    /// The parsed documents of the bucket.
    pub(crate) fn config(&self) -> Arc<BucketConfig> {
        Arc::clone(&read(&self.config))
    }

    /// The bucket's policy.
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        read(&self.config).policy.clone()
    }

    /// The private directory, created if it is missing.
    fn private(&self) -> S3Result<Dir> {
        self.mode.check_writable()?;
        Ok(self.dir.make(std::iter::once(PRIVATE), self.mode.fsync)?)
    }

    /// Replaces a small file atomically: writes a temporary file, then renames it.
    pub(super) fn put_small(&self, dir: &Dir, name: &str, content: &[u8]) -> io::Result<()> {
        let (tmp, temporary, mut file) = self.create_temporary()?;
        let written = io::Write::write_all(&mut file, content)
            .and_then(|()| if self.mode.fsync { file.sync_all() } else { Ok(()) });
        if let Err(error) = written.and_then(|()| tmp.rename(&temporary, dir, name)) {
            let _ = tmp.unlink(&temporary);
            return Err(error);
        }
        if self.mode.fsync { dir.sync() } else { Ok(()) }
    }

    /// Creates a temporary file; returns its directory, name and handle.
    pub(super) fn create_temporary(&self) -> io::Result<(&Dir, String, File)> {
        let tmp = self.tmp()?;
        let name = super::staged::temporary_name();
        match tmp.create(&name) {
            Ok(file) => Ok((tmp, name, file)),
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    self.stale.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }

    /// Whether the open directory handles refer to removed directories.
    pub(super) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// The directory of temporary files.
    pub(super) fn tmp(&self) -> io::Result<&Dir> {
        self.tmp.make(&self.dir, self.mode)
    }

    pub(super) fn uploads(&self) -> io::Result<Option<&Dir>> {
        self.uploads.get(&self.dir)
    }

    pub(super) fn make_uploads(&self) -> io::Result<&Dir> {
        self.uploads.make(&self.dir, self.mode)
    }

    /// The directory of the indexes of noncurrent versions.
    pub(super) fn version_index(&self) -> io::Result<Option<&Dir>> {
        self.version_index.get(&self.dir)
    }

    pub(super) fn make_version_index(&self) -> io::Result<&Dir> {
        self.version_index.make(&self.dir, self.mode)
    }

    /// The directory of the segments of long version histories.
    pub(super) fn version_segments(&self) -> io::Result<Option<&Dir>> {
        self.version_segments.get(&self.dir)
    }

    pub(super) fn make_version_segments(&self) -> io::Result<&Dir> {
        self.version_segments.make(&self.dir, self.mode)
    }

    /// The directory of the content of noncurrent versions.
    pub(super) fn version_data(&self) -> io::Result<Option<&Dir>> {
        self.version_data.get(&self.dir)
    }

    pub(super) fn make_version_data(&self) -> io::Result<&Dir> {
        self.version_data.make(&self.dir, self.mode)
    }

    /// Root directory of the objects of a layout, if it exists.
    pub(super) fn data_root(&self, layout: Layout) -> io::Result<Option<&Dir>> {
        match layout {
            Layout::Plain => Ok(Some(&self.dir)),
            Layout::Escaped => self.escaped_data.get(&self.dir),
        }
    }

    pub(super) fn make_data_root(&self, layout: Layout) -> io::Result<&Dir> {
        match layout {
            Layout::Plain => Ok(&self.dir),
            Layout::Escaped => self.escaped_data.make(&self.dir, self.mode),
        }
    }

    /// Root directory of the sidecars of a layout, if it exists.
    pub(super) fn meta_root(&self, layout: Layout) -> io::Result<Option<&Dir>> {
        match layout {
            Layout::Plain => self.meta.get(&self.dir),
            Layout::Escaped => self.escaped_meta.get(&self.dir),
        }
    }

    pub(super) fn make_meta_root(&self, layout: Layout) -> io::Result<&Dir> {
        match layout {
            Layout::Plain => self.meta.make(&self.dir, self.mode),
            Layout::Escaped => self.escaped_meta.make(&self.dir, self.mode),
        }
    }

    /// Locks a key (or an upload id) for a change.
    pub(super) fn lock(&self, key: &str) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(key) as usize % STRIPES;
        locks::lock(&self.locks[stripe])
    }

    /// Whether the bucket exists. Writers hold the guard, so that the bucket is not deleted meanwhile.
    pub(super) fn alive(&self) -> RwLockReadGuard<'_, bool> {
        read(&self.alive)
    }

    /// [`Self::alive`]; fails with `NoSuchBucket` if the bucket was deleted.
    pub(super) fn ensure_alive(&self) -> S3Result<RwLockReadGuard<'_, bool>> {
        let alive = self.alive();
        if *alive { Ok(alive) } else { Err(no_such_bucket(&self.name)) }
    }

    /// Held while an object is removed, so that no other request removes leftovers at the same path meanwhile.
    pub(super) fn lock_paths(&self) -> RwLockReadGuard<'_, ()> {
        read(&self.paths)
    }

    /// Runs an operation that a leftover may block: a directory at the path of a file, or a file at the path of a
    /// directory. The first attempt runs concurrently with others and keeps what is at the path, as another request may
    /// be writing it. If that fails, the second attempt runs exclusively and may remove leftovers.
    pub(super) fn replacing_leftovers<T>(&self, work: impl Fn(Leftovers) -> io::Result<T>) -> io::Result<T> {
        let shared = self.lock_paths();
        match work(Leftovers::Keep) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotADirectory
                        | io::ErrorKind::IsADirectory
                        | io::ErrorKind::DirectoryNotEmpty
                        | io::ErrorKind::AlreadyExists
                ) => {}
            result => return result,
        }
        drop(shared);
        let _exclusive = write(&self.paths);
        work(Leftovers::Remove)
    }

    pub(super) fn alive_exclusive(&self) -> RwLockWriteGuard<'_, bool> {
        write(&self.alive)
    }
}
