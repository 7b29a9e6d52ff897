//! A body that is sent once, while it arrives, for callers that forward an upload of another client.
//!
//! The SHA-256 of such a body is not known in advance. With signature version 4 it is therefore sent in chunks that
//! each carry a signature for the server to verify (`aws-chunked`), unless its checksum is known after all. The
//! object is created only with the last byte: if the sender fails before that, there is no object.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use s3cmd_client::Method;
//! use s3cmd_client::bytes::Bytes;
//! use s3cmd_client::http::request::Request;
//! use s3cmd_client::http::stream_body::StreamBody;
//!
//! let (sender, blocks) = tokio::sync::mpsc::channel(1);
//! tokio::spawn(async move { sender.send(Ok(Bytes::from("text"))).await });
//! let request = Request::new(Method::PUT, Some("bucket"), Some("key"));
//! client.send(request.stream(StreamBody::new(4, blocks))).await?;
//! # Ok(())
//! # }
//! ```

use super::body::{WireBody, counted};
use super::throttle::Throttle;
use crate::credentials::Credentials;
use crate::sign::v4;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::Stream;
use futures::future::Either;
use std::fmt;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Content of a chunk, in bytes. The AWS SDK for Java uses the same size, so every store has seen it.
const CHUNK: usize = 128 << 10;

/// The payload hash that announces signed chunks.
pub(crate) const STREAMING_PAYLOAD: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// Bytes that surround the content of a chunk, without the hex size.
const CHUNK_OVERHEAD: usize = ";chunk-signature=".len() + 64 + 4;

/// Content that streams through. Clones share it; the first request that is sent consumes it.
#[derive(Clone)]
pub struct StreamBody {
    length: u64,
    blocks: Arc<Mutex<Option<mpsc::Receiver<io::Result<Bytes>>>>>,
}

impl fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBody").field("length", &self.length).finish_non_exhaustive()
    }
}

impl StreamBody {
    /// Content of `length` bytes, received from `blocks`. An error among the blocks aborts the request.
    pub fn new(length: u64, blocks: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self { length, blocks: Arc::new(Mutex::new(Some(blocks))) }
    }

    /// Whether a request has consumed the content.
    pub(crate) fn is_spent(&self) -> bool {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Length of the content in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Length of the body in signed chunks, in bytes.
    pub(crate) fn signed_len(&self) -> u64 {
        let chunk = |size: u64| (format!("{size:x}").len() + CHUNK_OVERHEAD) as u64 + size;
        let (whole, rest) = (self.length / CHUNK as u64, self.length % CHUNK as u64);
        let rest = if rest == 0 { 0 } else { chunk(rest) };
        whole * chunk(CHUNK as u64) + rest + chunk(0)
    }

    /// The body to send; in signed chunks if there is a signer. `sent` counts the bytes handed to the connection.
    pub(crate) fn wire(
        &self,
        signer: Option<ChunkSigner>,
        sent: Arc<AtomicU64>,
        throttle: Option<Arc<Throttle>>,
    ) -> WireBody {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).take();
        let blocks = match blocks {
            Some(blocks) => blocks,
            None => {
                // The content has been consumed: fail, rather than send an empty body.
                let (sender, blocks) = mpsc::channel(1);
                let _ = sender.try_send(Err(io::Error::other("the body has already been sent")));
                blocks
            }
        };
        let blocks = match signer {
            Some(signer) => Either::Left(signed_chunks(blocks, signer)),
            None => Either::Right(futures::stream::unfold(blocks, |mut blocks| async move {
                blocks.recv().await.map(|block| (block, blocks))
            })),
        };
        counted(blocks, sent, throttle)
    }
}

/// Signs one chunk after the other, starting from the signature of the request.
pub(crate) struct ChunkSigner {
    pub(crate) secret_key: Zeroizing<String>,
    pub(crate) time: DateTime<Utc>,
    pub(crate) region: String,
    pub(crate) service: &'static str,
    pub(crate) previous: String,
}

impl ChunkSigner {
    /// The signer for a request with these signed headers; `None` if they contain no signature.
    pub(crate) fn of(
        added: &[(String, String)],
        credentials: &Credentials,
        scope: &v4::Scope<'_>,
        service: &'static str,
    ) -> Option<Self> {
        let (_, value) = added.iter().find(|(name, _)| name == "authorization")?;
        let (_, signature) = value.rsplit_once("Signature=")?;
        Some(Self {
            secret_key: Zeroizing::new(credentials.secret_key().to_owned()),
            time: scope.time,
            region: scope.region.to_owned(),
            service,
            previous: signature.to_owned(),
        })
    }

    /// Encodes a chunk with its signature; an empty chunk is the last one.
    fn chunk(&mut self, content: &[u8]) -> Bytes {
        let scope = v4::Scope { time: self.time, region: &self.region, service: self.service };
        self.previous = v4::chunk_signature(&self.secret_key, &scope, &self.previous, content);
        let head = format!("{:x};chunk-signature={}\r\n", content.len(), self.previous);
        [head.as_bytes(), content, b"\r\n"].concat().into()
    }
}

enum Stage {
    Flowing(mpsc::Receiver<io::Result<Bytes>>),
    Ended,
    Done,
}

fn signed_chunks(
    blocks: mpsc::Receiver<io::Result<Bytes>>,
    signer: ChunkSigner,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let start = (Stage::Flowing(blocks), signer, BytesMut::with_capacity(2 * CHUNK));
    futures::stream::unfold(start, |(mut stage, mut signer, mut buffered)| async move {
        loop {
            if buffered.len() >= CHUNK {
                let chunk = signer.chunk(&buffered.split_to(CHUNK));
                return Some((Ok(chunk), (stage, signer, buffered)));
            }
            match &mut stage {
                Stage::Flowing(blocks) => match blocks.recv().await {
                    Some(Ok(block)) => buffered.extend_from_slice(&block),
                    Some(Err(error)) => return Some((Err(error), (Stage::Done, signer, BytesMut::new()))),
                    None => stage = Stage::Ended,
                },
                Stage::Ended if !buffered.is_empty() => {
                    let chunk = signer.chunk(&buffered.split());
                    return Some((Ok(chunk), (stage, signer, buffered)));
                }
                Stage::Ended => return Some((Ok(signer.chunk(&[])), (Stage::Done, signer, buffered))),
                Stage::Done => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn signer() -> ChunkSigner {
        ChunkSigner {
            secret_key: Zeroizing::new("secret".to_owned()),
            time: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            region: "r".to_owned(),
            service: "s3",
            previous: "0".repeat(64),
        }
    }

    async fn stream(blocks: Vec<io::Result<Bytes>>, length: u64) -> StreamBody {
        let (sender, receiver) = mpsc::channel(blocks.len().max(1));
        for block in blocks {
            sender.send(block).await.unwrap();
        }
        StreamBody::new(length, receiver)
    }

    #[tokio::test]
    async fn chunks_have_one_size_and_the_announced_length() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77] {
            let content = Bytes::from(vec![7; length]);
            let blocks = content.chunks(50_001).map(|block| Ok(Bytes::copy_from_slice(block))).collect();
            let stream = stream(blocks, length as u64).await;
            let expected_len = stream.signed_len();
            let body = stream.wire(Some(signer()), Arc::default(), None).collect().await.unwrap().to_bytes();
            assert_eq!(body.len() as u64, expected_len, "{length}");
            let mut one = signer();
            let mut expected: Vec<u8> = content.chunks(CHUNK).flat_map(|chunk| one.chunk(chunk)).collect();
            expected.extend(one.chunk(&[]));
            assert_eq!(body, expected, "{length}");
            assert!(stream.is_spent());
        }
    }

    #[tokio::test]
    async fn a_failed_body_has_no_last_chunk_and_no_body_is_sent_twice() {
        let blocks = vec![Ok(Bytes::from_static(b"abc")), Err(io::Error::other("not what was promised"))];
        let stream = stream(blocks, 3).await;
        let error = stream.wire(Some(signer()), Arc::default(), None).collect().await.unwrap_err();
        assert_eq!(error.to_string(), "not what was promised");
        let again = stream.wire(None, Arc::default(), None).collect().await.unwrap_err();
        assert_eq!(again.to_string(), "the body has already been sent");
    }
}
