//! The record of a bucket, `bucket.json`: its stored state apart from objects and documents.

use crate::model::acl::Acl;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Name of the record in the bucket's private directory.
pub(super) const RECORD: &str = "bucket.json";
/// Name of the directory with the documents.
pub(super) const DOCUMENTS: &str = "documents";

/// The stored state of a bucket, apart from its objects and documents.
///
/// An unknown field counts as damage, as ignoring it could disable a protection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketRecord {
    /// Canonical user id. A bucket without an owner (a folder that another program created) belongs to the first user.
    pub(crate) owner: Option<String>,
    pub(crate) created: DateTime<Utc>,
    /// The location constraint from CreateBucket.
    pub(crate) location: Option<String>,
    pub(crate) acl: Option<Acl>,
    /// `None` if versioning was never enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) versioning: Option<Versioning>,
    /// Whether Object Lock is enabled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) object_lock: bool,
}

/// The versioning state of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    /// Every write and every deletion creates a version.
    Enabled,
    /// Writes and deletions replace the `null` version; the other versions stay.
    Suspended,
}
