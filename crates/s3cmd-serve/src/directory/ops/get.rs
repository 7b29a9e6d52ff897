//! GetObject and HeadObject.

use super::preconditions::{self, Range};
use super::{head_fields, lock, object, restore};
use crate::directory::state::Server;
use crate::directory::{lifecycle, sse};
use crate::http::call::{Call, Reply, ReplyBody};
use crate::http::http_date;
use crate::model::acl::Permission;
use crate::model::checksum::ObjectChecksum;
use crate::model::error::{ErrorCode, S3Result, fail, no_such_key};
use crate::store::cipher::ObjectCipher;
use crate::store::file_io::PIECE;
use crate::store::nonblocking;
use crate::store::object::Object;
use bytes::Bytes;
use s3cmd_client::http::header_text;

/// Query parameters that replace a response header.
const OVERRIDES: &[(&str, &str)] = &[
    ("response-content-type", "content-type"),
    ("response-content-language", "content-language"),
    ("response-expires", "expires"),
    ("response-cache-control", "cache-control"),
    ("response-content-disposition", "content-disposition"),
    ("response-content-encoding", "content-encoding"),
];

/// HeadObject.
pub(crate) fn head(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (reply, _, _, length, _) = prepare(server, call)?;
    Ok(reply.header("content-length", length.to_string()))
}

/// GetObject.
pub(crate) fn get(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (mut reply, object, start, length, cipher) = prepare(server, call)?;
    restore::check_readable(&object.meta)?;
    let mut first = vec![0; length.min(PIECE as u64) as usize];
    nonblocking::read_exact_at(&object.file, &mut first, start)?;
    if let Some(cipher) = &cipher {
        cipher.decrypt(start, &mut first);
    }
    let read = first.len() as u64;
    reply.body = if read == length {
        ReplyBody::Whole(Bytes::from(first))
    } else {
        ReplyBody::File {
            first: Bytes::from(first),
            file: object.file,
            offset: start + read,
            left: length - read,
            cipher,
        }
    };
    Ok(reply.header("content-length", length.to_string()))
}

/// GetObjectTorrent. No object has a torrent.
pub(crate) fn torrent(server: &Server, call: &mut Call) -> S3Result<Reply> {
    object::open(server, call, "s3:GetObjectTorrent", Permission::Read)?;
    Err(no_such_key(call.key()))
}

/// Everything but the body: the reply without it, the object, start and length of the bytes to send, and the cipher if
/// the object is encrypted.
fn prepare(server: &Server, call: &Call) -> S3Result<(Reply, Object, u64, u64, Option<ObjectCipher>)> {
    let (bucket, object) = object::open(server, call, "s3:GetObject", Permission::Read)?;
    let modified = object.modified();
    let size = object.stat.size;
    let cipher = sse::unlock(server, call, &object.meta, size, sse::SseContext::Object)?;
    preconditions::check(call, preconditions::READ, &object.meta.etag, modified)?;
    let range = match call.parameter("partNumber") {
        Some(number) => part(number, &object, call)?,
        None => preconditions::range(call.header("range"), size)?,
    };
    let (status, start, length) = match range {
        Range::Whole => (200, 0, size),
        Range::Part { length: 0, .. } => (200, 0, 0),
        Range::Part { start, length } => (206, start, length),
    };
    let mut reply = Reply::new(status);
    reply.headers = head_fields::write(&object.meta);
    reply.headers.extend(object::version_header(&bucket, &object.meta));
    reply.headers.extend(lock::headers(server, call, &bucket, &object.meta));
    reply.headers.extend(restore::header(&object.meta));
    if call.parameter("versionId").is_none() {
        reply.headers.extend(lifecycle::expiry_header(&bucket, call.key(), &object.meta, &object.stat));
    }
    for (parameter, header) in OVERRIDES {
        let Some(value) = call.parameter(parameter) else { continue };
        if call.user.is_none() {
            return fail(
                ErrorCode::InvalidRequest,
                "Request specific response headers cannot be used for anonymous GET requests.",
            );
        }
        reply.headers.retain(|(name, _)| name != header);
        reply = reply.header(header, header_text::from_bytes(value.as_bytes()));
    }
    reply = reply.header("last-modified", http_date::format(modified)).header("accept-ranges", "bytes");
    if status == 206 {
        let last = (start + length).saturating_sub(1);
        reply = reply.header("content-range", format!("bytes {start}-{last}/{size}"));
    }
    if call.parameter("partNumber").is_some() && !object.meta.parts.is_empty() {
        reply = reply.header("x-amz-mp-parts-count", object.meta.parts.len().to_string());
    }
    if call.setting("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"))
        && let Some(checksum) =
            checksum(&object, call.parameter("partNumber"), status == 206 || length < size)
    {
        reply.headers.extend(checksum);
    }
    Ok((reply, object, start, length, cipher))
}

/// The checksum headers for the bytes that are sent: of the whole object, or of one part if the parts have checksums.
/// `None` for a range of an object.
fn checksum(object: &Object, part: Option<&str>, partial: bool) -> Option<[(String, String); 2]> {
    let stored = object.meta.checksum.as_ref()?;
    if let Some(number) = part.filter(|_| !stored.parts.is_empty()) {
        let value = stored.parts.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
        return Some(ObjectChecksum { value: value.clone(), ..stored.clone() }.headers());
    }
    let whole = !partial || part.is_some() && object.meta.parts.len() < 2;
    whole.then(|| stored.headers())
}

/// The byte range of one part of a multipart upload.
fn part(number: &str, object: &Object, call: &Call) -> S3Result<Range> {
    if call.header("range").is_some() {
        return fail(
            ErrorCode::InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter",
        );
    }
    let number: usize = match number.parse() {
        Ok(number) if (1..=10_000).contains(&number) => number,
        _ => {
            return fail(
                ErrorCode::InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive",
            );
        }
    };
    let parts = &object.meta.parts;
    if parts.is_empty() && number == 1 {
        // An empty object has no byte range.
        let size = object.stat.size;
        return Ok(if size == 0 { Range::Whole } else { Range::Part { start: 0, length: size } });
    }
    match parts.get(number - 1) {
        // Nor does an empty part.
        Some(0) => Ok(Range::Part { start: 0, length: 0 }),
        Some(length) => Ok(Range::Part { start: parts[..number - 1].iter().sum(), length: *length }),
        // As in Ceph. AWS replies 416 InvalidPartNumber. Neither is documented.
        None => fail(ErrorCode::InvalidPart, "The requested partnumber is not satisfiable"),
    }
}
