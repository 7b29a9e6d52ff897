//! Versions: what an object was before, and delete markers.
//!
//! The current version of a key is an ordinary file under its name, as in a bucket without versions; its sidecar
//! says which version it is. What is not current is in the bucket's private directory: an index for each key (a small
//! file, newest first, escaped as in [`place`]) and the contents, `versions/data/NAME`. While the latest version is
//! a delete marker, the key has no ordinary file and its index begins with the marker.
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
//! `versions/data` that no index mentions (a crash) harms nothing. It is that of the current file, and goes when that is
//! kept again or removed; or that of a version whose removal was not finished. [`super::sweep`] removes both.
//!
//! Durability against power loss is that of [`super::write`]: each name in `versions/data` and each index is synced before
//! the next step.
//! Where the file system knows no hard links the present file is moved instead: between the two renames of a write,
//! readers find it by the index.
//!
//! A key's index is written whole with each change, but not read where one is only added: thousands of versions of one key
//! cost what it takes to copy their list.

use super::bucket::{Bucket, Versioning};
use super::dir::{Kind, Stat};
use super::haste;
use super::meta::{Meta, Record};
use super::place;
use super::summaries::Summary;
use super::write::{Object, PATIENCE};
use crate::serve::error::{S3Error, S3Result, fail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::io;

/// The id of a version that was written while there was no versioning.
pub(crate) const NULL: &str = "null";

/// An entry of an index.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    /// `None`: the `null` version.
    id: Option<String>,
    what: What,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    /// Name in `versions/data`, and what is known of it.
    Data { file: String, record: Box<Record> },
    /// Time in nanoseconds since the epoch, and the canonical id of who deleted.
    Marker { time: i64, owner: Option<String> },
}

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

/// A version as listings show it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) latest: bool,
    pub(crate) what: ShownWhat,
}

#[derive(Debug)]
pub(crate) enum ShownWhat {
    Data(Box<Summary>),
    Marker { modified: DateTime<Utc>, owner: Option<String> },
}

impl Shown {
    /// When it came to be.
    pub(crate) fn modified(&self) -> DateTime<Utc> {
        match &self.what {
            ShownWhat::Data(summary) => summary.modified(),
            ShownWhat::Marker { modified, .. } => *modified,
        }
    }
}

/// What a deletion did, as its answer tells.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// The version that went, or the marker that came; `None` in a bucket without versions.
    pub(crate) version: Option<String>,
    /// Whether that is a delete marker.
    pub(crate) marker: bool,
}

/// The names in `versions/data` that an index mentions.
pub(super) fn names_in(index: &[u8]) -> io::Result<Vec<String>> {
    let index: Vec<Version> = serde_json::from_slice(index).map_err(io::Error::other)?;
    Ok(index
        .into_iter()
        .filter_map(|version| match version.what {
            What::Data { file, .. } => Some(file),
            What::Marker { .. } => None,
        })
        .collect())
}

/// The id of a version as it is written.
pub(crate) fn id_text(id: Option<&String>) -> String {
    id.map_or(NULL, String::as_str).to_owned()
}

pub(super) fn is(id: Option<&String>, wanted: &str) -> bool {
    id.map_or(NULL, String::as_str) == wanted
}

/// A new id, of 32 digits; later ones are greater, so that a listing goes on where it stopped although its last version is gone.
pub(super) fn new_id() -> S3Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| S3Error::new("InternalError", "No random numbers."))?;
    Ok(format!("{:016x}{}", now_ns(), hex::encode(random)))
}

/// The name that an object has among the versions that are not current.
fn second_name(object: &Object) -> String {
    match &object.meta.version {
        Some(id) => id.clone(),
        None => format!("{NULL}-{:x}-{:x}", object.stat.inode, object.stat.mtime),
    }
}

fn now_ns() -> i64 {
    Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX)
}

fn time(ns: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(ns.div_euclid(1_000_000_000), 0).unwrap_or_default()
}

impl Bucket {
    fn index_bytes(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(root) = self.version_index()? else { return Ok(None) };
        root.read_below(&place::escape(key.as_bytes()))
    }

    fn read_index(&self, key: &str) -> io::Result<Vec<Version>> {
        let Some(bytes) = self.index_bytes(key)? else { return Ok(Vec::new()) };
        // Not to be taken for empty: the next write would forget every version.
        serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// The index without what a crash may have left in it: the entry of what is current, with the marker of an
    /// unfinished deletion before it, and a `null` version that another one has replaced.
    fn noncurrent(&self, key: &str, current: Option<(&Meta, &Stat)>) -> io::Result<Vec<Version>> {
        let mut index = self.read_index(key)?;
        if let Some((meta, stat)) = current {
            let is_it = |version: &Version| match &version.what {
                What::Data { record, .. } => {
                    version.id == meta.version && (version.id.is_some() || record.describes(stat))
                }
                What::Marker { .. } => false,
            };
            if let Some(at) = index.iter().position(is_it) {
                index.drain(..=at);
            }
        }
        let mut has_null = current.is_some_and(|(meta, _)| meta.version.is_none());
        index.retain(|version| version.id.is_some() || !std::mem::replace(&mut has_null, true));
        Ok(index)
    }

    fn write_index(&self, key: &str, index: &[Version]) -> io::Result<()> {
        if !index.is_empty() {
            return self.put_index(key, &serde_json::to_vec(index).expect("plain data becomes JSON"));
        }
        match self.version_index()? {
            Some(root) => self.unlink_below(root, &place::escape(key.as_bytes())).map(drop),
            None => Ok(()),
        }
    }

    /// The text of an index to which entries can be added without a look at those that it has, of which there may be
    /// thousands. None if there is none yet, or if `known`, which is to be added, may be in it already.
    fn old_index(&self, key: &str, known: Option<&String>) -> io::Result<Option<String>> {
        let text = self.index_bytes(key)?.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.filter(|text| {
            text.starts_with("[{")
                && text.ends_with("}]")
                && !known.is_some_and(|id| text.contains(id.as_str()))
        }))
    }

    /// Puts entries before those of an [`Self::old_index`].
    fn prepend(&self, key: &str, entries: &[Version], old: &str) -> io::Result<()> {
        let mut content = serde_json::to_vec(entries).expect("plain data becomes JSON");
        content.pop();
        content.push(b',');
        content.extend_from_slice(&old.as_bytes()[1..]);
        self.put_index(key, &content)
    }

    fn put_index(&self, key: &str, content: &[u8]) -> io::Result<()> {
        let path = place::escape(key.as_bytes());
        let (parents, name) = place::split(&path);
        let root = self.make_version_index()?;
        for attempt in 0.. {
            let written = root
                .make(parents.clone(), self.mode.fsync)
                .and_then(|dir| self.put_small(&dir, name, content));
            match written {
                // A deletion next door removed the directory just after it was made.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < PATIENCE => {}
                result => return result,
            }
        }
        Ok(())
    }

    /// Gives the present file of a key a second name among the versions; returns its entry.
    fn link(&self, key: &str, present: &Object) -> S3Result<Version> {
        if present.meta.etag.is_empty() {
            return fail("SlowDown", "The object keeps changing; try again.");
        }
        let file = second_name(present);
        let data = self.make_version_data()?;
        let path = place::path(present.space, key);
        let (parents, name) = place::split(&path);
        let dir = match self.data_root(present.space)? {
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
        Ok(Version { id: present.meta.version.clone(), what: What::Data { file, record } })
    }

    /// First step of a write in a bucket with versions: keeps the present version unless the new one takes its place.
    pub(super) fn keep(&self, key: &str, present: Option<&Object>, new: Option<&String>) -> S3Result<()> {
        let Some(present) = present.filter(|present| new.is_some() || present.meta.version.is_some()) else {
            return Ok(());
        };
        let id = present.meta.version.as_ref();
        if new.is_some()
            && id.is_some()
            && let Some(old) = self.old_index(key, id)?
        {
            let entry = self.link(key, present)?;
            return Ok(self.prepend(key, &[entry], &old)?);
        }
        let mut index = self.noncurrent(key, Some((&present.meta, &present.stat)))?;
        index.insert(0, self.link(key, present)?);
        Ok(self.write_index(key, &index)?)
    }

    /// Last step of a write of a `null` version: the one that was there before goes.
    pub(super) fn forget_null(&self, key: &str) -> io::Result<()> {
        let mut index = self.read_index(key)?;
        let gone: Vec<Version> = index.extract_if(.., |version| version.id.is_none()).collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.write_index(key, &index)?;
        gone.iter().try_for_each(|version| self.discard(version))
    }

    /// Removes the content of a version that is in no index any more.
    fn discard(&self, version: &Version) -> io::Result<()> {
        if let What::Data { file, .. } = &version.what
            && let Some(data) = self.version_data()?
        {
            data.unlink(file)?;
        }
        Ok(())
    }

    fn open_kept(&self, version: &Version) -> io::Result<Option<Object>> {
        let What::Data { file, record } = &version.what else { return Ok(None) };
        let Some(data) = self.version_data()? else { return Ok(None) };
        let Some((file, stat)) = data.open_file(file)? else { return Ok(None) };
        let mut meta = record.meta.clone();
        // Nobody has anything to write there: another size is damage.
        meta.damaged |= stat.size != record.size();
        Ok(Some(Object { file, stat, meta, space: place::Space::Escaped }))
    }

    /// Opens the latest version of a key, or the one of an id.
    pub(crate) fn open_version(&self, key: &str, wanted: Option<&str>) -> S3Result<Found> {
        for attempt in 0..PATIENCE {
            if attempt > 0 {
                haste::may_wait()?;
            }
            let current = self.open_object(key)?;
            let _lock = (attempt > 0).then(|| self.lock(key));
            let about = match current {
                Some(object) if wanted.is_none_or(|wanted| is(object.meta.version.as_ref(), wanted)) => {
                    return Ok(Found::Object(Box::new(object)));
                }
                other => other.map(|object| (object.meta, object.stat)),
            };
            if self.versioning().is_none() {
                return Ok(Found::Nothing);
            }
            let index = self.noncurrent(key, about.as_ref().map(|(meta, stat)| (meta, stat)))?;
            let version = match wanted {
                Some(wanted) => index.iter().find(|version| is(version.id.as_ref(), wanted)),
                None => index.first(),
            };
            let Some(version) = version else {
                // It may have become current since that was looked at.
                if attempt == 0 {
                    continue;
                }
                return Ok(Found::Nothing);
            };
            if let What::Marker { time: at, .. } = version.what {
                return Ok(Found::Marker { id: id_text(version.id.as_ref()), modified: time(at) });
            }
            if let Some(object) = self.open_kept(version)? {
                return Ok(Found::Object(Box::new(object)));
            }
            // It has just become current, or gone.
        }
        Ok(Found::Nothing)
    }

    /// All versions of a key, the latest first.
    pub(crate) fn versions_of(&self, key: &str) -> S3Result<Vec<Shown>> {
        let current = self.listed(key)?;
        let index = match self.versioning() {
            Some(_) => {
                self.noncurrent(key, current.as_ref().map(|summary| (&summary.meta, &summary.stat)))?
            }
            None => Vec::new(),
        };
        let mut shown = Vec::with_capacity(index.len() + 1);
        shown.extend(current.map(|summary| Shown {
            id: id_text(summary.meta.version.as_ref()),
            latest: true,
            what: ShownWhat::Data(Box::new(summary)),
        }));
        for version in index {
            let what = match version.what {
                What::Data { record, .. } => {
                    ShownWhat::Data(Box::new(Summary { stat: record.stat(), meta: record.meta }))
                }
                What::Marker { time: at, owner } => ShownWhat::Marker { modified: time(at), owner },
            };
            shown.push(Shown { id: id_text(version.id.as_ref()), latest: shown.is_empty(), what });
        }
        Ok(shown)
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
        let what = What::Marker { time: now_ns(), owner: who.map(str::to_owned) };
        let marker = Version { id: id.clone(), what };
        let removed = Removed { version: Some(id_text(id.as_ref())), marker: true };
        let known = present.map(|object| object.meta.version.as_ref());
        if id.is_some()
            && known != Some(None)
            && let Some(old) = self.old_index(key, known.flatten())?
        {
            let mut entries = vec![marker];
            if let Some(present) = present {
                entries.push(self.link(key, present)?);
            }
            self.prepend(key, &entries, &old)?;
            self.unlink_key(key)?;
            return Ok(removed);
        }
        let mut index = self.noncurrent(key, present.map(|object| (&object.meta, &object.stat)))?;
        if let Some(present) = present.filter(|present| id.is_some() || present.meta.version.is_some()) {
            index.insert(0, self.link(key, present)?);
        }
        let replaced = |version: &Version| id.is_none() && version.id.is_none();
        let (gone, kept): (Vec<Version>, Vec<Version>) =
            index.iter().cloned().partition(|version| replaced(version));
        index.insert(0, marker);
        self.write_index(key, &index)?;
        self.unlink_key(key)?;
        if !gone.is_empty() {
            // Only now: while the key has its file, the deletion has not happened, and the `null` version is there.
            self.write_index(key, &[&index[..1], &kept].concat())?;
            gone.iter().try_for_each(|version| self.discard(version))?;
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
            self.look_at(key)?;
        }
        let _alive = self.alive();
        let _lock = self.lock(key);
        let present = self.present(key)?;
        let mut index = self.noncurrent(key, present.as_ref().map(|object| (&object.meta, &object.stat)))?;
        let mut removed = Removed { version: Some(wanted.to_owned()), marker: false };
        if let Some(present) = present.as_ref().filter(|object| is(object.meta.version.as_ref(), wanted)) {
            check(&present.stat, &present.meta)?;
            if self.raise(key, &mut index, Some(present))? {
                self.write_index(key, &index)?;
            } else {
                // First out of the index, where a crash may have left it, too.
                if self.versioning().is_some() {
                    self.write_index(key, &index)?;
                }
                self.unlink_key(key)?;
            }
            // A crash may have left it a second name, which no index mentions.
            if let Some(data) = self.version_data()? {
                data.unlink(&second_name(present))?;
            }
            return Ok(removed);
        }
        let Some(at) = index.iter().position(|version| is(version.id.as_ref(), wanted)) else {
            return Ok(removed);
        };
        match &index[at].what {
            What::Data { record, .. } => check(&record.stat(), &record.meta)?,
            What::Marker { .. } => removed.marker = true,
        }
        let version = index.remove(at);
        if present.is_none() && at == 0 {
            self.raise(key, &mut index, None)?;
        }
        self.write_index(key, &index)?;
        self.discard(&version)?;
        Ok(removed)
    }

    /// Makes the newest version of an index current, if it has content, and takes it out of the index.
    fn raise(&self, key: &str, index: &mut Vec<Version>, present: Option<&Object>) -> S3Result<bool> {
        let Some(Version { what: What::Data { file, record }, .. }) = index.first() else { return Ok(false) };
        let Some(data) = self.version_data()? else { return Ok(false) };
        if data.stat(file)?.is_none_or(|stat| stat.kind != Kind::File) {
            return fail("InternalError", "The content of the version before is missing.");
        }
        let mut records = vec![(**record).clone()];
        records.extend(present.map(|object| Record::new(&object.stat, object.meta.clone())));
        self.settle(data, file, key, present.map(|object| object.space), &records)?;
        index.remove(0);
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
        let mut index = self.noncurrent(key, present.map(|object| (&object.meta, &object.stat)))?;
        let version = index.iter_mut().find(|version| is(version.id.as_ref(), wanted));
        let Some(Version { what: What::Data { record, .. }, .. }) = version else { return Ok(false) };
        change(&mut record.meta)?;
        self.write_index(key, &index)?;
        Ok(true)
    }
}
