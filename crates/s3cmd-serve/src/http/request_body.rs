//! Receiving request bodies.

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

/// A body up to this length in bytes is read completely before the operation starts.
const SMALL_BODY: u64 = PIECE as u64;
/// How many pieces of a body (each at most as long as the connection's buffer) are queued for the operation's thread.
const PIECES_AHEAD: usize = 2;
/// How many bytes of an unneeded body are read before the connection is closed.
const MAX_DRAIN: u64 = 16 << 20;

fn incomplete_body(error: impl std::fmt::Display) -> S3Error {
    log::debug!("serve: body: {error}");
    S3Error::new(ErrorCode::IncompleteBody, "The request's body ended before it was complete.")
}

/// The body of a request that is being received.
pub(crate) struct RequestBody {
    pub(crate) body: Incoming,
    /// A client that sends nothing for this long is disconnected.
    pub(crate) timeout: Duration,
    pub(crate) access_log: Arc<AccessLog>,
    /// For an anonymous body: when it began, and the bytes received; such a body must keep a minimum rate.
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
                Ok(Some(Err(error))) => return Some(Err(incomplete_body(error))),
                // HTTP trailers are ignored.
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

    /// Reads a small body completely; streams a large one. If the client `expects` "100 Continue", that is sent once
    /// the operation reads the body, so a rejected request gets its response before the body is sent.
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
        let (request_body, body_requested) = oneshot::channel();
        tokio::spawn(async move {
            if expects && body_requested.await.is_err() {
                return;
            }
            let mut drained = 0;
            while let Some(piece) = self.next().await {
                let failed = piece.is_err();
                let size = piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
                if sender.is_closed() || sender.send(piece).await.is_err() {
                    // The response is complete. Keep reading up to the limit, so that the client gets to read it.
                    drained += size;
                }
                if failed || drained > MAX_DRAIN {
                    break;
                }
            }
        });
        Ok(BodySource::Pieces(pieces, expects.then_some(request_body)))
    }

    /// Reads and discards an unneeded body up to a limit, so that the client gets the response instead of a connection
    /// reset. A client that waits for "100 Continue" sends no body.
    pub(crate) fn drain(self, headers: &[(String, String)]) {
        self.drain_unless(headers.iter().any(|(name, _)| name == "expect"));
    }

    /// [`Self::drain`], unless the client waits for "100 Continue".
    pub(crate) fn drain_unless(mut self, client_waits: bool) {
        if self.body.is_end_stream() || client_waits {
            return;
        }
        tokio::spawn(async move {
            let mut drained = 0;
            while let Some(Ok(piece)) = self.next().await {
                drained += piece.len() as u64;
                if drained > MAX_DRAIN {
                    break;
                }
            }
        });
    }
}
