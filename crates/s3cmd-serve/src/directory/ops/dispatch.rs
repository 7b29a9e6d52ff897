//! Calls the function that implements an operation.

use super::{
    acl, attributes, bucket, copy, delete, documents, get, list, lock, multipart, post, put, restore,
    tagging, versions,
};
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::model::error::S3Result;
use crate::route::{self, Operation};

/// Performs the operation that a request asks for.
pub(crate) fn run(server: &Server, call: &mut Call) -> S3Result<Reply> {
    server.check_expected_owner(call, call.bucket_name(), "x-amz-expected-bucket-owner")?;
    let reply = dispatch(server, call)?;
    Ok(if server.is_charged(call) { reply.header("x-amz-request-charged", "requester") } else { reply })
}

fn dispatch(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let operation = route::find(call)?;
    if operation.writes() && server.read_only {
        return Err(route::read_only());
    }
    if !operation.is_on_document() {
        route::check_headers(call)?;
    }
    match operation {
        Operation::ListBuckets => bucket::list_all(server, call),
        Operation::ListObjects => list::objects(server, call),
        Operation::HeadBucket => bucket::head(server, call),
        Operation::CreateBucket => bucket::create(server, call),
        Operation::DeleteBucket => bucket::delete(server, call),
        Operation::GetBucketLocation => bucket::location(server, call),
        Operation::ListMultipartUploads => list::uploads(server, call),
        Operation::ListObjectVersions => versions::list(server, call),
        Operation::GetBucketPolicyStatus => documents::policy_status(server, call),
        Operation::GetBucketVersioning => versions::get(server, call),
        Operation::PutBucketVersioning => versions::put(server, call),
        Operation::GetObjectLockConfiguration => lock::get_configuration(server, call),
        Operation::PutObjectLockConfiguration => lock::put_configuration(server, call),
        Operation::PostObject => post::post(server, call),
        Operation::DeleteObjects => delete::many(server, call),
        Operation::GetBucketAcl => acl::get_bucket(server, call),
        Operation::PutBucketAcl => acl::put_bucket(server, call),
        Operation::GetObject => get::get(server, call),
        Operation::HeadObject => get::head(server, call),
        Operation::PutObject if call.header("x-amz-copy-source").is_some() => copy::copy(server, call),
        Operation::PutObject => put::put(server, call),
        Operation::DeleteObject => delete::one(server, call),
        Operation::GetObjectTorrent => get::torrent(server, call),
        Operation::GetObjectAttributes => attributes::get(server, call),
        Operation::GetObjectAcl => acl::get_object(server, call),
        Operation::PutObjectAcl => acl::put_object(server, call),
        Operation::GetObjectTagging => tagging::get(server, call),
        Operation::PutObjectTagging => tagging::put(server, call),
        Operation::DeleteObjectTagging => tagging::delete(server, call),
        Operation::GetObjectRetention => lock::get_retention(server, call),
        Operation::PutObjectRetention => lock::put_retention(server, call),
        Operation::GetObjectLegalHold => lock::get_hold(server, call),
        Operation::PutObjectLegalHold => lock::put_hold(server, call),
        Operation::RestoreObject => restore::restore(server, call),
        Operation::CreateMultipartUpload => multipart::create(server, call),
        Operation::UploadPart => multipart::put_part(server, call),
        Operation::CompleteMultipartUpload => multipart::complete(server, call),
        Operation::AbortMultipartUpload => multipart::abort(server, call),
        Operation::ListParts => list::parts(server, call),
        Operation::GetDocument(document) => documents::get(server, call, document),
        Operation::PutDocument(document) => documents::put(server, call, document),
        Operation::DeleteDocument(document) => documents::delete(server, call, document),
        Operation::UnsupportedOnDocument(document) => Err(documents::unsupported(call, document)),
    }
}
