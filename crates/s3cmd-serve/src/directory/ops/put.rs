//! PutObject.

use super::{head_fields, lock, preconditions};
use crate::auth::payload::Payload;
use crate::directory::state::Server;
use crate::directory::{lifecycle, sse};
use crate::http::call::{Call, Reply};
use crate::model::checksum::{ChecksumSpec, ObjectChecksum};
use crate::model::error::{ErrorCode, S3Result, fail};
use crate::store::bucket::Bucket;
use crate::store::cipher::ObjectCipher;
use crate::store::file_io::PIECE;
use crate::store::meta::Meta;
use crate::store::staged::Staged;
use s3cmd_client::checksum::{Algorithm, Checksum};
use std::sync::Arc;

/// S3's limit for one upload, in bytes.
pub(crate) const MAX_OBJECT: u64 = 5 << 30;

/// Pieces of at least this length, in bytes, are written as they arrive.
const DIRECT: usize = 64 * 1024;

/// Writes a body to the staged file that `stage` creates. Returns the file, the hex MD5 and the checksum with
/// `algorithm`. The hashes and checksums that the client stated are verified before it returns.
pub(crate) fn receive(
    stage: impl FnOnce() -> S3Result<Staged>,
    payload: &mut Payload,
    algorithm: Algorithm,
    cipher: Option<&ObjectCipher>,
) -> S3Result<(Staged, String, Checksum)> {
    let length = payload.length();
    if length.is_none() && !payload.is_open_ended() {
        return fail(ErrorCode::MissingContentLength, "You must provide the Content-Length HTTP header.");
    }
    if length.is_some_and(|length| length > MAX_OBJECT) {
        return fail(ErrorCode::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size");
    }
    payload.want_md5();
    payload.want_checksum(algorithm);
    let mut staged = stage()?;
    staged.encrypt(cipher.map(ObjectCipher::new_segment).transpose()?);
    // The network decides the size of the pieces; small ones are buffered.
    let mut buffer: Vec<u8> = Vec::new();
    let mut received = 0;
    while let Some(piece) = payload.next()? {
        received += piece.len() as u64;
        if received > MAX_OBJECT {
            return fail(ErrorCode::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size");
        }
        let direct = piece.len() >= DIRECT || Some(piece.len() as u64) == length;
        if direct || buffer.len() + piece.len() > PIECE {
            staged.write(&buffer)?;
            buffer.clear();
        }
        if direct {
            staged.write(&piece)?;
        } else {
            buffer.extend_from_slice(&piece);
        }
    }
    staged.write(&buffer)?;
    let checksum = payload.checksum(algorithm).expect("the checksum was requested");
    Ok((staged, hex::encode(payload.md5()), checksum))
}

/// Authorizes an upload. Returns its bucket, its key and the metadata from its headers.
pub(super) fn new_object(server: &Server, call: &Call) -> S3Result<(Arc<Bucket>, String, Meta)> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let key = call.key().to_owned();
    server.authorize_upload(call, &bucket, &key)?;
    let mut meta = head_fields::content(call)?;
    meta.class = head_fields::class(call)?;
    meta.tags = head_fields::tags(call)?;
    meta.acl = head_fields::acl(server, call, &bucket)?;
    lock::from_headers(server, call, &bucket, &mut meta)?;
    Ok((bucket, key, meta))
}

/// PutObject.
pub(crate) fn put(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, key, _) = new_object(server, call)?;
    let (sse_metadata, cipher) = sse::begin(server, call, &bucket)?.unzip();
    check_early(&bucket, call, &key)?;
    let algorithm = call.payload.stated().unwrap_or(ChecksumSpec::DEFAULT.algorithm);
    let (mut staged, etag, checksum) =
        receive(|| bucket.stage(), &mut call.payload, algorithm, cipher.as_ref())?;
    // A slow body takes time, in which the permission to write the object, or to set its ACL or its lock, may have been
    // revoked.
    let (_, _, mut meta) = new_object(server, call)?;
    meta.sse = sse_metadata.map(|metadata| metadata.with_segment(staged.segment()));
    let checksum = ObjectChecksum::of_content(checksum);
    let mut reply = Reply::new(200).header("etag", format!("\"{etag}\""));
    reply.headers.extend(checksum.headers());
    reply.headers.extend(sse::headers(&meta));
    meta.etag = etag;
    meta.checksum = Some(checksum);
    lock::set_default(&bucket, &mut meta)?;
    let (stat, version) = bucket.commit(staged, &key, meta.clone(), |present| {
        preconditions::check_write(call, present.map(|object| object.meta.etag.as_str()))
    })?;
    reply.headers.extend(lifecycle::expiry_header(&bucket, &key, &meta, &stat));
    Ok(reply.version(version))
}

/// Checks the conditions of a write before the body is read. They are checked again when the object is committed. This
/// also computes the ETag of a present object that was written from outside.
pub(crate) fn check_early(bucket: &Bucket, call: &Call, key: &str) -> S3Result<()> {
    if !preconditions::is_conditional_write(call) {
        return Ok(());
    }
    let present = bucket.open_object(key)?;
    preconditions::check_write(call, present.as_ref().map(|object| object.meta.etag.as_str()))
}
