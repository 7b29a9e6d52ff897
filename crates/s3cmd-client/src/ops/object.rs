//! Operations on objects: head, get, put, copy, delete. Batch deletion is in `delete`.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use s3cmd_client::bytes::Bytes;
//! use s3cmd_client::ops::object::{CopySource, Outgoing};
//!
//! client.put_object("bucket", "key", Outgoing::new(Bytes::from("text")), &[]).await?;
//! let source = CopySource { bucket: "bucket", key: "key", version: None };
//! client.copy_object(source, "bucket", "copy", &[]).await?;
//! let text = client.get_object("bucket", "copy", &[], None).await?.text().await?;
//! for failure in client.delete_objects("bucket", &[("key", None), ("copy", None)]).await? {
//!     println!("{}: {}", failure.key, failure.code);
//! }
//! # Ok(())
//! # }
//! ```

use super::multipart::{bare_etag, is_md5};
use super::range::etags_differ;
use crate::checksum::{self, Checksum};
use crate::client::Client;
use crate::client::retry::RetryClass;
use crate::error::{Error, Result};
use crate::http::body::Payload;
use crate::http::request::{Progress, Request, Response};
use crate::model::{document, responses};
use crate::sign::encode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, Method};

/// Maximum number of keys in one batch deletion.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub const MAX_BATCH_DELETE: usize = 1000;

/// Maximum size of an object that can be copied in one request, in bytes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
pub const MAX_WHOLE_COPY: u64 = 5 << 30;

/// The storage classes that an upload may request, as far as AWS documents them.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
pub const STORAGE_CLASSES: [&str; 8] = [
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
];

/// The properties of an object, from the response to HEAD.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Length in bytes.
    pub size: u64,
    /// ETag, without quotes.
    pub etag: String,
    /// `Last-Modified` as sent.
    pub modified: String,
    /// `Content-Type`.
    pub content_type: String,
    /// Storage class; empty if the server sends none.
    pub storage_class: String,
    /// All headers, in the server's order.
    pub headers: HeaderMap,
}

/// A key that a batch deletion did not delete.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct DeleteFailure {
    /// Key.
    pub key: String,
    /// Version ID; empty if no version was requested.
    pub version: String,
    /// S3 error code.
    pub code: String,
    /// Message; may be empty.
    pub message: String,
    /// The error of the key's own request, if the keys were deleted one by one.
    pub error: Option<Error>,
}

/// The source of a copy.
#[derive(Clone, Copy, Debug)]
pub struct CopySource<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// Key.
    pub key: &'a str,
    /// Version ID; `None` for the latest version.
    pub version: Option<&'a str>,
}

impl CopySource<'_> {
    /// The value of `x-amz-copy-source`.
    pub fn header(&self) -> String {
        let source = format!("/{}/{}", encode::query(self.bucket), encode::path(self.key));
        match self.version {
            Some(id) => format!("{source}?versionId={}", encode::query(id)),
            None => source,
        }
    }
}

/// The data of an object or a part to upload, with the checksums that are already known.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outgoing {
    /// The bytes.
    pub payload: Payload,
    /// MD5 of the payload. If given, it is sent as `Content-MD5`, which the server verifies.
    pub md5: Option<[u8; 16]>,
    /// MD5 of the payload that is not sent but compared with the ETag of the response, if that ETag is the MD5 of the
    /// content.
    pub etag_md5: Option<[u8; 16]>,
    /// SHA-256 of the payload. V4 signatures need it and compute it if it is absent.
    pub sha256: Option<[u8; 32]>,
    /// Another checksum of the payload, which the server verifies and stores.
    pub checksum: Option<Checksum>,
    /// Counts the bytes as they are sent.
    pub progress: Option<Progress>,
}

impl Outgoing {
    /// Data without known checksums. With V4, the client computes the SHA-256 that the server verifies; with V2, the
    /// MD5.
    pub fn new(payload: impl Into<Payload>) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }

    with_methods! {
        /// Sets the MD5 of the payload, to be sent as `Content-MD5`.
        with_md5(md5: impl Into<Option<[u8; 16]>>);
        /// Sets the MD5 of the payload, to be compared with the ETag of the response.
        with_etag_md5(etag_md5: impl Into<Option<[u8; 16]>>);
        /// Sets the SHA-256 of the payload.
        with_sha256(sha256: impl Into<Option<[u8; 32]>>);
        /// Sets another checksum of the payload, which the server verifies and stores.
        with_checksum(checksum: impl Into<Option<Checksum>>);
        /// Counts the bytes as they are sent.
        with_progress(progress: impl Into<Option<Progress>>);
    }

    /// Adds the payload with its digests, and the retry rule of uploads, to a request.
    pub fn into_request(self, request: Request) -> Request {
        let mut request = request.payload(self.payload).retry(RetryClass::Upload).progress(self.progress);
        request.payload_sha256 = self.sha256.map(hex::encode);
        if let Some(checksum) = self.checksum {
            request = request.header(checksum.algorithm().header(), checksum.to_string());
        }
        match self.md5 {
            Some(md5) => request.header("content-md5", BASE64_STANDARD.encode(md5)),
            None => request,
        }
    }
}

/// Whether an ETag is not derived from the content, judging by the headers of the same response: the object is
/// encrypted with a KMS key or a customer-provided key, or Swift stored it in segments.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub fn is_etag_opaque<'a>(header: impl Fn(&str) -> Option<&'a str> + Copy) -> bool {
    header("x-amz-server-side-encryption").is_some_and(|kind| kind.starts_with("aws:kms"))
        || header("x-amz-server-side-encryption-customer-algorithm").is_some()
        || is_swift_segmented(header)
}

/// Headers of an object that was stored in segments through the Swift API. The object itself is a manifest, and a
/// server-side copy copies only the manifest. Its ETag is computed from those of the segments, without a `-N` to show
/// it, and its size in a listing differs from that in HEAD and GET (as Ceph, radosgw 16.2, reports it).
/// <https://docs.openstack.org/swift/latest/overview_large_objects.html>
pub const SWIFT_SEGMENT_HEADERS: [&str; 3] =
    ["x-object-manifest", "x-object-meta-static-large-object", "x-static-large-object"];

/// Whether Swift stored the object in segments, judging by the headers of a response to HEAD or GET; see
/// [`SWIFT_SEGMENT_HEADERS`].
pub fn is_swift_segmented<'a>(header: impl Fn(&str) -> Option<&'a str>) -> bool {
    let [dynamic, statics @ ..] = SWIFT_SEGMENT_HEADERS;
    header(dynamic).is_some_and(|manifest| !manifest.trim().is_empty())
        || statics
            .iter()
            .any(|name| header(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true")))
}

/// Compares the ETag in the response to an upload with the MD5 of the sent data, if the ETag is an MD5 of the
/// content. A mismatch is [`Error::Integrity`].
pub fn verify_etag(answer: &Response, what: &str, md5: [u8; 16]) -> Result<()> {
    let (etag, sent) = (answer.etag(), hex::encode(md5));
    if is_etag_opaque(|name| answer.header(name)) || !is_md5(&etag) || etag.eq_ignore_ascii_case(&sent) {
        return Ok(());
    }
    Err(Error::Integrity(format!("MD5 Sums don't match: {what} was sent as {sent} and arrived as {etag}")))
}

impl Head {
    fn from_response(response: &Response) -> Result<Self> {
        let header = |name: &str| response.header(name).unwrap_or("").to_owned();
        let size = header("content-length");
        Ok(Self {
            size: size
                .parse()
                .map_err(|_| Error::Malformed(format!("an object of length '{size}'").into()))?,
            etag: response.etag(),
            modified: header("last-modified"),
            content_type: header("content-type"),
            storage_class: header("x-amz-storage-class"),
            headers: response.headers.clone(),
        })
    }

    /// A header's value, if present and UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// Whether Swift stored the object in segments; see [`is_swift_segmented`].
    pub fn is_swift_segmented(&self) -> bool {
        is_swift_segmented(|name| self.header(name))
    }

    /// Whether the ETag is not derived from the content; see [`is_etag_opaque`].
    pub fn has_opaque_etag(&self) -> bool {
        is_etag_opaque(|name| self.header(name))
    }

    /// The stored checksum, if it was requested and the server has one.
    pub fn checksum(&self) -> Option<checksum::Stored> {
        checksum::Stored::of(|name| self.header(name))
    }

    /// All headers with UTF-8 values, from which a copy with replaced metadata takes what it has to send again.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?)))
    }
}

impl Client {
    /// Gets the properties of an object.
    pub async fn head_object(&self, bucket: &str, key: &str) -> Result<Head> {
        let response = self.send(self.request_for(Method::HEAD, bucket, Some(key))).await?;
        Head::from_response(&response)
    }

    /// Gets the properties of an object with its stored checksum. AWS rejects the request if the object is encrypted
    /// with a KMS key that the user may not use; then the request is repeated without the checksum.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    pub async fn head_object_with_checksum(&self, bucket: &str, key: &str) -> Result<Head> {
        let request = self.request_for(Method::HEAD, bucket, Some(key));
        match self.send(request.header(checksum::MODE_HEADER, "ENABLED")).await {
            Ok(response) => Head::from_response(&response),
            Err(error) if error.status() == Some(403) => self.head_object(bucket, key).await,
            Err(error) => Err(error),
        }
    }

    /// The size in bytes of one part of an object; `part` counts from 1. `None` if the server does not report parts,
    /// or reports another number of them than `parts`. If the ETag of the response is not `etag`, the object was
    /// replaced, which is [`Error::Integrity`].
    pub async fn size_of_part(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        part: u64,
        parts: u64,
    ) -> Result<Option<u64>> {
        let request = self.request_for(Method::HEAD, bucket, Some(key)).query("partNumber", part.to_string());
        let head = match self.send(request).await {
            Ok(response) => Head::from_response(&response)?,
            // Servers that do not support the parameter respond with various errors.
            Err(error) if error.service().is_some() => return Ok(None),
            Err(error) => return Err(error),
        };
        let reported_parts = head.header("x-amz-mp-parts-count").and_then(|count| count.parse::<u64>().ok());
        if reported_parts.is_some() && etags_differ(etag, &head.etag) {
            return Err(Error::Integrity(format!("'s3://{bucket}/{key}' changed while it was read")));
        }
        Ok(Some(head.size).filter(|_| reported_parts == Some(parts)))
    }

    /// Starts a download. `headers` may contain `range`, `if-match` and similar.
    pub async fn get_object(
        &self,
        bucket: &str,
        key: &str,
        headers: &[(String, String)],
        progress: Option<Progress>,
    ) -> Result<Response> {
        let request = self.request_for(Method::GET, bucket, Some(key)).headers(headers).progress(progress);
        self.send(request).await
    }

    /// Uploads an object in one request; `headers` are those of the object. Returns the response, for its headers.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        data: Outgoing,
        headers: &[(String, String)],
    ) -> Result<Response> {
        self.send(data.into_request(Request::new(Method::PUT, Some(bucket), Some(key)).headers(headers)))
            .await
    }

    /// Copies an object on the server, in one request. Returns the new ETag, without quotes.
    pub async fn copy_object(
        &self,
        source: CopySource<'_>,
        bucket: &str,
        key: &str,
        headers: &[(String, String)],
    ) -> Result<String> {
        let request = Request::new(Method::PUT, Some(bucket), Some(key))
            .header("x-amz-copy-source", source.header())
            .headers(headers);
        let text = self.fetch_text(request).await?;
        let read: responses::Stored = document::read(&text, &["CopyObjectResult"])?;
        let etag = read.etag.ok_or_else(|| Error::Malformed("no confirmation of the copy".into()))?;
        Ok(bare_etag(&etag).to_owned())
    }

    /// Deletes an object, or permanently deletes the selected version. A missing key is not an error in S3.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<()> {
        self.send(self.request_for(Method::DELETE, bucket, Some(key))).await.map(drop)
    }

    /// Deletes an object after a move, if it still has this ETag. Returns `false` if the object was replaced, `true`
    /// if it is gone. Few servers support conditional deletes, so the object is checked with HEAD right before.
    pub async fn delete_unchanged(&self, bucket: &str, key: &str, etag: &str) -> Result<bool> {
        // A specific version never changes.
        if self.version().is_none() {
            match self.head_object(bucket, key).await {
                Ok(now) if etags_differ(etag, &now.etag) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.is_not_found() => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        self.delete_object(bucket, key).await.map(|()| true)
    }
}

/// Sets a document as the body, with its content type, and its MD5 for the server to verify.
pub async fn with_document(
    request: Request,
    document: impl Into<String>,
    content_type: &str,
) -> Result<Request> {
    let payload = Payload::Bytes(document.into().into());
    let digests = payload.digests(true, true).await?;
    let mut request = request.header("content-type", content_type).payload(payload);
    if let Some(md5) = digests.md5 {
        request = request.header("content-md5", BASE64_STANDARD.encode(md5));
    }
    request.payload_sha256 = digests.sha256.map(hex::encode);
    Ok(request)
}
