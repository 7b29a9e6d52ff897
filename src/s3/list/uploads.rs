//! Listings of unfinished multipart uploads and of their parts.

use crate::s3::checksum::OfUpload;
use crate::s3::client::Client;
use crate::s3::error::Result;
use crate::s3::request::Request;
use crate::s3::xml::{self, Step};
use http::Method;

/// An unfinished multipart upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// Key.
    pub key: String,
    /// Upload id.
    pub id: String,
    /// Who began it; empty where the server does not tell.
    pub owner: String,
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

/// What an unfinished upload has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadState {
    /// The stored parts, in ascending order.
    pub parts: Vec<Part>,
    /// The checksums that it was begun with, if the server tells.
    pub sums: Option<OfUpload>,
}

impl Client {
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
            let text = self.fetch_text(request).await?;
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
                    ["Upload", "Initiator", "ID"] => upload.owner = value.trim().to_owned(),
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
        Ok(self.upload_state(bucket, key, upload_id).await?.parts)
    }

    /// The stored parts of an upload, and how they are checksummed.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
    pub async fn upload_state(&self, bucket: &str, key: &str, upload_id: &str) -> Result<UploadState> {
        let mut parts: Vec<Part> = Vec::new();
        let mut marker = String::new();
        loop {
            let mut request = Request::new(Method::GET, Some(bucket), Some(key)).query("uploadId", upload_id);
            if !marker.is_empty() {
                request = request.query("part-number-marker", &marker);
            }
            let text = self.fetch_text(request).await?;
            let (mut truncated, mut next) = (false, String::new());
            let (mut algorithm, mut kind) = (String::new(), String::new());
            let mut part = Part::default();
            // moto calls it so; s3cmd reads it under any name.
            if xml::expect_root(&text, "ListPartsResponse").is_err() {
                xml::expect_root(&text, "ListPartsResult")?;
            }
            xml::walk(&text, |step| {
                let Step::Close([_, rest @ ..], value) = step else { return };
                let value = value.trim();
                match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["IsTruncated"] => truncated = value == "true",
                    ["NextPartNumberMarker"] => next = value.to_owned(),
                    ["ChecksumAlgorithm"] => algorithm = value.to_owned(),
                    ["ChecksumType"] => kind = value.to_owned(),
                    ["Part", "PartNumber"] => part.number = value.parse().unwrap_or(0),
                    ["Part", "ETag"] => part.etag = value.to_owned(),
                    ["Part", "Size"] => part.size = value.parse().unwrap_or(0),
                    ["Part", "LastModified"] => part.modified = value.to_owned(),
                    ["Part"] => parts.push(std::mem::take(&mut part)),
                    _ => {}
                }
            })?;
            if !truncated || next.is_empty() || next == marker {
                return Ok(UploadState { parts, sums: OfUpload::named(&algorithm, &kind) });
            }
            marker = next;
        }
    }
}
