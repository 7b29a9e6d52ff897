//! URLs that work without credentials: presigned (V4, V2) and public ones.

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::sign::{self, encode, v2, v4};
use chrono::{DateTime, Utc};

/// The object that a URL refers to. Making a URL needs no network access.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Endpoint of the object.
    pub endpoint: &'a Endpoint,
    /// Whether the URL uses `https`.
    pub https: bool,
    /// Bucket.
    pub bucket: &'a str,
    /// Key.
    pub key: &'a str,
    /// Version ID; `None` for the latest version.
    pub version: Option<&'a str>,
    /// `Content-Disposition` of the response; empty for the object's own.
    pub content_disposition: &'a str,
    /// `Content-Type` of the response; empty for the object's own.
    pub content_type: &'a str,
}

impl Link<'_> {
    /// The public URL: unsigned, with the key percent-encoded.
    pub fn public(&self) -> String {
        let target = self.endpoint.link_target(self.bucket, self.key);
        format!("{}://{}{}", self.scheme(), target.host, target.path)
    }

    /// A SigV2 presigned URL that is valid until `expires`, in seconds since the epoch.
    pub fn presigned_v2(&self, credentials: &Credentials, expires: i64) -> String {
        let target = self.endpoint.link_target(self.bucket, self.key);
        let query = self.overrides();
        let request = sign::Request { method: "GET", path: &target.path, query: &query, headers: &[] };
        let bucket = Some(self.bucket).filter(|_| target.bucket_in_host);
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
        let query = self.overrides();
        let headers = [("host".to_owned(), target.host.clone())];
        let request = sign::Request { method: "GET", path: &target.path, query: &query, headers: &headers };
        let scope = v4::Scope { time, region, service: "s3" };
        let query = v4::presign(&request, credentials, &scope, seconds);
        format!("{}://{}{}?{}", self.scheme(), target.host, target.path, encode::query_string(&query, false))
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    fn overrides(&self) -> Vec<(String, String)> {
        let pairs = [
            ("versionId", self.version.unwrap_or_default()),
            ("response-content-disposition", self.content_disposition),
            ("response-content-type", self.content_type),
        ];
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// URLs printed by s3cmd 2.4.0 against Ceph, for both addressing styles.
    #[test]
    fn v2_urls_equal_those_of_s3cmd() {
        let credentials =
            Credentials::new("LABMAINACCESSKEY0001", "labMainSecretKey00000000000000000000001", None);
        let signature = "IqME3fNt1MefFplJ5PI%2F0oR1k64%3D";
        for (host_bucket, address) in [
            ("localhost:7480", "localhost:7480/lab-ref-1/hello.txt"),
            ("%(bucket)s.localhost:7480", "lab-ref-1.localhost:7480/hello.txt"),
        ] {
            let endpoint = Endpoint::new("localhost:7480", host_bucket, false, true);
            let link = Link {
                endpoint: &endpoint,
                https: false,
                bucket: "lab-ref-1",
                key: "hello.txt",
                version: None,
                content_disposition: "",
                content_type: "",
            };
            assert_eq!(
                link.presigned_v2(&credentials, 1893456000),
                format!(
                    "http://{address}?AWSAccessKeyId=LABMAINACCESSKEY0001&Expires=1893456000&Signature={signature}"
                )
            );
        }
    }
}
