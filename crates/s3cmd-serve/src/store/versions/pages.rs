//! Listings of versions.

use super::format::{Version, VersionContent};
use super::history::{EntryPosition, History};
use super::ids::{id_text, stored_id, time};
use crate::model::error::S3Result;
use crate::store::bucket::Bucket;
use crate::store::nonblocking;
use crate::store::summaries::Summary;
use chrono::{DateTime, Utc};
use std::io;

/// A version as listings show it.
#[derive(Debug)]
pub(crate) struct ListedVersion {
    pub(crate) id: String,
    pub(crate) latest: bool,
    pub(crate) what: ListedContent,
}

#[derive(Debug)]
pub(crate) enum ListedContent {
    Data(Box<Summary>),
    Marker { modified: DateTime<Utc>, owner: Option<String> },
}

impl ListedVersion {
    /// When it came to be.
    pub(crate) fn modified(&self) -> DateTime<Utc> {
        match &self.what {
            ListedContent::Data(summary) => summary.modified(),
            ListedContent::Marker { modified, .. } => *modified,
        }
    }
}

impl Version {
    fn shown(self, latest: bool) -> ListedVersion {
        let what = match self.what {
            VersionContent::Data { record, .. } => {
                ListedContent::Data(Box::new(Summary { stat: record.stat(), meta: record.meta }))
            }
            VersionContent::Marker { time: at, owner } => ListedContent::Marker { modified: time(at), owner },
        };
        ListedVersion { id: id_text(self.id.as_ref()), latest, what }
    }
}

impl Bucket {
    /// Versions of a key, the latest first, at most so many: those that come after the one of the id `after`. Ids grow
    /// with time, so one that is gone still has its place. Of the `null` version, once gone, nobody knows the place:
    /// after it come all. A `null` version that may have been before or after what is gone comes after it; better twice
    /// than never.
    pub(crate) fn versions_of(
        &self,
        key: &str,
        after: Option<&str>,
        most: usize,
    ) -> S3Result<Vec<ListedVersion>> {
        let current = self.listed(key)?;
        let entries = match self.entries_of(key, current.as_ref(), after, most, false) {
            // A segment that was looked for has just been replaced.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                nonblocking::may_block()?;
                let _lock = self.lock(key);
                self.entries_of(key, current.as_ref(), after, most, true)?
            }
            result => result?,
        };
        let Entries { with_current, from_start, entries } = entries;
        let has_current = current.is_some();
        let current = current.filter(|_| with_current).map(|summary| ListedVersion {
            id: id_text(summary.meta.version.as_ref()),
            latest: true,
            what: ListedContent::Data(Box::new(summary)),
        });
        let kept = entries.into_iter().enumerate();
        let kept = kept.map(|(number, version)| version.shown(number == 0 && from_start && !has_current));
        Ok(current.into_iter().chain(kept).take(most).collect())
    }

    fn entries_of(
        &self,
        key: &str,
        current: Option<&Summary>,
        after: Option<&str>,
        most: usize,
        is_locked: bool,
    ) -> io::Result<Entries> {
        let history = match self.versioning() {
            Some(_) => {
                self.noncurrent(key, current.map(|summary| (&summary.meta, &summary.stat)), is_locked)?
            }
            None => History::none(self, key),
        };
        let current = current.map(|summary| summary.meta.version.as_deref());
        let (with_current, from) = match after {
            None => (true, EntryPosition::START),
            Some(after) if current == Some(stored_id(after)) => (false, EntryPosition::START),
            Some(after) => match history.find(stored_id(after), |_| true)? {
                Some(place) => (false, place.next()),
                None => {
                    let place = history.place_of(after)?;
                    let is_after =
                        |id: Option<&str>| place == EntryPosition::START && id.is_none_or(|id| id < after);
                    (current.is_some_and(is_after), place)
                }
            },
        };
        let entries = history.into_entries(from, most)?;
        Ok(Entries { with_current, from_start: from == EntryPosition::START, entries })
    }
}

/// What a listing shows of a history.
struct Entries {
    /// Whether the current version comes first.
    with_current: bool,
    /// Whether the first one is the first of the history.
    from_start: bool,
    entries: Vec<Version>,
}
