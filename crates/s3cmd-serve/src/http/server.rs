//! The HTTP layer: connections, request heads and bodies, and the handover to the backend.
//!
//! The [`backend`](crate::backend) receives bodies through a short channel. Files are sent in pieces, with one piece
//! read ahead. A panic in an operation becomes a 500 response to that request.

use super::access_log::RequestFacts;
use super::call::Reply;
use super::limits::{ConnectionPermit, RequestTracker};
use super::redact::redact;
use super::request_path;
use super::respond::{Peer, respond};
use super::response::{Body, build};
use super::shutdown::stop_requested;
use crate::app_state::AppState;
use crate::directory::website;
use crate::store::file_io::PIECE;
use chrono::Utc;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;

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
                let (state, open, stopping) = (Arc::clone(&state), open.clone(), stopping.clone());
                let tls = tls.clone();
                tokio::spawn(async move {
                    let peer = Peer { address: peer, encryption: None };
                    if let Err(reason) =
                        connect(stream, peer, tls, write_timeout, state, stopping, permit).await
                    {
                        log::debug!("serve: {reason}");
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

/// Waits for the first byte of a connection, does the TLS handshake, and serves its requests. Returns why it was closed
/// before a request, if that is worth a line in the log.
async fn connect(
    stream: TcpStream,
    mut peer: Peer,
    tls: Option<TlsAcceptor>,
    write_timeout: Duration,
    state: Arc<AppState>,
    mut stopping: watch::Receiver<bool>,
    permit: ConnectionPermit,
) -> Result<(), String> {
    let _ = stream.set_nodelay(true);
    let timeout = state.read_timeout;
    // Allocate no buffers before the first byte arrives.
    let mut first = [0];
    let first_byte = tokio::select! {
        peeked = tokio::time::timeout(timeout, stream.peek(&mut first)) => peeked,
        () = stop_requested(&mut stopping) => return Ok(()),
        () = permit.closed() => return Err(format!("closed an idle connection from {} for a new one", peer.address)),
    };
    if first_byte.is_err() {
        return Err(format!("received nothing from {}", peer.address));
    }
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(write_timeout));
    let stream = Box::pin(stream);
    let Some(tls) = tls else {
        Box::pin(serve_connection(stream, peer, state, stopping, &permit)).await;
        return Ok(());
    };
    let handshake = tokio::select! {
        result = tokio::time::timeout(timeout, Box::pin(tls.accept(stream))) => result,
        () = stop_requested(&mut stopping) => return Ok(()),
        () = permit.closed() => return Ok(()),
    };
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(format!("TLS with {}: {error}", peer.address)),
        Err(_) => return Err(format!("TLS with {}: timeout", peer.address)),
    };
    peer.encryption = Some(Arc::new(encryption(stream.get_ref().1)));
    Box::pin(serve_connection(stream, peer, state, stopping, &permit)).await;
    Ok(())
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
