//! Changes by requests with a body, applied only to what was authorized.
//!
//! A client can delay its body for any length of time while other clients write. By the time the body is complete, the
//! object may belong to another user, or the permission to change it may have been revoked. So a request is authorized
//! when it arrives, because no body is read from a client without permission, and again when its body is complete. The
//! change is then made only if the object is still the one that was authorized, compared under the lock of its key. The
//! result is the same as if the whole request had arrived with its last byte.

use super::object;
use crate::directory::access::RequiredRight;
use crate::directory::state::Server;
use crate::http::call::Call;
use crate::model::acl::Permission;
use crate::model::error::{ErrorCode, S3Result, fail, no_such_key};
use crate::store::bucket::Bucket;
use crate::store::meta::Meta;
use bytes::Bytes;
use std::sync::Arc;

/// How many times a change is attempted while other clients keep changing the object.
const ATTEMPTS: usize = 16;

/// Changes the metadata of the object that a request names, or of one of its versions.
///
/// `read` reads and checks the body, once. `apply` makes the change, and is called again if the object has changed
/// meanwhile. Returns the bucket and the new metadata.
pub(super) fn change_object<T>(
    server: &Server,
    call: &mut Call,
    (action, permission): (&str, Permission),
    read: impl FnOnce(&mut Call, &Bucket, &Meta) -> S3Result<T>,
    apply: impl Fn(&Call, &Bucket, &mut Meta, &T) -> S3Result<()>,
) -> S3Result<(Arc<Bucket>, Meta)> {
    let (bucket, object) = object::open(server, call, action, permission)?;
    let change = read(call, &bucket, &object.meta)?;
    for _ in 0..ATTEMPTS {
        let (bucket, object) = object::open(server, call, action, permission)?;
        let authorized = object.meta;
        let mut updated = None;
        let mut differs = false;
        let changed = bucket.change_meta(call.key(), call.parameter("versionId"), |meta| {
            if *meta != authorized {
                differs = true;
                return fail(ErrorCode::SlowDown, "The object keeps changing; try again.");
            }
            apply(call, &bucket, meta, &change)?;
            updated = Some(meta.clone());
            Ok(())
        });
        match (changed, updated) {
            (Err(_), _) if differs => {}
            (Err(error), _) => return Err(error),
            (Ok(true), Some(updated)) => return Ok((bucket, updated)),
            (Ok(_), _) => return Err(no_such_key(call.key())),
        }
    }
    fail(
        ErrorCode::OperationAborted,
        "A conflicting conditional operation is currently in progress against this resource.",
    )
}

/// Reads the body of a request that changes a bucket. Authorizes the request before and after, and checks that the
/// bucket has not been replaced.
pub(super) fn body_for_bucket(
    server: &Server,
    call: &mut Call,
    action: &str,
    need: RequiredRight<'_>,
) -> S3Result<(Arc<Bucket>, Bytes)> {
    read_body_authorized_twice(call, |call| {
        let bucket = server.store.bucket(call.bucket_name())?;
        server.authorize(call, &bucket, action, None, need)?;
        Ok(bucket)
    })
}

/// [`body_for_bucket`] for a request that replaces a bucket document. The current document may be damaged.
pub(super) fn body_for_document(
    server: &Server,
    call: &mut Call,
    document: &str,
    action: &str,
) -> S3Result<(Arc<Bucket>, Bytes)> {
    read_body_authorized_twice(call, |call| server.bucket_to_change(call, document, action))
}

/// Reads the body between two calls of `find`, which looks up the bucket and authorizes the request.
fn read_body_authorized_twice(
    call: &mut Call,
    find: impl Fn(&Call) -> S3Result<Arc<Bucket>>,
) -> S3Result<(Arc<Bucket>, Bytes)> {
    let before = find(call)?;
    let body = call.payload.read_document()?;
    let bucket = find(call)?;
    if bucket.identity() != before.identity() {
        return fail(ErrorCode::OperationAborted, "The bucket was replaced while the request was received.");
    }
    Ok((bucket, body))
}
