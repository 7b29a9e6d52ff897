//! Object Lock: retention and legal holds, and the deletions that they prevent.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use super::{change, object};
use crate::directory::access::RequiredRight;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::http::request_context::RequestContext;
use crate::model::acl::Permission;
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied, fail, malformed_xml};
use crate::model::object_lock::{DOCUMENT, HOLD, MODE, UNTIL, parse_configuration, parse_time, time_text};
use crate::model::xml::{self, Writer};
use crate::store::bucket::Bucket;
use crate::store::bucket_record::Versioning;
use crate::store::meta::{LockMode, Meta, Retention};
use chrono::{DateTime, Utc};

/// Returns the time if it is in the future.
fn in_future(until: DateTime<Utc>) -> S3Result<DateTime<Utc>> {
    if until <= Utc::now() {
        return fail(ErrorCode::InvalidArgument, "The retain until date must be in the future!");
    }
    Ok(until)
}

fn check_has_object_lock(bucket: &Bucket) -> S3Result<()> {
    if bucket.has_object_lock() {
        return Ok(());
    }
    fail(ErrorCode::InvalidRequest, "Bucket is missing Object Lock Configuration")
}

/// Gives a new object the default retention of its bucket, unless the request set one.
pub(super) fn set_default(bucket: &Bucket, meta: &mut Meta) -> S3Result<()> {
    if meta.retention.is_none() && bucket.has_object_lock() {
        let default = bucket.config().default_retention.clone()?;
        meta.retention = default.and_then(|default| default.starting(Utc::now()));
    }
    Ok(())
}

/// Sets retention and legal hold from the headers of a write.
pub(super) fn from_headers(server: &Server, call: &Call, bucket: &Bucket, meta: &mut Meta) -> S3Result<()> {
    let (mode, until, hold) = (call.setting(MODE), call.setting(UNTIL), call.setting(HOLD));
    if mode.is_none() && until.is_none() && hold.is_none() {
        return Ok(());
    }
    check_has_object_lock(bucket)?;
    match (mode, until) {
        (None, None) => {}
        (Some(mode), Some(until)) => {
            server.authorize(
                call,
                bucket,
                "s3:PutObjectRetention",
                call.key.as_deref(),
                RequiredRight::Owner,
            )?;
            let mode = LockMode::parse(mode)
                .ok_or_else(|| S3Error::new(ErrorCode::InvalidArgument, "Unknown wormMode directive."))?;
            let until = parse_time(until).ok_or_else(|| {
                S3Error::new(
                    ErrorCode::InvalidArgument,
                    "The retain until date must be provided in ISO 8601 format",
                )
            })?;
            meta.retention = Some(Retention { mode, until: in_future(until)? });
        }
        _ => {
            return fail(ErrorCode::InvalidArgument, format!("{UNTIL} and {MODE} must both be supplied"));
        }
    }
    if let Some(hold) = hold {
        server.authorize(call, bucket, "s3:PutObjectLegalHold", call.key.as_deref(), RequiredRight::Owner)?;
        meta.legal_hold = Some(match hold.trim() {
            "ON" => true,
            "OFF" => false,
            _ => return fail(ErrorCode::InvalidArgument, "Legal Hold must be either of 'ON' or 'OFF'"),
        });
    }
    Ok(())
}

/// The Object Lock headers that the requester may read.
pub(super) fn headers(server: &Server, call: &Call, bucket: &Bucket, meta: &Meta) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let need = RequiredRight::Object(Permission::FullControl, meta);
    let may = |action| server.allows(call, bucket, action, call.key.as_deref(), need);
    if let Some(retention) = meta.retention
        && may("s3:GetObjectRetention")
    {
        headers.push((MODE.to_owned(), retention.mode.name().to_owned()));
        headers.push((UNTIL.to_owned(), time_text(retention.until)));
    }
    if let Some(hold) = meta.legal_hold
        && may("s3:GetObjectLegalHold")
    {
        headers.push((HOLD.to_owned(), if hold { "ON" } else { "OFF" }.to_owned()));
    }
    headers
}

fn bypasses(server: &Server, call: &Call, bucket: &Bucket, key: &str) -> bool {
    call.header("x-amz-bypass-governance-retention").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        && server.allows(call, bucket, "s3:BypassGovernanceRetention", Some(key), RequiredRight::Owner)
}

/// Checks that a version may be removed.
///
/// # Errors
/// `AccessDenied` if it is locked and the requester cannot bypass the lock.
pub(super) fn check_removal(
    server: &Server,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    meta: &Meta,
) -> S3Result<()> {
    let governed = meta.legal_hold != Some(true)
        && meta.retention.is_none_or(|retention| retention.mode == LockMode::Governance);
    if !meta.is_locked() || governed && bypasses(server, call, bucket, key) {
        return Ok(());
    }
    Err(S3Error {
        message: "Access Denied because object protected by object lock.".into(),
        ..access_denied()
    })
}

/// GetObjectLockConfiguration.
pub(crate) fn get_configuration(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:GetBucketObjectLockConfiguration", None, RequiredRight::Owner)?;
    if !bucket.has_object_lock() {
        return Err(S3Error::new(
            ErrorCode::ObjectLockConfigurationNotFoundError,
            "Object Lock configuration does not exist for this bucket",
        )
        .detail("BucketName", bucket.name()));
    }
    Ok(Reply::xml(match bucket.document(DOCUMENT) {
        Some(text) => text.to_string(),
        None => {
            let mut xml = Writer::new("ObjectLockConfiguration");
            xml.text("ObjectLockEnabled", "Enabled");
            xml.finish()
        }
    }))
}

/// PutObjectLockConfiguration. On a bucket with versioning it also enables Object Lock.
pub(crate) fn put_configuration(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let action = "s3:PutBucketObjectLockConfiguration";
    let (bucket, body) = change::body_for_document(server, call, DOCUMENT, action)?;
    parse_configuration(&body)?;
    if bucket.versioning() != Some(Versioning::Enabled) {
        return fail(
            ErrorCode::InvalidBucketState,
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        );
    }
    let text = std::str::from_utf8(&body).map_err(|_| malformed_xml())?;
    bucket.set_document(DOCUMENT, Some(text))?;
    bucket.set_state(|state| state.object_lock = true)?;
    Ok(Reply::new(200))
}

fn no_lock() -> S3Error {
    S3Error::new(
        ErrorCode::NoSuchObjectLockConfiguration,
        "The specified object does not have a ObjectLock configuration",
    )
}

/// GetObjectRetention.
pub(crate) fn get_retention(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = object::open(server, call, "s3:GetObjectRetention", Permission::FullControl)?;
    check_has_object_lock(&bucket)?;
    let retention = object.meta.retention.ok_or_else(no_lock)?;
    let mut xml = Writer::new("Retention");
    xml.text("Mode", retention.mode.name()).text("RetainUntilDate", time_text(retention.until));
    Ok(Reply::xml(xml.finish()))
}

/// PutObjectRetention. Any requester with this permission may extend a retention that is in force. Every other change
/// needs governance mode and the permission to bypass it.
pub(crate) fn put_retention(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let note = |context: &mut RequestContext, retention| context.retention = retention;
    put_lock(server, call, "s3:PutObjectRetention", read_retention, note, |call, bucket, meta, new| {
        let in_force = meta.retention.filter(|retention| retention.until > Utc::now());
        if let Some(old) = in_force {
            let longer = new.is_some_and(|new| new.mode == old.mode && new.until >= old.until);
            let cannot_bypass = || !bypasses(server, call, bucket, call.key());
            if !longer && (old.mode == LockMode::Compliance || cannot_bypass()) {
                return Err(access_denied());
            }
        }
        meta.retention = *new;
        Ok(())
    })
}

/// Sets a lock on an object: `read` parses it from the body, `note` records it for policy conditions, and `apply`
/// writes it to the metadata.
fn put_lock<T: Copy>(
    server: &Server,
    call: &mut Call,
    action: &str,
    read: impl FnOnce(&[u8]) -> S3Result<T>,
    note: impl FnOnce(&mut RequestContext, T),
    apply: impl Fn(&Call, &Bucket, &mut Meta, &T) -> S3Result<()>,
) -> S3Result<Reply> {
    call.context.awaits_body = true;
    let read = |call: &mut Call, bucket: &Bucket, _: &Meta| {
        check_has_object_lock(bucket)?;
        let lock = read(&call.payload.read_document()?)?;
        call.context.note_body(|context| note(context, lock));
        Ok(lock)
    };
    change::change_object(server, call, (action, Permission::FullControl), read, apply)?;
    Ok(Reply::new(200))
}

/// Reads a `Retention` document. An empty document removes the retention.
fn read_retention(body: &[u8]) -> S3Result<Option<Retention>> {
    let root = xml::parse(body, &["Retention"])?;
    match (root.value("Mode"), root.value("RetainUntilDate")) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = LockMode::parse(mode).ok_or_else(malformed_xml)?;
            Ok(Some(Retention { mode, until: in_future(parse_time(until).ok_or_else(malformed_xml)?)? }))
        }
        _ => Err(malformed_xml()),
    }
}

/// GetObjectLegalHold.
pub(crate) fn get_hold(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = object::open(server, call, "s3:GetObjectLegalHold", Permission::FullControl)?;
    check_has_object_lock(&bucket)?;
    let hold = object.meta.legal_hold.ok_or_else(no_lock)?;
    let mut xml = Writer::new("LegalHold");
    xml.text("Status", if hold { "ON" } else { "OFF" });
    Ok(Reply::xml(xml.finish()))
}

/// PutObjectLegalHold.
pub(crate) fn put_hold(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let note = |context: &mut RequestContext, hold| context.legal_hold = Some(hold);
    put_lock(server, call, "s3:PutObjectLegalHold", read_hold, note, |_, _, meta, hold| {
        meta.legal_hold = Some(*hold);
        Ok(())
    })
}

/// Reads a `LegalHold` document.
fn read_hold(body: &[u8]) -> S3Result<bool> {
    match xml::parse(body, &["LegalHold"])?.value("Status").map(str::trim) {
        Some("ON") => Ok(true),
        Some("OFF") => Ok(false),
        _ => Err(malformed_xml()),
    }
}
