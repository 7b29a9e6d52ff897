//! The HTTP front: connections, request heads and bodies, and the bridge to the threads that do the work.
//!
//! Operations are plain blocking code (file work mostly) and run on the runtime's blocking threads; bodies reach
//! them through a short channel, and leave in pieces that are read ahead by one. A panic in an operation is that
//! request's 500.

use super::Server;
use super::auth::checksum::Checksum;
use super::auth::payload::{Payload, Source};
use super::auth::{self, Signed};
use super::call::{self, Call, Reply, ReplyBody};
use super::error::{S3Error, S3Result, fail};
use super::route;
use super::store::write::PIECE;
use crate::s3::sign::encode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper_server::body::Incoming;
use hyper_server::server::conn::http1;
use hyper_server::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;

/// A body up to this length is read whole before the work starts.
const SMALL_BODY: u64 = PIECE as u64;
/// How many pieces of a body (each at most as long as the connection's buffer) wait for the thread that takes them.
const PIECES_AHEAD: usize = 2;
/// Answers without a signature while the server runs: no bucket can be called `-`.
const HEALTH: &str = "/-/healthz";
/// How much of an unwanted body is read before the connection is closed on it.
const DRAIN: u64 = 16 << 20;

/// Where connections come in.
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    /// A client that takes nothing for this long is left.
    pub(crate) write_timeout: Duration,
}

/// Accepts connections until `stopping` turns true, then waits for the requests under way.
pub(crate) async fn accept(door: Door, server: Arc<Server>, mut stopping: watch::Receiver<bool>) {
    let Door { listener, tls, write_timeout } = door;
    // Every connection holds a sender; the receiver ends when the last is gone.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop_wanted(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (server, open, mut stopping) = (Arc::clone(&server), open.clone(), stopping.clone());
                let tls = tls.clone();
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let mut stream = TimeoutWriter::new(stream);
                    stream.set_timeout(Some(write_timeout));
                    let stream = Box::pin(stream);
                    match tls {
                        None => serve_connection(stream, peer, server, stopping).await,
                        Some(tls) => {
                            let patience = server.read_timeout;
                            let greeted = tokio::select! {
                                greeted = tokio::time::timeout(patience, tls.accept(stream)) => greeted,
                                () = stop_wanted(&mut stopping) => return,
                            };
                            match greeted {
                                Ok(Ok(stream)) => serve_connection(stream, peer, server, stopping).await,
                                Ok(Err(error)) => log::debug!("serve: TLS with {peer}: {error}"),
                                Err(_) => log::debug!("serve: TLS with {peer}: timeout"),
                            }
                        }
                    }
                    drop(open);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come back.
                log::warn!("serve: accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    drop(open);
    let _ = all_closed.recv().await;
}

/// Ends when the server is to stop (or is gone).
pub(super) async fn stop_wanted(stopping: &mut watch::Receiver<bool>) {
    // The guard that this returns must not live on: it locks the channel.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    server: Arc<Server>,
    mut stopping: watch::Receiver<bool>,
) {
    let read_timeout = server.read_timeout;
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(answer(server, request, peer).await) }
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
        () = stop_wanted(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        log::debug!("serve: connection from {peer}: {error}");
    }
}

fn request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:08X}{:08X}", Utc::now().timestamp() & 0xffff_ffff, count & 0xffff_ffff)
}

async fn answer(server: Arc<Server>, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
    let id = request_id();
    let head = request.method() == http::Method::HEAD;
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let reply = match respond(server, request, peer).await {
        Ok(reply) => reply,
        Err(error) => {
            log::debug!("serve: {method} {path}: {} {}: {}", error.status, error.code, error.message);
            Reply::error(&error, &path, &id)
        }
    };
    build(reply, &id, head)
}

/// Reads the head, verifies it, and hands the request to the operations.
async fn respond(server: Arc<Server>, request: Request<Incoming>, peer: SocketAddr) -> S3Result<Reply> {
    let (head, body) = request.into_parts();
    let method = head.method.as_str().to_owned();
    let path = head.uri.path().to_owned();
    let query = encode::parse_query(head.uri.query().unwrap_or(""));
    let mut headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    if let Some(authority) = head.uri.authority() {
        headers.retain(|(name, _)| name != "host");
        headers.push(("host".to_owned(), authority.as_str().to_owned()));
    }
    let host = headers.iter().find(|(name, _)| name == "host").map_or("", |(_, host)| host.as_str());
    let host_bucket = call::host_bucket(host, &server.domains).map(str::to_owned);
    if host_bucket.is_none() && path == HEALTH && matches!(method.as_str(), "GET" | "HEAD") {
        return Ok(Reply::new(200).header("content-type", "text/plain").whole("ok\n"));
    }
    let signed = Signed {
        method: &method,
        path: &path,
        query: &query,
        headers: &headers,
        host_bucket: host_bucket.as_deref(),
    };
    let verified = match auth::verify(&signed, &server.users, Utc::now()) {
        Ok(verified) => verified,
        Err(error) => {
            drain(body, &headers, server.read_timeout);
            return Err(error);
        }
    };
    let (user, rule) = (verified.user.cloned(), verified.body);
    let prepared = (|| {
        let (bucket, key) = call::split_path(&path, host_bucket.as_deref())?;
        // In the completion of a multipart upload the headers speak of the object, not of the body.
        let of_body = !query.iter().any(|(name, _)| name == "uploadId") || method != "POST";
        let checksum = if of_body { Checksum::of(&headers)? } else { None };
        Ok((bucket, key, content_md5(&headers)?, checksum, content_length(&headers)?))
    })();
    let (bucket, key, content_md5, checksum, length) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            drain(body, &headers, server.read_timeout);
            return Err(error);
        }
    };
    let source = receive(body, length, server.read_timeout).await?;
    let length = if body_is_chunked(&headers) { None } else { Some(length.unwrap_or(0)) };
    let payload = Payload::new(source, rule, content_md5, checksum, length);
    let mut call = Call { method, path, bucket, key, query, headers, peer: peer.ip(), user, payload };
    let work = move || {
        let result = route::run(&server, &mut call);
        if let Err(error) = &result
            && error.status == 500
        {
            log::error!("serve: {} {}: {}", call.method, call.path, error.message);
        }
        result
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            log::error!("serve: an operation panicked: {error}");
            fail("InternalError", "We encountered an internal error. Please try again.")
        }
    }
}

fn body_is_chunked(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == "transfer-encoding")
}

fn content_length(headers: &[(String, String)]) -> S3Result<Option<u64>> {
    match headers.iter().find(|(name, _)| name == "content-length") {
        None => Ok(None),
        Some((_, text)) => match text.parse() {
            Ok(length) => Ok(Some(length)),
            Err(_) => fail("InvalidArgument", "Invalid Content-Length"),
        },
    }
}

fn content_md5(headers: &[(String, String)]) -> S3Result<Option<[u8; 16]>> {
    let Some((_, text)) = headers.iter().find(|(name, _)| name == "content-md5") else { return Ok(None) };
    let digest = BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    match digest {
        Some(digest) => Ok(Some(digest)),
        None => fail("InvalidDigest", "The Content-MD5 you specified is not valid."),
    }
}

fn broken_body(error: impl std::fmt::Display) -> S3Error {
    log::debug!("serve: body: {error}");
    S3Error::new("IncompleteBody", "The request's body ended before it was complete.")
}

async fn next_piece(body: &mut Incoming, patience: Duration) -> Option<S3Result<Bytes>> {
    loop {
        match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => {
                return Some(fail(
                    "RequestTimeout",
                    "Your socket connection to the server was not read from or written to within the timeout period.",
                ));
            }
            Ok(None) => return None,
            Ok(Some(Err(error))) => return Some(Err(broken_body(error))),
            // Trailers of HTTP itself say nothing here.
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
        }
    }
}

/// Reads a small body whole; lets a big one flow.
async fn receive(mut body: Incoming, length: Option<u64>, patience: Duration) -> S3Result<Source> {
    if body.is_end_stream() {
        return Ok(Source::Whole(Bytes::new()));
    }
    if let Some(length) = length.filter(|length| *length <= SMALL_BODY) {
        let mut first: Option<Bytes> = None;
        let mut all = BytesMut::new();
        while let Some(piece) = next_piece(&mut body, patience).await {
            let piece = piece?;
            if piece.len() as u64 == length {
                first = Some(piece);
                continue;
            }
            all.reserve(length as usize);
            all.extend_from_slice(&piece);
        }
        return Ok(Source::Whole(first.unwrap_or_else(|| all.freeze())));
    }
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        let mut unwanted = 0;
        while let Some(piece) = next_piece(&mut body, patience).await {
            let failed = piece.is_err();
            let size = piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
            if sender.is_closed() || sender.send(piece).await.is_err() {
                // Answered already. Take what comes for a while, so that the client reads the answer.
                unwanted += size;
            }
            if failed || unwanted > DRAIN {
                break;
            }
        }
    });
    Ok(Source::Pieces(pieces))
}

/// Takes a body that nobody wants, within limits, so that the client reads the answer instead of a reset. A client
/// that waits for "100 Continue" sends none.
fn drain(mut body: Incoming, headers: &[(String, String)], patience: Duration) {
    if body.is_end_stream() || headers.iter().any(|(name, _)| name == "expect") {
        return;
    }
    tokio::spawn(async move {
        let mut unwanted = 0;
        while let Some(Ok(piece)) = next_piece(&mut body, patience).await {
            unwanted += piece.len() as u64;
            if unwanted > DRAIN {
                break;
            }
        }
    });
}

fn build(reply: Reply, id: &str, head: bool) -> Response<Body> {
    let mut response = Response::new(match reply.body {
        _ if head => Body::Whole(None),
        ReplyBody::Whole(bytes) => Body::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
        ReplyBody::File { first, file, offset, left } => Body::File(FileBody {
            first: Some(first).filter(|first| !first.is_empty()),
            file: Arc::new(file),
            offset,
            unread: left,
            reading: None,
            length: left,
        }),
    });
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        // Stored values came in as headers, so they can go out as such.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amz-request-id", id);
    }
    headers.insert("server", HeaderValue::from_static("s3cmd-serve"));
    response
}

/// The body of a response.
#[derive(Debug)]
enum Body {
    Whole(Option<Bytes>),
    File(FileBody),
}

/// A range of a file, read ahead by one piece.
#[derive(Debug)]
struct FileBody {
    first: Option<Bytes>,
    file: Arc<File>,
    offset: u64,
    /// Bytes whose reading has not begun.
    unread: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// Bytes after `first` that have not been handed out.
    length: u64,
}

impl FileBody {
    fn read_on(&mut self) {
        if self.unread == 0 || self.reading.is_some() {
            return;
        }
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        let size = self.unread.min(PIECE as u64);
        self.offset += size;
        self.unread -= size;
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; size as usize];
            file.read_exact_at(&mut buffer, offset)?;
            Ok(Bytes::from(buffer))
        }));
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = match self.get_mut() {
            Self::Whole(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File(body) => body,
        };
        body.read_on();
        if let Some(first) = body.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(reading) = &mut body.reading else { return Poll::Ready(None) };
        let piece = ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).flatten();
        body.reading = None;
        Poll::Ready(Some(piece.map(|piece| {
            body.length -= piece.len() as u64;
            body.read_on();
            Frame::data(piece)
        })))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::File(body) => body.first.is_none() && body.length == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File(body) => body.length + body.first.as_ref().map_or(0, |first| first.len() as u64),
        })
    }
}
