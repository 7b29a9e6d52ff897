//! Multipart uploads.

use super::{copy, lock, object, preconditions, put};
use crate::directory::access::RequiredRight;
use crate::directory::state::Server;
use crate::directory::{lifecycle, sse};
use crate::http::call::{Call, Reply};
use crate::model::acl::Permission;
use crate::model::checksum::{ChecksumSpec, ObjectChecksum, parse_algorithm};
use crate::model::error::{ErrorCode, S3Error, S3Result, fail, malformed_xml};
use crate::model::xml::{self, Node, Writer};
use crate::store::bucket::Bucket;
use crate::store::cipher::ObjectCipher;
use crate::store::meta::Meta;
use crate::store::uploads::{Part, Upload};
use chrono::Utc;
use s3cmd_client::checksum::{Algorithm, Checksum, PREFIX};
use s3cmd_client::ops::multipart::composite_etag;

/// The smallest size of every part but the last, in bytes.
const MIN_PART: u64 = 5 << 20;
const MAX_PARTS: u32 = 10_000;

/// CreateMultipartUpload.
pub(crate) fn create(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, key, mut meta) = put::new_object(server, call)?;
    meta.sse = sse::begin(server, call, &bucket)?.map(|(metadata, _)| metadata);
    let encryption = sse::headers(&meta);
    let checksum = ChecksumSpec::from_headers(
        call.setting("x-amz-checksum-algorithm"),
        call.setting("x-amz-checksum-type"),
    )?;
    let initiator = call.requester_id().map_or_else(|| server.owner(&bucket), str::to_owned);
    let upload = Upload {
        id: String::new(),
        key: key.clone(),
        initiated: Utc::now(),
        initiator,
        anonymous: call.user.is_none(),
        meta,
        checksum,
    };
    let id = bucket.create_upload(&upload)?;
    let abort = lifecycle::abort_headers(&bucket, &key, upload.initiated);
    let mut xml = Writer::new("InitiateMultipartUploadResult");
    xml.text("Bucket", bucket.name()).text("Key", &key).text("UploadId", id);
    let mut reply = Reply::xml(xml.finish());
    reply.headers.extend(encryption);
    reply.headers.extend(abort.into_iter().flatten());
    if let Some(spec) = checksum {
        reply = reply.header("x-amz-checksum-algorithm", spec.algorithm.label());
        reply = reply.header("x-amz-checksum-type", spec.kind.name());
    }
    Ok(reply)
}

/// The upload that a request names. Its initiator may continue it as long as they may write to the bucket. Otherwise
/// only the bucket's owner has access, and the users that a policy allows the action.
pub(super) fn find(server: &Server, call: &Call, bucket: &Bucket, action: &str) -> S3Result<Upload> {
    let id = call.parameter("uploadId").unwrap_or("");
    let key = call.key();
    server.authorize(call, bucket, action, Some(key), RequiredRight::Bucket(Permission::Write))?;
    let upload = bucket.upload(key, id)?;
    let is_own = match call.requester_id() {
        Some(requester) => !upload.anonymous && requester == upload.initiator,
        None => upload.anonymous,
    };
    if !is_own {
        server.authorize(call, bucket, action, Some(key), RequiredRight::Owner)?;
    }
    Ok(upload)
}

/// UploadPart and UploadPartCopy.
pub(crate) fn put_part(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let upload = find(server, call, &bucket, "s3:PutObject")?;
    let number = match call.parameter("partNumber").unwrap_or("").parse::<u32>() {
        Ok(number) if (1..=MAX_PARTS).contains(&number) => number,
        _ => {
            return fail(
                ErrorCode::InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive",
            );
        }
    };
    let cipher = sse::unlock(server, call, &upload.meta, 0, sse::SseContext::Upload)?;
    if call.header("x-amz-copy-source").is_some() {
        return copy_part(server, call, &bucket, &upload, number, cipher.as_ref());
    }
    let (expected, stated) = (upload.checksum_spec().algorithm, call.payload.stated());
    if let (Some(spec), Some(stated)) = (upload.checksum, stated)
        && spec.algorithm != stated
    {
        return Err(mismatch(Some(spec), stated));
    }
    // An encrypted part gets a separate file, which records its nonce.
    let length = call.payload.length().filter(|_| cipher.is_none());
    let stage = || bucket.stage_part(&upload.id, number, length);
    let (staged, etag, checksum) = put::receive(stage, &mut call.payload, expected, cipher.as_ref())?;
    // A slow body takes time, in which the permission may have been revoked.
    find(server, call, &bucket, "s3:PutObject")?;
    bucket.put_part(&upload.id, number, &etag, checksum, staged)?;
    let mut reply = Reply::new(200).header("etag", format!("\"{etag}\""));
    reply.headers.extend(sse::headers(&upload.meta));
    if let Some(sum) = stated.and_then(|stated| call.payload.checksum(stated)) {
        reply = reply.header(sum.algorithm().header(), sum.to_string());
    }
    Ok(reply)
}

fn mismatch(spec: Option<ChecksumSpec>, stated: Algorithm) -> S3Error {
    let expected = spec.map_or("null", |spec| spec.algorithm.label());
    S3Error::new(
        ErrorCode::InvalidRequest,
        format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            expected.to_ascii_lowercase(),
            stated.name()
        ),
    )
}

fn copy_part(
    server: &Server,
    call: &Call,
    bucket: &Bucket,
    upload: &Upload,
    number: u32,
    cipher: Option<&ObjectCipher>,
) -> S3Result<Reply> {
    let (source_bucket, _, source) = copy::source(server, call)?;
    let source_cipher = sse::unlock(server, call, &source.meta, source.stat.size, sse::SseContext::Source)?;
    let size = source.stat.size;
    let (offset, length) = match call.header("x-amz-copy-source-range") {
        None => (0, size),
        Some(range) => {
            let bad = || {
                S3Error::new(
                    ErrorCode::InvalidArgument,
                    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
                     zero-based offsets of the first and last bytes to copy",
                )
            };
            let (first, last) =
                range.trim().strip_prefix("bytes=").and_then(|spec| spec.split_once('-')).ok_or_else(bad)?;
            let (first, last): (u64, u64) =
                (first.parse().map_err(|_| bad())?, last.parse().map_err(|_| bad())?);
            if first > last {
                return Err(bad());
            }
            if last >= size {
                return fail(ErrorCode::InvalidRange, "The requested range is not satisfiable");
            }
            (first, last - first + 1)
        }
    };
    if length > put::MAX_OBJECT {
        return fail(ErrorCode::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size");
    }
    let algorithm = upload.checksum_spec().algorithm;
    let (staged, etag, checksum) =
        copy::copy_content(bucket, &source, offset, length, algorithm, (source_cipher.as_ref(), cipher))?;
    bucket.put_part(&upload.id, number, &etag, checksum, staged)?;
    let mut xml = Writer::new("CopyPartResult");
    xml.text("LastModified", xml::time(Utc::now())).text("ETag", format!("\"{etag}\""));
    if upload.checksum.is_some() {
        xml.text(algorithm.element(), checksum.to_string());
    }
    let mut reply = Reply::xml(xml.finish());
    reply.headers.extend(copy::source_version(&source_bucket, &source));
    reply.headers.extend(sse::headers(&upload.meta));
    Ok(reply)
}

/// AbortMultipartUpload.
pub(crate) fn abort(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let upload = find(server, call, &bucket, "s3:AbortMultipartUpload")?;
    bucket.remove_upload(&upload.id)?;
    Ok(Reply::new(204))
}

/// A part in the document of CompleteMultipartUpload.
struct RequestedPart {
    number: u32,
    /// Without quotes.
    etag: String,
    /// The name and the text of the element that states a checksum.
    checksum: Option<(String, String)>,
}

fn requested_parts(root: &Node) -> S3Result<Vec<RequestedPart>> {
    let mut parts: Vec<RequestedPart> = Vec::new();
    for part in root.all("Part") {
        let number = part.value("PartNumber").and_then(|text| text.trim().parse().ok());
        let etag = part.value("ETag").map(|text| text.trim().trim_matches('"').to_owned());
        let (Some(number), Some(etag)) = (number, etag) else { return Err(malformed_xml()) };
        if parts.last().is_some_and(|last| last.number >= number) {
            return fail(
                ErrorCode::InvalidPartOrder,
                "The list of parts was not in ascending order. The parts list must be specified in order by part number.",
            );
        }
        let mut sums = part.children.iter().filter(|node| node.name.starts_with("Checksum"));
        let checksum = sums.next().map(|node| (node.name.clone(), node.text.trim().to_owned()));
        parts.push(RequestedPart { number, etag, checksum });
    }
    if parts.is_empty() || parts.len() > MAX_PARTS as usize { Err(malformed_xml()) } else { Ok(parts) }
}

/// The stored parts that the request lists. Both lists are sorted by part number, so the stored parts are traversed
/// once, whatever their number. A checksum that is stated for a part has to match. S3 requires the checksums of all
/// parts of a composite checksum; they are stored here, and Ceph does not require them either.
fn select_parts(
    present: impl IntoIterator<Item = Part>,
    requested: &[RequestedPart],
    spec: ChecksumSpec,
) -> S3Result<Vec<Part>> {
    let mut present = present.into_iter();
    let mut chosen = Vec::with_capacity(requested.len());
    for (index, RequestedPart { number, etag, checksum }) in requested.iter().enumerate() {
        let matches = |part: &Part| {
            let checksum_matches = match checksum {
                Some((element, stated)) if *element == spec.algorithm.element() => {
                    part.checksum.is_none() || part.checksum == Checksum::parse(spec.algorithm, stated)
                }
                _ => true,
            };
            part.number == *number && part.etag.eq_ignore_ascii_case(etag) && checksum_matches
        };
        let Some(part) = present.find(|part| part.number >= *number).filter(matches) else {
            return Err(S3Error::new(ErrorCode::InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag.",
            )
            .detail("PartNumber", number.to_string()));
        };
        if part.size < MIN_PART && index + 1 < requested.len() {
            return Err(S3Error::new(
                ErrorCode::EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size",
            )
            .detail("PartNumber", number.to_string())
            .detail("ProposedSize", part.size.to_string())
            .detail("MinSizeAllowed", MIN_PART.to_string()));
        }
        chosen.push(part);
    }
    Ok(chosen)
}

/// CompleteMultipartUpload. A repeated request (if the response was lost) gets the same reply, as long as the object
/// is still the one made of these parts.
pub(crate) fn complete(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let key = call.key().to_owned();
    if call.user.is_none() {
        // Read the body of an anonymous client only if it has access.
        find(server, call, &bucket, "s3:PutObject")?;
    }
    let body = call.payload.read_document()?;
    let requested =
        requested_parts(&xml::parse(&body, &["CompleteMultipartUpload", "CompleteMultipartUploadResult"])?)?;
    let etag = composite_etag(requested.iter().map(|part| part.etag.as_str()));
    let upload = match find(server, call, &bucket, "s3:PutObject") {
        Err(error) if error.code == ErrorCode::NoSuchUpload => {
            let present = bucket.open_object(&key)?.map(|object| object.meta);
            return match present.filter(|meta| etag.as_ref() == Some(&meta.etag)) {
                Some(meta) => {
                    let mut reply = completed_reply(server.secure, call, &bucket, &key, &meta);
                    reply.headers.extend(object::version_header(&bucket, &meta));
                    Ok(reply)
                }
                None => Err(error),
            };
        }
        upload => upload?,
    };
    // The request may omit the customer key. If present, it has to be the key of the parts.
    if call.headers.iter().any(|(name, _)| name.starts_with("x-amz-server-side-encryption-customer-")) {
        sse::unlock(server, call, &upload.meta, 0, sse::SseContext::Upload)?;
    }
    let parts = select_parts(bucket.parts(&upload.id)?, &requested, upload.checksum_spec())?;
    let Some(etag) = etag else { return Err(malformed_xml()) };
    put::check_early(&bucket, call, &key)?;
    let sums: Vec<_> = parts.iter().map(|part| (part.checksum, part.size)).collect();
    let mut checksum = upload.checksum_spec().of_parts(&sums);
    check_stated(call, &upload, checksum.as_ref(), parts.iter().map(|part| part.size).sum())?;
    if let Some(stored) = checksum.as_mut().filter(|_| upload.checksum.is_none()) {
        // The client did not ask for checksums, so those of the parts are not reported.
        stored.parts.clear();
    }
    let staged = bucket.assemble(&upload.id, &parts)?;
    let mut meta = upload.meta;
    meta.etag = etag;
    if let Some(metadata) = &mut meta.sse {
        let nonces: Option<Vec<String>> = parts.iter().map(|part| part.nonce.clone()).collect();
        metadata.nonces =
            nonces.ok_or_else(|| S3Error::new(ErrorCode::InternalError, "A part is not encrypted."))?;
        let digests: Option<Vec<String>> = parts.iter().map(|part| part.digest.clone()).collect();
        metadata.digests = digests.unwrap_or_default();
    }
    meta.parts = parts.iter().map(|part| part.size).collect();
    meta.checksum = checksum;
    lock::set_default(&bucket, &mut meta)?;
    let (stat, version) = bucket.commit(staged, &key, meta.clone(), |present| {
        preconditions::check_write(call, present.map(|object| object.meta.etag.as_str()))
    })?;
    if let Err(error) = bucket.remove_upload(&upload.id) {
        // The object is complete. Another request may have completed or aborted the upload at the same time.
        log::debug!("serve: removing upload {}: {}", upload.id, error.message);
    }
    let mut reply = completed_reply(server.secure, call, &bucket, &key, &meta).version(version);
    reply.headers.extend(lifecycle::expiry_header(&bucket, &key, &meta, &stat));
    Ok(reply)
}

/// Checks the size and the checksum that the headers of CompleteMultipartUpload state for the whole object.
fn check_stated(call: &Call, upload: &Upload, checksum: Option<&ObjectChecksum>, size: u64) -> S3Result<()> {
    let spec = upload.checksum_spec();
    if let Some(stated) = call.header("x-amz-mp-object-size")
        && stated.trim().parse() != Ok(size)
    {
        return fail(
            ErrorCode::InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match the size of the parts.",
        );
    }
    if let Some(kind) = call.header("x-amz-checksum-type")
        && kind != spec.kind.name()
    {
        return fail(
            ErrorCode::BadDigest,
            "The checksum type does not match the one that the upload was created with.",
        );
    }
    for (name, stated) in &call.headers {
        let Some(name) = name.strip_prefix(PREFIX).filter(|name| !matches!(*name, "algorithm" | "type"))
        else {
            continue;
        };
        let algorithm = parse_algorithm(name)?;
        if algorithm != spec.algorithm {
            return Err(mismatch(upload.checksum, algorithm));
        }
        if checksum.is_some_and(|checksum| !checksum.matches(stated)) {
            return fail(
                ErrorCode::BadDigest,
                format!("The {algorithm} you specified did not match the calculated checksum."),
            );
        }
    }
    Ok(())
}

fn completed_reply(secure: bool, call: &Call, bucket: &Bucket, key: &str, meta: &Meta) -> Reply {
    let mut xml = Writer::new("CompleteMultipartUploadResult");
    xml.text("Location", call.url(secure));
    xml.text("Bucket", bucket.name()).text("Key", key).text("ETag", format!("\"{}\"", meta.etag));
    if let Some(checksum) = &meta.checksum {
        xml.text(checksum.algorithm.element(), &checksum.value).text("ChecksumType", checksum.kind.name());
    }
    let mut reply = Reply::xml(xml.finish());
    reply.headers.extend(sse::headers(meta));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn completion(numbers: impl Iterator<Item = u32>) -> Vec<RequestedPart> {
        let mut body = "<CompleteMultipartUpload>".to_owned();
        for number in numbers {
            body.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>\"e{number}\"</ETag><Size>5242880</Size>\
                 <ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></Part>"
            ));
        }
        body.push_str("</CompleteMultipartUpload>");
        requested_parts(&xml::parse(body.as_bytes(), &["CompleteMultipartUpload"]).unwrap()).unwrap()
    }

    fn stored(number: u32) -> Part {
        Part::for_test(number, &format!("e{number}"), MIN_PART)
    }

    #[test]
    fn each_stored_part_is_looked_at_once() {
        for count in [1_000, MAX_PARTS] {
            // All parts, and every second one.
            for step in [1, 2] {
                let looked_at = Cell::new(0);
                let present = (1..=count).inspect(|_| looked_at.set(looked_at.get() + 1)).map(stored);
                let requested = completion((step..=count).step_by(step as usize));
                let chosen = select_parts(present, &requested, ChecksumSpec::DEFAULT).unwrap();
                assert_eq!(chosen.len() as u32, count / step);
                assert!(chosen.iter().zip(1..).all(|(part, index)| part.number == index * step));
                assert_eq!(looked_at.get(), count);
            }
        }
    }

    #[test]
    fn a_part_that_is_missing_or_different_is_named() {
        let failed = |present: Vec<Part>| {
            let error = select_parts(present, &completion(2..=4), ChecksumSpec::DEFAULT).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidPart);
            error.details[0].1.clone()
        };
        assert_eq!(failed(vec![]), "2");
        assert_eq!(failed(vec![stored(1), stored(2), stored(4)]), "3");
        assert_eq!(failed(vec![stored(2), stored(3)]), "4");
        assert_eq!(failed(vec![stored(2), Part::for_test(3, "other", MIN_PART), stored(4)]), "3");
    }
}
