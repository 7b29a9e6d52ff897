//! The storage format of version histories: entries, segments of entries, and the head that lists the segments.

use crate::random;
use crate::store::bucket::Bucket;
use crate::store::meta::Record;
use crate::store::nonblocking;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::io;

/// An entry: a noncurrent version or a delete marker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Version {
    /// `None` for the `null` version.
    pub(super) id: Option<String>,
    #[serde(rename = "what")]
    pub(super) content: VersionContent,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VersionContent {
    /// A version: the name of its file in `versions/data`, and its record.
    Data { file: String, record: Box<Record> },
    /// A delete marker: its time in nanoseconds since the epoch, and the canonical user id of its owner.
    Marker { time: i64, owner: Option<String> },
}

/// The head's summary of a segment. Ids grow with time, but clocks may be set back, so no order is assumed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentSummary {
    /// Number of entries.
    pub(super) count: usize,
    /// The smallest and the greatest id.
    pub(super) ids: Option<(String, String)>,
    /// Number of entries of the `null` version: at most one, except after a crash.
    pub(super) nulls: usize,
}

impl SegmentSummary {
    pub(super) fn new(entries: &[Version]) -> Self {
        let ids = || entries.iter().filter_map(|version| version.id.clone());
        Self {
            count: entries.len(),
            ids: ids().min().zip(ids().max()),
            nulls: entries.iter().filter(|version| version.id.is_none()).count(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionSegment {
    /// File name; empty until the segment is written.
    pub(super) name: String,
    #[serde(rename = "about")]
    pub(super) summary: SegmentSummary,
    /// The entries, once they are loaded.
    #[serde(skip)]
    pub(super) entries: OnceCell<Vec<Version>>,
}

impl VersionSegment {
    pub(super) fn new(entries: Vec<Version>) -> Self {
        Self { name: String::new(), summary: SegmentSummary::new(&entries), entries: OnceCell::from(entries) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.get().map_or(self.summary.count, Vec::len)
    }

    pub(super) fn entries(&self, bucket: &Bucket) -> io::Result<&[Version]> {
        if self.entries.get().is_none() {
            let _ = self.entries.set(self.read(bucket)?);
        }
        Ok(self.entries.get().expect("just set"))
    }

    pub(super) fn into_entries(mut self, bucket: &Bucket) -> io::Result<Vec<Version>> {
        self.entries.take().map_or_else(|| self.read(bucket), Ok)
    }

    /// Fails with `NotFound` if the segment does not exist any more.
    fn read(&self, bucket: &Bucket) -> io::Result<Vec<Version>> {
        nonblocking::may_block()?;
        let bytes = match bucket.version_segments()? {
            Some(dir) => dir.read(&self.name)?,
            None => None,
        };
        let bytes = bytes.ok_or_else(|| {
            let problem = format!("the version segment {} is missing", self.name);
            io::Error::new(io::ErrorKind::NotFound, problem)
        })?;
        let entries: Vec<Version> = serde_json::from_slice(&bytes).map_err(damaged)?;
        if SegmentSummary::new(&entries) != self.summary {
            return Err(damaged(format!("the version segment {} does not match its head", self.name)));
        }
        Ok(entries)
    }

    /// Whether the segment may contain an id; `None` is the `null` version.
    pub(super) fn may_contain(&self, id: Option<&str>) -> bool {
        match (&self.summary.ids, id) {
            _ if self.entries.get().is_some() => true,
            (_, None) => self.summary.nulls > 0,
            (Some((smallest, greatest)), Some(id)) => (&**smallest..=&**greatest).contains(&id),
            (None, Some(_)) => false,
        }
    }
}

/// A stored history: the newest entries, and references to segments with the older ones.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Newest first.
    pub(super) newest: Vec<Version>,
    /// Newest first.
    pub(super) segments: Vec<VersionSegment>,
}

impl Head {
    /// Fails with `InvalidData` for a damaged head, which must not count as empty: the next write would lose all
    /// versions.
    pub(super) fn parse(bytes: &[u8]) -> io::Result<Self> {
        if bytes.starts_with(b"[") {
            let newest = serde_json::from_slice(bytes).map_err(damaged)?;
            return Ok(Self { newest, segments: Vec::new() });
        }
        let head: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        if !head.segments.iter().all(|segment| is_segment_name(&segment.name)) {
            return Err(damaged("a version segment has an invalid name"));
        }
        Ok(head)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let json = match &*self.segments {
            [] => serde_json::to_vec(&self.newest),
            _ => serde_json::to_vec(self),
        };
        json.expect("plain data becomes JSON")
    }
}

fn is_segment_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn damaged(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// Removes a segment that no head refers to. A failure is only logged, as such a segment does no harm.
pub(super) fn remove_segment(bucket: &Bucket, name: &str) {
    let removed = bucket.version_segments().and_then(|dir| dir.map_or(Ok(false), |dir| dir.unlink(name)));
    if let Err(error) = removed {
        log::warn!("serve: {}: cannot remove old versions/segments/{name}: {error}", bucket.name());
    }
}

pub(super) fn new_segment_name() -> io::Result<String> {
    let bytes = random::bytes::<8>().map_err(|error| io::Error::other(error.message))?;
    Ok(hex::encode(bytes))
}

/// Visits the files that a head and its segments refer to: calls `content` with the names in `versions/data`, and
/// `segment` with the names in `versions/segments`.
pub(in crate::store) fn visit_references(
    bucket: &Bucket,
    head: &[u8],
    content: &mut dyn FnMut(&str),
    segment: &mut dyn FnMut(&str),
) -> io::Result<()> {
    let mut visit_contents = |entries: &[Version]| {
        for version in entries {
            if let VersionContent::Data { file, .. } = &version.content {
                content(file);
            }
        }
    };
    let Head { newest, segments } = Head::parse(head)?;
    visit_contents(&newest);
    for old in segments {
        segment(&old.name);
        visit_contents(&old.into_entries(bucket)?);
    }
    Ok(())
}
