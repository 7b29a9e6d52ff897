//! Versioning: noncurrent versions and delete markers.
//!
//! The current version of a key is an ordinary file at the path of the key, as in a bucket without versioning; its
//! sidecar contains the version id. Noncurrent versions are in the bucket's private directory: an index for each key
//! (newest first, its path escaped as in [`key_path`]; a long one continues in segments, see [`history`]) and the
//! contents, `versions/data/NAME`. While the latest version is a delete marker, the key has no ordinary file and its
//! index begins with the marker.
//!
//! # Order of operations
//!
//! - Writing a new version over a current one: the current file gets a second name in `versions/data` (a hard link),
//!   the index gets its entry, and then the new file is renamed to the path of the key, as in every write. A crash in
//!   between leaves the old version current *and* in the index; readers ignore an index entry that is current.
//! - Adding a delete marker: the current file gets its second name, the index gets its entry and the marker, and then
//!   the path of the key is removed. A crash before the last step leaves the object current; readers ignore its entry
//!   and the marker before it. If a `null` marker replaces a `null` version, that version is removed from the index
//!   last; until then the first of the two is valid.
//! - Removing the current version: the previous version is renamed to the path of the key, then removed from the index.
//! - Removing a noncurrent version: it is removed from the index, then its content is removed.
//!
//! So an acknowledged version always has its content, and content is never partial. A crash may leave a name in
//! `versions/data` that no index refers to, which does no harm. It is either a second name of the current file, which
//! is removed when that version becomes noncurrent or is removed; or the content of a version whose removal was not
//! finished. [`super::sweep`] removes both.
//!
//! An index changes atomically, whatever the number of segments. A crash may leave unreferenced segments, which are
//! redundant copies; [`super::sweep`] removes them, too.
//!
//! Durability against power loss is that of [`super::write`]: each name in `versions/data`, each segment and each index
//! is synced before the next step. On file systems without hard links the current file is moved instead: between the
//! two renames of a write, readers find it through the index.

mod format;
mod history;
pub(crate) mod ids;
mod pages;
#[cfg(test)]
mod tests;

use super::bucket::Bucket;
use super::bucket_record::Versioning;
use super::dir::{FileKind, Stat};
use super::meta::{Meta, Record};
use super::object::{MAX_ATTEMPTS, Object};
use super::{key_path, nonblocking};
use crate::model::error::{ErrorCode, S3Result, fail};
use chrono::{DateTime, Utc};
use format::{Version, VersionContent};
use history::History;
use ids::{NULL, datetime, id_text, new_id, now_ns, stored_id};
use std::io;

pub(super) use format::visit_references;
pub(crate) use pages::{ListedContent, ListedVersion};

/// The result of looking up a key or one of its versions.
#[derive(Debug)]
pub(crate) enum Found {
    Object(Box<Object>),
    /// A delete marker.
    Marker {
        id: String,
        modified: DateTime<Utc>,
    },
    /// The key or the version does not exist.
    Nothing,
}

/// The result of a deletion, for the response.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// Id of the removed version or of the new delete marker; `None` in a bucket without versioning.
    pub(crate) version: Option<String>,
    /// Whether `version` is a delete marker.
    pub(crate) marker: bool,
}

/// The file name of an object's content in `versions/data`.
fn data_name(object: &Object) -> String {
    match &object.meta.version {
        Some(id) => id.clone(),
        None => format!("{NULL}-{:x}-{:x}", object.stat.inode, object.stat.mtime),
    }
}

impl Bucket {
    /// The history of a key without entries that a crash may have left. For callers that do not hold the key's lock,
    /// see [`History::read`].
    fn noncurrent<'a>(
        &'a self,
        key: &'a str,
        current: Option<(&Meta, &Stat)>,
        is_locked: bool,
    ) -> io::Result<History<'a>> {
        let mut history = History::read(self, key, is_locked)?;
        history.drop_unfinished(current)?;
        Ok(history)
    }

    /// Links the current file of a key into `versions/data`; returns its entry.
    fn link_current(&self, key: &str, current: &Object) -> S3Result<Version> {
        if current.meta.etag.is_empty() {
            return fail(ErrorCode::SlowDown, "The object keeps changing; try again.");
        }
        let file = data_name(current);
        let data = self.make_version_data()?;
        let path = key_path::path(current.layout, key);
        let (parents, name) = key_path::split(&path);
        let dir = match self.data_root(current.layout)? {
            Some(root) => root.walk(parents)?,
            None => None,
        };
        let dir = dir.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        data.unlink(&file)?;
        if let Err(error) = dir.link(name, data, &file) {
            log::debug!("serve: cannot create a hard link ({error}); moving the file instead");
            dir.rename(name, data, &file)?;
        }
        if self.mode.fsync {
            data.sync()?;
        }
        let record = Box::new(Record::new(&current.stat, current.meta.clone()));
        Ok(Version { id: current.meta.version.clone(), content: VersionContent::Data { file, record } })
    }

    /// First step of a write in a bucket with versioning: adds the current version to the history, unless it is a
    /// `null` version that the new `null` version replaces.
    pub(super) fn keep_current(
        &self,
        key: &str,
        current: Option<&Object>,
        new: Option<&String>,
    ) -> S3Result<()> {
        let Some(current) = current.filter(|current| new.is_some() || current.meta.version.is_some()) else {
            return Ok(());
        };
        let mut history = self.noncurrent(key, Some((&current.meta, &current.stat)), true)?;
        history.push(self.link_current(key, current)?);
        Ok(history.write()?)
    }

    /// Last step of a write of a `null` version: removes the previous `null` version.
    pub(super) fn remove_old_null(&self, key: &str) -> io::Result<()> {
        let mut history = History::read(self, key, true)?;
        let removed = history.remove_nulls()?;
        if removed.is_empty() {
            return Ok(());
        }
        history.write()?;
        removed.iter().try_for_each(|version| self.remove_content(version))
    }

    /// Removes the content of a version that is not in an index any more.
    fn remove_content(&self, version: &Version) -> io::Result<()> {
        if let VersionContent::Data { file, .. } = &version.content
            && let Some(data) = self.version_data()?
        {
            data.unlink(file)?;
        }
        Ok(())
    }

    fn open_noncurrent(&self, version: &Version) -> io::Result<Option<Object>> {
        let VersionContent::Data { file, record } = &version.content else { return Ok(None) };
        let Some(data) = self.version_data()? else { return Ok(None) };
        let Some((file, stat)) = data.open_file(file)? else { return Ok(None) };
        let mut meta = record.meta.clone();
        // Other programs must not write to `versions/data`, so a different size is damage.
        meta.damaged |= stat.size != record.size();
        Ok(Some(Object { file, stat, meta, layout: key_path::Layout::Escaped }))
    }

    /// Opens the latest version of a key, or the version with an id.
    pub(crate) fn open_version(&self, key: &str, id: Option<&str>) -> S3Result<Found> {
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                nonblocking::may_block()?;
            }
            let current = self.open_object(key)?;
            let is_locked = attempt > 0;
            let _lock = is_locked.then(|| self.lock(key));
            let current = match current {
                Some(object) if id.is_none_or(|id| ids::matches(object.meta.version.as_ref(), id)) => {
                    return Ok(Found::Object(Box::new(object)));
                }
                other => other.map(|object| (object.meta, object.stat)),
            };
            if self.versioning().is_none() {
                return Ok(Found::Nothing);
            }
            let current = current.as_ref().map(|(meta, stat)| (meta, stat));
            let version = match self.find_noncurrent(key, current, id, is_locked) {
                // Another request has just replaced a segment.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_locked => continue,
                found => found?,
            };
            let Some(version) = version else {
                // The version may have become current meanwhile.
                if attempt == 0 {
                    continue;
                }
                return Ok(Found::Nothing);
            };
            if let VersionContent::Marker { time, .. } = version.content {
                return Ok(Found::Marker { id: id_text(version.id.as_ref()), modified: datetime(time) });
            }
            if let Some(object) = self.open_noncurrent(&version)? {
                return Ok(Found::Object(Box::new(object)));
            }
            // The version has just become current or was removed.
        }
        Ok(Found::Nothing)
    }

    /// The newest noncurrent version, or the one with an id.
    fn find_noncurrent(
        &self,
        key: &str,
        current: Option<(&Meta, &Stat)>,
        id: Option<&str>,
        is_locked: bool,
    ) -> io::Result<Option<Version>> {
        let history = self.noncurrent(key, current, is_locked)?;
        let position = match id {
            Some(id) => history.find(stored_id(id), |_| true)?,
            None => history.first()?,
        };
        position.map(|position| history.get(position).cloned()).transpose()
    }

    /// Deletes a key in a bucket with versioning: a delete marker becomes its latest version. The caller holds the
    /// locks.
    pub(super) fn add_delete_marker(
        &self,
        key: &str,
        current: Option<&Object>,
        versioning: Versioning,
        owner: Option<&str>,
    ) -> S3Result<Removed> {
        let id = match versioning {
            Versioning::Enabled => Some(new_id()?),
            Versioning::Suspended => None,
        };
        let content = VersionContent::Marker { time: now_ns(), owner: owner.map(str::to_owned) };
        let marker = Version { id: id.clone(), content };
        let removed = Removed { version: Some(id_text(id.as_ref())), marker: true };
        let mut history = self.noncurrent(key, current.map(|object| (&object.meta, &object.stat)), true)?;
        if let Some(current) = current.filter(|current| id.is_some() || current.meta.version.is_some()) {
            history.push(self.link_current(key, current)?);
        }
        history.push(marker);
        history.write()?;
        self.unlink_key(key)?;
        if id.is_none() {
            // Only now: as long as the file of the key exists, the deletion has not happened and the `null` version
            // is still valid.
            let replaced = history.remove_nulls_but_first()?;
            if !replaced.is_empty() {
                history.write()?;
                replaced.iter().try_for_each(|version| self.remove_content(version))?;
            }
        }
        Ok(removed)
    }

    /// Removes a version permanently, unless `check`, which gets its stat and metadata, fails. Succeeds if the version
    /// does not exist.
    pub(crate) fn remove_version(
        &self,
        key: &str,
        id: &str,
        check: impl FnOnce(&Stat, &Meta) -> S3Result<()>,
    ) -> S3Result<Removed> {
        self.mode.check_writable()?;
        if self.versioning().is_some() {
            self.ensure_sidecar(key)?;
        }
        let _alive = self.alive();
        let _lock = self.lock(key);
        let current = self.current_object(key)?;
        let current_state = current.as_ref().map(|object| (&object.meta, &object.stat));
        let mut history = self.noncurrent(key, current_state, true)?;
        let mut removed = Removed { version: Some(id.to_owned()), marker: false };
        let is_target = |object: &&Object| ids::matches(object.meta.version.as_ref(), id);
        if let Some(current) = current.as_ref().filter(is_target) {
            check(&current.stat, &current.meta)?;
            if self.promote(key, &mut history, Some(current))? {
                history.write()?;
            } else {
                // First from the index, where a crash may have left an entry.
                if self.versioning().is_some() {
                    history.write()?;
                }
                self.unlink_key(key)?;
            }
            // A crash may have left a second name that no index refers to.
            if let Some(data) = self.version_data()? {
                data.unlink(&data_name(current))?;
            }
            return Ok(removed);
        }
        let Some(position) = history.find(stored_id(id), |_| true)? else {
            return Ok(removed);
        };
        match &history.get(position)?.content {
            VersionContent::Data { record, .. } => check(&record.stat(), &record.meta)?,
            VersionContent::Marker { .. } => removed.marker = true,
        }
        let was_latest = current.is_none() && history.first()? == Some(position);
        let version = history.remove(position)?;
        if was_latest {
            self.promote(key, &mut history, None)?;
        }
        history.write()?;
        self.remove_content(&version)?;
        Ok(removed)
    }

    /// Makes the newest version of a history current and removes it from the history. Returns `false` if there is none
    /// or it is a delete marker.
    fn promote(&self, key: &str, history: &mut History<'_>, current: Option<&Object>) -> S3Result<bool> {
        let Some(first) = history.first()? else { return Ok(false) };
        let VersionContent::Data { file, record } = &history.get(first)?.content else { return Ok(false) };
        let Some(data) = self.version_data()? else { return Ok(false) };
        if data.stat(file)?.is_none_or(|stat| stat.kind != FileKind::File) {
            return fail(ErrorCode::InternalError, "The content of the previous version is missing.");
        }
        let mut records = vec![(**record).clone()];
        records.extend(current.map(|object| Record::new(&object.stat, object.meta.clone())));
        self.install(data, file, key, current.map(|object| object.layout), &records)?;
        history.remove(first)?;
        Ok(true)
    }

    /// Changes the metadata of a noncurrent version. The caller holds the locks. Returns `false` if the version does
    /// not exist.
    pub(super) fn change_noncurrent(
        &self,
        key: &str,
        current: Option<&Object>,
        id: &str,
        change: impl FnOnce(&mut Meta) -> S3Result<()>,
    ) -> S3Result<bool> {
        let mut history = self.noncurrent(key, current.map(|object| (&object.meta, &object.stat)), true)?;
        let is_data = |version: &Version| matches!(version.content, VersionContent::Data { .. });
        let Some(position) = history.find(stored_id(id), is_data)? else { return Ok(false) };
        if let VersionContent::Data { record, .. } = &mut history.get_mut(position)?.content {
            change(&mut record.meta)?;
        }
        history.write()?;
        Ok(true)
    }
}
