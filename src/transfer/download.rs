//! Downloads: into a temporary file beside the target, verified, and only then given their name.
//!
//! What is received is compared with the strongest checksum that the store offers: the ETag where it is the MD5 of the
//! content, else the MD5 that s3cmd stored with the object, else the length alone, which is logged at INFO.

use super::attrs::{self, Attributes};
use crate::s3::multipart::is_md5;
use crate::s3::object::Head;
use crate::s3::request::{Progress, Response};
use crate::s3::retry::RetryPolicy;
use crate::s3::{Client, ConnectionFailure, Error, Result};
use crate::uri::S3Uri;
use bytes::Bytes;
use chrono::DateTime;
use md5::{Digest, Md5};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::NamedTempFile;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the object.
    pub size: u64,
    /// Whether the file was there already, complete.
    pub was_complete: bool,
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

/// Downloads one object. With `resume` the bytes of an existing file are kept if they are the beginning of the object.
pub async fn download(
    client: &Client,
    uri: &S3Uri,
    target: &Target,
    resume: bool,
    progress: &Progress,
) -> Result<Received> {
    let attempts = client.options().retry.max_retries + 1;
    let mut resume = resume;
    let mut last = None;
    for _ in 0..attempts {
        match attempt(client, uri, target, resume, progress).await {
            Err(Error::Integrity(message))
                if *target != Target::Stdout && !matches!(target, Target::Through(_)) =>
            {
                // Either the beginning of the local file is not the object's, or the bytes were damaged on the way.
                log::info!("{message}; fetching '{uri}' anew");
                progress.store(0, std::sync::atomic::Ordering::Relaxed);
                resume = false;
                last = Some(Error::Integrity(message));
            }
            other => return other,
        }
    }
    Err(last.unwrap_or_else(|| Error::Integrity("no attempt was made".into())))
}

async fn attempt(
    client: &Client,
    uri: &S3Uri,
    target: &Target,
    resume: bool,
    progress: &Progress,
) -> Result<Received> {
    let partial = match target {
        Target::File(path) if resume => std::fs::metadata(path).ok().map(|metadata| metadata.len()),
        _ => None,
    };
    let Some(have) = partial.filter(|have| *have > 0) else {
        let response = client.get_object(&uri.bucket, &uri.key, &[], Some(progress.clone())).await?;
        let object = Remote::of(&response)?;
        return receive(client, uri, target, object, Some(response), None, progress).await;
    };
    let head = client.head_object(&uri.bucket, &uri.key).await?;
    let object = Remote::of_head(&head);
    if have > object.size {
        let response = client.get_object(&uri.bucket, &uri.key, &[], Some(progress.clone())).await?;
        let object = Remote::of(&response)?;
        return receive(client, uri, target, object, Some(response), None, progress).await;
    }
    receive(client, uri, target, object, None, Some(have), progress).await
}

/// What is known of the object before its bytes come.
#[derive(Clone, Debug)]
struct Remote {
    size: u64,
    etag: String,
    md5: Option<String>,
    modified: Option<SystemTime>,
}

impl Remote {
    fn of(response: &Response) -> Result<Self> {
        let size = response.header("content-length").and_then(|length| length.parse().ok());
        let size = size.ok_or_else(|| Error::Malformed("an object without a length".into()))?;
        Ok(Self::new(size, response.etag(), |name| response.header(name)))
    }

    fn of_head(head: &Head) -> Self {
        Self::new(head.size, head.etag.clone(), |name| head.header(name))
    }

    fn new<'a>(size: u64, etag: String, header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let kms = header("x-amz-server-side-encryption").is_some_and(|kind| kind.starts_with("aws:kms"));
        let customer_key = header("x-amz-server-side-encryption-customer-algorithm").is_some();
        let of_content = is_md5(&etag) && !kms && !customer_key;
        let stored = || Attributes::parse(header(attrs::HEADER)?).md5().map(str::to_owned);
        let md5 = if of_content { Some(etag.clone()) } else { stored() };
        let modified = header("last-modified")
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok())
            .map(SystemTime::from);
        Self { size, etag, md5, modified }
    }

    /// Compares what was received.
    fn verify(&self, uri: &S3Uri, size: u64, computed: [u8; 16]) -> Result<()> {
        if size != self.size {
            return Err(Error::Integrity(format!(
                "{size} bytes of '{uri}' arrived instead of {}",
                self.size
            )));
        }
        match &self.md5 {
            Some(md5) if !md5.eq_ignore_ascii_case(&hex::encode(computed)) => Err(Error::Integrity(format!(
                "MD5 signatures do not match: computed={}, received={md5}",
                hex::encode(computed)
            ))),
            Some(_) => Ok(()),
            None => {
                log::info!("'{uri}' has no MD5 to compare with: only its length was checked");
                Ok(())
            }
        }
    }
}

/// Receives the bytes from `have` on, verifies the whole and puts it in its place.
async fn receive(
    client: &Client,
    uri: &S3Uri,
    target: &Target,
    object: Remote,
    response: Option<Response>,
    have: Option<u64>,
    progress: &Progress,
) -> Result<Received> {
    let mut sink = Sink::open(target, have)?;
    let have = have.unwrap_or(0);
    progress.fetch_add(have, std::sync::atomic::Ordering::Relaxed);
    if object.size <= SMALL
        && have == 0
        && let Some(response) = response
    {
        let mut source = Source {
            client,
            uri,
            object: &object,
            position: 0,
            response: Some(response),
            progress,
            failures: 0,
        };
        let mut content = Vec::with_capacity(object.size as usize);
        while let Some(chunk) = source.next().await? {
            content.extend_from_slice(&chunk);
        }
        sink.write(&content)?;
    } else {
        let mut source =
            Source { client, uri, object: &object, position: have, response, progress, failures: 0 };
        sink = pour(&mut source, sink).await?;
    }
    let computed = sink.hasher.clone().finalize().into();
    object.verify(uri, sink.written, computed)?;
    let was_complete = have == object.size && have > 0;
    sink.place(&object, was_complete)?;
    Ok(Received { size: object.size, was_complete })
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

/// The bytes of an object, taken up again where a connection broke.
struct Source<'a> {
    client: &'a Client,
    uri: &'a S3Uri,
    object: &'a Remote,
    position: u64,
    response: Option<Response>,
    progress: &'a Progress,
    /// Breaks in a row without a byte between them.
    failures: u32,
}

impl Source<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.response.is_none() {
                if self.position >= self.object.size {
                    return Ok(None);
                }
                self.response = Some(self.rest().await?);
            }
            let Some(response) = &mut self.response else { continue };
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    self.position += chunk.len() as u64;
                    self.failures = 0;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.position >= self.object.size => return Ok(None),
                Ok(None) => {
                    self.broken(Error::connection(ConnectionFailure::Broken, "the answer ended early"))
                        .await?;
                }
                Err(error) => self.broken(error).await?,
            }
        }
    }

    /// The object from the present position on, provided that it is still the same.
    async fn rest(&mut self) -> Result<Response> {
        let headers = [
            ("range".to_owned(), format!("bytes={}-", self.position)),
            ("if-match".to_owned(), format!("\"{}\"", self.object.etag)),
        ];
        let (bucket, key) = (&self.uri.bucket, &self.uri.key);
        let response = self.client.get_object(bucket, key, &headers, Some(self.progress.clone())).await?;
        let begins = format!("bytes {}-", self.position);
        let in_place = response.header("content-range").is_some_and(|range| range.starts_with(&begins));
        if in_place {
            return Ok(response);
        }
        Err(Error::Integrity(format!("the server does not send the rest of '{}'", self.uri)))
    }

    async fn broken(&mut self, error: Error) -> Result<()> {
        let policy = &self.client.options().retry;
        let transient = matches!(
            error,
            Error::Connection { kind: ConnectionFailure::Broken | ConnectionFailure::Timeout, .. }
        );
        if !transient || self.failures >= policy.max_retries {
            return Err(error);
        }
        let delay = RetryPolicy::delay(policy, self.failures, None, 0.5);
        self.failures += 1;
        log::warn!("Retrying failed request: /{} ({error})", self.uri.key);
        log::warn!("Waiting {:.1} sec...", delay.as_secs_f64());
        tokio::time::sleep(delay).await;
        self.response = None;
        Ok(())
    }
}

/// Where bytes are written and hashed.
struct Sink {
    output: Output,
    hasher: Md5,
    written: u64,
}

enum Output {
    Temporary { file: NamedTempFile, path: PathBuf },
    Through(File),
    Stdout,
}

impl Sink {
    /// Opens the target; the first `have` bytes of an existing file are taken over and hashed.
    fn open(target: &Target, have: Option<u64>) -> Result<Self> {
        let mut sink = match target {
            Target::File(path) => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let parent = parent.unwrap_or(Path::new("."));
                let file = tempfile::Builder::new().prefix(".s3cmd.").suffix(".tmp").tempfile_in(parent);
                let file = file.map_err(plain)?;
                let output = Output::Temporary { file, path: path.clone() };
                Self { output, hasher: Md5::new(), written: 0 }
            }
            Target::Through(path) => {
                let file = std::fs::OpenOptions::new().write(true).open(path)?;
                Self { output: Output::Through(file), hasher: Md5::new(), written: 0 }
            }
            Target::Stdout => Self { output: Output::Stdout, hasher: Md5::new(), written: 0 },
        };
        if let (Some(have), Target::File(path)) = (have, target) {
            let mut existing = File::open(path)?.take(have);
            let mut block = vec![0; 1 << 20];
            loop {
                let count = existing.read(&mut block)?;
                if count == 0 {
                    break;
                }
                sink.write(&block[..count])?;
            }
        }
        Ok(sink)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        match &mut self.output {
            Output::Temporary { file, .. } => file.write_all(bytes),
            Output::Through(file) => file.write_all(bytes),
            Output::Stdout => io::stdout().lock().write_all(bytes),
        }
    }

    /// Gives a verified file its mode, its time and its name.
    fn place(self, object: &Remote, was_complete: bool) -> Result<()> {
        match self.output {
            Output::Temporary { .. } if was_complete => Ok(()),
            Output::Temporary { file, path } => {
                file.as_file().set_permissions(mode_for(&path))?;
                if let Some(modified) = object.modified {
                    let time = filetime::FileTime::from_system_time(modified);
                    filetime::set_file_handle_times(file.as_file(), Some(time), Some(time))?;
                }
                file.persist(&path).map_err(|error| plain(error.error))?;
                Ok(())
            }
            Output::Through(file) => match file.sync_all() {
                // Pipes and most devices cannot be synchronised.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                other => Ok(other?),
            },
            Output::Stdout => Ok(io::stdout().lock().flush()?),
        }
    }
}

/// The mode of the file that is replaced, else that of any new file.
#[cfg(unix)]
fn mode_for(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => std::fs::Permissions::from_mode(0o666 & !umask()),
    }
}

/// The process's umask. It can only be read by setting it, so that is done once.
#[cfg(unix)]
fn umask() -> u32 {
    static UMASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *UMASK.get_or_init(|| {
        let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        rustix::process::umask(old);
        old.as_raw_mode()
    })
}

/// An error without the temporary file's name, which means nothing to the user.
fn plain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}
