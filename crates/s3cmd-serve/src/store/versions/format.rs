//! How a history is written down: entries, segments of them, and the head that tells of the segments.

use crate::random;
use crate::store::bucket::Bucket;
use crate::store::meta::Record;
use crate::store::nonblocking;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::io;

/// An entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Version {
    /// `None`: the `null` version.
    pub(super) id: Option<String>,
    pub(super) what: VersionContent,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VersionContent {
    /// Name in `versions/data`, and what is known of it.
    Data { file: String, record: Box<Record> },
    /// Time in nanoseconds since the epoch, and the canonical id of who deleted.
    Marker { time: i64, owner: Option<String> },
}

/// What the head says of a segment. Ids grow with the time, but clocks are set back: no order is relied on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentSummary {
    /// Number of entries.
    pub(super) count: usize,
    /// The least and the greatest id.
    pub(super) ids: Option<(String, String)>,
    /// How many of them are of the `null` version: one at most, but for what a crash left.
    pub(super) nulls: usize,
}

impl SegmentSummary {
    pub(super) fn of(entries: &[Version]) -> Self {
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
    /// Empty: it is not written yet.
    pub(super) name: String,
    pub(super) about: SegmentSummary,
    /// What is in it, once that was looked at.
    #[serde(skip)]
    pub(super) entries: OnceCell<Vec<Version>>,
}

impl VersionSegment {
    pub(super) fn new(entries: Vec<Version>) -> Self {
        Self { name: String::new(), about: SegmentSummary::of(&entries), entries: OnceCell::from(entries) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.get().map_or(self.about.count, Vec::len)
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

    /// Fails with `NotFound` if it is gone.
    fn read(&self, bucket: &Bucket) -> io::Result<Vec<Version>> {
        nonblocking::may_block()?;
        let bytes = match bucket.version_segments()? {
            Some(dir) => dir.read(&self.name)?,
            None => None,
        };
        let bytes = bytes.ok_or_else(|| {
            let problem = format!("a segment of versions, {}, is missing", self.name);
            io::Error::new(io::ErrorKind::NotFound, problem)
        })?;
        let entries: Vec<Version> = serde_json::from_slice(&bytes).map_err(damaged)?;
        if SegmentSummary::of(&entries) != self.about {
            return Err(damaged(format!("{} is not the segment that its head tells of", self.name)));
        }
        Ok(entries)
    }

    /// Whether it is worth a look for an id; `None` is the `null` version.
    pub(super) fn may_have(&self, id: Option<&str>) -> bool {
        match (&self.about.ids, id) {
            _ if self.entries.get().is_some() => true,
            (_, None) => self.about.nulls > 0,
            (Some((least, greatest)), Some(id)) => (&**least..=&**greatest).contains(&id),
            (None, Some(_)) => false,
        }
    }
}

/// A history as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) newest: Vec<Version>,
    /// The newest first, too.
    pub(super) segments: Vec<VersionSegment>,
}

impl Head {
    /// Not to be taken for empty where it cannot be understood: the next write would forget every version.
    pub(super) fn parse(bytes: &[u8]) -> io::Result<Self> {
        if bytes.starts_with(b"[") {
            let newest = serde_json::from_slice(bytes).map_err(damaged)?;
            return Ok(Self { newest, segments: Vec::new() });
        }
        let head: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        if !head.segments.iter().all(|segment| is_name(&segment.name)) {
            return Err(damaged("a segment has an impossible name"));
        }
        Ok(head)
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let text = match &*self.segments {
            [] => serde_json::to_vec(&self.newest),
            _ => serde_json::to_vec(self),
        };
        text.expect("plain data becomes JSON")
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn damaged(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

/// Removes a segment that no head mentions. If that fails it takes space and harms nothing.
pub(super) fn discard(bucket: &Bucket, name: &str) {
    let removed = bucket.version_segments().and_then(|dir| dir.map_or(Ok(false), |dir| dir.unlink(name)));
    if let Err(error) = removed {
        log::warn!("serve: {}: cannot remove old versions/segments/{name}: {error}", bucket.name());
    }
}

pub(super) fn new_name() -> io::Result<String> {
    let bytes = random::bytes::<8>().map_err(|error| io::Error::other(error.message))?;
    Ok(hex::encode(bytes))
}

/// What a head and its segments mention: `content` is told the names in `versions/data`, `segment` those in
/// `versions/segments`.
pub(in crate::store) fn mentions(
    bucket: &Bucket,
    head: &[u8],
    content: &mut dyn FnMut(&str),
    segment: &mut dyn FnMut(&str),
) -> io::Result<()> {
    let mut tell = |entries: &[Version]| {
        for version in entries {
            if let VersionContent::Data { file, .. } = &version.what {
                content(file);
            }
        }
    };
    let Head { newest, segments } = Head::parse(head)?;
    tell(&newest);
    for old in segments {
        segment(&old.name);
        tell(&old.into_entries(bucket)?);
    }
    Ok(())
}
