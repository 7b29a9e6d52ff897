//! AWS Signature Version 2 as S3 uses it; Ceph supports it.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::chrono::Utc;
//! use s3cmd_client::credentials::Credentials;
//! use s3cmd_client::sign::{Request, v2};
//!
//! let headers = [("host".to_owned(), "s3.example.org".to_owned())];
//! let request = Request { method: "GET", path: "/bucket/key", query: &[], headers: &headers };
//! let credentials = Credentials::new("ACCESSKEY", "secret", None);
//! let added = v2::sign(&request, None, &credentials, Utc::now());
//! let (name, value) = added.last().unwrap();
//! assert!(name == "authorization" && value.starts_with("AWS ACCESSKEY:"));
//! ```

use super::{Request, encode};
use crate::credentials::Credentials;
use crate::http::header_text;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Query parameters that are part of the signed resource, in ascending order: those of the S3 documentation, and the
/// later sub-resources that Ceph also signs.
const SUBRESOURCES: &[&str] = &[
    "acl",
    "cors",
    "delete",
    "encryption",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Signs a request in its headers. `bucket` is given if it is in the host name instead of the path (virtual-hosted
/// style). Returns the headers to add: `x-amz-date`, `x-amz-security-token` if there is a session token, and
/// `authorization`.
pub fn sign(
    request: &Request<'_>,
    bucket: Option<&str>,
    credentials: &Credentials,
    time: DateTime<Utc>,
) -> Vec<(String, String)> {
    let mut added = vec![("x-amz-date".to_owned(), time.format("%a, %d %b %Y %H:%M:%S +0000").to_string())];
    if let Some(token) = credentials.token() {
        added.push(("x-amz-security-token".to_owned(), token.to_owned()));
    }
    let headers: Vec<(String, String)> = request.headers.iter().chain(&added).cloned().collect();
    let signed = Request { headers: &headers, ..*request };
    let signature = signature(&string_to_sign(&signed, bucket, None), credentials.secret_key());
    added.push(("authorization".to_owned(), format!("AWS {}:{signature}", credentials.access_key)));
    added
}

/// Signs a request in its query, for a presigned URL. Returns the whole query as decoded pairs, in this order
/// (measured on s3cmd 2.4.0): `AWSAccessKeyId`, `Expires`, `Signature`, then the response overrides. `expires` is in
/// seconds since the epoch.
pub fn presign(
    request: &Request<'_>,
    bucket: Option<&str>,
    credentials: &Credentials,
    expires: i64,
) -> Vec<(String, String)> {
    let mut query = request.query.to_vec();
    if let Some(token) = credentials.token() {
        query.push(("x-amz-security-token".to_owned(), token.to_owned()));
    }
    let signed = Request { query: &query, ..*request };
    let text = string_to_sign(&signed, bucket, Some(&expires.to_string()));
    let mut out = vec![
        ("AWSAccessKeyId".to_owned(), credentials.access_key.clone()),
        ("Expires".to_owned(), expires.to_string()),
        ("Signature".to_owned(), signature(&text, credentials.secret_key())),
    ];
    out.extend(query);
    out
}

/// The string to sign. In a header signature, the date line is empty if `x-amz-date` is present (the header is signed
/// instead). In a query signature it is the expiry time, and a session token is sent in the query but signed as the
/// corresponding header.
pub fn string_to_sign(request: &Request<'_>, bucket: Option<&str>, expires: Option<&str>) -> String {
    let header = |name: &str| request.header(name).unwrap_or("").trim();
    let date = match expires {
        Some(expires) => expires,
        None if request.header("x-amz-date").is_some() => "",
        None => header("date"),
    };
    let mut out =
        format!("{}\n{}\n{}\n{date}\n", request.method, header("content-md5"), header("content-type"));

    let mut amz: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-amz-"))
        .map(|(name, value)| (name.as_str(), value.trim()))
        .collect();
    if expires.is_some() {
        let in_query =
            request.query.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-security-token"));
        amz.extend(in_query.map(|(_, value)| ("x-amz-security-token", value.as_str())));
    }
    // A stable sort, so that the values of a repeated header keep their order.
    amz.sort_by_key(|(name, _)| *name);
    let mut last = "";
    for (name, value) in amz {
        if name == last {
            out.pop();
            out.push(',');
        } else {
            out.push_str(name);
            out.push(':');
        }
        out.push_str(value);
        out.push('\n');
        last = name;
    }

    if let Some(bucket) = bucket {
        out.push('/');
        out.push_str(bucket);
    }
    out.push_str(request.path);
    let mut subresources: Vec<&(String, String)> =
        request.query.iter().filter(|(name, _)| SUBRESOURCES.contains(&name.as_str())).collect();
    subresources.sort();
    for (index, (name, value)) in subresources.into_iter().enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        out.push_str(name);
        if !value.is_empty() {
            out.push('=');
            // Values are signed decoded, as the S3 documentation requires for the response-* parameters.
            out.push_str(value);
        }
    }
    out
}

/// Base64 of the HMAC-SHA1 of a text. With a string to sign, this is the signature.
pub fn signature(text: &str, secret_key: &str) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret_key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(&header_text::to_bytes(text));
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// The query string of a presigned V2 request, with every name and value encoded.
pub fn query_string(pairs: &[(String, String)]) -> String {
    encode::query_string(pairs, true)
}
