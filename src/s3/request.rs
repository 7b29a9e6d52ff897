//! A request before it is signed, and the answer to it.

use super::body::{Payload, WireBody};
use super::client::{Route, Signature};
use super::error::{ConnectionFailure, Error, Result};
use super::multipart::bare_etag;
use super::retry::RetryClass;
use super::stream_body::StreamBody;
use super::{Throttle, transport};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longest document that is read, in bytes.
pub(crate) const MAX_DOCUMENT: usize = 64 << 20;

/// Counts the bytes of one transfer as they pass, for a progress display.
pub type Progress = Arc<AtomicU64>;

/// One request: what it is about and how it may be repeated. Made by the typed operations.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    /// The encoded path of a service that has no buckets; goes before bucket and key.
    pub(crate) path: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Payload,
    /// A body that can be sent once; goes before `payload`.
    pub(crate) stream: Option<StreamBody>,
    /// Hex SHA-256 of the payload where the caller has it already.
    pub(crate) payload_sha256: Option<String>,
    pub(crate) retry: RetryClass,
    pub(crate) progress: Option<Progress>,
    /// Whether the answer is a document, to be read as a part of the attempt; S3's own are in any case.
    pub(crate) whole_answer: bool,
    /// Whether a refused signature version may be tried the other way round, and so on: off for probes.
    pub(crate) adapt: bool,
}

impl Request {
    /// A request about the service, a bucket, or an object.
    pub fn new(method: Method, bucket: Option<&str>, key: Option<&str>) -> Self {
        Self {
            method,
            bucket: bucket.map(str::to_owned),
            key: key.map(str::to_owned),
            path: None,
            query: Vec::new(),
            headers: Vec::new(),
            payload: Payload::default(),
            stream: None,
            payload_sha256: None,
            retry: RetryClass::Plain,
            progress: None,
            whole_answer: false,
            adapt: true,
        }
    }

    /// A request to a service that has no buckets; `path` is encoded and begins with `/`.
    pub(crate) fn at(method: Method, path: String) -> Self {
        Self { path: Some(path), ..Self::new(method, None, None) }
    }

    /// Reads the payload for the checksum that the server is to verify, unless it is known: the SHA-256 that version 4
    /// signs, `Content-MD5` with version 2. What can be sent only once is signed on its way.
    pub(super) async fn add_digests(&mut self, route: &Route) -> Result<()> {
        let Some(signature) = route.signature() else { return Ok(()) };
        if self.payload.is_empty() || self.stream.is_some() {
            return Ok(());
        }
        match signature {
            Signature::V4 if self.payload_sha256.is_none() => {
                self.payload_sha256 = self.payload.digests(false, true).await?.sha256.map(hex::encode);
            }
            Signature::V2 if !self.headers.iter().any(|(name, _)| name == "content-md5") => {
                let md5 = self.payload.digests(true, false).await?.md5;
                self.headers.extend(md5.map(|md5| ("content-md5".to_owned(), BASE64_STANDARD.encode(md5))));
            }
            Signature::V2 | Signature::V4 => {}
        }
        Ok(())
    }

    /// Adds a query parameter; an empty value makes a bare sub-resource such as `?acl`.
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a header; the name in lower case.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds several headers.
    pub fn headers(mut self, headers: &[(String, String)]) -> Self {
        self.headers.extend_from_slice(headers);
        self
    }

    /// Sets the body.
    pub fn payload(mut self, payload: impl Into<Payload>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Sets a body that is sent while it comes in; the request is never repeated then.
    pub fn stream(mut self, stream: StreamBody) -> Self {
        self.stream = Some(stream);
        self.retry(RetryClass::Once)
    }

    /// Sets how the request may be repeated.
    pub fn retry(mut self, class: RetryClass) -> Self {
        self.retry = class;
        self
    }

    /// Counts transferred bytes into `progress`.
    pub fn progress(mut self, progress: Option<Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Sends the request as it is, with no second try in another dialect or region.
    pub fn exact(mut self) -> Self {
        self.adapt = false;
        self
    }

    /// The resource as messages name it: `/key`.
    pub(crate) fn resource(&self) -> String {
        match &self.path {
            Some(path) => path.clone(),
            None => format!("/{}", self.key.as_deref().unwrap_or("")),
        }
    }

    /// The resource with its query, as messages about failed requests name it. How names are to be encoded in the answer,
    /// for which s3cmd does not ask, is left out.
    pub(crate) fn resource_with_query(&self) -> String {
        let named = self.query.iter().filter(|(name, _)| name != "encoding-type");
        let query = super::sign::encode::query_string(&named.cloned().collect::<Vec<_>>(), true);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}", self.resource())
    }
}

/// A successful answer; the body is still on the wire.
#[derive(Debug)]
pub struct Response {
    /// HTTP status (2xx, or 304 for a conditional request).
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    pub(crate) body: WireBody,
    pub(crate) timeout: Duration,
    pub(crate) progress: Option<Progress>,
    pub(crate) throttle: Option<Arc<Throttle>>,
    /// Whether an earlier attempt got no answer, and may have been carried out as well.
    pub(crate) after_loss: bool,
}

impl Response {
    /// A header's value, if present and UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// The ETag without its quotes; empty if absent.
    pub fn etag(&self) -> String {
        bare_etag(self.header("etag").unwrap_or("")).to_owned()
    }

    /// The next piece of the body; `None` at its end. A connection that ends early is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let frame = tokio::time::timeout(self.timeout, self.body.frame())
                .await
                .map_err(|_| Error::connection(ConnectionFailure::Timeout, "timed out"))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(transport::connection_error(error.as_ref())),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let length = data.len();
                    let piece = self.throttle.as_ref().map_or(length, |throttle| throttle.piece()).max(1);
                    for start in (0..length).step_by(piece) {
                        let bytes = piece.min(length - start) as u64;
                        if let Some(throttle) = &self.throttle {
                            throttle.take(bytes).await;
                        }
                        if let Some(progress) = &self.progress {
                            progress.fetch_add(bytes, Ordering::Relaxed);
                        }
                    }
                    return Ok(Some(data));
                }
            }
        }
    }

    /// The whole body, for documents. Over `limit` bytes it is refused: no document of S3 is that long.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else {
            // In one piece: nothing has to be put together.
            return Self::within(limit, first.len()).map(|()| first);
        };
        // A body that says how long it is is not moved as it grows; one that lies is caught by the limit.
        let told = self.header("content-length").and_then(|length| length.parse().ok());
        let mut all = BytesMut::with_capacity(told.unwrap_or(0).min(limit).min(1 << 20));
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        Self::within(limit, all.len())?;
        while let Some(chunk) = self.chunk().await? {
            Self::within(limit, all.len() + chunk.len())?;
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    fn within(limit: usize, length: usize) -> Result<()> {
        if length <= limit {
            Ok(())
        } else {
            Err(Error::Malformed(format!("an answer of over {limit} bytes")))
        }
    }

    /// The whole body as text.
    pub async fn text(self) -> Result<String> {
        let bytes = self.bytes(MAX_DOCUMENT).await?;
        String::from_utf8(bytes.into()).map_err(|_| Error::Malformed("an answer that is not UTF-8".into()))
    }
}
