//! Responses of S3 as models. Field names follow the S3 API: <https://docs.aws.amazon.com/AmazonS3/latest/API/>.
//!
//! Required elements have no default. Texts that need a check of their own, such as sizes, are kept as text.

use super::document::{nonempty, trimmed};
use crate::checksum::Algorithm;
use serde::Deserialize;

/// `ListAllMyBucketsResult`. Some servers omit the list if it is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ListAllMyBuckets {
    pub(crate) buckets: Buckets,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Buckets {
    pub(crate) bucket: Vec<Bucket>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Bucket {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "trimmed")]
    pub(crate) creation_date: String,
}

/// A document that is a sequence of elements, such as a page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Sequence<T> {
    #[serde(rename = "$value", default = "Vec::new")]
    pub(crate) items: Vec<T>,
}

/// An element of `ListVersionsResult`. Versions and delete markers are in one list, whose order matters.
#[derive(Debug, Deserialize)]
pub(crate) enum VersionsItem {
    IsTruncated(String),
    NextKeyMarker(String),
    NextVersionIdMarker(String),
    EncodingType(String),
    CommonPrefixes(CommonPrefixes),
    Version(Version),
    DeleteMarker(Version),
    #[serde(other)]
    Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct CommonPrefixes {
    pub(crate) prefix: Vec<String>,
}

/// A version or a delete marker, which has neither a size nor an ETag.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Version {
    pub(crate) key: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) version_id: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) is_latest: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) last_modified: String,
    #[serde(rename = "ETag")]
    pub(crate) etag: String,
    pub(crate) size: Option<String>,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) storage_class: String,
}

/// An element of `ListMultipartUploadsResult`.
#[derive(Debug, Deserialize)]
pub(crate) enum UploadsItem {
    IsTruncated(String),
    NextKeyMarker(String),
    NextUploadIdMarker(String),
    Upload(Upload),
    #[serde(other)]
    Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Upload {
    pub(crate) key: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) upload_id: String,
    pub(crate) initiator: Initiator,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) initiated: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Initiator {
    #[serde(rename = "ID", deserialize_with = "trimmed")]
    pub(crate) id: String,
}

/// An element of `ListPartsResult`.
#[derive(Debug, Deserialize)]
pub(crate) enum PartsItem {
    IsTruncated(String),
    NextPartNumberMarker(String),
    ChecksumAlgorithm(String),
    ChecksumType(String),
    Part(Part),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Part {
    #[serde(deserialize_with = "trimmed")]
    pub(crate) part_number: String,
    #[serde(rename = "ETag", default, deserialize_with = "trimmed")]
    pub(crate) etag: String,
    pub(crate) size: Option<String>,
    #[serde(default, deserialize_with = "trimmed")]
    pub(crate) last_modified: String,
}

/// An element of `DeleteResult`. Deleted keys and errors may be in any order.
#[derive(Debug, Deserialize)]
pub(crate) enum DeleteItem {
    Deleted(DeletedKey),
    Error(DeletedKey),
    #[serde(other)]
    Other,
}

/// What `DeleteResult` says about one key. Absent elements are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct DeletedKey {
    pub(crate) key: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) version_id: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) delete_marker: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) code: String,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) message: String,
}

/// `InitiateMultipartUploadResult`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreatedUpload {
    #[serde(default, deserialize_with = "trimmed")]
    pub(crate) upload_id: String,
}

/// `CompleteMultipartUploadResult`, `CopyObjectResult` or `CopyPartResult`: the new object or part.
#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    #[serde(rename = "ETag")]
    pub(crate) etag: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME")]
    crc64nvme: Option<String>,
    #[serde(rename = "ChecksumCRC32C")]
    crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC32")]
    crc32: Option<String>,
    #[serde(rename = "ChecksumSHA256")]
    sha256: Option<String>,
    #[serde(rename = "ChecksumSHA1")]
    sha1: Option<String>,
}

impl Stored {
    /// The checksum of this algorithm, if the response contains it.
    pub(crate) fn checksum(&self, algorithm: Algorithm) -> Option<&str> {
        let text = match algorithm {
            Algorithm::Crc64Nvme => &self.crc64nvme,
            Algorithm::Crc32c => &self.crc32c,
            Algorithm::Crc32 => &self.crc32,
            Algorithm::Sha256 => &self.sha256,
            Algorithm::Sha1 => &self.sha1,
        };
        text.as_deref().map(str::trim)
    }
}

/// `Tagging`. Some servers omit the set if it is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Tagging {
    pub(crate) tag_set: TagSet,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct TagSet {
    pub(crate) tag: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// `VersioningConfiguration`; servers disagree about the name of the root element.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Versioning {
    pub(crate) status: Option<String>,
}

/// `RequestPaymentConfiguration`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct RequestPayment {
    pub(crate) payer: Option<String>,
}

/// `OwnershipControls`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Ownership {
    pub(crate) rule: Vec<OwnershipRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct OwnershipRule {
    pub(crate) object_ownership: Option<String>,
}

/// An element of `PublicAccessBlockConfiguration`.
#[derive(Debug, Deserialize)]
pub(crate) enum PublicAccessItem {
    BlockPublicAcls(String),
    IgnorePublicAcls(String),
    BlockPublicPolicy(String),
    RestrictPublicBuckets(String),
    #[serde(other)]
    Other,
}

/// `LegalHold`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct LegalHold {
    #[serde(deserialize_with = "nonempty")]
    pub(crate) status: Option<String>,
}

/// `Retention` of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Retention {
    #[serde(deserialize_with = "nonempty")]
    pub(crate) mode: Option<String>,
    #[serde(deserialize_with = "nonempty")]
    pub(crate) retain_until_date: Option<String>,
}

/// `ObjectLockConfiguration`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ObjectLock {
    #[serde(deserialize_with = "trimmed")]
    pub(crate) object_lock_enabled: String,
    pub(crate) rule: ObjectLockRule,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ObjectLockRule {
    pub(crate) default_retention: DefaultRetention,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct DefaultRetention {
    #[serde(deserialize_with = "nonempty")]
    pub(crate) mode: Option<String>,
    #[serde(deserialize_with = "nonempty")]
    pub(crate) days: Option<String>,
    #[serde(deserialize_with = "nonempty")]
    pub(crate) years: Option<String>,
}

/// `ServerSideEncryptionConfiguration`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Encryption {
    pub(crate) rule: Vec<EncryptionRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct EncryptionRule {
    pub(crate) apply_server_side_encryption_by_default: DefaultEncryption,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DefaultEncryption {
    #[serde(rename = "SSEAlgorithm", deserialize_with = "nonempty")]
    pub(crate) algorithm: Option<String>,
    #[serde(rename = "KMSMasterKeyID", deserialize_with = "nonempty")]
    pub(crate) kms_key: Option<String>,
}

/// `WebsiteConfiguration`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Website {
    pub(crate) index_document: IndexDocument,
    pub(crate) error_document: ErrorDocument,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct IndexDocument {
    pub(crate) suffix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct ErrorDocument {
    pub(crate) key: Option<String>,
}

/// `BucketLoggingStatus`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Logging {
    pub(crate) logging_enabled: LoggingTarget,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct LoggingTarget {
    pub(crate) target_bucket: Option<String>,
    #[serde(deserialize_with = "trimmed")]
    pub(crate) target_prefix: String,
}
