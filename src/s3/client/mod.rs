//! The shared client: signs, sends, retries, follows the service to the right region.

mod accepted;
mod headers;
mod redirect;
mod route;

pub use redirect::canonical_region;
pub(crate) use route::Route;

use super::body::Payload;
use super::concurrency::ConcurrencyLimiter;
use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::error::{ConnectionFailure, Error, Result, ServiceError};
use super::expect::ExpectContinue;
use super::failures::FailureLog;
use super::request::{Request, Response};
use super::retry::{Cause, RetryClass, RetryPolicy, RetryState};
use super::roles::Provider;
use super::sign::encode;
use super::stream_body::StreamBody;
use super::transport::{SharedTransport, Transport, TransportOptions};
use super::{Throttle, xml};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Longest error document that is read.
const MAX_ERROR_BODY: usize = 1 << 20;

/// How many answers may send one request elsewhere (region, endpoint, signature version).
const MAX_REDIRECTS: u32 = 4;

/// How many connections may turn out closed under one request before that counts as a failure of the service. A server that
/// ends idle connections without a word does so to several at once.
const MAX_STALE: u32 = 2;

/// Large transfers on their way at once, unless told otherwise: enough to fill a fast network, few enough that their
/// buffers stay small.
pub const DEFAULT_BULK: usize = 8;

/// Which signature requests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// AWS Signature Version 2 (`signature_v2 = True`).
    V2,
    /// AWS Signature Version 4, the default.
    V4,
}

/// Everything that the client has to know; plain values.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Where requests go.
    pub endpoint: Endpoint,
    /// Who asks; `None` sends unsigned requests.
    pub credentials: Option<Credentials>,
    /// Who gives new keys when those expire; its keys go before `credentials`.
    pub provider: Option<Provider>,
    /// Service that V4 signatures name: `s3`, or `cloudfront`.
    pub service: &'static str,
    /// Region for V4 signatures; empty or `US` when unknown, `EU` for its old name.
    pub region: String,
    /// Signature version to begin with.
    pub signature: Signature,
    /// How connections are made.
    pub transport: TransportOptions,
    /// How often to try again.
    pub retry: RetryPolicy,
    /// Send `x-amz-request-payer: requester`.
    pub requester_pays: bool,
    /// Bytes a second for all object data together.
    pub rate_limit: Option<u64>,
    /// Let the body of an upload wait until the service asks for it; not through a proxy.
    pub expect_continue: bool,
    /// Large transfers (parts, ranges, big files) on their way at once; each has buffers of its own.
    pub bulk: usize,
    /// Takes note of failures of the connection and the account.
    pub failures: FailureLog,
}

impl ClientOptions {
    /// Options with the defaults for an endpoint.
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
            failures: FailureLog::default(),
        }
    }
}

/// The client. Clones share connections and what was learned about buckets.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
    /// The version that requests about an object mean; `None` for the latest.
    version: Option<Arc<str>>,
}

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    transport: SharedTransport,
    throttle: Option<Arc<Throttle>>,
    bulk: Semaphore,
    limiter: Arc<ConcurrencyLimiter>,
    /// What answers told about buckets: region, and the host to use instead. The empty name stands for the service.
    buckets: Mutex<HashMap<String, redirect::BucketCache>>,
    /// Held while somebody asks where a bucket is, so that one request asks for all.
    asking: tokio::sync::Mutex<()>,
    /// Set once the service has asked for the other signature version.
    other_signature: AtomicBool,
    /// Set with the first answer: from then on a connection may be one that was used before.
    has_answers: AtomicBool,
    /// Set once the service has shown that it does not know `Expect`.
    expect_unsupported: Arc<AtomicBool>,
    /// Set once the service has shown that it does not delete several objects in one request.
    lacks_batch_deletion: AtomicBool,
}

impl Client {
    /// Makes a client; nothing is opened or read before the first request.
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
            asking: tokio::sync::Mutex::default(),
            other_signature: AtomicBool::new(false),
            has_answers: AtomicBool::new(false),
            expect_unsupported: Arc::default(),
            lacks_batch_deletion: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner), version: None }
    }

    /// The same client for one version of an object: what asks about an object, reads it or deletes it, and what hangs on
    /// it, means that version. An empty id means the latest one.
    pub fn at_version(&self, id: &str) -> Self {
        let version = Some(id).filter(|id| !id.is_empty()).map(Arc::from);
        Self { inner: self.inner.clone(), version }
    }

    /// The version that is meant; `None` for the latest.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// A request about a bucket, or about an object in the version that is meant.
    pub(super) fn about(&self, method: Method, bucket: &str, key: Option<&str>) -> Request {
        let request = Request::new(method, Some(bucket), key);
        match self.version() {
            Some(id) if key.is_some() => request.query("versionId", id),
            _ => request,
        }
    }

    /// The options that the client was made with.
    pub fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// Leave for one large transfer, held while it is on its way; all objects share the same few.
    pub async fn bulk_permit(&self) -> SemaphorePermit<'_> {
        self.inner.bulk.acquire().await.expect("the semaphore is never closed")
    }

    /// Whether the service has shown that it does not delete several objects in one request.
    pub(super) fn lacks_batch_deletion(&self) -> bool {
        self.inner.lacks_batch_deletion.load(Ordering::Relaxed)
    }

    /// Has objects deleted one by one from now on.
    pub(super) fn note_no_batch_deletion(&self) {
        self.inner.lacks_batch_deletion.store(true, Ordering::Relaxed);
    }

    /// The signature version in use, which the service may have changed.
    pub fn signature(&self) -> Signature {
        let asked = self.inner.options.signature;
        match (asked, self.inner.other_signature.load(Ordering::Relaxed)) {
            (asked, false) => asked,
            (Signature::V2, true) => Signature::V4,
            (Signature::V4, true) => Signature::V2,
        }
    }

    /// Sends a request until it succeeds or is beyond help. Each attempt is signed anew.
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
                    return Ok(Response { after_loss: lost, ..response });
                }
                Err(error) => error,
            };
            if let (Some(progress), Some(before)) = (&request.progress, before) {
                progress.store(before, Ordering::Relaxed);
            }
            if let Some(sent) = &sent
                && request.adapt
                && redirects < MAX_REDIRECTS
                && self.goes_again(&request, sent, &error).await
                && !request.stream.as_ref().is_some_and(StreamBody::is_spent)
            {
                redirects += 1;
                continue;
            }
            lost |= matches!(error, Error::Connection { .. });
            // A connection that was closed while nobody used it says nothing about the service: the next one may do.
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
            let asked = error.service().and_then(|service| service.retry_after);
            let is_transient = RetryPolicy::is_transient(request.retry, &error);
            let Some(delay) = retries.next(policy, cause, asked).filter(|_| is_transient) else {
                let host = sent.as_ref().map_or("", |sent| sent.target.host.as_str());
                self.inner.options.failures.note(&error, host);
                return Err(error);
            };
            match (request.retry, &error) {
                (RetryClass::Upload, Error::Service(service)) => {
                    log::warn!("Upload failed: {} ({service})", request.resource_with_query());
                }
                _ => log::warn!(
                    "Retrying failed request: {} ({})",
                    request.resource_with_query(),
                    bare(&error)
                ),
            }
            log::warn!("Waiting {:.1} sec...", delay.as_secs_f64());
            tokio::time::sleep(delay).await;
            permit = match kept {
                Some(permit) => permit,
                None => self.inner.limiter.acquire(true).await,
            };
        }
    }

    /// Sends a request whose answer is a document, and reads it: an answer that breaks off is one more failed attempt.
    pub(crate) async fn fetch_text(&self, mut request: Request) -> Result<String> {
        request.whole_answer = true;
        self.send(request).await?.text().await
    }

    /// Fetches a link as somebody without credentials does: no signature, no second try.
    pub async fn fetch_link(&self, link: &str) -> Result<Response> {
        let invalid = || Error::Invalid(format!("'{link}' is not a link"));
        let (scheme, rest) = link.split_once("://").ok_or_else(invalid)?;
        let slash = rest.find('/').ok_or_else(invalid)?;
        let (host, path_and_query) = rest.split_at(slash);
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, HeaderValue::from_str(host).map_err(|_| invalid())?);
        let body = Payload::default().wire(Arc::default(), None);
        let transport = &self.inner.transport;
        let answer = transport.send(Method::GET, scheme, host, path_and_query, headers, body);
        let (parts, body) =
            unless_silent(answer, &AtomicU64::new(0), transport.timeout()).await?.into_parts();
        let response = Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            timeout: transport.timeout(),
            progress: None,
            throttle: None,
            after_loss: false,
        };
        if parts.status.is_success() {
            return Ok(response);
        }
        Err(self.service_error(&Request::new(Method::GET, None, None), response).await)
    }

    /// Sends a request once, as the route says.
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
        log::debug!("{}: {}, {:.3} s", line(), answer_in_words(&result), started.elapsed().as_secs_f64());
        result
    }

    async fn exchange(&self, request: &Request, route: &Route, path_and_query: &str) -> Result<Response> {
        let inner = &self.inner;
        let host = &route.target.host;
        let (mut headers, signer) = self.signed_headers(request, route)?;
        // Nothing on the way may compress what comes. Not signed: some proxies write this header anew.
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
        let slowed = throttle.clone().filter(|_| upload);
        let body = match &request.stream {
            Some(flow) => flow.wire(signer, sent.clone(), slowed),
            None => request.payload.wire(sent.clone(), slowed),
        };
        // Kept until the whole answer is read: a connection whose body never went ends with it.
        let gate = route.expects.then(ExpectContinue::new);
        let scheme = inner.options.endpoint.scheme();
        let answer = async {
            let (transport, method) = (&inner.transport, request.method.clone());
            let Some(gate) = &gate else {
                return transport.send(method, scheme, host, path_and_query, headers, body).await;
            };
            headers.insert(http::header::EXPECT, HeaderValue::from_static("100-continue"));
            let body = gate.before(body, inner.expect_unsupported.clone());
            let url = format!("{scheme}://{host}{path_and_query}");
            transport.send_directly(method, &url, headers, body, Some(gate)).await
        };
        let response = unless_silent(answer, &sent, inner.transport.timeout()).await?;
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
            after_loss: false,
        };
        if !(parts.status.is_success() || status == 304) {
            let response = Response { progress: None, throttle: None, ..response };
            return Err(self.service_error(request, response).await);
        }
        self.accepted(request, response).await
    }

    async fn service_error(&self, request: &Request, response: Response) -> Error {
        let status = response.status;
        let headers = response.headers.clone();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // An error body that cannot be read leaves the status to speak for itself.
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

/// Waits for the head of the answer for as long as bytes go out; silence for `timeout` ends it. (A plain
/// timeout on the whole request would cut long uploads off.)
async fn unless_silent<T>(
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

/// How an attempt ended, for the log.
fn answer_in_words(result: &Result<Response>) -> String {
    let (words, id) = match result {
        Ok(response) => {
            (response.status.to_string(), response.header("x-amz-request-id").unwrap_or_default())
        }
        Err(Error::Service(service)) => (service.to_string(), service.request_id.as_str()),
        Err(error) => (error.to_string(), ""),
    };
    if id.is_empty() { words } else { format!("{words}, request id {id}") }
}

/// An error without the words that the message already has.
fn bare(error: &Error) -> String {
    match error {
        Error::Service(service) => service.to_string(),
        other => other.to_string(),
    }
}
