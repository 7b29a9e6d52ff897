//! The listings of the hostile server, in pages.

use super::Answer;
use super::store::{Store, Version};
use super::wire::Request;
use std::fmt::Write;

/// An entry of a listing, and the key or prefix that it is for.
struct Entry {
    name: String,
    /// Id of a version or an upload; empty for a common prefix.
    id: String,
    xml: String,
}

fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

/// Names as the request wants them: URL-encoded, or escaped.
fn shown(request: &Request, name: &str) -> String {
    match request.param("encoding-type") {
        Some("url") => s3cmd_client::sign::encode::query(name).replace("%20", "+").replace("%2F", "/"),
        _ => escaped(name),
    }
}

/// A page: what comes after `after`, up to the page's size. Keys with the delimiter after the prefix are grouped.
fn page(
    request: &Request,
    entries: impl Iterator<Item = Entry>,
    after: (&str, Option<&str>),
    size: usize,
) -> (Vec<Entry>, bool) {
    let prefix = request.param("prefix").unwrap_or_default();
    let delimiter = request.param("delimiter").unwrap_or_default();
    let mut page: Vec<Entry> = Vec::new();
    for entry in entries {
        if !entry.name.starts_with(prefix) {
            continue;
        }
        let end = match entry.name[prefix.len()..].find(delimiter).filter(|_| !delimiter.is_empty()) {
            Some(at) => prefix.len() + at + delimiter.len(),
            None => 0,
        };
        let entry = match &entry.name[..end] {
            "" => entry,
            common => {
                let xml =
                    format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", shown(request, common));
                Entry { name: common.to_owned(), id: String::new(), xml }
            }
        };
        let is_after = match after {
            (name, Some(id)) => (entry.name.as_str(), entry.id.as_str()) > (name, id),
            (name, None) => entry.name.as_str() > name,
        };
        let is_new = page.last().is_none_or(|last| (&last.name, &last.id) != (&entry.name, &entry.id));
        if is_after && is_new {
            if page.len() == size {
                return (page, true);
            }
            page.push(entry);
        }
    }
    (page, false)
}

fn texts(page: &[Entry]) -> String {
    page.iter().map(|entry| entry.xml.as_str()).collect()
}

impl Store {
    pub(super) fn list_buckets(&self) -> Answer {
        let mut out = String::from("<Owner><ID>me</ID></Owner><Buckets>");
        for name in self.buckets.keys() {
            let created = Self::modified();
            let _ = write!(out, "<Bucket><Name>{name}</Name><CreationDate>{created}</CreationDate></Bucket>");
        }
        Answer::xml("ListAllMyBucketsResult", &(out + "</Buckets>"))
    }

    fn page_of(&self, request: &Request, parameter: &str) -> usize {
        let asked = request.param(parameter).and_then(|size| size.parse().ok());
        asked.unwrap_or(self.page_size).min(self.page_size)
    }

    pub(super) fn list_objects(&self, request: &Request) -> Answer {
        let v2 = request.param("list-type") == Some("2");
        let token = request.param(if v2 { "continuation-token" } else { "marker" });
        let after = token.or_else(|| request.param("start-after").filter(|_| v2)).unwrap_or_default();
        // Tokens are opaque, and not keys.
        let after = after.strip_prefix("token:").unwrap_or(after);
        let size = self.page_of(request, "max-keys");
        let latest = self.buckets[&request.bucket].objects.iter().filter_map(|(key, versions)| {
            let Version { etag, body, .. } = versions.last()?;
            let (shown, etag, length) = (shown(request, key), escaped(etag), body.len());
            let xml = format!(
                "<Contents><Key>{shown}</Key><LastModified>{}</LastModified><ETag>{etag}</ETag><Size>{length}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                Self::modified(),
            );
            Some(Entry { name: key.clone(), id: String::new(), xml })
        });
        let (page, is_truncated) = page(request, latest, (after, None), size);
        let mut out = format!("<Name>{}</Name><IsTruncated>{is_truncated}</IsTruncated>", request.bucket);
        if request.param("encoding-type") == Some("url") {
            out += "<EncodingType>url</EncodingType>";
        }
        if let Some(last) = page.last().filter(|_| is_truncated) {
            let name = &last.name;
            if v2 {
                let _ = write!(out, "<NextContinuationToken>token:{}</NextContinuationToken>", escaped(name));
            } else if request.param("delimiter").is_some() {
                let _ = write!(out, "<NextMarker>{}</NextMarker>", shown(request, name));
            }
        }
        Answer::xml("ListBucketResult", &(out + &texts(&page)))
    }

    pub(super) fn list_versions(&self, request: &Request) -> Answer {
        let size = self.page_of(request, "max-keys");
        let all = self.buckets[&request.bucket].objects.iter().flat_map(|(key, versions)| {
            // The latest version comes first; ids here ascend in that order, so that a page can begin after one.
            versions.iter().rev().enumerate().map(move |(at, Version { id, etag, body, .. })| {
                let (shown, etag, length) = (shown(request, key), escaped(etag), body.len());
                let xml = format!(
                    "<Version><Key>{shown}</Key><VersionId>{id}</VersionId><IsLatest>{}</IsLatest>\
                     <LastModified>{}</LastModified><ETag>{etag}</ETag><Size>{length}</Size>\
                     <StorageClass>STANDARD</StorageClass></Version>",
                    at == 0,
                    Self::modified(),
                );
                (key.clone(), id.clone(), at, xml)
            })
        });
        let all: Vec<_> = all.collect();
        let key = request.param("key-marker").unwrap_or_default();
        let id = request.param("version-id-marker");
        let place = |key: &str, id: &str| {
            let found = all.iter().find(|(name, found, ..)| name == key && found == id);
            found.map(|(_, _, at, _)| format!("{at:06}")).unwrap_or_default()
        };
        let after = id.map(|id| place(key, id));
        let entries = all.iter().map(|(name, _, at, xml)| Entry {
            name: name.clone(),
            id: format!("{at:06}"),
            xml: xml.clone(),
        });
        let (page, is_truncated) = page(request, entries, (key, after.as_deref()), size);
        let mut out = format!("<IsTruncated>{is_truncated}</IsTruncated>");
        if request.param("encoding-type") == Some("url") {
            out += "<EncodingType>url</EncodingType>";
        }
        if let Some(last) = page.last().filter(|_| is_truncated) {
            let found =
                all.iter().find(|(name, _, at, _)| *name == last.name && format!("{at:06}") == last.id);
            let id = found.map_or("", |(_, id, ..)| id.as_str());
            let name = shown(request, &last.name);
            let _ = write!(
                out,
                "<NextKeyMarker>{name}</NextKeyMarker><NextVersionIdMarker>{id}</NextVersionIdMarker>"
            );
        }
        Answer::xml("ListVersionsResult", &(out + &texts(&page)))
    }

    pub(super) fn list_uploads(&self, request: &Request) -> Answer {
        let mut all: Vec<Entry> = (self.uploads.iter())
            .filter(|(_, upload)| upload.bucket == request.bucket)
            .map(|(id, upload)| {
                let xml = format!(
                    "<Upload><Key>{}</Key><UploadId>{id}</UploadId><Initiated>{}</Initiated></Upload>",
                    escaped(&upload.key),
                    Self::modified(),
                );
                Entry { name: upload.key.clone(), id: id.clone(), xml }
            })
            .collect();
        all.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let after = (request.param("key-marker").unwrap_or_default(), request.param("upload-id-marker"));
        let (page, is_truncated) =
            page(request, all.into_iter(), after, self.page_of(request, "max-uploads"));
        let mut out = format!("<Bucket>{}</Bucket><IsTruncated>{is_truncated}</IsTruncated>", request.bucket);
        if let Some(Entry { name, id, .. }) = page.last().filter(|_| is_truncated) {
            let name = escaped(name);
            let _ = write!(
                out,
                "<NextKeyMarker>{name}</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>"
            );
        }
        Answer::xml("ListMultipartUploadsResult", &(out + &texts(&page)))
    }

    pub(super) fn list_parts(&self, request: &Request) -> Answer {
        let Some(upload) = self.uploads.get(request.param("uploadId").unwrap_or_default()) else {
            return Answer::error(404, "NoSuchUpload");
        };
        let after = request.param("part-number-marker").and_then(|number| number.parse().ok()).unwrap_or(0);
        let size = self.page_of(request, "max-parts");
        let left: Vec<_> = upload.parts.range(after + 1..).collect();
        let is_truncated = left.len() > size;
        let mut out = format!("<IsTruncated>{is_truncated}</IsTruncated>");
        for (number, (etag, content)) in left.iter().take(size) {
            let _ = write!(
                out,
                "<Part><PartNumber>{number}</PartNumber><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size></Part>",
                Self::modified(),
                escaped(etag),
                content.len(),
            );
        }
        if let Some((number, _)) = left.get(size.saturating_sub(1)).filter(|_| is_truncated) {
            let _ = write!(out, "<NextPartNumberMarker>{number}</NextPartNumberMarker>");
        }
        Answer::xml("ListPartsResult", &out)
    }
}
