//! `aws-chunked` bodies, with and without signatures and trailers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
//!
//! A chunk's bytes are passed on before its signature could be checked; whoever stores them must not give them a
//! name until the end has come without an error.

use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use bytes::{Buf, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use s3cmd_client::sign::v4;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// A longer chunk header or trailer is refused.
const MAX_LINE: usize = 16 * 1024;

/// Verifies the chain of signatures of a chunked body.
#[derive(Clone)]
pub(crate) struct ChunkVerifier {
    secret_key: zeroize::Zeroizing<String>,
    time: DateTime<Utc>,
    region: String,
    service: String,
    previous: String,
}

impl fmt::Debug for ChunkVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkVerifier")
    }
}

impl ChunkVerifier {
    /// Starts from the signature of the request.
    pub(crate) fn new(secret_key: String, scope: &v4::Scope<'_>, signature: &str) -> Self {
        Self {
            secret_key: zeroize::Zeroizing::new(secret_key),
            time: scope.time,
            region: scope.region.to_owned(),
            service: scope.service.to_owned(),
            previous: signature.to_owned(),
        }
    }

    fn scope(&self) -> v4::Scope<'_> {
        v4::Scope { time: self.time, region: &self.region, service: &self.service }
    }

    fn check(&mut self, wanted: String, stated: &str) -> S3Result<()> {
        if !bool::from(wanted.as_bytes().ct_eq(stated.as_bytes())) {
            return fail(ErrorCode::SignatureDoesNotMatch, "The signature of a chunk does not match.");
        }
        self.previous = wanted;
        Ok(())
    }
}

/// What the request said of its chunked body.
#[derive(Clone, Debug)]
pub(crate) struct ChunkRule {
    /// Length of the content.
    pub(crate) length: u64,
    pub(crate) trailer: bool,
    pub(crate) verifier: Option<ChunkVerifier>,
}

#[derive(Debug, PartialEq, Eq)]
enum DecoderState {
    Header,
    Data { left: u64 },
    DataEnd,
    Trailer,
    Done,
}

/// Undoes the chunks.
#[derive(Debug)]
pub(crate) struct Decoder {
    rule: ChunkRule,
    state: DecoderState,
    input: BytesMut,
    received: u64,
    /// Of the present chunk, where chunks are signed.
    hash: Sha256,
    signature: String,
    trailers: Vec<(String, String)>,
}

fn broken() -> S3Error {
    S3Error::new(ErrorCode::IncompleteBody, "The chunks of the body are not well-formed.")
}

impl Decoder {
    pub(crate) fn new(rule: ChunkRule) -> Self {
        Self {
            rule,
            state: DecoderState::Header,
            input: BytesMut::new(),
            received: 0,
            hash: Sha256::new(),
            signature: String::new(),
            trailers: Vec::new(),
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// A line without its end, if a whole one has come.
    fn line(&mut self) -> S3Result<Option<String>> {
        let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") else {
            return if self.input.len() > MAX_LINE { Err(broken()) } else { Ok(None) };
        };
        let line = self.input.split_to(end);
        self.input.advance(2);
        String::from_utf8(line.to_vec()).map(Some).map_err(|_| broken())
    }

    /// The next piece of content; `None` if more input is needed or the end has come.
    pub(crate) fn next(&mut self) -> S3Result<Option<Bytes>> {
        loop {
            match self.state {
                DecoderState::Header => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    let (size, extension) = line.split_once(';').unwrap_or((&line, ""));
                    let left = u64::from_str_radix(size.trim(), 16).map_err(|_| broken())?;
                    self.signature =
                        extension.trim().strip_prefix("chunk-signature=").unwrap_or("").trim().to_owned();
                    if self.received.checked_add(left).is_none_or(|total| total > self.rule.length) {
                        return Err(broken());
                    }
                    if left > 0 {
                        self.state = DecoderState::Data { left };
                    } else {
                        self.check_chunk()?;
                        self.state = DecoderState::Trailer;
                    }
                }
                DecoderState::Data { left } => {
                    if self.input.is_empty() {
                        return Ok(None);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.len());
                    let data = self.input.split_to(take).freeze();
                    if self.rule.verifier.is_some() {
                        self.hash.update(&data);
                    }
                    self.received += take as u64;
                    let left = left - take as u64;
                    self.state = if left == 0 { DecoderState::DataEnd } else { DecoderState::Data { left } };
                    return Ok(Some(data));
                }
                DecoderState::DataEnd => {
                    if self.input.len() < 2 {
                        return Ok(None);
                    }
                    if !self.input.starts_with(b"\r\n") {
                        return Err(broken());
                    }
                    self.input.advance(2);
                    self.check_chunk()?;
                    self.state = DecoderState::Header;
                }
                DecoderState::Trailer => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    if line.is_empty() {
                        self.check_trailers()?;
                        self.state = DecoderState::Done;
                    } else {
                        let (name, value) = line.split_once(':').ok_or_else(broken)?;
                        self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                        if self.trailers.len() > 32 {
                            return Err(broken());
                        }
                    }
                }
                DecoderState::Done => {
                    return if self.input.is_empty() { Ok(None) } else { Err(broken()) };
                }
            }
        }
    }

    /// Called at the end of the input: has everything come?
    pub(crate) fn finish(&mut self) -> S3Result<()> {
        // Some clients leave out the empty line after the last chunk or trailer.
        if self.state == DecoderState::Trailer && self.input.is_empty() {
            self.check_trailers()?;
            self.state = DecoderState::Done;
        }
        if self.state != DecoderState::Done || self.received != self.rule.length {
            return fail(
                ErrorCode::IncompleteBody,
                "You did not provide the number of bytes specified by the x-amz-decoded-content-length header.",
            );
        }
        Ok(())
    }

    /// The trailing headers; complete after [`Self::finish`].
    pub(crate) fn trailers(&self) -> &[(String, String)] {
        &self.trailers
    }

    fn check_chunk(&mut self) -> S3Result<()> {
        let Some(verifier) = &mut self.rule.verifier else { return Ok(()) };
        let hash = hex::encode(std::mem::take(&mut self.hash).finalize());
        let wanted =
            v4::chunk_hash_signature(&verifier.secret_key, &verifier.scope(), &verifier.previous, &hash);
        verifier.check(wanted, &self.signature)
    }

    fn check_trailers(&mut self) -> S3Result<()> {
        if !self.rule.trailer {
            return if self.trailers.is_empty() { Ok(()) } else { Err(broken()) };
        }
        let Some(verifier) = &mut self.rule.verifier else { return Ok(()) };
        let mut text = String::new();
        let mut stated = "";
        for (name, value) in &self.trailers {
            if name == "x-amz-trailer-signature" {
                stated = value;
            } else {
                text.push_str(name);
                text.push(':');
                text.push_str(value);
                text.push('\n');
            }
        }
        let wanted =
            v4::trailer_signature(&verifier.secret_key, &verifier.scope(), &verifier.previous, &text);
        verifier.check(wanted, stated)
    }
}
