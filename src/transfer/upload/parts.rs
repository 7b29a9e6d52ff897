//! One large object in parts, side by side: begun, or taken up where an earlier run stopped, completed and verified.

use super::state::{Identity, State};
use super::{Kept, UploadError, Uploader, head};
use crate::s3::body::{Digests, FileRange, Payload, Wanted};
use crate::s3::checksum::{Checksum, OfUpload};
use crate::s3::list::Part;
use crate::s3::multipart::{FinishedPart, MAX_PART_SIZE, MAX_PARTS, UploadRef, composite_etag};
use crate::s3::object::Outgoing;
use crate::s3::request::Progress;
use crate::s3::{Error, Result};
use crate::transfer::attrs::{self, Attributes};
use crate::transfer::content_type;
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A file and the parts in which it goes up.
#[derive(Clone, Debug)]
struct Cut {
    whole: FileRange,
    part_size: u64,
}

impl Cut {
    fn count(&self) -> u64 {
        self.whole.length.div_ceil(self.part_size)
    }

    /// The bytes of a part; parts count from 0 here.
    fn range(&self, index: u64) -> FileRange {
        let offset = index * self.part_size;
        let length = self.part_size.min(self.whole.length - offset);
        FileRange { file: self.whole.file.clone(), offset, length }
    }
}

/// An upload that was begun, and what the server has of it.
#[derive(Debug)]
struct Begun {
    id: String,
    /// The checksums that its parts have.
    sums: Option<OfUpload>,
    /// Parts that are known to be of this source, with those checksums: they are not sent again.
    verified: Vec<(Part, Option<Checksum>)>,
    /// Parts that have to be compared with the source.
    stored: Vec<Part>,
}

impl Uploader {
    pub(super) async fn in_parts(
        &self,
        path: &Path,
        file: Arc<File>,
        mut attributes: Attributes,
        destination: &S3Uri,
        progress: &Progress,
    ) -> std::result::Result<(), UploadError> {
        let metadata = file.metadata()?;
        let whole = FileRange { file, offset: 0, length: metadata.len() };
        let cut = Cut { part_size: self.part_size_for(whole.length)?, whole };
        let mut headers = self.headers(&content_type::of_file(path, &head(&cut.whole)?, &self.settings));
        let stores_md5 = self.settings.store_md5 && self.settings.multipart_md5;
        if self.settings.store_md5 && !stores_md5 {
            headers.push((attrs::PART_SIZE_HEADER.to_owned(), cut.part_size.to_string()));
        }
        let sums = self.checksum.map(OfUpload::new);
        headers.extend(sums.into_iter().flat_map(OfUpload::headers));

        let mut state = self.state(path, &metadata, destination, cut.part_size, &headers);
        let begun = match self.named_upload(destination).await? {
            Some(named) => Some(named),
            None => self.earlier_upload(destination, &mut state).await?,
        };
        let mut digests = Vec::new();
        let begun = match begun {
            Some(begun) => begun,
            None => {
                if stores_md5 {
                    // The MD5 of the whole goes out before the first part and cannot be split; the parts' own checksums
                    // are made beside it on another core.
                    let (md5, parts) =
                        futures::try_join!(self.md5_of_whole(path, &cut), self.part_digests(&cut))?;
                    if let Some(md5) = md5 {
                        attributes.set_md5(md5);
                    }
                    digests = parts;
                }
                headers.extend(attributes.headers());
                let id = self.client.create_upload(&destination.bucket, &destination.key, &headers).await?;
                if let Some((state, _)) = &mut state {
                    note(state.note_id(&id));
                }
                Begun { id, sums, verified: Vec::new(), stored: Vec::new() }
            }
        };

        let upload = UploadRef { bucket: &destination.bucket, key: &destination.key, id: &begun.id };
        let (cut, begun, digests, journal) = (&cut, &begun, &digests, &state);
        let finished = futures::stream::iter(0..cut.count())
            .map(|index| async move {
                let number = index as u32 + 1;
                let payload = Payload::File(cut.range(index));
                if let Some((part, checksum)) = begun.verified.iter().find(|(part, _)| part.number == number)
                {
                    progress.fetch_add(part.size, Ordering::Relaxed);
                    let etag = part.etag.trim_matches('"').to_owned();
                    return Ok(FinishedPart { number, etag, checksum: *checksum });
                }
                let _leave = self.client.bulk_leave().await;
                let size = payload.len();
                let part = async {
                    match begun.stored.iter().find(|part| part.number == number) {
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
                if let (Some((state, _)), Ok(part)) = (journal, &part) {
                    note(state.note_part(number, &part.etag, size, part.checksum));
                }
                part.map_err(|error| (Some(number), error))
            })
            .buffered(self.width)
            .try_collect::<Vec<_>>()
            .await;
        let finished = self.keep_on_failure(upload, finished).await?;
        let whole = whole_checksum(begun.sums, &finished, cut.whole.length, cut.part_size);
        let completed = self.complete(upload, &finished, cut.whole.length, whole).await;
        self.keep_on_failure(upload, completed.map_err(|error| (None, error))).await?;
        if let Some((state, _)) = state {
            state.finish();
        }
        Ok(())
    }

    /// The state in which this upload is remembered; none where there is no place for it, or another process has it.
    fn state(
        &self,
        path: &Path,
        metadata: &Metadata,
        destination: &S3Uri,
        part_size: u64,
        headers: &[(String, String)],
    ) -> Option<(State, Identity)> {
        let directory = self.settings.state_dir.as_ref().filter(|_| !self.settings.put_continue)?;
        let endpoint = &self.client.options().endpoint.host;
        let identity = Identity::new(endpoint, destination, path, metadata, part_size, headers);
        match State::open(directory, &identity) {
            Ok(state) => Some((state?, identity)),
            Err(error) => {
                log::info!("{}: {error}: an interrupted upload will begin anew", directory.display());
                None
            }
        }
    }

    /// The upload that an earlier run of the same command began, with the parts that are known to be of this source.
    async fn earlier_upload(
        &self,
        destination: &S3Uri,
        state: &mut Option<(State, Identity)>,
    ) -> Result<Option<Begun>> {
        let Some((state, identity)) = state else { return Ok(None) };
        // The same command: it was begun with the same checksums.
        let sums = self.checksum.map(OfUpload::new);
        let (bucket, key) = (&destination.bucket, &destination.key);
        if let Some(id) = state.outdated.take() {
            // Best effort: it is of no use to anybody.
            let _ = self.client.abort_upload(UploadRef { bucket, key, id: &id }).await;
        }
        if let Some(id) = state.id.clone() {
            match self.client.list_parts(bucket, key, &id).await {
                Ok(stored) => {
                    let mut verified = state.known(stored);
                    // Without its checksum a part is of no use to the whole.
                    verified.retain(|(_, checksum)| sums.is_none() || checksum.is_some());
                    let bytes: u64 = verified.iter().map(|(part, _)| part.size).sum();
                    log::info!("'{destination}': {bytes} bytes are there from an earlier run");
                    return Ok(Some(Begun { id, sums, verified, stored: Vec::new() }));
                }
                Err(error) if error.is_not_found() => note(state.begin(identity)),
                Err(error) => return Err(error),
            }
        } else if let Some(begun) = state.begun {
            // The earlier run was killed between beginning an upload and noting its id.
            let since = chrono::DateTime::<chrono::Utc>::from(begun) - chrono::Duration::minutes(1);
            for upload in self.client.list_uploads(bucket, key).await? {
                let time = chrono::DateTime::parse_from_rfc3339(&upload.initiated);
                if upload.key == *key
                    && time.is_ok_and(|time| time >= since)
                    && self.client.list_parts(bucket, key, &upload.id).await?.is_empty()
                {
                    note(state.note_id(&upload.id));
                    let (id, verified, stored) = (upload.id, Vec::new(), Vec::new());
                    return Ok(Some(Begun { id, sums, verified, stored }));
                }
            }
        }
        Ok(None)
    }

    /// The checksums that the requests of the parts will need, in order.
    /// The MD5 of the whole file: remembered, or read and then remembered.
    async fn md5_of_whole(&self, path: &Path, cut: &Cut) -> Result<Option<[u8; 16]>> {
        let before = cut.whole.file.metadata()?;
        if let Some(md5) = self.cache.as_ref().and_then(|cache| cache.md5(path, &before)) {
            return Ok(Some(md5));
        }
        let md5 = Payload::File(cut.whole.clone()).digests(true, false).await?.md5;
        if let (Some(cache), Some(md5)) = (&self.cache, md5) {
            cache.remember_unchanged(path, &before, md5);
        }
        Ok(md5)
    }

    async fn part_digests(&self, cut: &Cut) -> Result<Vec<Digests>> {
        let wanted = self.wanted(false, self.checksum);
        let mut digests = Vec::new();
        for index in 0..cut.count() {
            digests.push(Payload::File(cut.range(index)).hashed(wanted).await?);
        }
        Ok(digests)
    }

    fn wanted_of_part(&self, sums: Option<OfUpload>) -> Wanted {
        self.wanted(false, sums.map(|sums| sums.algorithm))
    }

    /// Completes an upload and makes sure of the result: the ETag that the parts must give, else the length. (Ceph 16.2
    /// names no ETag in its answer.)
    pub(super) async fn complete(
        &self,
        upload: UploadRef<'_>,
        parts: &[FinishedPart],
        size: u64,
        whole: Option<Checksum>,
    ) -> Result<()> {
        let etag = match self.client.complete_upload_with(upload, parts, whole).await {
            // Ceph 16.2 answers with a broken document where the key has 1,024 bytes: what is stored decides.
            Err(Error::Malformed(_)) => String::new(),
            answer => answer?,
        };
        let expected = composite_etag(parts.iter().map(|part| part.etag.as_str()));
        if expected.as_ref() == Some(&etag) {
            return Ok(());
        }
        let stored = self.client.head_object(upload.bucket, upload.key).await?;
        let encrypted = stored.has_opaque_etag();
        if stored.size == size && (encrypted || expected.is_none_or(|expected| expected == stored.etag)) {
            return Ok(());
        }
        Err(Error::Integrity(format!(
            "{} bytes were stored of {size}, or others than were sent",
            stored.size
        )))
    }

    pub(super) async fn part(
        &self,
        upload: UploadRef<'_>,
        number: u32,
        payload: Payload,
        digests: Digests,
        progress: &Progress,
    ) -> Result<FinishedPart> {
        let Digests { md5, sha256, checksum } = digests;
        let data = Outgoing { payload, md5, sha256, checksum, progress: Some(progress.clone()) };
        self.client.upload_part(upload, number, data).await
    }

    /// A part that an earlier run has stored: sent again only if it differs.
    async fn part_again(
        &self,
        upload: UploadRef<'_>,
        begun: &Begun,
        stored: &Part,
        payload: Payload,
        progress: &Progress,
    ) -> Result<FinishedPart> {
        let number = stored.number;
        let etag = stored.etag.trim_matches('"').to_owned();
        let wanted = Wanted { md5: true, sha256: false, ..self.wanted_of_part(begun.sums) };
        let digests = payload.hashed(wanted).await?;
        if stored.size == payload.len() && digests.md5.map(hex::encode).as_ref() == Some(&etag) {
            let uri = S3Uri::new(upload.bucket, upload.key);
            log::warn!("MultiPart: size and md5sum match for {uri} part {number}, skipping.");
            progress.fetch_add(stored.size, Ordering::Relaxed);
            return Ok(FinishedPart { number, etag, checksum: digests.checksum });
        }
        let uri = S3Uri::new(upload.bucket, upload.key);
        log::warn!("MultiPart: size or md5sum does not match for {uri} part {number}, reuploading.");
        let digests = payload.hashed(self.wanted_of_part(begun.sums)).await?;
        self.part(upload, number, payload, digests, progress).await
    }

    /// The unfinished upload that `--upload-id` names, or for `--continue-put` the newest of that key.
    async fn named_upload(&self, destination: &S3Uri) -> Result<Option<Begun>> {
        let settings = &self.settings;
        if !settings.put_continue {
            return Ok(None);
        }
        let id = if settings.upload_id.is_empty() {
            let uploads = self.client.list_uploads(&destination.bucket, &destination.key).await?;
            let same_key = uploads.into_iter().filter(|upload| upload.key == destination.key);
            match same_key.max_by(|a, b| a.initiated.cmp(&b.initiated)) {
                Some(upload) => upload.id,
                None => return Ok(None),
            }
        } else {
            settings.upload_id.clone()
        };
        let found = self.client.upload_state(&destination.bucket, &destination.key, &id).await?;
        // Its parts have the checksums that it was begun with, whatever is asked for now.
        if let Some(asked) =
            self.checksum.filter(|asked| found.sums.is_none_or(|sums| sums.algorithm != *asked))
        {
            log::info!("'{destination}': the unfinished upload was not begun with {asked} checksums");
        }
        Ok(Some(Begun { id, sums: found.sums, verified: Vec::new(), stored: found.parts }))
    }

    /// Keeps a failed upload and names the part that failed, or drops it where that was asked for.
    pub(super) async fn keep_on_failure<T>(
        &self,
        upload: UploadRef<'_>,
        result: std::result::Result<T, (Option<u32>, Error)>,
    ) -> std::result::Result<T, UploadError> {
        let (part, error) = match result {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        if self.settings.abort_on_error {
            if let Err(left) = self.client.abort_upload(upload).await {
                log::warn!("The unfinished upload {} could not be dropped: {left}", upload.id);
            }
            return Err(error.into());
        }
        Err(UploadError { error, kept: Some(Kept { id: upload.id.to_owned(), part }) })
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

/// The checksum of the whole content by those of its parts of `part_size` bytes, where the object gets that.
pub(super) fn whole_checksum(
    sums: Option<OfUpload>,
    parts: &[FinishedPart],
    size: u64,
    part_size: u64,
) -> Option<Checksum> {
    sums.filter(|sums| sums.whole)?;
    let lengths = (0..).map(|index| part_size.min(size - index * part_size));
    let parts: Option<Vec<_>> =
        parts.iter().zip(lengths).map(|(part, length)| Some((part.checksum?, length))).collect();
    Checksum::of_whole(parts?)
}

/// A state that cannot be written costs a later run some work, and nothing else.
fn note(result: io::Result<()>) {
    if let Err(error) = result {
        log::info!("the state of an upload could not be noted: {error}");
    }
}
