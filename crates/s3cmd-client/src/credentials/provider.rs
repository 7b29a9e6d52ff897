//! Temporary credentials: requested once, cached, and renewed shortly before they expire.

use super::Credentials;
use super::source::Source;
use crate::client::observer::Observer;
use crate::error::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long before they expire credentials are renewed (measured on s3cmd 2.4.0).
const RENEWAL_MARGIN: TimeDelta = TimeDelta::minutes(15);

/// Minimum interval between two requests for credentials: of those that expire sooner, and of those that the service
/// rejected.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// Credentials with their expiry time; `None` if they do not expire.
#[derive(Clone, Debug)]
pub(super) struct CachedCredentials {
    credentials: Credentials,
    expires: Option<DateTime<Utc>>,
}

impl CachedCredentials {
    /// Makes credentials from the elements of a response, of which the first two are required. `source` names their
    /// origin in errors.
    pub(super) fn new(
        access_key: Option<String>,
        secret_key: Option<String>,
        token: Option<String>,
        expiration: Option<String>,
        source: &str,
    ) -> Result<Self> {
        let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
            return Err(Error::Malformed(format!("no credentials from {source}").into()));
        };
        let expires = expiration.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
        Ok(Self {
            credentials: Credentials::new(access_key, secret_key, token.as_deref()),
            expires: expires.map(|time| time.to_utc()),
        })
    }

    fn is_valid_for(&self, margin: TimeDelta) -> bool {
        self.expires.is_none_or(|expires| expires - Utc::now() > margin)
    }
}

/// A source of credentials, with a cache. Clones share the cache.
///
/// # Examples
///
/// ```
/// use s3cmd_client::credentials::{Provider, Source};
///
/// let instance = Source::Instance { endpoint: "http://169.254.169.254".to_owned() };
/// let provider = Provider::new(instance);
/// ```
#[derive(Clone, Debug)]
pub struct Provider {
    source: Arc<Source>,
    cache: Arc<Mutex<Cache>>,
    /// Held while one task requests credentials and there are none to use in the meantime.
    renewing: Arc<tokio::sync::Mutex<()>>,
    observer: Arc<dyn Observer>,
}

/// The results of the last requests to the source.
#[derive(Debug, Default)]
struct Cache {
    cached: Option<CachedCredentials>,
    /// When the source was last queried.
    requested: Option<Instant>,
    /// When and why the last request failed.
    failed: Option<(Instant, String)>,
}

/// What a task that needs credentials does.
enum Next {
    /// Use these.
    Use(Credentials),
    /// Request new ones. Other tasks use these in the meantime, and so does this one if the request fails.
    Renew(Credentials),
    /// There are none: request them, or wait for the task that does.
    Request,
}

impl Cache {
    fn may_request(&self) -> bool {
        self.requested.is_none_or(|requested| requested.elapsed() >= MIN_INTERVAL)
    }

    /// Credentials that were just obtained are used whatever their expiry time: if the local clock is wrong, they only
    /// seem to have expired.
    fn next(&mut self) -> Next {
        let may_request = self.may_request();
        let Some(cached) = &self.cached else { return Next::Request };
        let credentials = cached.credentials.clone();
        if cached.is_valid_for(RENEWAL_MARGIN)
            || !may_request && (self.failed.is_none() || cached.is_valid_for(TimeDelta::zero()))
        {
            Next::Use(credentials)
        } else if cached.is_valid_for(TimeDelta::zero()) {
            self.requested = Some(Instant::now());
            Next::Renew(credentials)
        } else {
            Next::Request
        }
    }
}

impl Provider {
    /// Makes a provider with an empty cache. Sends no request yet.
    pub fn new(source: Source) -> Self {
        let (cache, renewing) = (Arc::default(), Arc::default());
        Self { source: Arc::new(source), cache, renewing, observer: Arc::new(()) }
    }

    /// Reports to this observer what happens when credentials are requested.
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns valid credentials, from the cache or from the source. If several tasks need them at once, one of them
    /// queries the source, and the others wait only if there are no cached ones to use.
    pub async fn current(&self) -> Result<Credentials> {
        let arrived = Instant::now();
        let next = self.cache().next();
        match next {
            Next::Use(credentials) => return Ok(credentials),
            Next::Renew(old) => return Ok(self.renew().await.unwrap_or(old)),
            Next::Request => {}
        }
        let _guard = self.renewing.lock().await;
        {
            let mut cache = self.cache();
            if let Next::Use(credentials) | Next::Renew(credentials) = cache.next() {
                return Ok(credentials);
            }
            if let Some((when, why)) = &cache.failed
                && *when >= arrived
            {
                return Err(Error::Invalid(why.as_str().into()));
            }
        }
        self.renew().await
    }

    /// Records that the service rejected credentials of this provider. Requests new ones if `used` are the cached ones
    /// and the last request is long enough ago.
    pub(crate) async fn rejected(&self, used: &Credentials) {
        let _guard = self.renewing.lock().await;
        let is_cached = {
            let cache = self.cache();
            cache.may_request() && cache.cached.as_ref().is_some_and(|cached| cached.credentials == *used)
        };
        if is_cached {
            // If there are no new ones, the rejection stands.
            let _ = self.renew().await;
        }
    }

    async fn renew(&self) -> Result<Credentials> {
        self.cache().requested = Some(Instant::now());
        let (source, observer) = (self.source.clone(), self.observer.clone());
        // Boxed, so that this does not enlarge the futures of all requests.
        let fetching: BoxFuture<'static, Result<CachedCredentials>> =
            Box::pin(async move { source.fetch(&*observer).await });
        let result = fetching.await;
        let mut cache = self.cache();
        match result {
            Ok(new) => {
                cache.failed = None;
                Ok(cache.cached.insert(new).credentials.clone())
            }
            Err(error) => {
                if cache.cached.is_some() {
                    self.observer.credentials_not_renewed(&error);
                }
                cache.failed = Some((Instant::now(), error.to_string()));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::from_json;
    use super::super::source::Token;
    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn documents_are_parsed_and_secrets_not_shown() {
        let cached = from_json(
            r#"{"Code": "Success", "AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "2001-01-01T00:00:00Z"}"#,
            "x",
        )
        .unwrap();
        assert_eq!((cached.credentials.secret_key(), cached.credentials.token()), ("S", Some("T")));
        assert!(!cached.is_valid_for(TimeDelta::zero()));
        let process = r#"{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}"#;
        let cached = from_json(process, "x").unwrap();
        assert!(cached.is_valid_for(RENEWAL_MARGIN) && cached.credentials.token() == Some("T"));
        for text in ["", "secret", "{}", r#"{"Code": "Failed", "Message": "no"}"#] {
            let words = from_json(text, "here").unwrap_err().to_string();
            assert!(words.contains("here") && !words.contains("secret"), "{words}");
        }
        assert!(!format!("{:?}", Token::Text(Zeroizing::new("hush".into()))).contains("hush"));
    }

    #[tokio::test]
    async fn a_program_provides_credentials() {
        let command = r#"echo '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "S"}'"#.to_owned();
        let provider = Provider::new(Source::Process { command });
        assert_eq!(provider.current().await.unwrap().access_key, "A");
        let broken = Provider::new(Source::Process { command: "echo no session >&2; exit 3".to_owned() });
        let words = broken.current().await.unwrap_err().to_string();
        assert!(words.ends_with(": no session"), "{words}");
        let no_output = Provider::new(Source::Process { command: "echo log in first >&2".to_owned() });
        let words = no_output.current().await.unwrap_err().to_string();
        assert_eq!(words, "no credentials from credential_process: log in first");
    }

    fn counted(folder: &std::path::Path, expires: &str) -> Provider {
        let count = folder.join("count");
        Provider::new(Source::Process {
            command: format!(
                r#"echo >>'{}'; echo '{{"AccessKeyId": "A", "SecretAccessKey": "S", "Expiration": "{expires}"}}'"#,
                count.display()
            ),
        })
    }

    fn request_count(folder: &std::path::Path) -> usize {
        std::fs::read(folder.join("count")).map_or(0, |text| text.len())
    }

    #[tokio::test]
    async fn concurrent_tasks_send_one_request_however_short_the_lifetime() {
        for seconds in [-60, 60, 600, 6000] {
            let folder = tempfile::tempdir().unwrap();
            let expires = (Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339();
            let provider = counted(folder.path(), &expires);
            let tasks = (0..50).map(|_| provider.current());
            for keys in futures::future::join_all(tasks).await {
                assert_eq!(keys.unwrap().access_key, "A");
            }
            provider.current().await.unwrap();
            assert_eq!(request_count(folder.path()), 1, "{seconds}");
            // A minute later.
            provider.cache().requested = Instant::now().checked_sub(MIN_INTERVAL);
            for keys in futures::future::join_all((0..50).map(|_| provider.current())).await {
                keys.unwrap();
            }
            assert_eq!(request_count(folder.path()), if seconds == 6000 { 1 } else { 2 }, "{seconds}");
        }
    }

    #[tokio::test]
    async fn valid_credentials_are_used_until_new_ones_are_obtained() {
        let provider = Provider::new(Source::Process { command: "exit 1".to_owned() });
        let credentials = Credentials::new("A", "S", None);
        let expires = Some(Utc::now() + TimeDelta::minutes(5));
        provider.cache().cached = Some(CachedCredentials { credentials: credentials.clone(), expires });
        for _ in 0..3 {
            assert_eq!(provider.current().await.unwrap(), credentials);
        }
        assert!(provider.cache().failed.is_some());
    }

    #[tokio::test]
    async fn all_waiting_tasks_get_the_same_failure() {
        let folder = tempfile::tempdir().unwrap();
        let command = format!("echo >>'{}'; exit 1", folder.path().join("count").display());
        let provider = Provider::new(Source::Process { command });
        let failed = futures::future::join_all((0..20).map(|_| provider.current())).await;
        assert!(failed.iter().all(Result::is_err));
        assert_eq!(request_count(folder.path()), 1);
    }

    #[tokio::test]
    async fn rejected_credentials_are_renewed_at_most_once_per_interval() {
        let folder = tempfile::tempdir().unwrap();
        let provider = counted(folder.path(), "2199-01-01T00:00:00Z");
        let used = provider.current().await.unwrap();
        provider.rejected(&used).await;
        assert_eq!(request_count(folder.path()), 1);
        provider.cache().requested = Instant::now().checked_sub(MIN_INTERVAL);
        provider.rejected(&Credentials::new("older", "S", None)).await;
        assert_eq!(request_count(folder.path()), 1);
        futures::future::join_all((0..20).map(|_| provider.rejected(&used))).await;
        assert_eq!(request_count(folder.path()), 2);
    }
}
