//! Request signing, pure: (method, path, query, headers, payload hash, credentials, time) in, headers or a
//! query string out. Nothing here reads a clock, a socket or a setting, so that published test vectors run as
//! they are, and the embedded server verifies with the very functions that the client signs with.
//!
//! - [`v4`]: AWS Signature Version 4, in the header and in the query.
//!   <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>
//! - [`v2`]: AWS Signature Version 2 as S3 uses it, in the header and in the query.
//!   <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>
//! - [`encode`]: the one percent-encoding that signatures and request lines share.

pub mod encode;
pub mod v2;
pub mod v4;

/// What is signed: a request as it goes on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Upper-case HTTP method.
    pub method: &'a str,
    /// The percent-encoded path as it stands in the request line, from the leading `/` on.
    pub path: &'a str,
    /// Query parameters, **decoded**, in any order; a parameter without a value (`?acl`) has an empty one.
    pub query: &'a [(String, String)],
    /// Header names in lower case with their values; must hold `host` for V4.
    pub headers: &'a [(String, String)],
}

impl Request<'_> {
    /// The value of a header (name in lower case), if present.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod vector_tests;
