//! The client: signs and sends requests, retries them, and follows redirects to the right region.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! let listing = client.list_buckets().await?;
//! let first_version = client.at_version("v1").head_object("bucket", "key").await?;
//! println!("{} buckets, {} bytes", listing.len(), first_version.size);
//! # Ok(())
//! # }
//! ```

mod check_response;
pub(crate) mod concurrency;
mod headers;
pub mod observer;
mod redirect;
pub mod retry;
mod route;

pub use redirect::canonical_region;
pub(crate) use route::Route;

use super::Throttle;
use super::credentials::{Credentials, Provider};
use super::endpoint::Endpoint;
use super::error::{ConnectionFailure, Error, Result, ServiceError};
use super::sign::encode;
use crate::client::concurrency::ConcurrencyLimiter;
use crate::client::observer::{Observer, Retry};
use crate::client::retry::{Cause, RetryClass, RetryPolicy, RetryState};
use crate::http::body::Payload;
use crate::http::expect::ExpectContinue;
use crate::http::request::{Request, Response};
use crate::http::stream_body::StreamBody;
use crate::http::transport::{SharedTransport, Transport, TransportOptions};
use crate::model::xml;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Longest error document that is read, in bytes.
const MAX_ERROR_BODY: usize = 1 << 20;

/// Maximum number of times that one request is redirected (to another region, endpoint or signature version).
const MAX_REDIRECTS: u32 = 4;

/// How many closed connections one request may encounter before that counts as a failure of the service. A server
/// that silently closes idle connections closes several at once.
const MAX_STALE: u32 = 2;

/// Default number of concurrent large transfers: enough to saturate a fast network, few enough to keep the memory for
/// buffers small.
pub const DEFAULT_BULK: usize = 8;

/// The signature version of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// AWS Signature Version 2.
    V2,
    /// AWS Signature Version 4, the default.
    V4,
}

/// The settings of a client; plain values. [`ClientOptions::new`] documents the defaults.
///
/// # Examples
///
/// ```
/// use s3cmd_client::client::retry::RetryPolicy;
/// use s3cmd_client::credentials::Credentials;
/// use s3cmd_client::endpoint::Endpoint;
/// use s3cmd_client::{Client, ClientOptions};
///
/// let endpoint = Endpoint::new("s3.example.org", "%(bucket)s.s3.example.org", true, true);
/// let credentials = Credentials::new("ACCESSKEY", "secret", None);
/// let options = ClientOptions::new(endpoint, Some(credentials))
///     .with_region("eu-north-1")
///     .with_retry(RetryPolicy::default().with_max_retries(2));
/// let client = Client::new(options);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Endpoint that requests are sent to.
    pub endpoint: Endpoint,
    /// Static credentials; without these and without a `provider`, requests are not signed.
    pub credentials: Option<Credentials>,
    /// Source of temporary credentials; takes precedence over `credentials`.
    pub provider: Option<Provider>,
    /// Service name in V4 signatures: `s3`, or `cloudfront`.
    pub service: &'static str,
    /// Region for V4 signatures. Empty or `US` stands for `us-east-1`, `EU` for `eu-west-1`.
    pub region: String,
    /// Initial signature version; the client switches to the other one if the service requires it.
    pub signature: Signature,
    /// How connections are made.
    pub transport: TransportOptions,
    /// How often and when failed requests are retried.
    pub retry: RetryPolicy,
    /// Whether to send `x-amz-request-payer: requester`.
    pub requester_pays: bool,
    /// Limit in bytes per second for all object data together.
    pub rate_limit: Option<u64>,
    /// Whether uploads wait for `100 Continue` before they send the body; never through a proxy.
    pub expect_continue: bool,
    /// Maximum number of concurrent large transfers (parts, ranges, big files). Each has its own buffers.
    pub bulk: usize,
    /// Receives the retries and the failures of requests.
    pub observer: Arc<dyn Observer>,
}

impl ClientOptions {
    /// The default settings for an endpoint: signature version 4 for `us-east-1`, the retries of
    /// [`RetryPolicy::default`], the connections of [`TransportOptions::default`], [`DEFAULT_BULK`] concurrent large
    /// transfers, no rate limit, no `Expect: 100-continue`, and an observer that ignores all events.
    pub fn new(endpoint: Endpoint, credentials: Option<Credentials>) -> Self {
        Self {
            endpoint,
            credentials,
            provider: None,
            service: "s3",
            region: String::new(),
            signature: Signature::V4,
            transport: TransportOptions::default(),
            retry: RetryPolicy::default(),
            requester_pays: false,
            rate_limit: None,
            expect_continue: false,
            bulk: DEFAULT_BULK,
            observer: Arc::new(()),
        }
    }

    with_methods! {
        /// Sets the endpoint.
        with_endpoint(endpoint: Endpoint);
        /// Sets static credentials; `None` leaves requests unsigned, unless there is a provider.
        with_credentials(credentials: impl Into<Option<Credentials>>);
        /// Sets the source of temporary credentials.
        with_provider(provider: impl Into<Option<Provider>>);
        /// Sets the region of V4 signatures.
        with_region(region: impl Into<String>);
        /// Sets the initial signature version.
        with_signature(signature: Signature);
        /// Sets how connections are made.
        with_transport(transport: TransportOptions);
        /// Sets how often and when failed requests are retried.
        with_retry(retry: RetryPolicy);
        /// Sets whether to send `x-amz-request-payer: requester`.
        with_requester_pays(requester_pays: bool);
        /// Sets the limit in bytes per second for all object data together; `None` removes it.
        with_rate_limit(rate_limit: impl Into<Option<u64>>);
        /// Sets whether uploads wait for `100 Continue` before they send the body.
        with_expect_continue(expect_continue: bool);
        /// Sets the maximum number of concurrent large transfers.
        with_bulk(bulk: usize);
        /// Reports the events of the client to this observer.
        with_observer(observer: Arc<dyn Observer>);
    }
}

/// An S3 client. Clones share connections and the cache of bucket regions and hosts.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
    /// The object version that requests refer to; `None` for the latest.
    version: Option<Arc<str>>,
}

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    transport: SharedTransport,
    throttle: Option<Arc<Throttle>>,
    bulk: Semaphore,
    limiter: Arc<ConcurrencyLimiter>,
    /// What responses revealed about buckets: the region, and the host to use instead. The empty name stands for the
    /// service itself.
    buckets: Mutex<HashMap<String, redirect::BucketCache>>,
    /// Held while one request determines where a bucket is, so that concurrent requests do not do the same.
    discovering: tokio::sync::Mutex<()>,
    /// Set once the service has required the other signature version.
    other_signature: AtomicBool,
    /// Set by the first response: from then on a request may get a reused connection.
    has_answers: AtomicBool,
    /// Set once the service has turned out not to support `Expect`.
    expect_unsupported: Arc<AtomicBool>,
    /// Set once the service has turned out not to support DeleteObjects (batch deletion).
    lacks_batch_deletion: AtomicBool,
}

impl Client {
    /// Makes a client. Opens and reads nothing before the first request.
    pub fn new(options: ClientOptions) -> Self {
        let transport = Arc::new(Transport::new(options.transport.clone()));
        let throttle = options.rate_limit.map(|rate| Arc::new(Throttle::new(rate)));
        let bulk = Semaphore::new(options.bulk.max(1));
        let inner = Inner {
            options,
            transport,
            throttle,
            bulk,
            limiter: ConcurrencyLimiter::new(),
            buckets: Mutex::default(),
            discovering: tokio::sync::Mutex::default(),
            other_signature: AtomicBool::new(false),
            has_answers: AtomicBool::new(false),
            expect_unsupported: Arc::default(),
            lacks_batch_deletion: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner), version: None }
    }

    /// Returns a client for one version of an object. Its requests that read, delete or inspect an object or a
    /// sub-resource of it refer to that version. An empty ID selects the latest version.
    pub fn at_version(&self, id: &str) -> Self {
        let version = Some(id).filter(|id| !id.is_empty()).map(Arc::from);
        Self { inner: self.inner.clone(), version }
    }

    /// The selected object version; `None` for the latest.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Makes a request for a bucket, or for an object in the selected version.
    pub(super) fn request_for(&self, method: Method, bucket: &str, key: Option<&str>) -> Request {
        let request = Request::new(method, Some(bucket), key);
        match self.version() {
            Some(id) if key.is_some() => request.query("versionId", id),
            _ => request,
        }
    }

    /// The settings of this client.
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// Receives the events of this client.
    pub(super) fn observer(&self) -> &Arc<dyn Observer> {
        &self.inner.options.observer
    }

    /// Called when a download breaks off: waits before the rest is requested. `failures` counts consecutive failures
    /// without any received byte. Returns the error if it is not transient or the retries are used up.
    pub async fn wait_to_resume(&self, failures: &mut u32, key: &str, error: Error) -> Result<()> {
        let policy = &self.inner.options.retry;
        let transient = matches!(
            error,
            Error::Connection { kind: ConnectionFailure::Broken | ConnectionFailure::Timeout, .. }
        );
        if !transient || *failures >= policy.max_retries {
            return Err(error);
        }
        let delay = policy.delay(*failures, None, retry::random());
        *failures += 1;
        let resource = format!("/{key}");
        let retry = Retry { resource: &resource, class: RetryClass::Plain, error: &error, delay };
        self.observer().retrying(&retry);
        tokio::time::sleep(delay).await;
        Ok(())
    }

    /// Waits for a permit for one large transfer, to be held during the transfer. All objects share the same permits.
    pub async fn bulk_permit(&self) -> SemaphorePermit<'_> {
        self.inner.bulk.acquire().await.expect("the semaphore is never closed")
    }

    /// Whether the service has turned out not to support batch deletion.
    pub(super) fn lacks_batch_deletion(&self) -> bool {
        self.inner.lacks_batch_deletion.load(Ordering::Relaxed)
    }

    /// Records that the service does not support batch deletion; from now on objects are deleted one by one.
    pub(super) fn note_no_batch_deletion(&self) {
        self.inner.lacks_batch_deletion.store(true, Ordering::Relaxed);
    }

    /// The signature version in use; it differs from the configured one if the service required that.
    pub fn signature(&self) -> Signature {
        let configured = self.inner.options.signature;
        match (configured, self.inner.other_signature.load(Ordering::Relaxed)) {
            (configured, false) => configured,
            (Signature::V2, true) => Signature::V4,
            (Signature::V4, true) => Signature::V2,
        }
    }

    /// Sends a request, and retries it until it succeeds or must fail. Each attempt is signed anew.
    pub async fn send(&self, mut request: Request) -> Result<Response> {
        let policy = &self.inner.options.retry;
        let (mut redirects, mut stale) = (0, 0);
        let mut retries = RetryState::default();
        let mut lost = false;
        let mut permit = self.inner.limiter.acquire(false).await;
        loop {
            let before = request.progress.as_ref().map(|progress| progress.load(Ordering::Relaxed));
            let (sent, result) = match self.route(&request).await {
                Ok(route) => {
                    let result = match request.add_digests(&route).await {
                        Ok(()) => self.attempt(&request, &route).await,
                        Err(error) => Err(error),
                    };
                    (Some(route), result)
                }
                Err(error) => (None, Err(error)),
            };
            let error = match result {
                Ok(response) => {
                    permit.answered();
                    self.settle(&request, sent.as_ref());
                    return Ok(Response { after_lost_response: lost, ..response });
                }
                Err(error) => error,
            };
            if let (Some(progress), Some(before)) = (&request.progress, before) {
                progress.store(before, Ordering::Relaxed);
            }
            if let Some(sent) = &sent
                && request.adapt
                && redirects < MAX_REDIRECTS
                && self.should_resend(&request, sent, &error).await
                && !request.stream.as_ref().is_some_and(StreamBody::is_spent)
            {
                redirects += 1;
                continue;
            }
            lost |= matches!(error, Error::Connection { .. });
            // An idle connection that turns out to be closed says nothing about the service: another one may work.
            let was_used = self.inner.options.transport.keep_idle.is_some()
                && self.inner.has_answers.load(Ordering::Relaxed);
            if was_used && stale < MAX_STALE && request.retry != RetryClass::Once && error.is_hang_up() {
                stale += 1;
                continue;
            }
            let (cause, kept) = if RetryPolicy::is_throttle(&error) {
                permit.refused()
            } else {
                if error.status().is_some_and(|status| status < 500) {
                    permit.answered();
                }
                drop(permit);
                (Cause::Request, None)
            };
            let retry_after = error.service().and_then(|service| service.retry_after);
            let is_transient = RetryPolicy::is_transient(request.retry, &error);
            let Some(delay) = retries.next(policy, cause, retry_after).filter(|_| is_transient) else {
                let host = sent.as_ref().map_or("", |sent| sent.target.host.as_str());
                self.observer().failed(&error, host);
                return Err(error);
            };
            let resource = request.resource_with_query();
            let retry = Retry { resource: &resource, class: request.retry, error: &error, delay };
            self.observer().retrying(&retry);
            tokio::time::sleep(delay).await;
            permit = match kept {
                Some(permit) => permit,
                None => self.inner.limiter.acquire(true).await,
            };
        }
    }

    /// Sends a request whose response is a document, and reads it. A connection that breaks while the document is
    /// read counts as a failed attempt.
    pub async fn fetch_text(&self, mut request: Request) -> Result<String> {
        request.is_document = true;
        self.send(request).await?.text().await
    }

    /// Fetches a URL without credentials: no signature, no retry.
    pub async fn fetch_link(&self, link: &str) -> Result<Response> {
        let invalid = || Error::Invalid(format!("'{link}' is not a URL").into());
        let (scheme, rest) = link.split_once("://").ok_or_else(invalid)?;
        let slash = rest.find('/').ok_or_else(invalid)?;
        let (host, path_and_query) = rest.split_at(slash);
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, HeaderValue::from_str(host).map_err(|_| invalid())?);
        let body = Payload::default().wire(Arc::default(), None);
        let transport = &self.inner.transport;
        let answer = transport.send(Method::GET, scheme, host, path_and_query, headers, body);
        let (parts, body) =
            with_idle_timeout(answer, &AtomicU64::new(0), transport.timeout()).await?.into_parts();
        let response = Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            timeout: transport.timeout(),
            progress: None,
            throttle: None,
            after_lost_response: false,
        };
        if parts.status.is_success() {
            return Ok(response);
        }
        Err(self.service_error(&Request::new(Method::GET, None, None), response).await)
    }

    /// Sends a request once, along the given route.
    async fn attempt(&self, request: &Request, route: &Route) -> Result<Response> {
        let mut target = route.target.path.clone();
        if !request.query.is_empty() {
            target.push('?');
            target.push_str(&encode::query_string(&request.query, true));
        }
        let (method, scheme) = (&request.method, self.inner.options.endpoint.scheme());
        let line = || format!("{method} {scheme}://{}{target}", route.target.host);
        log::debug!("{} ({})", line(), route.signed_for());
        let started = Instant::now();
        let result = self.exchange(request, route, &target).await;
        log::debug!("{}: {}, {:.3} s", line(), describe_result(&result), started.elapsed().as_secs_f64());
        result
    }

    async fn exchange(&self, request: &Request, route: &Route, path_and_query: &str) -> Result<Response> {
        let inner = &self.inner;
        let host = &route.target.host;
        let (mut headers, signer) = self.signed_headers(request, route)?;
        // Intermediaries must not compress the response. The header is not signed because some proxies rewrite it.
        headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));

        let is_data = matches!(request.payload, Payload::File(_))
            || request.progress.is_some()
            || request.stream.is_some();
        let throttle = inner.throttle.clone().filter(|_| is_data);
        let upload = request.method == Method::PUT || request.method == Method::POST;
        let sent = match &request.progress {
            Some(progress) if upload => progress.clone(),
            _ => Arc::new(AtomicU64::new(0)),
        };
        let upload_throttle = throttle.clone().filter(|_| upload);
        let body = match &request.stream {
            Some(stream) => stream.wire(signer, sent.clone(), upload_throttle),
            None => request.payload.wire(sent.clone(), upload_throttle),
        };
        // Kept until the whole response is read: if the body was never sent, dropping this closes the connection.
        let expect = route.expects.then(ExpectContinue::new);
        let scheme = inner.options.endpoint.scheme();
        let answer = async {
            let (transport, method) = (&inner.transport, request.method.clone());
            let Some(expect) = &expect else {
                return transport.send(method, scheme, host, path_and_query, headers, body).await;
            };
            headers.insert(http::header::EXPECT, HeaderValue::from_static("100-continue"));
            let body = expect.delay(body, inner.expect_unsupported.clone(), self.observer().clone());
            let url = format!("{scheme}://{host}{path_and_query}");
            transport.send_directly(method, &url, headers, body, Some(expect)).await
        };
        let response = with_idle_timeout(answer, &sent, inner.transport.timeout()).await?;
        inner.has_answers.store(true, Ordering::Relaxed);

        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let response = Response {
            status,
            headers: parts.headers,
            body,
            timeout: inner.transport.timeout(),
            progress: request.progress.clone().filter(|_| !upload),
            throttle: throttle.filter(|_| !upload),
            after_lost_response: false,
        };
        if !(parts.status.is_success() || status == 304) {
            let response = Response { progress: None, throttle: None, ..response };
            return Err(self.service_error(request, response).await);
        }
        self.check_response(request, response).await
    }

    async fn service_error(&self, request: &Request, response: Response) -> Error {
        let status = response.status;
        let headers = response.headers.clone();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // If the error body cannot be read, the status alone describes the error.
        let body = response.bytes(MAX_ERROR_BODY).await.unwrap_or_else(|_| Bytes::new());
        let mut error = xml::parse_error(&String::from_utf8_lossy(&body)).unwrap_or_default();
        error.status = status;
        if error.code.is_empty() {
            let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
            error.code = reason.unwrap_or("Unknown").to_owned();
        }
        if error.request_id.is_empty() {
            error.request_id = header("x-amz-request-id").unwrap_or_default();
        }
        error.region = error.region.or_else(|| header("x-amz-bucket-region"));
        if error.endpoint.is_none() {
            error.endpoint = header("location").and_then(|location| {
                let location = location.parse::<http::Uri>().ok()?;
                Some(location.authority()?.as_str().to_owned())
            });
        }
        error.retry_after =
            header("retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        error.date = header("date").unwrap_or_default();
        self.name_resource(&mut error, request);
        error.into()
    }

    fn name_resource(&self, error: &mut ServiceError, request: &Request) {
        error.bucket = request.bucket.clone();
        error.key = request.key.clone();
    }
}

/// Waits for the response headers as long as bytes are being sent; fails with a timeout after `timeout` without
/// progress. (A plain timeout on the whole request would abort long uploads.)
async fn with_idle_timeout<T>(
    answer: impl Future<Output = Result<T>>,
    sent: &AtomicU64,
    timeout: Duration,
) -> Result<T> {
    let mut answer = std::pin::pin!(answer);
    let mut last = sent.load(Ordering::Relaxed);
    loop {
        match tokio::time::timeout(timeout, &mut answer).await {
            Ok(result) => return result,
            Err(_) => {
                let now = sent.load(Ordering::Relaxed);
                if now == last {
                    return Err(Error::connection(ConnectionFailure::Timeout, "timed out"));
                }
                last = now;
            }
        }
    }
}

/// Describes the result of an attempt, for the log.
fn describe_result(result: &Result<Response>) -> String {
    let (words, id) = match result {
        Ok(response) => {
            (response.status.to_string(), response.header("x-amz-request-id").unwrap_or_default())
        }
        Err(Error::Service(service)) => (service.to_string(), service.request_id.as_str()),
        Err(error) => (error.to_string(), ""),
    };
    if id.is_empty() { words } else { format!("{words}, request id {id}") }
}
