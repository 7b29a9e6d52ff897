//! The visible part of the upstream store: one bucket, or what is below a prefix of it. Translates the clients' names
//! to upstream names and back. All names in upstream requests come from this module.

use crate::model::copy_source;
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied, fail, not_implemented};
use percent_encoding::percent_decode_str;
use s3cmd_client::ops::object::CopySource;

/// S3's limit on a key, in bytes. It applies to the upstream key.
const MAX_KEY: usize = 1024;

/// A bucket, which has the same name on both sides, and the prefix that clients do not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServedPrefix {
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
}

/// Whether a server or a proxy that normalizes paths could mistake it for another key.
fn can_be_normalized(key: &str) -> bool {
    let has_dot_segment =
        |text: &str| text.split(['/', '\\']).any(|segment| segment == "." || segment == "..");
    // Some servers decode percent-encoding twice.
    has_dot_segment(key) || has_dot_segment(&percent_decode_str(key).decode_utf8_lossy())
}

impl ServedPrefix {
    /// The prefix is a folder, with or without a trailing slash: `team` does not include `team2`.
    pub(super) fn new(bucket: &str, prefix: &str) -> S3Result<Self> {
        let mut prefix = prefix.to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        if bucket.is_empty()
            || can_be_normalized(bucket)
            || can_be_normalized(&prefix)
            || prefix.starts_with('/')
        {
            return fail(ErrorCode::InvalidArgument, "This bucket or prefix cannot be served.");
        }
        Ok(Self { bucket: bucket.to_owned(), prefix })
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The prefix that clients do not see.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The upstream key of a client's key.
    ///
    /// # Errors
    /// `AccessDenied` for a key that could be mistaken for another, `KeyTooLongError`.
    pub(super) fn upstream_key(&self, key: &str) -> S3Result<String> {
        if key.is_empty() {
            return Err(access_denied());
        }
        if can_be_normalized(key) {
            let mut error = access_denied();
            "Keys with a '.' or '..' path segment are not supported on this server."
                .clone_into(&mut error.message);
            return Err(error);
        }
        let upstream = format!("{}{key}", self.prefix);
        if upstream.len() > MAX_KEY {
            return Err(S3Error::new(ErrorCode::KeyTooLongError, "Your key is too long")
                .detail("Size", key.len().to_string())
                .detail("MaxSizeAllowed", (MAX_KEY - self.prefix.len().min(MAX_KEY)).to_string()));
        }
        Ok(upstream)
    }

    /// The upstream prefix or marker of a client's listing.
    pub(super) fn upstream_start(&self, text: &str) -> String {
        format!("{}{text}", self.prefix)
    }

    /// The client's name for an upstream name; `None` if it is not visible.
    pub(super) fn client_name<'a>(&self, upstream: &'a str) -> Option<&'a str> {
        upstream.strip_prefix(&self.prefix).filter(|name| !name.is_empty())
    }

    /// The upstream `x-amz-copy-source` for a client's. In UploadPartCopy, Ceph decodes it twice (measured on 16.2.15),
    /// so a key with `%` would name another object and is rejected.
    pub(super) fn upstream_source(&self, text: &str, is_part_copy: bool) -> S3Result<String> {
        let (bucket, key, version) = copy_source::parse(text)?;
        if bucket != self.bucket {
            return Err(access_denied());
        }
        let key = self.upstream_key(&key)?;
        if is_part_copy && key.contains('%') {
            return Err(not_implemented("UploadPartCopy from a key with a percent sign"));
        }
        Ok(CopySource { bucket: &self.bucket, key: &key, version: version.as_deref() }.header())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team() -> ServedPrefix {
        ServedPrefix::new("real", "team").unwrap()
    }

    #[test]
    fn keys_stay_below_the_prefix_and_dot_segments_are_rejected() {
        let served = team();
        for (key, real) in [("a", "team/a"), ("/a//b/", "team//a//b/"), ("..a/.b/c..", "team/..a/.b/c..")] {
            assert_eq!(served.upstream_key(key).unwrap(), real);
            assert_eq!(served.client_name(real), Some(key));
        }
        for key in [
            "",
            ".",
            "..",
            "../secret",
            "a/../../secret",
            "a/./b",
            "a/..",
            "a\\..\\b",
            "%2e%2e/x",
            "a/%2E./b",
        ] {
            assert_eq!(served.upstream_key(key).unwrap_err().code.as_str(), "AccessDenied", "{key}");
        }
        for real in ["team/", "team", "team2/a", "secret", ""] {
            assert_eq!(served.client_name(real), None, "{real}");
        }
        assert_eq!(served.upstream_key(&"x".repeat(1020)).unwrap_err().code.as_str(), "KeyTooLongError");
        assert_eq!(ServedPrefix::new("real", "").unwrap().upstream_key("a").unwrap(), "a");
    }

    #[test]
    fn ambiguous_prefixes_are_rejected() {
        for (bucket, prefix) in [("", ""), ("..", ""), ("b", "a/../b"), ("b", "/a"), ("b", "/"), ("b", "./")]
        {
            assert!(ServedPrefix::new(bucket, prefix).is_err(), "{bucket} {prefix}");
        }
        assert_eq!(team(), ServedPrefix::new("real", "team/").unwrap());
    }

    #[test]
    fn copy_sources_stay_below_the_prefix() {
        let served = team();
        let of = |text| served.upstream_source(text, false).map_err(|error| error.code.as_str());
        assert_eq!(of("/real/a%20b%3F"), Ok("/real/team/a%20b%3F".to_owned()));
        assert_eq!(of("real%2Fa?versionId=v%26"), Ok("/real/team/a?versionId=v%26".to_owned()));
        for text in ["other/a", "/real/../other/a", "real/%2e%2e/a", "arn:aws:s3:x:1:accesspoint/a/object/b"]
        {
            assert_eq!(of(text), Err("AccessDenied"), "{text}");
        }
        for text in ["real", "real/", ""] {
            assert_eq!(of(text), Err("InvalidArgument"), "{text}");
        }
        assert_eq!(served.upstream_source("real/a%25b", true).unwrap_err().code.as_str(), "NotImplemented");
    }
}
