//! Downloads: received into a temporary file next to the target, verified, and only then renamed.
//!
//! The content is compared with the strongest checksum that the store offers: the ETag if it is the MD5 of the content,
//! otherwise the store's own checksum of the whole content (`x-amz-checksum-*`), otherwise the MD5 that s3cmd stored
//! with the object, otherwise the checksum of the parts or the composite ETag. If there is none, only the length is
//! compared, which is logged at INFO ([`Proof`]). The response to a GET must be for the object that the listing or HEAD
//! described. Errors of `close` are checked before a file is renamed. Files are not synced to disk one by one, unless
//! the object is deleted afterwards: after a power loss a file that was just downloaded is as safe as after `cp`.
//!
//! - [`ranges`]: a large object by concurrent ranges, which the next run resumes if this one is killed;
//! - [`source`] and [`sink`]: any object, sequentially;
//! - [`object`] and [`parts`]: the checksums that the content is compared with;
//! - [`part_file`], [`names`] and [`resume_state`]: the temporary file and its state;
//! - [`finish`]: attributes and durability of the file.

mod decrypt;
mod duplicate;
mod file_lock;
mod finish;
pub(super) mod names;
mod object;
mod options;
mod part_file;
mod parts;
mod ranges;
mod resume_state;
mod sink;
mod source;
mod target;

use super::file_attributes::restore::Owner;
use super::gpg::Gpg;
use super::proof::{Proof, Unproved};
use crate::uri::S3Uri;
use bytes::Bytes;
pub(crate) use duplicate::copy_file;
pub(crate) use finish::Finish;
pub(crate) use names::is_unfinished;
use object::Remote;
pub(crate) use options::{DownloadOptions, Existing};
use part_file::PartFile;
pub(crate) use part_file::{remove_left, tidy};
use parts::{Compared, Streamed};
use s3cmd_client::checksum::MODE_HEADER;
use s3cmd_client::http::body::{DigestKinds, Hasher};
use s3cmd_client::http::request::{Progress, Response};
use s3cmd_client::ops::object::Head;
use s3cmd_client::{Client, Error, Result};
use sink::Sink;
use source::Source;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
pub(crate) use target::{Target, target_of};
use tokio::sync::mpsc;

/// Objects up to this size in bytes are received whole and written at once.
const SMALL: u64 = 256 * 1024;

/// The number of received chunks that may wait to be written.
const QUEUE: usize = 32;

/// The result of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Size of the object in bytes.
    pub(crate) size: u64,
    /// The ETag of the object, without quotes.
    pub(crate) etag: String,
    /// How well the content is verified. Content that is refuted is an error instead.
    pub(crate) proof: Proof,
    /// The MD5 of the content, if it was computed.
    pub(crate) md5: Option<[u8; 16]>,
    /// Whether the file already existed and was complete.
    pub(crate) was_complete: bool,
    /// Whether the stored owner was restored.
    pub(crate) owner: Owner,
}

/// What the caller already knows about the object, which saves a request.
#[derive(Clone, Debug, Default)]
pub(crate) enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// The properties from a listing.
    Listed {
        /// Its length in bytes.
        size: u64,
        /// Its ETag without quotes; may be empty.
        etag: String,
    },
    /// The response to a HEAD request.
    Head(Box<Head>),
}

impl Known {
    /// The length in bytes, or 0 if it is unknown.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Known::Nothing => 0,
            Known::Listed { size, .. } => *size,
            Known::Head(head) => head.size,
        }
    }
}

/// Downloads one object. With `resume`, an existing file is kept if its bytes are proved to be the beginning of the
/// object. With `gpg`, an object that was encrypted with GPG is decrypted.
#[allow(clippy::too_many_arguments, reason = "each argument is independent of the others")]
pub(crate) async fn download(
    client: &Client,
    uri: &S3Uri,
    known: Known,
    target: &Target,
    resume: bool,
    gpg: Option<&Gpg>,
    finish: &Finish,
    progress: &Progress,
) -> Result<Received> {
    let (doubt, is_irrevocable) = (Mutex::default(), AtomicBool::new(false));
    let had_etag = match &known {
        Known::Nothing => false,
        Known::Listed { etag, .. } => !etag.is_empty(),
        Known::Head(head) => !head.etag.is_empty(),
    };
    let mut work = Work {
        client,
        uri,
        target,
        known,
        had_etag,
        resume,
        gpg,
        finish,
        progress,
        doubt: &doubt,
        is_irrevocable: &is_irrevocable,
        second_of: None,
    };
    // A local file that is not the beginning of the object does not count as a failed attempt.
    let mut attempts = client.options().retry.max_retries + 1 + u32::from(resume);
    let mut had_doubt = false;
    loop {
        match work.attempt().await {
            // The local file is not the beginning of the object, or the bytes were damaged in transit, or the object
            // was replaced during the download, or another server responded. Bytes that were written to a stream cannot
            // be retracted.
            Err(Error::Integrity(message)) if !is_irrevocable.load(Ordering::Relaxed) => {
                // A doubt requires one more fetch, however few attempts are configured.
                let has_doubt = lock(&doubt).is_some();
                attempts += u32::from(has_doubt && !std::mem::replace(&mut had_doubt, has_doubt));
                attempts -= 1;
                if attempts == 0 {
                    return Err(Error::Integrity(message));
                }
                log::info!("{message}; fetching '{uri}' again");
                progress.store(0, Ordering::Relaxed);
                work.resume = false;
                work.known = Known::Nothing;
            }
            Ok(received) => {
                if let Proof::Unproved(why) = received.proof {
                    log::info!("'{uri}' {why}");
                }
                return Ok(received);
            }
            other => return other,
        }
    }
}

/// Reads an object only to compute its MD5, verified as in every download.
pub(crate) async fn md5_of_content(client: &Client, uri: &S3Uri, head: Head) -> Result<([u8; 16], Proof)> {
    let known = Known::Head(Box::new(head));
    let (finish, progress) = (Finish::default(), Progress::default());
    let received = download(client, uri, known, &Target::Nowhere, false, None, &finish, &progress).await?;
    let md5 = received.md5.ok_or_else(|| Error::Integrity("the MD5 was not computed".into()))?;
    Ok((md5, received.proof))
}

/// One download with its options.
struct Work<'a> {
    client: &'a Client,
    uri: &'a S3Uri,
    target: &'a Target,
    known: Known,
    /// Whether the object is known to have an ETag: then every response about it must have one.
    had_etag: bool,
    resume: bool,
    gpg: Option<&'a Gpg>,
    finish: &'a Finish,
    progress: &'a Progress,
    /// The content of the last fetch, if no common part size reproduces its ETag.
    doubt: &'a Mutex<Option<Doubt>>,
    /// Whether bytes were written to a stream, from which they cannot be retracted.
    is_irrevocable: &'a AtomicBool,
    /// The fingerprint of a previous fetch that this one must match.
    second_of: Option<u64>,
}

/// Content that was fetched completely and whose ETag could not be reproduced.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Doubt {
    etag: String,
    fingerprint: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work<'_> {
    async fn attempt(&self) -> Result<Received> {
        let present = match self.target {
            Target::File(path) if self.resume => std::fs::metadata(path).ok().map(|metadata| metadata.len()),
            _ => None,
        };
        let has_bytes = present.is_some_and(|present| present > 0);
        let object = match &self.known {
            Known::Head(head) => Some(Remote::of_head(head)),
            Known::Listed { size, .. } if !has_bytes && *size < ranges::LARGE => None,
            Known::Listed { .. } | Known::Nothing => Some(self.current().await?),
        };
        if let Some(object) = &object {
            if object.gpg_encrypted
                && let Some(gpg) = self.gpg
            {
                return self.decrypted(gpg, object, None).await;
            }
            let continues = has_bytes && present <= Some(object.size) && self.may_be_proved(object).await?;
            if let Target::File(path) = self.target
                && object.size >= ranges::LARGE
                && !object.segmented
                && !(continues && present == Some(object.size))
                && let Some(received) = self.by_ranges(object, path, continues).await?
            {
                return Ok(received);
            }
            if continues {
                return self.in_order(object, None, present).await;
            }
        }
        let (object, response) = self.get(object).await?;
        if object.gpg_encrypted
            && let Some(gpg) = self.gpg
        {
            return self.decrypted(gpg, &object, Some(response)).await;
        }
        self.in_order(&object, Some(response), present.filter(|_| !has_bytes)).await
    }

    /// Requests the current metadata of the object.
    async fn current(&self) -> Result<Remote> {
        let head = self.client.head_object_with_checksum(&self.uri.bucket, &self.uri.key).await?;
        let object = Remote::of_head(&head);
        if self.had_etag && object.etag.is_empty() {
            return Err(self.not_from_s3());
        }
        Ok(object)
    }

    /// Requests the whole object and checks that the response matches `object` or the listing. If the object was
    /// replaced since, requests its current metadata, which the response must match.
    async fn get(&self, object: Option<Remote>) -> Result<(Remote, Response)> {
        let (bucket, key) = (&self.uri.bucket, &self.uri.key);
        let headers = [(MODE_HEADER.to_owned(), "ENABLED".to_owned())];
        let response = self.client.get_object(bucket, key, &headers, Some(self.progress.clone())).await?;
        // The response of a captive portal has neither an ETag nor any S3 header.
        let is_foreign = response.etag().is_empty()
            && !response.headers.keys().any(|name| name.as_str().starts_with("x-amz-"));
        if response.status != 200 || is_foreign {
            return Err(self.not_from_s3());
        }
        let got = Remote::of(&response);
        let expected = match (object, &self.known, &got) {
            (Some(object), ..) => object,
            (None, Known::Listed { size, etag }, Some(got)) if got.is_listed_as(*size, etag) => {
                return Ok((got.clone(), response));
            }
            (None, ..) => self.current().await?,
        };
        expected.version(self.uri).check_encoding(&response)?;
        match got {
            // The length is unknown if a server or a proxy sends the body in chunks. The content is verified at the
            // end.
            None if expected.etag.is_empty() || !response.etag().is_empty() => Ok((expected, response)),
            None => Err(self.not_from_s3()),
            Some(got) if got.is(&expected) => Ok((got, response)),
            Some(_) => Err(Error::Integrity(format!(
                "the response for '{}' does not match the metadata of the object",
                self.uri
            ))),
        }
    }

    fn not_from_s3(&self) -> Error {
        Error::Integrity(format!("the response for '{}' is not from S3: another server answered", self.uri))
    }

    /// Whether there is a checksum that could prove bytes of a local file to be the object's.
    async fn may_be_proved(&self, object: &Remote) -> Result<bool> {
        let whole = object.md5.is_some() || object.whole_checksum().is_some();
        let provable = whole || !parts::prepare(self.client, self.uri, object, false).await?.is_nothing();
        if !provable {
            log::info!("'{}' has no checksum to verify the local bytes: fetching all of it", self.uri);
        }
        Ok(provable)
    }

    /// Fetches concurrent ranges. Returns `None` if the server does not support ranges. `continues`: use the existing
    /// file as the beginning of the object.
    async fn by_ranges(&self, object: &Remote, path: &Path, continues: bool) -> Result<Option<Received>> {
        let mut part = PartFile::resume(path, object, self.finish)?;
        let existing = if continues { Some(File::open(path)?) } else { None };
        let fetched = ranges::fetch(self.client, self.uri, object, &mut part, existing, self.progress).await;
        let concluded = match fetched {
            Ok(Some(fetched)) => {
                let file = part.file().clone();
                self.conclude(object, fetched.compared, fetched.took_over, || sink::fingerprint_of(&file))
                    .map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match concluded {
            Ok(Some(proof)) => {
                let (size, etag) = (object.size, object.etag.clone());
                let (object, finish) = (object.clone(), self.finish.clone());
                let placed = tokio::task::spawn_blocking(move || part.place(&object, &finish)).await;
                let owner = placed.map_err(io::Error::other)??;
                Ok(Some(Received { size, etag, proof, md5: None, was_complete: false, owner }))
            }
            Ok(None) => {
                part.discard();
                self.progress.store(0, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => {
                // Wrong bytes must not be resumed; all others can be.
                if matches!(error, Error::Integrity(_)) {
                    part.discard();
                }
                Err(error)
            }
        }
    }

    /// Converts the result of the comparison. `kept_local`: the content includes bytes of a local file. `fingerprint`
    /// identifies the content.
    fn conclude(
        &self,
        object: &Remote,
        compared: Compared,
        kept_local: bool,
        fingerprint: impl FnOnce() -> io::Result<u64>,
    ) -> Result<Proof> {
        match compared {
            Compared::Proved(evidence) => Ok(Proof::Proved(evidence)),
            Compared::Nothing | Compared::Disagrees(_) if kept_local => Err(Error::Integrity(format!(
                "the local bytes could not be verified as those of '{}'",
                self.uri
            ))),
            Compared::Nothing => Ok(Proof::Unproved(object.unproved())),
            Compared::Disagrees(text) => {
                let doubt = Some(Doubt { etag: object.etag.clone(), fingerprint: fingerprint()? });
                let before = std::mem::replace(&mut *lock(self.doubt), doubt.clone());
                if before != doubt {
                    return Err(Error::Integrity(text));
                }
                log::warn!(
                    "'{}' cannot be verified: no common part size explains its ETag. Two fetches returned the same content, which is kept.",
                    self.uri
                );
                Ok(Proof::Unproved(Unproved::UncommonParts))
            }
        }
    }

    /// Fetches sequentially, starting after the `present` bytes of the existing file.
    async fn in_order(
        &self,
        object: &Remote,
        response: Option<Response>,
        present: Option<u64>,
    ) -> Result<Received> {
        let have = present.unwrap_or(0);
        let exactly = lock(self.doubt).is_some();
        let mut required = object.required_digests();
        let mut candidates = Streamed::nothing();
        if !matches!(self.target, Target::File(_)) && required == DigestKinds::default() {
            candidates = parts::prepare(self.client, self.uri, object, exactly).await?;
        }
        required.md5 |= *self.target == Target::Nowhere;
        let mut sink = Sink::open(self.target, have, Hasher::new(required), candidates, object, self.finish)?;
        self.progress.fetch_add(have, Ordering::Relaxed);
        let mut source = Source {
            client: self.client,
            uri: self.uri,
            object,
            position: have,
            response,
            progress: self.progress,
            failures: 0,
        };
        if object.size <= SMALL && have == 0 {
            let mut content = Vec::with_capacity(object.size as usize);
            while let Some(chunk) = source.next().await? {
                content.extend_from_slice(&chunk);
            }
            if !matches!(self.target, Target::File(_)) {
                let mut hasher = Hasher::new(required);
                hasher.update(&content);
                object.verify(self.uri, content.len() as u64, &hasher.finish())?;
                self.mark_irrevocable();
            }
            sink.write(&content)?;
        } else {
            self.mark_irrevocable();
            let _permit = self.client.bulk_permit().await;
            sink = pour(&mut source, sink).await?;
        }
        let digests = sink.digests();
        if let Some(first) = self.second_of
            && sink.fingerprint()? != first
        {
            return Err(Error::Integrity(format!("'{}' was damaged in transit", self.uri)));
        }
        let compared = match (object.verify(self.uri, sink.written, &digests)?, sink.file()) {
            (Some(evidence), _) => Compared::Proved(evidence),
            (None, Some(file)) => parts::verify(self.client, self.uri, object, file, false).await?,
            (None, None) => match sink.compared() {
                // The assumed part sizes were wrong. Another fetch requests the exact ones.
                Err(Error::Integrity(text)) if !exactly => Compared::Disagrees(text),
                other => other?,
            },
        };
        let proof = match (&compared, self.target) {
            (Compared::Disagrees(_), Target::Stdout | Target::Through(_)) => {
                self.second_fetch(object, sink.fingerprint()?).await?
            }
            _ => self.conclude(object, compared, have > 0, || sink.fingerprint())?,
        };
        let was_complete = present == Some(object.size);
        let owner = if object.size <= SMALL && self.finish.durable.is_none() {
            sink.place(object, was_complete, self.finish)?
        } else {
            // The file system may write the buffered data now, which blocks.
            let (object, finish) = (object.clone(), self.finish.clone());
            let placed =
                tokio::task::spawn_blocking(move || sink.place(&object, was_complete, &finish)).await;
            placed.map_err(io::Error::other)??
        };
        let (size, etag) = (object.size, object.etag.clone());
        Ok(Received { size, etag, proof, md5: digests.md5, was_complete, owner })
    }

    /// Records that bytes are written to a stream, from which they cannot be retracted.
    fn mark_irrevocable(&self) {
        if matches!(self.target, Target::Stdout | Target::Through(_)) {
            self.is_irrevocable.store(true, Ordering::Relaxed);
        }
    }

    /// Fetches the object again, only to compare it with content that was written to a stream without being proved.
    async fn second_fetch(&self, object: &Remote, fingerprint: u64) -> Result<Proof> {
        let doubt = Mutex::new(Some(Doubt { etag: object.etag.clone(), fingerprint }));
        let progress = Progress::default();
        let work = Work {
            target: &Target::Nowhere,
            known: Known::Nothing,
            gpg: None,
            resume: false,
            progress: &progress,
            doubt: &doubt,
            second_of: Some(fingerprint),
            ..*self
        };
        let received = Box::pin(work.attempt()).await?;
        Ok(received.proof)
    }
}

/// Moves the bytes to a separate thread that hashes and writes them, so that neither waits for the network.
async fn pour(source: &mut Source<'_>, sink: Sink) -> Result<Sink> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(QUEUE);
    let writer = tokio::task::spawn_blocking(move || {
        let mut sink = sink;
        while let Some(chunk) = receiver.blocking_recv() {
            sink.write(&chunk)?;
        }
        io::Result::Ok(sink)
    });
    let received = async {
        while let Some(chunk) = source.next().await? {
            // The writer stops only on an error, which is returned below.
            if sender.send(chunk).await.is_err() {
                break;
            }
        }
        Result::Ok(())
    }
    .await;
    drop(sender);
    let written = writer.await.map_err(io::Error::other)?;
    let sink = written?;
    received.map(|()| sink)
}
