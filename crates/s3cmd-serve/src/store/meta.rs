//! What is known of an object beside its bytes, and the sidecar file that keeps it.
//!
//! A sidecar is JSON and names the very file that it describes by size, modification time (ns) and inode. It
//! holds up to two records: the one of the object, and, while a new object takes its place, the one of the
//! object before. A reader takes the record that matches the file it has open. See [`super::write`] for why
//! metadata and data therefore never mix, whatever moment the process dies at.
//!
//! A copied or restored file has another inode, and perhaps another modification time: [`super::adopt`] finds its
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
    /// Storage class if it is not `STANDARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    /// Owner and grants; none: the bucket's owner alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acl: Option<Acl>,
    /// Sizes of the parts of a multipart upload, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<u64>,
    /// The checksum beside the ETag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<ObjectChecksum>,
    /// Its version; none: the `null` version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// Whether a legal hold is on, if that was ever said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) legal_hold: Option<bool>,
    /// How it is encrypted.
    #[serde(rename = "sealed", skip_serializing_if = "Option::is_none")]
    pub(crate) sse: Option<SseMetadata>,
    /// Until when an archived object can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored_until: Option<DateTime<Utc>>,
    /// When it was stored, where that is not the modification time of its file; nanoseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<i64>,
    /// Whether the file was encrypted when it was written and is not what it was: its bytes are not to be served.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) damaged: bool,
}

impl Meta {
    /// When the object was stored, by the stat of its file; Last-Modified.
    pub(crate) fn modified(&self, stat: &Stat) -> DateTime<Utc> {
        self.stored.map_or_else(|| stat.modified(), |stored| Stat { mtime: stored, ..*stat }.modified())
    }

    /// Whether a retention or a legal hold protects the version now.
    pub(crate) fn is_locked(&self) -> bool {
        self.legal_hold == Some(true) || self.retention.is_some_and(|retention| retention.until > Utc::now())
    }
}

/// How long a version may not be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub(crate) mode: LockMode,
    pub(crate) until: DateTime<Utc>,
}

/// Who may get around a retention: those with a permission for it, or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LockMode {
    #[serde(rename = "GOVERNANCE")]
    Governance,
    #[serde(rename = "COMPLIANCE")]
    Compliance,
}

/// One description, with the file that it is true of.
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

    /// The stat of the file that it describes.
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

    /// Whether a file looks like a copy of the one that it describes, which kept the time as far as archives and file
    /// systems can: tar's older formats have whole seconds, some file systems microseconds.
    fn is_of_copy(&self, stat: &Stat) -> bool {
        let is_time = |unit: i64| stat.mtime % unit == 0 && self.mtime.div_euclid(unit) * unit == stat.mtime;
        self.size == stat.size
            && self.inode != stat.inode
            && [1, 100, 1_000, 1_000_000, 1_000_000_000].into_iter().any(is_time)
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
/// If it is damaged. It must not count as empty then: it may say that the object is encrypted, or locked.
pub(crate) fn decode(sidecar: &[u8]) -> io::Result<Vec<Record>> {
    serde_json::from_slice(sidecar).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("a file with metadata is damaged: {error}"))
    })
}

/// Which of a sidecar's records describes a file: the one that names it, or else the only one that has its size and
/// time.
pub(crate) fn find(records: &[Record], stat: &Stat) -> Option<usize> {
    records.iter().position(|record| record.describes(stat)).or_else(|| {
        let mut alike = (0..records.len()).filter(|index| records[*index].is_of_copy(stat));
        alike.next().filter(|_| alike.next().is_none())
    })
}

/// The description of a file by [`find`].
pub(crate) fn lookup(mut records: Vec<Record>, stat: &Stat) -> Option<Meta> {
    find(&records, stat).map(|found| records.swap_remove(found).meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_for_its_file_and_for_copies_of_it() {
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
    fn of_two_records_that_could_be_of_a_copy_neither_is_taken() {
        let stat = Stat { kind: FileKind::File, size: 3, mtime: 5_000_000_123, inode: 7 };
        let other = Stat { inode: 9, mtime: 5_000_000_456, ..stat };
        let meta = |etag: &str| Meta { etag: etag.to_owned(), ..Meta::default() };
        let records = || vec![Record::new(&stat, meta("a")), Record::new(&other, meta("b"))];
        assert_eq!(lookup(records(), &other), Some(meta("b")));
        assert_eq!(lookup(records(), &Stat { inode: 11, ..stat }), Some(meta("a")));
        assert_eq!(lookup(records(), &Stat { inode: 11, mtime: 5_000_000_000, ..stat }), None);
    }
}
