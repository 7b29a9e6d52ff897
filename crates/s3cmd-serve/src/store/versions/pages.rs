//! Listings of versions.

use super::format::{Version, VersionContent};
use super::history::{EntryPosition, History};
use super::ids::{datetime, id_text, stored_id};
use crate::model::error::S3Result;
use crate::store::bucket::Bucket;
use crate::store::nonblocking;
use crate::store::summaries::Summary;
use chrono::{DateTime, Utc};
use std::io;

/// A version or delete marker in a listing.
#[derive(Debug)]
pub(crate) struct ListedVersion {
    pub(crate) id: String,
    pub(crate) latest: bool,
    pub(crate) content: ListedContent,
}

#[derive(Debug)]
pub(crate) enum ListedContent {
    Data(Box<Summary>),
    Marker { modified: DateTime<Utc>, owner: Option<String> },
}

impl ListedVersion {
    /// Last-Modified.
    pub(crate) fn modified(&self) -> DateTime<Utc> {
        match &self.content {
            ListedContent::Data(summary) => summary.modified(),
            ListedContent::Marker { modified, .. } => *modified,
        }
    }
}

impl Version {
    fn into_listed(self, latest: bool) -> ListedVersion {
        let content = match self.content {
            VersionContent::Data { record, .. } => {
                ListedContent::Data(Box::new(Summary { stat: record.stat(), meta: record.meta }))
            }
            VersionContent::Marker { time, owner } => {
                ListedContent::Marker { modified: datetime(time), owner }
            }
        };
        ListedVersion { id: id_text(self.id.as_ref()), latest, content }
    }
}

impl Bucket {
    /// At most `max` versions of a key, the latest first, that follow the version with the id `after`. Ids grow with
    /// time, so the position of a removed version is known by its id. The position of a removed `null` version is
    /// unknown: the listing starts at the beginning. An existing `null` version whose order relative to the removed one
    /// is unknown is listed: returning it twice is better than not at all.
    pub(crate) fn versions_of(
        &self,
        key: &str,
        after: Option<&str>,
        max: usize,
    ) -> S3Result<Vec<ListedVersion>> {
        let current = self.summary_for_listing(key)?;
        let entries = match self.list_entries(key, current.as_ref(), after, max, false) {
            // Another request has just replaced a segment.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                nonblocking::may_block()?;
                let _lock = self.lock(key);
                self.list_entries(key, current.as_ref(), after, max, true)?
            }
            result => result?,
        };
        let Entries { with_current, from_start, entries } = entries;
        let has_current = current.is_some();
        let current = current.filter(|_| with_current).map(|summary| ListedVersion {
            id: id_text(summary.meta.version.as_ref()),
            latest: true,
            content: ListedContent::Data(Box::new(summary)),
        });
        let noncurrent = entries.into_iter().enumerate().map(|(index, version)| {
            let latest = index == 0 && from_start && !has_current;
            version.into_listed(latest)
        });
        Ok(current.into_iter().chain(noncurrent).take(max).collect())
    }

    fn list_entries(
        &self,
        key: &str,
        current: Option<&Summary>,
        after: Option<&str>,
        max: usize,
        is_locked: bool,
    ) -> io::Result<Entries> {
        let history = match self.versioning() {
            Some(_) => {
                self.noncurrent(key, current.map(|summary| (&summary.meta, &summary.stat)), is_locked)?
            }
            None => History::empty(self, key),
        };
        let current = current.map(|summary| summary.meta.version.as_deref());
        let (with_current, from) = match after {
            None => (true, EntryPosition::START),
            Some(after) if current == Some(stored_id(after)) => (false, EntryPosition::START),
            Some(after) => match history.find(stored_id(after), |_| true)? {
                Some(position) => (false, position.next()),
                None => {
                    let position = history.insertion_point(after)?;
                    let is_after =
                        |id: Option<&str>| position == EntryPosition::START && id.is_none_or(|id| id < after);
                    (current.is_some_and(is_after), position)
                }
            },
        };
        let entries = history.into_entries(from, max)?;
        Ok(Entries { with_current, from_start: from == EntryPosition::START, entries })
    }
}

/// The part of a history that a listing returns.
struct Entries {
    /// Whether the current version precedes the entries.
    with_current: bool,
    /// Whether `entries` starts with the first entry of the history.
    from_start: bool,
    entries: Vec<Version>,
}
