//! Reading a request's body: pieces of content, followed by either `None`, if the whole body was verified, or an error.
//! The content must not take effect before that.

use super::checksum::BodyChecksum;
use super::chunked::{ChunkRule, Decoder};
use crate::http::limits::DocumentPermits;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use bytes::{Bytes, BytesMut};
use s3cmd_client::checksum;
use s3cmd_client::checksum::Algorithm;
use s3cmd_client::digest::{Digest, Md5};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// The maximum length of an XML or JSON document in bytes. A multi-delete of 1,000 long keys fits.
const MAX_DOCUMENT: usize = 4 << 20;

/// A reader of content that may block.
pub(crate) trait ContentReader: fmt::Debug + Send + Sync {
    /// The next piece; `None` at the end, once everything was verified.
    fn next(&mut self) -> S3Result<Option<Bytes>>;
}

/// How to verify the body.
#[derive(Clone, Debug, Default)]
pub(crate) enum BodyRule {
    /// The signature does not cover the body.
    #[default]
    Unsigned,
    /// Its expected SHA-256 in hex.
    Sha256(String),
    /// It is `aws-chunked`.
    Chunked(ChunkRule),
}

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) enum BodySource {
    /// The complete body.
    Whole(Bytes),
    /// Pieces as they arrive; an error is a failed connection. The sender, if present, requests the body from a client
    /// that waits for "100 Continue".
    Pieces(mpsc::Receiver<Result<Bytes, S3Error>>, Option<oneshot::Sender<()>>),
    /// The file of a form.
    FormFile(Box<dyn ContentReader>),
}

/// The body of a request. Reading it blocks the thread.
#[derive(Debug)]
pub(crate) struct Payload {
    source: BodySource,
    decoder: Option<Decoder>,
    sha256: Option<(Sha256, String)>,
    content_md5: Option<[u8; 16]>,
    /// The checksums being computed: the one in the request, and those that the operation requested.
    checksums: Vec<BodyChecksum>,
    /// The algorithm of the checksum in the request.
    stated: Option<Algorithm>,
    /// The computed checksums, after the end.
    computed: Vec<checksum::Checksum>,
    md5: Option<Md5>,
    /// The computed MD5, after the end.
    digest: [u8; 16],
    /// Length of the content in bytes; `None` if the request does not state it.
    length: Option<u64>,
    received: u64,
    done: bool,
    /// Whether the length is unknown until the end.
    open_ended: bool,
    /// For an anonymous request: the permits that limit documents in memory.
    document_permits: Option<Arc<DocumentPermits>>,
    /// The permit of the document, held until the request has been handled.
    document_permit: Option<OwnedSemaphorePermit>,
}

impl Payload {
    /// `length` is from `Content-Length`; `content_md5` and `checksum` are verified if present.
    pub(crate) fn new(
        source: BodySource,
        rule: BodyRule,
        content_md5: Option<[u8; 16]>,
        checksum: Option<BodyChecksum>,
        length: Option<u64>,
    ) -> Self {
        let mut payload = Self {
            source,
            decoder: None,
            sha256: None,
            content_md5,
            stated: checksum.as_ref().map(|checksum| checksum.algorithm),
            checksums: checksum.into_iter().collect(),
            computed: Vec::new(),
            md5: content_md5.map(|_| Md5::new()),
            digest: [0; 16],
            length,
            received: 0,
            done: false,
            open_ended: false,
            document_permits: None,
            document_permit: None,
        };
        payload.open_ended = matches!(payload.source, BodySource::FormFile(_));
        match rule {
            BodyRule::Unsigned => {}
            BodyRule::Sha256(expected) => payload.sha256 = Some((Sha256::new(), expected)),
            BodyRule::Chunked(rule) => {
                payload.length = Some(rule.length);
                payload.decoder = Some(Decoder::new(rule));
            }
        }
        payload
    }

    /// An empty body.
    pub(crate) fn empty() -> Self {
        Self::new(BodySource::Whole(Bytes::new()), BodyRule::Unsigned, None, None, Some(0))
    }

    /// Whether the length is unknown until the end: the file of a form, whose limits are checked while it is read, or a
    /// body with chunked transfer coding.
    pub(crate) fn is_open_ended(&self) -> bool {
        self.open_ended
    }

    /// Marks the length as unknown, for a body with chunked transfer coding.
    pub(crate) fn set_open_ended(&mut self) {
        self.open_ended = true;
    }

    /// Length of the content in bytes; `None` if the request does not state it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Requests the MD5 of the content. Must be called before the first piece is read.
    pub(crate) fn want_md5(&mut self) {
        self.md5.get_or_insert_default();
    }

    /// MD5 of the content, after the end, if it was requested; zeros otherwise.
    pub(crate) fn md5(&self) -> [u8; 16] {
        self.digest
    }

    /// The algorithm of the checksum that the request contains or announces.
    pub(crate) fn stated(&self) -> Option<Algorithm> {
        self.stated
    }

    /// Requests a checksum of the content. Must be called before the first piece is read.
    pub(crate) fn want_checksum(&mut self, algorithm: Algorithm) {
        if self.checksums.iter().all(|checksum| checksum.algorithm != algorithm) {
            self.checksums.push(BodyChecksum::without_expected(algorithm));
        }
    }

    /// A checksum of the content, after the end, if the request or the operation requested it.
    pub(crate) fn checksum(&self, algorithm: Algorithm) -> Option<checksum::Checksum> {
        self.computed.iter().find(|checksum| checksum.algorithm() == algorithm).copied()
    }

    /// The next piece; `None` at the end, once everything was verified.
    pub(crate) fn next(&mut self) -> S3Result<Option<Bytes>> {
        if self.done {
            return Ok(None);
        }
        loop {
            if let Some(decoder) = &mut self.decoder
                && let Some(piece) = decoder.next()?
            {
                return Ok(Some(self.hash(piece)));
            }
            match self.receive()? {
                Some(bytes) => match &mut self.decoder {
                    Some(decoder) => decoder.feed(&bytes),
                    None => return Ok(Some(self.hash(bytes))),
                },
                None => {
                    self.finish()?;
                    self.done = true;
                    return Ok(None);
                }
            }
        }
    }

    fn receive(&mut self) -> S3Result<Option<Bytes>> {
        match &mut self.source {
            BodySource::Whole(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            BodySource::Pieces(pieces, request_body) => {
                if let Some(request_body) = request_body.take() {
                    // This fails only if the connection is closed; then no piece arrives either.
                    let _ = request_body.send(());
                }
                pieces.blocking_recv().transpose()
            }
            BodySource::FormFile(file) => file.next(),
        }
    }

    /// Updates the length and all digests with a piece.
    fn hash(&mut self, piece: Bytes) -> Bytes {
        self.received += piece.len() as u64;
        if let Some(md5) = &mut self.md5 {
            md5.update(&piece);
        }
        if let Some((sha256, _)) = &mut self.sha256 {
            sha256.update(&piece);
        }
        for checksum in &mut self.checksums {
            checksum.update(&piece);
        }
        piece
    }

    fn finish(&mut self) -> S3Result<()> {
        if let Some(decoder) = &mut self.decoder {
            decoder.finish()?;
        }
        if self.length.is_some_and(|length| length != self.received) {
            return fail(
                ErrorCode::IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            );
        }
        if let Some((sha256, expected)) = self.sha256.take() {
            let computed = hex::encode(sha256.finalize());
            if !bool::from(computed.as_bytes().ct_eq(expected.as_bytes())) {
                return Err(S3Error::new(
                    ErrorCode::XAmzContentSHA256Mismatch,
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                )
                .detail("ClientComputedContentSHA256", expected)
                .detail("S3ComputedContentSHA256", computed));
            }
        }
        for checksum in self.checksums.drain(..) {
            self.computed.push(checksum.finish(self.decoder.as_ref().map_or(&[], Decoder::trailers))?);
        }
        if let Some(md5) = self.md5.take() {
            self.digest = md5.finalize().into();
        }
        if self.content_md5.is_some_and(|expected| expected != self.digest) {
            return fail(
                ErrorCode::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            );
        }
        Ok(())
    }

    /// Makes [`Self::read_all`] acquire one of these permits for a body that is not in memory yet.
    pub(crate) fn limit_documents(&mut self, permits: &Arc<DocumentPermits>) {
        self.document_permits = Some(Arc::clone(permits));
    }

    /// Reads the whole body as an XML or JSON document. EntityTooLarge if it is too long.
    pub(crate) fn read_document(&mut self) -> S3Result<Bytes> {
        self.read_all(MAX_DOCUMENT)
    }

    /// Reads the whole body. EntityTooLarge if it is longer than `limit` bytes.
    pub(crate) fn read_all(&mut self, limit: usize) -> S3Result<Bytes> {
        let too_long = || {
            S3Error::new(ErrorCode::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
        };
        if self.length.is_some_and(|length| length > limit as u64) {
            return Err(too_long());
        }
        if let Some(permits) =
            self.document_permits.take().filter(|_| matches!(self.source, BodySource::Pieces(..)))
        {
            self.document_permit = Some(permits.acquire()?);
        }
        let mut all = BytesMut::with_capacity(self.length.map_or(0, |length| length as usize));
        while let Some(piece) = self.next()? {
            if all.len() + piece.len() > limit {
                return Err(too_long());
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}
