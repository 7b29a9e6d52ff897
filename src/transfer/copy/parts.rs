//! Copies large objects in concurrent parts.
//!
//! An object that was uploaded in parts is copied in parts of the same size, if that can be determined: then the copy
//! has the ETag of the source. This proves the copy, and is known before the copy is completed.

use super::{Copier, proof};
use crate::output::error_text;
use crate::transfer::compare::{self, Stored};
use crate::transfer::part_sizes;
use crate::transfer::proof::{Evidence, PartSizes, Proof};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use s3cmd_client::ops::multipart::{
    FinishedPart, MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE, UploadRef, composite_etag,
};
use s3cmd_client::ops::object::Head;
use s3cmd_client::ops::range::ObjectVersion;
use s3cmd_client::{Error, Result};

/// Part size in bytes of a relayed copy. Parts are held in memory.
pub(super) const RELAYED_PART: u64 = 8 << 20;

/// The number of relayed parts of one object that are held in memory in each direction.
pub(super) const RELAYED_AT_ONCE: usize = 4;

/// The part size of a relayed copy in bytes: large enough for the maximum number of parts, but otherwise small, to
/// limit the memory.
pub(super) fn relayed_part_size(size: u64) -> u64 {
    RELAYED_PART.max(size.div_ceil(MAX_PARTS))
}

/// Whether a server may decode the name of the source twice in part copies.
pub(super) fn is_misread(key: &str) -> bool {
    key.contains('%')
}

impl Copier {
    /// Copies a large object in parts.
    pub(super) async fn in_parts(&self, from: &S3Uri, head: &Head, to: &S3Uri) -> Result<Proof> {
        let (part_size, headers) =
            futures::try_join!(self.source_part_size(from, head), self.upload_headers(from, head))?;
        let part_size = part_size.unwrap_or_else(|| {
            let fewest = head.size.div_ceil(MAX_PARTS);
            self.options.part_size.max(fewest).clamp(MIN_PART_SIZE, MAX_PART_SIZE)
        });
        let id = self.client.create_upload(&to.bucket, &to.key, &headers).await?;
        let upload = UploadRef { bucket: &to.bucket, key: &to.key, id: &id };
        let copied = async {
            let (parts, part_size) = if is_misread(&from.key) {
                (self.relay_parts(from, head, upload).await?, relayed_part_size(head.size))
            } else {
                (self.copy_parts(from, head, upload, part_size).await?, part_size)
            };
            let etag = composite_etag(parts.iter().map(|part| part.etag.as_str()));
            let is_proved = etag.as_ref() == Some(&head.etag);
            if !is_proved {
                // Ceph ignores the condition on the source's ETag in part copies, so check the ETag again at the end.
                let now = self.source.head_object(&from.bucket, &from.key).await?;
                if now.etag != head.etag || now.size != head.size {
                    return Err(Error::Integrity("the source changed while it was copied".into()));
                }
                // A copy that replaces its source must be proved before it is completed.
                if from == to {
                    self.prove_parts(from, head, &parts, part_size).await?;
                    self.client.complete_upload(upload, &parts).await?;
                    return Ok(Some(Evidence::PartEtags(PartSizes::Reported)));
                }
            }
            let done = self.client.complete_upload(upload, &parts).await?;
            Ok(Some(Evidence::SameEtag).filter(|_| is_proved && etag.as_ref() == Some(&done)))
        }
        .await;
        match copied {
            Ok(Some(evidence)) => Ok(Proof::Proved(evidence)),
            Ok(None) => self.compare_samples(from, head, to).await,
            Err(error) => {
                self.abort_upload(upload).await;
                Err(error)
            }
        }
    }

    /// The part size with which the source was uploaded, if it can be determined: stored by the uploader, reported by
    /// the server, or one of the sizes that clients use.
    async fn source_part_size(&self, from: &S3Uri, head: &Head) -> Result<Option<u64>> {
        let Stored::Composite(parts) = Stored::of_etag(&head.etag) else { return Ok(None) };
        let fits =
            |size: &u64| (MIN_PART_SIZE..=MAX_PART_SIZE).contains(size) && head.size.div_ceil(*size) == parts;
        if let Some(size) = compare::stored_part_size(head).filter(fits) {
            return Ok(Some(size));
        }
        let reported = self.source.size_of_part(&from.bucket, &from.key, &head.etag, 1, parts).await?;
        let configured = self.options.upload_part_size;
        Ok(reported.into_iter().chain(part_sizes::common(head.size, parts, configured)).find(fits))
    }

    /// The headers of a multipart upload that becomes a copy: the metadata, and the tags, which are not in the response
    /// headers of the source.
    pub(super) async fn upload_headers(&self, from: &S3Uri, head: &Head) -> Result<Vec<(String, String)>> {
        let mut headers = self.stored_headers(head);
        let is_tagged = head.header("x-amz-tagging-count").is_some_and(|count| count != "0");
        if is_tagged && !headers.iter().any(|(name, _)| name == "x-amz-tagging") {
            let tags = self.source.tags(&from.bucket, Some(&from.key)).await?;
            headers
                .push(("x-amz-tagging".to_owned(), s3cmd_client::sign::encode::query_string(&tags, false)));
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
        range_of_parts(head.size, part_size)
            .map(|(number, first, last)| async move {
                // The semaphore is never closed.
                let _permit = self.parts.acquire().await;
                let range = (first, last);
                self.client.upload_part_copy(upload, number, self.from(from), range, Some(&head.etag)).await
            })
            .buffered(self.width)
            .try_collect()
            .await
    }

    /// Compares the parts of a copy, before it is completed, with the source, which is read and hashed. For copies that
    /// replace their source and so cannot be compared afterwards.
    async fn prove_parts(
        &self,
        from: &S3Uri,
        head: &Head,
        parts: &[FinishedPart],
        part_size: u64,
    ) -> Result<()> {
        log::info!("'{from}' is read to verify the parts that will replace it");
        range_of_parts(head.size, part_size)
            .map(|(number, first, last)| async move {
                let _permit = self.parts.acquire().await;
                let version = ObjectVersion::of_head(&from.bucket, &from.key, head);
                let mut md5 = Md5::new();
                for start in (first..=last).step_by(RELAYED_PART as usize) {
                    let range = (start, (start + RELAYED_PART - 1).min(last));
                    md5.update(&proof::range_of(&self.source, version, range).await?);
                }
                let md5 = hex::encode(md5.finalize());
                match parts.get(number as usize - 1) {
                    Some(part) if part.etag.eq_ignore_ascii_case(&md5) => Ok(()),
                    _ => Err(Error::Integrity(format!("part {number} of the copy differs from the source"))),
                }
            })
            .buffered(self.width)
            .try_collect()
            .await
    }

    /// Aborts an upload.
    pub(super) async fn abort_upload(&self, upload: UploadRef<'_>) {
        if let Err(left) = self.client.abort_upload(upload).await {
            log::warn!("The unfinished copy {} could not be aborted: {}", upload.id, error_text(&left));
        }
    }
}

/// Part numbers with the offsets of their first and last bytes.
pub(super) fn range_of_parts(size: u64, part_size: u64) -> impl futures::Stream<Item = (u32, u64, u64)> {
    let parts = (0..size.div_ceil(part_size)).map(move |index| {
        let first = index * part_size;
        (index as u32 + 1, first, (first + part_size).min(size) - 1)
    });
    futures::stream::iter(parts)
}
