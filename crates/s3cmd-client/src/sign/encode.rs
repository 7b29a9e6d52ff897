//! Percent-encoding as S3 signatures define it: every byte except `A-Z a-z 0-9 - . _ ~` becomes `%XX` in upper-case
//! hex; a path keeps its slashes. Source: "Create a canonical request", AWS Signature Version 4.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::sign::encode;
//!
//! assert_eq!(encode::path("a b/ä"), "a%20b/%C3%A4");
//! assert_eq!(encode::query("a b/ä"), "a%20b%2F%C3%A4");
//! ```

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::borrow::Cow;

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Encodes a key for a request path; keeps slashes.
pub fn path(key: &str) -> Cow<'_, str> {
    Cow::from(percent_encode(key.as_bytes(), PATH))
}

/// Encodes one query name or value, including slashes.
pub fn query(value: &str) -> Cow<'_, str> {
    Cow::from(percent_encode(value.as_bytes(), QUERY))
}

/// Encodes pairs as a query string, in the given order: `a=1&b=`. A pair without a value keeps its `=` only if `bare`
/// is false.
pub fn query_string(pairs: &[(String, String)], bare: bool) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&query(name));
        if !(bare && value.is_empty()) {
            out.push('=');
            out.push_str(&query(value));
        }
    }
    out
}

/// Splits a raw query string into decoded pairs. `+` is a literal plus (S3 signs it so), not a space. Bytes that are
/// not valid UTF-8 after decoding are replaced, so that such a request cannot verify.
pub fn parse_query(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            (decode(name), decode(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_slashes_and_encode_the_rest() {
        assert_eq!(path("a b+c%/é~/x.y_z-"), "a%20b%2Bc%25/%C3%A9~/x.y_z-");
        assert_eq!(query("a/b c"), "a%2Fb%20c");
    }

    #[test]
    fn query_strings_round_trip() {
        let pairs = vec![("acl".into(), String::new()), ("prefix".into(), "a/ö+ &=".into())];
        assert_eq!(query_string(&pairs, true), "acl&prefix=a%2F%C3%B6%2B%20%26%3D");
        assert_eq!(parse_query(&query_string(&pairs, false)), pairs);
        assert_eq!(parse_query(&query_string(&pairs, true)), pairs);
    }
}
