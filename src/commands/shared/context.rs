//! The context that every command receives: the settings, the console, and the shared client.

use super::access_failure::FailureLog;
use super::{hosts, open_files};
use crate::config::{ConfigError, Settings};
use crate::output::{ClientLog, Console, Exit, Failure, Outcome, error_text};
use crate::shard::Shard;
use crate::transfer::delete::DeleteOptions;
use crate::transfer::md5_cache::Md5Cache;
use crate::transfer::remote::Scope;
use crate::uri::S3Uri;
use s3cmd_client::client::DEFAULT_BULK;
use s3cmd_client::client::retry::RetryPolicy;
use s3cmd_client::credentials::Credentials;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::http::tls::TlsOptions;
use s3cmd_client::http::transport::TransportOptions;
use s3cmd_client::presign::Link;
use s3cmd_client::{Client, ClientOptions, Signature};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Default number of concurrent small requests, without `--jobs`: enough to saturate a link with 10 ms latency.
const DEFAULT_WIDTH: usize = 96;

/// Settings, console and client of one run. Clones are cheap and share them.
#[derive(Clone, Debug)]
pub struct Context(Arc<Shared>);

/// The state that clones of a [`Context`] share.
#[derive(Debug)]
pub struct Shared {
    /// The effective configuration.
    pub settings: Arc<Settings>,
    /// The destination of results.
    pub console: Console,
    /// The connection and account failures of this run.
    pub failures: FailureLog,
    client: OnceLock<Client>,
    cache: OnceLock<Option<Arc<Md5Cache>>>,
}

impl Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Context {
    /// Creates the context, without a client.
    pub fn new(settings: Settings) -> Self {
        let console = Console::new(settings.quiet, settings.progress_meter);
        Self::on(console, settings)
    }

    fn on(console: Console, settings: Settings) -> Self {
        let (client, cache) = (OnceLock::new(), OnceLock::new());
        let failures = FailureLog::default();
        Self(Arc::new(Shared { settings: Arc::new(settings), console, failures, client, cache }))
    }

    /// Returns the context with the credentials of the role, if the settings name one. Fails with exit code 78 if there
    /// are none, as for missing credentials.
    pub async fn with_keys(cx: &Self) -> Outcome<Self> {
        let Some(provider) = &cx.settings.credentials_provider else { return Ok(cx.clone()) };
        let observed = provider.provider.clone().with_observer(Arc::new(ClientLog));
        let keys = observed.current().await.map_err(|error| {
            let reason = format!("{}; {}: {}", provider.reason, provider.what, error_text(&error));
            let failure = ConfigError::no_credentials(&cx.settings.config_file, &reason);
            Failure { exit: Exit(failure.exit), lines: failure.lines }
        })?;
        let mut settings = Settings::clone(&cx.settings);
        settings.secret_key = keys.secret_key().to_owned();
        settings.access_token = keys.token().unwrap_or_default().to_owned();
        settings.access_key = keys.access_key;
        Ok(Self::on(cx.console.clone(), settings))
    }
}

impl Shared {
    /// The shared client, created on first use. Its requests concern the version of `--version-id`, if given. Creating
    /// it opens no connection.
    pub fn client(&self) -> &Client {
        let settings = &self.settings;
        self.client.get_or_init(|| {
            let options = client_options(settings).with_observer(Arc::new(self.failures.clone()));
            Client::new(options).at_version(settings.version_id.trim())
        })
    }

    /// The MD5 cache of local files (`cache_file`), if one is configured; read on first use.
    pub fn md5_cache(&self) -> Option<Arc<Md5Cache>> {
        let file = Some(Path::new(&self.settings.cache_file)).filter(|file| !file.as_os_str().is_empty());
        self.cache.get_or_init(|| file.map(|file| Arc::new(Md5Cache::open(file)))).clone()
    }

    /// Writes the MD5 cache, if this run used it. A dry run writes nothing.
    pub fn save_cache(&self) {
        if let Some(Some(cache)) = self.cache.get()
            && !self.settings.dry_run
        {
            cache.save();
        }
    }

    /// The endpoint and addressing style.
    pub fn endpoint(&self) -> Endpoint {
        endpoint(&self.settings)
    }

    /// The number of concurrent transfers or requests.
    pub fn width(&self) -> usize {
        let width = match usize::try_from(self.settings.jobs) {
            // Requests spend far more time waiting for the network than using a core.
            Ok(0) | Err(_) => DEFAULT_WIDTH,
            Ok(jobs) => jobs,
        };
        width.min(open_files::max_requests())
    }

    /// How arguments select objects in commands that work on whole prefixes.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            recursive: self.settings.recursive,
            filter: &self.settings.filter,
            shard: self.shard(),
            width: self.width(),
            needs_names: false,
        }
    }

    /// How this run deletes keys.
    pub(crate) fn delete_options(&self) -> DeleteOptions {
        DeleteOptions { dry_run: self.settings.dry_run, width: self.width() }
    }

    /// The shard of this run, if `--shard` is given.
    pub fn shard(&self) -> Option<Shard> {
        Shard::parse(&self.settings.shard)
    }

    /// Rejects an invalid `--shard`: a run that requests a shard must never process everything.
    pub fn check_shard(&self) -> Outcome {
        let text = &self.settings.shard;
        if text.is_empty() || self.shard().is_some() {
            return Ok(());
        }
        Err(Failure::parameter(format!("--shard has to be I/N with I from 1 to N, not '{text}'")))
    }

    /// The public URL of an object or bucket. Its scheme follows `use_https` unless `public_url_use_https` is given.
    pub fn public_url(&self, uri: &S3Uri) -> String {
        let settings = &self.settings;
        let https = if settings.public_url_use_https_set {
            settings.public_url_use_https
        } else {
            settings.use_https
        };
        let endpoint = self.endpoint();
        let link = Link {
            endpoint: &endpoint,
            https,
            bucket: &uri.bucket,
            key: &uri.key,
            version: None,
            content_disposition: "",
            content_type: "",
        };
        link.public()
    }
}

fn endpoint(settings: &Settings) -> Endpoint {
    let strict = settings.check_ssl_certificate && settings.check_ssl_hostname;
    let located = |host: &str| hosts::located(host, &settings.bucket_location);
    let (base, bucket) = (located(&settings.host_base), located(&settings.host_bucket));
    Endpoint::new(&base, &bucket, settings.use_https, strict)
}

/// The longest pause is `throttle_max` if it is set; s3cmd's default counts as not set.
fn retry_policy(settings: &Settings) -> RetryPolicy {
    let default = RetryPolicy::default();
    match u64::try_from(settings.throttle_max) {
        Ok(seconds) if settings.throttle_max != Settings::default().throttle_max => {
            RetryPolicy { cap: Duration::from_secs(seconds), ..default }
        }
        _ => default,
    }
}

/// Converts the settings to client options.
pub fn client_options(settings: &Settings) -> ClientOptions {
    let path = |text: &str| Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
    let seconds = |value: i64| Duration::from_secs(value.max(0) as u64);
    let credentials = (!settings.access_key.is_empty())
        .then(|| Credentials::new(&settings.access_key, &settings.secret_key, Some(&settings.access_token)));
    let proxy_port = u16::try_from(settings.proxy_port).unwrap_or(3128);
    let transport = TransportOptions {
        tls: TlsOptions {
            ca_file: path(&settings.ca_certs_file),
            client_cert: path(&settings.ssl_client_cert_file),
            client_key: path(&settings.ssl_client_key_file),
            accept_any_certificate: !settings.check_ssl_certificate,
            accept_any_host: !settings.check_ssl_hostname,
        },
        proxy: Some((settings.proxy_host.clone(), proxy_port)).filter(|(host, _)| !host.is_empty()),
        env_proxy: settings.use_env_proxy,
        timeout: seconds(settings.socket_timeout.max(1)),
        keep_idle: Some(seconds(settings.connection_max_age)).filter(|_| settings.connection_pooling),
    };
    let signature = if settings.signature_v2 { Signature::V2 } else { Signature::V4 };
    let max_retries = u32::try_from(settings.max_retries).unwrap_or(0);
    let observer = Arc::new(ClientLog);
    let provider = settings.credentials_provider.as_ref();
    let bulk = usize::try_from(settings.jobs).ok().filter(|jobs| *jobs > 0).unwrap_or(DEFAULT_BULK);
    ClientOptions {
        region: settings.bucket_location.clone(),
        signature,
        transport,
        retry: RetryPolicy { max_retries, ..retry_policy(settings) },
        provider: provider.map(|selected| selected.provider.clone().with_observer(observer.clone())),
        observer,
        requester_pays: settings.requester_pays,
        expect_continue: settings.use_http_expect,
        bulk: bulk.min(open_files::max_requests()),
        rate_limit: u64::try_from(settings.limitrate).ok().filter(|rate| *rate > 0),
        ..ClientOptions::new(endpoint(settings), credentials)
    }
}
