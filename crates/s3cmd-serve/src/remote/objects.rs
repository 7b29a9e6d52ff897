//! Objects of the upstream store: reading, writing, copying, deleting.

use super::headers::{
    HeaderPurpose, copy_source, request_headers, response_headers, response_headers_without_body,
};
use super::{Remote, read_xml};
use crate::directory::ops::delete::MAX_KEYS;
use crate::http::call::{Call, Reply, ReplyBody, StreamBody};
use crate::model::error::{S3Error, S3Result, malformed_xml, not_implemented};
use crate::model::xml::{Node, Writer};
use crate::route::READING;
use http::Method;
use s3cmd_client::error::ServiceError;
use s3cmd_client::http::request::{Request, Response};
use s3cmd_client::ops::object::with_document;
use std::io;
use std::sync::Arc;

/// The headers that may describe a new object.
const NEW: &[HeaderPurpose] = &[HeaderPurpose::Content, HeaderPurpose::CustomerKey, HeaderPurpose::Match];

/// Copies the children with these names, and all checksums, unchanged.
pub(super) fn copy_children(xml: &mut Writer, node: &Node, names: &[&str]) {
    for child in &node.children {
        if names.contains(&child.name.as_str()) || child.name.starts_with("Checksum") {
            xml.text(&child.name, child.text.trim());
        }
    }
}

impl Remote {
    fn read_request(&self, call: &Call, method: Method) -> S3Result<Request> {
        let purposes = [HeaderPurpose::Read, HeaderPurpose::Match, HeaderPurpose::CustomerKey];
        let mut request = self.object_request(call, method)?.headers(&request_headers(call, &purposes)?);
        // `object_request` adds the version.
        for name in READING.iter().filter(|name| **name != "versionId") {
            if let Some(value) = call.parameter(name) {
                request = request.query(name, value);
            }
        }
        Ok(request)
    }

    /// HeadObject.
    pub(super) async fn head(&self, call: &Call) -> S3Result<Reply> {
        let response = self.send(self.read_request(call, Method::HEAD)?).await?;
        let mut reply = Reply::new(response.status);
        reply.headers = response_headers(&response.headers);
        Ok(reply)
    }

    /// GetObject. The content is read as fast as the client receives it. If the client disconnects, the upstream
    /// request ends.
    pub(super) async fn get(&self, call: &Call) -> S3Result<Reply> {
        let request = self.read_request(call, Method::GET)?.progress(Some(Arc::default()));
        let response = self.send(request).await?;
        let mut reply = Reply::new(response.status);
        reply.headers = response_headers(&response.headers);
        if response.status != 304 {
            let length = response.header("content-length").and_then(|length| length.parse().ok());
            reply.body = ReplyBody::Stream(StreamBody { pieces: pieces(response), length });
        }
        Ok(reply)
    }

    /// Returns a document about an object that contains no names.
    pub(super) async fn get_document(&self, call: &Call, sub: &str) -> S3Result<Reply> {
        let purposes: &[HeaderPurpose] =
            if sub == "attributes" { &[HeaderPurpose::Attributes, HeaderPurpose::CustomerKey] } else { &[] };
        let request =
            self.object_request(call, Method::GET)?.query(sub, "").headers(&request_headers(call, purposes)?);
        let (headers, text) = self.fetch(request).await?;
        let mut reply = Reply::xml(text);
        reply.headers.extend(response_headers_without_body(&headers));
        Ok(reply)
    }

    /// PutObject and CopyObject.
    pub(super) async fn put_or_copy(&self, call: Call) -> S3Result<Reply> {
        if let Some(source) = copy_source(&call) {
            return self.copy(&call, source).await;
        }
        let purposes = [NEW, &[HeaderPurpose::Checksum]].concat();
        let request = self.object_request(&call, Method::PUT)?.headers(&request_headers(&call, &purposes)?);
        self.reply_to_write(self.send_body(call, request).await?).await
    }

    /// The reply after a body was stored.
    async fn reply_to_write(&self, response: Response) -> S3Result<Reply> {
        let mut reply = Reply::new(200);
        reply.headers = response_headers_without_body(&response.headers);
        self.drain(response).await?;
        Ok(reply)
    }

    /// Reads a response to its end and discards it, so that the connection can be reused.
    async fn drain(&self, response: Response) -> S3Result<()> {
        response.text().await.map(drop).map_err(|error| self.error_for_client(&error))
    }

    async fn copy(&self, call: &Call, source: &str) -> S3Result<Reply> {
        let purposes = [NEW, &[HeaderPurpose::Copy, HeaderPurpose::ChecksumSpec]].concat();
        let request = self.object_request(call, Method::PUT)?.headers(&request_headers(call, &purposes)?);
        let request = request.header("x-amz-copy-source", self.served.upstream_source(source, false)?);
        self.send_copy(request, "CopyObjectResult").await
    }

    async fn send_copy(&self, request: Request, root: &'static str) -> S3Result<Reply> {
        let (headers, result) = self.fetch_xml(request, root).await?;
        let mut xml = Writer::new(root);
        copy_children(&mut xml, &result, &["LastModified", "ETag"]);
        let mut reply = Reply::xml(xml.finish());
        reply.headers.extend(response_headers_without_body(&headers));
        reply.headers.retain(|(name, _)| name != "etag" && name != "last-modified");
        Ok(reply)
    }

    /// DeleteObject.
    pub(super) async fn delete(&self, call: &Call) -> S3Result<Reply> {
        let request = self
            .object_request(call, Method::DELETE)?
            .headers(&request_headers(call, &[HeaderPurpose::Match])?);
        let response = self.send(request).await?;
        let mut reply = Reply::new(204);
        reply.headers = response_headers_without_body(&response.headers);
        self.drain(response).await?;
        Ok(reply)
    }

    /// DeleteObjects. A key that is not visible is reported as an error in the result.
    pub(super) async fn delete_many(&self, call: Call) -> S3Result<Reply> {
        request_headers(&call, &[])?;
        let (_, root) = read_xml(call, "Delete").await?;
        let quiet = root.value("Quiet").is_some_and(|text| text.trim() == "true");
        let objects: Vec<&Node> = root.all("Object").collect();
        if objects.is_empty() || objects.len() > MAX_KEYS {
            return Err(malformed_xml());
        }
        let mut rejected: Vec<(&Node, S3Error)> = Vec::new();
        let mut document = Writer::new("Delete");
        document.text("Quiet", quiet.to_string());
        for object in &objects {
            let key = object.value("Key").filter(|key| !key.is_empty()).ok_or_else(malformed_xml)?;
            match self.served.upstream_key(key) {
                Ok(key) => {
                    document.open("Object").text("Key", key);
                    copy_children(&mut document, object, &["VersionId", "ETag", "LastModifiedTime", "Size"]);
                    document.close();
                }
                Err(error) => rejected.push((object, error)),
            }
        }
        let mut xml = Writer::new("DeleteResult");
        for (object, error) in &rejected {
            xml.open("Error").text("Key", object.value("Key").unwrap_or_default());
            copy_children(&mut xml, object, &["VersionId"]);
            xml.text("Code", error.code.as_str()).text("Message", &error.message).close();
        }
        if rejected.len() < objects.len() {
            let request = self.bucket_request(Method::POST).query("delete", "");
            let request = self.with_body(request, document).await?;
            let (_, result) = self.fetch_xml(request, "DeleteResult").await?;
            self.write_deleted(&mut xml, &result);
        }
        Ok(Reply::xml(xml.finish()))
    }

    fn write_deleted(&self, xml: &mut Writer, result: &Node) {
        for node in &result.children {
            let Some(key) = node.value("Key").and_then(|key| self.served.client_name(key)) else { continue };
            match node.name.as_str() {
                "Deleted" => {
                    xml.open("Deleted").text("Key", key);
                    copy_children(xml, node, &["VersionId", "DeleteMarker", "DeleteMarkerVersionId"]);
                    xml.close();
                }
                "Error" => {
                    let text = |name| node.value(name).unwrap_or_default().trim().to_owned();
                    let error = ServiceError::new(400, text("Code"), text("Message"));
                    let error = self.error_for_client(&error.into());
                    xml.open("Error").text("Key", key);
                    copy_children(xml, node, &["VersionId"]);
                    xml.text("Code", error.code.as_str()).text("Message", &error.message).close();
                }
                _ => {}
            }
        }
    }

    /// Adds an XML document as the body of a request.
    async fn with_body(&self, request: Request, document: Writer) -> S3Result<Request> {
        let with_body = with_document(request, document.finish(), "application/xml").await;
        with_body.map_err(|error| self.error_for_client(&error))
    }

    /// PutObjectTagging.
    pub(super) async fn put_tagging(&self, call: Call) -> S3Result<Reply> {
        request_headers(&call, &[])?;
        let request = self.object_request(&call, Method::PUT)?.query("tagging", "");
        let (_, root) = read_xml(call, "Tagging").await?;
        let mut document = Writer::new("Tagging");
        document.open("TagSet");
        for tag in root.child("TagSet").ok_or_else(malformed_xml)?.all("Tag") {
            let (Some(key), Some(value)) = (tag.value("Key"), tag.value("Value")) else {
                return Err(malformed_xml());
            };
            document.open("Tag").text("Key", key).text("Value", value).close();
        }
        let request = self.with_body(request, document).await?;
        self.reply_to_write(self.send(request).await?).await
    }

    /// DeleteObjectTagging.
    pub(super) async fn delete_tagging(&self, call: &Call) -> S3Result<Reply> {
        request_headers(call, &[])?;
        let request = self.object_request(call, Method::DELETE)?.query("tagging", "");
        let mut reply = self.reply_to_write(self.send(request).await?).await?;
        reply.status = 204;
        Ok(reply)
    }

    /// RestoreObject, only in place: a restore with a query could write its result elsewhere.
    pub(super) async fn restore(&self, call: Call) -> S3Result<Reply> {
        request_headers(&call, &[])?;
        let request = self.object_request(&call, Method::POST)?.query("restore", "");
        let (_, root) = read_xml(call, "RestoreRequest").await?;
        let known = ["Days", "GlacierJobParameters", "Tier"];
        if let Some(other) = root.children.iter().find(|child| !known.contains(&child.name.as_str())) {
            return Err(not_implemented(&format!("A restore with {}", other.name)));
        }
        let mut document = Writer::new("RestoreRequest");
        copy_children(&mut document, &root, &["Days", "Tier"]);
        if let Some(parameters) = root.child("GlacierJobParameters") {
            copy_children(document.open("GlacierJobParameters"), parameters, &["Tier"]);
            document.close();
        }
        let response = self.send(self.with_body(request, document).await?).await?;
        let mut reply = Reply::new(response.status);
        reply.headers = response_headers_without_body(&response.headers);
        self.drain(response).await?;
        Ok(reply)
    }

    /// CreateMultipartUpload.
    pub(super) async fn create_upload(&self, call: &Call) -> S3Result<Reply> {
        let purposes = [HeaderPurpose::Content, HeaderPurpose::CustomerKey, HeaderPurpose::ChecksumSpec];
        let request = self
            .object_request(call, Method::POST)?
            .query("uploads", "")
            .headers(&request_headers(call, &purposes)?);
        let (headers, result) = self.fetch_xml(request, "InitiateMultipartUploadResult").await?;
        let mut xml = Writer::new("InitiateMultipartUploadResult");
        xml.text("Bucket", self.served.bucket()).text("Key", call.key());
        copy_children(&mut xml, &result, &["UploadId"]);
        let mut reply = Reply::xml(xml.finish());
        reply.headers.extend(response_headers_without_body(&headers));
        Ok(reply)
    }

    fn upload_request(&self, call: &Call, method: Method) -> S3Result<Request> {
        let id = call.parameter("uploadId").unwrap_or_default();
        Ok(self.object_request(call, method)?.query("uploadId", id))
    }

    /// UploadPart and UploadPartCopy.
    pub(super) async fn put_part(&self, call: Call) -> S3Result<Reply> {
        let number = call.parameter("partNumber").unwrap_or_default();
        let request = self.upload_request(&call, Method::PUT)?.query("partNumber", number);
        if let Some(source) = copy_source(&call) {
            let request =
                request.headers(&request_headers(&call, &[HeaderPurpose::Copy, HeaderPurpose::CustomerKey])?);
            let source = self.served.upstream_source(source, true)?;
            return self.send_copy(request.header("x-amz-copy-source", source), "CopyPartResult").await;
        }
        let request =
            request.headers(&request_headers(&call, &[HeaderPurpose::CustomerKey, HeaderPurpose::Checksum])?);
        self.reply_to_write(self.send_body(call, request).await?).await
    }

    /// CompleteMultipartUpload.
    pub(super) async fn complete_upload(&self, call: Call) -> S3Result<Reply> {
        let purposes = [
            HeaderPurpose::Match,
            HeaderPurpose::Checksum,
            HeaderPurpose::ChecksumSpec,
            HeaderPurpose::Size,
            HeaderPurpose::CustomerKey,
        ];
        let mut headers = request_headers(&call, &purposes)?;
        headers.retain(|(name, _)| name != "content-md5");
        let request = self.upload_request(&call, Method::POST)?.headers(&headers);
        let (call, root) = read_xml(call, "CompleteMultipartUpload").await?;
        let mut document = Writer::new("CompleteMultipartUpload");
        for part in root.all("Part") {
            copy_children(document.open("Part"), part, &["PartNumber", "ETag"]);
            document.close();
        }
        let request = self.with_body(request, document).await?;
        let (headers, result) = self.fetch_xml(request, "CompleteMultipartUploadResult").await?;
        let mut xml = Writer::new("CompleteMultipartUploadResult");
        xml.text("Location", call.url(self.secure));
        xml.text("Bucket", self.served.bucket()).text("Key", call.key());
        copy_children(&mut xml, &result, &["ETag"]);
        let mut reply = Reply::xml(xml.finish());
        reply.headers.extend(response_headers_without_body(&headers));
        reply.headers.retain(|(name, _)| name != "etag");
        Ok(reply)
    }

    /// AbortMultipartUpload.
    pub(super) async fn abort_upload(&self, call: &Call) -> S3Result<Reply> {
        request_headers(call, &[])?;
        let response = self.send(self.upload_request(call, Method::DELETE)?).await?;
        self.drain(response).await?;
        Ok(Reply::new(204))
    }
}

/// The body of a response, piece by piece.
fn pieces(response: Response) -> futures::stream::BoxStream<'static, io::Result<bytes::Bytes>> {
    Box::pin(futures::stream::unfold(response, |mut response| async move {
        match response.chunk().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), response)),
            Err(error) => {
                log::warn!("serve: the upstream response was interrupted: {error}");
                Some((Err(io::Error::other("the upstream response was interrupted")), response))
            }
        }
    }))
}
