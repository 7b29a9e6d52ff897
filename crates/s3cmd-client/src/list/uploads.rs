//! Lists unfinished multipart uploads and their parts.

use super::page::{
    CycleDetector, check_name, no_next_page, no_truncation_flag, out_of_order, repeated, size_of,
};
use super::says_more;
use crate::checksum::UploadChecksum;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::http::request::Request;
use crate::model::document;
use crate::model::responses::{self, PartsItem, Sequence, UploadsItem};
use http::Method;
use std::collections::HashSet;

/// An unfinished multipart upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// Key.
    pub key: String,
    /// Upload ID.
    pub id: String,
    /// ID of the initiator; empty if the server does not send it.
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
    /// Modification time as sent.
    pub modified: String,
}

/// The state of an unfinished multipart upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadState {
    /// The stored parts, in ascending order.
    pub parts: Vec<Part>,
    /// The checksum settings with which the upload was created, if the server reports them.
    pub sums: Option<UploadChecksum>,
}

impl Client {
    /// All unfinished multipart uploads under a prefix; requests all pages.
    pub async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<Upload>> {
        let mut uploads: Vec<Upload> = Vec::new();
        let mut seen = HashSet::new();
        let mut marker: Option<Marker> = None;
        let mut walk = CycleDetector::new();
        loop {
            let mut request = Request::new(Method::GET, Some(bucket), None).query("uploads", "");
            if !prefix.is_empty() {
                request = request.query("prefix", prefix);
            }
            if let Some((key, id)) = &marker {
                request = request.query("key-marker", key);
                // Without an ID, the page begins after all uploads of the key.
                if !id.is_empty() {
                    request = request.query("upload-id-marker", id);
                }
            }
            let (page, next) = parse_uploads(&self.fetch_text(request).await?)?;
            let after = marker.as_ref().map_or("", |(key, _)| key.as_str());
            for upload in page {
                check_name(&upload.key, prefix, "")?;
                // There may be more uploads of the marker's own key.
                if upload.key.as_str() < after {
                    return Err(out_of_order(&upload.key));
                }
                if !seen.insert((upload.key.clone(), upload.id.clone())) {
                    return Err(repeated());
                }
                uploads.push(upload);
            }
            let Some(next) = next else { return Ok(uploads) };
            walk.step(&next)?;
            if next.0.as_str() < after || marker.as_ref() == Some(&next) {
                return Err(repeated());
            }
            marker = Some(next);
        }
    }

    /// All stored parts of an upload, in ascending order.
    pub async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<Part>> {
        Ok(self.upload_state(bucket, key, upload_id).await?.parts)
    }

    /// The stored parts of an upload, and its checksum settings.
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
            let (mut truncated, mut next) = (None, String::new());
            let (mut algorithm, mut kind) = (String::new(), String::new());
            // moto uses the second name.
            let roots = ["ListPartsResult", "ListPartsResponse"];
            for item in document::read::<Sequence<PartsItem>>(&text, &roots)?.items {
                match item {
                    PartsItem::IsTruncated(text) => truncated = Some(says_more(&text)),
                    PartsItem::NextPartNumberMarker(text) => next = text.trim().to_owned(),
                    PartsItem::ChecksumAlgorithm(text) => algorithm = text.trim().to_owned(),
                    PartsItem::ChecksumType(text) => kind = text.trim().to_owned(),
                    PartsItem::Part(part) => parts.push(Part::from_response(part)?),
                    PartsItem::Other => {}
                }
            }
            // Parts are listed once, in ascending order.
            if !parts.is_sorted_by(|a, b| a.number < b.number)
                || parts.first().is_some_and(|part| part.number == 0)
            {
                return Err(Error::Malformed("a listing of parts that is not in order".into()));
            }
            match truncated {
                None => return Err(no_truncation_flag()),
                Some(false) => {
                    return Ok(UploadState { parts, sums: UploadChecksum::named(&algorithm, &kind) });
                }
                Some(true) => {}
            }
            let number = |text: &str| text.parse::<u32>().unwrap_or(0);
            if number(&next) <= number(&marker) {
                return Err(no_next_page());
            }
            marker = next;
        }
    }
}

impl Part {
    fn from_response(found: responses::Part) -> Result<Self> {
        let responses::Part { part_number, etag, size, last_modified } = found;
        let bad_number = |_| Error::Malformed(format!("a listing with the part '{part_number}'").into());
        Ok(Self {
            number: part_number.parse().map_err(bad_number)?,
            etag,
            size: size.as_deref().map(size_of).transpose()?.unwrap_or_default(),
            modified: last_modified,
        })
    }
}

/// Where the next page begins: the key and upload ID of the last entry.
type Marker = (String, String);

/// Parses a page of uploads, and the marker of the next one.
fn parse_uploads(text: &str) -> Result<(Vec<Upload>, Option<Marker>)> {
    let (mut uploads, mut truncated) = (Vec::new(), None);
    let (mut key, mut id) = (String::new(), String::new());
    for item in document::read::<Sequence<UploadsItem>>(text, &["ListMultipartUploadsResult"])?.items {
        match item {
            UploadsItem::IsTruncated(text) => truncated = Some(says_more(&text)),
            UploadsItem::NextKeyMarker(marker) => key = marker,
            UploadsItem::NextUploadIdMarker(marker) => id = marker,
            UploadsItem::Upload(found) => uploads.push(Upload {
                key: found.key,
                id: found.upload_id,
                owner: found.initiator.id,
                initiated: found.initiated,
            }),
            UploadsItem::Other => {}
        }
    }
    if uploads.iter().any(|upload| upload.key.is_empty() || upload.id.is_empty()) {
        return Err(Error::Malformed("a listing of an upload without a key or an ID".into()));
    }
    match truncated {
        None => Err(no_truncation_flag()),
        Some(false) => Ok((uploads, None)),
        Some(true) if key.is_empty() => Err(no_next_page()),
        Some(true) => Ok((uploads, Some((key, id)))),
    }
}
