//! GetObject and HeadObject.

use super::conditions::{self, Range};
use super::head_fields;
use crate::serve::Server;
use crate::serve::access::Need;
use crate::serve::acl::Permission;
use crate::serve::call::{Call, Reply, ReplyBody, http_date};
use crate::serve::checksum::Stored;
use crate::serve::error::{S3Error, S3Result, fail, no_such_key};
use crate::serve::store::bucket::Bucket;
use crate::serve::store::write::{Object, PIECE};
use bytes::Bytes;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Query parameters that replace a header of the answer.
const OVERRIDES: &[(&str, &str)] = &[
    ("response-content-type", "content-type"),
    ("response-content-language", "content-language"),
    ("response-expires", "expires"),
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
];

/// Opens an object that the requester may do `action` with.
pub(crate) fn open(
    server: &Server,
    call: &Call,
    action: &str,
    permission: Permission,
) -> S3Result<(Arc<Bucket>, Object)> {
    open_named(server, call, call.bucket_name(), call.key(), action, permission)
}

/// [`open`] for another object than the one that the path names.
pub(crate) fn open_named(
    server: &Server,
    call: &Call,
    bucket: &str,
    key: &str,
    action: &str,
    permission: Permission,
) -> S3Result<(Arc<Bucket>, Object)> {
    let bucket = server.store.bucket(bucket)?;
    let Some(object) = bucket.open_object(key)? else {
        return Err(server.missing(call, &bucket, no_such_key(key)));
    };
    server.authorize(call, &bucket, action, Some(key), Need::Object(permission, &object.meta))?;
    Ok((bucket, object))
}

/// HeadObject.
pub(crate) fn head(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (reply, _, _, length) = prepare(server, call)?;
    Ok(reply.header("content-length", length.to_string()))
}

/// GetObject.
pub(crate) fn get(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (mut reply, object, start, length) = prepare(server, call)?;
    let mut first = vec![0; length.min(PIECE as u64) as usize];
    object.file.read_exact_at(&mut first, start)?;
    let read = first.len() as u64;
    reply.body = if read == length {
        ReplyBody::Whole(Bytes::from(first))
    } else {
        ReplyBody::File {
            first: Bytes::from(first),
            file: object.file,
            offset: start + read,
            left: length - read,
        }
    };
    Ok(reply.header("content-length", length.to_string()))
}

/// Everything but the body: the reply's head, the object, and which bytes of it.
fn prepare(server: &Server, call: &Call) -> S3Result<(Reply, Object, u64, u64)> {
    let (_, object) = open(server, call, "s3:GetObject", Permission::Read)?;
    let modified = object.stat.modified();
    conditions::check(call, conditions::READ, &object.meta.etag, modified)?;
    let size = object.stat.size;
    let range = match call.parameter("partNumber") {
        Some(number) => part(number, &object, call)?,
        None => conditions::range(call.header("range"), size)?,
    };
    let (status, start, length) = match range {
        Range::Whole => (200, 0, size),
        Range::Part { start, length } => (206, start, length),
    };
    let mut reply = Reply::new(status);
    reply.headers = head_fields::write(&object.meta);
    for (parameter, header) in OVERRIDES {
        let Some(value) = call.parameter(parameter) else { continue };
        if call.user.is_none() {
            return fail(
                "InvalidRequest",
                "Request specific response headers cannot be used for anonymous GET requests.",
            );
        }
        reply.headers.retain(|(name, _)| name != header);
        reply = reply.header(header, value);
    }
    reply = reply.header("last-modified", http_date(modified)).header("accept-ranges", "bytes");
    if status == 206 {
        let last = (start + length).saturating_sub(1);
        reply = reply.header("content-range", format!("bytes {start}-{last}/{size}"));
    }
    if call.parameter("partNumber").is_some() && !object.meta.parts.is_empty() {
        reply = reply.header("x-amz-mp-parts-count", object.meta.parts.len().to_string());
    }
    if call.setting("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"))
        && let Some(checksum) = checksum(&object, call.parameter("partNumber"), status == 206)
    {
        reply.headers.extend(checksum);
    }
    Ok((reply, object, start, length))
}

/// The headers that tell the checksum of what is sent: of the whole object, or of one of its parts where those were
/// summed. A range of an object has none.
fn checksum(object: &Object, part: Option<&str>, partial: bool) -> Option<[(String, String); 2]> {
    let stored = object.meta.checksum.as_ref()?;
    if let Some(number) = part.filter(|_| !stored.parts.is_empty()) {
        let value = stored.parts.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
        return Some(Stored { value: value.clone(), ..stored.clone() }.headers());
    }
    let whole = !partial || part.is_some() && object.meta.parts.len() < 2;
    whole.then(|| stored.headers())
}

/// The bytes of a part of what was uploaded in parts.
fn part(number: &str, object: &Object, call: &Call) -> S3Result<Range> {
    if call.header("range").is_some() {
        return fail("InvalidRequest", "Cannot specify both Range header and partNumber query parameter");
    }
    let number: usize = match number.parse() {
        Ok(number) if (1..=10_000).contains(&number) => number,
        _ => return fail("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"),
    };
    let parts = &object.meta.parts;
    if parts.is_empty() && number == 1 {
        // An empty object has no range to show.
        let size = object.stat.size;
        return Ok(if size == 0 { Range::Whole } else { Range::Part { start: 0, length: size } });
    }
    match parts.get(number - 1) {
        Some(length) => Ok(Range::Part { start: parts[..number - 1].iter().sum(), length: *length }),
        None => Err(S3Error {
            status: 416,
            ..S3Error::new("InvalidPartNumber", "The requested partnumber is not satisfiable")
        }),
    }
}
