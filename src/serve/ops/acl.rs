//! ACLs of buckets and objects.

use super::{MAX_DOCUMENT, get};
use crate::serve::Server;
use crate::serve::access::{Need, Ownership, PublicBlock};
use crate::serve::acl::{Acl, Permission};
use crate::serve::call::{Call, Reply};
use crate::serve::error::{S3Result, access_denied, fail, no_acls, no_such_key};
use crate::serve::store::bucket::Bucket;
use crate::serve::xml;

/// GetBucketAcl.
pub(crate) fn get_bucket(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:GetBucketAcl", None, Need::Bucket(Permission::ReadAcp))?;
    Ok(Reply::xml(server.bucket_acl(&bucket).to_xml(&server.users)))
}

/// PutBucketAcl.
pub(crate) fn put_bucket(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:PutBucketAcl", None, Need::Bucket(Permission::WriteAcp))?;
    let owner = server.owner(&bucket);
    let acl = asked(server, call, &bucket, &owner)?;
    bucket.set_state(|state| state.acl = Some(acl))?;
    Ok(Reply::new(200))
}

/// GetObjectAcl.
pub(crate) fn get_object(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = get::open(server, call, "s3:GetObjectAcl", Permission::ReadAcp)?;
    Ok(Reply::xml(server.object_acl(&bucket, &object.meta).to_xml(&server.users)))
}

/// PutObjectAcl.
pub(crate) fn put_object(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, object) = get::open(server, call, "s3:PutObjectAcl", Permission::WriteAcp)?;
    let owner = server.object_acl(&bucket, &object.meta).owner;
    let acl = asked(server, call, &bucket, &owner)?;
    let changed = bucket.change_meta(call.key(), call.parameter("versionId"), |meta| {
        meta.acl = Some(acl);
        Ok(())
    })?;
    if changed { Ok(Reply::new(200)) } else { Err(no_such_key(call.key())) }
}

/// The ACL that a request brings, in its headers or its body.
fn asked(server: &Server, call: &mut Call, bucket: &Bucket, owner: &str) -> S3Result<Acl> {
    if !Ownership::of(bucket).has_acls() {
        return Err(no_acls());
    }
    let body = call.payload.read_all(MAX_DOCUMENT)?;
    let bucket_owner = server.owner(bucket);
    let headers =
        Acl::from_headers(|name| call.header(name).map(str::to_owned), owner, &bucket_owner, &server.users)?;
    let acl = match headers {
        Some(_) if !body.is_empty() => {
            return fail("UnexpectedContent", "This request does not support content");
        }
        Some(acl) => acl,
        None if body.is_empty() => {
            return fail("MissingSecurityHeader", "Your request was missing a required header");
        }
        None => Acl::from_xml(&xml::parse(&body, &["AccessControlPolicy"])?, owner, &server.users)?,
    };
    if acl.is_public() && PublicBlock::of(bucket).block_acls {
        return Err(access_denied());
    }
    Ok(acl)
}
