//! ACLs of buckets and objects.

use super::{change, object};
use crate::directory::access::RequiredRight;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::model::acl::{Acl, Permission};
use crate::model::error::{ErrorCode, S3Result, access_denied, fail, no_acls};
use crate::model::xml;
use crate::store::bucket::Bucket;
use crate::store::meta::Meta;
use bytes::Bytes;

/// GetBucketAcl.
pub(crate) fn get_bucket(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:GetBucketAcl", None, RequiredRight::Bucket(Permission::ReadAcp))?;
    Ok(Reply::xml(server.bucket_acl(&bucket).to_xml(&server.users)))
}

/// PutBucketAcl.
pub(crate) fn put_bucket(server: &Server, call: &mut Call) -> S3Result<Reply> {
    check_has_acls(&*server.store.bucket(call.bucket_name())?)?;
    let need = RequiredRight::Bucket(Permission::WriteAcp);
    let (bucket, body) = change::body_for_bucket(server, call, "s3:PutBucketAcl", need)?;
    let acl = requested_acl(server, call, &body, &bucket, &server.owner(&bucket))?;
    bucket.set_state(|state| state.acl = Some(acl))?;
    Ok(Reply::new(200))
}

/// GetObjectAcl.
pub(crate) fn get_object(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = object::open(server, call, "s3:GetObjectAcl", Permission::ReadAcp)?;
    Ok(Reply::xml(server.object_acl(&bucket, &object.meta).to_xml(&server.users)))
}

/// PutObjectAcl.
pub(crate) fn put_object(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let parse_acl = |call: &Call, body: &Bytes, bucket: &Bucket, meta: &Meta| {
        requested_acl(server, call, body, bucket, &server.object_acl(bucket, meta).owner)
    };
    change::change_object(
        server,
        call,
        ("s3:PutObjectAcl", Permission::WriteAcp),
        |call, bucket, meta| {
            check_has_acls(bucket)?;
            let body = call.payload.read_document()?;
            parse_acl(call, &body, bucket, meta).map(|_| body)
        },
        |call, bucket, meta, body| {
            meta.acl = Some(parse_acl(call, body, bucket, meta)?);
            Ok(())
        },
    )?;
    Ok(Reply::new(200))
}

fn check_has_acls(bucket: &Bucket) -> S3Result<()> {
    if bucket.config().ownership.has_acls() { Ok(()) } else { Err(no_acls()) }
}

/// The ACL in the headers or the body of a request.
fn requested_acl(server: &Server, call: &Call, body: &Bytes, bucket: &Bucket, owner: &str) -> S3Result<Acl> {
    check_has_acls(bucket)?;
    let bucket_owner = server.owner(bucket);
    let headers =
        Acl::from_headers(|name| call.header(name).map(str::to_owned), owner, &bucket_owner, &server.users)?;
    let acl = match headers {
        Some(_) if !body.is_empty() => {
            return fail(ErrorCode::UnexpectedContent, "This request does not support content");
        }
        Some(acl) => acl,
        None if body.is_empty() => {
            return fail(ErrorCode::MissingSecurityHeader, "Your request was missing a required header");
        }
        None => Acl::from_xml(&xml::parse(body, &["AccessControlPolicy"])?, owner, &server.users)?,
    };
    if acl.is_public() && bucket.config().public_access.block_acls {
        return Err(access_denied());
    }
    Ok(acl)
}
