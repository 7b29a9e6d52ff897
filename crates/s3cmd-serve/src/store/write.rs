//! Reading, writing and removing single objects.
//!
//! # Why a crash never mixes or halves anything
//!
//! A write goes in this order:
//!
//! 1. the content goes to a temporary file in the bucket's private directory (same file system), is hashed on
//!    the way, and synced;
//! 2. a sidecar with two records, the new object's and the present object's, is written to a temporary file,
//!    synced, renamed over the sidecar, and its directory synced;
//! 3. the content is renamed over the object, and its directory synced;
//! 4. only now is the request answered.
//!
//! A record names the inode, size and modification time (ns) of the file that it describes, all of which a rename
//! keeps. Whoever dies between 1 and 2 leaves the old object with its sidecar; between 2 and 3, the old object,
//! whose record is still in the sidecar; after 3, the new object, whose record is there too. At no moment is the
//! file under the key's name without its own record, nor is it ever partly written. Leftover temporaries are
//! removed at the next start.
//!
//! A deletion removes the escaped copy first (there normally is only one of the two), then the file, then the
//! sidecar: a sidecar without a file describes nothing and is overwritten by the next object of that name.
//!
//! # Why a power loss undoes nothing that was acknowledged
//!
//! With `fsync`, each step is on the disk before the next one begins: the bytes of a file before it gets a name (1, and
//! in 2 the sidecar's), a name (the sync of its directory) before what relies on it. So what a power loss leaves is
//! what a crash after one of the steps leaves, and an answered request has all of them behind it. Directories on the
//! way are made from the top, each synced in the one above, and a request that finds one which another request is
//! making waits until that has happened. Deletions sync the directory that lost the name. What is not synced needs not
//! be there, or not be gone: temporaries, empty directories, the sidecar of a deleted object, contents that no index
//! mentions. (One gap is left to the file system: a directory that a server had made when it was killed, before its
//! sync, is taken for durable by the next server. Journaling file systems write it out before anything that is put into
//! it later.)
//!
//! Without `fsync` the order still holds when the process is killed, as the kernel applies renames in order for
//! everybody; only a power loss may then undo or reorder what was acknowledged.

use super::bucket::{Bucket, Leftovers};
use super::bucket_record::Versioning;
use super::dir::{Dir, FileKind, Stat, stat_file};
use super::key_path::{self, Layout};
use super::meta::{self, Meta, Record};
use super::object::{MAX_ATTEMPTS, Object};
use super::staged::{self, Staged};
use super::versions::{Removed, ids};
use super::{foreign, nonblocking, unreadable};
use crate::model::error::{ErrorCode, S3Result, fail, no_such_bucket};
use std::fs::File;
use std::io;

impl Bucket {
    /// Opens the object of a key.
    pub(crate) fn open_object(&self, key: &str) -> S3Result<Option<Object>> {
        for attempt in 0..MAX_ATTEMPTS {
            let Some((layout, file, stat)) = self.open_data(key)? else { return Ok(None) };
            if attempt > 0 {
                nonblocking::may_block()?;
            }
            // A writer may have replaced the object twice since; under its lock the two fit together.
            let guard = (attempt > 0).then(|| self.lock(key));
            let found = match &guard {
                None => Some((layout, file, stat)),
                Some(_) => self.open_data(key)?,
            };
            let Some((layout, file, stat)) = found else { return Ok(None) };
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

    /// Has a file from outside described before its key is locked. One whose record is damaged can still be replaced.
    pub(super) fn ensure_described(&self, key: &str) -> S3Result<()> {
        match self.open_object(key) {
            Err(error) if error.code == ErrorCode::InternalError => Ok(()),
            looked => looked.map(drop),
        }
    }

    pub(super) fn records_of(&self, layout: Layout, key: &str) -> io::Result<Vec<Record>> {
        let Some(root) = self.meta_root(layout)? else { return Ok(Vec::new()) };
        root.read_below(&key_path::path(layout, key))?
            .map_or_else(|| Ok(Vec::new()), |sidecar| meta::decode(&sidecar))
    }

    /// Opens a file from outside whose digest is not known and cannot be kept, for a read that can do without an ETag;
    /// `None` where the object has to be opened in the ordinary way.
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

    /// Starts a new file in the bucket's private directory.
    pub(crate) fn stage(&self) -> S3Result<Staged> {
        if !*self.alive() {
            return Err(no_such_bucket(self.name()));
        }
        let (tmp, name, file) = self.create_temporary()?;
        Ok(Staged::new(tmp.try_clone()?, name, file, staged::StagedKind::Temporary))
    }

    /// Gives a staged file the name of a key, with its metadata. `check` sees the present object and may refuse. Where
    /// there are versions, the present one is kept; the id of the new one is returned (none while they are suspended:
    /// then it is the `null` version, and S3's answers name no id). The file gets the time that rclone's metadata
    /// states.
    pub(crate) fn commit(
        &self,
        staged: Staged,
        key: &str,
        mut meta: Meta,
        check: impl FnOnce(Option<&Object>) -> S3Result<()>,
    ) -> S3Result<(Stat, Option<String>)> {
        let stored = stat_file(&staged.file)?.mtime;
        if let Some(time) = foreign::time_of(&meta)
            && staged.file.set_modified(time).is_ok()
        {
            meta.stored = Some(stored);
        }
        if self.mode.fsync {
            staged.file.sync_all()?;
        }
        let versioning = self.versioning();
        if versioning.is_some() {
            // A file from outside becomes a version with its ETag; hashed without the lock.
            self.ensure_described(key)?;
        }
        let stat = stat_file(&staged.file)?;
        let alive = self.alive();
        if !*alive {
            return Err(no_such_bucket(self.name()));
        }
        let _lock = self.lock(key);
        let present = self.present(key)?;
        check(present.as_ref())?;
        meta.version = match versioning {
            Some(Versioning::Enabled) => Some(ids::new_id()?),
            Some(Versioning::Suspended) | None => None,
        };
        let version = meta.version.clone();
        if versioning.is_some() {
            self.keep(key, present.as_ref(), meta.version.as_ref())?;
        }
        let is_null = meta.version.is_none();
        let mut records = vec![Record::new(&stat, meta)];
        let layout = present.as_ref().map(|present| present.layout);
        records.extend(present.map(|present| Record::new(&present.stat, present.meta)));
        self.settle(&staged.tmp, &staged.name, key, layout, &records)?;
        if versioning.is_some() && is_null {
            self.forget_null(key)?;
        }
        // Whoever tells of it tells when it was stored.
        Ok((Stat { mtime: stored, ..stat }, version))
    }

    /// Gives a file the name of a key, as an ordinary file if that can be; `layout` is where the present object is.
    pub(super) fn settle(
        &self,
        from: &Dir,
        name: &str,
        key: &str,
        layout: Option<Layout>,
        records: &[Record],
    ) -> io::Result<()> {
        let by_form = if key_path::is_plain(key) { Layout::Plain } else { Layout::Escaped };
        if layout.unwrap_or(by_form) == Layout::Plain {
            match self.install(from, name, Layout::Plain, key, records) {
                Err(error) if cannot_be_named(&error) => {}
                result => return result,
            }
        }
        self.install(from, name, Layout::Escaped, key, records)
    }

    /// The present object of a key whose lock is held; a file from outside counts with the least metadata, as hashing
    /// it just to replace it would be a waste. So does one whose record is damaged, where nothing can be locked: what
    /// replaces or removes it repairs it.
    pub(super) fn present(&self, key: &str) -> S3Result<Option<Object>> {
        let Some((layout, file, stat)) = self.open_data(key)? else { return Ok(None) };
        let mut records = match self.records(layout, key) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData && !self.has_object_lock() => Vec::new(),
            records => records?,
        };
        let meta = match meta::find(&records, &stat) {
            Some(found) => records.swap_remove(found).meta,
            None => self.undescribed(records),
        };
        Ok(Some(Object { file, stat, meta, layout }))
    }

    /// Steps 2 and 3 of a write.
    fn install(
        &self,
        from: &Dir,
        file: &str,
        layout: Layout,
        key: &str,
        records: &[Record],
    ) -> io::Result<()> {
        self.replacing_leftovers(|leftovers| self.install_with(from, file, layout, key, records, leftovers))
    }

    fn install_with(
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
        // A deletion next door may remove a directory just after it was made; then make it again.
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
            self.write_sidecar(layout, key, records, leftovers)?;
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

    /// Writes the sidecar of an object that is in its place.
    pub(super) fn describe(&self, layout: Layout, key: &str, records: &[Record]) -> io::Result<()> {
        self.replacing_leftovers(|leftovers| self.write_sidecar(layout, key, records, leftovers))
    }

    /// Step 2. What is in the way in the mirrored tree describes nothing that exists, unless it is being written at
    /// this moment, and goes.
    fn write_sidecar(
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
                io::ErrorKind::NotADirectory => clear_file_in_the_way(root, parents.clone())?,
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

    /// Changes the metadata of an object, or of one of its versions, in place: its content and modification time stay.
    pub(crate) fn change_meta(
        &self,
        key: &str,
        version: Option<&str>,
        change: impl FnOnce(&mut Meta) -> S3Result<()>,
    ) -> S3Result<bool> {
        // First without the lock, so that a file from outside is hashed now.
        if self.open_object(key)?.is_none() && self.versioning().is_none() {
            return Ok(false);
        }
        let alive = self.alive();
        if !*alive {
            return Err(no_such_bucket(self.name()));
        }
        let _lock = self.lock(key);
        let present = self.present(key)?;
        let is_it =
            |object: &Object| version.is_none_or(|wanted| ids::is(object.meta.version.as_ref(), wanted));
        let mut present = match (present, version) {
            (Some(present), _) if is_it(&present) => present,
            (present, Some(wanted)) if self.versioning().is_some() => {
                return self.change_kept(key, present.as_ref(), wanted, change);
            }
            _ => return Ok(false),
        };
        if present.meta.etag.is_empty() {
            return fail(ErrorCode::SlowDown, "The object keeps changing; try again.");
        }
        if present.meta.damaged {
            return fail(ErrorCode::InternalError, "The file of this object was changed from outside.");
        }
        change(&mut present.meta)?;
        self.describe(present.layout, key, &[Record::new(&present.stat, present.meta)])?;
        Ok(true)
    }

    /// Removes a key if `check`, which sees the present object, allows. Where there are versions, a delete marker of
    /// `who` becomes the latest instead.
    pub(crate) fn remove(
        &self,
        key: &str,
        who: Option<&str>,
        check: impl FnOnce(Option<&Object>) -> S3Result<()>,
    ) -> S3Result<Removed> {
        if self.mode.read_only {
            return Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem).into());
        }
        let versioning = self.versioning();
        if versioning.is_some() {
            self.ensure_described(key)?;
        }
        let _alive = self.alive();
        let _lock = self.lock(key);
        let present = self.present(key)?;
        check(present.as_ref())?;
        if let Some(versioning) = versioning {
            return self.mark_deleted(key, present.as_ref(), versioning, who);
        }
        self.unlink_key(key)?;
        Ok(Removed::default())
    }

    /// Removes the file of a key, and then its sidecar.
    pub(super) fn unlink_key(&self, key: &str) -> io::Result<()> {
        let _ways = self.lock_paths();
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

    /// Unlinks a regular file, and the directories above it that are empty then, unless they are to stay.
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
            let (name, above) = parents[..depth].split_last().expect("depth is at least one");
            match root.walk(above.iter().copied())?.map(|dir| dir.rmdir(name)) {
                Some(Ok(())) => {}
                _ => break,
            }
        }
        Ok(true)
    }
}

/// Whether an ordinary file cannot have the name, because of what is there or of the file system's rules.
fn cannot_be_named(error: &io::Error) -> bool {
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

fn clear_file_in_the_way<'a>(root: &Dir, parents: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut at = root.try_clone()?;
    for part in parents {
        match at.child(part)? {
            Some(next) => at = next,
            None => {
                if at.stat(part)?.is_some_and(|stat| stat.kind != FileKind::Dir) {
                    at.unlink(part)?;
                }
                break;
            }
        }
    }
    Ok(())
}
