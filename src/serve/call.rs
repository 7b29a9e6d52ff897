//! A request as the operations see it, and their reply.

use super::auth::payload::Payload;
use super::error::{S3Error, S3Result, fail};
use super::request_context::RequestContext;
use super::sse::Seal;
use super::users::User;
use super::xml::Writer;
use crate::s3::header_text;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::fs::File;
use std::io;
use std::net::IpAddr;

/// S3's limit, in bytes.
const MAX_KEY: usize = 1024;

/// A request whose signature has been verified.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
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
            let mut hoisted = self.hoisted();
            hoisted.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        })
    }

    /// Makes headers of the query parameters that stand for them in a V4 link, whatever they say: a parameter must not be
    /// passed over where the header would count. Those of the signature stay, and so do checksums (some SDKs put the one of
    /// an empty body there, and AWS does not look at them).
    pub(crate) fn lower_link(&mut self) {
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
        if self.hoisted().next().is_none() {
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
    pub(crate) fn hoisted(&self) -> impl Iterator<Item = &(String, String)> {
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
    pub(crate) fn who(&self) -> Option<&str> {
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
                    "InvalidArgument",
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
        seal: Option<Seal>,
    },
    /// As it comes from elsewhere.
    Flow(Flow),
}

/// Content that comes from elsewhere while it is sent on: read as fast as the client takes it, and given up with the client.
pub(crate) struct Flow {
    pub(crate) pieces: BoxStream<'static, io::Result<Bytes>>,
    /// In bytes, where it is known.
    pub(crate) length: Option<u64>,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("length", &self.length).finish_non_exhaustive()
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
        xml.text("Code", error.code).text("Message", &error.message);
        for (name, value) in &error.details {
            xml.text(name, value);
        }
        xml.text("Resource", resource).text("RequestId", id).text("HostId", "s3cmd-serve");
        reply.header("content-type", "application/xml").whole(xml.finish())
    }
}

/// The time form of HTTP headers.
pub(crate) fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The bucket that a host name says, for virtual-host style: what stands before one of the base domains, the longest that
/// fits. A base domain itself says none, even below another one.
pub(crate) fn host_bucket<'a>(host: &'a str, domains: &[String]) -> Option<&'a str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if domains.iter().any(|domain| name.eq_ignore_ascii_case(domain)) {
        return None;
    }
    let below = |domain: &String| {
        let at = name.len().checked_sub(domain.len() + 1)?;
        let (bucket, rest) = (name.get(..at)?, name.get(at + 1..)?);
        let fits = !bucket.is_empty() && name.as_bytes()[at] == b'.' && rest.eq_ignore_ascii_case(domain);
        fits.then_some(bucket)
    };
    domains.iter().filter_map(below).min_by_key(|bucket| bucket.len())
}

/// Bucket and key of a path as sent. Only the first slashes are looked at: a key may be `a/../b`, start with `/` or
/// hold `//`, encoded or not, and is what it says.
pub(crate) fn split_path(
    path: &str,
    host_bucket: Option<&str>,
) -> S3Result<(Option<String>, Option<String>)> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    let (bucket, key) = match host_bucket {
        Some(bucket) => (bucket.to_owned(), rest),
        None => {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            (decode(bucket)?, key)
        }
    };
    let key = decode(key)?;
    check_key(&key)?;
    let some = |text: String| (!text.is_empty()).then_some(text);
    match (some(bucket), some(key)) {
        (None, Some(_)) => fail("InvalidBucketName", "The specified bucket is not valid."),
        pair => Ok(pair),
    }
}

/// Refuses keys that are too long.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    if key.len() <= MAX_KEY {
        return Ok(());
    }
    Err(S3Error::new("KeyTooLongError", "Your key is too long")
        .detail("Size", key.len().to_string())
        .detail("MaxSizeAllowed", MAX_KEY.to_string()))
}

/// Percent-decodes text that must be UTF-8.
pub(crate) fn decode(text: &str) -> S3Result<String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => fail("InvalidURI", "Couldn't parse the specified URI: a name must be UTF-8."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_literally() {
        let of = |path| {
            let (bucket, key) = split_path(path, None).unwrap();
            (bucket.unwrap_or_default(), key.unwrap_or_default())
        };
        let pair = |bucket: &str, key: &str| (bucket.to_owned(), key.to_owned());
        assert_eq!(of("/"), pair("", ""));
        assert_eq!(of("/b"), pair("b", ""));
        assert_eq!(of("/b/"), pair("b", ""));
        assert_eq!(of("/b//x"), pair("b", "/x"));
        assert_eq!(of("/b/a/../x"), pair("b", "a/../x"));
        assert_eq!(of("/b/a%2F%2e%2E/x+%20"), pair("b", "a/../x+ "));
        assert_eq!(split_path("/b/%ff", None).unwrap_err().code, "InvalidURI");
        assert_eq!(split_path("//x", None).unwrap_err().code, "InvalidBucketName");
        assert_eq!(split_path("/k/x", Some("b")).unwrap(), (Some("b".into()), Some("k/x".into())));
        assert!(split_path(&format!("/b/{}", "é".repeat(512)), None).is_ok());
        assert_eq!(
            split_path(&format!("/b/{}", "x".repeat(1025)), None).unwrap_err().code,
            "KeyTooLongError"
        );
    }

    #[test]
    fn of_domains_below_each_other_the_longest_counts() {
        let domains = ["example.org".to_owned(), "s3.example.org".to_owned()];
        let of = |host| host_bucket(host, &domains);
        assert_eq!((of("s3.example.org"), of("S3.example.org:80")), (None, None));
        assert_eq!((of("b.s3.example.org"), of("b.example.org")), (Some("b"), Some("b")));
    }

    #[test]
    fn host_names_say_buckets() {
        let domains = ["localhost".to_owned(), "s3.example.org".to_owned()];
        let of = |host| host_bucket(host, &domains);
        assert_eq!(of("b.localhost:9000"), Some("b"));
        assert_eq!(of("b.c.S3.example.org"), Some("b.c"));
        for host in ["localhost", "localhost:1", "127.0.0.1:9", ".localhost", "xlocalhost", "[::1]:80", ""] {
            assert_eq!(of(host), None, "{host}");
        }
    }
}
