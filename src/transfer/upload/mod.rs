//! Uploads: one request for a small file, concurrent parts for a large one, bounded buffers for standard input.
//!
//! Every byte is covered by a checksum for the server to verify: the signed SHA-256 of the payload under SigV4,
//! `Content-MD5` under SigV2. Some servers do not verify it, so the MD5 of what was sent, of the whole or of each part,
//! is also compared with the ETag if that is an MD5. The MD5 of the whole content is stored in
//! `x-amz-meta-s3cmd-attrs`, where scripts read it with `info`. With `--checksum-algorithm`, a newer checksum is
//! computed in the same pass; the server verifies and stores it.

mod options;
mod parts;
mod resume;
mod source;
mod state;
mod stream;
mod unfinished;

pub(crate) use options::UploadOptions;
pub(crate) use unfinished::abort_unfinished;

use super::content_type::{self, Guess};
use super::file_attributes::{self, Attributes};
use super::gpg::GpgEncrypted;
use super::md5_cache::Md5Cache;
use crate::output::error_text;
use crate::uri::S3Uri;
use bytes::Bytes;
use parts::is_mismatch;
use s3cmd_client::checksum::{Algorithm, Checksum, Stored};
use s3cmd_client::http::body::{DigestKinds, FileRange, Payload};
use s3cmd_client::http::request::Progress;
use s3cmd_client::ops::multipart::is_md5;
use s3cmd_client::ops::object::{CopySource, Outgoing, verify_etag};
use s3cmd_client::{Client, Error, Result, Signature};
use source::{Source, changed, is_changed};
use state::State;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Files up to this size are read whole, hashed and sent from memory: one read, one write.
const SMALL: u64 = 256 * 1024;

/// How many times an upload is restarted because its file changed meanwhile.
const MAX_RESTARTS: u32 = 1;

/// Uploads files.
#[derive(Clone, Debug)]
pub(crate) struct Uploader {
    client: Client,
    options: Arc<UploadOptions>,
    /// The number of parts of one object that are sent concurrently.
    width: usize,
    /// Cached MD5 sums of local files.
    cache: Option<Arc<Md5Cache>>,
    /// Whether earlier runs left uploads to resume or abort.
    has_states: bool,
}

/// The error of a failed upload, and the unfinished upload that remains.
#[derive(Debug)]
pub(crate) struct UploadError {
    /// The failure.
    pub(crate) error: Error,
    /// The unfinished upload, which is kept so that it can be resumed.
    pub(crate) kept: Option<Kept>,
}

/// An unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Its id.
    pub id: String,
    /// The part that failed. `None` if the completion failed.
    pub(crate) part: Option<u32>,
}

impl From<Error> for UploadError {
    fn from(error: Error) -> Self {
        Self { error, kept: None }
    }
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        Error::from(error).into()
    }
}

impl Uploader {
    /// Creates an uploader that sends `width` parts of an object concurrently.
    pub(crate) fn new(client: Client, options: UploadOptions, width: usize) -> Self {
        let has_states = options.state_dir.as_ref().is_some_and(|directory| State::any(directory));
        Self { client, options: Arc::new(options), width: width.max(1), cache: None, has_states }
    }

    /// Adds a cache of MD5 sums to the uploader.
    pub(crate) fn with(self, cache: Option<Arc<Md5Cache>>) -> Self {
        Self { cache, ..self }
    }

    /// Uploads a file. Returns its size in bytes, or `None` if `--continue-put` found the object complete.
    pub(crate) async fn file(
        &self,
        path: &Path,
        destination: &S3Uri,
        progress: &Progress,
    ) -> std::result::Result<Option<u64>, UploadError> {
        let mut retries_left = MAX_RESTARTS;
        loop {
            let sent = progress.load(Ordering::Relaxed);
            let source = Source::open(path)?;
            let attributes = self.attributes(&source.before);
            match self.content(path, &source, attributes, destination, progress).await {
                Err(failed) if retries_left > 0 && is_changed(&failed.error) => {
                    retries_left -= 1;
                    progress.store(sent, Ordering::Relaxed);
                    log::warn!("'{}': {}: uploading it again", path.display(), error_text(&failed.error));
                }
                ended => return ended,
            }
        }
    }

    /// Uploads the encrypted content of the file `source`, or of standard input if that is `None`. The object gets the
    /// file's own attributes, including the MD5 of its plain content, and the header that marks it as encrypted
    /// (measured on s3cmd 2.4.0). Returns the size in bytes of what was sent, as [`Uploader::file`] does.
    pub(crate) async fn encrypted(
        &self,
        source: Option<&Path>,
        encrypted: &GpgEncrypted,
        destination: &S3Uri,
        progress: &Progress,
    ) -> std::result::Result<Option<u64>, UploadError> {
        let mut options = UploadOptions::clone(&self.options);
        options.headers.0.push((file_attributes::GPG_HEADER.to_owned(), "gpg".to_owned()));
        let content_type = &mut options.content_type;
        if content_type.guess == Guess::ExtensionOrContent {
            content_type.forced.get_or_insert_with(|| "application/octet-stream".to_owned());
        }
        // GPG output differs each time, so an earlier upload cannot be continued.
        options.state_dir = None;
        options.resume = false;
        let mut attributes = Attributes::default();
        if let Some(path) = source {
            attributes = self.attributes(&std::fs::metadata(path)?);
            if options.store_md5 {
                attributes.set_md5(encrypted.md5);
            }
        }
        // The MD5 of the encrypted content would be mistaken for that of the plain content.
        options.store_md5 = false;
        let uploader = Self { options: Arc::new(options), cache: None, ..self.clone() };
        let path = encrypted.path();
        uploader.content(&path, &Source::open(&path)?, attributes, destination, progress).await
    }

    /// The attributes of a file to store, except for its MD5.
    fn attributes(&self, metadata: &Metadata) -> Attributes {
        let preserved = self.options.preserve_attributes;
        let mut attributes = if preserved { Attributes::of_file(metadata) } else { Attributes::default() };
        if self.options.rclone_mtime {
            attributes.set_rclone_mtime(metadata);
        }
        attributes
    }

    async fn content(
        &self,
        path: &Path,
        source: &Source,
        attributes: Attributes,
        destination: &S3Uri,
        progress: &Progress,
    ) -> std::result::Result<Option<u64>, UploadError> {
        let (before, size) = (&source.before, source.size());
        if self.options.multipart && size > self.options.part_size {
            return self.in_parts(path, source, attributes, destination, progress).await.map(|()| Some(size));
        }
        if self.has_states {
            self.abort_outdated(path, before, destination).await;
        }
        let is_small = size <= SMALL;
        let payload =
            if is_small { Payload::Bytes(source.read()?.into()) } else { Payload::File(source.whole()) };
        let head = match &payload {
            Payload::Bytes(content) => content.slice(..content.len().min(content_type::SNIFFED)),
            Payload::File(range) => head(range)?,
        };
        let kind = content_type::of_file(path, &head, &self.options.content_type);
        let ended = self.whole(payload, &kind, attributes, destination, progress).await;
        let (sent, md5) = ended.map_err(|error| match error {
            // The bytes were not damaged in transit, but the file was changed during the upload.
            error if !is_small && is_mismatch(&error) && source.was_touched() => changed(),
            error => error,
        })?;
        if sent && !is_small {
            source.check(std::iter::once((0, size, md5))).await?;
        }
        if let (Some(cache), Some(md5)) = (&self.cache, md5) {
            cache.remember_unchanged(path, before, md5);
        }
        Ok(sent.then_some(size))
    }

    /// Creates the object that represents a directory.
    pub(crate) async fn directory(&self, path: &Path, destination: &S3Uri) -> Result<()> {
        let metadata = std::fs::metadata(path)?;
        let mut headers = self.headers("application/x-directory");
        headers.extend(self.attributes(&metadata).headers());
        let digests = Payload::default().hashed(self.required_digests(self.options.checksum)).await?;
        let data = Outgoing::default().with_checksum(digests.checksum);
        let answer = self.client.put_object(&destination.bucket, &destination.key, data, &headers).await?;
        digests.md5.map_or(Ok(()), |md5| verify_etag(&answer, "a directory", md5))
    }

    /// Creates the object for a file by copying another object with the same content on the server, with the file's own
    /// content type and attributes. `md5` is that of the file. Fails if the copy differs.
    pub(crate) async fn duplicate(&self, path: &Path, md5: [u8; 16], from: &S3Uri, to: &S3Uri) -> Result<()> {
        let source = Source::open(path)?;
        let (metadata, range) = (&source.before, source.whole());
        let mut headers =
            self.headers(&content_type::of_file(path, &head(&range)?, &self.options.content_type));
        let mut attributes = self.attributes(metadata);
        if self.options.store_md5 {
            attributes.set_md5(md5);
        }
        headers.extend(attributes.headers());
        headers.push(("x-amz-metadata-directive".to_owned(), "REPLACE".to_owned()));
        let source = CopySource { bucket: &from.bucket, key: &from.key, version: None };
        let etag = self.client.copy_object(source, &to.bucket, &to.key, &headers).await?;
        let expected = hex::encode(md5);
        if etag.eq_ignore_ascii_case(&expected) {
            return Ok(());
        }
        if !is_md5(&etag) {
            // On some servers the copy of a multipart object has a composite ETag. It is correct if it equals the
            // source's ETag and the source's content is known.
            let (from, to) = futures::try_join!(
                self.client.head_object(&from.bucket, &from.key),
                self.client.head_object(&to.bucket, &to.key)
            )?;
            let stored = from.header(file_attributes::HEADER).map(Attributes::parse).unwrap_or_default();
            let known = stored.md5().is_some_and(|stored| stored.eq_ignore_ascii_case(&expected));
            if known && from.etag == to.etag && to.size == metadata.len() {
                return Ok(());
            }
        }
        Err(Error::Integrity(format!("the copy '{to}' is not the content of '{}'", path.display())))
    }

    /// Uploads the content in one request, unless it already exists, and retries if other bytes arrived. Returns
    /// whether it was sent, and the MD5 of the content.
    async fn whole(
        &self,
        payload: Payload,
        kind: &str,
        mut attributes: Attributes,
        destination: &S3Uri,
        progress: &Progress,
    ) -> Result<(bool, Option<[u8; 16]>)> {
        let digests = payload.hashed(self.required_digests(self.options.checksum)).await?;
        if let Some(md5) = digests.md5
            && self.options.store_md5
        {
            attributes.set_md5(md5);
        }
        let known = digests.md5.filter(|_| self.options.store_md5);
        if self.options.resume && self.is_there(destination, payload.len(), known).await? {
            log::warn!("Put: size and md5sum match for {destination}, skipping.");
            return Ok((false, digests.md5));
        }
        let mut headers = self.headers(kind);
        headers.extend(attributes.headers());
        let _permit = match &payload {
            Payload::File(_) => Some(self.client.bulk_permit().await),
            Payload::Bytes(_) => None,
        };
        let (size, md5, checksum) = (payload.len(), digests.md5, digests.checksum);
        let data = self.outgoing(payload, digests, progress);
        let mut retries_left = self.options.max_resends;
        loop {
            let (bucket, key) = (&destination.bucket, &destination.key);
            let answer = self.client.put_object(bucket, key, data.clone(), &headers).await?;
            let verified = checksum.map_or(Ok(()), |checksum| verify_checksum(&answer, checksum));
            match verified.and_then(|()| md5.map_or(Ok(()), |md5| verify_etag(&answer, "the content", md5))) {
                Err(Error::Integrity(why)) if retries_left > 0 => {
                    retries_left -= 1;
                    progress.fetch_sub(size, Ordering::Relaxed);
                    log::warn!("{destination}: {why}: sending it again");
                }
                verified => return verified.map(|()| (true, md5)),
            }
        }
    }

    /// The digests that an upload needs: the one that covers its payload, the MD5 that is compared with its ETag, and
    /// the additional checksum.
    fn required_digests(&self, checksum: Option<Algorithm>) -> DigestKinds {
        let v4 = self.client.signature() == Signature::V4;
        DigestKinds { md5: true, sha256: v4, checksum }
    }

    async fn is_there(&self, destination: &S3Uri, size: u64, md5: Option<[u8; 16]>) -> Result<bool> {
        match self.client.head_object(&destination.bucket, &destination.key).await {
            Ok(head) if head.size != size => {
                let there = head.size;
                log::warn!(
                    "MultiPart: size ({there} vs {size}) does not match for {destination}, reuploading."
                );
                Ok(false)
            }
            Ok(head) => {
                let (there, here) = (head.etag, md5.map(hex::encode).unwrap_or_default());
                if there != here {
                    log::warn!(
                        "MultiPart: checksum ({there} vs {here}) does not match for {destination}, reuploading."
                    );
                }
                // Without an MD5 the content is unknown, whatever the service reports.
                Ok(md5.is_some() && there == here)
            }
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The headers that every upload has.
    fn headers(&self, kind: &str) -> Vec<(String, String)> {
        let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
        headers.extend(self.options.placement.headers());
        self.options.headers.apply(&mut headers);
        headers
    }
}

/// Compares the checksum in the response, if there is one, with that of the sent content.
fn verify_checksum(answer: &s3cmd_client::http::request::Response, sent: Checksum) -> Result<()> {
    match Stored::of(|name| answer.header(name)).and_then(Stored::whole) {
        Some(stored) if stored.algorithm() == sent.algorithm() && stored != sent => {
            let name = sent.algorithm();
            Err(Error::Integrity(format!("{name} checksums don't match: sent {sent}, stored {stored}")))
        }
        _ => Ok(()),
    }
}

fn head(range: &FileRange) -> io::Result<Bytes> {
    let mut first = Bytes::new();
    let beginning = FileRange { length: range.length.min(content_type::SNIFFED as u64), ..range.clone() };
    beginning.each_block(|block| {
        first = block;
        Ok(())
    })?;
    Ok(first)
}
