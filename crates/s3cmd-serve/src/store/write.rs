//! Reading, writing and removing single objects.
//!
//! # Atomicity: a crash never leaves partial or mixed objects
//!
//! A write has these steps:
//!
//! 1. The content is written to a temporary file in the bucket's private directory (on the same file system), hashed
//!    meanwhile, and synced.
//! 2. A sidecar with two records, those of the new and of the current object, is written to a temporary file, synced,
//!    and renamed over the existing sidecar; its directory is synced.
//! 3. The content is renamed over the object; its directory is synced.
//! 4. The request is acknowledged.
//!
//! A record contains the inode, size and modification time (ns) of the file that it describes; a rename changes none of
//! them. A crash between steps 1 and 2 leaves the old object with its sidecar; a crash between 2 and 3 the old object,
//! whose record is still in the sidecar; a crash after 3 the new object, whose record is in the sidecar as well. So the
//! file of a key always has its record and is never partly written. Leftover temporary files are removed at the next
//! start.
//!
//! A deletion removes the escaped copy first (normally only one of the two copies exists), then the file, then the
//! sidecar. A sidecar without a file has no effect, and the next object with that key overwrites it.
//!
//! # Durability: a power loss undoes nothing that was acknowledged
//!
//! With `fsync`, each step is on disk before the next one begins: the content of a file before it gets a name (in step
//! 1, and for the sidecar in step 2), and a name (by a sync of its directory) before anything that relies on it. So a
//! power loss has the same effect as a crash after one of the steps, and all steps of an acknowledged request are on
//! disk. Missing directories are created from the top down, each one synced in its parent. A request that uses a
//! directory that another request is creating waits until the directory is durable. Deletions sync the directory that
//! contained the name. Not everything is synced: temporary files, empty directories, the sidecar of a deleted object
//! and unreferenced contents may be lost or reappear after a power loss. (One gap is left to the file system: if a
//! server is killed after it created a directory and before it synced it, the next server assumes that the directory is
//! durable. Journaling file systems write it to disk before anything that is created in it later.)
//!
//! Without `fsync`, the order still holds when the process is killed, as every process sees renames in order. Only a
//! power loss may then undo or reorder acknowledged requests.

use super::bucket::{Bucket, Leftovers};
use super::bucket_record::Versioning;
use super::dir::{Dir, FileKind, Stat, stat_file};
use super::key_path::{self, Layout};
use super::meta::{self, Meta, Record};
use super::object::{MAX_ATTEMPTS, Object};
use super::staged::{self, Staged};
use super::versions::{Removed, ids};
use super::{foreign, nonblocking, unreadable};
use crate::model::error::{ErrorCode, S3Result, fail};
use std::fs::File;
use std::io;

impl Bucket {
    /// Opens the object of a key; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// `SlowDown` if the file keeps changing.
    pub(crate) fn open_object(&self, key: &str) -> S3Result<Option<Object>> {
        for attempt in 0..MAX_ATTEMPTS {
            let Some((layout, file, stat)) = self.open_data(key)? else { return Ok(None) };
            if attempt > 0 {
                nonblocking::may_block()?;
            }
            // A writer may have replaced the object twice since; under the lock, file and sidecar match.
            let guard = (attempt > 0).then(|| self.lock(key));
            let opened = match &guard {
                None => Some((layout, file, stat)),
                Some(_) => self.open_data(key)?,
            };
            let Some((layout, file, stat)) = opened else { return Ok(None) };
            if let Some(meta) = self.read_meta(layout, key, &stat)? {
                return Ok(Some(Object { file, stat, meta, layout }));
            }
            drop(guard);
            if attempt > 0
                && let Some(meta) = self.adopt(layout, key, &file, &stat)?
            {
                return Ok(Some(Object { file, stat, meta, layout }));
            }
        }
        fail(ErrorCode::SlowDown, "The object keeps changing; try again.")
    }

    pub(super) fn open_data(&self, key: &str) -> io::Result<Option<(Layout, File, Stat)>> {
        for layout in [Layout::Plain, Layout::Escaped] {
            if layout == Layout::Plain && !key_path::is_path(key) {
                continue;
            }
            let Some(root) = self.data_root(layout)? else { continue };
            let opened = root.open_below(&key_path::path(layout, key)).inspect_err(|error| {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    unreadable::log_once(self, key, error);
                }
            });
            if let Some((file, stat)) = opened? {
                return Ok(Some((layout, file, stat)));
            }
        }
        Ok(None)
    }

    pub(super) fn read_meta(&self, layout: Layout, key: &str, stat: &Stat) -> io::Result<Option<Meta>> {
        Ok(meta::lookup(self.records(layout, key)?, stat))
    }

    /// Adopts a foreign file before its key is locked. A damaged record is no error, as the object can still be
    /// replaced.
    pub(super) fn ensure_sidecar(&self, key: &str) -> S3Result<()> {
        match self.open_object(key) {
            Err(error) if error.code == ErrorCode::InternalError => Ok(()),
            result => result.map(drop),
        }
    }

    pub(super) fn read_records(&self, layout: Layout, key: &str) -> io::Result<Vec<Record>> {
        let Some(root) = self.meta_root(layout)? else { return Ok(Vec::new()) };
        root.read_below(&key_path::path(layout, key))?
            .map_or_else(|| Ok(Vec::new()), |sidecar| meta::decode(&sidecar))
    }

    /// Opens a foreign file without computing its ETag, on a read-only server that cannot store it, for a read that
    /// does not need one. `None` if the object has to be opened with [`Self::open_object`].
    pub(crate) fn open_without_etag(&self, key: &str) -> S3Result<Option<Object>> {
        if !self.mode.read_only || self.versioning().is_some() {
            return Ok(None);
        }
        let Some((layout, file, stat)) = self.open_data(key)? else { return Ok(None) };
        if !self.records(layout, key)?.is_empty() || self.digests.get(&file, &stat).is_some() {
            return Ok(None);
        }
        Ok(Some(Object { file, stat, meta: foreign::metadata(key, &stat), layout }))
    }

    /// Creates a temporary file in the bucket's private directory for new content.
    pub(crate) fn stage(&self) -> S3Result<Staged> {
        drop(self.ensure_alive()?);
        let (tmp, name, file) = self.create_temporary()?;
        Ok(Staged::new(tmp.try_clone()?, name, file, staged::StagedKind::Temporary))
    }

    /// Makes a staged file the object of a key, with its metadata, unless `check`, which gets the current object,
    /// fails. If versioning is enabled or suspended, the current version becomes noncurrent, except for a `null`
    /// version that a new one replaces. Returns the stat of the object and its version id (`None` while versioning is
    /// suspended: S3 returns no id for a new `null` version). If the metadata contains rclone's `mtime`, the file gets
    /// that modification time.
    pub(crate) fn commit(
        &self,
        staged: Staged,
        key: &str,
        mut meta: Meta,
        check: impl FnOnce(Option<&Object>) -> S3Result<()>,
    ) -> S3Result<(Stat, Option<String>)> {
        let stored = stat_file(&staged.file)?.mtime;
        if let Some(time) = foreign::client_mtime(&meta)
            && staged.file.set_modified(time).is_ok()
        {
            meta.stored = Some(stored);
        }
        if self.mode.fsync {
            staged.file.sync_all()?;
        }
        let versioning = self.versioning();
        if versioning.is_some() {
            // A foreign file becomes a version with an ETag; it is hashed without holding the lock.
            self.ensure_sidecar(key)?;
        }
        let stat = stat_file(&staged.file)?;
        let _alive = self.ensure_alive()?;
        let _lock = self.lock(key);
        let current = self.current_object(key)?;
        check(current.as_ref())?;
        meta.version = match versioning {
            Some(Versioning::Enabled) => Some(ids::new_id()?),
            Some(Versioning::Suspended) | None => None,
        };
        let version = meta.version.clone();
        if versioning.is_some() {
            self.keep_current(key, current.as_ref(), meta.version.as_ref())?;
        }
        let is_null = meta.version.is_none();
        let mut records = vec![Record::new(&stat, meta)];
        let layout = current.as_ref().map(|current| current.layout);
        records.extend(current.map(|current| Record::new(&current.stat, current.meta)));
        self.install(&staged.tmp, &staged.name, key, layout, &records)?;
        if versioning.is_some() && is_null {
            self.remove_old_null(key)?;
        }
        // Responses contain the time when the object was stored.
        Ok((Stat { mtime: stored, ..stat }, version))
    }

    /// Makes a file the object of a key, in the plain layout if possible; `layout` is the layout of the current object.
    pub(super) fn install(
        &self,
        from: &Dir,
        name: &str,
        key: &str,
        layout: Option<Layout>,
        records: &[Record],
    ) -> io::Result<()> {
        let default = if key_path::is_plain(key) { Layout::Plain } else { Layout::Escaped };
        if layout.unwrap_or(default) == Layout::Plain {
            match self.install_in_layout(from, name, Layout::Plain, key, records) {
                Err(error) if is_path_conflict(&error) => {}
                result => return result,
            }
        }
        self.install_in_layout(from, name, Layout::Escaped, key, records)
    }

    /// The current object of a key, whose lock the caller holds. A foreign file gets minimal metadata, as hashing it
    /// only to replace it would be wasteful. So does an object with a damaged sidecar in a bucket without Object Lock,
    /// so that it can be repaired by replacing or removing it.
    pub(super) fn current_object(&self, key: &str) -> S3Result<Option<Object>> {
        let Some((layout, file, stat)) = self.open_data(key)? else { return Ok(None) };
        let mut records = match self.records(layout, key) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData && !self.has_object_lock() => Vec::new(),
            records => records?,
        };
        let meta = match meta::find(&records, &stat) {
            Some(found) => records.swap_remove(found).meta,
            None => self.assumed_meta(records),
        };
        Ok(Some(Object { file, stat, meta, layout }))
    }

    /// Steps 2 and 3 of a write.
    fn install_in_layout(
        &self,
        from: &Dir,
        file: &str,
        layout: Layout,
        key: &str,
        records: &[Record],
    ) -> io::Result<()> {
        self.replacing_leftovers(|leftovers| self.try_install(from, file, layout, key, records, leftovers))
    }

    fn try_install(
        &self,
        from: &Dir,
        file: &str,
        layout: Layout,
        key: &str,
        records: &[Record],
        leftovers: Leftovers,
    ) -> io::Result<()> {
        let path = key_path::path(layout, key);
        let (parents, name) = key_path::split(&path);
        let root = self.make_data_root(layout)?;
        // A concurrent deletion may remove a directory that was just created; then create it again.
        for attempt in 0.. {
            let dir = match root.make(parents.clone(), self.mode.fsync) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < MAX_ATTEMPTS => continue,
                result => result?,
            };
            if dir.stat(name)?.is_some_and(|stat| stat.kind == FileKind::Dir)
                && (leftovers == Leftovers::Keep || !dir.prune(name)?)
            {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            self.try_write_sidecar(layout, key, records, leftovers)?;
            match from.rename(file, &dir, name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < MAX_ATTEMPTS => {}
                result => {
                    result?;
                    self.names().count_write();
                    return if self.mode.fsync { dir.sync() } else { Ok(()) };
                }
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Writes the sidecar of an existing object.
    pub(super) fn write_sidecar(&self, layout: Layout, key: &str, records: &[Record]) -> io::Result<()> {
        self.replacing_leftovers(|leftovers| self.try_write_sidecar(layout, key, records, leftovers))
    }

    /// Step 2 of a write. Another sidecar or directory at the path belongs to no existing object, unless another
    /// request is writing it now; with [`Leftovers::Remove`] it is removed.
    fn try_write_sidecar(
        &self,
        layout: Layout,
        key: &str,
        records: &[Record],
        leftovers: Leftovers,
    ) -> io::Result<()> {
        let root = self.make_meta_root(layout)?;
        let path = key_path::path(layout, key);
        let (parents, name) = key_path::split(&path);
        let content = meta::encode(records);
        let mut result = Err(io::ErrorKind::NotFound.into());
        for _ in 0..MAX_ATTEMPTS {
            result = root
                .make(parents.clone(), self.mode.fsync)
                .and_then(|dir| self.put_small(&dir, name, &content));
            let Err(error) = &result else { return Ok(()) };
            match error.kind() {
                io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
                    if leftovers == Leftovers::Keep =>
                {
                    break;
                }
                io::ErrorKind::NotADirectory => remove_blocking_file(root, parents.clone())?,
                io::ErrorKind::IsADirectory => {
                    if let Some(dir) = root.walk(parents.clone())? {
                        dir.remove_all(name)?;
                    }
                }
                io::ErrorKind::NotFound => {}
                _ => break,
            }
        }
        result
    }

    /// Changes the metadata of an object or of one of its versions in place: content and modification time stay.
    /// Returns `false` if it does not exist.
    pub(crate) fn change_meta(
        &self,
        key: &str,
        version: Option<&str>,
        change: impl FnOnce(&mut Meta) -> S3Result<()>,
    ) -> S3Result<bool> {
        // First without the lock, so that a foreign file is hashed now.
        if self.open_object(key)?.is_none() && self.versioning().is_none() {
            return Ok(false);
        }
        let _alive = self.ensure_alive()?;
        let _lock = self.lock(key);
        let current = self.current_object(key)?;
        let is_target =
            |object: &Object| version.is_none_or(|id| ids::matches(object.meta.version.as_ref(), id));
        let mut current = match (current, version) {
            (Some(current), _) if is_target(&current) => current,
            (current, Some(id)) if self.versioning().is_some() => {
                return self.change_noncurrent(key, current.as_ref(), id, change);
            }
            _ => return Ok(false),
        };
        if current.meta.etag.is_empty() {
            return fail(ErrorCode::SlowDown, "The object keeps changing; try again.");
        }
        if current.meta.damaged {
            return fail(ErrorCode::InternalError, "The file of this object was changed by another program.");
        }
        change(&mut current.meta)?;
        self.write_sidecar(current.layout, key, &[Record::new(&current.stat, current.meta)])?;
        Ok(true)
    }

    /// Removes the object of a key, unless `check`, which gets the current object, fails. If versioning is enabled or
    /// suspended, a delete marker with the canonical user id `owner` becomes the latest version instead.
    pub(crate) fn remove(
        &self,
        key: &str,
        owner: Option<&str>,
        check: impl FnOnce(Option<&Object>) -> S3Result<()>,
    ) -> S3Result<Removed> {
        self.mode.check_writable()?;
        let versioning = self.versioning();
        if versioning.is_some() {
            self.ensure_sidecar(key)?;
        }
        let _alive = self.alive();
        let _lock = self.lock(key);
        let current = self.current_object(key)?;
        check(current.as_ref())?;
        if let Some(versioning) = versioning {
            return self.add_delete_marker(key, current.as_ref(), versioning, owner);
        }
        self.unlink_key(key)?;
        Ok(Removed::default())
    }

    /// Removes the file of a key, and then its sidecar.
    pub(super) fn unlink_key(&self, key: &str) -> io::Result<()> {
        let _paths = self.lock_paths();
        for layout in [Layout::Escaped, Layout::Plain] {
            if layout == Layout::Plain && !key_path::is_path(key) {
                continue;
            }
            let path = key_path::path(layout, key);
            let Some(root) = self.data_root(layout)? else { continue };
            if !self.unlink_below(root, &path)? {
                continue;
            }
            if let Some(root) = self.meta_root(layout)? {
                self.unlink_below(root, &path)?;
            }
        }
        Ok(())
    }

    /// Removes a regular file, and parent directories that become empty, unless the mode keeps them. Returns `false` if
    /// the file does not exist.
    pub(super) fn unlink_below(&self, root: &Dir, path: &str) -> io::Result<bool> {
        let (parents, name) = key_path::split(path);
        let Some(dir) = root.walk(parents.clone())? else { return Ok(false) };
        if dir.stat(name)?.is_none_or(|stat| stat.kind != FileKind::File) || !dir.unlink(name)? {
            return Ok(false);
        }
        self.names().count_write();
        if self.mode.fsync {
            dir.sync()?;
        }
        if self.mode.keep_folders {
            return Ok(true);
        }
        let parents: Vec<&str> = parents.collect();
        for depth in (1..=parents.len()).rev() {
            let (name, ancestors) = parents[..depth].split_last().expect("depth is at least one");
            match root.walk(ancestors.iter().copied())?.map(|dir| dir.rmdir(name)) {
                Some(Ok(())) => {}
                _ => break,
            }
        }
        Ok(true)
    }
}

/// Whether an object cannot be stored in the plain layout, because of an existing file or a rule of the file system.
fn is_path_conflict(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
    ) || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Removes a file at the path of one of the parent directories.
fn remove_blocking_file<'a>(root: &Dir, parents: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut dir = root.try_clone()?;
    for part in parents {
        match dir.child(part)? {
            Some(next) => dir = next,
            None => {
                if dir.stat(part)?.is_some_and(|stat| stat.kind != FileKind::Dir) {
                    dir.unlink(part)?;
                }
                break;
            }
        }
    }
    Ok(())
}
