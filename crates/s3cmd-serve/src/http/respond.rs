//! The response to one request: its head is checked and authenticated, then the backend handles it.

use super::access_log::PendingEntry;
use super::call::{Call, Reply};
use super::limits::RequestTracker;
use super::request_body::RequestBody;
use super::request_context::{RequestContext, Signature};
use super::{request_head, request_path};
use crate::app_state::AppState;
use crate::auth::checksum::BodyChecksum;
use crate::auth::payload::{BodyRule, Payload};
use crate::auth::signed_request::SignedRequest;
use crate::auth::users::User;
use crate::directory::website::{self, WebsiteRequest};
use crate::model::error::S3Result;
use crate::{auth, route};
use chrono::Utc;
use http::request::Parts;
use http::{Method, Request};
use hyper::body::Incoming;
use s3cmd_client::sign::encode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;

/// The health check, served without authentication. It cannot clash with a bucket, because `-` is no bucket name.
const HEALTH: &str = "/-/healthz";
/// The metrics, served without authentication if they are enabled.
const METRICS: &str = "/-/metrics";

/// The client's end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// TLS cipher suite and version.
    pub(super) encryption: Option<Arc<(String, String)>>,
}

impl Peer {
    /// The TLS version as a number: `1.3`.
    fn tls(&self) -> Option<String> {
        let (_, version) = &**self.encryption.as_ref()?;
        version.strip_prefix("TLSv").map(str::to_owned)
    }
}

/// The head of a request, with the buckets that its host name selects.
struct Head {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// The bucket whose website the host name selects.
    website_bucket: Option<String>,
    /// The bucket that the host name selects, by its website or by its name.
    host_bucket: Option<String>,
}

impl Head {
    fn read(parts: &Parts, domains: &[String]) -> S3Result<Self> {
        request_head::check(parts)?;
        let mut headers = request_head::headers(&parts.headers)?;
        if let Some(authority) = parts.uri.authority() {
            headers.retain(|(name, _)| name != "host");
            headers.push(("host".to_owned(), authority.as_str().to_owned()));
        }
        let host = headers.iter().find(|(name, _)| name == "host").map_or("", |(_, host)| host.as_str());
        let website_bucket = website::host_bucket(host, domains).map(str::to_owned);
        let host_bucket =
            website_bucket.clone().or_else(|| request_path::host_bucket(host, domains).map(str::to_owned));
        Ok(Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: encode::parse_query(parts.uri.query().unwrap_or("")),
            headers,
            website_bucket,
            host_bucket,
        })
    }

    /// The bucket and the key of the request.
    fn target(&self) -> S3Result<(Option<String>, Option<String>)> {
        request_path::split_path(&self.path, self.host_bucket.as_deref())
    }

    fn signed(&self) -> SignedRequest<'_> {
        SignedRequest {
            method: self.method.as_str(),
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            host_bucket: self.host_bucket.as_deref(),
        }
    }

    /// Whether this is a GET or a HEAD of a path that is in no bucket.
    fn reads(&self, path: &str) -> bool {
        self.host_bucket.is_none() && self.path == path && matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// Whether the client waits for "100 Continue".
    fn expects_continue(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, value)| name == "expect" && value.trim().eq_ignore_ascii_case("100-continue"))
    }
}

/// An authenticated request whose body may be read.
struct Admitted {
    user: Option<User>,
    rule: BodyRule,
    bucket: Option<String>,
    key: Option<String>,
    content_md5: Option<[u8; 16]>,
    checksum: Option<BodyChecksum>,
    length: Option<u64>,
    context: RequestContext,
    /// Held until the request has been handled; `None` if there is no body.
    body_permit: Option<OwnedSemaphorePermit>,
}

/// Checks the head of a request, authenticates it, and passes the request to the backend.
pub(super) async fn respond(
    state: Arc<AppState>,
    request: Request<Incoming>,
    peer: &Peer,
    requests: &RequestTracker,
    mut entry: Option<&mut PendingEntry>,
) -> S3Result<Reply> {
    let (parts, body) = request.into_parts();
    let (timeout, access_log) = (state.read_timeout, Arc::clone(&state.access_log));
    let mut body = RequestBody { body, timeout, access_log, anonymous: None };
    let head = match Head::read(&parts, &state.domains) {
        Ok(head) => head,
        Err(error) => {
            body.drain_unless(parts.headers.contains_key("expect"));
            return Err(error);
        }
    };
    if let Some((operation, reply)) = monitoring_page(&state, &head) {
        if let Some(entry) = entry {
            entry.facts.operation = operation.to_owned();
        }
        return Ok(reply);
    }
    if let Some(entry) = &mut entry {
        record_operation(entry, &head);
    }
    if head.method == Method::OPTIONS
        && let (Some(bucket), _) = head.target()?
    {
        return state.backend.preflight(bucket, head.headers).await;
    }
    if let Some(bucket) = head.website_bucket {
        body.drain(&head.headers);
        let Head { method, path, headers, .. } = head;
        let request =
            WebsiteRequest { method, path, bucket, headers, peer: peer.address.ip(), tls: peer.tls() };
        return handle_website(state, request, entry).await;
    }
    let admitted = match admit(&state, &head, &mut body, peer, requests, entry.as_deref_mut()).await {
        Ok(admitted) => admitted,
        Err(error) => {
            body.drain(&head.headers);
            return Err(error);
        }
    };
    let Admitted { user, rule, bucket, key, content_md5, checksum, length, context, body_permit } = admitted;
    let source = body.receive(length, head.expects_continue()).await?;
    let mut payload = Payload::new(source, rule, content_md5, checksum, length);
    if request_head::is_chunked(&head.headers) {
        payload.set_open_ended();
    }
    if user.is_none() {
        payload.limit_documents(&state.limits.anonymous_documents);
    }
    let Head { method, path, query, headers, .. } = head;
    let peer = peer.address.ip();
    let mut call = Call { method, path, bucket, key, query, headers, peer, user, payload, context };
    call.parameters_to_headers();
    let has_log = entry.is_some() && state.access_log.has_log();
    let outcome = state.backend.handle(call, has_log).await;
    drop(body_permit);
    if let Some(entry) = entry {
        entry.facts.owner = outcome.owner;
        entry.facts.requester = outcome.requester.unwrap_or_default();
        if entry.facts.operation == "REST.PUT.OBJECT" && outcome.result.is_ok() {
            entry.facts.object_size = outcome.content_length;
        }
    }
    outcome.result
}

/// The health check and the metrics: the operation for the access log, and the response.
fn monitoring_page(state: &AppState, head: &Head) -> Option<(&'static str, Reply)> {
    if head.reads(HEALTH) {
        return Some(("HEALTH", Reply::new(200).header("content-type", "text/plain").whole("ok\n")));
    }
    if !head.reads(METRICS) {
        return None;
    }
    let text = state.access_log.metrics_text()?;
    Some(("METRICS", Reply::new(200).header("content-type", "text/plain; version=0.0.4").whole(text)))
}

/// Records in the access log which operation a request asks for, and its target.
fn record_operation(entry: &mut PendingEntry, head: &Head) {
    let Ok((bucket, key)) = head.target() else { return };
    let is_copy = head.headers.iter().any(|(name, _)| name == "x-amz-copy-source");
    let method = head.method.as_str();
    entry.facts.operation = route::name(method, bucket.is_some(), key.is_some(), &head.query, is_copy);
    entry.facts.bucket = bucket.unwrap_or_default();
    entry.facts.key = key.unwrap_or_default();
}

/// Authenticates a request and checks what its headers state of the body, then waits until the body may be read.
async fn admit(
    state: &AppState,
    head: &Head,
    body: &mut RequestBody,
    peer: &Peer,
    requests: &RequestTracker,
    entry: Option<&mut PendingEntry>,
) -> S3Result<Admitted> {
    let signed = head.signed();
    let verified = if state.no_auth {
        auth::trust_local(&signed, &state.users)?
    } else {
        auth::verify(&signed, &state.users, Utc::now())?
    };
    if let Some(region) = &state.region {
        auth::check_region(&signed, region)?;
    }
    if let Some(entry) = entry
        && let Some(user) = verified.user
    {
        entry.facts.requester.clone_from(&user.id);
        entry.facts.signature = signed.kind();
    }
    let user = verified.user.cloned();
    if user.is_some() {
        requests.mark_authenticated();
    } else {
        body.anonymous = Some((Instant::now(), 0));
    }
    let (bucket, key) = head.target()?;
    // In CompleteMultipartUpload the checksum headers apply to the object, not to the body.
    let is_completion = head.query.iter().any(|(name, _)| name == "uploadId") && head.method == Method::POST;
    let checksum = if is_completion { None } else { BodyChecksum::of(&head.headers)? };
    let content_md5 = request_head::content_md5(&head.headers)?;
    let length = request_head::content_length(&head.headers)?;
    let body_permit = if body.is_empty() {
        None
    } else {
        Some(state.limits.acquire_body(user.is_some(), state.read_timeout).await?)
    };
    Ok(Admitted {
        user,
        rule: verified.body,
        bucket,
        key,
        content_md5,
        checksum,
        length,
        context: RequestContext {
            signature: Signature::of(&signed),
            tls: peer.tls(),
            ..RequestContext::default()
        },
        body_permit,
    })
}

/// Handles a request to a website.
async fn handle_website(
    state: Arc<AppState>,
    request: WebsiteRequest,
    entry: Option<&mut PendingEntry>,
) -> S3Result<Reply> {
    let method =
        if matches!(request.method.as_str(), "GET" | "HEAD") { request.method.as_str() } else { "UNKNOWN" };
    let operation = format!("WEBSITE.{method}.OBJECT");
    let (reply, error) = state.backend.handle_website(request).await?;
    if let Some(entry) = entry {
        entry.facts.operation = operation;
        entry.facts.error = error.unwrap_or_default();
    }
    Ok(reply)
}
