//! The metadata of an object in HTTP headers: read from a PUT, written to the response of a GET.

use crate::directory::sse;
use crate::directory::state::Server;
use crate::http::call::Call;
use crate::http::request_head::WEBSITE_REDIRECT;
use crate::model::acl::Acl;
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied, fail, no_acls};
use crate::model::ownership::Ownership;
use crate::model::tags;
use crate::store::bucket::Bucket;
use crate::store::meta::Meta;
use s3cmd_client::http::header_text;
use s3cmd_client::ops::object::STORAGE_CLASSES;

/// Headers that are stored unchanged and sent back.
const STORED: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    WEBSITE_REDIRECT,
];

/// S3's limit on user metadata: names and values together, in bytes.
const MAX_USER_METADATA: usize = 2048;

/// The content type that S3 reports for an object without one.
pub(crate) const DEFAULT_TYPE: &str = "binary/octet-stream";

/// Content headers and user metadata of a request.
pub(crate) fn content(call: &Call) -> S3Result<Meta> {
    let redirect = call.header(WEBSITE_REDIRECT).filter(|to| !to.is_empty());
    if redirect.is_some_and(|to| !["/", "http://", "https://"].iter().any(|start| to.starts_with(start))) {
        return fail(
            ErrorCode::InvalidRedirectLocation,
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        );
    }
    let mut meta = Meta {
        content_type: call.setting("content-type").filter(|text| !text.is_empty()).map(str::to_owned),
        ..Meta::default()
    };
    for (name, value) in &call.headers {
        if let Some(name) = name.strip_prefix("x-amz-meta-") {
            match meta.user.iter_mut().find(|(known, _)| known == name) {
                // A repeated header means one header with both values.
                Some((_, present)) => {
                    present.push(',');
                    present.push_str(value);
                }
                None => meta.user.push((name.to_owned(), value.clone())),
            }
        } else if STORED.contains(&name.as_str()) {
            let mut value = value.clone();
            if name == "content-encoding" {
                // `aws-chunked` belongs to the transfer, not to the object.
                let kept: Vec<&str> =
                    value.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
                value = kept.join(", ");
            }
            if !value.is_empty() {
                meta.headers.push((name.clone(), value));
            }
        }
    }
    let size: usize =
        meta.user.iter().map(|(name, value)| name.len() + header_text::to_bytes(value).len()).sum();
    if size > MAX_USER_METADATA {
        return Err(S3Error::new(
            ErrorCode::MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size",
        )
        .detail("Size", size.to_string())
        .detail("MaxSizeAllowed", MAX_USER_METADATA.to_string()));
    }
    Ok(meta)
}

/// The storage class that a request asks for; `None` for STANDARD.
pub(crate) fn class(call: &Call) -> S3Result<Option<String>> {
    match call.setting("x-amz-storage-class") {
        None | Some("STANDARD" | "") => Ok(None),
        Some(class) if STORAGE_CLASSES.contains(&class) => Ok(Some(class.to_owned())),
        Some(_) => fail(ErrorCode::InvalidStorageClass, "The storage class you specified is not valid"),
    }
}

/// The tags of the `x-amz-tagging` header.
pub(crate) fn tags(call: &Call) -> S3Result<Vec<(String, String)>> {
    call.setting("x-amz-tagging").map_or(Ok(Vec::new()), tags::parse_header)
}

/// The ACL of a new object: the one in the headers, or else private to the requester. `None` if the bucket's owner
/// writes it without an ACL.
pub(crate) fn acl(server: &Server, call: &Call, bucket: &Bucket) -> S3Result<Option<Acl>> {
    let bucket_owner = server.owner(bucket);
    // Objects from anonymous clients belong to the bucket's owner.
    let owner = call.requester_id().unwrap_or(&bucket_owner);
    let requested =
        Acl::from_headers(|name| call.setting(name).map(str::to_owned), owner, &bucket_owner, &server.users)?;
    let canned = call.setting("x-amz-acl");
    let full_control = canned == Some("bucket-owner-full-control");
    match (bucket.config().ownership, &requested) {
        (Ownership::BucketOwnerEnforced, Some(acl))
            // S3 accepts only this canned ACL, although others mean the same.
            if !full_control && (canned.is_some() || acl.grants != Acl::private(&bucket_owner).grants) =>
        {
            return Err(no_acls());
        }
        (Ownership::BucketOwnerEnforced, _) => return Ok(None),
        (Ownership::BucketOwnerPreferred, Some(_)) if full_control => return Ok(None),
        _ => {}
    }
    if let Some(acl) = &requested
        && acl.is_public()
        && bucket.config().public_access.block_acls
    {
        return Err(access_denied());
    }
    Ok(requested.or_else(|| (owner != bucket_owner).then(|| Acl::private(owner))))
}

/// The headers that describe an object in the response to a GET or HEAD.
pub(crate) fn write(meta: &Meta) -> Vec<(String, String)> {
    let kind = meta.content_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned());
    let mut headers = vec![("content-type".to_owned(), kind)];
    // A range of a file may be sent before its ETag is known.
    if !meta.etag.is_empty() {
        headers.insert(0, ("etag".to_owned(), format!("\"{}\"", meta.etag)));
    }
    headers.extend(meta.headers.iter().cloned());
    headers.extend(meta.user.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone())));
    headers.extend(sse::headers(meta));
    if let Some(class) = &meta.class {
        headers.push(("x-amz-storage-class".to_owned(), class.clone()));
    }
    if !meta.tags.is_empty() {
        headers.push(("x-amz-tagging-count".to_owned(), meta.tags.len().to_string()));
    }
    headers
}
