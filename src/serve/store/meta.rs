//! What is known of an object beside its bytes, and the sidecar file that keeps it.
//!
//! A sidecar is JSON and names the very file that it describes by size, modification time (ns) and inode. It
//! holds up to two records: the one of the object, and, while a new object takes its place, the one of the
//! object before. A reader takes the record that matches the file it has open. See [`super::write`] for why
//! metadata and data therefore never mix, whatever moment the process dies at.

use super::dir::{Kind, Stat};
use crate::serve::acl::Acl;
use crate::serve::checksum::Stored;
use crate::serve::sse::Sealed;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
    pub(crate) checksum: Option<Stored>,
    /// Its version; none: the `null` version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// Whether a legal hold is on, if that was ever said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) legal_hold: Option<bool>,
    /// How it is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<Sealed>,
    /// Until when an archived object can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored_until: Option<DateTime<Utc>>,
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
        Stat { kind: Kind::File, size: self.size, mtime: self.mtime, inode: self.inode }
    }

    pub(crate) fn describes(&self, stat: &Stat) -> bool {
        (self.size, self.mtime, self.inode) == (stat.size, stat.mtime, stat.inode)
    }
}

/// The content of a sidecar file.
pub(crate) fn encode(records: &[Record]) -> Vec<u8> {
    serde_json::to_vec(records).expect("plain data becomes JSON")
}

/// The description of a file in a sidecar, if it has one; a damaged sidecar has none.
pub(crate) fn lookup(sidecar: &[u8], stat: &Stat) -> Option<Meta> {
    let mut records: Vec<Record> = serde_json::from_slice(sidecar).ok()?;
    let found = records.iter().position(|record| record.describes(stat))?;
    Some(records.swap_remove(found).meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_only_for_its_file() {
        let stat = Stat { kind: Kind::File, size: 3, mtime: 5, inode: 7 };
        let meta =
            Meta { etag: "e".into(), user: vec![("näme".into(), "välue".into())], ..Meta::default() };
        let bytes = encode(&[Record::new(&stat, meta.clone())]);
        assert_eq!(lookup(&bytes, &stat), Some(meta));
        for other in [Stat { size: 4, ..stat }, Stat { mtime: 6, ..stat }, Stat { inode: 8, ..stat }] {
            assert_eq!(lookup(&bytes, &other), None);
        }
        assert_eq!(lookup(&bytes[..bytes.len() - 1], &stat), None);
    }
}
