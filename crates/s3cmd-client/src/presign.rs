//! URLs that work without credentials: presigned (V4, V2) and public ones.
//!
//! # Examples
//!
//! A link to download an object, and a link to upload one:
//!
//! ```
//! use s3cmd_client::Method;
//! use s3cmd_client::chrono::Utc;
//! use s3cmd_client::credentials::Credentials;
//! use s3cmd_client::endpoint::Endpoint;
//! use s3cmd_client::presign::Link;
//!
//! let endpoint = Endpoint::new("s3.example.org", "%(bucket)s.s3.example.org", true, true);
//! let credentials = Credentials::new("ACCESSKEY", "secret", None);
//!
//! let download = Link::new(&endpoint, "fish", "salmon.jpg").with_query("response-content-type", "image/jpeg");
//! let url = download.presigned_v4(&credentials, "us-east-1", Utc::now(), 3600);
//! assert!(url.starts_with("https://fish.s3.example.org/salmon.jpg?"));
//!
//! // The client that uploads has to send the signed header, with this value.
//! let upload = Link::new(&endpoint, "fish", "trout.jpg")
//!     .with_method(Method::PUT)
//!     .with_header("content-type", "image/jpeg");
//! let url = upload.presigned_v4(&credentials, "us-east-1", Utc::now(), 3600);
//! assert!(url.contains("X-Amz-SignedHeaders=content-type%3Bhost"));
//! ```

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::sign::{self, encode, v2, v4};
use crate::client::{Client, Signature};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use http::Method;
use std::time::Duration;

/// A request that a URL stands for: a method, a bucket and a key, query parameters and headers. Making a URL needs no
/// network access.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    endpoint: &'a Endpoint,
    https: bool,
    method: Method,
    bucket: &'a str,
    key: &'a str,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl<'a> Link<'a> {
    /// A link to get an object, over HTTPS if the endpoint uses it. An empty key stands for the bucket.
    pub fn new(endpoint: &'a Endpoint, bucket: &'a str, key: &'a str) -> Self {
        let (query, headers) = (Vec::new(), Vec::new());
        Self { endpoint, https: endpoint.https, method: Method::GET, bucket, key, query, headers }
    }

    /// Sets the method that the URL can be used with.
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sets whether the URL uses `https`, whatever the endpoint does.
    pub fn with_https(mut self, https: bool) -> Self {
        self.https = https;
        self
    }

    /// Selects a version of the object; `None` selects the latest.
    pub fn with_version(self, id: Option<&str>) -> Self {
        match id {
            Some(id) => self.with_query("versionId", id),
            None => self,
        }
    }

    /// Adds a query parameter, such as `response-content-disposition`, or `uploadId` and `partNumber`. An empty value
    /// makes a bare sub-resource, such as `uploads`.
    pub fn with_query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a header that is signed: whoever uses the URL has to send it with this value. V2 signs only `content-type`,
    /// `content-md5` and headers that begin with `x-amz-`.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The public URL: unsigned, with the key percent-encoded. Query parameters and headers are left out.
    pub fn public(&self) -> String {
        let target = self.endpoint.link_target(self.bucket, self.key);
        format!("{}://{}{}", self.scheme(), target.host, target.path)
    }

    /// A SigV2 presigned URL that is valid until `expires`, in seconds since the epoch.
    pub fn presigned_v2(&self, credentials: &Credentials, expires: i64) -> String {
        let target = self.endpoint.link_target(self.bucket, self.key);
        let bucket = Some(self.bucket).filter(|_| target.bucket_in_host);
        let request = self.signable(&target.path, &self.headers);
        let query = v2::presign(&request, bucket, credentials, expires);
        format!("{}://{}{}?{}", self.scheme(), target.host, target.path, v2::query_string(&query))
    }

    /// A SigV4 presigned URL that is valid for `seconds` from `time`, at most [`v4::MAX_EXPIRES`].
    pub fn presigned_v4(
        &self,
        credentials: &Credentials,
        region: &str,
        time: DateTime<Utc>,
        seconds: u64,
    ) -> String {
        let target = self.endpoint.link_target(self.bucket, self.key);
        let mut headers = vec![("host".to_owned(), target.host.clone())];
        headers.extend_from_slice(&self.headers);
        let scope = v4::Scope { time, region, service: "s3" };
        let query = v4::presign(&self.signable(&target.path, &headers), credentials, &scope, seconds);
        format!("{}://{}{}?{}", self.scheme(), target.host, target.path, encode::query_string(&query, false))
    }

    fn signable<'b>(&'b self, path: &'b str, headers: &'b [(String, String)]) -> sign::Request<'b> {
        sign::Request { method: self.method.as_str(), path, query: &self.query, headers }
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}

impl Client {
    /// A link to an object on the client's endpoint, in the selected version.
    pub fn link<'a>(&'a self, bucket: &'a str, key: &'a str) -> Link<'a> {
        Link::new(&self.options().endpoint, bucket, key).with_version(self.version())
    }

    /// Signs a link with the client's credentials, signature version and region. It is valid for `lifetime` from now.
    /// Fails without credentials, or if V4 does not allow that lifetime.
    pub async fn presign(&self, link: &Link<'_>, lifetime: Duration) -> Result<String> {
        let options = self.options();
        let credentials = match &options.provider {
            Some(provider) => Some(provider.current().await?),
            None => options.credentials.clone(),
        };
        let credentials = credentials
            .ok_or_else(|| Error::Invalid("a link cannot be signed without credentials".into()))?;
        let now = Utc::now();
        match self.signature() {
            Signature::V2 => {
                let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
                Ok(link.presigned_v2(&credentials, now.timestamp().saturating_add(seconds)))
            }
            Signature::V4 if lifetime.as_secs() > v4::MAX_EXPIRES => {
                Err(Error::Invalid("a link of signature version 4 is valid for at most 7 days".into()))
            }
            Signature::V4 => {
                let region = self.region(Some(link.bucket));
                Ok(link.presigned_v4(&credentials, &region, now, lifetime.as_secs()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measured on s3cmd 2.4.0 against Ceph, for both addressing styles.
    #[test]
    fn v2_urls_equal_known_ones() {
        let credentials =
            Credentials::new("LABMAINACCESSKEY0001", "labMainSecretKey00000000000000000000001", None);
        let signature = "IqME3fNt1MefFplJ5PI%2F0oR1k64%3D";
        for (host_bucket, address) in [
            ("localhost:7480", "localhost:7480/lab-ref-1/hello.txt"),
            ("%(bucket)s.localhost:7480", "lab-ref-1.localhost:7480/hello.txt"),
        ] {
            let endpoint = Endpoint::new("localhost:7480", host_bucket, false, true);
            let link = Link::new(&endpoint, "lab-ref-1", "hello.txt");
            assert_eq!(
                link.presigned_v2(&credentials, 1893456000),
                format!(
                    "http://{address}?AWSAccessKeyId=LABMAINACCESSKEY0001&Expires=1893456000&Signature={signature}"
                )
            );
        }
    }

    /// The credentials and the time of the examples in Amazon's documentation.
    fn example() -> (Credentials, DateTime<Utc>) {
        let credentials =
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None);
        (credentials, v4::parse_timestamp("20130524T000000Z").unwrap())
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
    #[test]
    fn a_v4_url_equals_that_of_the_documentation() {
        let (credentials, time) = example();
        let endpoint = Endpoint::new("s3.amazonaws.com", "%(bucket)s.s3.amazonaws.com", true, true);
        let link = Link::new(&endpoint, "examplebucket", "test.txt");
        assert_eq!(
            link.presigned_v4(&credentials, "us-east-1", time, 86_400),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    /// The signature of a URL is that of the request which it stands for, in both versions.
    #[test]
    fn method_query_and_headers_are_signed() {
        let (credentials, time) = example();
        let endpoint = Endpoint::new("h:1", "h:1", false, true);
        let methods = [Method::GET, Method::PUT, Method::HEAD, Method::DELETE, Method::POST];
        let mut seen = std::collections::HashSet::new();
        for method in methods {
            let link = Link::new(&endpoint, "b", "a b")
                .with_method(method.clone())
                .with_query("uploadId", "u/1")
                .with_query("partNumber", "2")
                .with_header("Content-Type", "text/plain");
            let v4_url = link.presigned_v4(&credentials, "us-east-1", time, 60);
            let query = [("uploadId", "u/1"), ("partNumber", "2")];
            let query: Vec<_> = query.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let headers = [("host", "h:1"), ("content-type", "text/plain")];
            let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let request =
                sign::Request { method: method.as_str(), path: "/b/a%20b", query: &query, headers: &headers };
            let scope = v4::Scope { time, region: "us-east-1", service: "s3" };
            let signature = v4::presign(&request, &credentials, &scope, 60).pop().unwrap().1;
            assert!(v4_url.starts_with("http://h:1/b/a%20b?uploadId=u%2F1&partNumber=2&X-Amz-"), "{v4_url}");
            assert!(v4_url.contains("&X-Amz-SignedHeaders=content-type%3Bhost&"), "{v4_url}");
            assert!(v4_url.ends_with(&format!("&X-Amz-Signature={signature}")), "{v4_url}");

            let v2_url = link.presigned_v2(&credentials, 1_893_456_000);
            let text = format!("{method}\n\ntext/plain\n1893456000\n/b/a%20b?partNumber=2&uploadId=u/1");
            let signature = v2::signature(&text, credentials.secret_key());
            let signature = encode::query(&signature).into_owned();
            assert!(
                v2_url.contains(&format!("&Signature={signature}&uploadId=u%2F1&partNumber=2")),
                "{v2_url}"
            );
            assert!(seen.insert(v4_url) && seen.insert(v2_url), "{method}");
        }
    }

    #[tokio::test]
    async fn the_client_signs_with_its_own_settings() {
        let (credentials, _) = example();
        let endpoint = Endpoint::new("h:1", "h:1", false, true);
        let options = crate::ClientOptions::new(endpoint.clone(), Some(credentials));
        let client = Client::new(options.clone()).at_version("v1");
        let link = client.link("b", "k");
        let url = client.presign(&link, Duration::from_secs(60)).await.unwrap();
        assert!(url.starts_with("http://h:1/b/k?versionId=v1&X-Amz-Algorithm="), "{url}");
        assert!(client.presign(&link, Duration::from_secs(8 * 24 * 3600)).await.is_err());
        let v2 = Client::new(crate::ClientOptions { signature: Signature::V2, ..options });
        let url = v2.presign(&link, Duration::from_secs(8 * 24 * 3600)).await.unwrap();
        assert!(url.contains("AWSAccessKeyId="), "{url}");
        let anonymous = Client::new(crate::ClientOptions::new(endpoint, None));
        assert!(anonymous.presign(&link, Duration::from_secs(60)).await.is_err());
    }
}
