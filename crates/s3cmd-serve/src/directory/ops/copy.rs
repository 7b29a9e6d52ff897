//! CopyObject, and reading the source of a copy for UploadPartCopy.

use super::{head_fields, lock, object, preconditions, restore};
use crate::directory::state::Server;
use crate::directory::{lifecycle, sse};
use crate::http::call::{Call, Reply};
use crate::http::request_head::WEBSITE_REDIRECT;
use crate::model::acl::Permission;
use crate::model::checksum::{ChecksumSpec, ObjectChecksum, parse_algorithm};
use crate::model::copy_source;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use crate::model::xml::{self, Writer};
use crate::store::bucket::Bucket;
use crate::store::cipher::{ObjectCipher, SseMetadata};
use crate::store::file_io::copy_range;
use crate::store::object::Object;
use crate::store::staged::Staged;
use s3cmd_client::checksum::{Algorithm, Checksum, Hasher};
use s3cmd_client::digest::{Digest, Md5};
use std::sync::Arc;

/// Opens the source of a copy and checks its conditions.
pub(super) fn source(server: &Server, call: &Call) -> S3Result<(Arc<Bucket>, String, Object)> {
    let (bucket, key, version) = copy_source::parse(call.header("x-amz-copy-source").unwrap_or(""))?;
    server.check_expected_owner(call, &bucket, "x-amz-source-expected-bucket-owner")?;
    let name = (&*bucket, &*key, version.as_deref());
    let (bucket, object) = object::open_named(server, call, name, "s3:GetObject", Permission::Read).map_err(
        // A version that is a delete marker cannot be copied.
        |error| match error.code {
            ErrorCode::MethodNotAllowed => S3Error::new(
                ErrorCode::InvalidRequest,
                "The source of a copy request may not specifically refer to a delete marker by version id.",
            ),
            _ => error,
        },
    )?;
    restore::check_readable(&object.meta)?;
    preconditions::check(call, preconditions::COPY, &object.meta.etag, object.modified())?;
    Ok((bucket, key, object))
}

/// The `x-amz-copy-source-version-id` header, if the source's bucket has versioning.
pub(super) fn source_version(bucket: &Bucket, source_object: &Object) -> Option<(String, String)> {
    let (_, id) = object::version_header(bucket, &source_object.meta)?;
    Some(("x-amz-copy-source-version-id".to_owned(), id))
}

/// Copies bytes of an object to a new file; returns it with the hex MD5 of the bytes and their checksum. The first
/// cipher decrypts the object, the second encrypts the copy.
pub(super) fn copy_content(
    bucket: &Bucket,
    source_object: &Object,
    offset: u64,
    length: u64,
    algorithm: Algorithm,
    (source_cipher, cipher): (Option<&ObjectCipher>, Option<&ObjectCipher>),
) -> S3Result<(Staged, String, Checksum)> {
    let mut staged = bucket.stage()?;
    staged.encrypt(cipher.map(ObjectCipher::new_segment).transpose()?);
    let mut position = offset;
    let mut md5 = Md5::new();
    let mut checksum = Hasher::new(algorithm);
    copy_range(&source_object.file, offset, length, |bytes| {
        if let Some(cipher) = source_cipher {
            cipher.decrypt(position, bytes);
        }
        position += bytes.len() as u64;
        md5.update(&*bytes);
        checksum.update(bytes);
        staged.write(bytes)
    })?;
    // Another process may have written to the file while it was read.
    if crate::store::dir::stat_file(&source_object.file)?.mtime != source_object.stat.mtime {
        return fail(ErrorCode::SlowDown, "The source changed while it was copied. Please try again.");
    }
    Ok((staged, hex::encode(md5.finalize()), checksum.finish()))
}

fn directive(call: &Call, name: &str) -> S3Result<bool> {
    match call.header(name) {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => fail(ErrorCode::InvalidArgument, format!("Unknown {name}.")),
    }
}

/// CopyObject.
pub(crate) fn copy(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let key = call.key().to_owned();
    server.authorize_upload(call, &bucket, &key)?;
    let (source_bucket, source_key, source_object) = source(server, call)?;
    let replace = directive(call, "x-amz-metadata-directive")?;
    let replace_tags = directive(call, "x-amz-tagging-directive")?;
    let class = head_fields::class(call)?;
    // A copy keeps the checksum algorithm of its source. A composite checksum becomes one of the whole content.
    let algorithm = match (call.header("x-amz-checksum-algorithm"), &source_object.meta.checksum) {
        (Some(name), _) => parse_algorithm(name)?,
        (None, Some(checksum)) => checksum.algorithm,
        (None, None) => ChecksumSpec::DEFAULT.algorithm,
    };
    let same = source_bucket.identity() == bucket.identity()
        && source_key == key
        && !call.header("x-amz-copy-source").is_some_and(|source| source.contains("?versionId="));
    let source_cipher =
        sse::unlock(server, call, &source_object.meta, source_object.stat.size, sse::SseContext::Source)?;
    let (sse_metadata, cipher) = sse::begin(server, call, &bucket)?.unzip();
    let origin = |metadata: &Option<SseMetadata>| metadata.as_ref().map(|metadata| metadata.origin.clone());
    let encryption_changes = origin(&sse_metadata) != origin(&source_object.meta.sse);
    if same && !replace && class == source_object.meta.class && !encryption_changes {
        return fail(
            ErrorCode::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
             metadata, storage class, website redirect location or encryption attributes.",
        );
    }
    let mut meta = head_fields::content(call)?;
    if !replace {
        meta.content_type = source_object.meta.content_type.clone();
        meta.user = source_object.meta.user.clone();
        // A website redirect is not copied; it has to be set for each object.
        meta.headers.retain(|(name, _)| name == WEBSITE_REDIRECT);
        let kept = source_object.meta.headers.iter().filter(|(name, _)| name != WEBSITE_REDIRECT);
        meta.headers.extend(kept.cloned());
    }
    meta.tags = if replace_tags {
        head_fields::tags(call)?
    } else {
        let (_, _, version) = copy_source::parse(call.header("x-amz-copy-source").unwrap_or(""))?;
        let tags = server.copied_tags(
            call,
            &source_bucket,
            (&source_key, version.as_deref()),
            &source_object.meta,
        )?;
        if !tags.is_empty() {
            // The requester needs permission for the copied tags, as if the request had set them.
            call.context.tags = Some(tags.clone());
            server.authorize_upload(call, &bucket, &key)?;
        }
        tags
    };
    meta.class = class;
    meta.acl = head_fields::acl(server, call, &bucket)?;
    lock::from_headers(server, call, &bucket, &mut meta)?;
    super::put::check_early(&bucket, call, &key)?;
    let keys = (source_cipher.as_ref(), cipher.as_ref());
    let (mut staged, etag, checksum) =
        copy_content(&bucket, &source_object, 0, source_object.stat.size, algorithm, keys)?;
    meta.sse = sse_metadata.map(|metadata| metadata.with_segment(staged.segment()));
    let encryption = sse::headers(&meta);
    let checksum = ObjectChecksum::of_content(checksum);
    meta.etag.clone_from(&etag);
    meta.checksum = Some(checksum.clone());
    lock::set_default(&bucket, &mut meta)?;
    let (stat, version) = bucket.commit(staged, &key, meta.clone(), |present| {
        preconditions::check_write(call, present.map(|object| object.meta.etag.as_str()))
    })?;
    let mut xml = Writer::new("CopyObjectResult");
    xml.text("LastModified", xml::time(stat.modified())).text("ETag", format!("\"{etag}\""));
    xml.text(algorithm.element(), checksum.value).text("ChecksumType", checksum.kind.name());
    let mut reply = Reply::xml(xml.finish()).version(version);
    reply.headers.extend(source_version(&source_bucket, &source_object));
    reply.headers.extend(encryption);
    reply.headers.extend(lifecycle::expiry_header(&bucket, &key, &meta, &stat));
    Ok(reply)
}
