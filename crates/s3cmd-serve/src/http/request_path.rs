//! The bucket and key in the host name and path of a request.

use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use percent_encoding::percent_decode_str;

/// S3's limit on keys, in bytes.
const MAX_KEY: usize = 1024;

/// The bucket in a virtual-host style host name: what precedes the longest matching base domain. `None` for a base
/// domain itself, even if it is below another one.
pub(crate) fn host_bucket<'a>(host: &'a str, domains: &[String]) -> Option<&'a str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if domains.iter().any(|domain| name.eq_ignore_ascii_case(domain)) {
        return None;
    }
    let below = |domain: &String| {
        let at = name.len().checked_sub(domain.len() + 1)?;
        let (bucket, rest) = (name.get(..at)?, name.get(at + 1..)?);
        let is_match = !bucket.is_empty() && name.as_bytes()[at] == b'.' && rest.eq_ignore_ascii_case(domain);
        is_match.then_some(bucket)
    };
    domains.iter().filter_map(below).min_by_key(|bucket| bucket.len())
}

/// Splits a path as sent into bucket and key. The path is not normalized: a key may be `a/../b`, start with `/` or
/// contain `//`, encoded or not.
pub(crate) fn split_path(
    path: &str,
    host_bucket: Option<&str>,
) -> S3Result<(Option<String>, Option<String>)> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (bucket, key) = match host_bucket {
        Some(bucket) => (bucket.to_owned(), rest),
        None => {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            (decode(bucket)?, key)
        }
    };
    let key = decode(key)?;
    check_key(&key)?;
    let some = |text: String| (!text.is_empty()).then_some(text);
    match (some(bucket), some(key)) {
        (None, Some(_)) => fail(ErrorCode::InvalidBucketName, "The specified bucket is not valid."),
        pair => Ok(pair),
    }
}

/// Rejects keys that are too long.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    if key.len() <= MAX_KEY {
        return Ok(());
    }
    Err(S3Error::new(ErrorCode::KeyTooLongError, "Your key is too long")
        .detail("Size", key.len().to_string())
        .detail("MaxSizeAllowed", MAX_KEY.to_string()))
}

/// Percent-decodes text. InvalidURI if the result is not UTF-8.
pub(crate) fn decode(text: &str) -> S3Result<String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => fail(ErrorCode::InvalidURI, "Couldn't parse the specified URI: a name must be UTF-8."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_not_normalized() {
        let split = |path| {
            let (bucket, key) = split_path(path, None).unwrap();
            (bucket.unwrap_or_default(), key.unwrap_or_default())
        };
        let pair = |bucket: &str, key: &str| (bucket.to_owned(), key.to_owned());
        assert_eq!(split("/"), pair("", ""));
        assert_eq!(split("/b"), pair("b", ""));
        assert_eq!(split("/b/"), pair("b", ""));
        assert_eq!(split("/b//x"), pair("b", "/x"));
        assert_eq!(split("/b/a/../x"), pair("b", "a/../x"));
        assert_eq!(split("/b/a%2F%2e%2E/x+%20"), pair("b", "a/../x+ "));
        assert_eq!(split_path("/b/%ff", None).unwrap_err().code.as_str(), "InvalidURI");
        assert_eq!(split_path("//x", None).unwrap_err().code.as_str(), "InvalidBucketName");
        assert_eq!(split_path("/k/x", Some("b")).unwrap(), (Some("b".into()), Some("k/x".into())));
        assert!(split_path(&format!("/b/{}", "é".repeat(512)), None).is_ok());
        assert_eq!(
            split_path(&format!("/b/{}", "x".repeat(1025)), None).unwrap_err().code.as_str(),
            "KeyTooLongError"
        );
    }

    #[test]
    fn the_longest_matching_domain_is_used() {
        let domains = ["example.org".to_owned(), "s3.example.org".to_owned()];
        let bucket = |host| host_bucket(host, &domains);
        assert_eq!((bucket("s3.example.org"), bucket("S3.example.org:80")), (None, None));
        assert_eq!((bucket("b.s3.example.org"), bucket("b.example.org")), (Some("b"), Some("b")));
    }

    #[test]
    fn host_names_contain_buckets() {
        let domains = ["localhost".to_owned(), "s3.example.org".to_owned()];
        let bucket = |host| host_bucket(host, &domains);
        assert_eq!(bucket("b.localhost:9000"), Some("b"));
        assert_eq!(bucket("b.c.S3.example.org"), Some("b.c"));
        for host in ["localhost", "localhost:1", "127.0.0.1:9", ".localhost", "xlocalhost", "[::1]:80", ""] {
            assert_eq!(bucket(host), None, "{host}");
        }
    }
}
