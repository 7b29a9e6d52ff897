//! The parsed, authenticated request that operations receive, and the reply that they return.

use super::request_context::RequestContext;
use crate::auth::payload::Payload;
use crate::auth::users::User;
use crate::model::error::{ErrorCode, S3Error, S3Result};
use crate::model::xml::Writer;
use crate::store::cipher::ObjectCipher;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::Method;
use s3cmd_client::http::header_text;
use std::fmt;
use std::fs::File;
use std::io;
use std::net::IpAddr;

/// A request whose signature has been verified.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path as in the request line, still percent-encoded.
    pub(crate) path: String,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    /// Percent-decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) peer: IpAddr,
    /// `None` for an anonymous request.
    pub(crate) user: Option<User>,
    pub(crate) payload: Payload,
    pub(crate) context: RequestContext,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a query parameter; empty if it has no value, `None` if it is absent.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header, or of the query parameter that replaces it in a presigned V4 URL. V2 does not sign such
    /// parameters: anyone who has a presigned V2 URL could add one.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.header(name).or_else(|| {
            let mut parameters = self.presigned_parameters();
            parameters.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        })
    }

    /// Moves the query parameters of a presigned V4 URL that replace headers into the headers, so that no operation can
    /// overlook them. The parameters of the signature stay, and so do checksums: some SDKs put the checksum of an empty
    /// body there, and AWS ignores them.
    pub(crate) fn parameters_to_headers(&mut self) {
        const SIGNATURE_PARAMETERS: [&str; 8] = [
            "x-amz-algorithm",
            "x-amz-content-sha256",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-expires",
            "x-amz-security-token",
            "x-amz-signature",
            "x-amz-signedheaders",
        ];
        if self.presigned_parameters().next().is_none() {
            return;
        }
        let is_header = |name: &str| {
            let checksum = name.strip_prefix("x-amz-checksum-");
            name.starts_with("x-amz-")
                && !SIGNATURE_PARAMETERS.contains(&name)
                && !name.starts_with("x-amz-sdk-")
                && checksum.is_none_or(|rest| matches!(rest, "mode" | "algorithm" | "type"))
        };
        for (name, value) in self.query.extract_if(.., |(name, _)| is_header(&name.to_ascii_lowercase())) {
            let name = name.to_ascii_lowercase();
            // A header of the same name takes precedence; it is signed as well.
            if !self.headers.iter().any(|(known, _)| *known == name) {
                self.headers.push((name, header_text::from_bytes(value.as_bytes())));
            }
        }
    }

    /// The signed query parameters of a presigned V4 URL; empty for other requests.
    pub(crate) fn presigned_parameters(&self) -> impl Iterator<Item = &(String, String)> {
        let is_presigned =
            self.header("authorization").is_none() && self.parameter("X-Amz-Signature").is_some();
        self.query.iter().filter(move |_| is_presigned)
    }

    pub(crate) fn bucket_name(&self) -> &str {
        self.bucket.as_deref().unwrap_or("")
    }

    pub(crate) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or("")
    }

    /// The requested URL without its query.
    pub(crate) fn url(&self, secure: bool) -> String {
        let scheme = if secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.header("host").unwrap_or("localhost"), self.path)
    }

    /// Canonical id of the requester; `None` for an anonymous request.
    pub(crate) fn requester_id(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }

    /// A number from the query; `default` if absent or empty. InvalidArgument if it is not an integer in range.
    pub(crate) fn number(&self, name: &'static str, default: usize) -> S3Result<usize> {
        match self.parameter(name) {
            None => Ok(default),
            Some("") => Ok(default),
            Some(text) => match text.parse::<i32>().ok().and_then(|number| usize::try_from(number).ok()) {
                Some(number) => Ok(number),
                None => Err(S3Error::new(
                    ErrorCode::InvalidArgument,
                    format!("Provided {name} not an integer or within integer range"),
                )
                .detail("ArgumentName", name)
                .detail("ArgumentValue", text)),
            },
        }
    }
}

/// The response of an operation.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: ReplyBody,
}

#[derive(Debug)]
pub(crate) enum ReplyBody {
    Whole(Bytes),
    /// `first` has been read already; `left` bytes follow in the file at `offset`.
    File {
        first: Bytes,
        file: File,
        offset: u64,
        left: u64,
        /// Decrypts those bytes.
        cipher: Option<ObjectCipher>,
    },
    /// Relayed from another server.
    Stream(StreamBody),
}

/// Content that is relayed from another server: read as fast as the client reads, and abandoned when the client
/// disconnects.
pub(crate) struct StreamBody {
    pub(crate) pieces: BoxStream<'static, io::Result<Bytes>>,
    /// In bytes; `None` if unknown.
    pub(crate) length: Option<u64>,
}

impl fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBody").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: ReplyBody::Whole(Bytes::new()) }
    }

    pub(crate) fn xml(text: String) -> Self {
        Self::new(200).header("content-type", "application/xml").whole(text)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds the id of the created version, if the bucket is versioned.
    pub(crate) fn version(self, id: Option<String>) -> Self {
        match id {
            Some(id) => self.header("x-amz-version-id", id),
            None => self,
        }
    }

    pub(crate) fn whole(mut self, body: impl Into<Bytes>) -> Self {
        self.body = ReplyBody::Whole(body.into());
        self
    }

    /// The reply that reports an error; `id` is the request's.
    pub(crate) fn error(error: &S3Error, resource: &str, id: &str) -> Self {
        let mut reply = Self::new(error.status);
        reply.headers.extend(error.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if error.status == 304 {
            return reply;
        }
        let mut xml = Writer::new("Error");
        xml.text("Code", error.code.as_str()).text("Message", &error.message);
        for (name, value) in &error.details {
            xml.text(name, value);
        }
        xml.text("Resource", resource).text("RequestId", id).text("HostId", "s3cmd-serve");
        reply.header("content-type", "application/xml").whole(xml.finish())
    }
}
