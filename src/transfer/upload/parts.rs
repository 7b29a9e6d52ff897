//! Multipart upload of a large file, with concurrent parts: started or resumed, completed and verified.

use super::resume::{Earlier, StartedUpload};
use super::source::{Source, changed};
use super::{UploadError, Uploader, head, unfinished};
use crate::interrupt;
use crate::transfer::content_type;
use crate::transfer::file_attributes::{self, Attributes};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use s3cmd_client::checksum::{Checksum, UploadChecksum};
use s3cmd_client::http::body::{DigestKinds, Digests, FileRange, Payload};
use s3cmd_client::http::request::Progress;
use s3cmd_client::ops::multipart::{FinishedPart, MAX_PART_SIZE, UploadRef, composite_etag, is_md5};
use s3cmd_client::ops::object::Outgoing;
use s3cmd_client::{Error, Result, Signature};
use std::path::Path;
use std::sync::atomic::Ordering;

/// A file and the parts in which it is uploaded.
#[derive(Clone, Debug)]
pub(super) struct PartLayout {
    whole: FileRange,
    part_size: u64,
}

impl PartLayout {
    /// The number of parts.
    pub(super) fn count(&self) -> u64 {
        self.whole.length.div_ceil(self.part_size)
    }

    /// Total size of the parts in bytes.
    pub(super) fn size(&self) -> u64 {
        self.whole.length
    }

    /// The range of a part in the file. Parts are numbered from 0 here.
    fn range(&self, index: u64) -> FileRange {
        let offset = index * self.part_size;
        let length = self.part_size.min(self.whole.length - offset);
        FileRange { file: self.whole.file.clone(), offset, length }
    }
}

/// A part that is stored on the server.
#[derive(Clone, Debug)]
pub(super) struct SentPart {
    pub(super) finished: FinishedPart,
    /// The MD5 of the sent bytes. For a part of an earlier run, its ETag, if that is an MD5.
    pub(super) md5: Option<[u8; 16]>,
}

/// The number of part digests that are computed concurrently, each on its own thread.
const HASHED: usize = 2;

impl Uploader {
    pub(super) async fn in_parts(
        &self,
        path: &Path,
        source: &Source,
        mut attributes: Attributes,
        destination: &S3Uri,
        progress: &Progress,
    ) -> std::result::Result<(), UploadError> {
        let whole = source.whole();
        let layout = PartLayout { part_size: self.part_size_for(whole.length)?, whole };
        let mut headers =
            self.headers(&content_type::of_file(path, &head(&layout.whole)?, &self.options.content_type));
        let stores_md5 = self.options.store_md5 && self.options.multipart_md5;
        if self.options.store_md5 && !stores_md5 {
            headers.push((file_attributes::PART_SIZE_HEADER.to_owned(), layout.part_size.to_string()));
        }
        let sums = self.options.checksum.map(UploadChecksum::new);
        headers.extend(sums.into_iter().flat_map(UploadChecksum::headers));

        let mut resume_state =
            self.resume_state(path, &source.before, destination, layout.part_size, &headers);
        let started = match self.earlier(destination, &layout, &mut resume_state).await? {
            Earlier::None => None,
            Earlier::Unfinished(started) => Some(started),
            Earlier::Complete => {
                progress.fetch_add(layout.size(), Ordering::Relaxed);
                if let Some(resume_state) = resume_state {
                    resume_state.finish();
                }
                return Ok(());
            }
        };
        let mut digests = Vec::new();
        let started = match started {
            Some(started) => started,
            None => {
                if stores_md5 {
                    // The MD5 of the whole file must be known before the first part is sent, and its computation cannot
                    // be split. The checksums of the parts are computed at the same time on another core.
                    let (md5, parts) =
                        futures::try_join!(self.md5_of_whole(path, source), self.part_digests(&layout))?;
                    if let Some(md5) = md5 {
                        attributes.set_md5(md5);
                    }
                    digests = parts;
                }
                headers.extend(attributes.headers());
                if let Some(resume_state) = &mut resume_state {
                    resume_state.begin();
                }
                let id = self.client.create_upload(&destination.bucket, &destination.key, &headers).await?;
                if let Some(resume_state) = &mut resume_state {
                    resume_state.record_id(&id);
                }
                StartedUpload { id, sums, ..StartedUpload::default() }
            }
        };

        let upload = UploadRef { bucket: &destination.bucket, key: &destination.key, id: &started.id };
        self.register_unfinished(upload);
        // The message of an interrupted run: from here on, the next run can resume from the state.
        let resumable = resume_state.is_some() && !self.options.abort_on_failure;
        let kept =
            resumable.then(|| interrupt::ResumableWork::new(format!("'{}'", path.display()), layout.size()));
        let ended = async {
            let (layout, started, digests, resume_state, kept) =
                (&layout, &started, &digests, &resume_state, &kept);
            let finished = futures::stream::iter(0..layout.count())
                .map(|index| async move {
                    let number = index as u32 + 1;
                    let payload = Payload::File(layout.range(index));
                    if let Some((part, checksum)) = started.verified.get(&number) {
                        progress.fetch_add(part.size, Ordering::Relaxed);
                        if let Some(kept) = kept {
                            kept.add(part.size);
                        }
                        let etag = part.etag.trim_matches('"').to_owned();
                        let md5 = hex::decode(&etag).ok().and_then(|md5| md5.try_into().ok());
                        return Ok(SentPart {
                            finished: FinishedPart { number, etag, checksum: *checksum },
                            md5,
                        });
                    }
                    let _permit = self.client.bulk_permit().await;
                    let size = payload.len();
                    let part = async {
                        match started.stored.get(&number) {
                            Some(part) => self.part_again(upload, started, part, payload, progress).await,
                            None => {
                                let digests = match digests.get(index as usize) {
                                    Some(digests) => digests.clone(),
                                    None => {
                                        payload.hashed(self.required_digests_of_part(started.sums)).await?
                                    }
                                };
                                self.part(upload, number, payload, digests, progress).await
                            }
                        }
                    };
                    let part = part.await;
                    if let (Some(resume_state), Ok(part)) = (resume_state, &part) {
                        resume_state.record_part(&part.finished, size);
                    }
                    if let (Some(kept), Ok(_)) = (kept, &part) {
                        kept.add(size);
                    }
                    part.map_err(|error| (Some(number), error))
                })
                .buffered(self.width)
                .try_collect::<Vec<_>>()
                .await?;
            let ranges = (0..layout.count()).map(|index| layout.range(index));
            let sent =
                ranges.clone().zip(&finished).map(|(range, part)| (range.offset, range.length, part.md5));
            source.check(sent).await.map_err(|error| (None, error))?;
            let whole = whole_checksum(started.sums, &finished, ranges.map(|range| range.length));
            self.complete(upload, &finished, layout.size(), whole).await.map_err(|error| (None, error))
        };
        let ended = ended.await.map_err(|(part, error)| match error {
            // The bytes were not damaged in transit, but the file was changed during the upload.
            error if is_mismatch(&error) && source.was_touched() => (part, changed()),
            error => (part, error),
        });
        let ended = self.keep_on_failure(upload, ended).await;
        let kept = ended.as_ref().is_err_and(|failed| failed.kept.is_some());
        if let Some(resume_state) = resume_state.filter(|_| !kept) {
            resume_state.finish();
        }
        ended?;
        unfinished::unregister(&started.id);
        if started.by_user {
            self.check_stored_md5(destination, Payload::File(layout.whole)).await?;
        }
        Ok(())
    }

    /// The MD5 of the whole file, from the cache or computed and cached.
    async fn md5_of_whole(&self, path: &Path, source: &Source) -> Result<Option<[u8; 16]>> {
        let before = &source.before;
        if let Some(md5) = self.cache.as_ref().and_then(|cache| cache.md5(path, before)) {
            return Ok(Some(md5));
        }
        let md5 = Payload::File(source.whole()).digests(true, false).await?.md5;
        if let (Some(cache), Some(md5)) = (&self.cache, md5) {
            cache.remember_unchanged(path, before, md5);
        }
        Ok(md5)
    }

    /// The digests that the requests for the parts will need, in order.
    async fn part_digests(&self, layout: &PartLayout) -> Result<Vec<Digests>> {
        let required = self.required_digests(self.options.checksum);
        futures::stream::iter(0..layout.count())
            .map(|index| {
                let part = Payload::File(layout.range(index));
                async move { part.hashed(required).await }
            })
            .buffered(HASHED)
            .try_collect()
            .await
    }

    pub(super) fn required_digests_of_part(&self, sums: Option<UploadChecksum>) -> DigestKinds {
        self.required_digests(sums.map(|sums| sums.algorithm))
    }

    /// Completes an upload and verifies the result: by the ETag that the MD5s of the sent parts give, or else by
    /// length. (Ceph 16.2 returns no ETag on completion.)
    pub(super) async fn complete(
        &self,
        upload: UploadRef<'_>,
        sent: &[SentPart],
        size: u64,
        whole: Option<Checksum>,
    ) -> Result<()> {
        let parts: Vec<FinishedPart> = sent.iter().map(|part| part.finished.clone()).collect();
        let etag = match self.client.complete_upload_with(upload, &parts, whole).await {
            // Ceph 16.2 returns a malformed document if the key has 1,024 bytes. Check the stored object instead.
            Err(Error::Malformed(_)) => String::new(),
            answer => answer?,
        };
        // If the ETags of the parts are not MD5s, the ETag of the object cannot be predicted.
        let has_md5s = sent.iter().all(|part| is_md5(&part.finished.etag));
        let md5 = |part: &SentPart| part.md5.map_or_else(|| part.finished.etag.clone(), hex::encode);
        let md5s: Vec<String> = sent.iter().map(md5).collect();
        let expected = composite_etag(md5s.iter().map(String::as_str)).filter(|_| has_md5s);
        if expected.as_ref() == Some(&etag) {
            return Ok(());
        }
        let stored = self.client.head_object(upload.bucket, upload.key).await?;
        let is_opaque = stored.has_opaque_etag() || expected.is_none();
        if stored.size == size && (is_opaque || expected.as_ref() == Some(&stored.etag)) {
            if is_opaque {
                let uri = S3Uri::new(upload.bucket, upload.key);
                log::info!("'{uri}': its ETag is not derived from the content: only the length was compared");
            }
            return Ok(());
        }
        Err(Error::Integrity(format!(
            "{} bytes were stored of {size}, or bytes that differ from those sent",
            stored.size
        )))
    }

    /// Uploads a part, and retries if the server received other bytes than were sent.
    pub(super) async fn part(
        &self,
        upload: UploadRef<'_>,
        number: u32,
        payload: Payload,
        digests: Digests,
        progress: &Progress,
    ) -> Result<SentPart> {
        let data = self.outgoing(payload, digests, progress);
        let (size, md5) = (data.payload.len(), data.etag_md5);
        let mut retries_left = self.options.max_resends;
        loop {
            match self.client.upload_part(upload, number, data.clone()).await {
                Err(Error::Integrity(why)) if retries_left > 0 => {
                    retries_left -= 1;
                    progress.fetch_sub(size, Ordering::Relaxed);
                    let uri = S3Uri::new(upload.bucket, upload.key);
                    log::warn!("{uri}: {why}: sending it again");
                }
                answer => return answer.map(|finished| SentPart { finished, md5 }),
            }
        }
    }

    /// The outgoing request body with its digests. The MD5 is sent if the signature does not cover the bytes, and is
    /// always compared with the returned ETag.
    pub(super) fn outgoing(&self, payload: Payload, digests: Digests, progress: &Progress) -> Outgoing {
        let Digests { md5, sha256, checksum } = digests;
        Outgoing::new(payload)
            .with_md5(md5.filter(|_| self.client.signature() == Signature::V2))
            .with_etag_md5(md5)
            .with_sha256(sha256)
            .with_checksum(checksum)
            .with_progress(progress.clone())
    }

    /// The part size in bytes for a file of `size` bytes: the configured size, or the next larger whole number of MiB
    /// that keeps the number of parts within the limit.
    fn part_size_for(&self, size: u64) -> Result<u64> {
        let most = self.options.max_parts;
        let needed = size.div_ceil(most).div_ceil(1 << 20) << 20;
        let part_size = self.options.part_size.max(needed);
        if part_size <= MAX_PART_SIZE {
            return Ok(part_size);
        }
        Err(Error::Invalid(format!("{size} bytes are too many for {most} parts").into()))
    }
}

/// The checksum of the whole content, combined from those of its parts and their lengths in bytes, if the object has a
/// full-object checksum.
pub(super) fn whole_checksum(
    sums: Option<UploadChecksum>,
    parts: &[SentPart],
    lengths: impl Iterator<Item = u64>,
) -> Option<Checksum> {
    sums.filter(|sums| sums.whole)?;
    let parts: Option<Vec<_>> =
        parts.iter().zip(lengths).map(|(part, length)| Some((part.finished.checksum?, length))).collect();
    Checksum::of_whole(parts?)
}

/// Whether the server reported that it received other bytes than were sent, or the response shows it.
pub(super) fn is_mismatch(error: &Error) -> bool {
    matches!(error, Error::Integrity(_))
        || matches!(error.code(), "XAmzContentSHA256Mismatch" | "BadDigest" | "InvalidDigest")
}
