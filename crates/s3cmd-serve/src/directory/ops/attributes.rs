//! GetObjectAttributes: the metadata of an object and its parts, as an XML document.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html>

use super::object;
use crate::directory::access::RequiredRight;
use crate::directory::sse;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::http::http_date;
use crate::model::acl::Permission;
use crate::model::error::{ErrorCode, S3Result, fail};
use crate::model::policy;
use crate::model::xml::Writer;
use crate::store::object::Object;
use std::borrow::Cow;

const KNOWN: &[&str] = &["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

/// The most parts in one response.
const MAX_PARTS: usize = 1000;

/// Reads a number from a header.
fn number(call: &Call, name: &str, default: usize) -> S3Result<usize> {
    match call.header(name).map(|text| text.trim().parse::<u32>()) {
        None => Ok(default),
        Some(Ok(number)) => Ok(number as usize),
        Some(Err(_)) => fail(
            ErrorCode::InvalidArgument,
            format!("Provided {name} not an integer or within integer range"),
        ),
    }
}

/// GetObjectAttributes.
pub(crate) fn get(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = object::open(server, call, "s3:GetObject", Permission::Read)?;
    let need = RequiredRight::Object(Permission::Read, &object.meta);
    let mut action = Cow::from("s3:GetObjectAttributes");
    if call.parameter("versionId").is_some() {
        action = policy::for_version("s3:GetObjectAttributes");
    }
    server.authorize(call, &bucket, &action, call.key.as_deref(), need)?;
    sse::unlock(server, call, &object.meta, object.stat.size, sse::SseContext::Object)?;
    let headers = call.headers.iter().filter(|(name, _)| name == "x-amz-object-attributes");
    let requested: Vec<&str> = headers.flat_map(|(_, value)| value.split(',')).map(str::trim).collect();
    if requested.is_empty() || requested.iter().any(|name| !KNOWN.contains(name)) {
        return fail(ErrorCode::InvalidArgument, "Invalid attribute name specified.");
    }
    let wants = |name| requested.contains(&name);
    let meta = &object.meta;
    let mut xml = Writer::new("GetObjectAttributesResponse");
    if wants("ETag") {
        xml.text("ETag", &meta.etag);
    }
    if let Some(checksum) = meta.checksum.as_ref().filter(|_| wants("Checksum")) {
        xml.open("Checksum").text(checksum.algorithm.element(), &checksum.value);
        xml.text("ChecksumType", checksum.kind.name()).close();
    }
    if wants("ObjectParts") && !meta.parts.is_empty() {
        let after = number(call, "x-amz-part-number-marker", 0)?;
        let max = number(call, "x-amz-max-parts", MAX_PARTS)?.min(MAX_PARTS);
        write_parts(&mut xml, &object, after, max);
    }
    if wants("StorageClass") {
        xml.text("StorageClass", meta.class.as_deref().unwrap_or("STANDARD"));
    }
    if wants("ObjectSize") {
        xml.number("ObjectSize", object.stat.size);
    }
    let mut reply = Reply::xml(xml.finish()).header("last-modified", http_date::format(object.modified()));
    reply.headers.extend(object::version_header(&bucket, meta));
    Ok(reply)
}

fn write_parts(xml: &mut Writer, object: &Object, after: usize, max: usize) {
    let parts = &object.meta.parts;
    let last = parts.len().min(after.saturating_add(max));
    xml.open("ObjectParts").number("PartsCount", parts.len());
    xml.number("PartNumberMarker", after).number("NextPartNumberMarker", last.max(after));
    xml.number("MaxParts", max).text("IsTruncated", (last < parts.len()).to_string());
    for (index, size) in parts.iter().enumerate().take(last).skip(after) {
        xml.open("Part").number("PartNumber", index + 1).number("Size", size);
        if let Some(checksum) = &object.meta.checksum
            && let Some(value) = checksum.parts.get(index)
        {
            xml.text(checksum.algorithm.element(), value);
        }
        xml.close();
    }
    xml.close();
}
