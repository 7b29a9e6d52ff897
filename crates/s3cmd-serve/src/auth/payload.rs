//! A request's body as it is read: pieces of content, and at the end either the word that all of it was right, or
//! an error. Nobody may act on the content before that.

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

/// The longest XML or JSON document that is read, in bytes (a multi-delete of 1,000 long keys fits).
const MAX_DOCUMENT: usize = 4 << 20;

/// Content that is read by a thread that may block.
pub(crate) trait ContentReader: fmt::Debug + Send + Sync {
    /// The next piece; `None` at the end, when everything has been checked.
    fn next(&mut self) -> S3Result<Option<Bytes>>;
}

/// How the body is to be checked.
#[derive(Clone, Debug, Default)]
pub(crate) enum BodyRule {
    /// Nothing was signed of it.
    #[default]
    Unsigned,
    /// Hex SHA-256 of it.
    Sha256(String),
    /// It comes in chunks.
    Chunked(ChunkRule),
}

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) enum BodySource {
    /// All of it is here.
    Whole(Bytes),
    /// It comes in pieces; an error is a connection that broke. A client that waits to be asked is, by the sender.
    Pieces(mpsc::Receiver<Result<Bytes, S3Error>>, Option<oneshot::Sender<()>>),
    /// It is the file of a form.
    FormFile(Box<dyn ContentReader>),
}

/// The body of a request, for a thread that may block.
#[derive(Debug)]
pub(crate) struct Payload {
    source: BodySource,
    decoder: Option<Decoder>,
    sha256: Option<(Sha256, String)>,
    content_md5: Option<[u8; 16]>,
    /// Those that are computed: the one that the request states, and what else is wanted.
    checksums: Vec<BodyChecksum>,
    stated: Option<Algorithm>,
    sums: Vec<checksum::Checksum>,
    md5: Option<Md5>,
    digest: [u8; 16],
    /// Length of the content where the request says it.
    length: Option<u64>,
    received: u64,
    done: bool,
    /// Only its end tells how long it is.
    open_ended: bool,
    /// What a stranger's document waits for before it is read into memory.
    documents: Option<Arc<DocumentPermits>>,
    /// Its turn, until the request has been answered.
    turn: Option<OwnedSemaphorePermit>,
}

impl Payload {
    /// `length` is that of `Content-Length`; `content_md5` and `checksum` are checked where they are given.
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
            sums: Vec::new(),
            md5: content_md5.map(|_| Md5::new()),
            digest: [0; 16],
            length,
            received: 0,
            done: false,
            open_ended: false,
            documents: None,
            turn: None,
        };
        payload.open_ended = matches!(payload.source, BodySource::FormFile(_));
        match rule {
            BodyRule::Unsigned => {}
            BodyRule::Sha256(wanted) => payload.sha256 = Some((Sha256::new(), wanted)),
            BodyRule::Chunked(rule) => {
                payload.length = Some(rule.length);
                payload.decoder = Some(Decoder::new(rule));
            }
        }
        payload
    }

    /// A body of nothing.
    pub(crate) fn empty() -> Self {
        Self::new(BodySource::Whole(Bytes::new()), BodyRule::Unsigned, None, None, Some(0))
    }

    /// Whether only its end tells how long it is: the file of a form, which is held to its limits as it comes, or what
    /// HTTP brings in chunks of its own.
    pub(crate) fn is_open_ended(&self) -> bool {
        self.open_ended
    }

    /// Says that HTTP brings it in chunks of its own.
    pub(crate) fn set_open_ended(&mut self) {
        self.open_ended = true;
    }

    /// Length of the content, if the request says it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Asks for the MD5 of the content; to be called before the first piece is read.
    pub(crate) fn want_md5(&mut self) {
        self.md5.get_or_insert_default();
    }

    /// MD5 of the content, after its end, if it was wanted.
    pub(crate) fn md5(&self) -> [u8; 16] {
        self.digest
    }

    /// The algorithm of the checksum that the request states or announces.
    pub(crate) fn stated(&self) -> Option<Algorithm> {
        self.stated
    }

    /// Asks for a checksum of the content; to be called before the first piece is read.
    pub(crate) fn want_checksum(&mut self, algorithm: Algorithm) {
        if self.checksums.iter().all(|checksum| checksum.algorithm != algorithm) {
            self.checksums.push(BodyChecksum::own(algorithm));
        }
    }

    /// A checksum of the content, after its end, if it was stated or wanted.
    pub(crate) fn checksum(&self, algorithm: Algorithm) -> Option<checksum::Checksum> {
        self.sums.iter().find(|sum| sum.algorithm() == algorithm).copied()
    }

    /// The next piece; `None` at the end, when everything has been checked.
    pub(crate) fn next(&mut self) -> S3Result<Option<Bytes>> {
        if self.done {
            return Ok(None);
        }
        loop {
            if let Some(decoder) = &mut self.decoder
                && let Some(piece) = decoder.next()?
            {
                return Ok(Some(self.pass(piece)));
            }
            match self.receive()? {
                Some(bytes) => match &mut self.decoder {
                    Some(decoder) => decoder.feed(&bytes),
                    None => return Ok(Some(self.pass(bytes))),
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
            BodySource::Pieces(pieces, ask) => {
                if let Some(ask) = ask.take() {
                    // Nobody listens where the connection has gone; then no piece comes.
                    let _ = ask.send(());
                }
                pieces.blocking_recv().transpose()
            }
            BodySource::FormFile(file) => file.next(),
        }
    }

    fn pass(&mut self, piece: Bytes) -> Bytes {
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
        if let Some((sha256, wanted)) = self.sha256.take() {
            let computed = hex::encode(sha256.finalize());
            if !bool::from(computed.as_bytes().ct_eq(wanted.as_bytes())) {
                return Err(S3Error::new(
                    ErrorCode::XAmzContentSHA256Mismatch,
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                )
                .detail("ClientComputedContentSHA256", wanted)
                .detail("S3ComputedContentSHA256", computed));
            }
        }
        for checksum in self.checksums.drain(..) {
            self.sums.push(checksum.finish(self.decoder.as_ref().map_or(&[], Decoder::trailers))?);
        }
        if let Some(md5) = self.md5.take() {
            self.digest = md5.finalize().into();
        }
        if self.content_md5.is_some_and(|wanted| wanted != self.digest) {
            return fail(
                ErrorCode::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            );
        }
        Ok(())
    }

    /// Makes a long document, which is read into memory as a whole, wait for its turn among these.
    pub(crate) fn limit_documents(&mut self, documents: &Arc<DocumentPermits>) {
        self.documents = Some(Arc::clone(documents));
    }

    /// All of it, as an XML or JSON document.
    pub(crate) fn read_document(&mut self) -> S3Result<Bytes> {
        self.read_all(MAX_DOCUMENT)
    }

    /// All of it, if it is not longer than `limit`.
    pub(crate) fn read_all(&mut self, limit: usize) -> S3Result<Bytes> {
        let too_long = || {
            S3Error::new(ErrorCode::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
        };
        if self.length.is_some_and(|length| length > limit as u64) {
            return Err(too_long());
        }
        if let Some(documents) =
            self.documents.take().filter(|_| matches!(self.source, BodySource::Pieces(..)))
        {
            self.turn = Some(documents.turn()?);
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
