//! Looks up the object that a request addresses.

use crate::directory::access::RequiredRight;
use crate::directory::condition_context::Target;
use crate::directory::state::Server;
use crate::http::call::Call;
use crate::http::http_date;
use crate::model::acl::Permission;
use crate::model::error::{ErrorCode, S3Error, S3Result, no_such_key};
use crate::model::policy;
use crate::route;
use crate::store::bucket::Bucket;
use crate::store::meta::Meta;
use crate::store::object::Object;
use crate::store::versions::Found;
use crate::store::versions::ids::id_text;
use http::Method;
use std::sync::Arc;

/// Opens the object that the request names, if the requester may perform `action` on it.
pub(crate) fn open(
    server: &Server,
    call: &Call,
    action: &str,
    permission: Permission,
) -> S3Result<(Arc<Bucket>, Object)> {
    let version = call.parameter("versionId");
    open_named(server, call, (call.bucket_name(), call.key(), version), action, permission)
}

/// [`open`] for an object other than the one in the request path.
pub(crate) fn open_named(
    server: &Server,
    call: &Call,
    (bucket, key, version): (&str, &str, Option<&str>),
    action: &str,
    permission: Permission,
) -> S3Result<(Arc<Bucket>, Object)> {
    let bucket = server.store.bucket(bucket)?;
    let without_etag = if needs_no_etag(call, key, version) { bucket.open_without_etag(key)? } else { None };
    let found = match without_etag {
        Some(object) => Found::Object(Box::new(object)),
        None => bucket.open_version(key, version)?,
    };
    let object = match (found, version) {
        (Found::Object(object), _) => *object,
        (Found::Marker { id, .. }, None) => {
            let error = no_such_key(key).header("x-amz-delete-marker", "true").header("x-amz-version-id", id);
            return Err(server.missing_key(call, &bucket, error));
        }
        (Found::Marker { id, modified }, Some(_)) => {
            let error = S3Error::new(
                ErrorCode::MethodNotAllowed,
                "The specified method is not allowed against this resource.",
            )
            .detail("ResourceType", "DeleteMarker")
            .header("allow", "DELETE")
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", id)
            .header("last-modified", http_date::format(modified));
            return Err(server.missing_key(call, &bucket, error));
        }
        (Found::Nothing, None) => {
            // Ceph sends this header too, and its tests check for it.
            let error = no_such_key(key).header("x-amz-delete-marker", "false");
            return Err(server.missing_key(call, &bucket, error));
        }
        (Found::Nothing, Some(id)) => {
            return Err(server.missing_key(call, &bucket, no_such_version(key, id)));
        }
    };
    let action = if version.is_some() { policy::for_version(action) } else { action.into() };
    let target = Target { key: Some(key), version, ..Target::default() };
    server.authorize_target(
        call,
        &bucket,
        &action,
        target,
        RequiredRight::Object(permission, &object.meta),
    )?;
    Ok((bucket, object))
}

/// Whether a request needs no ETag: an unconditional read of a range. Computing the ETag of a file that was written
/// from outside would mean reading the whole file.
fn needs_no_etag(call: &Call, key: &str, version: Option<&str>) -> bool {
    let is_condition = |name: &str| matches!(name, "if-match" | "if-none-match" | "if-range");
    let unconditional = !call.headers.iter().any(|(name, _)| is_condition(name));
    call.method == Method::GET
        && route::reads_object(call)
        && call.key() == key
        && version.is_none()
        && call.header("range").is_some()
        && unconditional
}

fn no_such_version(key: &str, id: &str) -> S3Error {
    S3Error::new(ErrorCode::NoSuchVersion, "The specified version does not exist.")
        .detail("Key", key)
        .detail("VersionId", id)
}

/// The `x-amz-version-id` header, if the bucket has versioning.
pub(super) fn version_header(bucket: &Bucket, meta: &Meta) -> Option<(String, String)> {
    bucket.versioning()?;
    Some(("x-amz-version-id".to_owned(), id_text(meta.version.as_ref())))
}
