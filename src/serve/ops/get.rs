//! GetObject and HeadObject.

use super::conditions::{self, Range};
use super::{head_fields, lock, restore};
use crate::s3::header_text;
use crate::serve::Server;
use crate::serve::access::{Need, Target};
use crate::serve::acl::Permission;
use crate::serve::call::{Call, Reply, ReplyBody, http_date};
use crate::serve::checksum::Stored;
use crate::serve::error::{S3Error, S3Result, fail, no_such_key};
use crate::serve::lifecycle;
use crate::serve::route;
use crate::serve::sse::{self, Seal};
use crate::serve::store::bucket::Bucket;
use crate::serve::store::haste;
use crate::serve::store::meta::Meta;
use crate::serve::store::versions::{Found, id_text};
use crate::serve::store::write::{Object, PIECE};
use bytes::Bytes;
use std::borrow::Cow;
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
    let version = call.parameter("versionId");
    open_named(server, call, (call.bucket_name(), call.key(), version), action, permission)
}

/// [`open`] for another object than the one that the path names.
pub(crate) fn open_named(
    server: &Server,
    call: &Call,
    (bucket, key, version): (&str, &str, Option<&str>),
    action: &str,
    permission: Permission,
) -> S3Result<(Arc<Bucket>, Object)> {
    let bucket = server.store.bucket(bucket)?;
    let bare = if needs_no_etag(call, key, version) { bucket.open_without_etag(key)? } else { None };
    let found = match bare {
        Some(object) => Found::Object(Box::new(object)),
        None => bucket.open_version(key, version)?,
    };
    let object = match (found, version) {
        (Found::Object(object), _) => *object,
        (Found::Marker { id, .. }, None) => {
            let error = no_such_key(key).header("x-amz-delete-marker", "true").header("x-amz-version-id", id);
            return Err(server.missing(call, &bucket, error));
        }
        (Found::Marker { id, modified }, Some(_)) => {
            let error = S3Error::new(
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )
            .detail("ResourceType", "DeleteMarker")
            .header("allow", "DELETE")
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", id)
            .header("last-modified", http_date(modified));
            return Err(server.missing(call, &bucket, error));
        }
        (Found::Nothing, None) => {
            // Ceph says this too, and its tests look for it.
            let error = no_such_key(key).header("x-amz-delete-marker", "false");
            return Err(server.missing(call, &bucket, error));
        }
        (Found::Nothing, Some(id)) => {
            return Err(server.missing(call, &bucket, no_such_version(key, id)));
        }
    };
    let action = if version.is_some() { of_version(action) } else { action.into() };
    let target = Target { key: Some(key), version, ..Target::default() };
    server.authorize_target(call, &bucket, &action, target, Need::Object(permission, &object.meta))?;
    Ok((bucket, object))
}

/// Whether a request can be answered without an ETag, for which a file from outside would have to be read whole: it asks
/// for a few of the bytes, without a condition.
fn needs_no_etag(call: &Call, key: &str, version: Option<&str>) -> bool {
    let is_condition = |name: &str| matches!(name, "if-match" | "if-none-match" | "if-range");
    let plain = !call.headers.iter().any(|(name, _)| is_condition(name));
    call.method == "GET"
        && route::reads_object(call)
        && call.key() == key
        && version.is_none()
        && call.header("range").is_some()
        && plain
}

fn no_such_version(key: &str, id: &str) -> S3Error {
    S3Error::new("NoSuchVersion", "The specified version does not exist.")
        .detail("Key", key)
        .detail("VersionId", id)
}

/// The action for a version that is named: `s3:GetObjectVersionAcl` for `s3:GetObjectAcl`.
pub(crate) fn of_version(action: &str) -> Cow<'_, str> {
    for verb in ["s3:Get", "s3:Put", "s3:Delete"] {
        if let Some(what) = action.strip_prefix(verb).and_then(|rest| rest.strip_prefix("Object"))
            && ["", "Acl", "Tagging", "Attributes"].contains(&what)
        {
            return format!("{verb}ObjectVersion{what}").into();
        }
    }
    action.into()
}

/// The header that names the version of an object, where there are versions.
pub(super) fn version_header(bucket: &Bucket, meta: &Meta) -> Option<(String, String)> {
    bucket.versioning()?;
    Some(("x-amz-version-id".to_owned(), id_text(meta.version.as_ref())))
}

/// HeadObject.
pub(crate) fn head(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (reply, _, _, length, _) = prepare(server, call)?;
    Ok(reply.header("content-length", length.to_string()))
}

/// GetObject.
pub(crate) fn get(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (mut reply, object, start, length, seal) = prepare(server, call)?;
    restore::check_readable(&object.meta)?;
    let mut first = vec![0; length.min(PIECE as u64) as usize];
    haste::read_exact_at(&object.file, &mut first, start)?;
    if let Some(seal) = &seal {
        seal.open(start, &mut first);
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
            seal,
        }
    };
    Ok(reply.header("content-length", length.to_string()))
}

/// GetObjectTorrent: there are none of any object.
pub(crate) fn torrent(server: &Server, call: &mut Call) -> S3Result<Reply> {
    open(server, call, "s3:GetObjectTorrent", Permission::Read)?;
    Err(no_such_key(call.key()))
}

/// Everything but the body: the reply's head, the object, which bytes of it, and its key if it is encrypted.
fn prepare(server: &Server, call: &Call) -> S3Result<(Reply, Object, u64, u64, Option<Seal>)> {
    let (bucket, object) = open(server, call, "s3:GetObject", Permission::Read)?;
    let modified = object.modified();
    let size = object.stat.size;
    let seal = sse::unlock(server, call, &object.meta, size, sse::Of::Object)?;
    conditions::check(call, conditions::READ, &object.meta.etag, modified)?;
    let range = match call.parameter("partNumber") {
        Some(number) => part(number, &object, call)?,
        None => conditions::range(call.header("range"), size)?,
    };
    let (status, start, length) = match range {
        Range::Whole => (200, 0, size),
        Range::Part { length: 0, .. } => (200, 0, 0),
        Range::Part { start, length } => (206, start, length),
    };
    let mut reply = Reply::new(status);
    reply.headers = head_fields::write(&object.meta);
    reply.headers.extend(version_header(&bucket, &object.meta));
    reply.headers.extend(lock::headers(server, call, &bucket, &object.meta));
    reply.headers.extend(restore::header(&object.meta));
    if call.parameter("versionId").is_none() {
        reply.headers.extend(lifecycle::expiry_header(&bucket, call.key(), &object.meta, &object.stat));
    }
    for (parameter, header) in OVERRIDES {
        let Some(value) = call.parameter(parameter) else { continue };
        if call.user.is_none() {
            return fail(
                "InvalidRequest",
                "Request specific response headers cannot be used for anonymous GET requests.",
            );
        }
        reply.headers.retain(|(name, _)| name != header);
        reply = reply.header(header, header_text::from_bytes(value.as_bytes()));
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
        && let Some(checksum) =
            checksum(&object, call.parameter("partNumber"), status == 206 || length < size)
    {
        reply.headers.extend(checksum);
    }
    Ok((reply, object, start, length, seal))
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
        // An empty part has no range to show either.
        Some(0) => Ok(Range::Part { start: 0, length: 0 }),
        Some(length) => Ok(Range::Part { start: parts[..number - 1].iter().sum(), length: *length }),
        // As in Ceph; AWS answers 416 InvalidPartNumber and documents neither.
        None => fail("InvalidPart", "The requested partnumber is not satisfiable"),
    }
}
