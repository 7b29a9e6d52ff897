//! Listings of the upstream store. Where S3 supports it, names are requested percent-encoded, so that no name can break
//! the document. They are encoded again for the client.
//!
//! An upstream continuation token may contain the next name including the hidden prefix (Ceph's does). So this server
//! issues its own tokens, and requests upstream pages by marker.

use super::Remote;
use super::objects::copy_children;
use crate::directory::ops::list::{Listing, MAX_PAGE, NameEncoding, Page};
use crate::http::call::{Call, Reply};
use crate::model::acl;
use crate::model::error::{ErrorCode, S3Error, S3Result};
use crate::model::xml::{Node, Writer};
use http::Method;
use s3cmd_client::http::request::Request;
use s3cmd_client::list::{says_more, url_decoded};

/// Decodes a name in a listing, according to the listing's `EncodingType`.
fn decoded(root: &Node, text: &str) -> S3Result<String> {
    if root.value("EncodingType").is_none_or(|kind| kind.trim() != "url") {
        return Ok(text.to_owned());
    }
    let decoded = url_decoded(text).map_err(|_| invalid_listing("a name is not UTF-8"))?;
    Ok(decoded.unwrap_or_else(|| text.to_owned()))
}

fn invalid_listing(why: &str) -> S3Error {
    log::error!("serve: invalid listing from the upstream store: {why}");
    S3Error::new(ErrorCode::InternalError, "The upstream store sent an invalid listing.")
}

fn is_truncated(root: &Node) -> S3Result<bool> {
    let text = root.value("IsTruncated").ok_or_else(|| invalid_listing("IsTruncated is missing"))?;
    Ok(says_more(text))
}

/// The visible part of an upstream page: entries with their client names, common prefixes, and the last name.
struct VisiblePage<'a> {
    entries: Vec<(String, &'a Node)>,
    prefixes: Vec<String>,
    last: Option<String>,
}

impl Remote {
    fn visible_page<'a>(&self, root: &'a Node, elements: &[&str]) -> S3Result<VisiblePage<'a>> {
        let mut page = VisiblePage { entries: Vec::new(), prefixes: Vec::new(), last: None };
        for node in &root.children {
            let is_prefix = node.name == "CommonPrefixes";
            if !is_prefix && !elements.contains(&node.name.as_str()) {
                continue;
            }
            let text = node.value(if is_prefix { "Prefix" } else { "Key" }).unwrap_or_default();
            let upstream = decoded(root, text)?;
            // A server may list names outside the prefix although they were not requested. They are skipped.
            let Some(name) = self.served.client_name(&upstream) else { continue };
            if page.last.as_deref().is_none_or(|last| last < name) {
                page.last = Some(name.to_owned());
            }
            if is_prefix {
                page.prefixes.push(name.to_owned());
            } else {
                page.entries.push((name.to_owned(), node));
            }
        }
        Ok(page)
    }

    /// An upstream request for the client's names that start with `prefix` and sort after `marker`.
    fn listing_request(&self, prefix: &str, delimiter: &str, marker: (&str, &str)) -> Request {
        let mut request = self.bucket_request(Method::GET);
        for (name, value) in
            [("prefix", self.served.upstream_start(prefix)), ("delimiter", delimiter.to_owned())]
        {
            if !value.is_empty() {
                request = request.query(name, value);
            }
        }
        // The object whose key is the hidden prefix itself has no client name: the listing begins after it.
        let start = self.served.upstream_start(marker.1);
        if start.is_empty() { request } else { request.query(marker.0, start) }
    }

    /// ListObjects and ListObjectsV2.
    pub(super) async fn list_objects(&self, call: &Call) -> S3Result<Reply> {
        let listing = Listing::of(call)?;
        let marker = ("marker", listing.marker.as_str());
        let request = self.listing_request(listing.prefix, listing.delimiter, marker);
        let request = request.query("max-keys", listing.max.to_string()).query("encoding-type", "url");
        let (_, root) = self.fetch_xml(request, "ListBucketResult").await?;
        let VisiblePage { entries, prefixes, last } = self.visible_page(&root, &["Contents"])?;
        let truncated = is_truncated(&root)?;
        if truncated && last.is_none() {
            return Err(invalid_listing("a truncated page has no names"));
        }
        let page =
            Page { keys: entries.iter().map(|(name, _)| name.clone()).collect(), prefixes, truncated, last };
        let mut xml = listing.head(self.served.bucket(), &page);
        for (name, node) in &entries {
            xml.open("Contents");
            listing.names.write(&mut xml, "Key", name);
            copy_children(&mut xml, node, &["LastModified", "ETag", "Size"]);
            if listing.with_owner {
                self.write_owner(&mut xml, "Owner");
            }
            write_class(&mut xml, node);
            xml.close();
        }
        listing.tail(&mut xml, &page);
        Ok(Reply::xml(xml.finish()))
    }

    /// ListObjectVersions.
    pub(super) async fn list_versions(&self, call: &Call) -> S3Result<Reply> {
        let names = NameEncoding::of(call)?;
        let text = |name| call.parameter(name).unwrap_or_default();
        let (prefix, delimiter, marker) = (text("prefix"), text("delimiter"), text("key-marker"));
        let max = call.number("max-keys", MAX_PAGE)?.min(MAX_PAGE);
        let mut request = self.listing_request(prefix, delimiter, ("key-marker", marker));
        if !marker.is_empty() && !text("version-id-marker").is_empty() {
            request = request.query("version-id-marker", text("version-id-marker"));
        }
        let request = request.query("versions", "").query("max-keys", max.to_string());
        let (_, root) = self.fetch_xml(request.query("encoding-type", "url"), "ListVersionsResult").await?;
        let page = self.visible_page(&root, &["Version", "DeleteMarker"])?;
        let mut xml = Writer::new("ListVersionsResult");
        xml.text("Name", self.served.bucket());
        names.write(&mut xml, "Prefix", prefix);
        names.write(&mut xml, "KeyMarker", marker);
        xml.text("VersionIdMarker", text("version-id-marker"));
        if is_truncated(&root)? {
            let Some(last) = &page.last else { return Err(invalid_listing("a truncated page has no names")) };
            names.write(&mut xml, "NextKeyMarker", last);
            copy_children(&mut xml, &root, &["NextVersionIdMarker"]);
        }
        xml.number("MaxKeys", max);
        if !delimiter.is_empty() {
            names.write(&mut xml, "Delimiter", delimiter);
        }
        names.declare(&mut xml);
        copy_children(&mut xml, &root, &["IsTruncated"]);
        for (name, node) in &page.entries {
            let is_version = node.name == "Version";
            xml.open(if is_version { "Version" } else { "DeleteMarker" });
            names.write(&mut xml, "Key", name);
            copy_children(&mut xml, node, &["VersionId", "IsLatest", "LastModified", "ETag", "Size"]);
            self.write_owner(&mut xml, "Owner");
            if is_version {
                write_class(&mut xml, node);
            }
            xml.close();
        }
        write_prefixes(&mut xml, names, &page.prefixes);
        Ok(Reply::xml(xml.finish()))
    }

    /// ListMultipartUploads. Not every store supports encoded names here, so they are requested unencoded.
    pub(super) async fn list_uploads(&self, call: &Call) -> S3Result<Reply> {
        let names = NameEncoding::of(call)?;
        let text = |name| call.parameter(name).unwrap_or_default();
        let (prefix, delimiter, marker) = (text("prefix"), text("delimiter"), text("key-marker"));
        let max = call.number("max-uploads", MAX_PAGE)?.min(MAX_PAGE);
        let mut request = self.listing_request(prefix, delimiter, ("key-marker", marker));
        if !marker.is_empty() && !text("upload-id-marker").is_empty() {
            request = request.query("upload-id-marker", text("upload-id-marker"));
        }
        let request = request.query("uploads", "").query("max-uploads", max.to_string());
        let (_, root) = self.fetch_xml(request, "ListMultipartUploadsResult").await?;
        let page = self.visible_page(&root, &["Upload"])?;
        let mut xml = Writer::new("ListMultipartUploadsResult");
        xml.text("Bucket", self.served.bucket());
        names.write(&mut xml, "KeyMarker", marker);
        xml.text("UploadIdMarker", text("upload-id-marker"));
        if is_truncated(&root)? {
            let Some(last) = &page.last else { return Err(invalid_listing("a truncated page has no names")) };
            names.write(&mut xml, "NextKeyMarker", last);
            copy_children(&mut xml, &root, &["NextUploadIdMarker"]);
        }
        names.write(&mut xml, "Prefix", prefix);
        if !delimiter.is_empty() {
            names.write(&mut xml, "Delimiter", delimiter);
        }
        names.declare(&mut xml);
        xml.number("MaxUploads", max);
        copy_children(&mut xml, &root, &["IsTruncated"]);
        for (name, node) in &page.entries {
            xml.open("Upload");
            names.write(&mut xml, "Key", name);
            copy_children(&mut xml, node, &["UploadId"]);
            self.write_owner(&mut xml, "Initiator");
            self.write_owner(&mut xml, "Owner");
            write_class(&mut xml, node);
            copy_children(&mut xml, node, &["Initiated"]);
            xml.close();
        }
        write_prefixes(&mut xml, names, &page.prefixes);
        Ok(Reply::xml(xml.finish()))
    }

    /// ListParts.
    pub(super) async fn list_parts(&self, call: &Call) -> S3Result<Reply> {
        let names = NameEncoding::of(call)?;
        let id = call.parameter("uploadId").unwrap_or_default();
        let mut request = self.object_request(call, Method::GET)?.query("uploadId", id);
        for name in ["max-parts", "part-number-marker"] {
            if call.parameter(name).is_some() {
                request = request.query(name, call.number(name, 0)?.to_string());
            }
        }
        let (headers, root) = self.fetch_xml(request, "ListPartsResult").await?;
        let mut xml = Writer::new("ListPartsResult");
        xml.text("Bucket", self.served.bucket());
        names.write(&mut xml, "Key", call.key());
        xml.text("UploadId", id);
        self.write_owner(&mut xml, "Initiator");
        self.write_owner(&mut xml, "Owner");
        write_class(&mut xml, &root);
        names.declare(&mut xml);
        let position = ["PartNumberMarker", "NextPartNumberMarker", "MaxParts", "IsTruncated"];
        copy_children(&mut xml, &root, &position);
        for part in root.all("Part") {
            copy_children(xml.open("Part"), part, &["PartNumber", "LastModified", "ETag", "Size"]);
            xml.close();
        }
        let mut reply = Reply::xml(xml.finish());
        reply.headers.extend(super::headers::response_headers_without_body(&headers));
        Ok(reply)
    }

    fn write_owner(&self, xml: &mut Writer, element: &'static str) {
        acl::write_user(xml.open(element), self.owner(), &self.users);
        xml.close();
    }
}

fn write_class(xml: &mut Writer, node: &Node) {
    let class = node.value("StorageClass").map(str::trim).filter(|class| !class.is_empty());
    xml.text("StorageClass", class.unwrap_or("STANDARD"));
}

fn write_prefixes(xml: &mut Writer, names: NameEncoding, prefixes: &[String]) {
    for prefix in prefixes {
        xml.open("CommonPrefixes");
        names.write(xml, "Prefix", prefix);
        xml.close();
    }
}
