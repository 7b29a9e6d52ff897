//! Which request headers are passed on to the upstream store, and which response headers to the client. Unknown headers
//! that start with `x-amz-` are rejected: to ignore one would not do what the client asked for, and to pass it on could
//! do more than a user of this server may.

use crate::http::call::Call;
use crate::model::error::{S3Error, S3Result, access_denied, not_implemented};
use http::HeaderMap;
use s3cmd_client::http::header_text;

/// What a header is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderPurpose {
    /// Conditions on the present object, including those of deletions.
    Match,
    /// The range and the other conditions of a read.
    Read,
    /// What is stored with an object.
    Content,
    /// The customer key for encryption.
    CustomerKey,
    /// Checksums of the body, or of a completed object.
    Checksum,
    /// The checksum algorithm and type of a multipart upload.
    ChecksumSpec,
    /// The other headers of a copy.
    Copy,
    /// Which attributes are requested.
    Attributes,
    /// The object size that is stated when an upload is completed.
    Size,
    /// The source of a copy, which is never passed on unchanged.
    Source,
    /// Access to the object.
    Acl,
    /// Protection from deletion, and bypassing it.
    Lock,
    /// The signature and the transfer of the body.
    Transport,
}

/// The purpose of a header; `None` if it is unknown.
fn purpose_of(name: &str) -> Option<HeaderPurpose> {
    Some(match name {
        "if-match" | "if-none-match" | "x-amz-if-match-last-modified-time" | "x-amz-if-match-size" => {
            HeaderPurpose::Match
        }
        "range" | "if-modified-since" | "if-unmodified-since" | "x-amz-checksum-mode" => HeaderPurpose::Read,
        "cache-control"
        | "content-disposition"
        | "content-encoding"
        | "content-language"
        | "content-type"
        | "expires"
        | "x-amz-storage-class"
        | "x-amz-tagging"
        | "x-amz-website-redirect-location"
        | "x-amz-server-side-encryption"
        | "x-amz-server-side-encryption-aws-kms-key-id"
        | "x-amz-server-side-encryption-bucket-key-enabled"
        | "x-amz-server-side-encryption-context" => HeaderPurpose::Content,
        "x-amz-server-side-encryption-customer-algorithm"
        | "x-amz-server-side-encryption-customer-key"
        | "x-amz-server-side-encryption-customer-key-md5" => HeaderPurpose::CustomerKey,
        "x-amz-checksum-algorithm" | "x-amz-checksum-type" => HeaderPurpose::ChecksumSpec,
        "content-md5" => HeaderPurpose::Checksum,
        "x-amz-metadata-directive"
        | "x-amz-tagging-directive"
        | "x-amz-copy-source-range"
        | "x-amz-copy-source-if-match"
        | "x-amz-copy-source-if-none-match"
        | "x-amz-copy-source-if-modified-since"
        | "x-amz-copy-source-if-unmodified-since"
        | "x-amz-copy-source-server-side-encryption-customer-algorithm"
        | "x-amz-copy-source-server-side-encryption-customer-key"
        | "x-amz-copy-source-server-side-encryption-customer-key-md5" => HeaderPurpose::Copy,
        "x-amz-object-attributes" | "x-amz-max-parts" | "x-amz-part-number-marker" => HeaderPurpose::Attributes,
        "x-amz-mp-object-size" => HeaderPurpose::Size,
        "x-amz-copy-source" => HeaderPurpose::Source,
        "x-amz-acl" => HeaderPurpose::Acl,
        "x-amz-bypass-governance-retention" => HeaderPurpose::Lock,
        "x-amz-algorithm"
        | "x-amz-credential"
        | "x-amz-signature"
        | "x-amz-signedheaders"
        | "x-amz-expires"
        | "x-amz-date"
        | "x-amz-content-sha256"
        | "x-amz-security-token"
        | "x-amz-decoded-content-length"
        | "x-amz-trailer"
        | "x-amz-sdk-checksum-algorithm"
        | "x-amz-user-agent"
        // Who pays is decided by the owner of the upstream account.
        | "x-amz-request-payer" => HeaderPurpose::Transport,
        _ if name.starts_with("x-amz-meta-") => HeaderPurpose::Content,
        _ if name.starts_with("x-amz-checksum-") => HeaderPurpose::Checksum,
        _ if name.starts_with("x-amz-grant-") => HeaderPurpose::Acl,
        _ if name.starts_with("x-amz-object-lock-") => HeaderPurpose::Lock,
        _ => return None,
    })
}

/// The headers of a request, including those in the query of a SigV4 presigned URL.
fn all(call: &Call) -> impl Iterator<Item = (String, &str)> {
    let link_parameters =
        call.presigned_parameters().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
    let link_parameters =
        link_parameters.filter(|(name, _)| name.starts_with("x-amz-") && call.header(name).is_none());
    call.headers.iter().map(|(name, value)| (name.clone(), value.as_str())).chain(link_parameters)
}

/// The source of a copy; `None` if the request is not a copy.
pub(super) fn copy_source(call: &Call) -> Option<&str> {
    all(call).find(|(name, _)| name == "x-amz-copy-source").map(|(_, value)| value)
}

/// The request headers that are passed on: those with one of the given purposes.
///
/// # Errors
/// `NotImplemented` for an unknown `x-amz-` header. `AccessDenied` for an ACL that grants access to others, and for
/// anything that would protect an object from deletion: only the owner of the upstream account may do that.
pub(super) fn request_headers(call: &Call, purposes: &[HeaderPurpose]) -> S3Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    for (name, value) in all(call) {
        match purpose_of(&name) {
            None if name.starts_with("x-amz-") => {
                return Err(not_implemented(&format!("The header {name}")));
            }
            Some(HeaderPurpose::Acl) if !(name == "x-amz-acl" && is_private(value)) => {
                return Err(denied("Access to objects on this server cannot be granted to others."));
            }
            Some(HeaderPurpose::Lock) if !value.trim().eq_ignore_ascii_case("false") => {
                return Err(denied("Object locks cannot be set or bypassed on this server."));
            }
            Some(purpose) if purposes.contains(&purpose) => {
                let mut value = value.to_owned();
                if name == "content-encoding" {
                    // `aws-chunked` belongs to the transfer, not to the object.
                    let kept = value.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked");
                    value = kept.collect::<Vec<_>>().join(",");
                    if value.is_empty() {
                        continue;
                    }
                }
                headers.push((name, value));
            }
            _ => {}
        }
    }
    Ok(headers)
}

/// Whether a canned ACL changes nothing: the objects belong to the upstream account in any case.
fn is_private(acl: &str) -> bool {
    matches!(acl.trim(), "" | "private" | "bucket-owner-full-control" | "bucket-owner-read")
}

pub(super) fn denied(message: &str) -> S3Error {
    let mut error = access_denied();
    message.clone_into(&mut error.message);
    error
}

/// Response headers that describe an object or the request, and nothing of the upstream account.
const PASSED_ON: &[&str] = &[
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "expires",
    "last-modified",
    "retry-after",
    "x-amz-abort-date",
    "x-amz-archive-status",
    "x-amz-copy-source-version-id",
    "x-amz-delete-marker",
    "x-amz-expiration",
    "x-amz-missing-meta",
    "x-amz-mp-parts-count",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-restore",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-amz-storage-class",
    "x-amz-tagging-count",
    "x-amz-version-id",
    "x-amz-website-redirect-location",
];

/// The upstream response headers that are passed on to the client.
pub(super) fn response_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_passed_on = |name: &str| {
        PASSED_ON.contains(&name) || name.starts_with("x-amz-meta-") || name.starts_with("x-amz-checksum-")
    };
    headers
        .iter()
        .filter(|(name, _)| is_passed_on(name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), header_text::from_bytes(value.as_bytes())))
        .collect()
}

/// [`response_headers`] for a response whose body this server generates.
pub(super) fn response_headers_without_body(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut kept = response_headers(headers);
    kept.retain(|(name, _)| !name.starts_with("content-") && name != "accept-ranges");
    kept
}
