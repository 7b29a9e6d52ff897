//! What the host name and the path of a request name.

use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use percent_encoding::percent_decode_str;

/// S3's limit on keys, in bytes.
const MAX_KEY: usize = 1024;

/// The bucket that a host name says, for virtual-host style: what stands before one of the base domains, the longest
/// that fits. A base domain itself says none, even below another one.
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
        let fits = !bucket.is_empty() && name.as_bytes()[at] == b'.' && rest.eq_ignore_ascii_case(domain);
        fits.then_some(bucket)
    };
    domains.iter().filter_map(below).min_by_key(|bucket| bucket.len())
}

/// Bucket and key of a path as sent. Only the first slashes are looked at: a key may be `a/../b`, start with `/` or
/// hold `//`, encoded or not, and is what it says.
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

/// Refuses keys that are too long.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    if key.len() <= MAX_KEY {
        return Ok(());
    }
    Err(S3Error::new(ErrorCode::KeyTooLongError, "Your key is too long")
        .detail("Size", key.len().to_string())
        .detail("MaxSizeAllowed", MAX_KEY.to_string()))
}

/// Percent-decodes text that must be UTF-8.
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
    fn paths_are_taken_literally() {
        let of = |path| {
            let (bucket, key) = split_path(path, None).unwrap();
            (bucket.unwrap_or_default(), key.unwrap_or_default())
        };
        let pair = |bucket: &str, key: &str| (bucket.to_owned(), key.to_owned());
        assert_eq!(of("/"), pair("", ""));
        assert_eq!(of("/b"), pair("b", ""));
        assert_eq!(of("/b/"), pair("b", ""));
        assert_eq!(of("/b//x"), pair("b", "/x"));
        assert_eq!(of("/b/a/../x"), pair("b", "a/../x"));
        assert_eq!(of("/b/a%2F%2e%2E/x+%20"), pair("b", "a/../x+ "));
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
    fn of_domains_below_each_other_the_longest_counts() {
        let domains = ["example.org".to_owned(), "s3.example.org".to_owned()];
        let of = |host| host_bucket(host, &domains);
        assert_eq!((of("s3.example.org"), of("S3.example.org:80")), (None, None));
        assert_eq!((of("b.s3.example.org"), of("b.example.org")), (Some("b"), Some("b")));
    }

    #[test]
    fn host_names_say_buckets() {
        let domains = ["localhost".to_owned(), "s3.example.org".to_owned()];
        let of = |host| host_bucket(host, &domains);
        assert_eq!(of("b.localhost:9000"), Some("b"));
        assert_eq!(of("b.c.S3.example.org"), Some("b.c"));
        for host in ["localhost", "localhost:1", "127.0.0.1:9", ".localhost", "xlocalhost", "[::1]:80", ""] {
            assert_eq!(of(host), None, "{host}");
        }
    }
}
