//! Request bodies that can be sent repeatedly: bytes in memory, or a range of an open file.
//!
//! # Examples
//!
//! ```no_run
//! use s3cmd_client::http::body::{FileRange, Payload};
//! use std::fs::File;
//! use std::sync::Arc;
//!
//! let file = FileRange::whole(Arc::new(File::open("data.bin")?))?;
//! let first_mib = Payload::File(FileRange { length: file.length.min(1 << 20), ..file });
//! # Ok::<(), std::io::Error>(())
//! ```

use super::buffers::{BLOCK, Buffer};
use crate::checksum::{self, Algorithm, Checksum};
use crate::digest::Md5;
use crate::error::Result;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::Either;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Number of blocks that are read ahead of the socket.
const READ_AHEAD: usize = 2;

/// The body of an HTTP request or response.
pub(crate) type WireBody = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The content of an upload. Cloning is cheap, so each retry starts from the beginning.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Bytes in memory; empty for requests without a body.
    Bytes(Bytes),
    /// A range of an open file, streamed in blocks with constant memory.
    File(FileRange),
}

/// A range of a file. The file stays open as long as the range may have to be sent again.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The open file. It is read only at explicit offsets, so that several ranges can be sent at the same time.
    pub file: Arc<File>,
    /// Offset of the first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// The requested checksums of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DigestKinds {
    /// MD5.
    pub md5: bool,
    /// SHA-256.
    pub sha256: bool,
    /// One of the `x-amz-checksum-*` checksums. SHA-256 is computed only once if both fields request it.
    pub checksum: Option<Algorithm>,
}

/// Checksums of a payload, as far as they were requested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// MD5 of the bytes.
    pub md5: Option<[u8; 16]>,
    /// SHA-256 of the bytes.
    pub sha256: Option<[u8; 32]>,
    /// The `x-amz-checksum-*` checksum.
    pub checksum: Option<Checksum>,
}

impl Default for Payload {
    fn default() -> Self {
        Payload::Bytes(Bytes::new())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Payload::Bytes(bytes)
    }
}

impl Payload {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Payload::Bytes(bytes) => bytes.len() as u64,
            Payload::File(range) => range.length,
        }
    }

    /// Whether the payload is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The digests with which requests are signed and verified; see [`Payload::hashed`].
    pub async fn digests(&self, md5: bool, sha256: bool) -> Result<Digests> {
        self.hashed(DigestKinds { md5, sha256, checksum: None }).await
    }

    /// Computes the requested checksums in one pass. Large payloads are hashed off the async threads.
    pub async fn hashed(&self, requested: DigestKinds) -> Result<Digests> {
        match self {
            Payload::Bytes(bytes) if bytes.len() <= BLOCK => {
                let mut hasher = Hasher::new(requested);
                hasher.update(bytes);
                Ok(hasher.finish())
            }
            Payload::Bytes(bytes) => {
                let bytes = bytes.clone();
                blocking(move || {
                    let mut hasher = Hasher::new(requested);
                    bytes.chunks(BLOCK).for_each(|block| hasher.update(block));
                    Ok(hasher.finish())
                })
                .await
            }
            Payload::File(range) => {
                let range = range.clone();
                blocking(move || {
                    let mut hasher = Hasher::new(requested);
                    range.each_block(|block| {
                        hasher.update(&block);
                        Ok(())
                    })?;
                    Ok(hasher.finish())
                })
                .await
            }
        }
    }

    /// The body for one attempt. `sent` counts the bytes handed to the connection.
    pub(crate) fn wire(&self, sent: Arc<AtomicU64>, throttle: Option<Arc<crate::Throttle>>) -> WireBody {
        match self {
            Payload::Bytes(bytes) if bytes.is_empty() => whole(Bytes::new()),
            Payload::Bytes(bytes) => {
                let mut rest = bytes.clone();
                let blocks = std::iter::from_fn(move || {
                    (!rest.is_empty()).then(|| Ok(rest.split_to(rest.len().min(BLOCK))))
                });
                counted(futures::stream::iter(blocks), sent, throttle)
            }
            Payload::File(range) => {
                let range = range.clone();
                let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(READ_AHEAD);
                tokio::task::spawn_blocking(move || {
                    // A closed channel means that the connection is gone: stop reading.
                    let result = range.each_block(|block| {
                        sender.blocking_send(Ok(block)).map_err(|_| io::ErrorKind::BrokenPipe.into())
                    });
                    if let Err(error) = result {
                        let _ = sender.blocking_send(Err(error));
                    }
                });
                let blocks = futures::stream::unfold(receiver, |mut receiver| async move {
                    receiver.recv().await.map(|block| (block, receiver))
                });
                counted(blocks, sent, throttle)
            }
        }
    }
}

/// A body of bytes in memory, sent in one piece.
pub(crate) fn whole(bytes: Bytes) -> WireBody {
    Full::new(bytes).map_err(Into::into).boxed()
}

/// A body that streams `blocks` and counts their bytes into `sent`.
pub(crate) fn counted(
    blocks: impl futures::Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    sent: Arc<AtomicU64>,
    throttle: Option<Arc<crate::Throttle>>,
) -> WireBody {
    let blocks = match throttle {
        Some(throttle) => Either::Left(throttle.slow_down(blocks)),
        None => Either::Right(blocks),
    };
    let frames = blocks.map(move |block| {
        let block = block?;
        sent.fetch_add(block.len() as u64, Ordering::Relaxed);
        Ok(http_body::Frame::data(block))
    });
    // The stream's futures are Send but not Sync; the body is never shared between threads.
    BodyExt::boxed(StreamBody::new(SyncStream::new(frames)))
}

/// Makes a stream `Sync`: polling needs `&mut`, so the stream is never shared.
struct SyncStream<S>(std::sync::Mutex<std::pin::Pin<Box<S>>>);

impl<S> SyncStream<S> {
    fn new(stream: S) -> Self {
        Self(std::sync::Mutex::new(Box::pin(stream)))
    }
}

impl<S: futures::Stream> futures::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let stream = self.get_mut().0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        stream.as_mut().poll_next(cx)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let result = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
    Ok(result?)
}

impl FileRange {
    /// The whole file, with its current length.
    pub fn whole(file: Arc<File>) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, offset: 0, length })
    }

    /// Reads the range block by block. Fails if the file became shorter; never pads.
    pub fn each_block(&self, mut consume: impl FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
        let mut position = self.offset;
        let end = self.offset + self.length;
        while position < end {
            let length = BLOCK.min((end - position) as usize);
            let mut block = Buffer::take();
            read_exact_at(&self.file, block.space(length), position)?;
            position += length as u64;
            consume(block.freeze())?;
        }
        Ok(())
    }
}

/// The source file changed during a transfer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FileChanged(&'static str);

impl FileChanged {
    /// The file was written to, or replaced.
    pub const DURING_UPLOAD: Self = Self("the file changed while it was uploaded");
    /// The file was truncated.
    const SHORTER: Self = Self("the file became shorter while it was read");

    /// Whether an I/O error is a `FileChanged`.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl From<FileChanged> for io::Error {
    fn from(changed: FileChanged) -> Self {
        io::Error::other(changed)
    }
}

/// Reads exactly at an offset, without moving the file's cursor.
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FileChanged::SHORTER.into(),
        _ => error,
    })
}

/// Computes several digests in one pass.
#[derive(Clone, Debug)]
pub struct Hasher {
    md5: Option<Md5>,
    sha256: Option<Sha256>,
    /// `None` if the requested checksum is the SHA-256 above.
    checksum: Option<checksum::Hasher>,
    requested: DigestKinds,
}

impl Hasher {
    /// Starts computing the requested digests.
    pub fn new(requested: DigestKinds) -> Self {
        let is_sha256 = requested.checksum == Some(Algorithm::Sha256);
        Self {
            md5: requested.md5.then(Md5::new),
            sha256: (requested.sha256 || is_sha256).then(Sha256::new),
            checksum: requested.checksum.filter(|_| !is_sha256).map(checksum::Hasher::new),
            requested,
        }
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
        }
    }

    /// Returns the digests of all bytes added so far.
    pub fn finish(self) -> Digests {
        let sha256: Option<[u8; 32]> = self.sha256.map(|sha256| sha256.finalize().into());
        let is_sha256 = self.requested.checksum == Some(Algorithm::Sha256);
        let checksum = self.checksum.map(checksum::Hasher::finish);
        Digests {
            md5: self.md5.map(|md5| md5.finalize().into()),
            sha256: sha256.filter(|_| self.requested.sha256),
            checksum: checksum.or(sha256.filter(|_| is_sha256).map(Checksum::of_sha256)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn file_ranges_and_bytes_have_the_same_digests() {
        let content: Vec<u8> = (0..700_000u32).map(|i| (i % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let range = FileRange { file: Arc::new(file), offset: 100, length: 600_000 };
        let slice = Bytes::copy_from_slice(&content[100..600_100]);
        let of_file = Payload::File(range.clone()).digests(true, true).await.unwrap();
        assert_eq!(of_file, Payload::Bytes(slice.clone()).digests(true, true).await.unwrap());
        for algorithm in Algorithm::all() {
            let requested = DigestKinds { md5: true, sha256: false, checksum: Some(algorithm) };
            let hashed = Payload::File(range.clone()).hashed(requested).await.unwrap();
            assert_eq!((hashed.md5, hashed.sha256), (of_file.md5, None));
            let mut alone = checksum::Hasher::new(algorithm);
            alone.update(&slice);
            assert_eq!(hashed.checksum, Some(alone.finish()));
        }

        let sent = Arc::new(AtomicU64::new(0));
        let body = Payload::File(range).wire(sent.clone(), None).collect().await.unwrap().to_bytes();
        assert_eq!(body, slice);
        assert_eq!(sent.load(Ordering::Relaxed), 600_000);
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"short").unwrap();
        let range = FileRange { file: Arc::new(file), offset: 0, length: 10 };
        assert!(Payload::File(range.clone()).digests(true, false).await.is_err());
        assert!(Payload::File(range).wire(Arc::default(), None).collect().await.is_err());
    }
}
