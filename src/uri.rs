//! Locations named by arguments: objects, buckets and local paths. A leaf module that any other module can use.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

/// `s3://BUCKET/KEY`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct S3Uri {
    /// Bucket; empty in `s3://`.
    pub(crate) bucket: String,
    /// Key or prefix, verbatim; empty for the bucket itself.
    pub(crate) key: String,
}

/// `cf://DISTRIBUTION[/INVALIDATION]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloudFrontUri {
    /// ID of the distribution.
    pub(crate) distribution: String,
    /// ID of the invalidation. Empty for the distribution itself.
    pub(crate) invalidation: String,
}

impl CloudFrontUri {
    /// The URI of a distribution.
    pub(crate) fn new(distribution: impl Into<String>) -> Self {
        Self { distribution: distribution.into(), invalidation: String::new() }
    }

    /// Parses `cf://...`. `None` for anything else, and for invalid IDs.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let scheme = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("cf://"))?;
        let (distribution, invalidation) =
            text[scheme.len()..].split_once('/').unwrap_or((&text[scheme.len()..], ""));
        let is_id = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (!distribution.is_empty() && is_id(distribution) && is_id(invalidation))
            .then(|| Self { invalidation: invalidation.to_owned(), ..Self::new(distribution) })
    }
}

/// Prints the URI as s3cmd does.
impl fmt::Display for CloudFrontUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cf://{}", self.distribution)?;
        if self.invalidation.is_empty() { Ok(()) } else { write!(f, "/{}", self.invalidation) }
    }
}

/// An argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// `s3://...`
    S3(S3Uri),
    /// A local path, without `file://`.
    Local(PathBuf),
}

impl S3Uri {
    /// The URI of a key in a bucket.
    pub(crate) fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into() }
    }

    /// Parses `s3://...`. The scheme is case-insensitive and can be followed by more than two slashes. One slash
    /// separates the bucket from the key, which is not changed (measured on s3cmd 2.4.0). `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let scheme = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("s3://"))?;
        let rest = text[scheme.len()..].trim_start_matches('/');
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self::new(bucket, key))
    }

    /// Whether the URI has a key.
    pub(crate) fn has_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// The key. `None` for a bucket.
    pub(crate) fn key_option(&self) -> Option<&str> {
        Some(self.key.as_str()).filter(|key| !key.is_empty())
    }

    /// Another key in the same bucket.
    pub(crate) fn with_key(&self, key: impl Into<String>) -> Self {
        Self::new(self.bucket.clone(), key)
    }

    /// The part of the key after its last slash.
    pub(crate) fn basename(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or("")
    }
}

/// Prints the URI as s3cmd does: a bucket ends with a slash.
impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl Location {
    /// Parses an argument. An argument that is not UTF-8 is always a local path.
    pub(crate) fn parse(argument: &OsStr) -> Self {
        if let Some(text) = argument.to_str() {
            if let Some(uri) = S3Uri::parse(text) {
                return Location::S3(uri);
            }
            if let Some(path) = text.strip_prefix("file://") {
                return Location::Local(path.into());
            }
        }
        Location::Local(argument.into())
    }
}

/// Prints a local path as typed. Bytes that are not UTF-8 are replaced.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::S3(uri) => uri.fmt(f),
            Location::Local(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read_as_s3cmd_reads_them() {
        let parse = |text| S3Uri::parse(text).map(|uri| (uri.bucket, uri.key));
        let pair = |bucket: &str, key: &str| Some((bucket.to_owned(), key.to_owned()));
        assert_eq!(parse("s3://b"), pair("b", ""));
        assert_eq!(parse("S3:///b/"), pair("b", ""));
        assert_eq!(parse("s3://b//x/"), pair("b", "/x/"));
        assert_eq!(parse("s3://b/a%20ä"), pair("b", "a%20ä"));
        assert_eq!(parse("s3://"), pair("", ""));
        assert_eq!(parse("s3:/b"), None);
        assert_eq!(parse("ä3://b"), None);
    }

    #[test]
    fn distributions_and_invalidations_are_named_by_ids() {
        let parse = |text| CloudFrontUri::parse(text).map(|uri| uri.to_string());
        assert_eq!(parse("cf://E1").as_deref(), Some("cf://E1"));
        assert_eq!(parse("CF://E1/").as_deref(), Some("cf://E1"));
        assert_eq!(parse("cf://E1/I2").as_deref(), Some("cf://E1/I2"));
        for text in ["cf://", "cf:///I2", "cf://..", "cf://E1/I2/x", "cf://E 1", "E1", "s3://E1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
