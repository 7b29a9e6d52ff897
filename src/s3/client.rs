//! The shared client: signs, sends, retries, follows the service to the right region.

mod detours;

pub use detours::canonical_region;

use super::body::Payload;
use super::credentials::Credentials;
use super::endpoint::{Endpoint, Target};
use super::error::{ConnectionFailure, Error, Result, ServiceError};
use super::expect::Gate;
use super::flow::{Flow, SEALED, Seal};
use super::pace::Pace;
use super::request::{MAX_DOCUMENT, Request, Response};
use super::retry::{Blame, Budget, RetryClass, RetryPolicy};
use super::roles::Issuer;
use super::sign::{self, encode, v2, v4};
use super::transport::{SharedTransport, Transport, TransportOptions};
use super::{Throttle, xml};
use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Longest error document that is read.
const MAX_ERROR_BODY: usize = 1 << 20;

/// How many answers may send one request elsewhere (region, endpoint, signature version).
const MAX_DETOURS: u32 = 4;

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
    pub issuer: Option<Issuer>,
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
}

impl ClientOptions {
    /// Options with the defaults for an endpoint.
    pub fn new(endpoint: Endpoint, credentials: Option<Credentials>) -> Self {
        Self {
            endpoint,
            credentials,
            issuer: None,
            service: "s3",
            region: String::new(),
            signature: Signature::V4,
            transport: TransportOptions::default(),
            retry: RetryPolicy::default(),
            requester_pays: false,
            rate_limit: None,
            expect_continue: false,
            bulk: DEFAULT_BULK,
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
    pace: Arc<Pace>,
    /// What answers told about buckets: region, and the host to use instead.
    buckets: Mutex<HashMap<String, detours::Learned>>,
    /// Set once the service has asked for the other signature version.
    other_signature: AtomicBool,
    /// Set once the service has shown that it does not know `Expect`.
    is_deaf: Arc<AtomicBool>,
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
            pace: Pace::new(),
            buckets: Mutex::default(),
            other_signature: AtomicBool::new(false),
            is_deaf: Arc::default(),
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
    pub async fn bulk_leave(&self) -> SemaphorePermit<'_> {
        self.inner.bulk.acquire().await.expect("the semaphore is never closed")
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
        if self.signature() == Signature::V4
            && !request.payload.is_empty()
            && self.inner.options.credentials.is_some()
        {
            request.hash_payload().await?;
        }
        let policy = &self.inner.options.retry;
        let mut detours = 0;
        let mut budget = Budget::default();
        let mut lost = false;
        let mut slot = self.inner.pace.enter(false).await;
        loop {
            let before = request.progress.as_ref().map(|progress| progress.load(Ordering::Relaxed));
            let error = match self.attempt(&request).await {
                Ok(response) => {
                    slot.answered();
                    return Ok(Response { after_loss: lost, ..response });
                }
                Err(error) => error,
            };
            if let (Some(progress), Some(before)) = (&request.progress, before) {
                progress.store(before, Ordering::Relaxed);
            }
            log::debug!("{} {}: {error}", request.method, request.resource());
            let is_spent = request.flow.as_ref().is_some_and(Flow::is_spent);
            if request.adapt && detours < MAX_DETOURS && self.adapt(&request, &error) && !is_spent {
                detours += 1;
                if self.signature() == Signature::V4 {
                    request.hash_payload().await?;
                }
                continue;
            }
            lost |= matches!(error, Error::Connection { .. });
            let (blame, kept) = if RetryPolicy::is_throttle(&error) {
                slot.refused()
            } else {
                if error.status().is_some_and(|status| status < 500) {
                    slot.answered();
                }
                drop(slot);
                (Blame::Request, None)
            };
            let asked = error.service().and_then(|service| service.retry_after);
            let is_transient = RetryPolicy::is_transient(request.retry, &error);
            let Some(delay) = budget.next(policy, blame, asked).filter(|_| is_transient) else {
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
            slot = match kept {
                Some(slot) => slot,
                None => self.inner.pace.enter(true).await,
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

    async fn attempt(&self, request: &Request) -> Result<Response> {
        let inner = &self.inner;
        let target = self.target(request);
        let issued = match &inner.options.issuer {
            Some(issuer) => Some(issuer.current().await?),
            None => None,
        };
        let credentials = issued.as_ref().or(inner.options.credentials.as_ref());
        let (mut headers, seal) = self.signed_headers(request, &target, credentials)?;
        let mut path_and_query = target.path;
        if !request.query.is_empty() {
            path_and_query.push('?');
            path_and_query.push_str(&encode::query_string(&request.query, true));
        }
        log::debug!(
            "{} {}://{}{path_and_query}",
            request.method,
            inner.options.endpoint.scheme(),
            target.host
        );

        let is_data = matches!(request.payload, Payload::File(_))
            || request.progress.is_some()
            || request.flow.is_some();
        let throttle = inner.throttle.clone().filter(|_| is_data);
        let upload = request.method == Method::PUT || request.method == Method::POST;
        let sent = match &request.progress {
            Some(progress) if upload => progress.clone(),
            _ => Arc::new(AtomicU64::new(0)),
        };
        let slowed = throttle.clone().filter(|_| upload);
        let body = match &request.flow {
            Some(flow) => flow.wire(seal, sent.clone(), slowed),
            None => request.payload.wire(sent.clone(), slowed),
        };
        // Kept until the whole answer is read: a connection whose body never went ends with it.
        let gate = self.expects(request).then(Gate::new);
        let scheme = inner.options.endpoint.scheme();
        let answer = async {
            let (transport, method) = (&inner.transport, request.method.clone());
            let Some(gate) = &gate else {
                return transport.send(method, scheme, &target.host, &path_and_query, headers, body).await;
            };
            headers.insert(http::header::EXPECT, HeaderValue::from_static("100-continue"));
            let body = gate.before(body, inner.is_deaf.clone());
            let url = format!("{scheme}://{}{path_and_query}", target.host);
            transport.send_directly(method, &url, headers, body, Some(gate)).await
        };
        let response = unless_silent(answer, &sent, inner.transport.timeout()).await?;

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
        if !(request.error_in_body || request.whole_answer) {
            return Ok(response);
        }
        let headers = response.headers.clone();
        let text = response.bytes(MAX_DOCUMENT).await?;
        // Copy and complete-multipart may answer 200 first and fail afterwards.
        if request.error_in_body
            && let Some(mut error) = xml::parse_error(&String::from_utf8_lossy(&text))
        {
            error.status = status_of_code(&error.code);
            self.name_resource(&mut error, request);
            return Err(error.into());
        }
        let body = super::body::whole(text);
        let timeout = inner.transport.timeout();
        Ok(Response { status, headers, body, timeout, progress: None, throttle: None, after_loss: false })
    }

    /// The headers to send, and what signs the chunks of a body whose sum is not known.
    fn signed_headers(
        &self,
        request: &Request,
        target: &Target,
        credentials: Option<&Credentials>,
    ) -> Result<(HeaderMap, Option<Seal>)> {
        let options = &self.inner.options;
        let mut headers = request.headers.clone();
        headers.push(("host".to_owned(), target.host.clone()));
        let sealed = request.flow.as_ref().filter(|_| {
            credentials.is_some() && request.payload_sha256.is_none() && self.signature() == Signature::V4
        });
        let carries_body = matches!(request.method, Method::PUT | Method::POST);
        if carries_body {
            let length = match (&request.flow, sealed) {
                (_, Some(flow)) => flow.sealed_len(),
                (Some(flow), None) => flow.len(),
                (None, None) => request.payload.len(),
            };
            headers.push(("content-length".to_owned(), length.to_string()));
        }
        if let Some(flow) = sealed {
            headers.push(("x-amz-decoded-content-length".to_owned(), flow.len().to_string()));
        }
        let mut seal = None;
        if options.requester_pays && request.method != Method::DELETE {
            headers.push(("x-amz-request-payer".to_owned(), "requester".to_owned()));
        }
        if let Some(credentials) = credentials {
            let signable = sign::Request {
                method: request.method.as_str(),
                path: &target.path,
                query: &request.query,
                headers: &headers,
            };
            let added = match self.signature() {
                Signature::V2 => {
                    let bucket = request.bucket.as_deref().filter(|_| target.bucket_in_host);
                    v2::sign(&signable, bucket, credentials, Utc::now())
                }
                Signature::V4 => {
                    let region = self.region(request.bucket.as_deref());
                    let scope = v4::Scope { time: Utc::now(), region: &region, service: options.service };
                    let known = request.payload_sha256.as_deref();
                    let hash = known.unwrap_or(if sealed.is_some() { SEALED } else { v4::EMPTY_SHA256 });
                    let added = v4::sign(&signable, hash, credentials, &scope);
                    if sealed.is_some() {
                        seal = Seal::of(&added, credentials, &scope, options.service);
                    }
                    added
                }
            };
            headers.extend(added);
        }
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            let invalid = || Error::Invalid(format!("Header '{name}' cannot be sent with that value"));
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
            value.set_sensitive(matches!(name.as_str(), "authorization" | "x-amz-security-token"));
            map.append(parsed, value);
        }
        Ok((map, seal))
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

/// The status that a service error has when it comes inside a 200 answer.
fn status_of_code(code: &str) -> u16 {
    match code {
        "SlowDown" | "ServiceUnavailable" => 503,
        "InternalError" => 500,
        "AccessDenied" => 403,
        "NoSuchKey" | "NoSuchUpload" | "NoSuchBucket" => 404,
        "PreconditionFailed" => 412,
        _ => 400,
    }
}

/// An error without the words that the message already has.
fn bare(error: &Error) -> String {
    match error {
        Error::Service(service) => service.to_string(),
        other => other.to_string(),
    }
}
