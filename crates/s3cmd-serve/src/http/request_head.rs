//! The head of a request: what must be true of it before anything else is read, its headers as text, and what they say
//! of the body.

use crate::model::error::{ErrorCode, S3Error, S3Result, fail, not_implemented};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, Version};
use s3cmd_client::http::header_text;

/// The header that says where a website redirects requests for the object.
pub(crate) const WEBSITE_REDIRECT: &str = "x-amz-website-redirect-location";

/// Refuses what HTTP itself forbids and hyper lets pass.
pub(crate) fn check(head: &Parts) -> S3Result<()> {
    let hosts = head.headers.get_all("host").iter().count();
    // RFC 9112, section 3.2. Two of them could be read differently by a proxy and by this server.
    if hosts > 1 || hosts == 0 && head.version >= Version::HTTP_11 {
        return fail(ErrorCode::InvalidRequest, "A request of HTTP/1.1 must have exactly one Host header.");
    }
    let mut codings = head
        .headers
        .get_all("transfer-encoding")
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    // RFC 9112, section 6.1: hyper takes the chunks apart and leaves every other coding in.
    if let Some(first) = codings.next()
        && (!first.trim_ascii().eq_ignore_ascii_case(b"chunked") || codings.next().is_some())
    {
        return Err(not_implemented("A transfer coding other than chunked"));
    }
    Ok(())
}

/// Whether the value of a header may be any bytes, which are kept as they come. Of the others of S3's own, only text
/// has a meaning.
pub(crate) fn is_free_text(name: &str) -> bool {
    !name.starts_with("x-amz-") || name.starts_with("x-amz-meta-") || name == WEBSITE_REDIRECT
}

/// The headers of a request, names in lower case.
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

/// Whether HTTP itself brings the body in chunks.
pub(crate) fn is_chunked(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == "transfer-encoding")
}

/// The length that `Content-Length` states.
pub(crate) fn content_length(headers: &[(String, String)]) -> S3Result<Option<u64>> {
    match headers.iter().find(|(name, _)| name == "content-length") {
        None => Ok(None),
        Some((_, text)) => match text.parse() {
            Ok(length) => Ok(Some(length)),
            Err(_) => fail(ErrorCode::InvalidArgument, "Invalid Content-Length"),
        },
    }
}

/// The digest that a `Content-MD5` states.
pub(crate) fn content_md5(headers: &[(String, String)]) -> S3Result<Option<[u8; 16]>> {
    let Some((_, text)) = headers.iter().find(|(name, _)| name == "content-md5") else { return Ok(None) };
    let digest = BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    match digest {
        Some(digest) => Ok(Some(digest)),
        None => fail(ErrorCode::InvalidDigest, "The Content-MD5 you specified is not valid."),
    }
}
