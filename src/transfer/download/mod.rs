//! Downloads: into a temporary file beside the target, verified, and only then given their name.
//!
//! What is received is compared with the strongest checksum that the store offers: the ETag where it is the MD5 of the
//! content, else the store's own checksum of the whole (`x-amz-checksum-*`), else the MD5 that s3cmd stored with the
//! object, else the checksum of the parts or the composite ETag, else the length alone, which is logged at INFO. Files are not flushed to the disk one by one: after a power loss a file that was just downloaded is as
//! safe as after `cp`.
//!
//! - [`ranges`]: a large object by several ranges at once, taken up by the next run if this one is killed;
//! - [`source`] and [`sink`]: any object from its beginning to its end;
//! - [`object`], [`composite`] and [`checksum`]: what it is compared with;
//! - [`part_file`] and [`journal`]: the temporary file and what is known of it.

mod journal;
mod object;
mod part_file;
mod parts;
mod ranges;
mod sealed;
mod sink;
mod source;

use super::gpg::Gpg;
use super::restore::Restore;
use crate::s3::body::Hasher;
use crate::s3::checksum::MODE_HEADER;
use crate::s3::object::Head;
use crate::s3::request::{Progress, Response};
use crate::s3::{Client, Error, Result};
use crate::uri::S3Uri;
use bytes::Bytes;
use object::Remote;
use part_file::PartFile;
pub(super) use part_file::mode_for;
pub(crate) use part_file::{is_unfinished, remove_orphan, tidy};
use sink::Sink;
use source::Source;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
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
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the object.
    pub size: u64,
    /// Whether the file was there already, complete.
    pub was_complete: bool,
    /// The file attributes that are stored with the object.
    pub stored: Restore,
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
    /// Its length, from a listing.
    Size(u64),
    /// All that HEAD tells.
    Head(Box<Head>),
}

impl Known {
    /// The length in bytes; 0 where it is not known.
    pub fn size(&self) -> u64 {
        match self {
            Known::Nothing => 0,
            Known::Size(size) => *size,
            Known::Head(head) => head.size,
        }
    }
}

/// Downloads one object. With `resume` the bytes of an existing file are kept if they are the beginning of the object.
/// With `gpg` what was encrypted before it was stored is decrypted.
pub async fn download(
    client: &Client,
    uri: &S3Uri,
    known: Known,
    target: &Target,
    resume: bool,
    gpg: Option<&Gpg>,
    progress: &Progress,
) -> Result<Received> {
    let mut work = Work { client, uri, target, known, resume, gpg, progress };
    // A local file that is not the beginning of the object is nobody's failure.
    let attempts = client.options().retry.max_retries + 1 + u32::from(resume);
    let mut last = None;
    for _ in 0..attempts {
        match work.attempt().await {
            // Either the beginning of the local file is not the object's, or the bytes were damaged on the way, or
            // the object was replaced in the middle.
            Err(Error::Integrity(message)) if matches!(target, Target::File(_)) => {
                log::info!("{message}; fetching '{uri}' anew");
                progress.store(0, Ordering::Relaxed);
                work.resume = false;
                work.known = Known::Nothing;
                last = Some(Error::Integrity(message));
            }
            other => return other,
        }
    }
    Err(last.unwrap_or_else(|| Error::Integrity("no attempt was made".into())))
}

/// One download, as it was asked for.
struct Work<'a> {
    client: &'a Client,
    uri: &'a S3Uri,
    target: &'a Target,
    known: Known,
    resume: bool,
    gpg: Option<&'a Gpg>,
    progress: &'a Progress,
}

impl Work<'_> {
    async fn attempt(&self) -> Result<Received> {
        let present = match self.target {
            Target::File(path) if self.resume => std::fs::metadata(path).ok().map(|metadata| metadata.len()),
            _ => None,
        };
        let has_bytes = present.is_some_and(|present| present > 0);
        let large = matches!(&self.known, Known::Size(size) if *size >= ranges::LARGE);
        let object = match &self.known {
            Known::Head(head) => Some(Remote::of_head(head)),
            _ if has_bytes || large => {
                let (bucket, key) = (&self.uri.bucket, &self.uri.key);
                Some(Remote::of_head(&self.client.head_object_with_checksum(bucket, key).await?))
            }
            _ => None,
        };
        if let Some(object) = &object {
            if object.sealed
                && let Some(gpg) = self.gpg
            {
                return self.opened(gpg, object, None).await;
            }
            let continues = has_bytes && present <= Some(object.size);
            if let Target::File(path) = self.target
                && object.size >= ranges::LARGE
                && !(continues && present == Some(object.size))
                && let Some(received) = self.by_ranges(object, path, continues).await?
            {
                return Ok(received);
            }
            if continues {
                return self.in_order(object, None, present).await;
            }
        }
        let (bucket, key) = (&self.uri.bucket, &self.uri.key);
        let headers = [(MODE_HEADER.to_owned(), "ENABLED".to_owned())];
        let response = self.client.get_object(bucket, key, &headers, Some(self.progress.clone())).await?;
        let object = Remote::of(&response)?;
        if object.sealed
            && let Some(gpg) = self.gpg
        {
            return self.opened(gpg, &object, Some(response)).await;
        }
        self.in_order(&object, Some(response), present.filter(|_| !has_bytes)).await
    }

    /// Several ranges at once; `None` if the server does not do them. `continues`: the present file is taken for the
    /// beginning of the object.
    async fn by_ranges(&self, object: &Remote, path: &Path, continues: bool) -> Result<Option<Received>> {
        let mut part = PartFile::open(path)?;
        let existing = if continues { Some(File::open(path)?) } else { None };
        match ranges::fetch(self.client, self.uri, object, &mut part, existing, self.progress).await {
            Ok(true) => {
                part.place(object)?;
                Ok(Some(Received { size: object.size, was_complete: false, stored: object.stored.clone() }))
            }
            Ok(false) => {
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

    /// One answer after the other, from the end of what is `present` on.
    async fn in_order(
        &self,
        object: &Remote,
        response: Option<Response>,
        present: Option<u64>,
    ) -> Result<Received> {
        let have = present.unwrap_or(0);
        let mut sink = Sink::open(self.target, have, Hasher::new(object.wanted()))?;
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
            sink.write(&content)?;
        } else {
            let _leave = self.client.bulk_leave().await;
            sink = pour(&mut source, sink).await?;
        }
        if !object.verify(self.uri, sink.written, &sink.digests())? {
            match sink.file() {
                Some(file) => parts::verify(self.client, self.uri, object, file, false).await?,
                None => log::info!("'{}' has no MD5 to compare with: only its length was checked", self.uri),
            }
        }
        let was_complete = present == Some(object.size);
        sink.place(object, was_complete)?;
        Ok(Received { size: object.size, was_complete, stored: object.stored.clone() })
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
