//! Request bodies on their way to the upstream store. What the client states about a body (length, hash, signature,
//! checksum) is verified before the upstream store creates the object: the last piece is held back until then, and if
//! the verification fails, the upstream request ends without it.

use super::Remote;
use crate::auth::payload::Payload;
use crate::http::call::Call;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use crate::store::file_io::PIECE;
use bytes::Bytes;
use s3cmd_client::Signature;
use s3cmd_client::checksum::Checksum;
use s3cmd_client::client::retry::RetryClass;
use s3cmd_client::http::request::{Request, Response};
use s3cmd_client::http::stream_body::StreamBody;
use s3cmd_client::ops::object::{Outgoing, is_etag_opaque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// A body up to this length is read and verified before anything is sent.
const WHOLE: u64 = PIECE as u64;

/// How many pieces, each at most as long as the connection's buffer, may wait for the upstream connection.
const PIECES_AHEAD: usize = 2;

/// Why a body ended early; shared with the task that waits for the response.
type BodyFailure = Arc<Mutex<Option<S3Error>>>;

impl Remote {
    /// Sends the body of a call with the upstream request for it.
    pub(super) async fn send_body(&self, call: Call, mut request: Request) -> S3Result<Response> {
        let Some(length) = call.payload.length() else {
            return fail(ErrorCode::MissingContentLength, "You must provide the Content-Length HTTP header.");
        };
        // If the signature does not cover the body, an MD5 has to.
        let unsigned =
            self.client.signature() == Signature::V2 || self.client.options().credentials.is_none();
        let has_md5 = call.header("content-md5").is_some();
        if length <= WHOLE {
            return self.send_whole(call.payload, request, unsigned && !has_md5).await;
        }
        let stated = call.header("x-amz-content-sha256").filter(|hash| is_sha256(hash));
        request.payload_sha256 = stated.map(str::to_ascii_lowercase);
        let mut payload = call.payload;
        let compares_etag = unsigned && !has_md5;
        if compares_etag {
            payload.want_md5();
        }
        let (sender, blocks) = mpsc::channel(PIECES_AHEAD);
        let failure = BodyFailure::default();
        let forwarding = spawn_blocking({
            let failure = Arc::clone(&failure);
            move || {
                forward_pieces(&mut payload, &sender, &failure);
                payload
            }
        });
        let response = match self.client.send(request.stream(StreamBody::new(length, blocks))).await {
            Ok(response) => response,
            Err(error) => {
                let reason = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(reason.unwrap_or_else(|| self.error_for_client(&error)));
            }
        };
        if !compares_etag {
            return Ok(response);
        }
        let md5 = forwarding.await.map(|payload| hex::encode(payload.md5())).unwrap_or_default();
        let etag = response.etag();
        let is_md5 = etag.len() == 32 && !is_etag_opaque(|name| response.header(name));
        if is_md5 && !etag.eq_ignore_ascii_case(&md5) {
            log::error!("serve: the upstream store has stored different content than was sent to it");
            return fail(ErrorCode::InternalError, "The object was damaged in transit. Please try again.");
        }
        Ok(response)
    }

    async fn send_whole(
        &self,
        mut payload: Payload,
        request: Request,
        needs_md5: bool,
    ) -> S3Result<Response> {
        if needs_md5 {
            payload.want_md5();
        }
        let read = spawn_blocking(move || payload.read_all(PIECE).map(|body| (payload, body)));
        let (payload, body) = read.await.map_err(|_| {
            S3Error::new(ErrorCode::InternalError, "We encountered an internal error. Please try again.")
        })??;
        // A checksum that arrived as a trailer is passed on as a header.
        let sum = payload.stated().and_then(|algorithm| payload.checksum(algorithm));
        let sum = sum.filter(|sum: &Checksum| {
            let header = sum.algorithm().header();
            request.headers.iter().all(|(name, _)| name != header)
        });
        let md5 = needs_md5.then(|| payload.md5());
        let data = Outgoing::new(body).with_md5(md5).with_checksum(sum);
        self.send(data.into_request(request).retry(RetryClass::Once)).await
    }
}

fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Forwards a body piece by piece, holding one piece back: the last one is sent once the whole body is verified.
fn forward_pieces(payload: &mut Payload, sender: &mpsc::Sender<io::Result<Bytes>>, failure: &BodyFailure) {
    let mut held: Option<Bytes> = None;
    loop {
        let piece = match payload.next() {
            Ok(piece) => piece,
            Err(error) => {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                // If the receiver is gone, the request has ended already.
                let _ = sender.blocking_send(Err(io::Error::other("the body could not be verified")));
                return;
            }
        };
        // An empty piece must not replace the piece that is held back.
        if piece.as_ref().is_some_and(Bytes::is_empty) {
            continue;
        }
        let ended = piece.is_none();
        if let Some(previous) = std::mem::replace(&mut held, piece)
            && sender.blocking_send(Ok(previous)).is_err()
        {
            return;
        }
        if ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::payload::{BodyRule, BodySource};

    fn forwarded(pieces: &[&'static str], sha256: &str) -> (Vec<io::Result<Bytes>>, Option<&'static str>) {
        let (sender, source) = mpsc::channel(pieces.len().max(1));
        for piece in pieces {
            sender.try_send(Ok(Bytes::from_static(piece.as_bytes()))).unwrap();
        }
        drop(sender);
        let rule = BodyRule::Sha256(sha256.to_owned());
        let mut payload = Payload::new(BodySource::Pieces(source, None), rule, None, None, None);
        let (sender, mut blocks) = mpsc::channel(pieces.len() + 1);
        let failure = BodyFailure::default();
        forward_pieces(&mut payload, &sender, &failure);
        drop(sender);
        let mut sent = Vec::new();
        while let Some(block) = blocks.blocking_recv() {
            sent.push(block);
        }
        let code = failure.lock().unwrap().as_ref().map(|error| error.code.as_str());
        (sent, code)
    }

    #[test]
    fn the_last_piece_is_sent_only_after_verification() {
        // sha256 of "abcdef".
        let right = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721";
        let pieces = ["ab", "", "cd", "ef", ""];
        let (sent, code) = forwarded(&pieces, right);
        let sent: Vec<Bytes> = sent.into_iter().map(Result::unwrap).collect();
        assert_eq!((sent.concat(), code), (b"abcdef".to_vec(), None));
        let (sent, code) = forwarded(&pieces, &right.replace('b', "0"));
        let (last, before) = sent.split_last().unwrap();
        assert!(
            last.is_err() && before.iter().map(|piece| piece.as_ref().unwrap()).all(|piece| piece != "ef")
        );
        assert_eq!(code, Some("XAmzContentSHA256Mismatch"));
    }
}
