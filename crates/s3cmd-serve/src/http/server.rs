//! The HTTP layer: connections, request heads and bodies, and the handover to the backend.
//!
//! The [`backend`](crate::backend) receives bodies through a short channel. Files are sent in pieces, with one piece
//! read ahead. A panic in an operation becomes a 500 response to that request.

use super::access_log::{PendingEntry, RequestFacts};
use super::call::{Call, Reply};
use super::limits::{ConnectionPermit, RequestTracker};
use super::redact::redact;
use super::request_body::RequestBody;
use super::request_context::{RequestContext, Signature};
use super::response::{Body, build};
use super::shutdown::stop_requested;
use super::{request_head, request_path};
use crate::app_state::AppState;
use crate::auth::checksum::BodyChecksum;
use crate::auth::payload::Payload;
use crate::auth::signed_request::SignedRequest;
use crate::directory::website::{self, WebsiteRequest};
use crate::model::error::S3Result;
use crate::store::file_io::PIECE;
use crate::{auth, route};
use chrono::Utc;
use http::Method;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3cmd_client::sign::encode;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;

/// The health check, served without authentication. It cannot clash with a bucket, because `-` is no bucket name.
const HEALTH: &str = "/-/healthz";
/// The metrics, served without authentication if they are enabled.
const METRICS: &str = "/-/metrics";

/// The client's end of a connection.
#[derive(Clone, Debug)]
struct Peer {
    address: SocketAddr,
    /// TLS cipher suite and version.
    encryption: Option<Arc<(String, String)>>,
}

impl Peer {
    /// The TLS version as a number: `1.3`.
    fn tls(&self) -> Option<String> {
        let (_, version) = &**self.encryption.as_ref()?;
        version.strip_prefix("TLSv").map(str::to_owned)
    }
}

fn encryption(connection: &rustls::ServerConnection) -> (String, String) {
    let cipher = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    let version = connection.protocol_version().map(|version| format!("{version:?}").replace('_', "."));
    (cipher.unwrap_or_default(), version.unwrap_or_default())
}

/// The listening socket and the settings of its connections.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    /// A client that reads nothing for this long is disconnected.
    pub(crate) write_timeout: Duration,
}

/// Accepts connections until `stopping` becomes true, then waits for the requests in progress.
pub(crate) async fn accept(listener: Listener, state: Arc<AppState>, mut stopping: watch::Receiver<bool>) {
    let Listener { socket, tls, write_timeout } = listener;
    // Every connection holds a sender; the receiver ends when the last one is dropped.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop_requested(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                // At the limit and no connection is idle: close the new one, so that the client retries.
                let Some(permit) = state.limits.connections.admit() else {
                    log::debug!("serve: too many connections, closing one from {peer}");
                    continue;
                };
                let (state, open, mut stopping) = (Arc::clone(&state), open.clone(), stopping.clone());
                let tls = tls.clone();
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let timeout = state.read_timeout;
                    // Allocate no buffers before the first byte arrives.
                    let mut first = [0];
                    let first_byte = tokio::select! {
                        peeked = tokio::time::timeout(timeout, stream.peek(&mut first)) => peeked,
                        () = stop_requested(&mut stopping) => return,
                        () = permit.closed() => {
                            return log::debug!("serve: closed an idle connection from {peer} for a new one");
                        }
                    };
                    if first_byte.is_err() {
                        return log::debug!("serve: received nothing from {peer}");
                    }
                    let mut stream = TimeoutWriter::new(stream);
                    stream.set_timeout(Some(write_timeout));
                    let stream = Box::pin(stream);
                    let mut peer = Peer { address: peer, encryption: None };
                    match tls {
                        None => Box::pin(serve_connection(stream, peer, state, stopping, &permit)).await,
                        Some(tls) => {
                            let handshake = tokio::select! {
                                result = tokio::time::timeout(timeout, Box::pin(tls.accept(stream))) => result,
                                () = stop_requested(&mut stopping) => return,
                                () = permit.closed() => return,
                            };
                            match handshake {
                                Ok(Ok(stream)) => {
                                    peer.encryption = Some(Arc::new(encryption(stream.get_ref().1)));
                                    Box::pin(serve_connection(stream, peer, state, stopping, &permit)).await;
                                }
                                Ok(Err(error)) => log::debug!("serve: TLS with {}: {error}", peer.address),
                                Err(_) => log::debug!("serve: TLS with {}: timeout", peer.address),
                            }
                        }
                    }
                    drop(open);
                });
            }
            Err(error) => {
                // Most likely out of file descriptors: wait until some are released.
                log::warn!("serve: accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(socket);
    drop(open);
    let _ = all_closed.recv().await;
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    state: Arc<AppState>,
    mut stopping: watch::Receiver<bool>,
    permit: &ConnectionPermit,
) {
    let read_timeout = state.read_timeout;
    let address = peer.address;
    let requests = permit.requests();
    let service = service_fn(move |request| {
        let (state, peer, requests) = (Arc::clone(&state), peer.clone(), requests.clone());
        // Boxed, so that idle connections do not reserve memory for the large future.
        async move { Ok::<_, Infallible>(Box::pin(handle(state, request, peer, requests)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_timeout)
        .half_close(true)
        .max_buf_size(PIECE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = permit.closed() => {
            return log::debug!("serve: closed an idle connection from {address} for a new one");
        }
        () = stop_requested(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        log::debug!("serve: connection from {address}: {error}");
    }
}

fn request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:08X}{:08X}", Utc::now().timestamp() & 0xffff_ffff, count & 0xffff_ffff)
}

/// Handles a request. Errors become error responses here, and the access log entry is completed.
async fn handle(
    state: Arc<AppState>,
    request: Request<Incoming>,
    peer: Peer,
    requests: RequestTracker,
) -> Response<Body> {
    let guard = requests.begin();
    let id = request_id();
    let head = request.method() == http::Method::HEAD;
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let text = |name: &str| {
        request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let origin = text("origin");
    let expects = text("expect").is_some();
    // Some pages send Access-Control-Request-Method on the actual request, too; it takes precedence.
    let cors_method = text("access-control-request-method").unwrap_or_else(|| method.to_string());
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or("").to_owned();
    let mut entry = state.access_log.begin(|| facts(&request, &peer, &id));
    let mut reply = match respond(Arc::clone(&state), request, &peer, &requests, entry.as_deref_mut()).await {
        Ok(reply) => reply,
        Err(error) => {
            let (redacted_path, message) = (redact(&path), redact(&error.message));
            log::debug!("serve: {method} {redacted_path}: {} {}: {message}", error.status, error.code);
            if let Some(entry) = &mut entry {
                entry.facts.error = error.code.as_str();
            }
            Reply::error(&error, &path, &id)
        }
    };
    if expects && reply.status >= 400 {
        // The body was never requested with "100 Continue", so hyper closes the connection after this response. Tell
        // the client, or its next request would fail on the closed connection.
        reply = reply.header("connection", "close");
    }
    if let Some(origin) = origin
        && method != http::Method::OPTIONS
    {
        reply.headers.extend(cors_headers(Arc::clone(&state), &path, &host, origin, cors_method).await);
    }
    if let Some(entry) = &mut entry {
        entry.facts.status = reply.status;
        let header =
            |name: &str| reply.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        entry.facts.version = header("x-amz-version-id").unwrap_or_default().to_owned();
        if entry.facts.operation.ends_with(".OBJECT") && matches!(reply.status, 200 | 206) {
            let whole = header("content-range").and_then(|range| range.rsplit('/').next());
            let size = whole.or_else(|| header("content-length")).and_then(|size| size.parse().ok());
            entry.facts.object_size = entry.facts.object_size.or(size);
        }
        entry.response_ready();
    }
    let mut response = build(reply, &id, head, entry, guard);
    response.extensions_mut().clone_from(&state.header_case);
    response
}

/// The CORS headers of a response to `origin`; empty if no rule matches.
async fn cors_headers(
    state: Arc<AppState>,
    path: &str,
    host: &str,
    origin: String,
    method: String,
) -> Vec<(String, String)> {
    let named = website::host_bucket(host, &state.domains);
    let named = named.or_else(|| request_path::host_bucket(host, &state.domains));
    let Ok((Some(bucket), _)) = request_path::split_path(path, named) else { return Vec::new() };
    state.backend.cors_headers(bucket, origin, method).await
}

/// The facts for the access log that are known from the head of a request.
fn facts(request: &Request<Incoming>, peer: &Peer, id: &str) -> RequestFacts {
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    };
    let target = request.uri().path_and_query().map(|target| target.as_str().to_owned());
    RequestFacts {
        time: Utc::now(),
        peer: Some(peer.address.ip()),
        id: id.to_owned(),
        method: request.method().to_string(),
        target: target.unwrap_or_default(),
        host: header("host"),
        referer: header("referer"),
        agent: header("user-agent"),
        encryption: peer.encryption.clone(),
        operation: "REST.UNKNOWN".to_owned(),
        ..RequestFacts::default()
    }
}

/// Checks the head of a request, authenticates it, and passes the request to the backend.
async fn respond(
    state: Arc<AppState>,
    request: Request<Incoming>,
    peer: &Peer,
    requests: &RequestTracker,
    mut entry: Option<&mut PendingEntry>,
) -> S3Result<Reply> {
    let (head, body) = request.into_parts();
    let (timeout, access_log) = (state.read_timeout, Arc::clone(&state.access_log));
    let mut body = RequestBody { body, timeout, access_log, anonymous: None };
    let method = head.method.clone();
    let path = head.uri.path().to_owned();
    let query = encode::parse_query(head.uri.query().unwrap_or(""));
    let mut headers = match request_head::check(&head).and_then(|()| request_head::headers(&head.headers)) {
        Ok(headers) => headers,
        Err(error) => {
            body.drain_unless(head.headers.contains_key("expect"));
            return Err(error);
        }
    };
    if let Some(authority) = head.uri.authority() {
        headers.retain(|(name, _)| name != "host");
        headers.push(("host".to_owned(), authority.as_str().to_owned()));
    }
    let host = headers.iter().find(|(name, _)| name == "host").map_or("", |(_, host)| host.as_str());
    let site = website::host_bucket(host, &state.domains).map(str::to_owned);
    let host_bucket =
        site.clone().or_else(|| request_path::host_bucket(host, &state.domains).map(str::to_owned));
    if host_bucket.is_none() && path == HEALTH && matches!(method.as_str(), "GET" | "HEAD") {
        if let Some(entry) = entry {
            entry.facts.operation = "HEALTH".to_owned();
        }
        return Ok(Reply::new(200).header("content-type", "text/plain").whole("ok\n"));
    }
    if host_bucket.is_none()
        && path == METRICS
        && matches!(method.as_str(), "GET" | "HEAD")
        && let Some(text) = state.access_log.metrics_text()
    {
        if let Some(entry) = entry {
            entry.facts.operation = "METRICS".to_owned();
        }
        return Ok(Reply::new(200).header("content-type", "text/plain; version=0.0.4").whole(text));
    }
    if let (Some(entry), Ok((bucket, key))) =
        (&mut entry, request_path::split_path(&path, host_bucket.as_deref()))
    {
        let copy = headers.iter().any(|(name, _)| name == "x-amz-copy-source");
        entry.facts.operation = route::name(method.as_str(), bucket.is_some(), key.is_some(), &query, copy);
        entry.facts.bucket = bucket.unwrap_or_default();
        entry.facts.key = key.unwrap_or_default();
    }
    if method == Method::OPTIONS
        && let (Some(bucket), _) = request_path::split_path(&path, host_bucket.as_deref())?
    {
        return state.backend.preflight(bucket, headers).await;
    }
    if let Some(bucket) = site {
        body.drain(&headers);
        let request =
            WebsiteRequest { method, path, bucket, headers, peer: peer.address.ip(), tls: peer.tls() };
        return handle_website(state, request, entry).await;
    }
    let signed = SignedRequest {
        method: method.as_str(),
        path: &path,
        query: &query,
        headers: &headers,
        host_bucket: host_bucket.as_deref(),
    };
    let verified = if state.no_auth {
        auth::trust_local(&signed, &state.users)
    } else {
        auth::verify(&signed, &state.users, Utc::now())
    };
    let verified = verified.and_then(|verified| match &state.region {
        Some(region) => auth::check_region(&signed, region).map(|()| verified),
        None => Ok(verified),
    });
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => {
            body.drain(&headers);
            return Err(error);
        }
    };
    if let Some(entry) = &mut entry
        && let Some(user) = verified.user
    {
        entry.facts.requester.clone_from(&user.id);
        entry.facts.signature = signed.kind();
    }
    let (user, rule) = (verified.user.cloned(), verified.body);
    if user.is_some() {
        requests.mark_authenticated();
    } else {
        body.anonymous = Some((Instant::now(), 0));
    }
    let context =
        RequestContext { signature: Signature::of(&signed), tls: peer.tls(), ..RequestContext::default() };
    let prepared = (|| {
        let (bucket, key) = request_path::split_path(&path, host_bucket.as_deref())?;
        // In CompleteMultipartUpload the checksum headers apply to the object, not to the body.
        let is_completion = query.iter().any(|(name, _)| name == "uploadId") && method == Method::POST;
        let checksum = if is_completion { None } else { BodyChecksum::of(&headers)? };
        Ok((
            bucket,
            key,
            request_head::content_md5(&headers)?,
            checksum,
            request_head::content_length(&headers)?,
        ))
    })();
    let (bucket, key, content_md5, checksum, length) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            body.drain(&headers);
            return Err(error);
        }
    };
    let expects = headers
        .iter()
        .any(|(name, value)| name == "expect" && value.trim().eq_ignore_ascii_case("100-continue"));
    let body_permit = if body.is_empty() {
        None
    } else {
        match state.limits.acquire_body(user.is_some(), state.read_timeout).await {
            Ok(permit) => Some(permit),
            Err(error) => {
                body.drain(&headers);
                return Err(error);
            }
        }
    };
    let source = body.receive(length, expects).await?;
    let mut payload = Payload::new(source, rule, content_md5, checksum, length);
    if request_head::is_chunked(&headers) {
        payload.set_open_ended();
    }
    if user.is_none() {
        payload.limit_documents(&state.limits.anonymous_documents);
    }
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
