//! A request as the operations see it, and their reply.

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
    /// Path as in the request line.
    pub(crate) path: String,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) peer: IpAddr,
    /// `None`: anonymous.
    pub(crate) user: Option<User>,
    pub(crate) payload: Payload,
    pub(crate) context: RequestContext,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter's value (empty if it has none).
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A header, or the query parameter that stands for it in a V4 link. V2 signs no such parameters: there,
    /// whoever has a link could add one.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.header(name).or_else(|| {
            let mut link_parameters = self.link_parameters();
            link_parameters.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        })
    }

    /// Makes headers of the query parameters that stand for them in a V4 link, whatever they say: a parameter must not
    /// be passed over where the header would count. Those of the signature stay, and so do checksums (some SDKs put the
    /// one of an empty body there, and AWS does not look at them).
    pub(crate) fn parameters_to_headers(&mut self) {
        const OF_SIGNATURE: [&str; 8] = [
            "x-amz-algorithm",
            "x-amz-content-sha256",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-expires",
            "x-amz-security-token",
            "x-amz-signature",
            "x-amz-signedheaders",
        ];
        if self.link_parameters().next().is_none() {
            return;
        }
        let is_header = |name: &str| {
            let sum = name.strip_prefix("x-amz-checksum-");
            name.starts_with("x-amz-")
                && !OF_SIGNATURE.contains(&name)
                && !name.starts_with("x-amz-sdk-")
                && sum.is_none_or(|sum| matches!(sum, "mode" | "algorithm" | "type"))
        };
        for (name, value) in self.query.extract_if(.., |(name, _)| is_header(&name.to_ascii_lowercase())) {
            let name = name.to_ascii_lowercase();
            // Headers are signed, too.
            if !self.headers.iter().any(|(known, _)| *known == name) {
                self.headers.push((name, header_text::from_bytes(value.as_bytes())));
            }
        }
    }

    /// The signed query parameters of a V4 link; nothing for other requests.
    pub(crate) fn link_parameters(&self) -> impl Iterator<Item = &(String, String)> {
        let link = self.header("authorization").is_none() && self.parameter("X-Amz-Signature").is_some();
        self.query.iter().filter(move |_| link)
    }

    pub(crate) fn bucket_name(&self) -> &str {
        self.bucket.as_deref().unwrap_or("")
    }

    pub(crate) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or("")
    }

    /// The URL that was asked for, without its query.
    pub(crate) fn url(&self, secure: bool) -> String {
        let scheme = if secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.header("host").unwrap_or("localhost"), self.path)
    }

    /// Canonical id of the requester.
    pub(crate) fn requester_id(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }

    /// A number from the query.
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

/// What goes back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: ReplyBody,
}

#[derive(Debug)]
pub(crate) enum ReplyBody {
    Whole(Bytes),
    /// `first` was read already; `left` bytes follow at `offset`.
    File {
        first: Bytes,
        file: File,
        offset: u64,
        left: u64,
        /// Decrypts what follows.
        cipher: Option<ObjectCipher>,
    },
    /// As it comes from elsewhere.
    Stream(StreamBody),
}

/// Content that comes from elsewhere while it is sent on: read as fast as the client takes it, and given up with the
/// client.
pub(crate) struct StreamBody {
    pub(crate) pieces: BoxStream<'static, io::Result<Bytes>>,
    /// In bytes, where it is known.
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

    /// Names the version that was made, if there are versions.
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

    /// The reply for an error.
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
