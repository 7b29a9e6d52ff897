//! `aws-chunked` bodies, with and without signatures and trailers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
//!
//! The bytes of a chunk are returned before its signature can be checked. Stored content must not get its final name
//! before the end of the body was reached without an error.

use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use bytes::{Buf, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use s3cmd_client::sign::v4;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// The maximum length of a chunk header or trailer line, in bytes.
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

    fn check(&mut self, expected: String, received: &str) -> S3Result<()> {
        if !bool::from(expected.as_bytes().ct_eq(received.as_bytes())) {
            return fail(ErrorCode::SignatureDoesNotMatch, "The signature of a chunk does not match.");
        }
        self.previous = expected;
        Ok(())
    }
}

/// What the request's headers specify about its chunked body.
#[derive(Clone, Debug)]
pub(crate) struct ChunkRule {
    /// Length of the decoded content in bytes.
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

/// Decodes the chunks.
#[derive(Debug)]
pub(crate) struct Decoder {
    rule: ChunkRule,
    state: DecoderState,
    input: BytesMut,
    received: u64,
    /// The hash of the current chunk, if chunks are signed.
    hash: Sha256,
    /// The signature in the header of the current chunk.
    signature: String,
    trailers: Vec<(String, String)>,
}

fn malformed() -> S3Error {
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

    /// The next line without its line end; `None` if it is not complete yet.
    fn line(&mut self) -> S3Result<Option<String>> {
        let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") else {
            return if self.input.len() > MAX_LINE { Err(malformed()) } else { Ok(None) };
        };
        let line = self.input.split_to(end);
        self.input.advance(2);
        String::from_utf8(line.to_vec()).map(Some).map_err(|_| malformed())
    }

    /// The next piece of content; `None` if more input is needed or the end was reached.
    pub(crate) fn next(&mut self) -> S3Result<Option<Bytes>> {
        loop {
            match self.state {
                DecoderState::Header => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    let (size, extension) = line.split_once(';').unwrap_or((&line, ""));
                    let left = u64::from_str_radix(size.trim(), 16).map_err(|_| malformed())?;
                    self.signature =
                        extension.trim().strip_prefix("chunk-signature=").unwrap_or("").trim().to_owned();
                    if self.received.checked_add(left).is_none_or(|total| total > self.rule.length) {
                        return Err(malformed());
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
                        return Err(malformed());
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
                        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
                        self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                        if self.trailers.len() > 32 {
                            return Err(malformed());
                        }
                    }
                }
                DecoderState::Done => {
                    return if self.input.is_empty() { Ok(None) } else { Err(malformed()) };
                }
            }
        }
    }

    /// Checks at the end of the input that the body is complete.
    pub(crate) fn finish(&mut self) -> S3Result<()> {
        // Some clients omit the empty line after the last chunk or trailer.
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
        let expected =
            v4::chunk_hash_signature(&verifier.secret_key, &verifier.scope(), &verifier.previous, &hash);
        verifier.check(expected, &self.signature)
    }

    fn check_trailers(&mut self) -> S3Result<()> {
        if !self.rule.trailer {
            return if self.trailers.is_empty() { Ok(()) } else { Err(malformed()) };
        }
        let Some(verifier) = &mut self.rule.verifier else { return Ok(()) };
        let mut text = String::new();
        let mut received = "";
        for (name, value) in &self.trailers {
            if name == "x-amz-trailer-signature" {
                received = value;
            } else {
                text.push_str(name);
                text.push(':');
                text.push_str(value);
                text.push('\n');
            }
        }
        let expected =
            v4::trailer_signature(&verifier.secret_key, &verifier.scope(), &verifier.previous, &text);
        verifier.check(expected, received)
    }
}
