//! The results of commands as values: one event per result. A [`Console`](super::Console) writes it as s3cmd's line, or
//! with `--json` as a JSON object on a separate line, whose fields are those here: `docs/json.md` describes them and is
//! a promise. Fields that only the text needs (columns, a verb) are not serialised.

use super::columns::Columns;
use super::details::{BucketInfo, Distribution, GrantInfo, ObjectInfo};
use super::display_path::DisplayPath;
use crate::uri::{CloudFrontUri, S3Uri};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;

/// One result.
#[allow(missing_docs, reason = "the fields are details in docs/json.md, which a test holds to this")]
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event<'a> {
    /// A line without a specific event type.
    Text { text: &'a str },
    /// A bucket of a listing.
    Bucket { bucket: &'a str, created: &'a str },
    /// A common prefix of a listing.
    Prefix {
        bucket: &'a str,
        prefix: &'a str,
        #[serde(skip)]
        columns: Columns,
    },
    /// An object of a listing.
    Object {
        bucket: &'a str,
        key: &'a str,
        size: u64,
        modified: &'a str,
        etag: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        md5: Option<&'a str>,
        storage_class: &'a str,
        #[serde(skip)]
        columns: Columns,
    },
    /// A version of an object.
    Version {
        bucket: &'a str,
        key: &'a str,
        version_id: &'a str,
        is_latest: bool,
        size: u64,
        modified: &'a str,
        etag: &'a str,
        storage_class: &'a str,
        #[serde(skip)]
        columns: Columns,
    },
    /// The delete marker of an object in a versioned bucket.
    DeleteMarker {
        bucket: &'a str,
        key: &'a str,
        version_id: &'a str,
        is_latest: bool,
        modified: &'a str,
        #[serde(skip)]
        columns: Columns,
    },
    /// The usage below a prefix.
    Usage {
        bucket: &'a str,
        prefix: &'a str,
        objects: u64,
        bytes: u64,
        #[serde(skip)]
        human: bool,
    },
    /// The usage of all buckets.
    Total {
        bytes: u64,
        #[serde(skip)]
        human: bool,
    },
    /// An excluded name.
    Exclude { name: &'a str },
    /// A file, or standard input, that was or would be uploaded.
    Upload {
        from: DisplayPath<'a>,
        to: &'a S3Uri,
        #[serde(flatten)]
        moved: Option<Moved>,
        #[serde(flatten)]
        position: Option<Position>,
        dry_run: bool,
    },
    /// An object that was or would be downloaded.
    Download {
        from: &'a S3Uri,
        to: DisplayPath<'a>,
        #[serde(flatten)]
        moved: Option<Moved>,
        #[serde(flatten)]
        position: Option<Position>,
        #[serde(skip_serializing_if = "Option::is_none")]
        proof: Option<&'a str>,
        dry_run: bool,
        /// Whether the line ends with the position.
        #[serde(skip)]
        numbered: bool,
    },
    /// A directory that was created for an object.
    Directory {
        from: &'a S3Uri,
        to: DisplayPath<'a>,
        #[serde(flatten)]
        position: Position,
    },
    /// An object that was or would be copied within the store.
    Copy {
        from: &'a S3Uri,
        to: &'a S3Uri,
        #[serde(flatten)]
        position: Option<Position>,
        dry_run: bool,
        #[serde(skip)]
        form: CopyForm<'a>,
    },
    /// An object that was or would be moved within the store.
    Move {
        from: &'a S3Uri,
        to: &'a S3Uri,
        #[serde(flatten)]
        position: Option<Position>,
        dry_run: bool,
    },
    /// An object, or a version of one, that was or would be deleted.
    Delete {
        bucket: &'a str,
        key: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        version_id: Option<&'a str>,
        dry_run: bool,
        /// Whether the name is quoted.
        #[serde(skip)]
        quoted: bool,
    },
    /// A local file or directory that was or would be deleted.
    DeleteFile { path: DisplayPath<'a>, dry_run: bool },
    /// An object that was deleted after its download.
    SourceRemoved {
        uri: &'a S3Uri,
        /// What preceded the deletion, as the line says it.
        #[serde(skip)]
        after: &'static str,
    },
    /// An object that was or would be rewritten.
    Modify {
        uri: &'a S3Uri,
        #[serde(flatten)]
        position: Option<Position>,
        dry_run: bool,
    },
    /// An archived object whose restore was or would be requested.
    Restore { uri: &'a S3Uri, dry_run: bool },
    /// A bucket or an object whose grants were or would be changed.
    Setacl {
        uri: &'a S3Uri,
        /// `Public` or `Private`, if requested.
        acl: Option<&'static str>,
        #[serde(flatten)]
        position: Option<Position>,
        dry_run: bool,
    },
    /// An object that was or would be renamed.
    Rename {
        from: &'a S3Uri,
        to: &'a S3Uri,
        dry_run: bool,
        /// The old name with its control characters escaped.
        #[serde(skip)]
        old: &'a str,
    },
    /// The public URL of an uploaded object.
    PublicUrl { uri: &'a S3Uri, url: &'a str },
    /// A bucket that was created.
    BucketCreated { bucket: &'a str, dry_run: bool },
    /// A bucket that was removed.
    BucketRemoved { bucket: &'a str, dry_run: bool },
    /// A changed setting of a bucket or an object.
    Changed {
        uri: &'a S3Uri,
        change: &'a str,
        dry_run: bool,
        #[serde(skip)]
        form: ChangeForm,
    },
    /// A change that the service did not make.
    Unchanged { uri: &'a S3Uri, change: &'a str },
    /// The details of an object.
    ObjectInfo(&'a ObjectInfo),
    /// The details of a bucket.
    BucketInfo(&'a BucketInfo),
    /// The access control list of a bucket or an object.
    Acl { uri: &'a S3Uri, owner: Owner<'a>, grants: Vec<GrantInfo<'a>>, public_url: Option<String> },
    /// The tags of a bucket or an object.
    Tags {
        uri: &'a S3Uri,
        #[serde(serialize_with = "as_map")]
        tags: &'a [(String, String)],
    },
    /// A policy; `None` if absent.
    Policy {
        bucket: &'a str,
        policy: Option<serde_json::Value>,
        #[serde(skip)]
        shown: &'a str,
    },
    /// The changes that a dry run would make to a document: lines that begin with ` `, `-` or `+`.
    DocumentChanges { uri: &'a S3Uri, document: &'a str, changes: &'a [String] },
    /// One setting of a bucket or an object.
    Setting {
        uri: &'a S3Uri,
        name: &'a str,
        value: Option<serde_json::Value>,
        #[serde(skip)]
        shown: &'a str,
    },
    /// The cross-origin rules of a bucket, as the service sent them.
    Cors {
        bucket: &'a str,
        xml: &'a str,
        #[serde(skip)]
        shown: &'a str,
    },
    /// The lifecycle rules of a bucket, as the service sent them.
    Lifecycle {
        bucket: &'a str,
        xml: &'a str,
        #[serde(skip)]
        shown: &'a str,
    },
    /// The event notifications of a bucket, as the service sent them.
    Notification {
        bucket: &'a str,
        xml: &'a str,
        #[serde(skip)]
        shown: &'a str,
    },
    /// A presigned URL.
    SignedUrl { uri: &'a S3Uri, url: &'a str, expires: String },
    /// The signature of a text.
    Signature { signature: &'a str },
    /// The checksum of an object's content.
    Md5 {
        uri: &'a S3Uri,
        md5: &'a str,
        #[serde(skip)]
        line: &'a str,
    },
    /// How an object compares with a list of checksums.
    Md5Check {
        uri: &'a S3Uri,
        result: Verification,
        #[serde(skip)]
        name: &'a str,
    },
    /// An unfinished upload.
    MultipartUpload { uri: &'a S3Uri, upload_id: &'a str, initiated: &'a str },
    /// A stored part of an unfinished upload.
    Part {
        uri: &'a S3Uri,
        number: u32,
        size: u64,
        modified: &'a str,
        #[serde(serialize_with = "unquoted")]
        etag: &'a str,
    },
    /// An unfinished upload that was or would be aborted.
    UploadAborted { uri: &'a S3Uri, upload_id: &'a str, dry_run: bool },
    /// Where access logs go.
    AccessLog { bucket: &'a str, target: Option<S3Uri>, dry_run: bool },
    /// The static website settings of a bucket.
    Website {
        bucket: &'a str,
        endpoint: Option<String>,
        index: Option<&'a str>,
        error: Option<&'a str>,
        configured: bool,
    },
    /// The details of a CloudFront distribution.
    Distribution(Distribution<'a>),
    /// A distribution that was deleted.
    DistributionDeleted { id: &'a str },
    /// An invalidation in CloudFront.
    Invalidation {
        distribution: &'a str,
        id: &'a str,
        paths: usize,
        status: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        created: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
        #[serde(skip)]
        form: InvalidationForm<'a>,
    },
    /// The invalidation that a dry run would request.
    InvalidationPlan {
        uris: Vec<String>,
        #[serde(skip)]
        shown: &'a str,
    },
    /// A step of the connection test.
    Check { step: &'a str, result: &'static str, detail: &'a str, hint: Option<&'a str> },
    /// What `sync` between buckets is going to do.
    SyncPlan { copies: u64, deletions: u64 },
    /// What `sync` did.
    SyncReport {
        #[serde(flatten)]
        report: SyncReport,
        #[serde(skip)]
        line: &'a str,
    },
    /// What `del --stats` counted.
    DeleteReport { deleted: u64, deleted_bytes: u64 },
    /// The end of a run: the exit code and the counters.
    Summary {
        command: &'a str,
        exit: u8,
        results: u64,
        errors: u64,
        warnings: u64,
        bytes: u64,
        #[serde(serialize_with = "rounded")]
        seconds: f64,
    },
}

impl<'a> Event<'a> {
    /// The deletion of an object, or of a version of one.
    pub(crate) fn deletion(
        bucket: &'a str,
        key: &'a str,
        version_id: Option<&'a str>,
        dry_run: bool,
    ) -> Self {
        Event::Delete { bucket, key, version_id, dry_run, quoted: true }
    }
}

/// The form of the line for a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CopyForm<'a> {
    /// `copy:`, as `cp` prints in a dry run.
    Copy,
    /// `remote copy:`
    RemoteCopy,
    /// `remote copy:` with names below the destination.
    Relative {
        /// The source.
        from: &'a str,
        /// The copy.
        to: &'a str,
    },
}

/// The form of the line for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeForm {
    /// `URI: CHANGE`
    Plain,
    /// `Bucket 'URI': CHANGE.`
    Bucket,
}

/// The form of the lines for an invalidation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InvalidationForm<'a> {
    /// A new invalidation, in full, with the URI that was named.
    Made {
        /// The URI from the arguments.
        uri: &'a S3Uri,
    },
    /// A new invalidation, in short.
    InShort,
    /// All that the service reports about it.
    Known,
}

/// The position of an item in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Position {
    /// From 1.
    pub(crate) number: u64,
    /// Total number of items.
    pub(crate) total: u64,
}

impl Position {
    /// The position of the item with an index that counts from 0.
    pub(crate) fn at(index: u64, total: u64) -> Self {
        Self { number: index + 1, total }
    }
}

/// `[1 of 3]`
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} of {}]", self.number, self.total)
    }
}

/// The size and duration of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Moved {
    /// Bytes.
    pub(crate) size: u64,
    /// Seconds.
    #[serde(serialize_with = "rounded")]
    pub(crate) seconds: f64,
}

/// What `sync` did, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct SyncReport {
    pub(crate) source_files: u64,
    pub(crate) source_bytes: u64,
    pub(crate) transferred_files: u64,
    pub(crate) transferred_bytes: u64,
    pub(crate) copied_files: u64,
    pub(crate) copied_bytes: u64,
    pub(crate) deleted_files: u64,
    #[serde(serialize_with = "rounded")]
    pub(crate) seconds: f64,
}

/// The owner of a bucket or an object.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Owner<'a> {
    /// Canonical id.
    pub id: &'a str,
    /// Display name.
    pub name: &'a str,
}

/// How an object compares with the checksum of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verification {
    /// The checksums match.
    Ok,
    /// The checksums differ.
    Mismatch,
    /// The object could not be read.
    Unreadable,
}

impl Serialize for S3Uri {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for CloudFrontUri {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Rounds to three decimal places, more than is meaningful for network timings.
pub(super) fn rounded<S: Serializer>(seconds: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((seconds * 1000.0).round() / 1000.0)
}

/// Serialises pairs as an object, in order.
pub(super) fn as_map<S: Serializer>(pairs: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(pairs.len()))?;
    for (name, value) in pairs {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

fn unquoted<S: Serializer>(etag: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(etag.trim_matches('"'))
}
