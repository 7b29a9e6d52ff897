//! A request before it is signed, and the response to it.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use s3cmd_client::Method;
//! use s3cmd_client::http::request::Request;
//!
//! // An operation that the client has no method for.
//! let request = Request::new(Method::GET, Some("bucket"), None).query("accelerate", "");
//! println!("{}", client.fetch_text(request).await?);
//! # Ok(())
//! # }
//! ```

use super::body::{Payload, WireBody};
use super::stream_body::StreamBody;
use super::transport;
use crate::Throttle;
use crate::client::retry::RetryClass;
use crate::client::{Route, Signature};
use crate::error::{ConnectionFailure, Error, Result};
use crate::ops::multipart::bare_etag;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Maximum size of a document that is read, in bytes.
pub(crate) const MAX_DOCUMENT: usize = 64 << 20;

/// Counts the bytes of one transfer, for a progress display.
pub type Progress = Arc<AtomicU64>;

/// A request to a bucket or object, and how it may be retried. Made by the typed operations.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    /// Percent-encoded path for a service without buckets; takes precedence over bucket and key.
    pub(crate) path: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    /// Headers beside those that the client adds, names in lower case.
    pub headers: Vec<(String, String)>,
    pub(crate) payload: Payload,
    /// A body that can be sent only once; takes precedence over `payload`.
    pub(crate) stream: Option<StreamBody>,
    /// Hex SHA-256 of the payload, if the caller already knows it.
    pub payload_sha256: Option<String>,
    pub(crate) retry: RetryClass,
    pub(crate) progress: Option<Progress>,
    /// Whether the response is a document to be read as part of the attempt. The documents of S3 are read in any
    /// case.
    pub(crate) is_document: bool,
    /// Whether the client may switch the signature version, follow redirects and so on; off for probes.
    pub(crate) adapt: bool,
}

impl Request {
    /// Makes a request for the service, a bucket, or an object.
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
            is_document: false,
            adapt: true,
        }
    }

    /// Makes a request to a service without buckets. `path` is percent-encoded and begins with `/`.
    pub(crate) fn at(method: Method, path: String) -> Self {
        Self { path: Some(path), ..Self::new(method, None, None) }
    }

    /// Computes the checksum of the payload that the server verifies, unless it is known: the SHA-256 that V4 signs,
    /// or `Content-MD5` with V2. A body that can be sent only once is signed while it is sent.
    pub(crate) async fn add_digests(&mut self, route: &Route) -> Result<()> {
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

    /// Adds a query parameter. An empty value makes a bare sub-resource such as `?acl`.
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a header; `name` is in lower case.
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

    /// Sets a body that is sent while it arrives. Such a request is never retried.
    pub fn stream(mut self, stream: StreamBody) -> Self {
        self.stream = Some(stream);
        self.retry(RetryClass::Once)
    }

    /// Sets how the request may be retried.
    pub fn retry(mut self, class: RetryClass) -> Self {
        self.retry = class;
        self
    }

    /// Counts the transferred bytes in `progress`.
    pub fn progress(mut self, progress: Option<Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// Sends the request as it is: without switching the signature version or following redirects.
    pub fn exact(mut self) -> Self {
        self.adapt = false;
        self
    }

    /// The resource for log messages: `/key`.
    pub(crate) fn resource(&self) -> String {
        match &self.path {
            Some(path) => path.clone(),
            None => format!("/{}", self.key.as_deref().unwrap_or("")),
        }
    }

    /// The resource with its query, for messages about failed requests. The parameter `encoding-type` is left out,
    /// since the caller did not ask for it.
    pub(crate) fn resource_with_query(&self) -> String {
        let named = self.query.iter().filter(|(name, _)| name != "encoding-type");
        let query = crate::sign::encode::query_string(&named.cloned().collect::<Vec<_>>(), true);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}", self.resource())
    }
}

/// A successful response. Its body has not been read yet.
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
    /// Whether an earlier attempt got no response, and may have been carried out as well.
    pub(crate) after_lost_response: bool,
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

    /// The next chunk of the body; `None` at the end. A connection that is closed early is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let frame = tokio::time::timeout(self.timeout, self.body.frame())
                .await
                .map_err(|_| Error::connection(ConnectionFailure::Timeout, "timed out"))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(transport::connection_error(error)),
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

    /// Reads the whole body, for documents. Fails if it is longer than `limit` bytes, as no S3 document is.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else {
            // A single chunk needs no copying.
            return Self::within(limit, first.len()).map(|()| first);
        };
        // Reserving the announced length avoids reallocations; `limit` guards against a wrong one.
        let announced = self.header("content-length").and_then(|length| length.parse().ok());
        let mut all = BytesMut::with_capacity(announced.unwrap_or(0).min(limit).min(1 << 20));
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
            Err(Error::Malformed(format!("a response longer than {limit} bytes").into()))
        }
    }

    /// Reads the whole body as text.
    pub async fn text(self) -> Result<String> {
        let bytes = self.bytes(MAX_DOCUMENT).await?;
        String::from_utf8(bytes.into())
            .map_err(|error| Error::malformed("a response that is not UTF-8", error.utf8_error()))
    }
}
