//! How the names of response headers are spelled.
//!
//! HTTP does not care, but scripts that read `curl -I` do: they look for `Content-Length:` and `ETag:`. S3's own names
//! stay in lower case, as AWS and Ceph send them: boto3 makes the names of user metadata from them as they come.
//!
//! hyper writes all names in lower case, or all in title case, or as it has read them: it attaches the spelling of a
//! request's headers to the request, for proxies, and looks for the same extension in every response. So it is shown a
//! request with all spellings once.

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

/// The headers of responses that are HTTP's.
const SPELLINGS: [&str; 28] = [
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

/// A request with all of them, and those that say how long it is.
fn request() -> String {
    let mut text = "GET / HTTP/1.1\r\nHost: x\r\n".to_owned();
    for name in SPELLINGS {
        text.push_str(&format!("{name}: x\r\n"));
    }
    // hyper believes the second of these two, and remembers both.
    text.push_str("Content-Length: 0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n");
    text
}

/// The extension for responses. Without it names are in lower case throughout.
pub(crate) async fn learn() -> Extensions {
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
        log::debug!("serve: spelling of headers: {error}");
    }
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut found)
}
