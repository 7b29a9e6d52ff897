//! `serve DIRECTORY`: serves a directory as an S3 store; `serve --remote`: part of another store.

mod banner;
mod stop;

use crate::commands::shared::context::Context;
use crate::commands::shared::document;
use crate::commands::shared::server::start_failure;
use crate::config::run_options::{AccessLogTarget, KeyPair, ServeOptions, TlsFiles};
use crate::output::{self, Exit, Failure, Outcome};
use crate::uri::S3Uri;
use banner::{Address, Keys, print_banner};
use s3cmd_serve::{self, LogSink, Options, RemoteSource, Storage, User};
use std::ffi::OsString;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stop::StopSignals;

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
    let options = cx.settings.serve_options()?;
    let tls = certificate(options.tls.as_ref())?;
    let listen = listening_address(&options, tls.is_some() || options.allow_plain_http)?;
    let mut users = configured_users(&options)?;
    check_no_auth(&options, !users.is_empty(), &listen)?;
    let no_auth = options.no_auth;
    let is_private = users.is_empty() && !no_auth;
    if users.is_empty() {
        users.push(User { expires: options.auth_expires, ..s3cmd_serve::generate_user() });
    }
    let owner = users[0].clone();
    let storage = storage(cx, options.remote.as_ref(), args)?;
    if let Storage::Directory(root) = &storage
        && !options.read_only
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
    let region = options.region.clone();
    let domains = domains(&options, &listen);
    let is_local = listen.address.ip().to_canonical().is_loopback();
    let domain = domains.first().filter(|domain| is_local || *domain != "localhost").cloned();
    let options = Options {
        storage,
        fsync: options.fsync,
        region: options.region,
        region_is_checked: options.region_is_checked,
        domains,
        path_style_only: options.path_style_only,
        no_auth,
        lifecycle_day: options.lifecycle_day,
        read_only: options.read_only,
        keep_folders: options.keep_directories,
        tls,
        read_timeout: options.read_timeout.unwrap_or(Options::DEFAULT_TIMEOUT),
        access_log: options.access_log.map(access_log).transpose()?,
        metrics: options.metrics,
        write_timeout: options.write_timeout.unwrap_or(Options::DEFAULT_TIMEOUT),
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
    let keys = match (no_auth, is_private) {
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

/// The directory in the arguments, or the part of the configured store.
fn storage(cx: &Context, remote: Option<&S3Uri>, args: &[OsString]) -> Outcome<Storage> {
    match (remote, args) {
        // An option with an empty value counts as not given.
        (None, []) => Err(Failure::parameter("serve: expecting a directory, or --remote")),
        (None, [root, ..]) => Ok(Storage::Directory(PathBuf::from(root))),
        (Some(_), [_, ..]) => Err(Failure::parameter("serve: either a directory or --remote, not both")),
        (Some(uri), []) => {
            let S3Uri { bucket, key } = uri.clone();
            Ok(Storage::Remote(RemoteSource { client: cx.client().clone(), bucket, prefix: key }))
        }
    }
}

/// Reads the certificate and its key.
fn certificate(files: Option<&TlsFiles>) -> Outcome<Option<Arc<rustls::ServerConfig>>> {
    let config = files.map(|files| s3cmd_serve::tls_config(&files.cert, &files.key));
    config.transpose().map_err(Failure::parameter)
}

/// The destination of the access log. A file is appended to, so that it can be rotated by copying and truncating it
/// while the server runs.
fn access_log(target: AccessLogTarget) -> Outcome<LogSink> {
    let path = match target {
        AccessLogTarget::Stdout => {
            return Ok(LogSink::new(|lines| {
                // A closed pipe ends the log, not the server.
                let _ = output::print_text(lines);
            }));
        }
        AccessLogTarget::File(path) => path,
    };
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    // Requests are private: only the owner may read the log.
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(|error| Failure::file(path.display(), &error))?;
    Ok(LogSink::new(move |lines| {
        if let Err(error) = file.write_all(lines.as_bytes()) {
            log::warn!("'{}': {error}", path.display());
        }
    }))
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

/// Looks up the listen address. Addresses that other machines can reach are rejected unless `allowed`.
fn listening_address(options: &ServeOptions, allowed: bool) -> Outcome<ListenAddress> {
    let (full, typed) = (&options.address, &options.typed_address);
    let problem = |what: &str| Failure::parameter(format!("--address '{typed}': {what}"));
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
fn configured_users(options: &ServeOptions) -> Outcome<Vec<User>> {
    let mut users = Vec::new();
    if let Some(file) = &options.auth_file {
        let text = document::read(file.as_os_str())?;
        warn_if_others_read(file);
        let problem = |reason| Failure::parameter(format!("{}: {reason}", file.display()));
        users = s3cmd_serve::parse_auth_file(&text).map_err(problem)?;
    }
    let mut first: Option<User> = None;
    for KeyPair { access_key, secret_key } in &options.auth_keys {
        if users.iter().any(|user: &User| user.access_key == *access_key) {
            return Err(Failure::parameter(format!("the access key '{access_key}' is given twice")));
        }
        let mut user = User { expires: options.auth_expires, ..User::new(access_key, secret_key.as_str()) };
        if options.share_auth_keys {
            let first = first.get_or_insert_with(|| user.clone());
            user.id.clone_from(&first.id);
            user.display_name.clone_from(&first.display_name);
        }
        users.push(user);
    }
    Ok(users)
}

/// Warns if other users of this machine can read a file with secrets.
fn warn_if_others_read(path: &Path) {
    if let Ok(found) = std::fs::metadata(path)
        && found.is_file()
        && std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o044 != 0
    {
        let path = path.display();
        log::warn!("Other users can read '{path}', which holds secret keys: chmod 600 '{path}'");
    }
}

/// Rejects options that conflict with `--no-auth`.
fn check_no_auth(options: &ServeOptions, has_keys: bool, listen: &ListenAddress) -> Outcome {
    if !options.no_auth {
        return Ok(());
    }
    if has_keys || options.auth_expires.is_some() {
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
fn domains(options: &ServeOptions, listen: &ListenAddress) -> Vec<String> {
    if options.path_style_only {
        return Vec::new();
    }
    let mut domains = listen.domains();
    for name in &options.domains {
        if !domains.contains(name) {
            domains.push(name.clone());
        }
    }
    domains
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn options(change: impl FnOnce(&mut Settings)) -> ServeOptions {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.serve_options().unwrap()
    }

    fn listening_address(text: &str, allowed: bool) -> Outcome<ListenAddress> {
        super::listening_address(&options(|settings| settings.address = text.into()), allowed)
    }

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
    fn domains_are_in_addition_to_the_servers_own() {
        let listen = listening_address("127.0.0.1:9000", false).unwrap();
        let of = |names: &[&str], path_style| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            domains(&options(|s| (s.domains, s.force_path_style) = (names, path_style)), &listen)
        };
        let all = ["localhost", "s3.example.org", "lab"];
        assert_eq!(of(&["S3.example.org", ".lab", "localhost"], false), all);
        assert_eq!(of(&[], true), Vec::<String>::new());
    }

    #[test]
    fn shared_key_pairs_belong_to_one_user() {
        let auth_keys = vec!["ONE,s1".to_owned(), "TWO,s2".to_owned()];
        for share in [false, true] {
            let options = options(|s| (s.auth_keys, s.share_auth_keys) = (auth_keys.clone(), share));
            let users = configured_users(&options).unwrap();
            assert_eq!(users[0].id == users[1].id, share);
            assert_eq!((&*users[1].access_key, &*users[1].secret_key), ("TWO", "s2"));
        }
    }

    #[test]
    fn no_auth_requires_a_local_address_and_no_keys() {
        let near = listening_address("127.0.0.1:9000", false).unwrap();
        let far = listening_address("192.0.2.1:9000", true).unwrap();
        let open = options(|s| s.no_auth = true);
        check_no_auth(&open, false, &near).unwrap();
        assert_eq!(check_no_auth(&open, false, &far).unwrap_err().exit, Exit::USAGE);
        assert_eq!(check_no_auth(&open, true, &near).unwrap_err().exit, Exit::USAGE);
        check_no_auth(&options(|_| ()), true, &far).unwrap();
    }

    #[test]
    fn key_pairs_come_from_the_file_and_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "AKONE secretone\n").unwrap();
        let with = |pair: &str| {
            let (file, pairs) = (path.display().to_string(), vec![pair.to_owned()]);
            configured_users(&options(|s| (s.auth_file, s.auth_keys) = (file, pairs)))
        };
        let users = with("AKTWO,secret,two").unwrap();
        let pairs: Vec<_> = users.iter().map(|user| (&*user.access_key, &*user.secret_key)).collect();
        assert_eq!(pairs, [("AKONE", "secretone"), ("AKTWO", "secret,two")]);
        let failure = with("AKONE,again-secret").unwrap_err();
        assert!(!failure.lines[0].contains("secret"), "{failure:?}");
    }
}
