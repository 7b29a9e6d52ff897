//! DeleteObject and DeleteObjects.

use super::{lock, preconditions};
use crate::directory::access::RequiredRight;
use crate::directory::condition_context::Target;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::http::http_date;
use crate::model::acl::Permission;
use crate::model::error::{ErrorCode, S3Error, S3Result, malformed_xml};
use crate::model::policy;
use crate::model::xml::{self, Node, Writer};
use crate::store::bucket::Bucket;
use crate::store::dir::Stat;
use crate::store::meta::Meta;
use crate::store::versions::{Found, Removed};
use chrono::{DateTime, Utc};

/// S3's limit on the number of keys in one request.
pub(crate) const MAX_KEYS: usize = 1000;

/// DeleteObject. It also succeeds if the key or version does not exist.
pub(crate) fn one(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let key = call.key();
    let removed = remove(
        server,
        call,
        &bucket,
        (key, call.parameter("versionId")),
        &DeleteConditions::of_headers(call)?,
    )?;
    let mut reply = Reply::new(204).version(removed.version);
    if removed.marker {
        reply = reply.header("x-amz-delete-marker", "true");
    }
    Ok(reply)
}

/// The conditions of a deletion. They hold for an object that does not exist.
#[derive(Default)]
struct DeleteConditions {
    etag: Option<String>,
    /// Compared in whole seconds.
    modified: Option<DateTime<Utc>>,
    size: Option<u64>,
}

impl DeleteConditions {
    fn of_headers(call: &Call) -> S3Result<Self> {
        let header = |name| call.header(name).map(str::to_owned);
        Self::read(
            header("if-match"),
            header("x-amz-if-match-last-modified-time"),
            header("x-amz-if-match-size"),
        )
    }

    fn of_element(object: &Node) -> S3Result<Self> {
        let value = |name| object.value(name).map(str::to_owned);
        Self::read(value("ETag"), value("LastModifiedTime"), value("Size"))
    }

    fn read(etag: Option<String>, modified: Option<String>, size: Option<String>) -> S3Result<Self> {
        let invalid =
            || S3Error::new(ErrorCode::InvalidArgument, "A condition of the deletion is not valid.");
        let modified = modified.map(|text| {
            http_date::parse(&text).or_else(|| text.trim().parse::<DateTime<Utc>>().ok()).ok_or_else(invalid)
        });
        let size = size.map(|text| text.trim().parse().map_err(|_| invalid()));
        Ok(Self { etag, modified: modified.transpose()?, size: size.transpose()? })
    }

    fn is_any(&self) -> bool {
        self.etag.is_some() || self.modified.is_some() || self.size.is_some()
    }

    fn check(&self, stat: &Stat, meta: &Meta) -> S3Result<()> {
        let holds = self.etag.as_ref().is_none_or(|list| preconditions::names_etag(list, &meta.etag))
            && self.modified.is_none_or(|time| time.timestamp() == meta.modified(stat).timestamp())
            && self.size.is_none_or(|size| size == stat.size);
        if holds { Ok(()) } else { Err(preconditions::precondition_failed("If-Match")) }
    }

    /// Checks a delete marker, which has no ETag, time or size to compare: only `*` matches.
    fn check_marker(&self) -> S3Result<()> {
        let matches_any = self.modified.is_none() && self.size.is_none() && self.etag.as_deref() == Some("*");
        if matches_any { Ok(()) } else { Err(preconditions::precondition_failed("If-Match")) }
    }
}

/// Removes the given version, or else the key. With versioning, removing a key adds a delete marker.
fn remove(
    server: &Server,
    call: &Call,
    bucket: &Bucket,
    (key, version): (&str, Option<&str>),
    condition: &DeleteConditions,
) -> S3Result<Removed> {
    let need = RequiredRight::Bucket(Permission::Write);
    let target = Target { key: Some(key), version, etag: condition.etag.as_deref(), missing: None };
    let Some(version) = version else {
        server.authorize_target(call, bucket, "s3:DeleteObject", target, need)?;
        let mut is_marker = false;
        if condition.is_any() {
            // Opening the object also computes the ETag of a file that was written from outside.
            is_marker = matches!(bucket.open_version(key, None)?, Found::Marker { .. });
        }
        return bucket.remove(key, call.requester_id(), |present| match present {
            _ if !condition.is_any() => Ok(()),
            Some(object) => condition.check(&object.stat, &object.meta),
            None if is_marker => condition.check_marker(),
            None => Ok(()),
        });
    };
    server.authorize_target(call, bucket, &policy::for_version("s3:DeleteObject"), target, need)?;
    let mut removed = bucket.remove_version(key, version, |stat, meta| {
        condition.check(stat, meta)?;
        lock::check_removal(server, call, bucket, key, meta)
    })?;
    // Without versioning the reply has no version id.
    removed.version = removed.version.filter(|_| bucket.versioning().is_some());
    Ok(removed)
}

/// DeleteObjects.
pub(crate) fn many(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.check_anonymous(call, &bucket)?;
    let body = call.payload.read_document()?;
    let root = xml::parse(&body, &["Delete"])?;
    let quiet = root.value("Quiet").is_some_and(|text| text.trim() == "true");
    let mut keys = Vec::new();
    for object in root.all("Object") {
        let key = object.value("Key").filter(|key| !key.is_empty()).ok_or_else(malformed_xml)?;
        let version = object.value("VersionId").map(str::trim).filter(|id| !id.is_empty());
        keys.push((key, version, DeleteConditions::of_element(object)?));
    }
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(malformed_xml());
    }
    let mut xml = Writer::new("DeleteResult");
    for (key, version, condition) in keys {
        match remove(server, call, &bucket, (key, version), &condition) {
            Ok(_) if quiet => {}
            Ok(removed) => {
                xml.open("Deleted").text("Key", key);
                if let Some(version) = version {
                    xml.text("VersionId", version);
                }
                if let Some(id) = removed.version.filter(|_| removed.marker) {
                    xml.text("DeleteMarker", "true").text("DeleteMarkerVersionId", id);
                }
                xml.close();
            }
            Err(error) => {
                xml.open("Error").text("Key", key);
                if let Some(version) = version {
                    xml.text("VersionId", version);
                }
                xml.text("Code", error.code.as_str()).text("Message", &error.message).close();
            }
        }
    }
    Ok(Reply::xml(xml.finish()))
}
