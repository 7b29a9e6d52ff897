//! `serve DIRECTORY`: serves a directory as an S3 store; `serve --remote`: part of another store.

mod banner;
mod stop;

use crate::commands::shared::context::Context;
use crate::commands::shared::dates;
use crate::commands::shared::document;
use crate::commands::shared::server::start_failure;
use crate::config::Settings;
use crate::output::{self, Exit, Failure, Outcome};
use crate::uri::S3Uri;
use banner::{Address, Keys, print_banner};
use chrono::{DateTime, Utc};
use s3cmd_client::client::canonical_region;
use s3cmd_serve::{self, LogSink, Options, RemoteSource, Storage, User};
use std::ffi::OsString;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use stop::StopSignals;

/// The address that the server listens at unless `--address` is given.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8333";

/// Serves the directory, or part of the configured store, until Ctrl-C or SIGTERM, then finishes the requests in
/// progress. A second signal ends it immediately.
///
/// `--auth-file` and `--auth-key` set who has access. Without them a key pair is generated for this run: it is printed
/// and written to a configuration file that only its owner can read, `$XDG_RUNTIME_DIR/s3cfg-serve-PORT` or
/// `~/.s3cfg-serve-PORT`, which is removed when the server ends. An address that other machines can reach requires TLS
/// or `--allow-plain-http`.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    // Before writing anything that has to be removed again.
    let mut signals = StopSignals::listen()?;
    let settings = &cx.settings;
    let tls = certificate(settings)?;
    let listen = listening_address(&settings.address, tls.is_some() || settings.allow_plain_http)?;
    let mut users = configured_users(settings)?;
    check_no_auth(settings, !users.is_empty(), &listen)?;
    let is_private = users.is_empty() && !settings.no_auth;
    if users.is_empty() {
        users.push(User { expires: expiry(settings)?, ..s3cmd_serve::generate_user() });
    }
    let owner = users[0].clone();
    check_etag_hash(&settings.etag_hash)?;
    let storage = storage(cx, args)?;
    if let Storage::Directory(root) = &storage
        && !settings.read_only
    {
        create_root(root)?;
    }
    let (shown, bucket) = match &storage {
        Storage::Directory(root) => (root.display().to_string(), None),
        Storage::Remote(source) => {
            (S3Uri::new(&source.bucket, &source.prefix).to_string(), Some(source.bucket.clone()))
        }
    };
    let https = tls.is_some();
    let region = canonical_region(&settings.bucket_location).to_owned();
    let domains = domains(settings, &listen)?;
    let is_local = listen.address.ip().to_canonical().is_loopback();
    let domain = domains.first().filter(|domain| is_local || *domain != "localhost").cloned();
    let options = Options {
        storage,
        fsync: settings.fsync,
        region: region.clone(),
        // The configured region belongs to the store that the configuration is for.
        region_is_checked: settings.typed_keys.contains(&"bucket_location"),
        domains,
        path_style_only: settings.force_path_style,
        no_auth: settings.no_auth,
        lifecycle_day: lifecycle_day(settings.lifecycle_day)?,
        read_only: settings.read_only,
        keep_folders: settings.no_cleanup,
        tls,
        read_timeout: timeout("server-read-timeout", &settings.server_read_timeout)?,
        access_log: access_log(&settings.access_log)?,
        metrics: settings.metrics,
        write_timeout: timeout("server-write-timeout", &settings.server_write_timeout)?,
        ..Options::new("", listen.address, users)
    };
    let running = tokio::select! {
        biased;
        () = signals.next() => return cx.console.line("Stopped."),
        started = s3cmd_serve::start(options) => started.map_err(start_failure)?,
    };
    let port = running.address().port();
    let address = Address { host: format!("{}:{port}", listen.name), port, https, region, domain };
    let what = banner::Served { what: &shown, bucket: bucket.as_deref() };
    let keys = match (settings.no_auth, is_private) {
        (true, _) => Keys::None,
        (false, true) => Keys::Generated(&owner),
        (false, false) => Keys::Given,
    };
    let result = print_banner(cx, &what, &address, &keys);
    let config = match result {
        Ok(config) => config,
        Err(failure) => {
            running.stop().await;
            return Err(failure);
        }
    };
    signals.next().await;
    tokio::select! {
        () = running.stop() => {}
        () = signals.next() => {
            return Err(Failure::new(Exit::BREAK, "Stopped before all requests were finished"));
        }
    }
    drop(config);
    cx.console.line("Stopped.")
}

/// The directory in the arguments, or the source that `--remote` names.
fn storage(cx: &Context, args: &[OsString]) -> Outcome<Storage> {
    let remote = &cx.settings.remote;
    if remote.is_empty() {
        // An option with an empty value counts as not given.
        let root =
            args.first().ok_or_else(|| Failure::parameter("serve: expecting a directory, or --remote"))?;
        return Ok(Storage::Directory(PathBuf::from(root)));
    }
    if !args.is_empty() {
        return Err(Failure::parameter("serve: either a directory or --remote, not both"));
    }
    let uri = S3Uri::parse(remote).filter(|uri| !uri.bucket.is_empty());
    let uri = uri.ok_or_else(|| {
        Failure::parameter(format!("--remote '{remote}': expecting s3://BUCKET or s3://BUCKET/PREFIX"))
    })?;
    Ok(Storage::Remote(RemoteSource { client: cx.client().clone(), bucket: uri.bucket, prefix: uri.key }))
}

/// When keys that do not come from a file expire.
fn expiry(settings: &Settings) -> Outcome<Option<DateTime<Utc>>> {
    let text = &settings.auth_expires;
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = dates::expiry(text, Utc::now().timestamp())?;
    let problem = || Failure::parameter(format!("--auth-expires '{text}': no such time"));
    DateTime::from_timestamp(seconds, 0).map(Some).ok_or_else(problem)
}

/// The certificate of `--tls-cert` and `--tls-key`.
fn certificate(settings: &Settings) -> Outcome<Option<Arc<rustls::ServerConfig>>> {
    let (cert, key) = (&settings.tls_cert, &settings.tls_key);
    if cert.is_empty() {
        return if key.is_empty() { Ok(None) } else { Err(Failure::parameter("--tls-key needs --tls-cert")) };
    }
    let key = if key.is_empty() { cert } else { key };
    s3cmd_serve::tls_config(Path::new(cert), Path::new(key)).map(Some).map_err(Failure::parameter)
}

/// Accepts only `md5`, since ETags are MD5 sums as in S3, and `auto`, which leaves the choice to the server.
fn check_etag_hash(name: &str) -> Outcome {
    if name.eq_ignore_ascii_case("md5") || name.eq_ignore_ascii_case("auto") {
        return Ok(());
    }
    Err(Failure::parameter(format!(
        "--etag-hash '{name}': ETags are MD5 sums here; nothing else can be chosen"
    )))
}

/// The destination of the access log. A file is appended to, so that it can be rotated by copying and truncating it
/// while the server runs.
fn access_log(path: &str) -> Outcome<Option<LogSink>> {
    match path {
        "" => Ok(None),
        "-" => Ok(Some(LogSink::new(|lines| {
            // A closed pipe ends the log, not the server.
            let _ = output::print_text(lines);
        }))),
        path => {
            let mut options = std::fs::OpenOptions::new();
            options.append(true).create(true);
            // Requests are private: only the owner may read the log.
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path).map_err(|error| Failure::file(path, &error))?;
            let path = path.to_owned();
            Ok(Some(LogSink::new(move |lines| {
                if let Err(error) = file.write_all(lines.as_bytes()) {
                    log::warn!("'{path}': {error}");
                }
            })))
        }
    }
}

fn lifecycle_day(seconds: i64) -> Outcome<Option<Duration>> {
    match u64::try_from(seconds) {
        Ok(0) => Ok(None),
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
        Err(_) => Err(Failure::parameter("--lifecycle-day: expecting a number of seconds")),
    }
}

/// Parses a client timeout, written as in rclone: `90`, `90s`, `1h2m3.5s`.
fn timeout(option: &str, text: &str) -> Outcome<Duration> {
    if text.is_empty() {
        return Ok(Options::DEFAULT_TIMEOUT);
    }
    let problem = || Failure::parameter(format!("--{option} '{text}': expecting seconds, or as in 1h2m3s"));
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
    Duration::try_from_secs_f64(total).ok().filter(|time| !time.is_zero()).ok_or_else(problem)
}

/// The address to listen at, and the host name for clients.
#[derive(Debug)]
struct ListenAddress {
    address: SocketAddr,
    /// As in a URL, without the port.
    name: String,
}

impl ListenAddress {
    /// The domains for virtual-host bucket names, the preferred one first: the server's own name, unless it is an IP
    /// address, and `localhost`.
    fn domains(&self) -> Vec<String> {
        let is_number = self.name.starts_with('[') || self.name.parse::<std::net::IpAddr>().is_ok();
        let mut domains = vec!["localhost".to_owned()];
        if !is_number && self.name != "localhost" {
            domains.insert(0, self.name.clone());
        }
        domains
    }
}

/// Parses `HOST:PORT` or `PORT`. Addresses that other machines can reach are rejected unless `allowed`.
fn listening_address(text: &str, allowed: bool) -> Outcome<ListenAddress> {
    let text = if text.is_empty() { DEFAULT_ADDRESS } else { text };
    let full = if text.parse::<u16>().is_ok() { format!("127.0.0.1:{text}") } else { text.to_owned() };
    let problem = |what: &str| Failure::parameter(format!("--address '{text}': {what}"));
    let found = full.to_socket_addrs().map_err(|_| problem("expecting HOST:PORT"))?;
    // For a name with several addresses use an IPv4 one, which all clients try.
    let all: Vec<SocketAddr> = found.collect();
    let address = all.iter().find(|address| address.is_ipv4()).or(all.first());
    let address = *address.ok_or_else(|| problem("no such host"))?;
    let ip = address.ip().to_canonical();
    if !ip.is_loopback() && !allowed {
        return Err(problem(
            "other machines reach this address: give --tls-cert, or --allow-plain-http to serve it unencrypted",
        ));
    }
    let name = if ip.is_unspecified() {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    } else {
        full.rsplit_once(':').map_or(full.as_str(), |(name, _)| name).to_owned()
    };
    Ok(ListenAddress { address, name })
}

/// The users of `--auth-file` and `--auth-key`.
fn configured_users(settings: &Settings) -> Outcome<Vec<User>> {
    let mut users = Vec::new();
    if !settings.auth_file.is_empty() {
        let text = document::read(settings.auth_file.as_ref())?;
        warn_if_others_read(&settings.auth_file);
        let problem = |reason| Failure::parameter(format!("{}: {reason}", settings.auth_file));
        users = s3cmd_serve::parse_auth_file(&text).map_err(problem)?;
    }
    let mut first: Option<User> = None;
    for pair in &settings.auth_keys {
        // Do not print the text: it may contain a secret.
        let problem = || Failure::parameter("--auth-key: expecting ACCESS,SECRET");
        let (access, secret) = pair.split_once(',').ok_or_else(problem)?;
        if access.is_empty() || secret.is_empty() {
            return Err(problem());
        }
        if users.iter().any(|user: &User| user.access_key == access) {
            return Err(Failure::parameter(format!("the access key '{access}' is given twice")));
        }
        let mut user = User { expires: expiry(settings)?, ..User::new(access, secret) };
        if settings.share_auth_keys {
            let first = first.get_or_insert_with(|| user.clone());
            user.id.clone_from(&first.id);
            user.display_name.clone_from(&first.display_name);
        }
        users.push(user);
    }
    Ok(users)
}

/// Warns if other users of this machine can read a file with secrets.
fn warn_if_others_read(path: &str) {
    if let Ok(found) = std::fs::metadata(path)
        && found.is_file()
        && std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o044 != 0
    {
        log::warn!("Other users can read '{path}', which holds secret keys: chmod 600 '{path}'");
    }
}

/// Rejects options that conflict with `--no-auth`.
fn check_no_auth(settings: &Settings, has_keys: bool, listen: &ListenAddress) -> Outcome {
    if !settings.no_auth {
        return Ok(());
    }
    if has_keys || !settings.auth_expires.is_empty() {
        return Err(Failure::parameter(
            "--no-auth: either no keys, or --auth-file, --auth-key and --auth-expires",
        ));
    }
    if !listen.address.ip().to_canonical().is_loopback() {
        return Err(Failure::parameter(
            "--no-auth: allowed only for addresses that other machines cannot reach",
        ));
    }
    log::warn!(
        "--no-auth requires no keys: every program on this machine can read and change what is served"
    );
    Ok(())
}

/// Creates the served directory if it does not exist and its parent does.
fn create_root(root: &Path) -> Outcome {
    match std::fs::create_dir(root) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Failure::file(root.display(), &error))
        }
        _ => Ok(()),
    }
}

/// The domains for virtual-host bucket names: the server's own, and those of `--domain`.
fn domains(settings: &Settings, listen: &ListenAddress) -> Outcome<Vec<String>> {
    if settings.force_path_style {
        return if settings.domains.is_empty() {
            Ok(Vec::new())
        } else {
            Err(Failure::parameter("--domain has no effect with --force-path-style"))
        };
    }
    let mut domains = listen.domains();
    for domain in &settings.domains {
        let name = domain.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
        let is_name = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if !name.split('.').all(is_name) {
            return Err(Failure::parameter(format!("--domain '{domain}': expecting a host name")));
        }
        if !domains.contains(&name) {
            domains.push(name);
        }
    }
    Ok(domains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_served_with_tls_or_on_request() {
        for (text, expected, name) in [
            ("", "127.0.0.1:8333", "127.0.0.1"),
            ("9000", "127.0.0.1:9000", "127.0.0.1"),
            ("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1"),
            ("[::1]:9000", "[::1]:9000", "[::1]"),
        ] {
            let found = listening_address(text, false).unwrap();
            assert_eq!((&*found.address.to_string(), &*found.name), (expected, name), "{text}");
        }
        for text in
            ["0.0.0.0:9000", "192.0.2.1:9000", "[::]:9000", "[::ffff:192.0.2.1]:1", "127.0.0.1", "x:y"]
        {
            let failure = listening_address(text, false).unwrap_err();
            assert_eq!((failure.exit, failure.lines.len()), (Exit::USAGE, 1), "{text}");
        }
        let far = listening_address("192.0.2.1:9000", true).unwrap();
        assert_eq!((&*far.name, far.domains()), ("192.0.2.1", vec!["localhost".to_owned()]));
        let named = ListenAddress { name: "lab.example".to_owned(), ..far };
        assert_eq!(named.domains(), ["lab.example", "localhost"]);
        let everywhere = listening_address("0.0.0.0:9000", true).unwrap();
        assert!(everywhere.address.ip().is_unspecified() && everywhere.name != "0.0.0.0");
    }

    #[test]
    fn durations_are_written_as_in_rclone() {
        for (text, expected) in
            [("90", 90.0), ("1.5s", 1.5), ("1h2m3s", 3723.0), ("250ms", 0.25), ("", 120.0)]
        {
            assert_eq!(timeout("o", text).unwrap(), Duration::from_secs_f64(expected), "{text}");
        }
        for text in ["0", "x", "5x", "-1", ".", "1e3", "9999999999999999999999"] {
            assert_eq!(timeout("o", text).unwrap_err().exit, Exit::USAGE, "{text}");
        }
    }

    #[test]
    fn domains_are_host_names_in_addition_to_the_servers_own() {
        let listen = listening_address("127.0.0.1:9000", false).unwrap();
        let of = |names: &[&str], path_style| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let settings = Settings { domains: names, force_path_style: path_style, ..Settings::default() };
            domains(&settings, &listen).map_err(|failure| failure.exit)
        };
        let all = ["localhost", "s3.example.org", "lab"].map(str::to_owned).to_vec();
        assert_eq!(of(&["S3.example.org", ".lab", "localhost"], false), Ok(all));
        for bad in ["", ".", "a..b", "a b", "http://x", "x:80"] {
            assert_eq!(of(&[bad], false), Err(Exit::USAGE), "{bad}");
        }
        assert_eq!((of(&[], true), of(&["x"], true)), (Ok(Vec::new()), Err(Exit::USAGE)));
    }

    #[test]
    fn shared_key_pairs_belong_to_one_user() {
        let auth_keys = vec!["ONE,s1".to_owned(), "TWO,s2".to_owned()];
        for share in [false, true] {
            let settings =
                Settings { auth_keys: auth_keys.clone(), share_auth_keys: share, ..Settings::default() };
            let users = configured_users(&settings).unwrap();
            assert_eq!(users[0].id == users[1].id, share);
            assert_eq!((&*users[1].access_key, &*users[1].secret_key), ("TWO", "s2"));
        }
    }

    #[test]
    fn no_auth_requires_a_local_address_and_no_keys() {
        let near = listening_address("127.0.0.1:9000", false).unwrap();
        let far = listening_address("192.0.2.1:9000", true).unwrap();
        let settings = Settings { no_auth: true, ..Settings::default() };
        check_no_auth(&settings, false, &near).unwrap();
        assert_eq!(check_no_auth(&settings, false, &far).unwrap_err().exit, Exit::USAGE);
        assert_eq!(check_no_auth(&settings, true, &near).unwrap_err().exit, Exit::USAGE);
        check_no_auth(&Settings::default(), true, &far).unwrap();
    }

    #[test]
    fn etags_are_md5_sums() {
        for name in ["MD5", "md5", "auto"] {
            check_etag_hash(name).unwrap();
        }
        for name in ["", "SHA-1", "crc32"] {
            assert_eq!(check_etag_hash(name).unwrap_err().exit, Exit::USAGE, "{name}");
        }
    }

    #[test]
    fn key_pairs_come_from_the_file_and_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "AKONE secretone\n").unwrap();
        let mut settings = Settings { auth_file: path.display().to_string(), ..Settings::default() };
        settings.auth_keys = vec!["AKTWO,secret,two".into()];
        let users = configured_users(&settings).unwrap();
        let pairs: Vec<_> = users.iter().map(|user| (&*user.access_key, &*user.secret_key)).collect();
        assert_eq!(pairs, [("AKONE", "secretone"), ("AKTWO", "secret,two")]);
        for bad in ["AKTHREE", ",secret", "AKTHREE,", "AKONE,again"] {
            settings.auth_keys = vec![bad.into()];
            let failure = configured_users(&settings).unwrap_err();
            assert!(!failure.lines[0].contains("secret"), "{failure:?}");
        }
    }
}
