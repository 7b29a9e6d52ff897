//! Multipart uploads: create, upload parts, copy parts, complete, abort.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use s3cmd_client::bytes::Bytes;
//! use s3cmd_client::ops::multipart::UploadRef;
//! use s3cmd_client::ops::object::Outgoing;
//!
//! let id = client.create_upload("bucket", "key", &[]).await?;
//! let upload = UploadRef { bucket: "bucket", key: "key", id: &id };
//! let part = client.upload_part(upload, 1, Outgoing::new(Bytes::from("text"))).await?;
//! client.complete_upload(upload, &[part]).await?;
//! # Ok(())
//! # }
//! ```

use super::object::{CopySource, Outgoing, verify_etag, with_document};
use crate::checksum::{Checksum, Stored, TYPE_HEADER, UploadChecksum};
use crate::client::Client;
use crate::client::retry::RetryClass;
use crate::error::{Error, Result};
use crate::http::request::Request;
use crate::list::Upload;
use crate::model::{document, responses, xml};
use http::Method;
use md5::{Digest, Md5};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Minimum size of every part but the last, in bytes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub const MIN_PART_SIZE: u64 = 5 << 20;
/// Maximum size of a part, in bytes.
pub const MAX_PART_SIZE: u64 = 5 << 30;
/// Maximum number of parts of one upload.
pub const MAX_PARTS: u64 = 10_000;

/// A part whose upload the server has confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedPart {
    /// Part number, from 1.
    pub number: u32,
    /// ETag, without quotes.
    pub etag: String,
    /// Checksum of the part, if the upload uses checksums.
    pub checksum: Option<Checksum>,
}

/// Identifies a multipart upload in progress.
#[derive(Clone, Copy, Debug)]
pub struct UploadRef<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// Key.
    pub key: &'a str,
    /// Upload ID.
    pub id: &'a str,
}

/// The ETag of a multipart object: the MD5 of the binary MD5s of its parts, and the number of parts. `None` if a
/// part's ETag is not an MD5.
pub fn composite_etag<'a>(part_etags: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut hasher = Md5::new();
    let mut parts = 0;
    for etag in part_etags {
        let digest = hex::decode(etag).ok().filter(|digest| digest.len() == 16)?;
        hasher.update(&digest);
        parts += 1;
    }
    Some(format!("{}-{parts}", hex::encode(hasher.finalize())))
}

/// Parses the upload ID from the response to CreateMultipartUpload.
fn upload_id(answer: &str) -> Result<String> {
    // `rclone serve s3` (1.75.2) omits the end of the root's name.
    let roots = ["InitiateMultipartUploadResult", "InitiateMultipartUpload"];
    let read: responses::CreatedUpload = document::read(answer, &roots)?;
    match read.upload_id {
        id if id.is_empty() => Err(Error::Malformed("an upload without an ID".into())),
        id => Ok(id),
    }
}

impl Client {
    /// Creates a multipart upload; `headers` are those of the object. Returns the upload ID.
    pub async fn create_upload(
        &self,
        bucket: &str,
        key: &str,
        headers: &[(String, String)],
    ) -> Result<String> {
        let request =
            Request::new(Method::POST, Some(bucket), Some(key)).query("uploads", "").headers(headers);
        let request = request.retry(RetryClass::Upload);
        let first = Instant::now();
        let response = self.send(request).await?;
        let after_lost_response = response.after_lost_response;
        let id = upload_id(&response.text().await?)?;
        if after_lost_response {
            // Best effort: an upload that remains only takes up space.
            let _ = self.abort_duplicates(UploadRef { bucket, key, id: &id }, first.elapsed()).await;
        }
        Ok(id)
    }

    /// Aborts the uploads that were created by attempts whose responses were lost: those by the same user, created
    /// just before this one, and without parts.
    async fn abort_duplicates(&self, upload: UploadRef<'_>, within: Duration) -> Result<()> {
        let uploads = self.list_uploads(upload.bucket, upload.key).await?;
        let time = |upload: &Upload| chrono::DateTime::parse_from_rfc3339(&upload.initiated).ok();
        let Some(own) = uploads.iter().find(|other| other.id == upload.id) else { return Ok(()) };
        let Some(end) = time(own) else { return Ok(()) };
        // Only the server's clock counts; its times may be whole seconds.
        let start = end - within - Duration::from_secs(1);
        for duplicate in &uploads {
            let same_place = duplicate.key == upload.key && duplicate.id != upload.id;
            if same_place
                && duplicate.owner == own.owner
                && time(duplicate).is_some_and(|time| start <= time && time <= end)
                && self
                    .list_parts(upload.bucket, upload.key, &duplicate.id)
                    .await
                    .is_ok_and(|parts| parts.is_empty())
            {
                // The upload may be gone already, since this response can be lost as well.
                let _ = self.abort_upload(UploadRef { id: &duplicate.id, ..upload }).await;
            }
        }
        Ok(())
    }

    /// Uploads one part. Verifies the returned ETag if the part's MD5 is known.
    pub async fn upload_part(
        &self,
        upload: UploadRef<'_>,
        number: u32,
        data: Outgoing,
    ) -> Result<FinishedPart> {
        let (md5, checksum) = (data.etag_md5.or(data.md5), data.checksum);
        let request = Request::new(Method::PUT, Some(upload.bucket), Some(upload.key))
            .query("partNumber", number.to_string())
            .query("uploadId", upload.id);
        let answer = self.send(data.into_request(request)).await?;
        if let Some(md5) = md5 {
            verify_etag(&answer, &format!("part {number}"), md5)?;
        }
        Ok(FinishedPart { number, etag: answer.etag(), checksum })
    }

    /// Copies a range of an object (`first..=last`, in bytes) into a part.
    pub async fn upload_part_copy(
        &self,
        upload: UploadRef<'_>,
        number: u32,
        source: CopySource<'_>,
        range: (u64, u64),
        source_etag: Option<&str>,
    ) -> Result<FinishedPart> {
        let mut request = Request::new(Method::PUT, Some(upload.bucket), Some(upload.key))
            .query("partNumber", number.to_string())
            .query("uploadId", upload.id)
            .header("x-amz-copy-source", source.header())
            .header("x-amz-copy-source-range", format!("bytes={}-{}", range.0, range.1));
        if let Some(etag) = source_etag {
            request = request.header("x-amz-copy-source-if-match", format!("\"{etag}\""));
        }
        let text = self.fetch_text(request).await?;
        let read: responses::Stored = document::read(&text, &["CopyPartResult"])?;
        let etag = read.etag.ok_or_else(|| Error::Malformed("no confirmation of the part copy".into()))?;
        Ok(FinishedPart { number, etag: bare_etag(&etag).to_owned(), checksum: None })
    }

    /// Completes an upload; `parts` must be in ascending order. Returns the object's ETag, without quotes.
    ///
    /// The request is repeated if its response is lost. If the upload no longer exists by then, the object's ETag is
    /// compared with the one that follows from the parts, so that a completed upload is not reported as failed.
    pub async fn complete_upload(&self, upload: UploadRef<'_>, parts: &[FinishedPart]) -> Result<String> {
        self.complete_upload_with(upload, parts, None).await
    }

    /// Like [`Client::complete_upload`], for an upload whose parts have checksums, which the server verifies once
    /// more. `whole` is the checksum of the whole content, if the object gets one.
    pub async fn complete_upload_with(
        &self,
        upload: UploadRef<'_>,
        parts: &[FinishedPart],
        whole: Option<Checksum>,
    ) -> Result<String> {
        let mut document = String::from("<CompleteMultipartUpload>");
        for part in parts {
            let etag = xml::escaped(&format!("\"{}\"", part.etag));
            let _ = write!(document, "<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag>", part.number);
            if let Some(checksum) = part.checksum {
                let element = checksum.algorithm().element();
                let _ = write!(document, "<{element}>{checksum}</{element}>");
            }
            document.push_str("</Part>");
        }
        document.push_str("</CompleteMultipartUpload>");
        let request =
            Request::new(Method::POST, Some(upload.bucket), Some(upload.key)).query("uploadId", upload.id);
        let mut request =
            with_document(request, document, "application/xml").await?.retry(RetryClass::Upload);
        if let Some(checksum) = whole {
            let sums = UploadChecksum { algorithm: checksum.algorithm(), whole: true };
            request = request.header(sums.algorithm.header(), checksum.to_string());
            request = request.header(TYPE_HEADER, sums.kind());
        }
        let result = match self.send(request).await {
            Ok(response) => response.text().await,
            Err(error) => Err(error),
        };
        match result {
            Ok(text) => {
                let read: responses::Stored = document::read(&text, &["CompleteMultipartUploadResult"])?;
                let no_etag = || Error::Malformed("no confirmation of the upload".into());
                let etag = read.etag.as_deref().ok_or_else(no_etag)?;
                verify_checksum(&read, parts, whole)?;
                Ok(bare_etag(etag).to_owned())
            }
            Err(error) if error.code() == "NoSuchUpload" => {
                let expected = composite_etag(parts.iter().map(|part| part.etag.as_str()));
                let found = self.head_object(upload.bucket, upload.key).await.map(|head| head.etag).ok();
                if found.is_some() && found == expected { Ok(found.unwrap_or_default()) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Aborts an upload and deletes its parts.
    pub async fn abort_upload(&self, upload: UploadRef<'_>) -> Result<()> {
        let request =
            Request::new(Method::DELETE, Some(upload.bucket), Some(upload.key)).query("uploadId", upload.id);
        self.send(request).await.map(drop)
    }
}

/// Compares the checksum in the response to CompleteMultipartUpload, if there is one, with that of the content that
/// was sent.
fn verify_checksum(
    answer: &responses::Stored,
    parts: &[FinishedPart],
    whole: Option<Checksum>,
) -> Result<()> {
    let Some(algorithm) = parts.first().and_then(|part| part.checksum).map(|checksum| checksum.algorithm())
    else {
        return Ok(());
    };
    let Some(stated) = answer.checksum(algorithm) else { return Ok(()) };
    let sent = whole.map(Stored::Whole).or_else(|| {
        let of_parts = parts.iter().map(|part| part.checksum).collect::<Option<Vec<_>>>();
        Some(Stored::Parts(Checksum::of_parts(of_parts?)?, parts.len() as u64))
    });
    // A checksum of parts is followed by the number of parts on AWS; some servers omit the number.
    let same = |sent: Stored| stated == sent.to_string() || stated == sent.checksum().to_string();
    if sent.is_none_or(same) {
        return Ok(());
    }
    Err(Error::Integrity(format!("{algorithm} checksums don't match: the stored object has {stated}")))
}

/// An ETag without its quotes. A proxy that transforms a body, for example by compressing it, marks the ETag as weak
/// (`W/"..."`); it still identifies the same object.
pub fn bare_etag(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("W/").unwrap_or(text).trim_matches('"')
}

/// Whether an ETag has the form of an MD5.
pub fn is_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MD5 of the sixteen bytes of the empty MD5, and one part.
    #[test]
    fn composite_etags_follow_the_rule() {
        let parts = ["d41d8cd98f00b204e9800998ecf8427e"];
        assert_eq!(composite_etag(parts).unwrap(), "59adb24ef3cdbe0297f05b395827453f-1");
        assert_eq!(composite_etag(["not-an-md5"]), None);
    }

    #[test]
    fn quotes_and_weak_marks_of_etags_are_removed() {
        for text in ["\"6f59-2\"", "6f59-2", "W/\"6f59-2\"", " \"6f59-2\" "] {
            assert_eq!(bare_etag(text), "6f59-2", "{text}");
        }
        assert_eq!((bare_etag(""), bare_etag("W"), bare_etag("\"\"")), ("", "W", ""));
    }

    #[test]
    fn upload_ids_are_read_from_both_root_elements() {
        for root in ["InitiateMultipartUploadResult", "InitiateMultipartUpload"] {
            let answer = format!("<{root} xmlns=\"x\"><Key>k</Key><UploadId>u-1</UploadId></{root}>");
            assert_eq!(upload_id(&answer).unwrap(), "u-1");
        }
        assert!(
            upload_id("<InitiateMultipartUploadResult><UploadId/></InitiateMultipartUploadResult>").is_err()
        );
        assert!(upload_id("<html><UploadId>u</UploadId></html>").is_err());
    }
}
