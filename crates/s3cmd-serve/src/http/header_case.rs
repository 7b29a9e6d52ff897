//! The letter case of response header names.
//!
//! HTTP header names are case-insensitive, but scripts that parse `curl -I` look for `Content-Length:` and `ETag:`.
//! S3's own headers stay in lower case, as AWS and Ceph send them: boto3 takes the names of user metadata from them
//! verbatim.
//!
//! hyper writes all names in lower case, all in title case, or as it has read them: for proxies, it attaches the
//! original case of a request's headers to the request as an extension, and looks for the same extension in every
//! response. The extension's type is private to hyper, so one is obtained by parsing a request with all these headers.

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt;

/// The standard HTTP headers of responses.
const HEADERS: [&str; 28] = [
    "Accept-Ranges",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Age",
    "Allow",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Server",
    "Set-Cookie",
    "Trailer",
    "Upgrade",
    "Vary",
    "WWW-Authenticate",
];

/// A request with all of them, and with the headers that frame its body.
fn request() -> String {
    let mut text = "GET / HTTP/1.1\r\nHost: x\r\n".to_owned();
    for name in HEADERS {
        text.push_str(&format!("{name}: x\r\n"));
    }
    // hyper uses Transfer-Encoding to frame the body, and records the case of both names.
    text.push_str("Content-Length: 0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n");
    text
}

/// The extension for responses. Without it, all names are in lower case.
pub(crate) async fn extensions() -> Extensions {
    let request = request();
    let found = Arc::new(Mutex::new(Extensions::new()));
    let (mut client, server) = tokio::io::duplex(4096);
    let seen = Arc::clone(&found);
    let service = service_fn(move |request: Request<Incoming>| {
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = request.into_parts().0.extensions;
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    });
    let connection =
        http1::Builder::new().preserve_header_case(true).serve_connection(TokioIo::new(server), service);
    let (sent, served) = tokio::join!(client.write_all(request.as_bytes()), connection);
    if let (Err(error), _) | (Ok(()), Err(error)) = (sent, served.map_err(std::io::Error::other)) {
        log::debug!("serve: case of header names: {error}");
    }
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut found)
}
