//! What must be true of a request's head before anything else is read of it, and its headers as text.

use super::error::{S3Error, S3Result, fail, not_implemented};
use super::ops::head_fields::REDIRECT;
use crate::s3::header_text;
use http::request::Parts;
use http::{HeaderMap, Version};

/// Refuses what HTTP itself forbids and hyper lets pass.
pub(super) fn check(head: &Parts) -> S3Result<()> {
    let hosts = head.headers.get_all("host").iter().count();
    // RFC 9112, section 3.2. Two of them could be read differently by a proxy and by this server.
    if hosts > 1 || hosts == 0 && head.version >= Version::HTTP_11 {
        return fail("InvalidRequest", "A request of HTTP/1.1 must have exactly one Host header.");
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

/// Whether the value of a header may be any bytes, which are kept as they come. Of the others of S3's own, only text has
/// a meaning.
pub(super) fn is_free_text(name: &str) -> bool {
    !name.starts_with("x-amz-") || name.starts_with("x-amz-meta-") || name == REDIRECT
}

/// The headers of a request, names in lower case.
pub(super) fn headers(map: &HeaderMap) -> S3Result<Vec<(String, String)>> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let name = name.as_str().to_owned();
        if is_free_text(&name) {
            return Ok((name, header_text::from_bytes(value.as_bytes())));
        }
        match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => Ok((name, value.to_owned())),
            Err(_) => Err(S3Error::new("InvalidArgument", "The value of a header must be UTF-8.")
                .detail("ArgumentName", name)),
        }
    };
    map.iter().map(text).collect()
}
