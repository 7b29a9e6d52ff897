//! Downloads: into a temporary file beside the target, verified, and only then given their name.
//!
//! What is received is compared with the strongest checksum that the store offers: the ETag where it is the MD5 of the
//! content, else the store's own checksum of the whole (`x-amz-checksum-*`), else the MD5 that s3cmd stored with the
//! object, else the checksum of the parts or the composite ETag, else the length alone, which is logged at INFO
//! ([`Proof`]). What answers a GET must be what the listing or HEAD told about. What `close` reports is read before a file
//! gets its name. Files are not flushed to the disk one by one, unless the object is deleted afterwards: after a power loss
//! a file that was just downloaded is as safe as after `cp`.
//!
//! - [`ranges`]: a large object by several ranges at once, taken up by the next run if this one is killed;
//! - [`source`] and [`sink`]: any object from its beginning to its end;
//! - [`object`] and [`parts`]: what it is compared with;
//! - [`part_file`], [`names`] and [`resume_state`]: the temporary file and what is known of it;
//! - [`finish`]: its attributes, and its place on the disk.

mod decrypt;
mod duplicate;
mod finish;
pub(super) mod names;
mod object;
mod part_file;
mod parts;
mod ranges;
mod resume_state;
mod sink;
mod source;

use super::gpg::Gpg;
use super::proof::{Proof, Unproved};
use super::restore::Owner;
use crate::s3::body::{DigestKinds, Hasher};
use crate::s3::checksum::MODE_HEADER;
use crate::s3::object::Head;
use crate::s3::request::{Progress, Response};
use crate::s3::{Client, Error, Result};
use crate::uri::S3Uri;
use bytes::Bytes;
pub use duplicate::copy_file;
pub use finish::{Durable, Finish};
pub(crate) use names::is_unfinished;
use object::Remote;
use part_file::PartFile;
pub(crate) use part_file::{remove_left, tidy};
use parts::{Compared, Streamed};
use sink::Sink;
use source::Source;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// Objects up to this size are received whole and written at once.
const SMALL: u64 = 256 * 1024;

/// Received pieces that wait for the disk.
const QUEUE: usize = 32;

/// Where the bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file that appears under this name when it is complete.
    File(PathBuf),
    /// A device, a pipe: what exists already and is no file is written through.
    Through(PathBuf),
    /// Standard output.
    Stdout,
    /// Nothing is kept: the digest is what is wanted.
    Nowhere,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the object.
    pub size: u64,
    /// The ETag of the object, without quotes.
    pub etag: String,
    /// What is known of the content; what was refuted is an error.
    pub proof: Proof,
    /// The MD5 of the content, where it was computed.
    pub md5: Option<[u8; 16]>,
    /// Whether the file was there already, complete.
    pub was_complete: bool,
    /// What became of the owner that is stored with the object.
    pub owner: Owner,
}

/// What a local path is: a file that can be replaced, or something to be written through. A symbolic link is resolved, so
/// that its target is replaced and the link stays.
pub fn target_of(path: &Path) -> io::Result<Target> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Target::File(std::fs::canonicalize(path)?)),
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(Target::Through(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match std::fs::read_link(path) {
            // A link whose target is not there yet: the target is made.
            Ok(link) => Ok(Target::File(path.parent().unwrap_or(Path::new("")).join(link))),
            Err(_) => Ok(Target::File(path.to_owned())),
        },
        Err(error) => Err(error),
    }
}

/// What the caller knows of the object already; it saves a request.
#[derive(Clone, Debug, Default)]
pub enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// What a listing tells.
    Listed {
        /// Its length in bytes.
        size: u64,
        /// Its ETag without quotes; may be empty.
        etag: String,
    },
    /// All that HEAD tells.
    Head(Box<Head>),
}

impl Known {
    /// The length in bytes; 0 where it is not known.
    pub fn size(&self) -> u64 {
        match self {
            Known::Nothing => 0,
            Known::Listed { size, .. } => *size,
            Known::Head(head) => head.size,
        }
    }
}

/// Downloads one object. With `resume` the bytes of an existing file are kept if they are proved to be the beginning of the
/// object. With `gpg` what was encrypted before it was stored is decrypted.
#[allow(clippy::too_many_arguments, reason = "each of them is another thing")]
pub async fn download(
    client: &Client,
    uri: &S3Uri,
    known: Known,
    target: &Target,
    resume: bool,
    gpg: Option<&Gpg>,
    finish: &Finish,
    progress: &Progress,
) -> Result<Received> {
    let (doubt, begun) = (Mutex::default(), AtomicBool::new(false));
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
        begun: &begun,
        second_of: None,
    };
    // A local file that is not the beginning of the object is nobody's failure.
    let mut attempts = client.options().retry.max_retries + 1 + u32::from(resume);
    let mut doubted = false;
    loop {
        match work.attempt().await {
            // Either the beginning of the local file is not the object's, or the bytes were damaged on the way, or
            // the object was replaced in the middle, or something else answered. What was given away cannot be taken back.
            Err(Error::Integrity(message)) if !begun.load(Ordering::Relaxed) => {
                // A doubt takes one more fetch to settle, however few are allowed.
                let doubts = lock(&doubt).is_some();
                attempts += u32::from(doubts && !std::mem::replace(&mut doubted, doubts));
                attempts -= 1;
                if attempts == 0 {
                    return Err(Error::Integrity(message));
                }
                log::info!("{message}; fetching '{uri}' anew");
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

/// Reads an object for its MD5 alone, compared as every download is.
pub async fn md5_of_content(client: &Client, uri: &S3Uri, head: Head) -> Result<([u8; 16], Proof)> {
    let known = Known::Head(Box::new(head));
    let (finish, progress) = (Finish::default(), Progress::default());
    let received = download(client, uri, known, &Target::Nowhere, false, None, &finish, &progress).await?;
    let md5 = received.md5.ok_or_else(|| Error::Integrity("an MD5 that was not computed".into()))?;
    Ok((md5, received.proof))
}

/// One download, as it was asked for.
struct Work<'a> {
    client: &'a Client,
    uri: &'a S3Uri,
    target: &'a Target,
    known: Known,
    /// Whether the object was told of with an ETag: then every answer about it has one.
    had_etag: bool,
    resume: bool,
    gpg: Option<&'a Gpg>,
    finish: &'a Finish,
    progress: &'a Progress,
    /// The content of the last fetch that no usual part size explained.
    doubt: &'a Mutex<Option<Doubt>>,
    /// Whether bytes were given away that cannot be taken back.
    begun: &'a AtomicBool,
    /// The fingerprint of a first fetch that this one must equal.
    second_of: Option<u64>,
}

/// Content that was fetched whole and whose ETag was not to be explained.
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
            Known::Listed { .. } | Known::Nothing => Some(self.ask().await?),
        };
        if let Some(object) = &object {
            if object.sealed
                && let Some(gpg) = self.gpg
            {
                return self.opened(gpg, object, None).await;
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
        if object.sealed
            && let Some(gpg) = self.gpg
        {
            return self.opened(gpg, &object, Some(response)).await;
        }
        self.in_order(&object, Some(response), present.filter(|_| !has_bytes)).await
    }

    /// Asks about the object as it is now.
    async fn ask(&self) -> Result<Remote> {
        let head = self.client.head_object_with_checksum(&self.uri.bucket, &self.uri.key).await?;
        let object = Remote::of_head(&head);
        if self.had_etag && object.etag.is_empty() {
            return Err(self.no_answer_of_s3());
        }
        Ok(object)
    }

    /// Asks for all of the object, and makes sure that it is what was told: by `object`, or by the listing. Where the object
    /// was replaced since, what it is now is asked for, and the answer must agree with that.
    async fn get(&self, object: Option<Remote>) -> Result<(Remote, Response)> {
        let (bucket, key) = (&self.uri.bucket, &self.uri.key);
        let headers = [(MODE_HEADER.to_owned(), "ENABLED".to_owned())];
        let response = self.client.get_object(bucket, key, &headers, Some(self.progress.clone())).await?;
        // A portal's page has neither an ETag nor any header of S3.
        let is_foreign = response.etag().is_empty()
            && !response.headers.keys().any(|name| name.as_str().starts_with("x-amz-"));
        if response.status != 200 || is_foreign {
            return Err(self.no_answer_of_s3());
        }
        let got = Remote::of(&response);
        let told = match (object, &self.known, &got) {
            (Some(object), ..) => object,
            (None, Known::Listed { size, etag }, Some(got)) if got.is_listed_as(*size, etag) => {
                return Ok((got.clone(), response));
            }
            (None, ..) => self.ask().await?,
        };
        match got {
            // What a proxy recodes has no length; what comes is compared in the end.
            None if told.etag.is_empty() || !response.etag().is_empty() => Ok((told, response)),
            None => Err(self.no_answer_of_s3()),
            Some(got) if got.is(&told) => Ok((got, response)),
            Some(_) => Err(Error::Integrity(format!(
                "what was sent for '{}' is not what it was said to be",
                self.uri
            ))),
        }
    }

    fn no_answer_of_s3(&self) -> Error {
        Error::Integrity(format!("what was sent for '{}' is no object: another server answered", self.uri))
    }

    /// Whether there is anything that could prove bytes of a local file to be the object's.
    async fn may_be_proved(&self, object: &Remote) -> Result<bool> {
        let whole = object.md5.is_some() || object.whole_checksum().is_some();
        let provable = whole || !parts::prepare(self.client, self.uri, object, false).await?.is_nothing();
        if !provable {
            log::info!("'{}' has nothing to prove the local bytes by: fetching all of it", self.uri);
        }
        Ok(provable)
    }

    /// Several ranges at once; `None` if the server does not do them. `continues`: the present file is taken for the
    /// beginning of the object.
    async fn by_ranges(&self, object: &Remote, path: &Path, continues: bool) -> Result<Option<Received>> {
        let mut part = PartFile::resume(path, object, self.finish)?;
        let existing = if continues { Some(File::open(path)?) } else { None };
        let fetched = ranges::fetch(self.client, self.uri, object, &mut part, existing, self.progress).await;
        let settled = match fetched {
            Ok(Some(fetched)) => {
                let file = part.file().clone();
                self.settle(object, fetched.compared, fetched.took_over, || sink::fingerprint_of(&file))
                    .map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match settled {
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
                // Bytes that are wrong are of no use to a later run; all others are.
                if matches!(error, Error::Integrity(_)) {
                    part.discard();
                }
                Err(error)
            }
        }
    }

    /// Decides what the comparison means. `kept_local`: bytes of a local file are among the content. `fingerprint` tells the
    /// content from another.
    fn settle(
        &self,
        object: &Remote,
        compared: Compared,
        kept_local: bool,
        fingerprint: impl FnOnce() -> io::Result<u64>,
    ) -> Result<Proof> {
        match compared {
            Compared::Proved(evidence) => Ok(Proof::Proved(evidence)),
            Compared::Nothing | Compared::Disagrees(_) if kept_local => {
                Err(Error::Integrity(format!("the local bytes are not proved to be those of '{}'", self.uri)))
            }
            Compared::Nothing => Ok(Proof::Unproved(object.unproved())),
            Compared::Disagrees(text) => {
                let doubt = Some(Doubt { etag: object.etag.clone(), fingerprint: fingerprint()? });
                let before = std::mem::replace(&mut *lock(self.doubt), doubt.clone());
                if before != doubt {
                    return Err(Error::Integrity(text));
                }
                log::warn!(
                    "'{}' cannot be verified: its ETag is not that of parts of a usual size. Two fetches brought the same content, which is kept.",
                    self.uri
                );
                Ok(Proof::Unproved(Unproved::UnusualParts))
            }
        }
    }

    /// One answer after the other, from the end of what is `present` on.
    async fn in_order(
        &self,
        object: &Remote,
        response: Option<Response>,
        present: Option<u64>,
    ) -> Result<Received> {
        let have = present.unwrap_or(0);
        let closely = lock(self.doubt).is_some();
        let mut wanted = object.wanted();
        let mut ways = Streamed::nothing();
        if !matches!(self.target, Target::File(_)) && wanted == DigestKinds::default() {
            ways = parts::prepare(self.client, self.uri, object, closely).await?;
        }
        wanted.md5 |= *self.target == Target::Nowhere;
        let mut sink = Sink::open(self.target, have, Hasher::new(wanted), ways, object, self.finish)?;
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
                let mut hasher = Hasher::new(wanted);
                hasher.update(&content);
                object.verify(self.uri, content.len() as u64, &hasher.finish())?;
                self.gives_away();
            }
            sink.write(&content)?;
        } else {
            self.gives_away();
            let _permit = self.client.bulk_permit().await;
            sink = pour(&mut source, sink).await?;
        }
        let digests = sink.digests();
        if let Some(first) = self.second_of
            && sink.fingerprint()? != first
        {
            return Err(Error::Integrity(format!("'{}' was damaged on the way", self.uri)));
        }
        let compared = match (object.verify(self.uri, sink.written, &digests)?, sink.file()) {
            (Some(evidence), _) => Compared::Proved(evidence),
            (None, Some(file)) => parts::verify(self.client, self.uri, object, file, false).await?,
            (None, None) => match sink.compared() {
                // The sizes of the parts were not what they seemed: another fetch looks closer.
                Err(Error::Integrity(text)) if !closely => Compared::Disagrees(text),
                other => other?,
            },
        };
        let proof = match (&compared, self.target) {
            (Compared::Disagrees(_), Target::Stdout | Target::Through(_)) => {
                self.second_look(object, sink.fingerprint()?).await?
            }
            _ => self.settle(object, compared, have > 0, || sink.fingerprint())?,
        };
        let was_complete = present == Some(object.size);
        let owner = if object.size <= SMALL && self.finish.durable.is_none() {
            sink.place(object, was_complete, self.finish)?
        } else {
            // What the file system still holds back is written now.
            let (object, finish) = (object.clone(), self.finish.clone());
            let placed =
                tokio::task::spawn_blocking(move || sink.place(&object, was_complete, &finish)).await;
            placed.map_err(io::Error::other)??
        };
        let (size, etag) = (object.size, object.etag.clone());
        Ok(Received { size, etag, proof, md5: digests.md5, was_complete, owner })
    }

    /// Notes that what cannot be taken back is given away.
    fn gives_away(&self) {
        if matches!(self.target, Target::Stdout | Target::Through(_)) {
            self.begun.store(true, Ordering::Relaxed);
        }
    }

    /// Fetches once more, for the comparison alone, what was given away without being proved.
    async fn second_look(&self, object: &Remote, fingerprint: u64) -> Result<Proof> {
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

/// Moves the bytes to a thread of its own that hashes and writes them, so that neither waits for the network.
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
            // The writer stops only on an error, which it tells below.
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
