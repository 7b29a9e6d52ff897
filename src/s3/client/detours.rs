//! What answers tell of buckets: the region that they are in, the host to ask instead, the signature that is wanted.

use super::{Client, Signature};
use crate::s3::endpoint::Target;
use crate::s3::error::Error;
use crate::s3::request::Request;
use crate::s3::retry::RetryClass;
use crate::s3::sign::{encode, v4};
use http::Method;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// What was learned about a bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct Learned {
    region: Option<String>,
    host: Option<String>,
}

impl Client {
    /// The region that signatures for a bucket name, as far as it is known.
    pub fn region(&self, bucket: Option<&str>) -> String {
        let learned = bucket.and_then(|bucket| self.learned(bucket).region);
        learned.unwrap_or_else(|| canonical_region(&self.inner.options.region).to_owned())
    }

    fn learned(&self, bucket: &str) -> Learned {
        let buckets = self.inner.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(bucket).cloned().unwrap_or_default()
    }

    fn learn(&self, bucket: &str, change: impl FnOnce(&mut Learned)) {
        let mut buckets = self.inner.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        change(buckets.entry(bucket.to_owned()).or_default());
    }

    /// Whether a request's body waits for the service: those of objects and their parts do (measured on s3cmd 2.4.0).
    pub(super) fn expects(&self, request: &Request) -> bool {
        let options = &self.inner.options;
        let is_upload =
            request.flow.is_some() || (request.retry == RetryClass::Upload && !request.payload.is_empty());
        options.expect_continue
            && is_upload
            && request.method == Method::PUT
            && !options.transport.has_proxy()
            && !self.inner.is_deaf.load(Ordering::Relaxed)
    }

    /// Learns from an answer where or how the request should have gone; `true` if it should go again.
    pub(super) fn adapt(&self, request: &Request, error: &Error) -> bool {
        let Some(service) = error.service() else { return false };
        if service.status == 417 && self.inner.options.expect_continue {
            return !self.inner.is_deaf.swap(true, Ordering::Relaxed);
        }
        if let Some(bucket) = &request.bucket {
            let known = self.learned(bucket);
            let moved = matches!(service.status, 301 | 302 | 307 | 308);
            if moved
                && let Some(host) = &service.endpoint
                && known.host.as_ref() != Some(host)
            {
                let host = host.clone();
                let region = service.region.clone();
                self.learn(bucket, |learned| {
                    learned.host = Some(host);
                    learned.region = region.or(learned.region.take());
                });
                return true;
            }
            let misplaced = moved
                || matches!(
                    service.code.as_str(),
                    "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"
                )
                || (service.status == 400 && request.method == Method::HEAD);
            if misplaced
                && let Some(region) = &service.region
                && *region != self.region(Some(bucket))
            {
                let region = region.clone();
                self.learn(bucket, |learned| learned.region = Some(region));
                return true;
            }
        }
        let wants_other = match self.signature() {
            Signature::V2 => service.status == 400 && service.message.contains(v4::ALGORITHM),
            Signature::V4 => service.status == 403 && service.message.contains("valid Date or x-amz-date"),
        };
        wants_other && !self.inner.other_signature.swap(true, Ordering::Relaxed)
    }

    pub(super) fn target(&self, request: &Request) -> Target {
        let mut target =
            self.inner.options.endpoint.target(request.bucket.as_deref(), request.key.as_deref());
        if let Some(path) = &request.path {
            target.path.clone_from(path);
        }
        if let Some(bucket) = &request.bucket
            && let Some(host) = self.learned(bucket).host
        {
            let in_host = host.starts_with(&format!("{bucket}."));
            let key = encode::path(request.key.as_deref().unwrap_or(""));
            let path = if in_host { format!("/{key}") } else { format!("/{}/{key}", encode::query(bucket)) };
            target = Target { host, path, bucket_in_host: in_host };
        }
        target
    }
}

/// s3cmd's `US` and an empty region mean the classic one; `EU` is its old name for Ireland.
pub fn canonical_region(region: &str) -> &str {
    match region {
        "" | "US" => "us-east-1",
        "EU" => "eu-west-1",
        other => other,
    }
}
