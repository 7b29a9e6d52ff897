//! The options of the client: endpoint, transport, credentials and retries.

use super::{non_empty_path, positive};
use crate::config::Settings;
use crate::output::ClientLog;
use s3cmd_client::client::retry::RetryPolicy;
use s3cmd_client::client::{DEFAULT_BULK, canonical_region};
use s3cmd_client::credentials::Credentials;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::http::tls::TlsOptions;
use s3cmd_client::http::transport::TransportOptions;
use s3cmd_client::{ClientOptions, Signature};
use std::sync::Arc;
use std::time::Duration;

/// The placeholder for the region in `host_base` and `host_bucket`.
const LOCATION: &str = "%(location)s";

/// Value of `User-Agent`.
const AGENT: &str = concat!("s3cmd-rs/", env!("CARGO_PKG_VERSION"));

/// The port of a proxy, if the configured one is invalid.
const DEFAULT_PROXY_PORT: u16 = 3128;

/// Fills in the region in the name of a host.
pub(crate) fn located(host: &str, location: &str) -> String {
    let mut host = host.to_owned();
    while let Some(at) = host.to_ascii_lowercase().find(LOCATION) {
        host.replace_range(at..at + LOCATION.len(), canonical_region(location));
    }
    host
}

impl Settings {
    /// The options of the client.
    pub(crate) fn client_options(&self) -> ClientOptions {
        let credentials = (!self.access_key.is_empty()).then(|| self.credentials());
        let host = Some(self.proxy_host.clone()).filter(|host| !host.is_empty());
        let tls = TlsOptions::default()
            .with_ca_file(non_empty_path(&self.ca_certs_file))
            .with_client_cert(non_empty_path(&self.ssl_client_cert_file))
            .with_client_key(non_empty_path(&self.ssl_client_key_file))
            .with_accept_any_certificate(!self.check_ssl_certificate)
            .with_accept_any_host(!self.check_ssl_hostname);
        let transport = TransportOptions::default()
            .with_tls(tls)
            .with_proxy(host.map(|host| (host, self.proxy_port())))
            .with_env_proxy(self.use_env_proxy)
            .with_timeout(Duration::from_secs(positive(self.socket_timeout)))
            .with_keep_idle(self.connection_pooling.then(|| seconds(self.connection_max_age)))
            .with_user_agent(AGENT);
        let observer = Arc::new(ClientLog);
        let provider = self.credentials_provider.as_ref();
        ClientOptions::new(self.endpoint(), credentials)
            .with_provider(provider.map(|selected| selected.provider.clone().with_observer(observer.clone())))
            .with_observer(observer)
            .with_region(&self.bucket_location)
            .with_signature(if self.signature_v2 { Signature::V2 } else { Signature::V4 })
            .with_transport(transport)
            .with_retry(self.retry_policy())
            .with_requester_pays(self.requester_pays)
            .with_expect_continue(self.use_http_expect)
            .with_bulk(self.jobs().unwrap_or(DEFAULT_BULK))
            .with_rate_limit(u64::try_from(self.limitrate).ok().filter(|rate| *rate > 0))
    }

    /// The key pair and the session token.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::new(&self.access_key, &self.secret_key, Some(&self.access_token))
    }

    /// The endpoint and addressing style.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let located = |host: &str| located(host, &self.bucket_location);
        let (base, bucket) = (located(&self.host_base), located(&self.host_bucket));
        Endpoint::new(&base, &bucket, self.use_https, self.is_strict())
    }

    /// The endpoint of CloudFront. It has no buckets, so there is no template for their host names.
    pub(crate) fn cloudfront_endpoint(&self) -> Endpoint {
        Endpoint::new(&self.cloudfront_host, "", self.use_https, self.is_strict())
    }

    /// Whether the server's TLS certificate and its host name are verified.
    pub(crate) fn is_strict(&self) -> bool {
        self.check_ssl_certificate && self.check_ssl_hostname
    }

    /// The port of the proxy.
    pub(crate) fn proxy_port(&self) -> u16 {
        u16::try_from(self.proxy_port).unwrap_or(DEFAULT_PROXY_PORT)
    }

    /// The version of the object that the requests concern; empty: the latest.
    pub(crate) fn version(&self) -> &str {
        self.version_id.trim()
    }

    /// Whether printed public URLs use HTTPS.
    pub(crate) fn public_url_is_https(&self) -> bool {
        if self.public_url_use_https_set { self.public_url_use_https } else { self.use_https }
    }

    /// Whether presigned URLs use HTTPS.
    pub(crate) fn signurl_is_https(&self) -> bool {
        if self.signurl_use_https_set { self.signurl_use_https } else { self.use_https }
    }

    /// The longest pause is `throttle_max` if it is set; s3cmd's default counts as not set.
    fn retry_policy(&self) -> RetryPolicy {
        let policy = RetryPolicy::default().with_max_retries(self.max_retries());
        match u64::try_from(self.throttle_max) {
            Ok(seconds) if self.throttle_max != Settings::default().throttle_max => {
                policy.with_cap(Duration::from_secs(seconds))
            }
            _ => policy,
        }
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}
