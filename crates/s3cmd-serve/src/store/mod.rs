//! The storage of the server: objects as ordinary files.
//!
//! ```text
//! ROOT/.s3cmd-serve/lock            locked by the process that serves ROOT; not empty while it runs
//! ROOT/.s3cmd-serve/key             master key of server-side encryption, created on first use
//! ROOT/.s3cmd-serve/trash/          buckets that are being created or removed
//! ROOT/BUCKET/KEY                   the objects
//! ROOT/BUCKET/.s3cmd-serve/
//!     bucket.json                   owner, location, ACL
//!     documents/NAME                policy, lifecycle, ... exactly as the client sent them
//!     meta/KEY                      sidecar files with metadata, in the same tree as the objects
//!     escaped/data/HEX              objects whose keys cannot be paths
//!     escaped/meta/HEX              their sidecars
//!     uploads/ID/                   upload.json and parts (see [`uploads`])
//!     versions/index/HEX            the newest noncurrent versions and delete markers of a key
//!     versions/segments/NAME        older ones, if there are many
//!     versions/data/NAME            content of noncurrent versions
//!     tmp/                          temporary files
//! ```
//!
//! The private directory is inside the bucket, so that a bucket can be moved together with all its data and renames
//! stay on one file system. Nothing outside `ROOT` is reachable: see [`dir`].

mod adopt;
pub(crate) mod bucket;
pub(crate) mod bucket_record;
pub(crate) mod cipher;
mod damage;
mod digests;
pub(crate) mod dir;
#[cfg(test)]
mod fault;
pub(crate) mod file_io;
mod foreign;
pub(crate) mod key_path;
mod locks;
pub(crate) mod meta;
mod names;
pub(crate) mod nonblocking;
pub(crate) mod object;
mod part_slots;
mod pending_dirs;
pub(crate) mod staged;
pub(crate) mod summaries;
mod sweep;
mod unreadable;
pub(crate) mod uploads;
pub(crate) mod versions;
pub(crate) mod walk;
pub(crate) mod write;

use super::random;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail, no_such_bucket};
use bucket::{Bucket, Mode};
use bucket_record::BucketRecord;
use cipher::Key;
use dir::{Dir, FileKind};
use key_path::PRIVATE;
use names::NameCache;
use nonblocking::FsKind;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, RwLock};

const TRASH: &str = "trash";
const MASTER_KEY: &str = "key";
/// The file for name indexes, unlinked as soon as it is open.
const NAMES: &str = "names";

/// The directory tree that is served.
#[derive(Debug)]
pub(crate) struct Store {
    root: Dir,
    fs_kind: FsKind,
    mode: Mode,
    buckets: RwLock<HashMap<String, Arc<Bucket>>>,
    /// Held while a bucket is created, opened or removed.
    changes: Mutex<()>,
    names: Arc<NameCache>,
    master_key: OnceLock<Key>,
    /// The lock file, locked for as long as the tree is served.
    lock: Option<File>,
}

/// Why a tree cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("another process already serves this directory")]
    Locked,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether a folder with this name is served as a bucket. Names of new buckets follow stricter rules.
fn is_bucket_dir_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

impl Store {
    /// Opens a tree: locks it and removes the remains of unfinished writes.
    pub(crate) fn open(path: &Path, mode: Mode) -> Result<Self, OpenError> {
        let root = Dir::open(path)?;
        let mut lock = None;
        let mut crashed = false;
        let fs_kind = root.fs_kind();
        let names = Arc::new(NameCache::default());
        if !mode.read_only {
            let private = root.make(std::iter::once(PRIVATE), mode.fsync)?;
            let mut file = private.open_or_create("lock", 0o600)?;
            match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    crashed = sweep::begin(&mut file)?;
                    lock = Some(file);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenError::Locked),
                // Some network file systems have no locks; serve anyway.
                Err(error) => {
                    log::warn!(
                        "serve: this file system does not support locks ({error}); start only one server"
                    );
                }
            }
            if fs_kind != FsKind::Other {
                names.store_in(|| {
                    private.unlink(NAMES)?;
                    let file = private.create(NAMES)?;
                    private.unlink(NAMES)?;
                    Ok(file)
                });
            }
            if let Some(trash) = private.child(TRASH)? {
                for entry in trash.list()? {
                    if let Ok(name) = std::str::from_utf8(&entry.name) {
                        discard(&trash, name)?;
                    }
                }
            }
        }
        let store = Self {
            fs_kind,
            root,
            mode,
            buckets: RwLock::default(),
            changes: Mutex::default(),
            names,
            master_key: OnceLock::new(),
            lock,
        };
        let mut buckets = HashMap::new();
        let clean = |bucket: Bucket| sweep::remove_unfinished(&bucket).map(|()| bucket);
        for name in store.bucket_names()? {
            if let Some(dir) = store.root.child(&name)? {
                match Bucket::open(&name, dir, mode, Arc::clone(&store.names)).and_then(clean) {
                    Ok(bucket) => {
                        if crashed && bucket.has_record() {
                            sweep_versions(&bucket);
                        }
                        buckets.insert(name, Arc::new(bucket));
                    }
                    Err(error) => log::error!("serve: cannot open bucket {name}: {error}"),
                }
            }
        }
        *locks::write(&store.buckets) = buckets;
        Ok(store)
    }

    /// Runs read-only work on the tree; returns `None` if anything would have blocked, even on a disk.
    pub(crate) fn try_nonblocking<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        nonblocking::try_nonblocking(self.fs_kind, work)
    }

    fn bucket_names(&self) -> io::Result<Vec<String>> {
        let entries = self.root.list()?.into_iter();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.kind == FileKind::Dir)
            .filter_map(|entry| String::from_utf8(entry.name).ok())
            .filter(|name| is_bucket_dir_name(name))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// All buckets in order of their names, including those with damaged settings, which cannot be served.
    pub(crate) fn buckets(&self) -> S3Result<Vec<Arc<Bucket>>> {
        let mut buckets = Vec::new();
        for name in self.bucket_names()? {
            buckets.extend(self.find_any(&name)?);
        }
        Ok(buckets)
    }

    /// A bucket by name, or `NoSuchBucket`.
    pub(crate) fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        self.find(name)?.ok_or_else(|| no_such_bucket(name))
    }

    /// A bucket by name. Fails if a setting that protects the bucket cannot be read.
    pub(crate) fn find(&self, name: &str) -> S3Result<Option<Arc<Bucket>>> {
        let bucket = self.find_any(name)?;
        if let Some(bucket) = &bucket {
            bucket.check()?;
        }
        Ok(bucket)
    }

    /// A bucket by name, for a request that replaces or removes a document; and whether that document is the damaged
    /// one.
    pub(crate) fn bucket_to_repair(&self, name: &str, document: &str) -> S3Result<(Arc<Bucket>, bool)> {
        let bucket = self.find_any(name)?.ok_or_else(|| no_such_bucket(name))?;
        let repairs = bucket.check_for_repair(document)?;
        Ok((bucket, repairs))
    }

    /// A bucket by name, whether it can be served or not. A folder that another program has replaced is a different
    /// bucket.
    pub(crate) fn find_any(&self, name: &str) -> S3Result<Option<Arc<Bucket>>> {
        if !is_bucket_dir_name(name) {
            return Ok(None);
        }
        let found = self.root.child_identity(name)?;
        let known = locks::read(&self.buckets).get(name).map(Arc::clone);
        if let (Some(found), Some(bucket)) = (found, known)
            && bucket.identity() == found
            && !bucket.is_stale()
        {
            return Ok(Some(bucket));
        }
        nonblocking::may_block()?;
        let _changes = locks::lock(&self.changes);
        self.load(name)
    }

    /// Reopens a bucket. The caller holds `changes`.
    fn load(&self, name: &str) -> S3Result<Option<Arc<Bucket>>> {
        let dir = self.root.child(name)?;
        let mut buckets = locks::write(&self.buckets);
        let Some(dir) = dir else {
            buckets.remove(name);
            return Ok(None);
        };
        let found = dir.identity()?;
        if let Some(bucket) =
            buckets.get(name).filter(|bucket| bucket.identity() == found && !bucket.is_stale())
        {
            return Ok(Some(Arc::clone(bucket)));
        }
        let bucket = Arc::new(Bucket::open(name, dir, self.mode, Arc::clone(&self.names))?);
        buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(Some(bucket))
    }

    /// Creates a bucket; returns `false` if the name is taken.
    pub(crate) fn create(&self, name: &str, state: &BucketRecord) -> S3Result<bool> {
        self.mode.check_writable()?;
        let _changes = locks::lock(&self.changes);
        if self.root.stat(name)?.is_some() {
            return Ok(false);
        }
        // Created elsewhere and then moved, so that a bucket never exists without its owner.
        let private = self.root.make(std::iter::once(PRIVATE), self.mode.fsync)?;
        let trash = private.make(std::iter::once(TRASH), self.mode.fsync)?;
        let temporary = staged::temporary_name();
        let dir = trash.make(std::iter::once(&*temporary), self.mode.fsync)?;
        let created = Bucket::open(name, dir, self.mode, Arc::clone(&self.names))
            .map_err(S3Error::from)
            .and_then(|bucket| {
                bucket.set_state(|new| *new = state.clone())?;
                trash.rename(&temporary, &self.root, name)?;
                if self.mode.fsync {
                    self.root.sync()?;
                }
                Ok(bucket)
            });
        match created {
            Ok(bucket) => {
                locks::write(&self.buckets).insert(name.to_owned(), Arc::new(bucket));
                Ok(true)
            }
            Err(error) => {
                let _ = discard(&trash, &temporary);
                Err(error)
            }
        }
    }

    /// The random master key of server-side encryption (SSE-S3 and SSE-KMS), created on first use.
    pub(crate) fn master_key(&self) -> S3Result<Key> {
        if let Some(key) = self.master_key.get() {
            return Ok(key.clone());
        }
        nonblocking::may_block()?;
        let _changes = locks::lock(&self.changes);
        let private = if self.mode.read_only {
            self.root.child(PRIVATE)?
        } else {
            Some(self.root.make(std::iter::once(PRIVATE), self.mode.fsync)?)
        };
        let private = private.ok_or_else(|| io::Error::from(io::ErrorKind::ReadOnlyFilesystem))?;
        let bytes = match private.read(MASTER_KEY)? {
            Some(bytes) => bytes.try_into().map_err(|_| {
                S3Error::new(ErrorCode::InternalError, "The server's master key has the wrong length.")
            })?,
            None if self.mode.read_only => {
                return Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem).into());
            }
            None => create_master_key(&private)?,
        };
        Ok(self.master_key.get_or_init(|| Key::new(bytes)).clone())
    }

    /// Removes a bucket that holds no object. Its uploads, documents and empty folders go with it.
    pub(crate) fn remove(&self, bucket: &Bucket) -> S3Result<()> {
        self.mode.check_writable()?;
        let _changes = locks::lock(&self.changes);
        let mut alive = bucket.alive_exclusive();
        if !*alive {
            return Err(no_such_bucket(bucket.name()));
        }
        let mut keys = walk::Keys::with_versions(bucket, "", b"")?;
        // A directory that cannot be read counts as an object.
        if keys.next()?.is_some() || keys.has_skipped() {
            return fail(ErrorCode::BucketNotEmpty, "The bucket you tried to delete is not empty");
        }
        let private = self.root.make(std::iter::once(PRIVATE), self.mode.fsync)?;
        let trash = private.make(std::iter::once(TRASH), self.mode.fsync)?;
        let temporary = staged::temporary_name();
        match self.root.rename(bucket.name(), &trash, &temporary) {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices) =>
            {
                return fail(ErrorCode::InvalidBucketState, "The bucket is a mount point on the server.");
            }
            renamed => renamed?,
        }
        if self.mode.fsync {
            self.root.sync()?;
        }
        *alive = false;
        locks::write(&self.buckets).remove(bucket.name());
        Ok(discard(&trash, &temporary)?)
    }
}

/// Writes a new master key that only the server's user can read.
fn create_master_key(private: &Dir) -> S3Result<[u8; 32]> {
    let bytes = random::bytes::<32>()?;
    let temporary = staged::temporary_name();
    let mut file = private.create(&temporary)?;
    file.set_permissions(PermissionsExt::from_mode(0o600))?;
    file.write_all(&bytes)?;
    // Always synced, even without `fsync`: nothing that was encrypted can be read without this file.
    file.sync_all()?;
    private.rename(&temporary, private, MASTER_KEY)?;
    private.sync()?;
    Ok(bytes)
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            sweep::end(lock);
        }
    }
}

/// Removes the remains of unfinished version writes after a crash; a failure is only logged.
fn sweep_versions(bucket: &Bucket) {
    match sweep::sweep(bucket) {
        Ok(0) => {}
        Ok(count) => log::info!("serve: bucket {}: removed {count} unfinished versions", bucket.name()),
        Err(error) => {
            log::warn!("serve: bucket {}: cannot look for unfinished versions: {error}", bucket.name());
        }
    }
}

/// Removes an empty bucket from the trash. Files that are not objects (pipes, links, names that are not UTF-8, or files
/// that were created at this moment) stay in the trash, where the administrator can find them.
fn discard(trash: &Dir, name: &str) -> io::Result<()> {
    if let Some(dir) = trash.child(name)? {
        dir.remove_all(PRIVATE)?;
        if !trash.prune(name)? {
            log::warn!("serve: a removed bucket still contained files; they are in {PRIVATE}/{TRASH}/{name}");
        }
    }
    Ok(())
}
