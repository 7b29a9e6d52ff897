//! HTTP requests to the services that issue credentials.

use crate::error::{Error, Result};
use crate::http::body::Payload;
use crate::http::request::Response;
use crate::http::transport::{Transport, TransportOptions};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::Arc;
use std::time::Duration;

/// Maximum size of a response, in bytes.
const MAX_RESPONSE: usize = 1 << 20;

/// Fails unless the status is 200.
pub(super) fn check_status(status: u16, url: &str) -> Result<()> {
    if status == 200 { Ok(()) } else { Err(Error::Invalid(format!("{url} returned status {status}").into())) }
}

/// Splits a URL into scheme, host with port, and path.
pub(super) fn split_url(url: &str) -> Result<(&str, &str, &str)> {
    let invalid = || Error::Invalid(format!("'{url}' is not a valid http or https URL").into());
    let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !matches!(scheme, "http" | "https") || host.is_empty() {
        return Err(invalid());
    }
    Ok((scheme, host, if path.is_empty() { "/" } else { path }))
}

/// Sends one request and reads the whole response. Uses no proxies, which could read the credentials.
pub(super) async fn send(
    timeout: Duration,
    method: Method,
    url: &str,
    headers: &[(&str, String)],
    body: String,
) -> Result<(u16, String)> {
    let (scheme, host, path) = split_url(url)?;
    let transport = Transport::new(TransportOptions { timeout, ..TransportOptions::default() });
    let mut map = HeaderMap::new();
    if method != Method::GET {
        map.insert(http::header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    for (name, value) in headers {
        let message = || format!("Header '{name}' cannot be sent with that value");
        let parsed =
            HeaderName::from_bytes(name.as_bytes()).map_err(|error| Error::invalid(message(), error))?;
        let mut value = HeaderValue::from_str(value).map_err(|error| Error::invalid(message(), error))?;
        value.set_sensitive(true);
        map.insert(parsed, value);
    }
    let payload = Payload::Bytes(body.into());
    let exchange = async {
        let body = payload.wire(Arc::default(), None);
        let (parts, body) = transport.send(method, scheme, host, path, map, body).await?.into_parts();
        let status = parts.status.as_u16();
        let response = Response {
            status,
            headers: parts.headers,
            body,
            timeout,
            progress: None,
            throttle: None,
            after_lost_response: false,
        };
        Ok((status, String::from_utf8_lossy(&response.bytes(MAX_RESPONSE).await?).into_owned()))
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(result) => result,
        Err(_) => Err(Error::Invalid(format!("{scheme}://{host} does not respond").into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_are_accepted() {
        assert_eq!(split_url("http://h:1").unwrap(), ("http", "h:1", "/"));
        assert_eq!(split_url("https://h/a?b").unwrap(), ("https", "h", "/a?b"));
        for url in ["", "h", "file:///etc/passwd", "http:///x"] {
            assert!(split_url(url).is_err(), "{url}");
        }
    }
}
