//! Server-side copies, which are always verified: the result is compared with the source.
//!
//! This takes as few requests as possible. An object from a listing costs two concurrent requests, the copy and the
//! request for its grants: the ETag of the copy, which is in the response, is compared with the one in the listing. An
//! object that was named costs an additional HEAD request first. Further requests are made only if the ETags are
//! inconclusive ([`proof`]).
//!
//! Ceph decodes the source of a part copy twice (radosgw 16.2: the parts of `x%41` come from `xA`, with status 200),
//! but not that of a whole copy: an object whose key contains a `%` is copied in one request if it is small enough, and
//! otherwise relayed through this machine ([`parts`]).

mod by_content;
mod grants;
mod options;
mod parts;
mod proof;

pub(crate) use options::CopyOptions;

use super::placement::ExtraHeaders;
use super::proof::{Evidence, Proof};
use super::remote::Listed;
use crate::uri::S3Uri;
use grants::Grants;
use s3cmd_client::ops::object::{CopySource, Head, MAX_WHOLE_COPY, SWIFT_SEGMENT_HEADERS};
use s3cmd_client::{Client, Error, Result};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::Semaphore;

/// Headers of the source that describe a response or a storage location rather than the object. They are omitted when
/// metadata is sent with the copy (measured on s3cmd 2.4.0, with additions of newer servers).
const NOT_METADATA: &[&str] = &[
    "accept-ranges",
    "cf-ray",
    "connection",
    "content-length",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "server",
    "transfer-encoding",
    "vary",
    "x-amz-delete-marker",
    "x-amz-expiration",
    "x-amz-id-2",
    "x-amz-missing-meta",
    "x-amz-mp-parts-count",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-replication-status",
    "x-amz-request-id",
    "x-amz-restore",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-tagging-count",
    "x-amz-version-id",
    "x-rgw-object-type",
];

/// The ETag of empty content, with which Ceph lists the manifest of a Swift large object.
const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// The error of a failed copy.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// The source does not exist.
    Missing,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for CopyError {
    fn from(error: Error) -> Self {
        CopyError::Failed(error)
    }
}

/// Copies objects on the server.
#[derive(Clone, Debug)]
pub(crate) struct Copier {
    client: Client,
    /// The client for the source, with the version to copy.
    source: Client,
    options: Arc<CopyOptions>,
    /// Limits the parts of all objects that are copied concurrently.
    parts: Arc<Semaphore>,
    /// The maximum number of concurrent parts.
    width: usize,
    /// Whether the server has reported that it does not support ACLs.
    no_grants: Arc<AtomicBool>,
    /// Whether objects are copied onto themselves, with all metadata replaced.
    rewrites: bool,
}

/// A completed copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    /// How well its content is verified.
    pub(crate) proof: Proof,
    /// The ETag of its source.
    pub(crate) source_etag: String,
}

impl Copier {
    /// Creates a copier that copies up to `width` parts concurrently. The version of the client selects that of the
    /// source.
    pub(crate) fn new(client: Client, options: CopyOptions, width: usize) -> Self {
        let width = width.max(1);
        let parts = Arc::new(Semaphore::new(width));
        let (source, client) = (client.clone(), client.at_version(""));
        let options = Arc::new(options);
        Self { client, source, options, parts, width, no_grants: Arc::default(), rewrites: false }
    }

    /// A copier for copies of objects onto themselves, which servers accept only if the metadata is replaced. As in
    /// s3cmd, an object is rewritten in parts only if it is too large for one request.
    pub(crate) fn rewriting(self) -> Self {
        Self { rewrites: true, ..self }
    }

    /// Copies one object with its metadata, tags and grants, and verifies the result. `listed` is the listing entry of
    /// the source, if there is one.
    pub(crate) async fn copy(
        &self,
        from: &S3Uri,
        to: &S3Uri,
        listed: Option<&Listed>,
    ) -> std::result::Result<Copied, CopyError> {
        // A copy onto itself loses its grants, so they must be read first. An object that is listed as empty may be the
        // manifest of a Swift large object.
        let known = listed.filter(|listed| {
            from != to
                && !self.changes_metadata()
                && self.is_whole(&from.key, listed.size)
                && !listed.etag.is_empty()
                && listed.etag != EMPTY_MD5
        });
        if let Some(listed) = known
            && let Some(copied) = self.copy_listed(from, to, listed).await?
        {
            return Ok(copied);
        }
        self.copy_after_head(from, to).await
    }

    /// Deletes a source whose copy is proved, unless it was replaced since it was copied. Returns whether it was
    /// deleted; if not, prints a warning.
    pub(crate) async fn delete_source(&self, from: &S3Uri, copied: &Copied) -> Result<bool> {
        if !copied.proof.is_proved() {
            log::warn!("'{from}' was not deleted: only the length of its copy could be verified");
            return Ok(false);
        }
        let deleted = self.source.delete_unchanged(&from.bucket, &from.key, &copied.source_etag).await?;
        if !deleted {
            log::warn!("'{from}' was not deleted: it was replaced after it had been copied");
        }
        Ok(deleted)
    }

    /// Copies an object from a listing. Returns `None` if the server rejected the copy, and the reason must be
    /// determined.
    async fn copy_listed(&self, from: &S3Uri, to: &S3Uri, listed: &Listed) -> Result<Option<Copied>> {
        let headers = self.headers(None, &listed.etag);
        let (copied, grants) = futures::join!(
            self.client.copy_object(self.from(from), &to.bucket, &to.key, &headers),
            self.source_grants(from)
        );
        let etag = match copied {
            Ok(etag) => etag,
            Err(Error::Service(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let copied = if etag.is_empty() || etag != listed.etag {
            let head = self.source.head_object(&from.bucket, &from.key).await?;
            let proof = self.verify(from, &head, to, &etag).await?;
            Copied { proof, source_etag: head.etag }
        } else {
            Copied { proof: Proof::Proved(Evidence::SameEtag), source_etag: etag }
        };
        self.set_grants(from, to, grants?).await?;
        Ok(Some(copied))
    }

    /// Requests the metadata of an object, then copies it.
    async fn copy_after_head(&self, from: &S3Uri, to: &S3Uri) -> std::result::Result<Copied, CopyError> {
        let (head, grants) =
            futures::join!(self.source.head_object(&from.bucket, &from.key), self.source_grants(from));
        let head = match (head, &grants) {
            (Ok(head), _) => head,
            // The response to a HEAD has no body with the reason, but that of the other request does.
            (Err(error), Err(_) | Ok(Grants::Denied(_))) if matches!(error.status(), Some(403 | 404)) => {
                return Err(match grants {
                    Err(reason) | Ok(Grants::Denied(reason)) => reason,
                    Ok(_) => error,
                }
                .into());
            }
            (Err(error), _) if error.is_not_found() => return Err(CopyError::Missing),
            (Err(error), _) => return Err(error.into()),
        };
        let grants = grants?;
        let proof = if head.is_swift_segmented() {
            self.segmented(from, &head, to).await?
        } else if self.is_whole(&from.key, head.size) {
            let tags = self.tags_at_risk(from, &head).await?;
            let headers = self.headers(Some(&head), &head.etag);
            let copied = self.client.copy_object(self.from(from), &to.bucket, &to.key, &headers).await;
            let etag = copied.map_err(|error| match error.status() {
                Some(412) => Error::Integrity("the source changed while it was copied".into()),
                _ => error,
            })?;
            let proof = self.verify(from, &head, to, &etag).await?;
            self.restore_tags(to, &tags).await?;
            proof
        } else {
            self.in_parts(from, &head, to).await?
        };
        self.set_grants(from, to, grants).await?;
        Ok(Copied { proof, source_etag: head.etag })
    }

    /// Whether an object is copied in one request: its size is at most the configured part size, or part copies would
    /// misread its name.
    fn is_whole(&self, key: &str, size: u64) -> bool {
        size <= self.options.part_size
            || ((self.rewrites || parts::is_misread(key)) && size <= MAX_WHOLE_COPY)
    }

    /// Whether the metadata of the copy differs from that of the source.
    fn changes_metadata(&self) -> bool {
        let options = &self.options;
        self.rewrites
            || !(options.headers.0.is_empty()
                && options.content_type.is_none()
                && options.remove_headers.is_empty())
    }

    /// Headers of a copy in one request. The server copies the metadata, unless some of it changes: then all of it is
    /// sent, so `head` is required. The source must still have the ETag.
    fn headers(&self, head: Option<&Head>, etag: &str) -> Vec<(String, String)> {
        let (directive, mut headers) = match head.filter(|_| self.changes_metadata()) {
            Some(head) => ("REPLACE", self.stored_headers(head)),
            None => ("COPY", self.options.placement.headers()),
        };
        headers.push(("x-amz-metadata-directive".to_owned(), directive.to_owned()));
        if !etag.is_empty() {
            headers.push(("x-amz-copy-source-if-match".to_owned(), format!("\"{etag}\"")));
        }
        headers
    }

    /// The tags that a copy may lose because its metadata is replaced. Ceph loses them, and if they are sent with the
    /// copy it stores a set that cannot be read (measured on radosgw 16.2).
    async fn tags_at_risk(&self, from: &S3Uri, head: &Head) -> Result<Vec<(String, String)>> {
        let is_tagged = head.header("x-amz-tagging-count").is_some_and(|count| count != "0");
        let others = self.options.headers.names().any(|name| name == "x-amz-tagging");
        if !is_tagged || others || !self.changes_metadata() {
            return Ok(Vec::new());
        }
        self.source.tags(&from.bucket, Some(&from.key)).await
    }

    /// Sets the tags of a copy again if it has lost them.
    async fn restore_tags(&self, to: &S3Uri, tags: &[(String, String)]) -> Result<()> {
        if tags.is_empty() || self.client.tags(&to.bucket, Some(&to.key)).await? == tags {
            return Ok(());
        }
        self.client.put_tags(&to.bucket, Some(&to.key), tags).await
    }

    /// The source's metadata with the requested changes, to be sent with the copy.
    fn stored_headers(&self, head: &Head) -> Vec<(String, String)> {
        let options = &self.options;
        let kept = head
            .metadata()
            .filter(|(name, _)| !(NOT_METADATA.contains(name) || SWIFT_SEGMENT_HEADERS.contains(name)))
            .filter(|(name, _)| !name.starts_with("x-amz-checksum-"))
            .filter(|(name, _)| !options.remove_headers.iter().any(|removed| removed == name));
        let mut headers: Vec<(String, String)> =
            kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut changes = options.placement.headers();
        changes.extend(options.content_type.clone().map(|kind| ("content-type".to_owned(), kind)));
        ExtraHeaders(changes).apply(&mut headers);
        options.headers.apply(&mut headers);
        // Some services keep the order of headers, and `info` shows it.
        headers.sort();
        headers
    }

    fn from<'a>(&'a self, uri: &'a S3Uri) -> CopySource<'a> {
        CopySource { bucket: &uri.bucket, key: &uri.key, version: self.source.version() }
    }
}
