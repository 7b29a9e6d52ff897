//! What responses reveal about buckets: their region, another host to use, and the required signature version.
//!
//! With many requests in flight, the same information arrives several times, and late. A response refers to the
//! [`Route`] of its own request. It updates the cache only if requests still take that route, and the request is
//! repeated whenever requests now take another route.

use super::route::Route;
use super::{Client, MAX_REDIRECTS, Signature};
use crate::error::{ConnectionFailure, Error, ServiceError};
use crate::http::request::Request;
use crate::sign::v4;
use http::Method;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// The cache entry of the service itself, for requests without a bucket.
const SERVICE: &str = "";

/// What is known about a bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct BucketCache {
    region: Option<String>,
    host: Option<String>,
    /// See [`Route::settled`].
    settled: bool,
}

impl Client {
    /// The region for signatures of requests to a bucket, as far as it is known.
    pub fn region(&self, bucket: Option<&str>) -> String {
        let own = bucket.and_then(|bucket| self.cached(bucket).region);
        let region = own.or_else(|| self.cached(SERVICE).region);
        region.unwrap_or_else(|| canonical_region(&self.inner.options.region).to_owned())
    }

    /// The region of a bucket, if the service reports it. Sends one HEAD request without retries and caches the
    /// result.
    pub async fn find_region(&self, bucket: &str) -> Option<String> {
        if let Some(region) = self.cached(bucket).region {
            return Some(region);
        }
        let request = Request::new(Method::HEAD, Some(bucket), None);
        let sent = self.route(&request).await.ok()?;
        // Every response reports the region, including errors and redirects.
        let region = match self.attempt(&request, &sent).await {
            Ok(response) => response.header("x-amz-bucket-region").map(str::to_owned),
            Err(error) => error.service().and_then(|service| service.region.clone()),
        };
        let region = region.filter(|region| is_region(region))?;
        self.update_cache(bucket, |entry| entry.region = Some(region.clone()));
        Some(region)
    }

    fn cached(&self, bucket: &str) -> BucketCache {
        let buckets = self.inner.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(bucket).cloned().unwrap_or_default()
    }

    fn update_cache(&self, bucket: &str, change: impl FnOnce(&mut BucketCache)) {
        let mut buckets = self.inner.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        change(buckets.entry(bucket.to_owned()).or_default());
    }

    pub(super) fn redirected_host(&self, bucket: &str) -> Option<String> {
        self.cached(bucket).host
    }

    pub(super) fn is_settled(&self, bucket: Option<&str>) -> bool {
        bucket.is_some_and(|bucket| self.cached(bucket).settled)
    }

    /// Records that a request succeeded.
    pub(super) fn settle(&self, request: &Request, sent: Option<&Route>) {
        if let (Some(bucket), Some(Route { settled: false, .. })) = (&request.bucket, sent) {
            self.update_cache(bucket, |entry| entry.settled = true);
        }
    }

    /// Whether a failed request should be repeated at once: because its response revealed another route, which is
    /// cached, or because requests take another route now.
    pub(super) async fn should_resend(&self, request: &Request, sent: &Route, error: &Error) -> bool {
        match error {
            Error::Service(service) if service.status == 417 && sent.expects => {
                self.inner.expect_unsupported.store(true, Ordering::Relaxed);
                return true;
            }
            // A rejected request was not carried out, so it may be repeated.
            Error::Service(service) if service.status < 500 => self.learn_from(request, sent, service).await,
            Error::Connection { kind: ConnectionFailure::Refused | ConnectionFailure::Resolve, .. } => {}
            _ => return false,
        }
        if self.is_outdated(request, sent).await {
            return true;
        }
        // A response to HEAD has no body that could explain the error.
        let has_no_body = request.method == Method::HEAD
            && matches!(error.status(), Some(301 | 302 | 307 | 308 | 400 | 403))
            && !sent.settled
            && sent.signature().is_some();
        let Some(bucket) = request.bucket.as_deref().filter(|_| has_no_body) else { return false };
        self.probe_bucket(bucket).await;
        self.is_outdated(request, sent).await
    }

    /// Whether the request would take another route now.
    async fn is_outdated(&self, request: &Request, sent: &Route) -> bool {
        self.route(request).await.is_ok_and(|now| now.differs(sent))
    }

    /// Sends a harmless GET request for a bucket, once, to get an error document.
    async fn probe_bucket(&self, bucket: &str) {
        let _guard = self.inner.discovering.lock().await;
        if self.cached(bucket).settled {
            return;
        }
        let mut request = Request::new(Method::GET, Some(bucket), None).query("location", "");
        request.is_document = true;
        for _ in 0..=MAX_REDIRECTS {
            let Ok(sent) = self.route(&request).await else { return };
            match self.attempt(&request, &sent).await {
                Err(error) if error.status().is_some_and(|status| status < 500) => {
                    if let Some(service) = error.service() {
                        self.learn_from(&request, &sent, service).await;
                    }
                    if !self.is_outdated(&request, &sent).await {
                        // If the account is the problem, it is also the problem of the HEAD request.
                        self.observer().failed(&error, &sent.target.host);
                        break;
                    }
                }
                _ => break,
            }
        }
        self.update_cache(bucket, |entry| entry.settled = true);
    }

    /// Learns from an error response where or how the request should have been sent, unless newer information is
    /// known.
    async fn learn_from(&self, request: &Request, sent: &Route, service: &ServiceError) {
        let bucket = request.bucket.as_deref();
        let moved = matches!(service.status, 301 | 302 | 307 | 308);
        if moved
            && let Some(bucket) = bucket
            && let Some(host) = &service.endpoint
            && *host != sent.target.host
            && self.cached(bucket).host.is_none_or(|known| known == sent.target.host)
        {
            self.update_cache(bucket, |entry| entry.host = Some(host.clone()));
        }
        if let Some(region) = service.region.as_deref().filter(|region| is_region(region))
            && (moved || matches!(service.status, 400 | 403))
            && sent.signature() == Some(Signature::V4)
            && region != sent.region
            && self.region(bucket) == sent.region
        {
            self.update_cache(bucket.unwrap_or(SERVICE), |entry| entry.region = Some(region.to_owned()));
        }
        if let (Some(provider), Some(used)) = (&self.inner.options.provider, &sent.credentials)
            && matches!(
                service.code.as_str(),
                "ExpiredToken"
                    | "ExpiredTokenException"
                    | "InvalidAccessKeyId"
                    | "InvalidToken"
                    | "TokenRefreshRequired"
            )
        {
            provider.rejected(used).await;
        }
        let wants_other = match sent.signature() {
            Some(Signature::V2) => service.status == 400 && service.message.contains(v4::ALGORITHM),
            Some(Signature::V4) => {
                service.status == 403 && service.message.contains("valid Date or x-amz-date")
            }
            None => false,
        };
        // Switched once and never back: a service that rejects both versions would otherwise be asked forever.
        if wants_other && sent.signature == self.inner.options.signature {
            self.inner.other_signature.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether a text can be a region name in a signature.
fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The current name of a region: an empty region and the old name `US` stand for `us-east-1`; `EU` is the old name
/// of `eu-west-1`.
pub fn canonical_region(region: &str) -> &str {
    match region {
        "" | "US" => "us-east-1",
        "EU" => "eu-west-1",
        other => other,
    }
}
