//! Copies on the server, never taken on trust: what arrived is compared with what was to be copied.
//!
//! Ceph decodes the source of a part copy twice (radosgw 16.2: the parts of `x%41` come from `xA`, with status 200),
//! so that a large object whose key holds a `%` travels through this machine instead.

use super::attrs::{self, Attributes};
use super::upload::placement_headers;
use crate::config::Settings;
use crate::s3::acl::{Acl, Grantee};
use crate::s3::body::Payload;
use crate::s3::multipart::{FinishedPart, UploadRef, is_md5};
use crate::s3::object::{CopySource, Head, Outgoing};
use crate::s3::{Client, Error, Result};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;

/// Part size of a copy that travels through this machine, in bytes: it is held in memory.
const RELAYED_PART: u64 = 8 << 20;

/// Relayed parts in memory at once.
const RELAYED_AT_ONCE: usize = 4;

/// Headers of the source that describe one answer or one place of storage, and are not the object's own: they are left
/// out where metadata is sent anew (measured on s3cmd 2.4.0, with what newer servers add).
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

/// How a copy failed.
#[derive(Debug)]
pub enum CopyError {
    /// The source is not there.
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
pub struct Copier {
    client: Client,
    settings: Arc<Settings>,
    /// Parts of one object that are copied at once.
    width: usize,
}

impl Copier {
    /// Makes a copier.
    pub fn new(client: Client, settings: Arc<Settings>, width: usize) -> Self {
        Self { client, settings, width: width.max(1) }
    }

    /// Copies one object with its metadata, tags and grants, and verifies the result.
    pub async fn copy(&self, from: &S3Uri, to: &S3Uri) -> std::result::Result<(), CopyError> {
        let (head, acl) =
            futures::join!(self.client.head_object(&from.bucket, &from.key), self.source_acl(from));
        let head = match (head, &acl) {
            (Ok(head), _) => head,
            // HEAD has no body to say why; the other request has.
            (Err(error), Err(_)) if matches!(error.status(), Some(403 | 404)) => {
                return Err(acl.err().unwrap_or(error).into());
            }
            (Err(error), _) if error.is_not_found() => return Err(CopyError::Missing),
            (Err(error), _) => return Err(error.into()),
        };
        let (acl, denied) = match acl {
            Err(error) if error.status() == Some(403) => (None, Some(error)),
            acl => (acl?, None),
        };
        let source = CopySource { bucket: &from.bucket, key: &from.key };
        if head.size > self.part_size() {
            self.in_parts(source, &head, to).await?;
        } else {
            let etag = self.client.copy_object(source, &to.bucket, &to.key, &self.headers(&head)).await?;
            self.verify(from, &head, to, &etag).await?;
        }
        if let Some(acl) = acl {
            self.client.put_acl(&to.bucket, Some(&to.key), &acl).await?;
        }
        if let Some(denied) = denied {
            log::warn!("The grants of '{from}' cannot be read ({denied}): the copy has the default ones");
        }
        Ok(())
    }

    /// The grants to carry over: none where a canned ACL was asked for, where the copy has them anyway (its owner's full
    /// control), or where the server has no ACLs.
    async fn source_acl(&self, from: &S3Uri) -> Result<Option<Acl>> {
        if self.settings.acl_public.is_some() {
            return Ok(None);
        }
        match self.client.get_acl(&from.bucket, Some(&from.key)).await {
            Ok(acl) => {
                let owners_alone = acl.grants.iter().all(|grant| {
                    grant.permission == "FULL_CONTROL"
                        && matches!(&grant.grantee, Grantee::User { id, .. } if *id == acl.owner_id)
                });
                Ok(if owners_alone { None } else { Some(acl) })
            }
            Err(error) => match error.status() {
                // A missing source is reported by the HEAD beside this, which does not know a missing bucket from it.
                Some(404) if error.service().is_some_and(|service| service.code == "NoSuchBucket") => {
                    Err(error)
                }
                Some(404 | 405 | 501) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Headers of a copy in one request: the server copies the metadata unless some of it changes.
    fn headers(&self, head: &Head) -> Vec<(String, String)> {
        let settings = &self.settings;
        let changes = !settings.extra_headers.is_empty()
            || !settings.mime_type.is_empty()
            || !settings.remove_headers.is_empty();
        let directive = if changes { "REPLACE" } else { "COPY" };
        let mut headers = if changes { self.stored_headers(head) } else { placement_headers(settings) };
        headers.push(("x-amz-metadata-directive".to_owned(), directive.to_owned()));
        headers
    }

    /// The source's metadata with the asked-for changes, to be sent anew.
    fn stored_headers(&self, head: &Head) -> Vec<(String, String)> {
        let settings = &self.settings;
        let kept = head
            .metadata()
            .filter(|(name, _)| !NOT_METADATA.contains(name))
            .filter(|(name, _)| !settings.remove_headers.iter().any(|removed| removed == name));
        let mut headers: Vec<(String, String)> =
            kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mime = Some(("content-type".to_owned(), settings.mime_type.clone()));
        let mime = mime.filter(|(_, kind)| !kind.is_empty());
        let changes =
            placement_headers(settings).into_iter().chain(mime).chain(settings.extra_headers.clone());
        for (name, value) in changes {
            headers.retain(|(present, _)| *present != name);
            headers.push((name, value));
        }
        headers
    }

    /// Copies a large object in parts, side by side.
    async fn in_parts(&self, source: CopySource<'_>, head: &Head, to: &S3Uri) -> Result<()> {
        let mut headers = self.stored_headers(head);
        // Tags are not among the headers of an answer; one request a large object carries them.
        if head.header("x-amz-tagging-count").is_some_and(|count| count != "0") {
            let tags = self.client.tags(source.bucket, Some(source.key)).await?;
            let pairs = crate::s3::sign::encode::query_string(&tags, false);
            if !headers.iter().any(|(name, _)| name == "x-amz-tagging") {
                headers.push(("x-amz-tagging".to_owned(), pairs));
            }
        }
        let id = self.client.create_upload(&to.bucket, &to.key, &headers).await?;
        let upload = UploadRef { bucket: &to.bucket, key: &to.key, id: &id };
        let copied = async {
            let parts = if source.key.contains('%') {
                self.relay_parts(source, head, upload).await?
            } else {
                self.copy_parts(source, head, upload).await?
            };
            // Ceph ignores the condition on the source's ETag in part copies, so it is asked again at the end.
            let now = self.client.head_object(source.bucket, source.key).await?;
            if now.etag != head.etag || now.size != head.size {
                return Err(Error::Integrity("the source changed while it was copied".into()));
            }
            self.client.complete_upload(upload, &parts).await
        }
        .await;
        if let Err(error) = copied {
            if let Err(left) = self.client.abort_upload(upload).await {
                log::warn!("The unfinished copy {id} could not be dropped: {left}");
            }
            return Err(error);
        }
        let arrived = self.client.head_object(&to.bucket, &to.key).await?;
        if arrived.size != head.size {
            return Err(wrong_copy(to, format!("{} bytes instead of {}", arrived.size, head.size)));
        }
        Ok(())
    }

    async fn copy_parts(
        &self,
        source: CopySource<'_>,
        head: &Head,
        upload: UploadRef<'_>,
    ) -> Result<Vec<FinishedPart>> {
        ranges(head.size, self.part_size())
            .map(|(number, first, last)| {
                self.client.upload_part_copy(upload, number, source, (first, last), Some(&head.etag))
            })
            .buffered(self.width)
            .try_collect()
            .await
    }

    /// Downloads and uploads the parts of an object whose name the server would misread.
    async fn relay_parts(
        &self,
        source: CopySource<'_>,
        head: &Head,
        upload: UploadRef<'_>,
    ) -> Result<Vec<FinishedPart>> {
        // At most ten thousand parts, and none smaller than what keeps the memory bounded.
        let part_size = RELAYED_PART.max(head.size.div_ceil(crate::s3::multipart::MAX_PARTS));
        ranges(head.size, part_size)
            .map(|(number, first, last)| async move {
                let headers = [
                    ("range".to_owned(), format!("bytes={first}-{last}")),
                    ("if-match".to_owned(), format!("\"{}\"", head.etag)),
                ];
                let answer = self.client.get_object(source.bucket, source.key, &headers, None).await?;
                let length = last - first + 1;
                let content = answer.bytes(length as usize).await?;
                if content.len() as u64 != length {
                    return Err(Error::Integrity(format!("{} bytes of {length} arrived", content.len())));
                }
                let payload = Payload::Bytes(content);
                let digests = payload.digests(true, true).await?;
                let (md5, sha256) = (digests.md5, digests.sha256);
                let data = Outgoing { payload, md5, sha256, ..Outgoing::default() };
                self.client.upload_part(upload, number, data).await
            })
            .buffered(RELAYED_AT_ONCE.min(self.width))
            .try_collect()
            .await
    }

    /// Compares a copy with its source by the strongest means that both sides offer: equal ETags, the stored MD5, else
    /// the length.
    async fn verify(&self, from: &S3Uri, head: &Head, to: &S3Uri, etag: &str) -> Result<()> {
        if etag == head.etag {
            return Ok(());
        }
        let encrypted = !self.settings.kms_key.is_empty() || head.has_opaque_etag();
        let stored = head.header(attrs::HEADER).map(Attributes::parse);
        let md5 = if is_md5(&head.etag) {
            Some(head.etag.clone())
        } else {
            stored.as_ref().and_then(|stored| stored.md5().map(str::to_owned))
        };
        if let Some(md5) = md5
            && is_md5(etag)
            && !encrypted
        {
            return if md5.eq_ignore_ascii_case(etag) {
                Ok(())
            } else {
                Err(wrong_copy(to, format!("ETag {etag} instead of {md5}")))
            };
        }
        let arrived = self.client.head_object(&to.bucket, &to.key).await?;
        if arrived.size == head.size {
            log::info!("'{to}' has no checksum in common with '{from}': only its length was checked");
            return Ok(());
        }
        Err(wrong_copy(to, format!("{} bytes instead of {}", arrived.size, head.size)))
    }

    fn part_size(&self) -> u64 {
        (self.settings.multipart_copy_chunk_size_mb.max(1) as u64) << 20
    }
}

fn wrong_copy(to: &S3Uri, what: String) -> Error {
    Error::Integrity(format!("the copy '{to}' is not the source: {what}"))
}

/// Part numbers with the first and last byte of each.
fn ranges(size: u64, part_size: u64) -> impl futures::Stream<Item = (u32, u64, u64)> {
    let parts = (0..size.div_ceil(part_size)).map(move |index| {
        let first = index * part_size;
        (index as u32 + 1, first, (first + part_size).min(size) - 1)
    });
    futures::stream::iter(parts)
}
