//! Large objects, copied in parts side by side.
//!
//! An object that was uploaded in parts is copied in parts of the same size where that can be found out: the copy then
//! has the ETag of the source, which proves it, and is known before the copy takes its name.

use super::{Copier, proof};
use crate::s3::body::Payload;
use crate::s3::multipart::{
    FinishedPart, MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE, UploadRef, composite_etag,
};
use crate::s3::object::{Head, Outgoing};
use crate::s3::{Error, Result};
use crate::transfer::compare::{self, Stored};
use crate::transfer::part_sizes;
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use md5::{Digest, Md5};

/// Part size of a copy that travels through this machine, in bytes: it is held in memory.
const RELAYED_PART: u64 = 8 << 20;

/// Relayed parts of one object in memory at once, on the way in and on the way out.
const RELAYED_AT_ONCE: usize = 4;

/// Whether a server may read the name of a source twice in part copies.
pub(super) fn is_misread(key: &str) -> bool {
    key.contains('%')
}

impl Copier {
    /// Copies a large object in parts.
    pub(super) async fn in_parts(&self, from: &S3Uri, head: &Head, to: &S3Uri) -> Result<()> {
        let (part_size, headers) =
            futures::try_join!(self.source_part_size(from, head), self.upload_headers(from, head))?;
        let part_size = part_size.unwrap_or_else(|| {
            let fewest = head.size.div_ceil(MAX_PARTS);
            self.part_size().max(fewest).clamp(MIN_PART_SIZE, MAX_PART_SIZE)
        });
        let id = self.client.create_upload(&to.bucket, &to.key, &headers).await?;
        let upload = UploadRef { bucket: &to.bucket, key: &to.key, id: &id };
        let copied = async {
            let parts = if is_misread(&from.key) {
                self.relay_parts(from, head, upload).await?
            } else {
                self.copy_parts(from, head, upload, part_size).await?
            };
            let etag = composite_etag(parts.iter().map(|part| part.etag.as_str()));
            let is_proved = etag.as_ref() == Some(&head.etag);
            if !is_proved {
                // Ceph ignores the condition on the source's ETag in part copies, so it is asked again at the end.
                let now = self.source.head_object(&from.bucket, &from.key).await?;
                if now.etag != head.etag || now.size != head.size {
                    return Err(Error::Integrity("the source changed while it was copied".into()));
                }
            }
            let done = self.client.complete_upload(upload, &parts).await?;
            Ok(is_proved && etag.as_ref() == Some(&done))
        }
        .await;
        match copied {
            Ok(true) => Ok(()),
            Ok(false) => self.compare_samples(from, head, to).await,
            Err(error) => {
                if let Err(left) = self.client.abort_upload(upload).await {
                    log::warn!("The unfinished copy {id} could not be dropped: {left}");
                }
                Err(error)
            }
        }
    }

    /// The part size that the source was uploaded with, as far as it tells: stored by the uploader, told by the server,
    /// or one of the sizes that clients use.
    async fn source_part_size(&self, from: &S3Uri, head: &Head) -> Result<Option<u64>> {
        let Stored::Composite(parts) = Stored::of_etag(&head.etag) else { return Ok(None) };
        let fits =
            |size: &u64| (MIN_PART_SIZE..=MAX_PART_SIZE).contains(size) && head.size.div_ceil(*size) == parts;
        if let Some(size) = compare::stored_part_size(head).filter(fits) {
            return Ok(Some(size));
        }
        let told = self.source.size_of_part(&from.bucket, &from.key, &head.etag, 1, parts).await?;
        let configured = (self.settings.multipart_chunk_size_mb.max(1) as u64) << 20;
        Ok(told.into_iter().chain(part_sizes::usual(head.size, parts, configured)).find(fits))
    }

    /// The headers of an upload that becomes a copy: the metadata, and the tags, which are not among the headers of an
    /// answer.
    async fn upload_headers(&self, from: &S3Uri, head: &Head) -> Result<Vec<(String, String)>> {
        let mut headers = self.stored_headers(head);
        let is_tagged = head.header("x-amz-tagging-count").is_some_and(|count| count != "0");
        if is_tagged && !headers.iter().any(|(name, _)| name == "x-amz-tagging") {
            let tags = self.source.tags(&from.bucket, Some(&from.key)).await?;
            headers.push(("x-amz-tagging".to_owned(), crate::s3::sign::encode::query_string(&tags, false)));
        }
        Ok(headers)
    }

    async fn copy_parts(
        &self,
        from: &S3Uri,
        head: &Head,
        upload: UploadRef<'_>,
        part_size: u64,
    ) -> Result<Vec<FinishedPart>> {
        ranges(head.size, part_size)
            .map(|(number, first, last)| async move {
                // It is never closed.
                let _permit = self.parts.acquire().await;
                let range = (first, last);
                self.client.upload_part_copy(upload, number, self.from(from), range, Some(&head.etag)).await
            })
            .buffered(self.width)
            .try_collect()
            .await
    }

    /// Downloads and uploads the parts of an object whose name the server would misread, and checks what came.
    async fn relay_parts(
        &self,
        from: &S3Uri,
        head: &Head,
        upload: UploadRef<'_>,
    ) -> Result<Vec<FinishedPart>> {
        // At most ten thousand parts, and none smaller than what keeps the memory bounded.
        let part_size = RELAYED_PART.max(head.size.div_ceil(MAX_PARTS));
        let at_once = RELAYED_AT_ONCE.min(self.width);
        let wanted = Stored::md5_of(head);
        let mut whole = Md5::new();
        let parts = ranges(head.size, part_size)
            .map(|(number, first, last)| async move {
                let _permit = self.parts.acquire().await;
                Ok((number, proof::range(&self.source, from, &head.etag, (first, last)).await?))
            })
            .buffered(at_once)
            .map_ok(|(number, content)| {
                if wanted.is_some() {
                    whole.update(&content);
                }
                async move {
                    let payload = Payload::Bytes(content);
                    let digests = payload.digests(true, true).await?;
                    let (md5, sha256) = (digests.md5, digests.sha256);
                    let data = Outgoing { payload, md5, sha256, ..Outgoing::default() };
                    self.client.upload_part(upload, number, data).await
                }
            })
            .try_buffered(at_once)
            .try_collect()
            .await?;
        match wanted {
            Some(md5) if md5 != <[u8; 16]>::from(whole.finalize()) => {
                Err(Error::Integrity(format!("'{from}' arrived with another MD5 than {}", hex::encode(md5))))
            }
            _ => Ok(parts),
        }
    }
}

/// Part numbers with the first and last byte of each.
fn ranges(size: u64, part_size: u64) -> impl futures::Stream<Item = (u32, u64, u64)> {
    let parts = (0..size.div_ceil(part_size)).map(move |index| {
        let first = index * part_size;
        (index as u32 + 1, first, (first + part_size).min(size) - 1)
    });
    futures::stream::iter(parts)
}
