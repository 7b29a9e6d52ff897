//! Range requests for one specific version of an object: never for an object that has replaced it in the meantime,
//! and never for other content that a server or a proxy returns instead.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use s3cmd_client::ops::range::ObjectVersion;
//!
//! let head = client.head_object("bucket", "key").await?;
//! let version = ObjectVersion::of_head("bucket", "key", &head);
//! if let Some(response) = client.get_range(version, (0, 99), None).await? {
//!     println!("{} bytes", response.bytes(100).await?.len());
//! }
//! # Ok(())
//! # }
//! ```

use super::object::{Head, is_swift_segmented};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::http::request::{Progress, Response};

/// The object that the bytes must belong to.
#[derive(Clone, Copy, Debug)]
pub struct ObjectVersion<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// Key.
    pub key: &'a str,
    /// ETag without quotes; empty if the store provides none.
    pub etag: &'a str,
    /// Length in bytes.
    pub size: u64,
    /// Whether Swift stored the object in segments. Ceph (radosgw 16.2) then rejects every `If-Match` and counts
    /// `Content-Range` from the beginning of a segment, though the bytes are right (measured).
    pub segmented: bool,
    /// The stored `Content-Encoding`; empty if the object has none.
    pub encoding: &'a str,
}

impl<'a> ObjectVersion<'a> {
    /// The object that a HEAD response describes.
    pub fn of_head(bucket: &'a str, key: &'a str, head: &'a Head) -> Self {
        let segmented = is_swift_segmented(|name| head.header(name));
        let encoding = head.header("content-encoding").unwrap_or_default();
        Self { bucket, key, etag: &head.etag, size: head.size, segmented, encoding }
    }

    /// Rejects a response with a `Content-Encoding` that the object does not have: a proxy has compressed the body,
    /// although `Accept-Encoding: identity` was sent. If the response has no length either, its bytes would look like
    /// those of an interrupted response. Returns [`Error::Integrity`].
    pub fn check_encoding(&self, response: &Response) -> Result<()> {
        let encoding = response.header("content-encoding").unwrap_or_default().trim();
        let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        if is_plain || encoding.eq_ignore_ascii_case(self.encoding.trim()) {
            return Ok(());
        }
        Err(Error::Integrity(format!(
            "the response for 's3://{}/{}' was encoded on its way, for example by a proxy (Content-Encoding: {encoding})",
            self.bucket, self.key
        )))
    }

    /// Rejects a response with another ETag or another total length.
    fn check_same_object(&self, response: &Response, total: Option<u64>) -> Result<()> {
        if etags_differ(self.etag, &response.etag()) || total.is_some_and(|total| total != self.size) {
            return Err(self.changed());
        }
        self.check_encoding(response)
    }

    fn changed(&self) -> Error {
        Error::Integrity(format!("'s3://{}/{}' changed while it was read", self.bucket, self.key))
    }
}

/// Whether two ETags are both known and belong to different content. A weak ETag (`W/"..."`), as proxies make them,
/// counts as the strong one.
pub fn etags_differ(a: &str, b: &str) -> bool {
    let (a, b) = (plain(a), plain(b));
    !a.is_empty() && !b.is_empty() && !a.eq_ignore_ascii_case(b)
}

fn plain(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

impl Client {
    /// Gets the bytes from `first` to `last` (inclusive) of an object. Returns `None` if the server does not support
    /// ranges. However the server handles `If-Match`, a response that belongs to another object, or that has more
    /// bytes than requested, is [`Error::Integrity`].
    pub async fn get_range(
        &self,
        object: ObjectVersion<'_>,
        (first, last): (u64, u64),
        progress: Option<Progress>,
    ) -> Result<Option<Response>> {
        let mut headers = vec![("range".to_owned(), format!("bytes={first}-{last}"))];
        // A weak ETag never satisfies the condition. <https://www.rfc-editor.org/rfc/rfc9110#field.if-match>
        let is_weak = object.etag.trim().starts_with("W/");
        if !object.etag.is_empty() && !is_weak && !object.segmented {
            headers.push(("if-match".to_owned(), format!("\"{}\"", plain(object.etag))));
        }
        let response = match self.get_object(object.bucket, object.key, &headers, progress).await {
            // 416: the object became shorter, and the server does not evaluate the condition.
            Err(error) if matches!(error.status(), Some(412 | 416)) => return Err(object.changed()),
            response => response?,
        };
        if response.status != 206 {
            object.check_same_object(&response, None)?;
            return Ok(None);
        }
        let Some(range) = response.header("content-range").and_then(ContentRange::parse) else {
            return Ok(None);
        };
        object.check_same_object(&response, range.total)?;
        if range.first != first && !object.segmented {
            return Ok(None);
        }
        let length = response.header("content-length").and_then(|length| length.parse::<u64>().ok());
        if range.last > last || length.is_some_and(|length| length > last - first + 1) {
            return Err(Error::Integrity(format!(
                "the server sent other bytes of 's3://{}/{}' than requested",
                object.bucket, object.key
            )));
        }
        Ok(Some(response))
    }
}

/// `Content-Range: bytes FIRST-LAST/TOTAL`. <https://www.rfc-editor.org/rfc/rfc9110#field.content-range>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentRange {
    first: u64,
    last: u64,
    /// `None` for `*`.
    total: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        let range = Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()?, total };
        Some(range).filter(|range| unit.eq_ignore_ascii_case("bytes") && range.first <= range.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_parsed() {
        let range = |first, last, total| Some(ContentRange { first, last, total });
        assert_eq!(ContentRange::parse("bytes 5-9/20"), range(5, 9, Some(20)));
        assert_eq!(ContentRange::parse("bytes 0-0/*"), range(0, 0, None));
        for wrong in
            ["", "bytes */20", "bytes 9-5/20", "items 1-2/3", "bytes 1-2", "bytes 1-2/x", "bytes -2/3"]
        {
            assert_eq!(ContentRange::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn etags_differ_only_if_both_are_known() {
        assert!(etags_differ("a", "b"));
        for (a, b) in [("a", "a"), ("a", ""), ("", "b"), ("", ""), ("a", "W/\"a"), ("W/\"AB\"", "ab")] {
            assert!(!etags_differ(a, b), "{a} {b}");
        }
    }
}
