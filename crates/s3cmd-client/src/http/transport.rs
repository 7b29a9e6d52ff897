//! HTTP connections: reqwest over rustls, opened by the first request and kept alive.
//!
//! Two kinds of requests use hyper directly. First, requests for a key with a `.` or `..` path segment: the `url`
//! crate, and so reqwest, normalizes such segments even when they are percent-encoded (measured: `x/%2E%2E/y` becomes
//! `y`), and a request must never reach another object than the one named. Second, requests whose body waits for `100
//! Continue`, which reqwest does not report.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::http::transport::TransportOptions;
//!
//! let options = TransportOptions::default()
//!     .with_proxy(("proxy.example.org".to_owned(), 3128))
//!     .with_user_agent("backup/1.0");
//! ```

use super::body::WireBody;
use super::expect::ExpectContinue;
use super::no_proxy::NoProxy;
use super::tls::TlsOptions;
use crate::error::{Cause, ConnectionFailure, Error, Result, cause_of};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// Settings of the HTTP connections. By default, there is no proxy, connections and responses time out after 300 s, and
/// an idle connection is kept for 5 s.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransportOptions {
    /// Certificates and their verification.
    pub tls: TlsOptions,
    /// HTTP proxy as (host, port). If set, proxies of the environment are ignored.
    pub proxy: Option<(String, u16)>,
    /// Whether to use the proxies of the environment, as curl does.
    pub env_proxy: bool,
    /// Maximum time to wait for a connection, and for data on one.
    pub timeout: Duration,
    /// How long an idle connection is kept for reuse; `None` disables reuse.
    pub keep_idle: Option<Duration>,
    /// Value of `User-Agent`. It must be a valid header value.
    pub user_agent: String,
}

impl TransportOptions {
    with_methods! {
        /// Sets the certificates and their verification.
        with_tls(tls: TlsOptions);
        /// Sets an HTTP proxy as (host, port).
        with_proxy(proxy: impl Into<Option<(String, u16)>>);
        /// Sets whether to use the proxies of the environment, as curl does.
        with_env_proxy(env_proxy: bool);
        /// Sets the maximum time to wait for a connection, and for data on one.
        with_timeout(timeout: Duration);
        /// Sets how long an idle connection is kept for reuse; `None` disables reuse.
        with_keep_idle(keep_idle: impl Into<Option<Duration>>);
        /// Sets the value of `User-Agent`.
        with_user_agent(user_agent: impl Into<String>);
    }
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            tls: TlsOptions::default(),
            proxy: None,
            env_proxy: false,
            timeout: Duration::from_secs(300),
            keep_idle: Some(Duration::from_secs(5)),
            user_agent: AGENT.to_owned(),
        }
    }
}

/// Default value of `User-Agent`.
const AGENT: &str = concat!("s3cmd-client/", env!("CARGO_PKG_VERSION"));

/// Maximum number of idle connections per host: more than any sensible number of concurrent requests.
const MAX_IDLE: usize = 512;

type Hyper = HyperClient<HttpsConnector<HttpConnector<LoopbackFirst>>, WireBody>;

/// HTTP clients that are created lazily; certificates are read only for the first TLS request.
#[derive(Debug)]
pub(crate) struct Transport {
    options: TransportOptions,
    /// Hosts that bypass the proxies of the environment.
    no_proxy: NoProxy,
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
    direct_plain: OnceLock<reqwest::Client>,
    direct_secure: OnceLock<reqwest::Client>,
    exact_plain: OnceLock<Hyper>,
    exact_secure: OnceLock<Hyper>,
}

impl Transport {
    pub(crate) fn new(options: TransportOptions) -> Self {
        let no_proxy = if options.env_proxy { NoProxy::from_environment() } else { NoProxy::default() };
        Self {
            options,
            no_proxy,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            direct_plain: OnceLock::new(),
            direct_secure: OnceLock::new(),
            exact_plain: OnceLock::new(),
            exact_secure: OnceLock::new(),
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// Whether requests to a host may use a proxy.
    pub(crate) fn is_proxied(&self, scheme: &str, host: &str) -> bool {
        let port = if scheme == "https" { 443 } else { 80 };
        self.options.proxy.is_some() || (self.options.env_proxy && !self.no_proxy.covers(host, port))
    }

    /// Sends one request, and returns the response as soon as its headers have arrived.
    pub(crate) async fn send(
        &self,
        method: Method,
        scheme: &str,
        host: &str,
        path_and_query: &str,
        headers: HeaderMap,
        body: WireBody,
    ) -> Result<http::Response<WireBody>> {
        let url = format!("{scheme}://{host}{path_and_query}");
        let is_proxied = self.is_proxied(scheme, host);
        if has_dot_segment(path_and_query) {
            if is_proxied {
                let words = "A key with a '.' or '..' segment cannot be reached through a proxy";
                return Err(Error::Invalid(format!("{words}: {path_and_query}").into()));
            }
            return self.send_directly(method, &url, headers, body, None).await;
        }
        let request = self
            .reqwest(scheme == "https", is_proxied)?
            .request(method, &url)
            .headers(headers)
            .body(reqwest::Body::wrap(body))
            .send();
        let response = request.await.map_err(connection_error)?;
        let response: http::Response<reqwest::Body> = response.into();
        Ok(response.map(|body| body.map_err(Into::into).boxed()))
    }

    /// Sends one request to a URL without normalizing it, and never through a proxy. The body may wait for `100
    /// Continue`.
    pub(crate) async fn send_directly(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: WireBody,
        expect: Option<&ExpectContinue>,
    ) -> Result<http::Response<WireBody>> {
        let request = http::Request::builder().method(method).uri(url).body(body);
        let mut request = request.map_err(|error| Error::invalid(error.to_string(), error))?;
        *request.headers_mut() = headers;
        if let Ok(agent) = HeaderValue::from_str(&self.options.user_agent) {
            request.headers_mut().entry(USER_AGENT).or_insert(agent);
        }
        if let Some(expect) = expect {
            expect.listen(&mut request);
        }
        let client = self.hyper(url.starts_with("https:"))?;
        let response = client.request(request).await.map_err(connection_error)?;
        Ok(response.map(|body| body.map_err(Into::into).boxed()))
    }

    fn reqwest(&self, secure: bool, is_proxied: bool) -> Result<&reqwest::Client> {
        let cell = match (secure, is_proxied) {
            (true, true) => &self.secure,
            (true, false) => &self.direct_secure,
            (false, true) => &self.plain,
            (false, false) => &self.direct_plain,
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let options = &self.options;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls_config(secure)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(options.timeout)
            .pool_idle_timeout(options.keep_idle)
            .pool_max_idle_per_host(if options.keep_idle.is_some() { MAX_IDLE } else { 0 })
            .user_agent(&options.user_agent)
            .dns_resolver(LoopbackFirst);
        if let Some((host, port)) = &options.proxy {
            let proxy = reqwest::Proxy::all(format!("http://{host}:{port}"))
                .map_err(|error| Error::invalid(format!("proxy '{host}:{port}': {error}"), error))?;
            builder = builder.proxy(proxy);
        } else if !is_proxied {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(connection_error)?;
        Ok(cell.get_or_init(|| client))
    }

    fn hyper(&self, secure: bool) -> Result<&Hyper> {
        let cell = if secure { &self.exact_secure } else { &self.exact_plain };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let mut connector = HttpConnector::new_with_resolver(LoopbackFirst);
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(self.options.timeout));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(self.tls_config(secure)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = HyperClient::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(self.options.keep_idle)
            .pool_max_idle_per_host(if self.options.keep_idle.is_some() { MAX_IDLE } else { 0 })
            .build(connector);
        Ok(cell.get_or_init(|| client))
    }

    /// A client for plain HTTP needs a TLS configuration, too, but no certificates: otherwise reqwest would look for
    /// some, and fail on a system that has none.
    fn tls_config(&self, secure: bool) -> Result<rustls::ClientConfig> {
        if secure {
            return self.options.tls.client_config();
        }
        TlsOptions { accept_any_certificate: true, ..TlsOptions::default() }.client_config()
    }
}

/// Whether a path has a `.` or `..` segment (this client never percent-encodes these characters).
pub(crate) fn has_dot_segment(path_and_query: &str) -> bool {
    let path = path_and_query.split('?').next().unwrap_or_default();
    path.split('/').any(|segment| segment == "." || segment == "..")
}

/// Classifies a connection failure; the message is that of the innermost cause.
pub(crate) fn connection_error(error: impl Into<Cause>) -> Error {
    let error: Cause = error.into();
    let mut kind = ConnectionFailure::Broken;
    let mut message = error.to_string();
    let mut invalid = None;
    let outermost: &(dyn StdError + 'static) = &*error;
    for cause in std::iter::successors(Some(outermost), |error| cause_of(*error)) {
        message = cause.to_string();
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            (kind, message) = (ConnectionFailure::Tls, describe_tls_error(error));
            break;
        }
        if cause.is::<Unresolved>() {
            kind = ConnectionFailure::Resolve;
            break;
        }
        if let Some(error) = cause.downcast_ref::<reqwest::Error>() {
            if error.is_timeout() {
                (kind, message) = (ConnectionFailure::Timeout, "timed out".to_owned());
                break;
            }
            // The request was never sent, and a retry would not help.
            if error.is_builder() {
                let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                invalid = Some(format!("The request is invalid: {why}"));
                break;
            }
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            kind = match error.kind() {
                io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::AddrNotAvailable => ConnectionFailure::Refused,
                io::ErrorKind::TimedOut => ConnectionFailure::Timeout,
                _ => kind,
            };
            if error.raw_os_error().is_some()
                && let Some(end) = message.rfind(" (os error ")
            {
                message.truncate(end);
            }
        }
    }
    match invalid {
        Some(words) => Error::invalid(words, without_url(error)),
        None => Error::connection_by(kind, message, without_url(error)),
    }
}

/// Removes the URL from an error of reqwest: a presigned one contains a signature.
fn without_url(error: Cause) -> Cause {
    match error.downcast::<reqwest::Error>() {
        Ok(error) => Box::new(error.without_url()),
        Err(error) => error,
    }
}

/// Describes a TLS failure.
fn describe_tls_error(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS".to_owned()
        }
        rustls::Error::InvalidCertificate(reason) => match reason {
            rustls::CertificateError::UnknownIssuer => {
                "the issuer of the certificate is not trusted".to_owned()
            }
            // webpki's error for a certificate that is its own CA.
            rustls::CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                "self-signed certificate".to_owned()
            }
            reason => reason.to_string(),
        },
        other => other.to_string(),
    }
}

/// A host name that could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unresolved(io::Error);

/// Resolves host names with the system's resolver, but `localhost` and `*.localhost` to loopback without DNS (RFC
/// 6761).
#[derive(Clone, Copy, Debug)]
struct LoopbackFirst;

async fn resolve(name: &str) -> std::result::Result<std::vec::IntoIter<SocketAddr>, Unresolved> {
    let bare = name.trim_end_matches('.').to_ascii_lowercase();
    if bare.ends_with(".localhost") {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        return Ok(loopback.map(|ip| SocketAddr::new(ip, 0)).to_vec().into_iter());
    }
    let found = tokio::net::lookup_host((name, 0)).await.map_err(Unresolved)?;
    Ok(found.collect::<Vec<_>>().into_iter())
}

impl reqwest::dns::Resolve for LoopbackFirst {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            let addresses = resolve(name.as_str()).await?;
            Ok(Box::new(addresses) as reqwest::dns::Addrs)
        })
    }
}

impl tower_service::Service<Name> for LoopbackFirst {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { resolve(name.as_str()).await })
    }
}

/// A transport that the clones of a client share.
pub(crate) type SharedTransport = Arc<Transport>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tls_error_is_found_at_any_nesting_depth() {
        let tls = || rustls::Error::General("the server does not speak TLS".into());
        let once = io::Error::new(io::ErrorKind::InvalidData, tls());
        let twice = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls()));
        for error in [once, twice] {
            let found = connection_error(error);
            assert!(matches!(found, Error::Connection { kind: ConnectionFailure::Tls, .. }), "{found:?}");
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let found = connection_error(refused);
        assert!(matches!(found, Error::Connection { kind: ConnectionFailure::Refused, .. }), "{found:?}");
    }
}
