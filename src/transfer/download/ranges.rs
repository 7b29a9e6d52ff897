//! Downloads a large object by concurrent ranges into one file.
//!
//! Each range requests exactly the version that the first response described, and its response is checked against that.
//! Written chunks are recorded in a resume state, so that the next run can continue if this one is killed.

use super::object::Remote;
use super::part_file::PartFile;
use super::parts::Compared;
use super::resume_state::{self, ResumeState};
use crate::interrupt::ResumableWork;
use crate::uri::S3Uri;
use bytes::Bytes;
use s3cmd_client::checksum::{self, Algorithm, Checksum};
use s3cmd_client::http::body::{DigestKinds, Digests, Hasher};
use s3cmd_client::http::request::{Progress, Response};
use s3cmd_client::ops::multipart::MAX_PARTS;
use s3cmd_client::{Client, ConnectionFailure, Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::task::JoinSet;

/// Objects from this size in bytes are fetched by ranges.
pub(super) const LARGE: u64 = 32 << 20;

/// Size of a range in bytes: large enough that one more request does not matter, and small enough that little is
/// fetched twice.
const CHUNK: u64 = 16 << 20;

/// The number of bytes that are collected for one write.
const WRITE: usize = 1 << 20;

/// The state that the workers share.
#[derive(Debug)]
struct Job {
    client: Client,
    uri: S3Uri,
    object: Remote,
    file: Arc<File>,
    resume_state: ResumeState,
    progress: Progress,
    /// Chunks still to fetch, and how many of them workers have taken.
    missing: Vec<u64>,
    taken: AtomicUsize,
    /// The algorithm of the object's checksum, and the checksums of the chunks that are present, if the checksum of the
    /// whole can be combined from them.
    combined: Option<Algorithm>,
    checksums: Mutex<BTreeMap<u64, Checksum>>,
    /// The message about what an interruption leaves, if a later run can find it.
    kept: Option<ResumableWork>,
}

/// The running checksums of a chunk.
struct Sums {
    /// The checksum of the resume state.
    resume_state: crc_fast::Digest,
    /// The checksum of the object, if its algorithm differs.
    object: Option<checksum::Hasher>,
    combined: Option<Algorithm>,
}

impl Sums {
    fn new(combined: Option<Algorithm>) -> Self {
        let other = combined.filter(|algorithm| *algorithm != Algorithm::Crc64Nvme);
        Self { resume_state: resume_state::digest(), object: other.map(checksum::Hasher::new), combined }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.resume_state.update(bytes);
        if let Some(object) = &mut self.object {
            object.update(bytes);
        }
    }

    /// The checksum for the resume state, and the object's if it is needed.
    fn finish(self) -> (u64, Option<Checksum>) {
        let resume_state = self.resume_state.finalize();
        let same = self.combined.map(|_| Checksum::of_crc64nvme(resume_state));
        (resume_state, self.object.map(checksum::Hasher::finish).or(same))
    }
}

/// The result of a fetch.
pub(super) struct Fetched {
    /// The result of the comparison with the store's checksums.
    pub(super) compared: Compared,
    /// Whether the content includes bytes of the existing file, which were not fetched from the server.
    pub(super) took_over: bool,
}

/// Fetches the whole object into the file and verifies it. `existing` is a file that may be the beginning of the
/// object. Returns `None` if the server does not support ranges.
pub(super) async fn fetch(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    part: &mut PartFile,
    existing: Option<File>,
    progress: &Progress,
) -> Result<Option<Fetched>> {
    let file = part.file().clone();
    let (resume_state, claims) = ResumeState::open(
        part.resume_state().as_deref(),
        &client.options().endpoint.host,
        uri,
        object,
        CHUNK,
    );
    part.keep();
    let chunks = object.size.div_ceil(CHUNK);
    let known_length = file.metadata()?.len() == object.size;
    if !known_length && !has_length(&file, object.size)? {
        return Ok(None);
    }
    let combined = object.required_digests().checksum.filter(|algorithm| algorithm.is_of_whole());
    let (checked, object_size) = (file.clone(), object.size);
    let present = tokio::task::spawn_blocking(move || {
        let claimed = claims.into_iter().filter(|(chunk, _)| known_length && *chunk < chunks);
        let sound = claimed.filter_map(|(chunk, sum)| {
            let (found, checksum) = checksums_of(&checked, chunk, object_size, combined).ok()?;
            (found == sum).then_some((chunk, checksum))
        });
        let mut present: BTreeMap<u64, Option<Checksum>> = sound.collect();
        let vouched_for = present.len();
        if let Some(existing) = existing {
            take_over(&existing, &checked, object_size, combined, &mut present)?;
        }
        let took_over = present.len() > vouched_for;
        io::Result::Ok((resume_state, present, took_over))
    });
    let (resume_state, present, took_over) = present.await.map_err(io::Error::other)??;
    let have: u64 = present.keys().map(|chunk| length_of(*chunk, object.size)).sum();
    if have > 0 {
        log::info!("'{uri}': {have} of {} bytes are there from an earlier run", object.size);
    }
    progress.fetch_add(have, Ordering::Relaxed);
    let kept =
        part.is_kept().then(|| ResumableWork::new(format!("'{}'", part.target().display()), object.size));
    if let Some(kept) = &kept {
        kept.add(have);
    }

    let missing: Vec<u64> = (0..chunks).filter(|chunk| !present.contains_key(chunk)).collect();
    let mut required = object.required_digests();
    required.checksum = required.checksum.filter(|_| combined.is_none());
    let (done, hashed) = hash_in_order(required, object.size, &file, chunks);
    for &chunk in present.keys() {
        // Sending fails only if the hasher has failed, which is reported below.
        let _ = done.send(chunk);
    }
    let workers = client.options().bulk.min(missing.len()).min(MAX_PARTS as usize);
    let job = Arc::new(Job {
        client: client.clone(),
        uri: uri.clone(),
        object: object.clone(),
        file: file.clone(),
        resume_state,
        progress: progress.clone(),
        missing,
        taken: AtomicUsize::new(0),
        combined,
        checksums: Mutex::new(
            present.into_iter().filter_map(|(chunk, checksum)| Some((chunk, checksum?))).collect(),
        ),
        kept,
    });
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        tasks.spawn(work(job.clone(), done.clone()));
    }
    drop(done);
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(io::Error::other)? {
            Ok(true) => {}
            // Dropping the set aborts the other workers.
            Ok(false) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let mut digests = hashed.await.map_err(io::Error::other)??;
    if combined.is_some() {
        let checksums = job.checksums.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = checksums.iter().map(|(chunk, checksum)| (*checksum, length_of(*chunk, object.size)));
        digests.checksum = Checksum::of_whole(parts);
    }
    let compared = match object.verify(uri, file.metadata()?.len(), &digests)? {
        Some(evidence) => Compared::Proved(evidence),
        None => super::parts::verify(client, uri, object, &file, true).await?,
    };
    Ok(Some(Fetched { compared, took_over }))
}

/// Sets the length of the file. Returns `false` if the file system cannot extend a file beyond what was written.
fn has_length(file: &File, size: u64) -> io::Result<bool> {
    match file.set_len(0).and_then(|()| file.set_len(size)) {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Copies complete chunks, unless they are present, from a file that may be the beginning of the object. They are not
/// recorded in the resume state, which covers only bytes from the server.
fn take_over(
    existing: &File,
    file: &File,
    size: u64,
    combined: Option<Algorithm>,
    present: &mut BTreeMap<u64, Option<Checksum>>,
) -> io::Result<()> {
    let length = existing.metadata()?.len().min(size);
    let mut block = vec![0; WRITE];
    for chunk in 0..length / CHUNK {
        if present.contains_key(&chunk) {
            continue;
        }
        let mut sums = Sums::new(combined);
        let mut position = chunk * CHUNK;
        let mut written = Ok(());
        each_block(existing, chunk, size, &mut block, |bytes| {
            sums.update(bytes);
            if written.is_ok() {
                written = file.write_all_at(bytes, position);
            }
            position += bytes.len() as u64;
        })?;
        written?;
        present.insert(chunk, sums.finish().1);
    }
    Ok(())
}

/// Fetches chunks until none is left. Returns `false` if the server does not support ranges.
async fn work(job: Arc<Job>, done: mpsc::Sender<u64>) -> Result<bool> {
    loop {
        let Some(chunk) = job.missing.get(job.taken.fetch_add(1, Ordering::Relaxed)).copied() else {
            return Ok(true);
        };
        let _permit = job.client.bulk_permit().await;
        let Some((sum, checksum)) = fetch_chunk(&job, chunk).await? else { return Ok(false) };
        job.resume_state.add(chunk, sum);
        if let Some(kept) = &job.kept {
            kept.add(length_of(chunk, job.object.size));
        }
        if let Some(checksum) = checksum {
            job.checksums.lock().unwrap_or_else(PoisonError::into_inner).insert(chunk, checksum);
        }
        let _ = done.send(chunk);
    }
}

/// Fetches one chunk. Returns its checksums, or `None` if the server does not support ranges.
async fn fetch_chunk(job: &Arc<Job>, chunk: u64) -> Result<Option<(u64, Option<Checksum>)>> {
    let mut position = chunk * CHUNK;
    let end = position + length_of(chunk, job.object.size);
    let mut sums = Sums::new(job.combined);
    let mut failures = 0;
    while position < end {
        let version = job.object.version(&job.uri);
        let range = (position, end - 1);
        let progress = Some(job.progress.clone());
        let Some(mut response) = job.client.get_range(version, range, progress).await? else {
            return Ok(None);
        };
        loop {
            match gather(&mut response).await {
                Ok(pieces) if pieces.is_empty() => {
                    if position < end {
                        let error = Error::connection(ConnectionFailure::Broken, "the answer ended early");
                        job.client.wait_to_resume(&mut failures, &job.uri.key, error).await?;
                    }
                    break;
                }
                Ok(pieces) => {
                    failures = 0;
                    let file = job.file.clone();
                    let written = tokio::task::spawn_blocking(move || {
                        let mut at = position;
                        for piece in &pieces {
                            if at + piece.len() as u64 > end {
                                return Err(Error::Integrity(
                                    "the server sent more than was requested".into(),
                                ));
                            }
                            file.write_all_at(piece, at)?;
                            sums.update(piece);
                            at += piece.len() as u64;
                        }
                        Result::Ok((at, sums))
                    });
                    (position, sums) = written.await.map_err(io::Error::other)??;
                }
                Err(error) => {
                    job.client.wait_to_resume(&mut failures, &job.uri.key, error).await?;
                    break;
                }
            }
        }
    }
    Ok(Some(sums.finish()))
}

/// Receives enough bytes for an efficient write. Empty at the end.
async fn gather(response: &mut Response) -> Result<Vec<Bytes>> {
    let (mut pieces, mut length) = (Vec::new(), 0);
    while length < WRITE {
        match response.chunk().await {
            Ok(Some(piece)) => {
                length += piece.len();
                pieces.push(piece);
            }
            Ok(None) => break,
            // The bytes before the failure are valid. The next call returns the error again.
            Err(_) if !pieces.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(pieces)
}

/// A running computation of digests. They are empty if none are needed or if the transfer failed.
type Hashing = tokio::task::JoinHandle<io::Result<Digests>>;

/// Hashes the file in order while the transfer completes its chunks. The sender receives complete chunks in any order.
/// A checksum that is combined from the chunks is not computed again.
fn hash_in_order(
    required: DigestKinds,
    size: u64,
    file: &Arc<File>,
    chunks: u64,
) -> (mpsc::Sender<u64>, Hashing) {
    let (sender, receiver) = mpsc::channel();
    let file = file.clone();
    let task = tokio::task::spawn_blocking(move || {
        if required == DigestKinds::default() {
            return Ok(Digests::default());
        }
        let mut hasher = Hasher::new(required);
        let mut ready = std::collections::BTreeSet::new();
        let mut next = 0;
        let mut block = vec![0; WRITE];
        while next < chunks {
            while !ready.remove(&next) {
                match receiver.recv() {
                    Ok(chunk) => ready.insert(chunk),
                    // The transfer failed, which is reported by its own error.
                    Err(_) => return Ok(Digests::default()),
                };
            }
            each_block(&file, next, size, &mut block, |bytes| hasher.update(bytes))?;
            next += 1;
        }
        Ok(hasher.finish())
    });
    (sender, task)
}

/// Computes the checksums of a chunk in the file.
fn checksums_of(
    file: &File,
    chunk: u64,
    size: u64,
    combined: Option<Algorithm>,
) -> io::Result<(u64, Option<Checksum>)> {
    let mut sums = Sums::new(combined);
    each_block(file, chunk, size, &mut vec![0; WRITE], |bytes| sums.update(bytes))?;
    Ok(sums.finish())
}

fn each_block(
    file: &File,
    chunk: u64,
    size: u64,
    block: &mut [u8],
    mut consume: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut position = chunk * CHUNK;
    let end = position + length_of(chunk, size);
    while position < end {
        let count = block.len().min((end - position) as usize);
        file.read_exact_at(&mut block[..count], position)?;
        consume(&block[..count]);
        position += count as u64;
    }
    Ok(())
}

fn length_of(chunk: u64, size: u64) -> u64 {
    CHUNK.min(size - chunk * CHUNK)
}
