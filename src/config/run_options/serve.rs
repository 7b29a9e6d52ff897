//! The options of `serve`.

use super::non_empty_path;
use crate::config::{ConfigError, Settings};
use crate::dates;
use crate::uri::S3Uri;
use chrono::{DateTime, Utc};
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// The address that the server listens at unless `--address` is given.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8333";

/// What is served, where, and to whom. Files are not read yet, and names are not looked up.
#[derive(Clone, Debug)]
pub(crate) struct ServeOptions {
    /// The listen address, `HOST:PORT`.
    pub(crate) address: String,
    /// The address as written, for messages.
    pub(crate) typed_address: String,
    /// Use plain HTTP on addresses that other machines can reach.
    pub(crate) allow_plain_http: bool,
    /// The certificate. `None`: HTTP.
    pub(crate) tls: Option<TlsFiles>,
    /// The file with key pairs.
    pub(crate) auth_file: Option<PathBuf>,
    /// More key pairs.
    pub(crate) auth_keys: Vec<KeyPair>,
    /// All pairs of `auth_keys` belong to one user.
    pub(crate) share_auth_keys: bool,
    /// When the key pairs expire that are not from `auth_file`.
    pub(crate) auth_expires: Option<DateTime<Utc>>,
    /// Accept requests without authentication.
    pub(crate) no_auth: bool,
    /// The part of the configured store that is served. `None`: a directory.
    pub(crate) remote: Option<S3Uri>,
    /// The region of the served buckets.
    pub(crate) region: String,
    /// Whether requests for other regions are rejected. The configured region belongs to the store that the
    /// configuration is for.
    pub(crate) region_is_checked: bool,
    /// Additional domains of virtual-hosted-style requests.
    pub(crate) domains: Vec<String>,
    /// Accept only path-style requests.
    pub(crate) path_style_only: bool,
    /// Length of a day in lifecycle rules. `None`: a real day.
    pub(crate) lifecycle_day: Option<Duration>,
    /// Reject requests that change data.
    pub(crate) read_only: bool,
    /// Keep directories that become empty.
    pub(crate) keep_directories: bool,
    /// Flush writes to disk.
    pub(crate) fsync: bool,
    /// Time after which a client that sends nothing is disconnected. `None`: the default.
    pub(crate) read_timeout: Option<Duration>,
    /// Time after which a client that receives nothing is disconnected. `None`: the default.
    pub(crate) write_timeout: Option<Duration>,
    /// The destination of the access log.
    pub(crate) access_log: Option<AccessLogTarget>,
    /// Provide metrics.
    pub(crate) metrics: bool,
}

/// A certificate and its private key (PEM).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate.
    pub(crate) cert: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

/// The destination of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccessLogTarget {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// An access key and its secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyPair {
    /// The access key.
    pub(crate) access_key: String,
    /// The secret key.
    pub(crate) secret_key: Zeroizing<String>,
}

/// Omits the secret.
impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Settings {
    /// What `serve` serves, and to whom. Fails with exit code 64 if a value is invalid, or contradicts another one.
    pub(crate) fn serve_options(&self) -> Result<ServeOptions, ConfigError> {
        let tls = self.tls_files()?;
        let typed_address = if self.address.is_empty() { DEFAULT_ADDRESS } else { &self.address };
        let is_port = typed_address.parse::<u16>().is_ok();
        let address = if is_port { format!("127.0.0.1:{typed_address}") } else { typed_address.to_owned() };
        let auth_keys = self.auth_keys.iter().map(|pair| key_pair(pair)).collect::<Result<_, _>>()?;
        let auth_expires = self.auth_expiry()?;
        check_etag_hash(&self.etag_hash)?;
        let remote = self.remote_source()?;
        Ok(ServeOptions {
            address,
            typed_address: typed_address.to_owned(),
            allow_plain_http: self.allow_plain_http,
            tls,
            auth_file: non_empty_path(&self.auth_file),
            auth_keys,
            share_auth_keys: self.share_auth_keys,
            auth_expires,
            no_auth: self.no_auth,
            remote,
            region: s3cmd_client::client::canonical_region(&self.bucket_location).to_owned(),
            region_is_checked: self.typed_keys.contains(&"bucket_location"),
            domains: self.served_domains()?,
            path_style_only: self.force_path_style,
            lifecycle_day: lifecycle_day(self.lifecycle_day)?,
            read_only: self.read_only,
            keep_directories: self.no_cleanup,
            fsync: self.fsync,
            read_timeout: timeout("server-read-timeout", &self.server_read_timeout)?,
            access_log: match self.access_log.as_str() {
                "" => None,
                "-" => Some(AccessLogTarget::Stdout),
                path => Some(AccessLogTarget::File(path.into())),
            },
            metrics: self.metrics,
            write_timeout: timeout("server-write-timeout", &self.server_write_timeout)?,
        })
    }

    fn tls_files(&self) -> Result<Option<TlsFiles>, ConfigError> {
        match (non_empty_path(&self.tls_cert), non_empty_path(&self.tls_key)) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ConfigError::usage("--tls-key needs --tls-cert")),
            (Some(cert), key) => Ok(Some(TlsFiles { key: key.unwrap_or_else(|| cert.clone()), cert })),
        }
    }

    fn auth_expiry(&self) -> Result<Option<DateTime<Utc>>, ConfigError> {
        let text = &self.auth_expires;
        if text.is_empty() {
            return Ok(None);
        }
        let seconds = dates::expiry(text, Utc::now().timestamp()).map_err(ConfigError::usage)?;
        let problem = || ConfigError::usage(format!("--auth-expires '{text}': no such time"));
        DateTime::from_timestamp(seconds, 0).map(Some).ok_or_else(problem)
    }

    fn remote_source(&self) -> Result<Option<S3Uri>, ConfigError> {
        if self.remote.is_empty() {
            return Ok(None);
        }
        let uri = S3Uri::parse(&self.remote).filter(|uri| !uri.bucket.is_empty());
        uri.map(Some).ok_or_else(|| {
            ConfigError::usage(format!(
                "--remote '{}': expecting s3://BUCKET or s3://BUCKET/PREFIX",
                self.remote
            ))
        })
    }

    fn served_domains(&self) -> Result<Vec<String>, ConfigError> {
        if self.force_path_style && !self.domains.is_empty() {
            return Err(ConfigError::usage("--domain has no effect with --force-path-style"));
        }
        self.domains.iter().map(|domain| domain_name(domain)).collect()
    }
}

/// Parses `ACCESS,SECRET`. Error messages do not contain the text, which may contain a secret.
fn key_pair(text: &str) -> Result<KeyPair, ConfigError> {
    let pair = text.split_once(',').filter(|(access, secret)| !(access.is_empty() || secret.is_empty()));
    let (access, secret) = pair.ok_or_else(|| ConfigError::usage("--auth-key: expecting ACCESS,SECRET"))?;
    Ok(KeyPair { access_key: access.to_owned(), secret_key: Zeroizing::new(secret.to_owned()) })
}

/// Accepts only `md5`, since ETags are MD5 sums as in S3, and `auto`, which leaves the choice to the server.
fn check_etag_hash(name: &str) -> Result<(), ConfigError> {
    if name.eq_ignore_ascii_case("md5") || name.eq_ignore_ascii_case("auto") {
        return Ok(());
    }
    Err(ConfigError::usage(format!(
        "--etag-hash '{name}': ETags are MD5 sums here; nothing else can be chosen"
    )))
}

/// A domain in lower case, without dots at its ends.
fn domain_name(domain: &str) -> Result<String, ConfigError> {
    let name = domain.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    let is_name = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.split('.').all(is_name) {
        Ok(name)
    } else {
        Err(ConfigError::usage(format!("--domain '{domain}': expecting a host name")))
    }
}

fn lifecycle_day(seconds: i64) -> Result<Option<Duration>, ConfigError> {
    match u64::try_from(seconds) {
        Ok(0) => Ok(None),
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
        Err(_) => Err(ConfigError::usage("--lifecycle-day: expecting a number of seconds")),
    }
}

/// Parses a client timeout, written as in rclone: `90`, `90s`, `1h2m3.5s`. `None` if it is empty.
fn timeout(option: &str, text: &str) -> Result<Option<Duration>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    let problem = || ConfigError::usage(format!("--{option} '{text}': expecting seconds, or as in 1h2m3s"));
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().map_err(|_| problem())?;
        let unit_end = rest[end..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| end + at);
        total += number
            * match &rest[end..unit_end] {
                "" | "s" => 1.0,
                "ms" => 1e-3,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return Err(problem()),
            };
        rest = &rest[unit_end..];
    }
    let duration = Duration::try_from_secs_f64(total).ok().filter(|time| !time.is_zero());
    duration.map(Some).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(change: impl FnOnce(&mut Settings)) -> Result<ServeOptions, u8> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.serve_options().map_err(|error| error.exit)
    }

    #[test]
    fn an_address_is_complete() {
        for (typed, address) in [("", "127.0.0.1:8333"), ("9000", "127.0.0.1:9000"), ("lab:1", "lab:1")] {
            assert_eq!(options(|s| s.address = typed.into()).unwrap().address, address, "{typed}");
        }
    }

    #[test]
    fn durations_are_written_as_in_rclone() {
        for (text, expected) in [("90", 90.0), ("1.5s", 1.5), ("1h2m3s", 3723.0), ("250ms", 0.25)] {
            let found = timeout("o", text).unwrap();
            assert_eq!(found, Some(Duration::from_secs_f64(expected)), "{text}");
        }
        assert_eq!(timeout("o", ""), Ok(None));
        for text in ["0", "x", "5x", "-1", ".", "1e3", "9999999999999999999999"] {
            assert_eq!(timeout("o", text).unwrap_err().exit, 64, "{text}");
        }
    }

    #[test]
    fn domains_are_host_names() {
        let of = |names: &[&str], path_style| {
            let domains = names.iter().map(|name| (*name).to_owned()).collect();
            options(|s| (s.domains, s.force_path_style) = (domains, path_style)).map(|found| found.domains)
        };
        let expected = ["s3.example.org", "lab"].map(str::to_owned).to_vec();
        assert_eq!(of(&["S3.example.org", ".lab"], false), Ok(expected));
        for bad in ["", ".", "a..b", "a b", "http://x", "x:80"] {
            assert_eq!(of(&[bad], false), Err(64), "{bad}");
        }
        assert_eq!((of(&[], true), of(&["x"], true)), (Ok(Vec::new()), Err(64)));
    }

    #[test]
    fn etags_are_md5_sums() {
        for name in ["MD5", "md5", "auto"] {
            check_etag_hash(name).unwrap();
        }
        for name in ["", "SHA-1", "crc32"] {
            assert_eq!(check_etag_hash(name).unwrap_err().exit, 64, "{name}");
        }
    }

    #[test]
    fn invalid_key_pairs_are_rejected_without_showing_them() {
        let pair = key_pair("AK,secret,two").unwrap();
        assert_eq!((&*pair.access_key, pair.secret_key.as_str()), ("AK", "secret,two"));
        assert!(!format!("{pair:?}").contains("secret"));
        for bad in ["AK", ",secret", "AK,"] {
            let error = key_pair(bad).unwrap_err();
            assert!(!error.lines[0].contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn values_that_are_no_times_or_sources_are_rejected() {
        assert_eq!(options(|s| s.auth_expires = "soon".into()).unwrap_err(), 64);
        assert_eq!(options(|s| s.remote = "/directory".into()).unwrap_err(), 64);
        assert_eq!(options(|s| s.lifecycle_day = -1).unwrap_err(), 64);
        assert_eq!(options(|s| s.tls_key = "key.pem".into()).unwrap_err(), 64);
        let tls = options(|s| s.tls_cert = "both.pem".into()).unwrap().tls.unwrap();
        assert_eq!(tls.key, tls.cert);
    }
}
