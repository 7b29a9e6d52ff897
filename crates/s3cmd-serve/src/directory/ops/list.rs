//! ListObjects, ListObjectsV2, ListMultipartUploads and ListParts.

use crate::directory::access::{Owners, RequiredRight};
use crate::directory::lifecycle;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::model::acl::{self, Permission};
use crate::model::error::{ErrorCode, S3Result, fail};
use crate::model::xml::{self, Writer};
use crate::store::bucket::Bucket;
use crate::store::summaries::Summary;
use crate::store::uploads::Upload;
use crate::store::walk::Keys;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::DateTime;
use s3cmd_client::sign::encode;

/// The most entries on one page.
pub(crate) const MAX_PAGE: usize = 1000;

/// One page of a listing.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) keys: Vec<String>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) truncated: bool,
    /// The last name on the page, key or prefix.
    pub(crate) last: Option<String>,
}

/// The common prefix that a key is rolled up into.
pub(super) fn common_prefix<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// The first byte string that sorts after everything that starts with `prefix`.
pub(super) fn end_of_prefix(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    // UTF-8 has no byte 0xff, so the last one can be raised.
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    bytes
}

/// A page of the names with `prefix` that sort after `marker`. If the marker is a common prefix, everything below it is
/// skipped.
pub(crate) fn page(
    bucket: &Bucket,
    prefix: &str,
    delimiter: &str,
    marker: Option<&str>,
    max: usize,
) -> S3Result<Page> {
    let from = match marker {
        None | Some("") => Vec::new(),
        Some(marker)
            if marker.starts_with(prefix) && common_prefix(marker, prefix, delimiter) == Some(marker) =>
        {
            end_of_prefix(marker)
        }
        Some(marker) => [marker.as_bytes(), b"\0"].concat(),
    };
    let mut page = Page::default();
    if max == 0 {
        return Ok(page);
    }
    let mut keys = Keys::new(bucket, prefix, &from)?;
    while let Some(key) = keys.next()? {
        if page.keys.len() + page.prefixes.len() == max {
            page.truncated = true;
            break;
        }
        if let Some(common) = common_prefix(&key, prefix, delimiter) {
            keys.seek(&end_of_prefix(common))?;
            page.prefixes.push(common.to_owned());
            page.last = Some(common.to_owned());
        } else {
            page.last = Some(key.clone());
            page.keys.push(key);
        }
    }
    Ok(page)
}

/// The token that continues a listing after a name.
pub(super) fn token_for(name: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(name)
}

/// The name in a continuation token. An empty token means the beginning.
pub(super) fn read_token(token: &str) -> S3Result<String> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded {
        Some(name) if token.is_empty() || !name.is_empty() => Ok(name),
        _ => fail(ErrorCode::InvalidArgument, "The continuation token provided is incorrect"),
    }
}

/// How names are written: as they are, or percent-encoded if the client asked for it.
#[derive(Clone, Copy)]
pub(crate) struct NameEncoding {
    encoded: bool,
}

impl NameEncoding {
    pub(crate) fn of(call: &Call) -> S3Result<Self> {
        match call.parameter("encoding-type") {
            None | Some("") => Ok(Self { encoded: false }),
            Some("url") => Ok(Self { encoded: true }),
            Some(_) => fail(ErrorCode::InvalidArgument, "Invalid Encoding Method specified in Request"),
        }
    }

    pub(crate) fn write(self, xml: &mut Writer, element: &str, name: &str) {
        if self.encoded {
            xml.text(element, encode::path(name));
        } else {
            xml.text(element, name);
        }
    }

    /// Writes the prefix of ListObjects. AWS encodes it and Ceph does not; some SDKs decode it and some do not. So it
    /// is encoded only if XML requires it or if decoding would change it.
    fn write_prefix(self, xml: &mut Writer, element: &str, name: &str) {
        let is_safe = |c: char| !matches!(c, '%' | '+') && (!c.is_control() || c == '\n');
        let encoding = Self { encoded: self.encoded && !name.chars().all(is_safe) };
        encoding.write(xml, element, name);
    }

    pub(crate) fn declare(self, xml: &mut Writer) {
        if self.encoded {
            xml.text("EncodingType", "url");
        }
    }
}

/// Writes the metadata in a listing's entry for an object; with its owner if `owners` is given.
pub(super) fn write_object(xml: &mut Writer, server: &Server, summary: &Summary, owners: Option<&Owners>) {
    xml.text("LastModified", xml::time(summary.modified()));
    // A file that cannot be read has no ETag.
    if !summary.meta.etag.is_empty() {
        xml.text("ETag", format!("\"{}\"", summary.meta.etag));
    }
    if let Some(checksum) = &summary.meta.checksum {
        xml.text("ChecksumAlgorithm", checksum.algorithm.label()).text("ChecksumType", checksum.kind.name());
    }
    xml.number("Size", summary.stat.size);
    if let Some(owners) = owners {
        acl::write_user(xml.open("Owner"), owners.of(&summary.meta), &server.users);
        xml.close();
    }
    xml.text("StorageClass", summary.meta.class.as_deref().unwrap_or("STANDARD"));
}

/// The parameters of ListObjects or ListObjectsV2.
pub(crate) struct Listing<'a> {
    v2: bool,
    pub(crate) names: NameEncoding,
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: &'a str,
    /// The page begins after this name.
    pub(crate) marker: String,
    pub(crate) max: usize,
    /// Whether entries include the owner.
    pub(crate) with_owner: bool,
    token: Option<&'a str>,
    start_after: &'a str,
}

impl<'a> Listing<'a> {
    pub(crate) fn of(call: &'a Call) -> S3Result<Self> {
        let v2 = match call.parameter("list-type") {
            None | Some("" | "1") => false,
            Some("2") => true,
            Some(_) => return fail(ErrorCode::InvalidArgument, "Invalid List Type specified in Request"),
        };
        let names = NameEncoding::of(call)?;
        let max = call.number("max-keys", MAX_PAGE)?.min(MAX_PAGE);
        let token = call.parameter("continuation-token");
        let start_after = call.parameter("start-after").unwrap_or("");
        let marker = match (v2, token) {
            (false, _) => call.parameter("marker").unwrap_or("").to_owned(),
            (true, None | Some("")) => start_after.to_owned(),
            (true, Some(token)) => read_token(token)?,
        };
        let with_owner = !v2 || call.parameter("fetch-owner") == Some("true");
        let text = |name| call.parameter(name).unwrap_or("");
        let (prefix, delimiter) = (text("prefix"), text("delimiter"));
        // Ceph's `allow-unordered` has no effect here: listings are always sorted.
        if !delimiter.is_empty() && call.parameter("allow-unordered") == Some("true") {
            return fail(ErrorCode::InvalidArgument, "An unordered listing cannot have a delimiter.");
        }
        Ok(Self { v2, names, prefix, delimiter, marker, max, with_owner, token, start_after })
    }

    /// Begins the response document, up to the entries.
    pub(crate) fn head(&self, bucket: &str, page: &Page) -> Writer {
        let names = self.names;
        let mut xml = Writer::new("ListBucketResult");
        xml.text("Name", bucket);
        if self.v2 {
            names.write(&mut xml, "Prefix", self.prefix);
            if !self.start_after.is_empty() {
                names.write(&mut xml, "StartAfter", self.start_after);
            }
            if let Some(token) = self.token {
                xml.text("ContinuationToken", token);
            }
            xml.number("KeyCount", page.keys.len() + page.prefixes.len());
            if let Some(last) = page.last.as_ref().filter(|_| page.truncated) {
                xml.text("NextContinuationToken", token_for(last));
            }
        } else {
            names.write_prefix(&mut xml, "Prefix", self.prefix);
            names.write(&mut xml, "Marker", &self.marker);
            if let Some(last) = page.last.as_ref().filter(|_| page.truncated && !self.delimiter.is_empty()) {
                names.write(&mut xml, "NextMarker", last);
            }
        }
        xml.number("MaxKeys", self.max);
        if !self.delimiter.is_empty() {
            names.write(&mut xml, "Delimiter", self.delimiter);
        }
        names.declare(&mut xml);
        xml.text("IsTruncated", page.truncated.to_string());
        xml
    }

    /// Writes what follows the entries: the common prefixes.
    pub(crate) fn tail(&self, xml: &mut Writer, page: &Page) {
        for common in &page.prefixes {
            xml.open("CommonPrefixes");
            self.names.write(xml, "Prefix", common);
            xml.close();
        }
    }
}

/// ListObjects and ListObjectsV2.
pub(crate) fn objects(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:ListBucket", None, RequiredRight::Bucket(Permission::Read))?;
    let listing = Listing::of(call)?;
    let page = page(&bucket, listing.prefix, listing.delimiter, Some(&listing.marker), listing.max)?;
    let mut xml = listing.head(bucket.name(), &page);
    let owners = listing.with_owner.then(|| server.owners(&bucket));
    let pieces = bucket.fold_summaries(&page.keys, |xml: &mut Writer, key, summary| {
        xml.open("Contents");
        listing.names.write(xml, "Key", key);
        write_object(xml, server, summary, owners.as_ref());
        xml.close();
    })?;
    xml.append(pieces);
    listing.tail(&mut xml, &page);
    Ok(Reply::xml(xml.finish()))
}

/// ListMultipartUploads.
pub(crate) fn uploads(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let need = RequiredRight::Bucket(Permission::Read);
    server.authorize(call, &bucket, "s3:ListBucketMultipartUploads", None, need)?;
    let names = NameEncoding::of(call)?;
    let prefix = call.parameter("prefix").unwrap_or("");
    let delimiter = call.parameter("delimiter").unwrap_or("");
    let key_marker = call.parameter("key-marker").unwrap_or("");
    let id_marker = call.parameter("upload-id-marker").unwrap_or("");
    let max = call.number("max-uploads", MAX_PAGE)?.min(MAX_PAGE);

    let all = bucket.uploads_in_order()?;
    // With an upload id marker, the uploads of that key continue after it. If that upload is gone, all of them are
    // listed.
    let marked = all.iter().position(|upload| upload.key == key_marker && upload.id == id_marker);
    let mut listed: Vec<&Upload> = Vec::new();
    let mut prefixes: Vec<&str> = Vec::new();
    let (mut truncated, mut last) = (false, None);
    for (index, upload) in all.iter().enumerate() {
        let beyond = upload.key.as_str() > key_marker
            || (upload.key == key_marker
                && !id_marker.is_empty()
                && marked.is_none_or(|marked| index > marked));
        if !beyond && !key_marker.is_empty() || !upload.key.starts_with(prefix) {
            continue;
        }
        let common = common_prefix(&upload.key, prefix, delimiter);
        if common.is_some_and(|common| prefixes.last() == Some(&common) || common == key_marker) {
            continue;
        }
        if listed.len() + prefixes.len() == max {
            truncated = max > 0;
            break;
        }
        last = Some(common.map_or((upload.key.as_str(), upload.id.as_str()), |common| (common, "")));
        match common {
            Some(common) => prefixes.push(common),
            None => listed.push(upload),
        }
    }
    let mut xml = Writer::new("ListMultipartUploadsResult");
    xml.text("Bucket", bucket.name());
    names.write(&mut xml, "KeyMarker", key_marker);
    xml.text("UploadIdMarker", id_marker);
    if let Some((key, id)) = last.filter(|_| truncated) {
        names.write(&mut xml, "NextKeyMarker", key);
        xml.text("NextUploadIdMarker", id);
    }
    names.write(&mut xml, "Prefix", prefix);
    if !delimiter.is_empty() {
        names.write(&mut xml, "Delimiter", delimiter);
    }
    names.declare(&mut xml);
    xml.number("MaxUploads", max).text("IsTruncated", truncated.to_string());
    for upload in listed {
        xml.open("Upload");
        names.write(&mut xml, "Key", &upload.key);
        xml.text("UploadId", &upload.id);
        write_initiator_and_owner(&mut xml, server, &bucket, upload);
        xml.text("Initiated", xml::time(upload.initiated));
        write_checksum_spec(&mut xml, upload);
        xml.close();
    }
    for common in prefixes {
        xml.open("CommonPrefixes");
        names.write(&mut xml, "Prefix", common);
        xml.close();
    }
    Ok(Reply::xml(xml.finish()))
}

fn write_initiator_and_owner(xml: &mut Writer, server: &Server, bucket: &Bucket, upload: &Upload) {
    acl::write_user(xml.open("Initiator"), &upload.initiator, &server.users);
    xml.close();
    let owners = server.owners(bucket);
    acl::write_user(xml.open("Owner"), owners.of(&upload.meta), &server.users);
    xml.close();
    xml.text("StorageClass", upload.meta.class.as_deref().unwrap_or("STANDARD"));
}

/// Writes the checksum algorithm and type of an upload, if its client set them.
fn write_checksum_spec(xml: &mut Writer, upload: &Upload) {
    if let Some(spec) = upload.checksum {
        xml.text("ChecksumAlgorithm", spec.algorithm.label()).text("ChecksumType", spec.kind.name());
    }
}

/// ListParts.
pub(crate) fn parts(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    let key = call.key().to_owned();
    let id = call.parameter("uploadId").unwrap_or("").to_owned();
    let upload = super::multipart::find(server, call, &bucket, "s3:ListMultipartUploadParts")?;
    let names = NameEncoding::of(call)?;
    let after = call.number("part-number-marker", 0)?;
    let max = call.number("max-parts", MAX_PAGE)?.min(MAX_PAGE);
    let mut parts = bucket.parts(&id)?;
    parts.retain(|part| part.number as usize > after);
    let truncated = parts.len() > max;
    parts.truncate(max);
    let mut xml = Writer::new("ListPartsResult");
    xml.text("Bucket", bucket.name());
    names.write(&mut xml, "Key", &key);
    xml.text("UploadId", &id);
    write_initiator_and_owner(&mut xml, server, &bucket, &upload);
    xml.number("PartNumberMarker", after);
    if let Some(last) = parts.last().filter(|_| truncated) {
        xml.number("NextPartNumberMarker", last.number);
    }
    names.declare(&mut xml);
    xml.number("MaxParts", max).text("IsTruncated", truncated.to_string());
    write_checksum_spec(&mut xml, &upload);
    for part in &parts {
        xml.open("Part").number("PartNumber", part.number);
        // In whole seconds, like all times of S3; a copied directory may have lost the fractions.
        let modified = DateTime::from_timestamp(part.mtime.div_euclid(1_000_000_000), 0).unwrap_or_default();
        xml.text("LastModified", xml::time(modified));
        xml.text("ETag", format!("\"{}\"", part.etag)).number("Size", part.size);
        if let Some(sum) = part.checksum.filter(|_| upload.checksum.is_some()) {
            xml.text(sum.algorithm().element(), sum.to_string());
        }
        xml.close();
    }
    let mut reply = Reply::xml(xml.finish());
    reply.headers.extend(lifecycle::abort_headers(&bucket, &key, upload.initiated).into_iter().flatten());
    Ok(reply)
}
