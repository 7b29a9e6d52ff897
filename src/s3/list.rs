//! Listings as streams of pages: buckets, objects (versions 1 and 2 of the call), multipart uploads, parts.

use super::client::Client;
use super::error::{Error, Result};
use super::request::Request;
use super::xml::{self, Step};
use futures::Stream;
use http::Method;
use percent_encoding::percent_decode_str;

/// A bucket as the service lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Name.
    pub name: String,
    /// Creation time as sent, `2026-11-20T08:44:00.000Z`.
    pub created: String,
}

/// An object as a listing shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Key.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// ETag without quotes.
    pub etag: String,
    /// Time as sent, `2026-11-20T08:44:00.000Z`.
    pub modified: String,
    /// Storage class; empty where the server sends none.
    pub storage_class: String,
}

/// Which version of the listing call is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListVersion {
    /// `ListObjects`; every server has it, and any key can be the marker.
    #[default]
    V1,
    /// `ListObjectsV2`.
    V2,
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Keys that begin with this.
    pub prefix: String,
    /// Group keys up to this; empty lists every key.
    pub delimiter: String,
    /// Keys a page; `None` leaves it to the server (1,000).
    pub page_size: Option<u32>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// Ceph's extension: any order, faster on large indexes.
    pub unordered: bool,
    /// Version of the call.
    pub version: ListVersion,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects in the server's order: ascending by the bytes of their keys.
    pub objects: Vec<Object>,
    /// Common prefixes, ascending.
    pub prefixes: Vec<String>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// An unfinished multipart upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// Key.
    pub key: String,
    /// Upload id.
    pub id: String,
    /// Start time as sent.
    pub initiated: String,
}

/// A stored part of an unfinished upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Part number, from 1.
    pub number: u32,
    /// ETag with its quotes, as sent.
    pub etag: String,
    /// Length in bytes.
    pub size: u64,
    /// Time as sent.
    pub modified: String,
}

impl Client {
    /// All buckets of the user, in the server's order.
    pub async fn list_buckets(&self) -> Result<Vec<Bucket>> {
        let text = self.send(Request::new(Method::GET, None, None)).await?.text().await?;
        let mut buckets = Vec::new();
        let mut bucket = Bucket::default();
        xml::expect_root(&text, "ListAllMyBucketsResult")?;
        xml::walk(&text, |step| {
            let Step::Close([_, _, rest @ ..], value) = step else { return };
            match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["Bucket", "Name"] => bucket.name = value.to_owned(),
                ["Bucket", "CreationDate"] => bucket.created = value.trim().to_owned(),
                ["Bucket"] => buckets.push(std::mem::take(&mut bucket)),
                _ => {}
            }
        })?;
        Ok(buckets)
    }

    /// One page. `token` is the `next` of the page before.
    pub async fn list_page(&self, bucket: &str, options: &ListOptions, token: Option<&str>) -> Result<Page> {
        let mut request = Request::new(Method::GET, Some(bucket), None);
        let v2 = options.version == ListVersion::V2;
        if v2 {
            request = request.query("list-type", "2");
        }
        if !options.delimiter.is_empty() {
            request = request.query("delimiter", &options.delimiter);
        }
        request = request.query("encoding-type", "url");
        match (token, &options.start_after) {
            (Some(token), _) if v2 => request = request.query("continuation-token", token),
            (None, Some(after)) if v2 => request = request.query("start-after", after),
            (Some(token), _) => request = request.query("marker", token),
            (None, Some(after)) => request = request.query("marker", after),
            (None, None) => {}
        }
        if let Some(size) = options.page_size {
            request = request.query("max-keys", size.to_string());
        }
        if !options.prefix.is_empty() {
            request = request.query("prefix", &options.prefix);
        }
        if options.unordered {
            request = request.query("allow-unordered", "true");
        }
        let text = self.send(request).await?.text().await?;
        parse_page(&text, v2)
    }

    /// All pages, the next one requested while the caller works on the last.
    pub fn list(
        &self,
        bucket: &str,
        options: ListOptions,
    ) -> impl Stream<Item = Result<Page>> + Send + 'static {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let (client, bucket) = (self.clone(), bucket.to_owned());
        let task = async move {
            let mut token = None;
            loop {
                let page = client.list_page(&bucket, &options, token.as_deref()).await;
                let next = page.as_ref().ok().and_then(|page| page.next.clone());
                let stuck = next.is_some() && next == token;
                if sender.send(page).await.is_err() || next.is_none() {
                    return;
                }
                if stuck {
                    let error = Error::Malformed("a listing that repeats the same page".into());
                    let _ = sender.send(Err(error)).await;
                    return;
                }
                token = next;
            }
        };
        // The task starts with the first poll, so that an unused stream sends nothing.
        let mut pending = Some(task);
        futures::stream::unfold(receiver, move |mut receiver| {
            if let Some(task) = pending.take() {
                tokio::spawn(task);
            }
            async move { receiver.recv().await.map(|page| (page, receiver)) }
        })
    }

    /// All unfinished multipart uploads under a prefix, page by page.
    pub async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<Upload>> {
        let mut uploads: Vec<Upload> = Vec::new();
        let mut marker: Option<(String, String)> = None;
        loop {
            let mut request = Request::new(Method::GET, Some(bucket), None).query("uploads", "");
            if !prefix.is_empty() {
                request = request.query("prefix", prefix);
            }
            if let Some((key, id)) = &marker {
                request = request.query("key-marker", key).query("upload-id-marker", id);
            }
            let text = self.send(request).await?.text().await?;
            let (mut truncated, mut key, mut id) = (false, String::new(), String::new());
            let mut upload = Upload::default();
            xml::expect_root(&text, "ListMultipartUploadsResult")?;
            xml::walk(&text, |step| {
                let Step::Close([_, rest @ ..], value) = step else { return };
                match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["IsTruncated"] => truncated = value.trim() == "true",
                    ["NextKeyMarker"] => key = value.to_owned(),
                    ["NextUploadIdMarker"] => id = value.to_owned(),
                    ["Upload", "Key"] => upload.key = value.to_owned(),
                    ["Upload", "UploadId"] => upload.id = value.trim().to_owned(),
                    ["Upload", "Initiated"] => upload.initiated = value.trim().to_owned(),
                    ["Upload"] => uploads.push(std::mem::take(&mut upload)),
                    _ => {}
                }
            })?;
            let next = Some((key, id));
            if !truncated || next == marker {
                return Ok(uploads);
            }
            marker = next;
        }
    }

    /// All stored parts of an upload, in ascending order.
    pub async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        let mut marker = String::new();
        loop {
            let mut request = Request::new(Method::GET, Some(bucket), Some(key)).query("uploadId", upload_id);
            if !marker.is_empty() {
                request = request.query("part-number-marker", &marker);
            }
            let text = self.send(request).await?.text().await?;
            let (mut truncated, mut next) = (false, String::new());
            let mut part = Part::default();
            xml::expect_root(&text, "ListPartsResult")?;
            xml::walk(&text, |step| {
                let Step::Close([_, rest @ ..], value) = step else { return };
                let value = value.trim();
                match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["IsTruncated"] => truncated = value == "true",
                    ["NextPartNumberMarker"] => next = value.to_owned(),
                    ["Part", "PartNumber"] => part.number = value.parse().unwrap_or(0),
                    ["Part", "ETag"] => part.etag = value.to_owned(),
                    ["Part", "Size"] => part.size = value.parse().unwrap_or(0),
                    ["Part", "LastModified"] => part.modified = value.to_owned(),
                    ["Part"] => parts.push(std::mem::take(&mut part)),
                    _ => {}
                }
            })?;
            if !truncated || next.is_empty() || next == marker {
                return Ok(parts);
            }
            marker = next;
        }
    }
}

/// Reads a page. Keys are decoded only if the server says that it encoded them.
fn parse_page(text: &str, v2: bool) -> Result<Page> {
    let mut page = Page::default();
    let mut object = Object::default();
    let (mut truncated, mut encoded, mut is_listing) = (false, false, false);
    let mut next = None;
    let mut bad_size = None;
    xml::walk(text, |step| {
        let (path, value) = match step {
            Step::Open([root]) => {
                is_listing = root == "ListBucketResult";
                return;
            }
            Step::Close([_, path @ ..], value) => (path, value),
            Step::Open(..) | Step::Close(..) => return,
        };
        match path {
            [name] => match name.as_str() {
                "Contents" => page.objects.push(std::mem::take(&mut object)),
                "IsTruncated" => truncated = value.trim() == "true",
                "EncodingType" => encoded = value.trim() == "url",
                "NextMarker" if !v2 => next = Some(value.to_owned()),
                "NextContinuationToken" if v2 => next = Some(value.to_owned()),
                _ => {}
            },
            [parent, name] if parent == "Contents" => match name.as_str() {
                "Key" => object.key = value.to_owned(),
                "Size" => match value.trim().parse() {
                    Ok(size) => object.size = size,
                    Err(_) => bad_size = Some(value.to_owned()),
                },
                "ETag" => object.etag = value.trim().trim_matches('"').to_owned(),
                "LastModified" => object.modified = value.trim().to_owned(),
                "StorageClass" => object.storage_class = value.trim().to_owned(),
                _ => {}
            },
            [parent, name] if parent == "CommonPrefixes" && name == "Prefix" => {
                page.prefixes.push(value.to_owned());
            }
            _ => {}
        }
    })?;
    if !is_listing {
        return Err(Error::Malformed("an answer that is not a listing".into()));
    }
    if let Some(size) = bad_size {
        return Err(Error::Malformed(format!("a listing with the size '{size}'")));
    }
    if encoded {
        for object in &mut page.objects {
            object.key = url_decoded(&object.key)?;
        }
        for prefix in &mut page.prefixes {
            *prefix = url_decoded(prefix)?;
        }
        if !v2 {
            next = next.as_deref().map(url_decoded).transpose()?;
        }
    }
    if truncated {
        // Version 1 names the next marker only with a delimiter: else it is the last key.
        let last = || {
            let object = page.objects.last().map(|object| object.key.clone());
            object.max(page.prefixes.last().cloned())
        };
        page.next = next.filter(|next| !next.is_empty()).or_else(last);
        if page.next.is_none() {
            return Err(Error::Malformed("a truncated listing that names no next page".into()));
        }
    }
    Ok(page)
}

/// `encoding-type=url` is form encoding: a plus is a space (AWS and MinIO write one; Ceph writes `%20`).
fn url_decoded(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Error::Malformed(format!("a key that is not UTF-8: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><Marker/>
<MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>
<Contents><Key>a%20b%2Bc+d</Key><LastModified>2026-11-20T08:45:00.000Z</LastModified>
<ETag>&quot;6f59&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass>
<Owner><ID>x</ID><DisplayName>y</DisplayName></Owner></Contents>
<CommonPrefixes><Prefix>%C3%A4/</Prefix></CommonPrefixes></ListBucketResult>"#;

    #[test]
    fn pages_are_decoded_when_the_server_says_so() {
        let page = parse_page(PAGE, false).unwrap();
        assert_eq!(page.objects[0].key, "a b+c d");
        assert_eq!((page.objects[0].size, page.objects[0].etag.as_str()), (12, "6f59"));
        assert_eq!(page.prefixes, ["ä/"]);
        assert_eq!(page.next.as_deref(), Some("ä/"));
        let plain = parse_page(&PAGE.replace("<EncodingType>url</EncodingType>", ""), false).unwrap();
        assert_eq!(plain.objects[0].key, "a%20b%2Bc+d");
    }

    #[test]
    fn an_answer_that_is_no_listing_is_not_an_empty_listing() {
        assert!(parse_page("<html/>", false).is_err());
        assert!(parse_page("", false).is_err());
        assert!(parse_page(&PAGE[..PAGE.len() - 20], false).is_err());
    }
}
