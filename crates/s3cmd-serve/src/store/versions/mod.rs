//! Versions: what an object was before, and delete markers.
//!
//! The current version of a key is an ordinary file under its name, as in a bucket without versions; its sidecar says
//! which version it is. What is not current is in the bucket's private directory: an index for each key (newest first,
//! its path escaped as in [`key_path`]; a long one goes on in segments, see [`history`]) and the contents,
//! `versions/data/NAME`. While the latest version is a delete marker, the key has no ordinary file and its index begins
//! with the marker.
//!
//! # Order of operations
//!
//! - A new version over a present one: the present file gets a second name in `versions/data` (a hard link), the index
//!   gets its entry, and then the new file takes the key's name in one rename, as every write does. Whoever dies in
//!   between leaves the present version current *and* in the index; readers pass over an entry that is current.
//! - A delete marker: second name, index with the marker and the entry, and then the key's name goes. Dying before the
//!   last step leaves the object current; what stands before its entry, the marker, is passed over like the entry.
//!   A `null` version that a `null` marker replaces leaves the index after that; until then the first of the two counts.
//! - Removing the current version: the version before takes the key's name in one rename, then leaves the index.
//! - Removing another one: it leaves the index, then its content goes.
//!
//! So no version that was acknowledged is ever without its content, and no content is half there. A name in
//! `versions/data` that no index mentions (a crash) harms nothing. It is that of the current file, and goes when that
//! is kept again or removed; or that of a version whose removal was not finished. [`super::sweep`] removes both.
//!
//! An index changes in one step, however many segments that takes. Segments that no index mentions (a crash) are
//! superfluous copies; [`super::sweep`] removes them, too.
//!
//! Durability against power loss is that of [`super::write`]: each name in `versions/data`, each segment and each index
//! is synced before the next step. Where the file system knows no hard links the present file is moved instead: between
//! the two renames of a write, readers find it by the index.

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
use ids::{NULL, id_text, is, new_id, now_ns, stored_id, time};
use std::io;

pub(super) use format::mentions;
pub(crate) use pages::{ListedContent, ListedVersion};

/// What is there of a key or of one of its versions.
#[derive(Debug)]
pub(crate) enum Found {
    Object(Box<Object>),
    /// A delete marker.
    Marker {
        id: String,
        modified: DateTime<Utc>,
    },
    /// Nothing of that name, or not that version.
    Nothing,
}

/// What a deletion did, as its answer tells.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// The version that went, or the marker that came; `None` in a bucket without versions.
    pub(crate) version: Option<String>,
    /// Whether that is a delete marker.
    pub(crate) marker: bool,
}

/// The name that an object has among the versions that are not current.
fn second_name(object: &Object) -> String {
    match &object.meta.version {
        Some(id) => id.clone(),
        None => format!("{NULL}-{:x}-{:x}", object.stat.inode, object.stat.mtime),
    }
}

impl Bucket {
    /// The versions that are not current, without what a crash may have left among them. Unless the key's lock is held,
    /// see [`History::read`].
    fn noncurrent<'a>(
        &'a self,
        key: &'a str,
        current: Option<(&Meta, &Stat)>,
        is_locked: bool,
    ) -> io::Result<History<'a>> {
        let mut history = History::read(self, key, is_locked)?;
        history.pass_over(current)?;
        Ok(history)
    }

    /// Gives the present file of a key a second name among the versions; returns its entry.
    fn link(&self, key: &str, present: &Object) -> S3Result<Version> {
        if present.meta.etag.is_empty() {
            return fail(ErrorCode::SlowDown, "The object keeps changing; try again.");
        }
        let file = second_name(present);
        let data = self.make_version_data()?;
        let path = key_path::path(present.layout, key);
        let (parents, name) = key_path::split(&path);
        let dir = match self.data_root(present.layout)? {
            Some(root) => root.walk(parents)?,
            None => None,
        };
        let dir = dir.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        data.unlink(&file)?;
        if let Err(error) = dir.link(name, data, &file) {
            log::debug!("serve: no hard links here ({error}); moving");
            dir.rename(name, data, &file)?;
        }
        if self.mode.fsync {
            data.sync()?;
        }
        let record = Box::new(Record::new(&present.stat, present.meta.clone()));
        Ok(Version { id: present.meta.version.clone(), what: VersionContent::Data { file, record } })
    }

    /// First step of a write in a bucket with versions: keeps the present version unless the new one takes its place.
    pub(super) fn keep(&self, key: &str, present: Option<&Object>, new: Option<&String>) -> S3Result<()> {
        let Some(present) = present.filter(|present| new.is_some() || present.meta.version.is_some()) else {
            return Ok(());
        };
        let mut history = self.noncurrent(key, Some((&present.meta, &present.stat)), true)?;
        history.push(self.link(key, present)?);
        Ok(history.write()?)
    }

    /// Last step of a write of a `null` version: the one that was there before goes.
    pub(super) fn forget_null(&self, key: &str) -> io::Result<()> {
        let mut history = History::read(self, key, true)?;
        let gone = history.remove_nulls()?;
        if gone.is_empty() {
            return Ok(());
        }
        history.write()?;
        gone.iter().try_for_each(|version| self.discard(version))
    }

    /// Removes the content of a version that is in no index any more.
    fn discard(&self, version: &Version) -> io::Result<()> {
        if let VersionContent::Data { file, .. } = &version.what
            && let Some(data) = self.version_data()?
        {
            data.unlink(file)?;
        }
        Ok(())
    }

    fn open_kept(&self, version: &Version) -> io::Result<Option<Object>> {
        let VersionContent::Data { file, record } = &version.what else { return Ok(None) };
        let Some(data) = self.version_data()? else { return Ok(None) };
        let Some((file, stat)) = data.open_file(file)? else { return Ok(None) };
        let mut meta = record.meta.clone();
        // Nobody has anything to write there: another size is damage.
        meta.damaged |= stat.size != record.size();
        Ok(Some(Object { file, stat, meta, layout: key_path::Layout::Escaped }))
    }

    /// Opens the latest version of a key, or the one of an id.
    pub(crate) fn open_version(&self, key: &str, wanted: Option<&str>) -> S3Result<Found> {
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                nonblocking::may_block()?;
            }
            let current = self.open_object(key)?;
            let is_locked = attempt > 0;
            let _lock = is_locked.then(|| self.lock(key));
            let about = match current {
                Some(object) if wanted.is_none_or(|wanted| is(object.meta.version.as_ref(), wanted)) => {
                    return Ok(Found::Object(Box::new(object)));
                }
                other => other.map(|object| (object.meta, object.stat)),
            };
            if self.versioning().is_none() {
                return Ok(Found::Nothing);
            }
            let about = about.as_ref().map(|(meta, stat)| (meta, stat));
            let version = match self.kept(key, about, wanted, is_locked) {
                // A segment that was looked for has just been replaced.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !is_locked => continue,
                found => found?,
            };
            let Some(version) = version else {
                // It may have become current since that was looked at.
                if attempt == 0 {
                    continue;
                }
                return Ok(Found::Nothing);
            };
            if let VersionContent::Marker { time: at, .. } = version.what {
                return Ok(Found::Marker { id: id_text(version.id.as_ref()), modified: time(at) });
            }
            if let Some(object) = self.open_kept(&version)? {
                return Ok(Found::Object(Box::new(object)));
            }
            // It has just become current, or gone.
        }
        Ok(Found::Nothing)
    }

    /// The newest version that is not current, or the one of an id.
    fn kept(
        &self,
        key: &str,
        current: Option<(&Meta, &Stat)>,
        wanted: Option<&str>,
        is_locked: bool,
    ) -> io::Result<Option<Version>> {
        let history = self.noncurrent(key, current, is_locked)?;
        let place = match wanted {
            Some(wanted) => history.find(stored_id(wanted), |_| true)?,
            None => history.first()?,
        };
        place.map(|place| history.get(place).cloned()).transpose()
    }

    /// Deletes a key in a bucket with versions: a delete marker becomes its latest version. Locks are held.
    pub(super) fn mark_deleted(
        &self,
        key: &str,
        present: Option<&Object>,
        versioning: Versioning,
        who: Option<&str>,
    ) -> S3Result<Removed> {
        let id = match versioning {
            Versioning::Enabled => Some(new_id()?),
            Versioning::Suspended => None,
        };
        let what = VersionContent::Marker { time: now_ns(), owner: who.map(str::to_owned) };
        let marker = Version { id: id.clone(), what };
        let removed = Removed { version: Some(id_text(id.as_ref())), marker: true };
        let about = present.map(|object| (&object.meta, &object.stat));
        let mut history = self.noncurrent(key, about, true)?;
        if let Some(present) = present.filter(|present| id.is_some() || present.meta.version.is_some()) {
            history.push(self.link(key, present)?);
        }
        history.push(marker);
        history.write()?;
        self.unlink_key(key)?;
        if id.is_none() {
            // Only now: while the key has its file, the deletion has not happened, and the `null` version is there.
            let gone = history.remove_nulls_but_first()?;
            if !gone.is_empty() {
                history.write()?;
                gone.iter().try_for_each(|version| self.discard(version))?;
            }
        }
        Ok(removed)
    }

    /// Removes a version for good, if `check`, which sees what is known of its content, allows. One that is not there
    /// is fine.
    pub(crate) fn remove_version(
        &self,
        key: &str,
        wanted: &str,
        check: impl FnOnce(&Stat, &Meta) -> S3Result<()>,
    ) -> S3Result<Removed> {
        if self.mode.read_only {
            return Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem).into());
        }
        if self.versioning().is_some() {
            self.ensure_described(key)?;
        }
        let _alive = self.alive();
        let _lock = self.lock(key);
        let present = self.present(key)?;
        let about = present.as_ref().map(|object| (&object.meta, &object.stat));
        let mut history = self.noncurrent(key, about, true)?;
        let mut removed = Removed { version: Some(wanted.to_owned()), marker: false };
        if let Some(present) = present.as_ref().filter(|object| is(object.meta.version.as_ref(), wanted)) {
            check(&present.stat, &present.meta)?;
            if self.promote(key, &mut history, Some(present))? {
                history.write()?;
            } else {
                // First out of the index, where a crash may have left it, too.
                if self.versioning().is_some() {
                    history.write()?;
                }
                self.unlink_key(key)?;
            }
            // A crash may have left it a second name, which no index mentions.
            if let Some(data) = self.version_data()? {
                data.unlink(&second_name(present))?;
            }
            return Ok(removed);
        }
        let Some(place) = history.find(stored_id(wanted), |_| true)? else {
            return Ok(removed);
        };
        match &history.get(place)?.what {
            VersionContent::Data { record, .. } => check(&record.stat(), &record.meta)?,
            VersionContent::Marker { .. } => removed.marker = true,
        }
        let was_latest = present.is_none() && history.first()? == Some(place);
        let version = history.remove(place)?;
        if was_latest {
            self.promote(key, &mut history, None)?;
        }
        history.write()?;
        self.discard(&version)?;
        Ok(removed)
    }

    /// Makes the newest version of a history current, if it has content, and takes it out of the history.
    fn promote(&self, key: &str, history: &mut History<'_>, present: Option<&Object>) -> S3Result<bool> {
        let Some(first) = history.first()? else { return Ok(false) };
        let VersionContent::Data { file, record } = &history.get(first)?.what else { return Ok(false) };
        let Some(data) = self.version_data()? else { return Ok(false) };
        if data.stat(file)?.is_none_or(|stat| stat.kind != FileKind::File) {
            return fail(ErrorCode::InternalError, "The content of the version before is missing.");
        }
        let mut records = vec![(**record).clone()];
        records.extend(present.map(|object| Record::new(&object.stat, object.meta.clone())));
        self.settle(data, file, key, present.map(|object| object.layout), &records)?;
        history.remove(first)?;
        Ok(true)
    }

    /// Changes the metadata of a version that is not current; locks are held. `false` if there is none.
    pub(super) fn change_kept(
        &self,
        key: &str,
        present: Option<&Object>,
        wanted: &str,
        change: impl FnOnce(&mut Meta) -> S3Result<()>,
    ) -> S3Result<bool> {
        let about = present.map(|object| (&object.meta, &object.stat));
        let mut history = self.noncurrent(key, about, true)?;
        let is_data = |version: &Version| matches!(version.what, VersionContent::Data { .. });
        let Some(place) = history.find(stored_id(wanted), is_data)? else { return Ok(false) };
        if let VersionContent::Data { record, .. } = &mut history.get_mut(place)?.what {
            change(&mut record.meta)?;
        }
        history.write()?;
        Ok(true)
    }
}
