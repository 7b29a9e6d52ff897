//! Objects of the store behind: read, written, copied, deleted.

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

/// What may be said of the object that a write makes.
const NEW: &[HeaderPurpose] = &[HeaderPurpose::Content, HeaderPurpose::CustomerKey, HeaderPurpose::Match];

/// Children with these names, and checksums, as they are.
pub(super) fn copy_children(xml: &mut Writer, node: &Node, names: &[&str]) {
    for child in &node.children {
        if names.contains(&child.name.as_str()) || child.name.starts_with("Checksum") {
            xml.text(&child.name, child.text.trim());
        }
    }
}

impl Remote {
    fn ask_to_read(&self, call: &Call, method: Method) -> S3Result<Request> {
        let wanted = [HeaderPurpose::Read, HeaderPurpose::Match, HeaderPurpose::CustomerKey];
        let mut request = self.ask_object(call, method)?.headers(&request_headers(call, &wanted)?);
        // The version is asked for with every object.
        for name in READING.iter().filter(|name| **name != "versionId") {
            if let Some(value) = call.parameter(name) {
                request = request.query(name, value);
            }
        }
        Ok(request)
    }

    /// HeadObject.
    pub(super) async fn head(&self, call: &Call) -> S3Result<Reply> {
        let response = self.send(self.ask_to_read(call, Method::HEAD)?).await?;
        let mut reply = Reply::new(response.status);
        reply.headers = response_headers(&response.headers);
        Ok(reply)
    }

    /// GetObject. The content is read as fast as the client takes it; if the client goes, so does the request behind.
    pub(super) async fn get(&self, call: &Call) -> S3Result<Reply> {
        let request = self.ask_to_read(call, Method::GET)?.progress(Some(Arc::default()));
        let response = self.send(request).await?;
        let mut reply = Reply::new(response.status);
        reply.headers = response_headers(&response.headers);
        if response.status != 304 {
            let length = response.header("content-length").and_then(|length| length.parse().ok());
            reply.body = ReplyBody::Stream(StreamBody { pieces: pieces(response), length });
        }
        Ok(reply)
    }

    /// Documents about an object that name nothing.
    pub(super) async fn get_document(&self, call: &Call, sub: &str) -> S3Result<Reply> {
        let wanted: &[HeaderPurpose] =
            if sub == "attributes" { &[HeaderPurpose::Attributes, HeaderPurpose::CustomerKey] } else { &[] };
        let request =
            self.ask_object(call, Method::GET)?.query(sub, "").headers(&request_headers(call, wanted)?);
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
        let wanted = [NEW, &[HeaderPurpose::Checksum]].concat();
        let request = self.ask_object(&call, Method::PUT)?.headers(&request_headers(&call, &wanted)?);
        self.stored(self.send_body(call, request).await?).await
    }

    /// The answer to a body that was stored.
    async fn stored(&self, response: Response) -> S3Result<Reply> {
        let mut reply = Reply::new(200);
        reply.headers = response_headers_without_body(&response.headers);
        self.read_out(response).await?;
        Ok(reply)
    }

    /// Reads an answer that has nothing to say to its end, so that its connection can be used again.
    async fn read_out(&self, response: Response) -> S3Result<()> {
        response.text().await.map(drop).map_err(|error| self.shown_error(&error))
    }

    async fn copy(&self, call: &Call, source: &str) -> S3Result<Reply> {
        let wanted = [NEW, &[HeaderPurpose::Copy, HeaderPurpose::ChecksumSpec]].concat();
        let request = self.ask_object(call, Method::PUT)?.headers(&request_headers(call, &wanted)?);
        let request = request.header("x-amz-copy-source", self.served.real_source(source, false)?);
        self.copied(request, "CopyObjectResult").await
    }

    async fn copied(&self, request: Request, root: &'static str) -> S3Result<Reply> {
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
        let request =
            self.ask_object(call, Method::DELETE)?.headers(&request_headers(call, &[HeaderPurpose::Match])?);
        let response = self.send(request).await?;
        let mut reply = Reply::new(204);
        reply.headers = response_headers_without_body(&response.headers);
        self.read_out(response).await?;
        Ok(reply)
    }

    /// DeleteObjects. Keys that cannot be reached are failures of their own.
    pub(super) async fn delete_many(&self, call: Call) -> S3Result<Reply> {
        request_headers(&call, &[])?;
        let (_, root) = read_xml(call, "Delete").await?;
        let quiet = root.value("Quiet").is_some_and(|text| text.trim() == "true");
        let objects: Vec<&Node> = root.all("Object").collect();
        if objects.is_empty() || objects.len() > MAX_KEYS {
            return Err(malformed_xml());
        }
        let mut refused: Vec<(&Node, S3Error)> = Vec::new();
        let mut document = Writer::new("Delete");
        document.text("Quiet", quiet.to_string());
        for object in &objects {
            let key = object.value("Key").filter(|key| !key.is_empty()).ok_or_else(malformed_xml)?;
            match self.served.real_key(key) {
                Ok(key) => {
                    document.open("Object").text("Key", key);
                    copy_children(&mut document, object, &["VersionId", "ETag", "LastModifiedTime", "Size"]);
                    document.close();
                }
                Err(error) => refused.push((object, error)),
            }
        }
        let mut xml = Writer::new("DeleteResult");
        for (object, error) in &refused {
            xml.open("Error").text("Key", object.value("Key").unwrap_or_default());
            copy_children(&mut xml, object, &["VersionId"]);
            xml.text("Code", error.code.as_str()).text("Message", &error.message).close();
        }
        if refused.len() < objects.len() {
            let request = self.ask_bucket(Method::POST).query("delete", "");
            let request = self.documented(request, document).await?;
            let (_, result) = self.fetch_xml(request, "DeleteResult").await?;
            self.write_deleted(&mut xml, &result);
        }
        Ok(Reply::xml(xml.finish()))
    }

    fn write_deleted(&self, xml: &mut Writer, result: &Node) {
        for node in &result.children {
            let Some(key) = node.value("Key").and_then(|key| self.served.shown(key)) else { continue };
            match node.name.as_str() {
                "Deleted" => {
                    xml.open("Deleted").text("Key", key);
                    copy_children(xml, node, &["VersionId", "DeleteMarker", "DeleteMarkerVersionId"]);
                    xml.close();
                }
                "Error" => {
                    let text = |name| node.value(name).unwrap_or_default().trim().to_owned();
                    let error = ServiceError::new(400, text("Code"), text("Message"));
                    let error = self.shown_error(&error.into());
                    xml.open("Error").text("Key", key);
                    copy_children(xml, node, &["VersionId"]);
                    xml.text("Code", error.code.as_str()).text("Message", &error.message).close();
                }
                _ => {}
            }
        }
    }

    /// Adds a document as a request's body.
    async fn documented(&self, request: Request, document: Writer) -> S3Result<Request> {
        let documented = with_document(request, document.finish(), "application/xml").await;
        documented.map_err(|error| self.shown_error(&error))
    }

    /// PutObjectTagging.
    pub(super) async fn put_tagging(&self, call: Call) -> S3Result<Reply> {
        request_headers(&call, &[])?;
        let request = self.ask_object(&call, Method::PUT)?.query("tagging", "");
        let (_, root) = read_xml(call, "Tagging").await?;
        let mut document = Writer::new("Tagging");
        document.open("TagSet");
        for tag in root.child("TagSet").ok_or_else(malformed_xml)?.all("Tag") {
            let (Some(key), Some(value)) = (tag.value("Key"), tag.value("Value")) else {
                return Err(malformed_xml());
            };
            document.open("Tag").text("Key", key).text("Value", value).close();
        }
        let request = self.documented(request, document).await?;
        self.stored(self.send(request).await?).await
    }

    /// DeleteObjectTagging.
    pub(super) async fn delete_tagging(&self, call: &Call) -> S3Result<Reply> {
        request_headers(call, &[])?;
        let request = self.ask_object(call, Method::DELETE)?.query("tagging", "");
        let mut reply = self.stored(self.send(request).await?).await?;
        reply.status = 204;
        Ok(reply)
    }

    /// RestoreObject: back where it was only. A query could write its result elsewhere.
    pub(super) async fn restore(&self, call: Call) -> S3Result<Reply> {
        request_headers(&call, &[])?;
        let request = self.ask_object(&call, Method::POST)?.query("restore", "");
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
        let response = self.send(self.documented(request, document).await?).await?;
        let mut reply = Reply::new(response.status);
        reply.headers = response_headers_without_body(&response.headers);
        self.read_out(response).await?;
        Ok(reply)
    }

    /// CreateMultipartUpload.
    pub(super) async fn create_upload(&self, call: &Call) -> S3Result<Reply> {
        let wanted = [HeaderPurpose::Content, HeaderPurpose::CustomerKey, HeaderPurpose::ChecksumSpec];
        let request = self
            .ask_object(call, Method::POST)?
            .query("uploads", "")
            .headers(&request_headers(call, &wanted)?);
        let (headers, result) = self.fetch_xml(request, "InitiateMultipartUploadResult").await?;
        let mut xml = Writer::new("InitiateMultipartUploadResult");
        xml.text("Bucket", self.served.bucket()).text("Key", call.key());
        copy_children(&mut xml, &result, &["UploadId"]);
        let mut reply = Reply::xml(xml.finish());
        reply.headers.extend(response_headers_without_body(&headers));
        Ok(reply)
    }

    fn ask_upload(&self, call: &Call, method: Method) -> S3Result<Request> {
        let id = call.parameter("uploadId").unwrap_or_default();
        Ok(self.ask_object(call, method)?.query("uploadId", id))
    }

    /// UploadPart and UploadPartCopy.
    pub(super) async fn put_part(&self, call: Call) -> S3Result<Reply> {
        let number = call.parameter("partNumber").unwrap_or_default();
        let request = self.ask_upload(&call, Method::PUT)?.query("partNumber", number);
        if let Some(source) = copy_source(&call) {
            let request =
                request.headers(&request_headers(&call, &[HeaderPurpose::Copy, HeaderPurpose::CustomerKey])?);
            let source = self.served.real_source(source, true)?;
            return self.copied(request.header("x-amz-copy-source", source), "CopyPartResult").await;
        }
        let request =
            request.headers(&request_headers(&call, &[HeaderPurpose::CustomerKey, HeaderPurpose::Checksum])?);
        self.stored(self.send_body(call, request).await?).await
    }

    /// CompleteMultipartUpload.
    pub(super) async fn complete_upload(&self, call: Call) -> S3Result<Reply> {
        let wanted = [
            HeaderPurpose::Match,
            HeaderPurpose::Checksum,
            HeaderPurpose::ChecksumSpec,
            HeaderPurpose::Size,
            HeaderPurpose::CustomerKey,
        ];
        let mut headers = request_headers(&call, &wanted)?;
        headers.retain(|(name, _)| name != "content-md5");
        let request = self.ask_upload(&call, Method::POST)?.headers(&headers);
        let (call, root) = read_xml(call, "CompleteMultipartUpload").await?;
        let mut document = Writer::new("CompleteMultipartUpload");
        for part in root.all("Part") {
            copy_children(document.open("Part"), part, &["PartNumber", "ETag"]);
            document.close();
        }
        let request = self.documented(request, document).await?;
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
        let response = self.send(self.ask_upload(call, Method::DELETE)?).await?;
        self.read_out(response).await?;
        Ok(Reply::new(204))
    }
}

/// The body of an answer, piece by piece.
fn pieces(response: Response) -> futures::stream::BoxStream<'static, io::Result<bytes::Bytes>> {
    Box::pin(futures::stream::unfold(response, |mut response| async move {
        match response.chunk().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), response)),
            Err(error) => {
                log::warn!("serve: the store behind broke off: {error}");
                Some((Err(io::Error::other("the store behind broke off")), response))
            }
        }
    }))
}
