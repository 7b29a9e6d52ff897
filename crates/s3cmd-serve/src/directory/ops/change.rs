//! Requests with a body that change something: what was authorised is what is changed.
//!
//! A body may be held back for as long as its client likes, and meanwhile others write: the object that was looked at
//! when the request came is another user's then, or the right to change it was taken away. So a request is authorised
//! when it comes, because nothing is read from whom it is not allowed, and again when its body is there; and the change
//! is made only to the very object that this was about, compared under the lock of its key. The outcome is that of a
//! request that came whole when its last byte came.

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

/// How many times an object that others keep changing is looked at again.
const ATTEMPTS: usize = 16;

/// Changes what is kept of the object that a request names, or of one of its versions.
///
/// `read` reads and checks the body, once; `apply` makes the change, and may be asked again when the object has
/// changed. Returns the bucket and the metadata as they are then.
pub(super) fn change_object<T>(
    server: &Server,
    call: &mut Call,
    (action, permission): (&str, Permission),
    read: impl FnOnce(&mut Call, &Bucket, &Meta) -> S3Result<T>,
    apply: impl Fn(&Call, &Bucket, &mut Meta, &T) -> S3Result<()>,
) -> S3Result<(Arc<Bucket>, Meta)> {
    let (bucket, object) = object::open(server, call, action, permission)?;
    let wanted = read(call, &bucket, &object.meta)?;
    for _ in 0..ATTEMPTS {
        let (bucket, object) = object::open(server, call, action, permission)?;
        let pinned = object.meta;
        let mut after = None;
        let mut differs = false;
        let changed = bucket.change_meta(call.key(), call.parameter("versionId"), |meta| {
            if *meta != pinned {
                differs = true;
                return fail(ErrorCode::SlowDown, "The object keeps changing; try again.");
            }
            apply(call, &bucket, meta, &wanted)?;
            after = Some(meta.clone());
            Ok(())
        });
        match (changed, after) {
            (Err(_), _) if differs => {}
            (Err(error), _) => return Err(error),
            (Ok(true), Some(after)) => return Ok((bucket, after)),
            (Ok(_), _) => return Err(no_such_key(call.key())),
        }
    }
    fail(
        ErrorCode::OperationAborted,
        "A conflicting conditional operation is currently in progress against this resource.",
    )
}

/// Reads the body of a request that changes a bucket. Authorised before and after, and the bucket is the same one.
pub(super) fn body_for_bucket(
    server: &Server,
    call: &mut Call,
    action: &str,
    need: RequiredRight<'_>,
) -> S3Result<(Arc<Bucket>, Bytes)> {
    body_between(call, |call| {
        let bucket = server.store.bucket(call.bucket_name())?;
        server.authorize(call, &bucket, action, None, need)?;
        Ok(bucket)
    })
}

/// [`body_for_bucket`] for a document that is replaced, which may be what is wrong with the bucket.
pub(super) fn body_for_document(
    server: &Server,
    call: &mut Call,
    document: &str,
    action: &str,
) -> S3Result<(Arc<Bucket>, Bytes)> {
    body_between(call, |call| server.bucket_to_change(call, document, action))
}

/// Reads the body between two looks for the bucket, each of which authorises the request.
fn body_between(
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
