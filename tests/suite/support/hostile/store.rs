//! The honest part of the hostile server: a small S3 in memory. Every object keeps its versions; it has no checksums
//! other than ETags, like several stores in use.

use super::wire::Request;
use super::{Answer, Op};
use md5::{Digest, Md5};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The modification time of everything.
const MODIFIED: &str = "2024-01-02T03:04:05.000Z";
const MODIFIED_HTTP: &str = "Tue, 02 Jan 2024 03:04:05 GMT";

/// Headers that are kept with an object besides `x-amz-meta-...`.
const KEPT: [&str; 6] = [
    "content-type",
    "content-encoding",
    "cache-control",
    "content-disposition",
    "content-language",
    "x-amz-storage-class",
];

/// A stored version.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) body: Vec<u8>,
    /// With its quotes.
    pub(super) etag: String,
    headers: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// The latest version is the last one; no list is empty.
    pub(super) objects: BTreeMap<String, Vec<Version>>,
    /// Documents by key (empty for the bucket's) and name.
    documents: BTreeMap<(String, String), String>,
}

#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    headers: Vec<(String, String)>,
    pub(super) parts: BTreeMap<u32, (String, Vec<u8>)>,
}

#[derive(Debug)]
pub(super) struct Store {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) uploads: BTreeMap<String, Upload>,
    /// Most entries of a page.
    pub(super) page_size: usize,
    /// Whether old versions are kept.
    pub(super) is_versioned: bool,
    counter: u32,
}

fn missing(code: &str) -> Answer {
    Answer::error(404, code)
}

pub(super) fn etag(body: &[u8]) -> String {
    format!("\"{}\"", hex::encode(Md5::digest(body)))
}

/// The texts of all elements of a name, which have no attributes.
pub(super) fn elements<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0)).collect()
}

fn unescaped(text: &str) -> String {
    quick_xml::escape::unescape(text).expect("the program escapes well").into_owned()
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            buckets: BTreeMap::new(),
            uploads: BTreeMap::new(),
            page_size: 1000,
            is_versioned: false,
            counter: 0,
        }
    }

    fn next_id(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}{:04}", self.counter)
    }

    /// Stores an object; creates its bucket if it does not exist.
    pub(super) fn put(&mut self, bucket: &str, key: &str, version: Version) -> Version {
        let id = if self.is_versioned { self.next_id("v") } else { "null".to_owned() };
        let version = Version { id, ..version };
        let objects = &mut self.buckets.entry(bucket.to_owned()).or_default().objects;
        let versions = objects.entry(key.to_owned()).or_default();
        if !self.is_versioned {
            versions.clear();
        }
        versions.push(version.clone());
        version
    }

    pub(super) fn new_version(body: Vec<u8>, headers: Vec<(String, String)>) -> Version {
        Version { id: String::new(), etag: etag(&body), body, headers }
    }

    pub(super) fn get(&self, bucket: &str, key: &str, id: Option<&str>) -> Option<&Version> {
        let versions = self.buckets.get(bucket)?.objects.get(key)?;
        match id {
            Some(id) => versions.iter().find(|version| version.id == id),
            None => versions.last(),
        }
    }

    /// Deletes permanently: the version, or the object with all of them.
    pub(super) fn delete(&mut self, bucket: &str, key: &str, id: Option<&str>) {
        let Some(bucket) = self.buckets.get_mut(bucket) else { return };
        let Some(versions) = bucket.objects.get_mut(key) else { return };
        versions.retain(|version| id.is_some_and(|id| id != version.id));
        if versions.is_empty() {
            bucket.objects.remove(key);
        }
    }

    /// What an honest server does and responds.
    pub(super) fn answer(&mut self, op: Op, request: &Request) -> Answer {
        let needs_bucket = !matches!(op, Op::ListBuckets | Op::CreateBucket);
        if needs_bucket && !self.buckets.contains_key(&request.bucket) {
            return missing("NoSuchBucket");
        }
        let (bucket, key) = (request.bucket.as_str(), request.key.as_str());
        match op {
            Op::ListBuckets => self.list_buckets(),
            Op::ListObjects => self.list_objects(request),
            Op::ListVersions => self.list_versions(request),
            Op::ListUploads => self.list_uploads(request),
            Op::ListParts => self.list_parts(request),
            Op::HeadBucket => Answer::empty(200),
            Op::CreateBucket => {
                self.buckets.entry(bucket.to_owned()).or_default();
                Answer::empty(200)
            }
            Op::DeleteBucket if self.buckets[bucket].objects.is_empty() => {
                self.buckets.remove(bucket);
                Answer::empty(204)
            }
            Op::DeleteBucket => Answer::error(409, "BucketNotEmpty"),
            Op::Head | Op::Get => self.read(request),
            Op::Put => {
                let version = Self::new_version(request.body.clone(), kept(request));
                let stored = self.put(bucket, key, version);
                Answer::empty(200).header("ETag", &stored.etag)
            }
            Op::Copy => match self.source(request) {
                Err(answer) => answer,
                Ok(source) => {
                    let replaces = request.header("x-amz-metadata-directive") == Some("REPLACE");
                    let headers = if replaces { kept(request) } else { source.headers };
                    let stored = self.put(bucket, key, Version { headers, ..source });
                    Answer::xml("CopyObjectResult", &format!("<ETag>{}</ETag>", stored.etag))
                }
            },
            Op::Delete => {
                self.delete(bucket, key, request.param("versionId"));
                Answer::empty(204)
            }
            Op::DeleteMany => self.delete_many(request),
            Op::CreateUpload => {
                let id = self.next_id("upload");
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                let upload = Upload { bucket, key, headers: kept(request), parts: BTreeMap::new() };
                self.uploads.insert(id.clone(), upload);
                Answer::xml("InitiateMultipartUploadResult", &format!("<UploadId>{id}</UploadId>"))
            }
            Op::UploadPart => {
                let etag = etag(&request.body);
                match self.take_part(request, request.body.clone()) {
                    true => Answer::empty(200).header("ETag", &etag),
                    false => missing("NoSuchUpload"),
                }
            }
            Op::CopyPart => match self.source(request) {
                Err(answer) => answer,
                Ok(source) => {
                    let range = request
                        .header("x-amz-copy-source-range")
                        .and_then(|range| ranges(range, source.body.len()));
                    let (start, end) = range.unwrap_or((0, source.body.len()));
                    let content = source.body[start..end].to_vec();
                    let etag = etag(&content);
                    match self.take_part(request, content) {
                        true => Answer::xml("CopyPartResult", &format!("<ETag>{etag}</ETag>")),
                        false => missing("NoSuchUpload"),
                    }
                }
            },
            Op::Complete => self.complete(request),
            Op::Abort => match self.uploads.remove(request.param("uploadId").unwrap_or_default()) {
                Some(_) => Answer::empty(204),
                None => missing("NoSuchUpload"),
            },
            Op::GetDocument(name) => self.document(request, name),
            Op::PutDocument("restore") => Answer::empty(202),
            Op::PutDocument(name) => {
                let text = String::from_utf8_lossy(&request.body).into_owned();
                let documents = &mut self.buckets.get_mut(bucket).expect("it is there").documents;
                documents.insert((key.to_owned(), name.to_owned()), text);
                Answer::empty(200)
            }
            Op::DeleteDocument(name) => {
                let documents = &mut self.buckets.get_mut(bucket).expect("it is there").documents;
                documents.remove(&(key.to_owned(), name.to_owned()));
                Answer::empty(204)
            }
            Op::Unknown => Answer::error(501, "NotImplemented"),
        }
    }

    fn take_part(&mut self, request: &Request, content: Vec<u8>) -> bool {
        let number = request.param("partNumber").and_then(|number| number.parse().ok());
        let upload = self.uploads.get_mut(request.param("uploadId").unwrap_or_default());
        let (Some(number), Some(upload)) = (number, upload) else { return false };
        upload.parts.insert(number, (etag(&content), content));
        true
    }

    fn source(&self, request: &Request) -> Result<Version, Answer> {
        let source = request.header("x-amz-copy-source").unwrap_or_default();
        let (path, id) = match source.split_once("?versionId=") {
            Some((path, id)) => (path, Some(id)),
            None => (source, None),
        };
        let path = percent_encoding::percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let found = self.get(bucket, key, id).cloned().ok_or_else(|| missing("NoSuchKey"))?;
        match request.header("x-amz-copy-source-if-match") {
            Some(wanted) if wanted.trim_matches('"') != found.etag.trim_matches('"') => {
                Err(Answer::error(412, "PreconditionFailed"))
            }
            _ => Ok(found),
        }
    }

    fn read(&self, request: &Request) -> Answer {
        let Some(found) = self.get(&request.bucket, &request.key, request.param("versionId")) else {
            return missing("NoSuchKey");
        };
        if request
            .header("if-match")
            .is_some_and(|wanted| wanted.trim_matches('"') != found.etag.trim_matches('"'))
        {
            return Answer::error(412, "PreconditionFailed");
        }
        let range = request.header("range").and_then(|range| ranges(range, found.body.len()));
        let (start, end) = range.unwrap_or((0, found.body.len()));
        let mut answer =
            Answer::new(if range.is_some() { 206 } else { 200 }, found.body[start..end].to_vec())
                .header("ETag", &found.etag)
                .header("Last-Modified", MODIFIED_HTTP)
                .header("Accept-Ranges", "bytes");
        if range.is_some() {
            let range = format!("bytes {start}-{}/{}", end - 1, found.body.len());
            answer = answer.header("Content-Range", &range);
        }
        if self.is_versioned {
            answer = answer.header("x-amz-version-id", &found.id);
        }
        found.headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    fn delete_many(&mut self, request: &Request) -> Answer {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let mut deleted = String::new();
        for object in elements(&text, "Object") {
            let Some(key) = elements(object, "Key").first().copied() else { continue };
            let id = elements(object, "VersionId").first().copied();
            self.delete(&request.bucket, &unescaped(key), id);
            let id = id.map_or_else(String::new, |id| format!("<VersionId>{id}</VersionId>"));
            let _ = write!(deleted, "<Deleted><Key>{key}</Key>{id}</Deleted>");
        }
        Answer::xml("DeleteResult", &deleted)
    }

    fn complete(&mut self, request: &Request) -> Answer {
        let id = request.param("uploadId").unwrap_or_default().to_owned();
        let Some(upload) = self.uploads.get(&id) else { return missing("NoSuchUpload") };
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let (mut content, mut digests, mut count) = (Vec::new(), Md5::new(), 0);
        for part in elements(&text, "Part") {
            let number = elements(part, "PartNumber").first().and_then(|number| number.parse().ok());
            let named = elements(part, "ETag").first().map(|etag| unescaped(etag)).unwrap_or_default();
            match number.and_then(|number: u32| upload.parts.get(&number)) {
                Some((etag, bytes)) if etag.trim_matches('"') == named.trim_matches('"') => {
                    digests.update(Md5::digest(bytes));
                    content.extend_from_slice(bytes);
                    count += 1;
                }
                _ => return Answer::error(400, "InvalidPart"),
            }
        }
        let etag = format!("\"{}-{count}\"", hex::encode(digests.finalize()));
        let Upload { bucket, key, headers, .. } = self.uploads.remove(&id).expect("it was there");
        let version = Version { etag: etag.clone(), ..Self::new_version(content, headers) };
        self.put(&bucket, &key, version);
        Answer::xml("CompleteMultipartUploadResult", &format!("<Key>{key}</Key><ETag>{etag}</ETag>"))
    }

    fn document(&self, request: &Request, name: &str) -> Answer {
        let place = (request.key.clone(), name.to_owned());
        if let Some(text) = self.buckets[&request.bucket].documents.get(&place) {
            return Answer::new(200, text.clone()).header("Content-Type", "application/xml");
        }
        let owner = "<ID>me</ID><DisplayName>Me</DisplayName>";
        match name {
            "acl" => Answer::xml(
                "AccessControlPolicy",
                &format!(
                    "<Owner>{owner}</Owner><AccessControlList><Grant><Grantee \
                     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">{owner}</Grantee>\
                     <Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
                ),
            ),
            "location" => Answer::xml("LocationConstraint", ""),
            "versioning" => Answer::xml("VersioningConfiguration", ""),
            "requestPayment" => Answer::xml("RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>"),
            "logging" => Answer::xml("BucketLoggingStatus", ""),
            "tagging" if !request.key.is_empty() => Answer::xml("Tagging", "<TagSet></TagSet>"),
            _ => missing("NoSuchConfiguration"),
        }
    }

    /// When an entry of a listing was stored.
    pub(super) fn modified() -> &'static str {
        MODIFIED
    }
}

fn kept(request: &Request) -> Vec<(String, String)> {
    let is_kept = |name: &str| name.starts_with("x-amz-meta-") || KEPT.contains(&name);
    request.headers.iter().filter(|(name, _)| is_kept(name)).cloned().collect()
}

/// The bytes that a `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT` selects, as start and end.
fn ranges(text: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, length.min(last + 1)),
        (Ok(first), Err(_)) => (first, length),
        (Err(_), Ok(count)) => (length.saturating_sub(count), length),
        (Err(_), Err(_)) => return None,
    };
    (start < end).then_some((start, end))
}
