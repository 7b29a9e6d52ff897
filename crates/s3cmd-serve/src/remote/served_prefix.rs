//! What can be seen of the store behind: one bucket, or what is below a prefix of it, and how names here become names
//! there. Whatever is sent there has its names from here.

use crate::model::copy_source;
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied, fail, not_implemented};
use percent_encoding::percent_decode_str;
use s3cmd_client::ops::object::CopySource;

/// S3's limit, in bytes, which holds for the name there.
const MAX_KEY: usize = 1024;

/// A bucket, whose name is the same here and there, and the prefix that nobody here sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServedPrefix {
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
}

/// Whether a server or a proxy that folds paths could take it for another key.
fn can_be_folded(key: &str) -> bool {
    let folds = |text: &str| text.split(['/', '\\']).any(|segment| segment == "." || segment == "..");
    // Some servers decode more often than they should.
    folds(key) || folds(&percent_decode_str(key).decode_utf8_lossy())
}

impl ServedPrefix {
    /// A prefix is a folder, with or without a slash at its end: who may see `team` may not see `team2`.
    pub(super) fn new(bucket: &str, prefix: &str) -> S3Result<Self> {
        let mut prefix = prefix.to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        if bucket.is_empty() || can_be_folded(bucket) || can_be_folded(&prefix) || prefix.starts_with('/') {
            return fail(ErrorCode::InvalidArgument, "This bucket or prefix cannot be served.");
        }
        Ok(Self { bucket: bucket.to_owned(), prefix })
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The prefix that nobody here sees.
    pub(super) fn hidden(&self) -> &str {
        &self.prefix
    }

    /// The key there of a key here.
    pub(super) fn real_key(&self, key: &str) -> S3Result<String> {
        if key.is_empty() {
            return Err(access_denied());
        }
        if can_be_folded(key) {
            let mut error = access_denied();
            "Keys with a '.' or '..' between slashes are not served here.".clone_into(&mut error.message);
            return Err(error);
        }
        let real = format!("{}{key}", self.prefix);
        if real.len() > MAX_KEY {
            return Err(S3Error::new(ErrorCode::KeyTooLongError, "Your key is too long")
                .detail("Size", key.len().to_string())
                .detail("MaxSizeAllowed", (MAX_KEY - self.prefix.len().min(MAX_KEY)).to_string()));
        }
        Ok(real)
    }

    /// What a listing's prefix or marker here is there.
    pub(super) fn real_start(&self, text: &str) -> String {
        format!("{}{text}", self.prefix)
    }

    /// The name here of a name there; `None` for what is not to be seen.
    pub(super) fn shown<'a>(&self, real: &'a str) -> Option<&'a str> {
        real.strip_prefix(&self.prefix).filter(|name| !name.is_empty())
    }

    /// The value of `x-amz-copy-source` there, for one here. Of parts Ceph decodes it twice (measured on 16.2.15), so
    /// that `%` would name another key.
    pub(super) fn real_source(&self, text: &str, of_part: bool) -> S3Result<String> {
        let (bucket, key, version) = copy_source::parse(text)?;
        if bucket != self.bucket {
            return Err(access_denied());
        }
        let key = self.real_key(&key)?;
        if of_part && key.contains('%') {
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
    fn keys_lie_below_the_prefix_and_folding_leads_nowhere() {
        let served = team();
        for (key, real) in [("a", "team/a"), ("/a//b/", "team//a//b/"), ("..a/.b/c..", "team/..a/.b/c..")] {
            assert_eq!(served.real_key(key).unwrap(), real);
            assert_eq!(served.shown(real), Some(key));
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
            assert_eq!(served.real_key(key).unwrap_err().code.as_str(), "AccessDenied", "{key}");
        }
        for real in ["team/", "team", "team2/a", "secret", ""] {
            assert_eq!(served.shown(real), None, "{real}");
        }
        assert_eq!(served.real_key(&"x".repeat(1020)).unwrap_err().code.as_str(), "KeyTooLongError");
        assert_eq!(ServedPrefix::new("real", "").unwrap().real_key("a").unwrap(), "a");
    }

    #[test]
    fn prefixes_that_could_mean_another_are_refused() {
        for (bucket, prefix) in [("", ""), ("..", ""), ("b", "a/../b"), ("b", "/a"), ("b", "/"), ("b", "./")]
        {
            assert!(ServedPrefix::new(bucket, prefix).is_err(), "{bucket} {prefix}");
        }
        assert_eq!(team(), ServedPrefix::new("real", "team/").unwrap());
    }

    #[test]
    fn sources_of_copies_lie_below_the_prefix() {
        let served = team();
        let of = |text| served.real_source(text, false).map_err(|error| error.code.as_str());
        assert_eq!(of("/real/a%20b%3F"), Ok("/real/team/a%20b%3F".to_owned()));
        assert_eq!(of("real%2Fa?versionId=v%26"), Ok("/real/team/a?versionId=v%26".to_owned()));
        for text in ["other/a", "/real/../other/a", "real/%2e%2e/a", "arn:aws:s3:x:1:accesspoint/a/object/b"]
        {
            assert_eq!(of(text), Err("AccessDenied"), "{text}");
        }
        for text in ["real", "real/", ""] {
            assert_eq!(of(text), Err("InvalidArgument"), "{text}");
        }
        assert_eq!(served.real_source("real/a%25b", true).unwrap_err().code.as_str(), "NotImplemented");
    }
}
