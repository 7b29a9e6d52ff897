//! The head of a request: validation, its headers as text, and the headers about the body.

use crate::model::error::{ErrorCode, S3Error, S3Result, fail, not_implemented};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, Version};
use s3cmd_client::http::header_text;

/// The header with the redirect target of an object in a website.
pub(crate) const WEBSITE_REDIRECT: &str = "x-amz-website-redirect-location";

/// Rejects requests that violate HTTP but that hyper accepts.
pub(crate) fn check(head: &Parts) -> S3Result<()> {
    let hosts = head.headers.get_all("host").iter().count();
    // RFC 9112, section 3.2. A proxy and this server could choose different ones of two Host headers.
    if hosts > 1 || hosts == 0 && head.version >= Version::HTTP_11 {
        return fail(ErrorCode::InvalidRequest, "An HTTP/1.1 request must have exactly one Host header.");
    }
    let mut codings = head
        .headers
        .get_all("transfer-encoding")
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    // RFC 9112, section 6.1: hyper decodes chunks, but leaves every other coding in the body.
    if let Some(first) = codings.next()
        && (!first.trim_ascii().eq_ignore_ascii_case(b"chunked") || codings.next().is_some())
    {
        return Err(not_implemented("A transfer coding other than chunked"));
    }
    Ok(())
}

/// Whether the value of a header may be any bytes, which are stored as received. All other `x-amz-` headers must be
/// UTF-8.
pub(crate) fn is_free_text(name: &str) -> bool {
    !name.starts_with("x-amz-") || name.starts_with("x-amz-meta-") || name == WEBSITE_REDIRECT
}

/// The headers of a request, with names in lower case. InvalidArgument if a value must be UTF-8 but is not.
pub(crate) fn headers(map: &HeaderMap) -> S3Result<Vec<(String, String)>> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let name = name.as_str().to_owned();
        if is_free_text(&name) {
            return Ok((name, header_text::from_bytes(value.as_bytes())));
        }
        match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => Ok((name, value.to_owned())),
            Err(_) => Err(S3Error::new(ErrorCode::InvalidArgument, "The value of a header must be UTF-8.")
                .detail("ArgumentName", name)),
        }
    };
    map.iter().map(text).collect()
}

/// Whether the body has a transfer coding (chunked), so its length is not known in advance.
pub(crate) fn is_chunked(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == "transfer-encoding")
}

/// The value of `Content-Length`.
pub(crate) fn content_length(headers: &[(String, String)]) -> S3Result<Option<u64>> {
    match headers.iter().find(|(name, _)| name == "content-length") {
        None => Ok(None),
        Some((_, text)) => match text.parse() {
            Ok(length) => Ok(Some(length)),
            Err(_) => fail(ErrorCode::InvalidArgument, "Invalid Content-Length"),
        },
    }
}

/// The digest in `Content-MD5`.
pub(crate) fn content_md5(headers: &[(String, String)]) -> S3Result<Option<[u8; 16]>> {
    let Some((_, text)) = headers.iter().find(|(name, _)| name == "content-md5") else { return Ok(None) };
    let digest = BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    match digest {
        Some(digest) => Ok(Some(digest)),
        None => fail(ErrorCode::InvalidDigest, "The Content-MD5 you specified is not valid."),
    }
}
