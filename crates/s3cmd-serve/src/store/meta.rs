//! Object metadata and the sidecar files that store it.
//!
//! A sidecar is a JSON file with up to two records: the record of the object, and, while the object is being replaced,
//! the record of its predecessor. Each record identifies the file that it describes by size, modification time (ns) and
//! inode. A reader uses the record that matches the file it has open. See [`super::write`] for why metadata and data
//! therefore never mix, even if the process dies at any moment.
//!
//! A copied or restored file has another inode and perhaps another modification time: [`super::adopt`] finds its
//! record.

use super::cipher::SseMetadata;
use super::dir::{FileKind, Stat};
use crate::model::acl::Acl;
use crate::model::checksum::ObjectChecksum;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::io;

/// Metadata of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Meta {
    /// ETag without its quotes: hex MD5 of the content, or `MD5-N` of a multipart upload.
    pub(crate) etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    /// `cache-control`, `content-disposition`, ...: lower-case name and value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<(String, String)>,
    /// User metadata, names without `x-amz-meta-`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) user: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    /// Storage class; `None` for `STANDARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    /// Owner and grants; `None` if only the bucket owner has access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acl: Option<Acl>,
    /// Sizes of the parts of a multipart upload, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<u64>,
    /// The additional checksum (CRC32, SHA-256, ...).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<ObjectChecksum>,
    /// Version id; `None` for the `null` version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// Whether a legal hold is on; `None` if it was never set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) legal_hold: Option<bool>,
    /// How the object is encrypted, if it is.
    #[serde(rename = "sealed", skip_serializing_if = "Option::is_none")]
    pub(crate) sse: Option<SseMetadata>,
    /// Until when a restored archive object can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored_until: Option<DateTime<Utc>>,
    /// When the object was stored, if that is not the modification time of its file; nanoseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<i64>,
    /// Whether the content differs from the encrypted content that was written: it must not be served.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) damaged: bool,
}

impl Meta {
    /// Last-Modified: when the object was stored. `stat` is the stat of its file.
    pub(crate) fn modified(&self, stat: &Stat) -> DateTime<Utc> {
        self.stored.map_or_else(|| stat.modified(), |stored| Stat { mtime: stored, ..*stat }.modified())
    }

    /// Whether a retention period or a legal hold protects the version now.
    pub(crate) fn is_locked(&self) -> bool {
        self.legal_hold == Some(true) || self.retention.is_some_and(|retention| retention.until > Utc::now())
    }
}

/// A retention period, during which a version cannot be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub(crate) mode: LockMode,
    pub(crate) until: DateTime<Utc>,
}

/// The mode of a retention period. Only GOVERNANCE can be bypassed, with a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LockMode {
    #[serde(rename = "GOVERNANCE")]
    Governance,
    #[serde(rename = "COMPLIANCE")]
    Compliance,
}

/// The metadata of an object, with the identity of the file that it describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    size: u64,
    mtime: i64,
    inode: u64,
    pub(crate) meta: Meta,
}

impl Record {
    pub(crate) fn new(stat: &Stat, meta: Meta) -> Self {
        Self { size: stat.size, mtime: stat.mtime, inode: stat.inode, meta }
    }

    /// The stat of the described file.
    pub(crate) fn stat(&self) -> Stat {
        Stat { kind: FileKind::File, size: self.size, mtime: self.mtime, inode: self.inode }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn mtime(&self) -> i64 {
        self.mtime
    }

    pub(crate) fn describes(&self, stat: &Stat) -> bool {
        (self.size, self.mtime, self.inode) == (stat.size, stat.mtime, stat.inode)
    }

    /// Whether a file looks like a copy of the described file: the same size, and the same time as precisely as
    /// archives and file systems store it (tar's older formats store whole seconds, some file systems microseconds).
    fn matches_copy(&self, stat: &Stat) -> bool {
        let same_time =
            |unit: i64| stat.mtime % unit == 0 && self.mtime.div_euclid(unit) * unit == stat.mtime;
        self.size == stat.size
            && self.inode != stat.inode
            && [1, 100, 1_000, 1_000_000, 1_000_000_000].into_iter().any(same_time)
    }
}

/// The content of a sidecar file.
pub(crate) fn encode(records: &[Record]) -> Vec<u8> {
    serde_json::to_vec(records).expect("plain data becomes JSON")
}

/// The records of a sidecar, the newest first.
///
/// # Errors
///
/// `InvalidData` if the sidecar is damaged. It must not count as empty: the object may be encrypted or locked.
pub(crate) fn decode(sidecar: &[u8]) -> io::Result<Vec<Record>> {
    serde_json::from_slice(sidecar).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("the metadata file is damaged: {error}"))
    })
}

/// The index of the record that describes a file: the one with its size, time and inode, or else the only one that
/// describes a file of which it may be a copy.
pub(crate) fn find(records: &[Record], stat: &Stat) -> Option<usize> {
    records.iter().position(|record| record.describes(stat)).or_else(|| {
        let mut candidates = (0..records.len()).filter(|index| records[*index].matches_copy(stat));
        candidates.next().filter(|_| candidates.next().is_none())
    })
}

/// The metadata of a file, from the record that [`find`] returns.
pub(crate) fn lookup(mut records: Vec<Record>, stat: &Stat) -> Option<Meta> {
    find(&records, stat).map(|index| records.swap_remove(index).meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_matches_its_file_and_copies_of_it() {
        let second = 1_000_000_000;
        let stat = Stat { kind: FileKind::File, size: 3, mtime: 5 * second + 123_456_789, inode: 7 };
        let meta =
            Meta { etag: "e".into(), user: vec![("näme".into(), "välue".into())], ..Meta::default() };
        let bytes = encode(&[Record::new(&stat, meta.clone())]);
        let found = |stat: &Stat| lookup(decode(&bytes).unwrap(), stat);
        assert_eq!(found(&stat), Some(meta.clone()));
        for mtime in [stat.mtime, 5 * second + 123_456_700, 5 * second + 123_456_000, 5 * second] {
            assert_eq!(found(&Stat { mtime, inode: 8, ..stat }), Some(meta.clone()), "{mtime}");
            assert_eq!(found(&Stat { mtime, inode: 8, size: 4, ..stat }), None, "{mtime}");
        }
        for other in [
            Stat { mtime: 5 * second, ..stat },
            Stat { mtime: 5 * second + 1, inode: 8, ..stat },
            Stat { mtime: 6 * second, inode: 8, ..stat },
            Stat { mtime: 5 * second + 123_457_000, inode: 8, ..stat },
        ] {
            assert_eq!(found(&other), None, "{other:?}");
        }
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn an_ambiguous_copy_matches_no_record() {
        let stat = Stat { kind: FileKind::File, size: 3, mtime: 5_000_000_123, inode: 7 };
        let other = Stat { inode: 9, mtime: 5_000_000_456, ..stat };
        let meta = |etag: &str| Meta { etag: etag.to_owned(), ..Meta::default() };
        let records = || vec![Record::new(&stat, meta("a")), Record::new(&other, meta("b"))];
        assert_eq!(lookup(records(), &other), Some(meta("b")));
        assert_eq!(lookup(records(), &Stat { inode: 11, ..stat }), Some(meta("a")));
        assert_eq!(lookup(records(), &Stat { inode: 11, mtime: 5_000_000_000, ..stat }), None);
    }
}
