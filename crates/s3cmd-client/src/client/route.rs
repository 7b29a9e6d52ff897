//! How one attempt is sent: where to, and how it is signed.

use super::{Client, Signature};
use crate::client::retry::RetryClass;
use crate::credentials::Credentials;
use crate::endpoint::Target;
use crate::error::Result;
use crate::http::request::Request;
use crate::sign::encode;
use http::Method;
use std::sync::atomic::Ordering;

/// The destination and the signature of one attempt. Its response is interpreted relative to this alone: other
/// responses may have changed the caches while it was in flight.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Host, path and addressing style.
    pub(super) target: Target,
    /// The region in a V4 signature.
    pub(super) region: String,
    /// The signature version.
    pub(super) signature: Signature,
    /// The credentials; `None` leaves the request unsigned.
    pub(super) credentials: Option<Credentials>,
    /// Whether the body waits for `100 Continue`.
    pub(super) expects: bool,
    /// Whether a request for the bucket has already succeeded, or everything that could be queried was.
    pub(super) settled: bool,
}

impl Route {
    /// The version with which the request is signed; `None` if it is unsigned.
    pub(crate) fn signature(&self) -> Option<Signature> {
        self.credentials.as_ref().map(|_| self.signature)
    }

    /// Whether this route has another destination, other credentials or another signature than `other`.
    pub(super) fn differs(&self, other: &Self) -> bool {
        let proof = |route: &Self| match route.signature() {
            Some(Signature::V4) => Some(route.region.clone()),
            Some(Signature::V2) | None => None,
        };
        self.target != other.target
            || self.credentials != other.credentials
            || self.signature() != other.signature()
            || proof(self) != proof(other)
    }

    /// Describes the signature, for the log.
    pub(super) fn signed_for(&self) -> String {
        match self.signature() {
            None => "not signed".to_owned(),
            Some(Signature::V2) => "signature version 2".to_owned(),
            Some(Signature::V4) => format!("signature version 4, region {}", self.region),
        }
    }
}

impl Client {
    /// The route of a request according to current knowledge. Fails if no credentials can be obtained.
    pub(super) async fn route(&self, request: &Request) -> Result<Route> {
        let options = &self.inner.options;
        let credentials = match &options.provider {
            Some(provider) => Some(provider.current().await?),
            None => options.credentials.clone(),
        };
        let bucket = request.bucket.as_deref();
        let target = self.target(request);
        Ok(Route {
            expects: self.expects(request, &target.host),
            target,
            region: self.region(bucket),
            signature: self.signature(),
            credentials,
            settled: self.is_settled(bucket),
        })
    }

    /// Whether the body of a request waits for `100 Continue`. Uploads of objects and parts do (measured on s3cmd
    /// 2.4.0).
    fn expects(&self, request: &Request, host: &str) -> bool {
        let options = &self.inner.options;
        let is_upload =
            request.stream.is_some() || (request.retry == RetryClass::Upload && !request.payload.is_empty());
        options.expect_continue
            && is_upload
            && request.method == Method::PUT
            && !self.inner.transport.is_proxied(options.endpoint.scheme(), host)
            && !self.inner.expect_unsupported.load(Ordering::Relaxed)
    }

    fn target(&self, request: &Request) -> Target {
        let mut target =
            self.inner.options.endpoint.target(request.bucket.as_deref(), request.key.as_deref());
        if let Some(path) = &request.path {
            target.path = format!("{}{path}", self.inner.options.endpoint.path);
        }
        if let Some(bucket) = &request.bucket
            && let Some(host) = self.redirected_host(bucket)
            && host != target.host
        {
            let in_host = host.starts_with(&format!("{bucket}."));
            let key = encode::path(request.key.as_deref().unwrap_or(""));
            let path = if in_host { format!("/{key}") } else { format!("/{}/{key}", encode::query(bucket)) };
            target = Target { host, path, bucket_in_host: in_host };
        }
        target
    }
}
