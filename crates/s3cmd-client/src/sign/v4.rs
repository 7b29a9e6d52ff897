//! AWS Signature Version 4.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::chrono::Utc;
//! use s3cmd_client::credentials::Credentials;
//! use s3cmd_client::sign::{Request, v4};
//!
//! let headers = [("host".to_owned(), "s3.example.org".to_owned())];
//! let request = Request { method: "GET", path: "/bucket/key", query: &[], headers: &headers };
//! let credentials = Credentials::new("ACCESSKEY", "secret", None);
//! let scope = v4::Scope { time: Utc::now(), region: "us-east-1", service: "s3" };
//! let query = v4::presign(&request, &credentials, &scope, 3600);
//! assert_eq!(query.last().unwrap().0, "X-Amz-Signature");
//! ```

use super::{Request, encode};
use crate::credentials::Credentials;
use crate::http::header_text;
use chrono::{DateTime, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::sync::Mutex;

/// The name of the algorithm: the first word of the `Authorization` header, and the value of `X-Amz-Algorithm`.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Payload hash of an empty body.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Payload hash that excludes the body from the signature (always used by presigned URLs).
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// Maximum lifetime of a presigned URL, in seconds (7 days).
pub const MAX_EXPIRES: u64 = 7 * 24 * 3600;

/// Timestamp format of `x-amz-date`.
const TIMESTAMP: &str = "%Y%m%dT%H%M%SZ";

/// The scope of a signature: `DATE/REGION/SERVICE/aws4_request`.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// When the request is signed.
    pub time: DateTime<Utc>,
    /// Region name, used as it is (including the old name `US`).
    pub region: &'a str,
    /// Service name: `s3`, `cloudfront` or `sts`.
    pub service: &'a str,
}

impl Scope<'_> {
    /// `YYYYMMDD`, the date part of the credential scope.
    pub fn date(&self) -> String {
        self.time.format("%Y%m%d").to_string()
    }

    /// `YYYYMMDDTHHMMSSZ`, the value of `x-amz-date`.
    pub fn timestamp(&self) -> String {
        self.time.format(TIMESTAMP).to_string()
    }

    /// The credential scope, without the access key.
    pub fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date(), self.region, self.service)
    }
}

/// Parses an `x-amz-date` value; `None` if it does not have that form.
pub fn parse_timestamp(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, TIMESTAMP).ok().map(|time| time.and_utc())
}

/// Signs a request in its headers. `payload_hash` is the hex SHA-256 of the body, or one of S3's literal markers.
///
/// `request.headers` must contain `host`; all of them are signed. Returns the headers to add: `x-amz-date`,
/// `x-amz-content-sha256`, `x-amz-security-token` if there is a session token, and `authorization`.
pub fn sign(
    request: &Request<'_>,
    payload_hash: &str,
    credentials: &Credentials,
    scope: &Scope<'_>,
) -> Vec<(String, String)> {
    let mut added = vec![
        ("x-amz-content-sha256".to_owned(), payload_hash.to_owned()),
        ("x-amz-date".to_owned(), scope.timestamp()),
    ];
    if let Some(token) = credentials.token() {
        added.push(("x-amz-security-token".to_owned(), token.to_owned()));
    }
    let headers: Vec<(String, String)> = request.headers.iter().chain(&added).cloned().collect();
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let signed = Request { headers: &headers, ..*request };
    let signature = signature(&signed, &names, payload_hash, credentials.secret_key(), scope);
    added.push((
        "authorization".to_owned(),
        format!(
            "{ALGORITHM} Credential={}/{},SignedHeaders={},Signature={signature}",
            credentials.access_key,
            scope.text(),
            names.join(";"),
        ),
    ));
    added
}

/// Signs a request in its query, for a presigned URL. Returns the whole query (decoded pairs, the signature last).
/// `expires` is in seconds from `scope.time`. Only the headers in `request` are signed, usually just `host`.
pub fn presign(
    request: &Request<'_>,
    credentials: &Credentials,
    scope: &Scope<'_>,
    expires: u64,
) -> Vec<(String, String)> {
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut query = request.query.to_vec();
    let mut add = |name: &str, value: String| query.push((name.to_owned(), value));
    add("X-Amz-Algorithm", ALGORITHM.to_owned());
    add("X-Amz-Credential", format!("{}/{}", credentials.access_key, scope.text()));
    add("X-Amz-Date", scope.timestamp());
    add("X-Amz-Expires", expires.to_string());
    if let Some(token) = credentials.token() {
        add("X-Amz-Security-Token", token.to_owned());
    }
    add("X-Amz-SignedHeaders", names.join(";"));
    let signed = Request { query: &query, ..*request };
    let signature = signature(&signed, &names, UNSIGNED_PAYLOAD, credentials.secret_key(), scope);
    query.push(("X-Amz-Signature".to_owned(), signature));
    query
}

/// The hex signature of a request, as [`sign`] and [`presign`] produce it and a server recomputes it.
///
/// `signed_headers` are lower-case names in ascending order. A query parameter `X-Amz-Signature` is ignored.
pub fn signature(
    request: &Request<'_>,
    signed_headers: &[&str],
    payload_hash: &str,
    secret_key: &str,
    scope: &Scope<'_>,
) -> String {
    let canonical = canonical_request(request, signed_headers, payload_hash);
    let text = string_to_sign(&hex::encode(Sha256::digest(header_text::to_bytes(&canonical))), scope);
    hex::encode(hmac(&signing_key(secret_key, scope), text.as_bytes()))
}

/// The canonical request: step 1 of the specification.
pub fn canonical_request(request: &Request<'_>, signed_headers: &[&str], payload_hash: &str) -> String {
    let mut pairs: Vec<(String, String)> = request
        .query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (encode::query(name).into_owned(), encode::query(value).into_owned()))
        .collect();
    pairs.sort_unstable();
    let mut out = String::with_capacity(512);
    out.push_str(request.method);
    out.push('\n');
    out.push_str(request.path);
    out.push('\n');
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
    out.push('\n');
    for name in signed_headers {
        out.push_str(name);
        out.push(':');
        let values = request.headers.iter().filter(|(n, _)| n == name);
        for (index, (_, value)) in values.enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_trimmed(&mut out, value);
        }
        out.push('\n');
    }
    out.push('\n');
    out.push_str(&signed_headers.join(";"));
    out.push('\n');
    out.push_str(payload_hash);
    out
}

/// Trims a header value, and collapses inner runs of spaces into one space.
fn push_trimmed(out: &mut String, value: &str) {
    let mut after_space = false;
    for c in value.trim().chars() {
        if c == ' ' && after_space {
            continue;
        }
        after_space = c == ' ';
        out.push(c);
    }
}

/// The string to sign: step 2. `canonical_hash` is the hex SHA-256 of the canonical request.
pub fn string_to_sign(canonical_hash: &str, scope: &Scope<'_>) -> String {
    format!("{ALGORITHM}\n{}\n{}\n{canonical_hash}", scope.timestamp(), scope.text())
}

/// The signature of one chunk of an `aws-chunked` body. `previous` is the signature of the preceding chunk, or of the
/// request for the first one. <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
pub fn chunk_signature(secret_key: &str, scope: &Scope<'_>, previous: &str, chunk: &[u8]) -> String {
    chunk_hash_signature(secret_key, scope, previous, &hex::encode(Sha256::digest(chunk)))
}

/// [`chunk_signature`] for a chunk that was hashed while it streamed; `chunk_hash` is its hex SHA-256.
pub fn chunk_hash_signature(secret_key: &str, scope: &Scope<'_>, previous: &str, chunk_hash: &str) -> String {
    let text = format!(
        "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{previous}\n{EMPTY_SHA256}\n{chunk_hash}",
        scope.timestamp(),
        scope.text(),
    );
    hex::encode(hmac(&signing_key(secret_key, scope), text.as_bytes()))
}

/// The signature of the trailing headers of an `aws-chunked` body. `trailers` is their canonical text (`name:value\n`
/// each).
pub fn trailer_signature(secret_key: &str, scope: &Scope<'_>, previous: &str, trailers: &str) -> String {
    let text = format!(
        "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{previous}\n{}",
        scope.timestamp(),
        scope.text(),
        hex::encode(Sha256::digest(trailers.as_bytes())),
    );
    hex::encode(hmac(&signing_key(secret_key, scope), text.as_bytes()))
}

/// The signature of the policy of a browser-based upload (POST form); `policy` is its base64 text.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html>
pub fn policy_signature(secret_key: &str, scope: &Scope<'_>, policy: &str) -> String {
    hex::encode(hmac(&signing_key(secret_key, scope), policy.as_bytes()))
}

/// The derived key (secret -> date -> region -> service -> `aws4_request`): step 3. It is valid for a day, so the
/// last one is cached; that saves four of the five HMACs of all signatures but the first.
fn signing_key(secret_key: &str, scope: &Scope<'_>) -> [u8; 32] {
    static LAST: Mutex<Option<([u8; 32], [u8; 32])>> = Mutex::new(None);
    let date = scope.date();
    // The cache is keyed by a digest, so that it contains no copy of the secret.
    let mut hasher = Sha256::new();
    for part in [secret_key, &date, scope.region, scope.service] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, key)) = last.as_ref().filter(|(of, _)| *of == digest) {
        return *key;
    }
    let mut key = hmac(format!("AWS4{secret_key}").as_bytes(), date.as_bytes());
    for part in [scope.region, scope.service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    *last = Some((digest, key));
    key
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}
