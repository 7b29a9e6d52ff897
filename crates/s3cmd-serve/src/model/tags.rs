//! Tags: validation, and parsing them from headers and documents.

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::xml::Node;
use percent_encoding::percent_decode_str;

/// S3's limit on the tags of an object.
pub(crate) const MAX_OBJECT_TAGS: usize = 10;

/// Pairs of key and value.
pub(crate) type Tags = Vec<(String, String)>;

/// Validates tags by S3's rules; at most `limit` tags.
pub(crate) fn check(tags: &[(String, String)], limit: usize) -> S3Result<()> {
    if tags.len() > limit {
        return fail(ErrorCode::InvalidTag, format!("There cannot be more than {limit} tags"));
    }
    for (index, (key, value)) in tags.iter().enumerate() {
        // Reserved for AWS.
        if key.starts_with("aws:") {
            return fail(ErrorCode::InvalidTag, "System tags cannot be added/updated by requester");
        }
        if key.is_empty() || key.chars().count() > 128 {
            return fail(ErrorCode::InvalidTag, "The TagKey you have provided is invalid");
        }
        if value.chars().count() > 256 {
            return fail(ErrorCode::InvalidTag, "The TagValue you have provided is invalid");
        }
        if tags[..index].iter().any(|(other, _)| other == key) {
            return fail(ErrorCode::InvalidTag, "Cannot provide multiple Tags with the same key");
        }
    }
    Ok(())
}

/// Parses the value of `x-amz-tagging`: `a=1&b=2`, encoded like a URL query. Returns the tags sorted by key.
pub(crate) fn parse_header(text: &str) -> S3Result<Tags> {
    let decode = |text: &str| match percent_decode_str(&text.replace('+', " ")).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => fail(
            ErrorCode::InvalidArgument,
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded",
        ),
    };
    let mut tags = Tags::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        tags.push((decode(key)?, decode(value)?));
    }
    check(&tags, MAX_OBJECT_TAGS)?;
    tags.sort_unstable();
    Ok(tags)
}

/// Parses a `Tagging` document. Returns the tags sorted by key.
pub(crate) fn parse_xml(root: &Node, limit: usize) -> S3Result<Tags> {
    let set = root.child("TagSet").ok_or_else(malformed_xml)?;
    let mut tags = Tags::new();
    for tag in set.all("Tag") {
        let key = tag.value("Key").ok_or_else(malformed_xml)?;
        tags.push((key.to_owned(), tag.value("Value").unwrap_or("").to_owned()));
    }
    check(&tags, limit)?;
    tags.sort_unstable();
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_headers_are_decoded_and_checked() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(parse_header("days=1").unwrap(), [pair("days", "1")]);
        assert_eq!(parse_header("a%20b=%C3%A9+x&c").unwrap(), [pair("a b", "é x"), pair("c", "")]);
        assert_eq!(parse_header("").unwrap(), []);
        assert_eq!(parse_header("a=1&a=2").unwrap_err().code.as_str(), "InvalidTag");
        assert_eq!(parse_header("=1").unwrap_err().code.as_str(), "InvalidTag");
        let many: Vec<String> = (0..11).map(|n| format!("k{n}=v")).collect();
        assert_eq!(parse_header(&many.join("&")).unwrap_err().code.as_str(), "InvalidTag");
        assert_eq!(parse_header("foo=bar&bar").unwrap(), [pair("bar", ""), pair("foo", "bar")]);
    }
}
