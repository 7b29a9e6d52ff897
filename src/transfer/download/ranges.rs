//! A large object by several ranges at once, into one file.
//!
//! Each range asks for the very version that the first answer named (`If-Match`). Chunks that are written are noted in a
//! journal, so that a run that was killed goes on where it stopped.

use super::composite;
use super::journal::{Journal, digest};
use super::object::Remote;
use super::part_file::PartFile;
use crate::digest::{Digest, Md5};
use crate::s3::multipart::MAX_PARTS;
use crate::s3::request::{Progress, Response};
use crate::s3::retry::RetryPolicy;
use crate::s3::{Client, ConnectionFailure, Error, Result};
use crate::uri::S3Uri;
use bytes::Bytes;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use tokio::task::JoinSet;

/// Objects from this size on are fetched by ranges, in bytes.
pub(super) const LARGE: u64 = 32 << 20;

/// Bytes of a range: large enough that a request more does not matter, small enough that little is fetched twice.
const CHUNK: u64 = 16 << 20;

/// Bytes that are collected for one write.
const WRITE: usize = 1 << 20;

/// Everything that the workers share.
#[derive(Debug)]
struct Job {
    client: Client,
    uri: S3Uri,
    object: Remote,
    file: Arc<File>,
    journal: Journal,
    progress: Progress,
    /// Chunks still to fetch, and how many of them were taken.
    missing: Vec<u64>,
    taken: AtomicUsize,
}

/// Fetches all of the object into the file, verified. `false` if the server does not do ranges.
pub(super) async fn fetch(
    client: &Client,
    uri: &S3Uri,
    object: &Remote,
    part: &mut PartFile,
    progress: &Progress,
) -> Result<bool> {
    let file = part.file().clone();
    let (journal, claims) = Journal::open(&part.journal(), uri, object, CHUNK)?;
    part.keep();
    let chunks = object.size.div_ceil(CHUNK);
    let known_length = file.metadata()?.len() == object.size;
    if !known_length {
        file.set_len(0)?;
        file.set_len(object.size)?;
    }
    let (checked, object_size) = (file.clone(), object.size);
    let present = tokio::task::spawn_blocking(move || {
        let claimed = claims.into_iter().filter(|(chunk, _)| known_length && *chunk < chunks);
        let sound = claimed
            .filter(|(chunk, sum)| checksum_of(&checked, *chunk, object_size).is_ok_and(|is| is == *sum));
        sound.map(|(chunk, _)| chunk).collect::<std::collections::BTreeSet<u64>>()
    });
    let present = present.await.map_err(io::Error::other)?;
    let have: u64 = present.iter().map(|chunk| length_of(*chunk, object.size)).sum();
    if have > 0 {
        log::info!("'{uri}': {have} of {} bytes are there from an earlier run", object.size);
    }
    progress.fetch_add(have, Ordering::Relaxed);

    let missing: Vec<u64> = (0..chunks).filter(|chunk| !present.contains(chunk)).collect();
    let (done, hashed) = hash_in_order(object, &file, chunks);
    for chunk in present {
        // The hasher ends only after all chunks were named, or when this side is dropped.
        let _ = done.send(chunk);
    }
    let workers = client.options().bulk.min(missing.len()).min(MAX_PARTS as usize);
    let job = Arc::new(Job {
        client: client.clone(),
        uri: uri.clone(),
        object: object.clone(),
        file: file.clone(),
        journal,
        progress: progress.clone(),
        missing,
        taken: AtomicUsize::new(0),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        tasks.spawn(work(job.clone(), done.clone()));
    }
    drop(done);
    while let Some(ended) = tasks.join_next().await {
        match ended.map_err(io::Error::other)? {
            Ok(true) => {}
            // Dropping the set ends the other workers.
            Ok(false) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    let md5 = hashed.await.map_err(io::Error::other)??;
    object.verify(uri, file.metadata()?.len(), md5)?;
    if md5.is_none() {
        composite::verify(client, uri, object, &file, true).await?;
    }
    Ok(true)
}

/// Takes chunks until none is left. `false` if the server does not do ranges.
async fn work(job: Arc<Job>, done: mpsc::Sender<u64>) -> Result<bool> {
    loop {
        let Some(chunk) = job.missing.get(job.taken.fetch_add(1, Ordering::Relaxed)).copied() else {
            return Ok(true);
        };
        let _leave = job.client.bulk_leave().await;
        let Some(checksum) = fetch_chunk(&job, chunk).await? else { return Ok(false) };
        job.journal.add(chunk, checksum)?;
        let _ = done.send(chunk);
    }
}

/// Fetches one chunk; its checksum, or `None` if the server does not do ranges.
async fn fetch_chunk(job: &Arc<Job>, chunk: u64) -> Result<Option<u64>> {
    let mut position = chunk * CHUNK;
    let end = position + length_of(chunk, job.object.size);
    let policy = &job.client.options().retry;
    let mut crc = digest();
    let mut failures = 0;
    while position < end {
        let Some(mut response) = request(job, position, end).await? else { return Ok(None) };
        loop {
            match gather(&mut response).await {
                Ok(pieces) if pieces.is_empty() => break,
                Ok(pieces) => {
                    failures = 0;
                    let file = job.file.clone();
                    let written = tokio::task::spawn_blocking(move || {
                        let mut at = position;
                        for piece in &pieces {
                            if at + piece.len() as u64 > end {
                                return Err(io::Error::other("the server sent more than was asked for"));
                            }
                            file.write_all_at(piece, at)?;
                            crc.update(piece);
                            at += piece.len() as u64;
                        }
                        Ok((at, crc))
                    });
                    (position, crc) = written.await.map_err(io::Error::other)??;
                }
                Err(Error::Connection {
                    kind: ConnectionFailure::Broken | ConnectionFailure::Timeout,
                    message,
                }) if failures < policy.max_retries => {
                    let delay = RetryPolicy::delay(policy, failures, None, 0.5);
                    failures += 1;
                    log::warn!("Retrying failed request: /{} ({message})", job.uri.key);
                    log::warn!("Waiting {:.1} sec...", delay.as_secs_f64());
                    tokio::time::sleep(delay).await;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Some(crc.finalize()))
}

async fn request(job: &Job, position: u64, end: u64) -> Result<Option<Response>> {
    let headers = [
        ("range".to_owned(), format!("bytes={position}-{}", end - 1)),
        ("if-match".to_owned(), format!("\"{}\"", job.object.etag)),
    ];
    let (bucket, key) = (&job.uri.bucket, &job.uri.key);
    let response = match job.client.get_object(bucket, key, &headers, Some(job.progress.clone())).await {
        Err(error) if error.status() == Some(412) => {
            return Err(Error::Integrity(format!("'{}' changed while it was read", job.uri)));
        }
        response => response?,
    };
    let begins = format!("bytes {position}-");
    let in_place = response.header("content-range").is_some_and(|range| range.starts_with(&begins));
    Ok(Some(response).filter(|_| in_place))
}

/// The next bytes, as many as make a good write; empty at the end.
async fn gather(response: &mut Response) -> Result<Vec<Bytes>> {
    let (mut pieces, mut length) = (Vec::new(), 0);
    while length < WRITE {
        match response.chunk().await {
            Ok(Some(piece)) => {
                length += piece.len();
                pieces.push(piece);
            }
            Ok(None) => break,
            // What came before the break is good; the next call meets the break again.
            Err(_) if !pieces.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(pieces)
}

/// A digest in the making; `None` where none was wanted or the transfer was given up.
type Hashing = tokio::task::JoinHandle<io::Result<Option<[u8; 16]>>>;

/// Hashes the file from its beginning as its chunks become complete, beside the transfer. The sender names complete
/// chunks in any order.
fn hash_in_order(object: &Remote, file: &Arc<File>, chunks: u64) -> (mpsc::Sender<u64>, Hashing) {
    let (sender, receiver) = mpsc::channel();
    let (wanted, size, file) = (object.md5.is_some(), object.size, file.clone());
    let task = tokio::task::spawn_blocking(move || {
        if !wanted {
            return Ok(None);
        }
        let mut hasher = Md5::new();
        let mut ready = std::collections::BTreeSet::new();
        let mut next = 0;
        let mut block = vec![0; WRITE];
        while next < chunks {
            while !ready.remove(&next) {
                match receiver.recv() {
                    Ok(chunk) => ready.insert(chunk),
                    // The transfer was given up; its own error says why.
                    Err(_) => return Ok(None),
                };
            }
            each_block(&file, next, size, &mut block, |bytes| hasher.update(bytes))?;
            next += 1;
        }
        Ok(Some(hasher.finalize().into()))
    });
    (sender, task)
}

fn checksum_of(file: &File, chunk: u64, size: u64) -> io::Result<u64> {
    let mut crc = digest();
    each_block(file, chunk, size, &mut vec![0; WRITE], |bytes| crc.update(bytes))?;
    Ok(crc.finalize())
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
