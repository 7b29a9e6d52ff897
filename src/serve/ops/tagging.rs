//! Tags of objects, and the rules for tags of anything.

use super::{MAX_DOCUMENT, change, get};
use crate::serve::Server;
use crate::serve::acl::Permission;
use crate::serve::call::{Call, Reply};
use crate::serve::error::{S3Result, fail, malformed_xml};
use crate::serve::xml::{self, Node, Writer};
use percent_encoding::percent_decode_str;

/// S3's limit.
pub(crate) const MAX_OBJECT_TAGS: usize = 10;

type Tags = Vec<(String, String)>;

/// The rules for tags.
pub(crate) fn check(tags: &[(String, String)], limit: usize) -> S3Result<()> {
    if tags.len() > limit {
        return fail("InvalidTag", format!("There cannot be more than {limit} tags"));
    }
    for (index, (key, value)) in tags.iter().enumerate() {
        // Amazon's own.
        if key.starts_with("aws:") {
            return fail("InvalidTag", "System tags cannot be added/updated by requester");
        }
        if key.is_empty() || key.chars().count() > 128 {
            return fail("InvalidTag", "The TagKey you have provided is invalid");
        }
        if value.chars().count() > 256 {
            return fail("InvalidTag", "The TagValue you have provided is invalid");
        }
        if tags[..index].iter().any(|(other, _)| other == key) {
            return fail("InvalidTag", "Cannot provide multiple Tags with the same key");
        }
    }
    Ok(())
}

/// Reads the value of `x-amz-tagging`: `a=1&b=2`, encoded as in a URL's query. Tags are kept in the order of their keys.
pub(crate) fn parse_header(text: &str) -> S3Result<Tags> {
    let decode = |text: &str| match percent_decode_str(&text.replace('+', " ")).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => {
            fail("InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded")
        }
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

/// Reads a `Tagging` document.
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

/// GetObjectTagging.
pub(crate) fn get(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = get::open(server, call, "s3:GetObjectTagging", Permission::FullControl)?;
    let mut xml = Writer::new("Tagging");
    xml.open("TagSet");
    for (key, value) in &object.meta.tags {
        xml.open("Tag").text("Key", key).text("Value", value).close();
    }
    let mut reply = Reply::xml(xml.finish());
    reply.headers.extend(get::version_header(&bucket, &object.meta));
    Ok(reply)
}

/// PutObjectTagging.
pub(crate) fn put(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let read = |call: &mut Call| {
        let body = call.payload.read_all(MAX_DOCUMENT)?;
        let tags = parse_xml(&xml::parse(&body, &["Tagging"])?, MAX_OBJECT_TAGS)?;
        call.context.came(|context| context.tags = Some(tags.clone()));
        Ok(tags)
    };
    call.context.awaits_body = true;
    set(server, call, "s3:PutObjectTagging", read, 200)
}

/// DeleteObjectTagging.
pub(crate) fn delete(server: &Server, call: &mut Call) -> S3Result<Reply> {
    set(server, call, "s3:DeleteObjectTagging", |_| Ok(Tags::new()), 204)
}

fn set(
    server: &Server,
    call: &mut Call,
    action: &str,
    read: impl FnOnce(&mut Call) -> S3Result<Tags>,
    status: u16,
) -> S3Result<Reply> {
    let need = (action, Permission::FullControl);
    let (bucket, meta) = change::object(
        server,
        call,
        need,
        |call, _, _| read(call),
        |_, _, meta, tags| {
            meta.tags.clone_from(tags);
            Ok(())
        },
    )?;
    let mut reply = Reply::new(status);
    reply.headers.extend(get::version_header(&bucket, &meta));
    Ok(reply)
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
        assert_eq!(parse_header("a=1&a=2").unwrap_err().code, "InvalidTag");
        assert_eq!(parse_header("=1").unwrap_err().code, "InvalidTag");
        let many: Vec<String> = (0..11).map(|n| format!("k{n}=v")).collect();
        assert_eq!(parse_header(&many.join("&")).unwrap_err().code, "InvalidTag");
        assert_eq!(parse_header("foo=bar&bar").unwrap(), [pair("bar", ""), pair("foo", "bar")]);
    }
}
