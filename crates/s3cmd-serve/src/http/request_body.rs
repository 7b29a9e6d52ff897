//! Bodies of requests on their way in.

use super::access_log::AccessLog;
use super::limits::anonymous_timeout;
use crate::auth::payload::BodySource;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use crate::store::file_io::PIECE;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// A body up to this length is read whole before the work starts.
const SMALL_BODY: u64 = PIECE as u64;
/// How many pieces of a body (each at most as long as the connection's buffer) wait for the thread that takes them.
const PIECES_AHEAD: usize = 2;
/// How much of an unwanted body is read before the connection is closed on it.
const DRAIN: u64 = 16 << 20;

fn broken_body(error: impl std::fmt::Display) -> S3Error {
    log::debug!("serve: body: {error}");
    S3Error::new(ErrorCode::IncompleteBody, "The request's body ended before it was complete.")
}

/// The body of a request on its way in.
pub(crate) struct RequestBody {
    pub(crate) body: Incoming,
    /// A client that sends nothing for this long is left.
    pub(crate) timeout: Duration,
    pub(crate) access_log: Arc<AccessLog>,
    /// When a stranger's body began, and how much of it has come; such a body has to move.
    pub(crate) anonymous: Option<(Instant, u64)>,
}

impl RequestBody {
    async fn next(&mut self) -> Option<S3Result<Bytes>> {
        loop {
            let timeout = match self.anonymous {
                Some((began, received)) => self.timeout.min(anonymous_timeout(began, received)),
                None => self.timeout,
            };
            match tokio::time::timeout(timeout, self.body.frame()).await {
                Err(_) => {
                    return Some(fail(
                        ErrorCode::RequestTimeout,
                        "Your socket connection to the server was not read from or written to within the timeout period.",
                    ));
                }
                Ok(None) => return None,
                Ok(Some(Err(error))) => return Some(Err(broken_body(error))),
                // Trailers of HTTP itself say nothing here.
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.access_log.received.fetch_add(data.len() as u64, Ordering::Relaxed);
                        if let Some((_, received)) = &mut self.anonymous {
                            *received += data.len() as u64;
                        }
                        return Some(Ok(data));
                    }
                }
            }
        }
    }

    /// Whether there is nothing to receive.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_end_stream()
    }

    /// Reads a small body whole; lets a big one flow. What a client `expects` to be asked for ("100 Continue") is asked
    /// for when the operation wants it: a request that is refused is answered before its body comes.
    pub(crate) async fn receive(mut self, length: Option<u64>, expects: bool) -> S3Result<BodySource> {
        if self.body.is_end_stream() {
            return Ok(BodySource::Whole(Bytes::new()));
        }
        if let Some(length) = length.filter(|length| *length <= SMALL_BODY && !expects) {
            let mut first: Option<Bytes> = None;
            let mut all = BytesMut::new();
            while let Some(piece) = self.next().await {
                let piece = piece?;
                if piece.len() as u64 == length {
                    first = Some(piece);
                    continue;
                }
                all.reserve(length as usize);
                all.extend_from_slice(&piece);
            }
            return Ok(BodySource::Whole(first.unwrap_or_else(|| all.freeze())));
        }
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let (wanted, waiting) = oneshot::channel();
        tokio::spawn(async move {
            if expects && waiting.await.is_err() {
                return;
            }
            let mut unwanted = 0;
            while let Some(piece) = self.next().await {
                let failed = piece.is_err();
                let size = piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
                if sender.is_closed() || sender.send(piece).await.is_err() {
                    // Answered already. Take what comes for a while, so that the client reads the answer.
                    unwanted += size;
                }
                if failed || unwanted > DRAIN {
                    break;
                }
            }
        });
        Ok(BodySource::Pieces(pieces, expects.then_some(wanted)))
    }

    /// Takes a body that nobody wants, within limits, so that the client reads the answer instead of a reset. A client
    /// that waits for "100 Continue" sends none.
    pub(crate) fn drain(self, headers: &[(String, String)]) {
        self.drain_unless(headers.iter().any(|(name, _)| name == "expect"));
    }

    /// [`Self::drain`], told whether the client waits.
    pub(crate) fn drain_unless(mut self, waits: bool) {
        if self.body.is_end_stream() || waits {
            return;
        }
        tokio::spawn(async move {
            let mut unwanted = 0;
            while let Some(Ok(piece)) = self.next().await {
                unwanted += piece.len() as u64;
                if unwanted > DRAIN {
                    break;
                }
            }
        });
    }
}
