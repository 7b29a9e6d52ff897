//! One large object in parts, side by side: begun, or taken up where an earlier run stopped, completed and verified.

use super::resume::{Begun, Earlier};
use super::source::{Source, changed};
use super::{UploadError, Uploader, begun, head};
use crate::interrupt;
use crate::s3::body::{DigestKinds, Digests, FileRange, Payload};
use crate::s3::checksum::{Checksum, UploadChecksum};
use crate::s3::multipart::{FinishedPart, MAX_PART_SIZE, MAX_PARTS, UploadRef, composite_etag, is_md5};
use crate::s3::object::Outgoing;
use crate::s3::request::Progress;
use crate::s3::{Error, Result, Signature};
use crate::transfer::attrs::{self, Attributes};
use crate::transfer::content_type;
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::path::Path;
use std::sync::atomic::Ordering;

/// A file and the parts in which it goes up.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    whole: FileRange,
    part_size: u64,
}

impl Cut {
    /// Number of parts.
    pub(super) fn count(&self) -> u64 {
        self.whole.length.div_ceil(self.part_size)
    }

    /// Bytes of all parts.
    pub(super) fn size(&self) -> u64 {
        self.whole.length
    }

    /// The bytes of a part; parts count from 0 here.
    fn range(&self, index: u64) -> FileRange {
        let offset = index * self.part_size;
        let length = self.part_size.min(self.whole.length - offset);
        FileRange { file: self.whole.file.clone(), offset, length }
    }
}

/// A part that the server has.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) finished: FinishedPart,
    /// The MD5 of what was sent, here or by an earlier run that compared it with the part's ETag.
    pub(super) md5: Option<[u8; 16]>,
}

/// Part digests that are computed at once, each on a thread of its own.
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
        let cut = Cut { part_size: self.part_size_for(whole.length)?, whole };
        let mut headers = self.headers(&content_type::of_file(path, &head(&cut.whole)?, &self.settings));
        let stores_md5 = self.settings.store_md5 && self.settings.multipart_md5;
        if self.settings.store_md5 && !stores_md5 {
            headers.push((attrs::PART_SIZE_HEADER.to_owned(), cut.part_size.to_string()));
        }
        let sums = self.checksum.map(UploadChecksum::new);
        headers.extend(sums.into_iter().flat_map(UploadChecksum::headers));

        let mut resume_state = self.resume_state(path, &source.before, destination, cut.part_size, &headers);
        let begun = match self.earlier(destination, &cut, &mut resume_state).await? {
            Earlier::Nothing => None,
            Earlier::Begun(begun) => Some(begun),
            Earlier::Complete => {
                progress.fetch_add(cut.size(), Ordering::Relaxed);
                if let Some(resume_state) = resume_state {
                    resume_state.finish();
                }
                return Ok(());
            }
        };
        let mut digests = Vec::new();
        let begun = match begun {
            Some(begun) => begun,
            None => {
                if stores_md5 {
                    // The MD5 of the whole goes out before the first part and cannot be split; the parts' own checksums
                    // are made beside it on another core.
                    let (md5, parts) =
                        futures::try_join!(self.md5_of_whole(path, source), self.part_digests(&cut))?;
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
                    resume_state.note_id(&id);
                }
                Begun { id, sums, ..Begun::default() }
            }
        };

        let upload = UploadRef { bucket: &destination.bucket, key: &destination.key, id: &begun.id };
        self.note_begun(upload);
        // What an interrupted run tells: the resume_state, from which the next one goes on, is there from here.
        let resumable = resume_state.is_some() && !self.settings.abort_on_error;
        let kept =
            resumable.then(|| interrupt::ResumableWork::new(format!("'{}'", path.display()), cut.size()));
        let ended = async {
            let (cut, begun, digests, resume_state, kept) = (&cut, &begun, &digests, &resume_state, &kept);
            let finished = futures::stream::iter(0..cut.count())
                .map(|index| async move {
                    let number = index as u32 + 1;
                    let payload = Payload::File(cut.range(index));
                    if let Some((part, checksum)) = begun.verified.get(&number) {
                        progress.fetch_add(part.size, Ordering::Relaxed);
                        if let Some(kept) = kept {
                            kept.add(part.size);
                        }
                        let etag = part.etag.trim_matches('"').to_owned();
                        let md5 = hex::decode(&etag).ok().and_then(|md5| md5.try_into().ok());
                        return Ok(Sent {
                            finished: FinishedPart { number, etag, checksum: *checksum },
                            md5,
                        });
                    }
                    let _permit = self.client.bulk_permit().await;
                    let size = payload.len();
                    let part = async {
                        match begun.stored.get(&number) {
                            Some(part) => self.part_again(upload, begun, part, payload, progress).await,
                            None => {
                                let digests = match digests.get(index as usize) {
                                    Some(digests) => digests.clone(),
                                    None => payload.hashed(self.wanted_of_part(begun.sums)).await?,
                                };
                                self.part(upload, number, payload, digests, progress).await
                            }
                        }
                    };
                    let part = part.await;
                    if let (Some(resume_state), Ok(part)) = (resume_state, &part) {
                        resume_state.note_part(&part.finished, size);
                    }
                    if let (Some(kept), Ok(_)) = (kept, &part) {
                        kept.add(size);
                    }
                    part.map_err(|error| (Some(number), error))
                })
                .buffered(self.width)
                .try_collect::<Vec<_>>()
                .await?;
            let ranges = (0..cut.count()).map(|index| cut.range(index));
            let sent =
                ranges.clone().zip(&finished).map(|(range, part)| (range.offset, range.length, part.md5));
            source.check(sent).await.map_err(|error| (None, error))?;
            let whole = whole_checksum(begun.sums, &finished, ranges.map(|range| range.length));
            self.complete(upload, &finished, cut.size(), whole).await.map_err(|error| (None, error))
        };
        let ended = ended.await.map_err(|(part, error)| match error {
            // Not damaged on its way, but written to meanwhile.
            error if is_mismatch(&error) && source.was_touched() => (part, changed()),
            error => (part, error),
        });
        let ended = self.keep_on_failure(upload, ended).await;
        let kept = ended.as_ref().is_err_and(|failed| failed.kept.is_some());
        if let Some(resume_state) = resume_state.filter(|_| !kept) {
            resume_state.finish();
        }
        ended?;
        begun::forget(&begun.id);
        if begun.named {
            self.check_stored_md5(destination, Payload::File(cut.whole)).await?;
        }
        Ok(())
    }

    /// The MD5 of the whole file: remembered, or read and then remembered.
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

    /// The checksums that the requests of the parts will need, in order.
    async fn part_digests(&self, cut: &Cut) -> Result<Vec<Digests>> {
        let wanted = self.wanted(self.checksum);
        futures::stream::iter(0..cut.count())
            .map(|index| {
                let part = Payload::File(cut.range(index));
                async move { part.hashed(wanted).await }
            })
            .buffered(HASHED)
            .try_collect()
            .await
    }

    pub(super) fn wanted_of_part(&self, sums: Option<UploadChecksum>) -> DigestKinds {
        self.wanted(sums.map(|sums| sums.algorithm))
    }

    /// Completes an upload and makes sure of the result: the ETag that the MD5s of what was sent must give, else the length.
    /// (Ceph 16.2 names no ETag in its answer.)
    pub(super) async fn complete(
        &self,
        upload: UploadRef<'_>,
        sent: &[Sent],
        size: u64,
        whole: Option<Checksum>,
    ) -> Result<()> {
        let parts: Vec<FinishedPart> = sent.iter().map(|part| part.finished.clone()).collect();
        let etag = match self.client.complete_upload_with(upload, &parts, whole).await {
            // Ceph 16.2 answers with a broken document where the key has 1,024 bytes: what is stored decides.
            Err(Error::Malformed(_)) => String::new(),
            answer => answer?,
        };
        // ETags of parts that are no MD5s say nothing about that of the whole.
        let has_md5s = sent.iter().all(|part| is_md5(&part.finished.etag));
        let md5 = |part: &Sent| part.md5.map_or_else(|| part.finished.etag.clone(), hex::encode);
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
                log::info!("'{uri}': its ETag says nothing about the content: only the length was compared");
            }
            return Ok(());
        }
        Err(Error::Integrity(format!(
            "{} bytes were stored of {size}, or others than were sent",
            stored.size
        )))
    }

    /// Sends a part, and sends it again where the server got other bytes than were sent.
    pub(super) async fn part(
        &self,
        upload: UploadRef<'_>,
        number: u32,
        payload: Payload,
        digests: Digests,
        progress: &Progress,
    ) -> Result<Sent> {
        let data = self.outgoing(payload, digests, progress);
        let (size, md5) = (data.payload.len(), data.etag_md5);
        let mut again = self.resendings();
        loop {
            match self.client.upload_part(upload, number, data.clone()).await {
                Err(Error::Integrity(why)) if again > 0 => {
                    again -= 1;
                    progress.fetch_sub(size, Ordering::Relaxed);
                    let uri = S3Uri::new(upload.bucket, upload.key);
                    log::warn!("{uri}: {why}: sending it again");
                }
                answer => return answer.map(|finished| Sent { finished, md5 }),
            }
        }
    }

    /// What goes out, with its digests: the MD5 is sent where the signature does not cover the bytes, and compared with the
    /// answered ETag.
    pub(super) fn outgoing(&self, payload: Payload, digests: Digests, progress: &Progress) -> Outgoing {
        let Digests { md5, sha256, checksum } = digests;
        Outgoing {
            payload,
            md5: md5.filter(|_| self.client.signature() == Signature::V2),
            etag_md5: md5,
            sha256,
            checksum,
            progress: Some(progress.clone()),
        }
    }

    /// How often content that arrived damaged is sent again.
    pub(super) fn resendings(&self) -> u32 {
        u32::try_from(self.settings.max_retries).unwrap_or(0)
    }

    /// The part size for a file of this length: the configured one, or the next larger whole number of MiB with which the
    /// parts are not too many.
    fn part_size_for(&self, size: u64) -> Result<u64> {
        let most = (self.settings.multipart_max_chunks.max(1) as u64).min(MAX_PARTS);
        let needed = size.div_ceil(most).div_ceil(1 << 20) << 20;
        let part_size = self.part_size().max(needed);
        if part_size <= MAX_PART_SIZE {
            return Ok(part_size);
        }
        Err(Error::Invalid(format!("{size} bytes are too many for {most} parts")))
    }
}

/// The checksum of the whole content by those of its parts, which have these lengths, where the object gets that.
pub(super) fn whole_checksum(
    sums: Option<UploadChecksum>,
    parts: &[Sent],
    lengths: impl Iterator<Item = u64>,
) -> Option<Checksum> {
    sums.filter(|sums| sums.whole)?;
    let parts: Option<Vec<_>> =
        parts.iter().zip(lengths).map(|(part, length)| Some((part.finished.checksum?, length))).collect();
    Checksum::of_whole(parts?)
}

/// Whether the bytes that arrived were not those that were announced, as the answers or the server say.
pub(super) fn is_mismatch(error: &Error) -> bool {
    matches!(error, Error::Integrity(_))
        || matches!(error.code(), "XAmzContentSHA256Mismatch" | "BadDigest" | "InvalidDigest")
}
