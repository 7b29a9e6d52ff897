//! `serve DIRECTORY`: serves a directory as an S3 store.

use super::context::Cx;
use super::document;
use crate::config::{Environment, ProcessEnvironment, Settings};
use crate::output::{Exit, Failure, Outcome};
use crate::s3::client::canonical_region;
use crate::serve::{self, Options, StartError, User};
use std::ffi::OsString;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// Where the server listens unless `--address` says otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8333";

/// Serves the directory until Ctrl-C or SIGTERM, then finishes what is under way.
///
/// `--auth-file` and `--auth-key` say who may come. Without them a key pair is made, for this run only: it is printed and
/// written into a configuration file that only its owner can read, `$XDG_RUNTIME_DIR/s3cfg-serve-PORT` or
/// `~/.s3cfg-serve-PORT`, which goes when the server ends. Only addresses of this machine are served.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let address = listening_address(&settings.address)?;
    let mut users = given_users(settings)?;
    let is_private = users.is_empty();
    if is_private {
        users.push(serve::generate_user());
    }
    let owner = users[0].clone();
    let root = PathBuf::from(&args[0]);
    let options = Options {
        root: root.clone(),
        address,
        users,
        fsync: settings.fsync,
        region: canonical_region(&settings.bucket_location).to_owned(),
        domains: Vec::new(),
        lifecycle_day: None,
        read_only: false,
    };
    let running = serve::start(options).await.map_err(start_failure)?;
    let address = running.address();
    let result = greet(cx, &root, address, is_private.then_some(&owner));
    let config = match result {
        Ok(config) => config,
        Err(failure) => {
            running.stop().await;
            return Err(failure);
        }
    };
    stop_requested().await?;
    running.stop().await;
    drop(config);
    cx.console.line("Stopped.")
}

/// A configuration file that is there for as long as the server.
struct OwnConfig(PathBuf);

impl Drop for OwnConfig {
    fn drop(&mut self) {
        // One that somebody removed already is just as gone.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Says what is served and how to use it; writes the configuration file of a key pair that was made.
fn greet(cx: &Cx, root: &Path, address: SocketAddr, made: Option<&User>) -> Outcome<Option<OwnConfig>> {
    cx.console.line(format!("Serving {} at http://{address}", root.display()))?;
    let config = match made {
        None => {
            cx.console.line(format!(
                "In the configuration: host_base = {address}, host_bucket = {address}, use_https = False"
            ))?;
            None
        }
        Some(user) => {
            let path = config_path(address.port(), &ProcessEnvironment)?;
            write_config(&path, &config_text(user, address))
                .map_err(|error| Failure::file(path.display(), &error))?;
            let config = OwnConfig(path);
            cx.console.line(format!("Access key: {}", user.access_key))?;
            cx.console.line(format!("Secret key: {}", user.secret_key))?;
            cx.console.line(format!("Configuration file: {}", config.0.display()))?;
            cx.console.line(format!("Try: s3cmd -c {} mb s3://demo", config.0.display()))?;
            Some(config)
        }
    };
    cx.console.line("Ctrl-C stops the server.")?;
    Ok(config)
}

/// Reads `HOST:PORT` or `PORT`; only this machine's own addresses are accepted.
fn listening_address(text: &str) -> Outcome<SocketAddr> {
    let text = if text.is_empty() { DEFAULT_ADDRESS } else { text };
    let full = if text.parse::<u16>().is_ok() { format!("127.0.0.1:{text}") } else { text.to_owned() };
    let problem = |what: &str| Failure::parameter(format!("--address '{text}': {what}"));
    let mut found = full.to_socket_addrs().map_err(|_| problem("expecting HOST:PORT"))?;
    // A name with several addresses is taken at its IPv4 one, which all clients try.
    let all: Vec<SocketAddr> = found.by_ref().collect();
    let address = all.iter().find(|address| address.is_ipv4()).or(all.first());
    let address = *address.ok_or_else(|| problem("no such host"))?;
    let is_own = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    };
    if is_own {
        Ok(address)
    } else {
        Err(problem("only addresses of this machine (127.0.0.1, ::1) are served"))
    }
}

/// Everybody that `--auth-file` and `--auth-key` name.
fn given_users(settings: &Settings) -> Outcome<Vec<User>> {
    let mut users = Vec::new();
    if !settings.auth_file.is_empty() {
        let text = document::read(settings.auth_file.as_ref())?;
        let problem = |reason| Failure::parameter(format!("{}: {reason}", settings.auth_file));
        users = serve::parse_auth_file(&text).map_err(problem)?;
    }
    for pair in &settings.auth_keys {
        // The text is not shown: it may hold a secret.
        let problem = || Failure::parameter("--auth-key: expecting ACCESS,SECRET");
        let (access, secret) = pair.split_once(',').ok_or_else(problem)?;
        if access.is_empty() || secret.is_empty() {
            return Err(problem());
        }
        if users.iter().any(|user: &User| user.access_key == access) {
            return Err(Failure::parameter(format!("the access key '{access}' is given twice")));
        }
        users.push(User::new(access, secret));
    }
    Ok(users)
}

fn config_path(port: u16, env: &dyn Environment) -> Outcome<PathBuf> {
    let runtime = env.var("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    match (runtime, env.home_dir()) {
        (Some(folder), _) => Ok(folder.join(format!("s3cfg-serve-{port}"))),
        (None, Some(home)) => Ok(home.join(format!(".s3cfg-serve-{port}"))),
        (None, None) => Err(Failure::new(
            Exit::CONFIG,
            "There is no home directory for a configuration file: give keys by --auth-file or --auth-key",
        )),
    }
}

/// Path style, as `BUCKET.127.0.0.1` is no host name.
pub(super) fn config_text(user: &User, address: SocketAddr) -> String {
    format!(
        "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {address}\nhost_bucket = {address}\nuse_https = False\n",
        user.access_key, user.secret_key
    )
}

/// Writes the file complete and readable by its owner only (mode 0600), or not at all.
fn write_config(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Why a server did not start, with its exit code: 74 where the directory or the address cannot be used, 13 where
/// another process serves the directory.
pub(super) fn start_failure(error: StartError) -> Failure {
    match &error {
        StartError::Root(root, cause) => Failure::file(root.display(), cause),
        StartError::Bind(address, cause) => Failure::file(format!("cannot listen on {address}"), cause),
        StartError::Locked(_) => Failure::new(Exit::CONFLICT, error.to_string()),
        _ => Failure::new(Exit::USAGE, error.to_string()),
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_requested() -> Outcome {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_addresses_are_served() {
        for (text, wanted) in [
            ("", "127.0.0.1:8333"),
            ("9000", "127.0.0.1:9000"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:9000", "[::1]:9000"),
        ] {
            assert_eq!(listening_address(text).unwrap().to_string(), wanted, "{text}");
        }
        for text in ["0.0.0.0:9000", "192.0.2.1:9000", "[::]:9000", "127.0.0.1", "x:y"] {
            let failure = listening_address(text).unwrap_err();
            assert_eq!((failure.exit, failure.lines.len()), (Exit::USAGE, 1), "{text}");
        }
    }

    #[test]
    fn key_pairs_come_from_the_file_and_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "AKONE secretone\n").unwrap();
        let mut settings = Settings { auth_file: path.display().to_string(), ..Settings::default() };
        settings.auth_keys = vec!["AKTWO,secret,two".into()];
        let users = given_users(&settings).unwrap();
        let pairs: Vec<_> = users.iter().map(|user| (&*user.access_key, &*user.secret_key)).collect();
        assert_eq!(pairs, [("AKONE", "secretone"), ("AKTWO", "secret,two")]);
        for bad in ["AKTHREE", ",secret", "AKTHREE,", "AKONE,again"] {
            settings.auth_keys = vec![bad.into()];
            let failure = given_users(&settings).unwrap_err();
            assert!(!failure.lines[0].contains("secret"), "{failure:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn the_configuration_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let env = crate::config::FixedEnvironment::default().with("XDG_RUNTIME_DIR", folder.path());
        let path = config_path(9000, &env).unwrap();
        assert_eq!(path, folder.path().join("s3cfg-serve-9000"));
        std::fs::write(&path, "an older one, readable by all").unwrap();
        let user = serve::generate_user();
        write_config(&path, &config_text(&user, "127.0.0.1:9000".parse().unwrap())).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut settings = Settings::default();
        for line in std::fs::read_to_string(&path).unwrap().lines().skip(1) {
            let (key, value) = line.split_once(" = ").unwrap();
            settings.set_from_file(key, value).unwrap();
        }
        assert_eq!((settings.access_key, settings.secret_key), (user.access_key, user.secret_key));
        assert_eq!((settings.host_base.as_str(), settings.use_https), ("127.0.0.1:9000", false));
        drop(OwnConfig(path.clone()));
        assert!(!path.exists());
    }
}
