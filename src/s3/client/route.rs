//! How one attempt goes out: where to, and signed how.

use super::{Client, Signature};
use crate::s3::credentials::Credentials;
use crate::s3::endpoint::Target;
use crate::s3::error::Result;
use crate::s3::request::Request;
use crate::s3::retry::RetryClass;
use crate::s3::sign::encode;
use http::Method;
use std::sync::atomic::Ordering;

/// What one attempt goes out with. Its answer is judged by this and by nothing else: while it was on its way, other answers
/// may have changed what is known.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Host, path and addressing style.
    pub(super) target: Target,
    /// The region that a V4 signature names.
    pub(super) region: String,
    /// The signature version.
    pub(super) signature: Signature,
    /// The keys; `None` leaves the request unsigned.
    pub(super) credentials: Option<Credentials>,
    /// Whether the body waits for `100 Continue`.
    pub(super) expects: bool,
    /// Whether a request about the bucket has succeeded already, or all was asked that can be.
    pub(super) settled: bool,
}

impl Route {
    /// Whether a request that goes out like this is signed with version 2 or 4.
    pub(crate) fn signature(&self) -> Option<Signature> {
        self.credentials.as_ref().map(|_| self.signature)
    }

    /// Whether this leads elsewhere than another route, or proves another identity in another way.
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

    /// What the request was signed for, in words.
    pub(super) fn signed_for(&self) -> String {
        match self.signature() {
            None => "not signed".to_owned(),
            Some(Signature::V2) => "signature version 2".to_owned(),
            Some(Signature::V4) => format!("signature version 4, region {}", self.region),
        }
    }
}

impl Client {
    /// How a request goes out by what is known now. Fails where the keys cannot be had.
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

    /// Whether a request's body waits for the service: those of objects and their parts do (measured on s3cmd 2.4.0).
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
