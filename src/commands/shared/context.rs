//! The context that every command receives: the settings, the console, and the shared client.

use super::access_failure::FailureLog;
use super::open_files;
use crate::config::{ConfigError, Settings};
use crate::output::{ClientLog, Console, Outcome, error_text};
use crate::shard::Shard;
use crate::transfer::copy::Copier;
use crate::transfer::delete::DeleteOptions;
use crate::transfer::md5_cache::Md5Cache;
use crate::transfer::remote::Scope;
use crate::transfer::selection::SelectionOptions;
use crate::transfer::upload::Uploader;
use crate::uri::S3Uri;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::presign::Link;
use s3cmd_client::{Client, ClientOptions};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Default number of concurrent small requests, without `--jobs`: enough to saturate a link with 10 ms latency.
const DEFAULT_WIDTH: usize = 96;

/// Settings, console and client of one run. Clones are cheap and share them.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<Shared>);

/// The state that clones of a [`Context`] share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The effective configuration.
    pub settings: Settings,
    /// What the run selects.
    pub(crate) selection: Arc<SelectionOptions>,
    /// The destination of results.
    pub(crate) console: Console,
    /// The connection and account failures of this run.
    pub(crate) failures: FailureLog,
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
    /// Creates the context, without a client. Fails if the settings do not say clearly what to select.
    pub(crate) fn new(settings: Settings) -> Outcome<Self> {
        let console = Console::new(settings.quiet, settings.progress_meter);
        let selection = Arc::new(settings.selection_options()?);
        Ok(Self::on(console, settings, selection))
    }

    fn on(console: Console, settings: Settings, selection: Arc<SelectionOptions>) -> Self {
        let (client, cache) = (OnceLock::new(), OnceLock::new());
        let failures = FailureLog::default();
        Self(Arc::new(Shared { settings, selection, console, failures, client, cache }))
    }

    /// Returns the context with the credentials of the role, if the settings name one. Fails with exit code 78 if there
    /// are none, as for missing credentials.
    pub(crate) async fn with_keys(cx: &Self) -> Outcome<Self> {
        let Some(provider) = &cx.settings.credentials_provider else { return Ok(cx.clone()) };
        let observed = provider.provider.clone().with_observer(Arc::new(ClientLog));
        let keys = observed.current().await.map_err(|error| {
            let reason = format!("{}; {}: {}", provider.reason, provider.what, error_text(&error));
            ConfigError::no_credentials(&cx.settings.config_file, &reason)
        })?;
        let mut settings = Settings::clone(&cx.settings);
        settings.secret_key = keys.secret_key().to_owned();
        settings.access_token = keys.token().unwrap_or_default().to_owned();
        settings.access_key = keys.access_key;
        Ok(Self::on(cx.console.clone(), settings, cx.selection.clone()))
    }
}

impl Shared {
    /// The shared client, created on first use. Its requests concern the version of `--version-id`, if given. Creating
    /// it opens no connection.
    pub(crate) fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let options = self.client_options().with_observer(Arc::new(self.failures.clone()));
            Client::new(options).at_version(self.settings.version())
        })
    }

    /// The options of a client whose requests do not run out of file descriptors.
    pub(crate) fn client_options(&self) -> ClientOptions {
        let options = self.settings.client_options();
        let bulk = options.bulk.min(open_files::max_requests());
        options.with_bulk(bulk)
    }

    /// Uploads files as the settings request, with the cached MD5 sums.
    pub(crate) fn uploader(&self) -> Uploader {
        Uploader::new(self.client().clone(), self.settings.upload_options(), self.width())
            .with(self.md5_cache())
    }

    /// Copies objects on the server as the settings request.
    pub(crate) fn copier(&self) -> Copier {
        Copier::new(self.client().clone(), self.settings.copy_options(), self.width())
    }

    /// The MD5 cache of local files (`cache_file`), if one is configured; read on first use.
    pub(crate) fn md5_cache(&self) -> Option<Arc<Md5Cache>> {
        let open = || self.settings.cache_file().map(|file| Arc::new(Md5Cache::open(file)));
        self.cache.get_or_init(open).clone()
    }

    /// Writes the MD5 cache, if this run used it. A dry run writes nothing.
    pub(crate) fn save_cache(&self) {
        if let Some(Some(cache)) = self.cache.get()
            && !self.settings.dry_run
        {
            cache.save();
        }
    }

    /// The endpoint and addressing style.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.settings.endpoint()
    }

    /// The number of concurrent transfers or requests.
    pub(crate) fn width(&self) -> usize {
        // Requests spend far more time waiting for the network than using a core.
        self.settings.jobs().unwrap_or(DEFAULT_WIDTH).min(open_files::max_requests())
    }

    /// How arguments select objects in commands that work on whole prefixes.
    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope::new(&self.selection, self.width())
    }

    /// How this run deletes keys.
    pub(crate) fn delete_options(&self) -> DeleteOptions {
        DeleteOptions { dry_run: self.settings.dry_run, width: self.width() }
    }

    /// The shard of this run, if `--shard` is given.
    pub(crate) fn shard(&self) -> Option<Shard> {
        self.selection.shard
    }

    /// The public URL of an object or bucket. Its scheme follows `use_https` unless `public_url_use_https` is given.
    pub(crate) fn public_url(&self, uri: &S3Uri) -> String {
        let endpoint = self.endpoint();
        let link = Link::new(&endpoint, &uri.bucket, &uri.key);
        link.with_https(self.settings.public_url_is_https()).public()
    }
}
