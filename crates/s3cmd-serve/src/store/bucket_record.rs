//! The record of a bucket, `bucket.json`: what is stored of it beside its objects and documents.

use crate::model::acl::Acl;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Name of the record in the bucket's private directory.
pub(super) const RECORD: &str = "bucket.json";
/// Name of the directory of the documents.
pub(super) const DOCUMENTS: &str = "documents";

/// What is stored of a bucket beside its objects and documents.
///
/// A field that is not known is damage: what it is the name of must not be taken for absent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketRecord {
    /// Canonical id. A bucket without one (an existing folder) belongs to the first user.
    pub(crate) owner: Option<String>,
    pub(crate) created: DateTime<Utc>,
    /// The location constraint that it was made with.
    pub(crate) location: Option<String>,
    pub(crate) acl: Option<Acl>,
    /// `None`: there never was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) versioning: Option<Versioning>,
    /// Whether versions can be locked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) object_lock: bool,
}

/// Whether a write makes a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    /// Each write and each deletion.
    Enabled,
    /// Writes and deletions replace the `null` version; the others stay.
    Suspended,
}
