//! Request signing as pure functions: (method, path, query, headers, payload hash, credentials, time) -> headers or
//! query string. Nothing here reads a clock, a socket or a setting, so published test vectors run unchanged, and a
//! server can verify requests with the same functions.
//!
//! - [`v4`]: AWS Signature Version 4, in the header and in the query,
//!   <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>.
//! - [`v2`]: AWS Signature Version 2 as S3 uses it, in the header and in the query,
//!   <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>.
//! - [`encode`]: the percent-encoding that signatures and request lines share.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::chrono::Utc;
//! use s3cmd_client::credentials::Credentials;
//! use s3cmd_client::sign::{Request, v4};
//!
//! let headers = [("host".to_owned(), "s3.example.org".to_owned())];
//! let request = Request { method: "GET", path: "/bucket/key", query: &[], headers: &headers };
//! let credentials = Credentials::new("ACCESSKEY", "secret", None);
//! let scope = v4::Scope { time: Utc::now(), region: "us-east-1", service: "s3" };
//! let added = v4::sign(&request, v4::EMPTY_SHA256, &credentials, &scope);
//! assert!(added.iter().any(|(name, _)| name == "authorization"));
//! ```

pub mod encode;
pub mod v2;
pub mod v4;

/// The request to sign, as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Upper-case HTTP method.
    pub method: &'a str,
    /// The percent-encoded path of the request line, with the leading `/`.
    pub path: &'a str,
    /// Query parameters, **decoded**, in any order. A parameter without a value (`?acl`) has an empty one.
    pub query: &'a [(String, String)],
    /// Header names in lower case with their values; must contain `host` for V4.
    pub headers: &'a [(String, String)],
}

impl Request<'_> {
    /// The value of a header (`name` in lower case), if present.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod vector_tests;
