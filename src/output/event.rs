//! What commands have to tell, as values: one event for each result. A [`Console`](super::Console) writes it as s3cmd's
//! line, or with `--json` as a JSON object on a line of its own, whose fields are those here: `docs/json.md` is their
//! description, and a promise. What only people need (columns, a verb) is left out of the object.

use super::columns::Columns;
use super::details::{BucketInfo, Distribution, ObjectInfo, Right};
use super::display_path::DisplayPath;
use crate::uri::{CloudFrontUri, S3Uri};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;

/// One result.
#[allow(missing_docs, reason = "the fields are details in docs/json.md, which a test holds to this")]
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// A line that has no form of its own.
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
    /// What stands for the deletion of an object whose versions are kept.
    DeleteMarker {
        bucket: &'a str,
        key: &'a str,
        version_id: &'a str,
        is_latest: bool,
        modified: &'a str,
        #[serde(skip)]
        columns: Columns,
    },
    /// What is under a prefix.
    Usage {
        bucket: &'a str,
        prefix: &'a str,
        objects: u64,
        bytes: u64,
        #[serde(skip)]
        human: bool,
    },
    /// What is in all buckets.
    Total {
        bytes: u64,
        #[serde(skip)]
        human: bool,
    },
    /// A name that is left out.
    Exclude { name: &'a str },
    /// A file, or standard input, that was or would be uploaded.
    Upload {
        from: DisplayPath<'a>,
        to: &'a S3Uri,
        #[serde(flatten)]
        moved: Option<Moved>,
        #[serde(flatten)]
        place: Option<Position>,
        dry_run: bool,
    },
    /// An object that was or would be downloaded.
    Download {
        from: &'a S3Uri,
        to: DisplayPath<'a>,
        #[serde(flatten)]
        moved: Option<Moved>,
        #[serde(flatten)]
        place: Option<Position>,
        #[serde(skip_serializing_if = "Option::is_none")]
        proof: Option<&'a str>,
        dry_run: bool,
        /// Whether the line ends with the place.
        #[serde(skip)]
        numbered: bool,
    },
    /// A directory that was made for an object.
    Directory {
        from: &'a S3Uri,
        to: DisplayPath<'a>,
        #[serde(flatten)]
        place: Position,
    },
    /// An object that was or would be copied within the store.
    Copy {
        from: &'a S3Uri,
        to: &'a S3Uri,
        #[serde(flatten)]
        place: Option<Position>,
        dry_run: bool,
        #[serde(skip)]
        words: CopyWords<'a>,
    },
    /// An object that was or would be moved within the store.
    Move {
        from: &'a S3Uri,
        to: &'a S3Uri,
        #[serde(flatten)]
        place: Option<Position>,
        dry_run: bool,
    },
    /// An object, or a version of one, that was or would be deleted.
    Delete {
        bucket: &'a str,
        key: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        version_id: Option<&'a str>,
        dry_run: bool,
        /// Whether the name stands in quotes.
        #[serde(skip)]
        quoted: bool,
    },
    /// A local file or directory that was or would be deleted.
    DeleteFile { path: DisplayPath<'a>, dry_run: bool },
    /// An object that was deleted because it was downloaded.
    SourceRemoved {
        uri: &'a S3Uri,
        /// What it was downloaded by, as the line says it.
        #[serde(skip)]
        after: &'static str,
    },
    /// An object that was or would be written anew.
    Modify {
        uri: &'a S3Uri,
        #[serde(flatten)]
        place: Option<Position>,
        dry_run: bool,
    },
    /// An archived object of which a copy was or would be asked for.
    Restore { uri: &'a S3Uri, dry_run: bool },
    /// A bucket or an object whose grants were or would be changed.
    Setacl {
        uri: &'a S3Uri,
        /// `Public` or `Private`, where that was asked for.
        acl: Option<&'static str>,
        #[serde(flatten)]
        place: Option<Position>,
        dry_run: bool,
    },
    /// An object that got or would get another name.
    Rename {
        from: &'a S3Uri,
        to: &'a S3Uri,
        dry_run: bool,
        /// The old name with its control characters as escapes.
        #[serde(skip)]
        old: &'a str,
    },
    /// Where anybody can read what was just uploaded.
    PublicUrl { uri: &'a S3Uri, url: &'a str },
    /// A bucket that was made.
    BucketCreated { bucket: &'a str, dry_run: bool },
    /// A bucket that was removed.
    BucketRemoved { bucket: &'a str, dry_run: bool },
    /// A bucket or an object that was told something.
    Changed {
        uri: &'a S3Uri,
        change: &'a str,
        dry_run: bool,
        #[serde(skip)]
        form: ChangeForm,
    },
    /// A change that the service did not make.
    Unchanged { uri: &'a S3Uri, change: &'a str },
    /// What is known of an object.
    ObjectInfo(&'a ObjectInfo),
    /// What is known of a bucket.
    BucketInfo(&'a BucketInfo),
    /// Who may do what.
    Acl { uri: &'a S3Uri, owner: Owner<'a>, grants: Vec<Right<'a>>, public_url: Option<String> },
    /// The tags of a bucket or an object.
    Tags {
        uri: &'a S3Uri,
        #[serde(serialize_with = "as_map")]
        tags: &'a [(String, String)],
    },
    /// A policy; none where there is none.
    Policy {
        bucket: &'a str,
        policy: Option<serde_json::Value>,
        #[serde(skip)]
        shown: &'a str,
    },
    /// What a dry run would change in a document: lines with ` `, `-` or `+` in front.
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
    /// Who is told of changes in a bucket, as the service sent it.
    Notification {
        bucket: &'a str,
        xml: &'a str,
        #[serde(skip)]
        shown: &'a str,
    },
    /// A link that works for a while.
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
    /// An unfinished upload that was dropped.
    UploadAborted { uri: &'a S3Uri, upload_id: &'a str, dry_run: bool },
    /// Where access logs go.
    AccessLog { bucket: &'a str, target: Option<S3Uri>, dry_run: bool },
    /// How a bucket is a website.
    Website {
        bucket: &'a str,
        endpoint: Option<String>,
        index: Option<&'a str>,
        error: Option<&'a str>,
        configured: bool,
    },
    /// What is known of a CloudFront distribution.
    Distribution(Distribution<'a>),
    /// A distribution that was deleted.
    DistributionDeleted { id: &'a str },
    /// What CloudFront forgets.
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
        said: InvalidationForm<'a>,
    },
    /// What CloudFront would be asked to forget.
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
    /// The end of a run: how it ended, and how much it told.
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
    pub fn deletion(bucket: &'a str, key: &'a str, version_id: Option<&'a str>, dry_run: bool) -> Self {
        Event::Delete { bucket, key, version_id, dry_run, quoted: true }
    }
}

/// Which words a copy is told in.
#[derive(Clone, Copy, Debug)]
pub enum CopyWords<'a> {
    /// `copy:`, as `cp` says before it copies.
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

/// In which form a change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeForm {
    /// `URI: CHANGE`
    Plain,
    /// `Bucket 'URI': CHANGE.`
    Bucket,
}

/// Which lines tell of an invalidation.
#[derive(Clone, Copy, Debug)]
pub enum InvalidationForm<'a> {
    /// That it was made, in full; the URI is what was named.
    Made {
        /// As it was named.
        uri: &'a S3Uri,
    },
    /// That it was made, in short.
    InShort,
    /// All that the service knows of it.
    Known,
}

/// The place of an item in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// From 1.
    pub number: u64,
    /// How many there are.
    pub total: u64,
}

impl Position {
    /// The place of the item with that index, from 0.
    pub fn at(index: u64, total: u64) -> Self {
        Self { number: index + 1, total }
    }
}

/// `[1 of 3]`
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} of {}]", self.number, self.total)
    }
}

/// How much was moved, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// Bytes.
    pub size: u64,
    /// Seconds.
    #[serde(serialize_with = "rounded")]
    pub seconds: f64,
}

/// What `sync` did, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub struct SyncReport {
    pub source_files: u64,
    pub source_bytes: u64,
    pub transferred_files: u64,
    pub transferred_bytes: u64,
    pub copied_files: u64,
    pub copied_bytes: u64,
    pub deleted_files: u64,
    #[serde(serialize_with = "rounded")]
    pub seconds: f64,
}

/// Who a bucket or an object belongs to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Owner<'a> {
    /// Canonical id.
    pub id: &'a str,
    /// Display name.
    pub name: &'a str,
}

/// How an object compares with the checksum of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// It has it.
    Ok,
    /// It has another.
    Mismatch,
    /// It could not be read.
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

/// Three places are more than a clock can tell of a network.
pub(super) fn rounded<S: Serializer>(seconds: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((seconds * 1000.0).round() / 1000.0)
}

/// Pairs as an object, in their order.
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
