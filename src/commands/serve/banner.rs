//! What `serve` prints when it is ready: its address, and how to use it with various clients.

use crate::commands::shared::context::Context;
use crate::config::{Environment, ProcessEnvironment};
use crate::output::{Exit, Failure, Outcome};
use s3cmd_serve::User;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The server's address for clients.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// `HOST:PORT`.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) https: bool,
    /// The region to sign for, if a client needs one.
    pub(super) region: String,
    /// The domain for virtual-host bucket names, if there is one.
    pub(super) domain: Option<String>,
}

impl Address {
    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.host)
    }
}

/// A configuration file that is removed when the server ends.
pub(super) struct TemporaryConfig(PathBuf);

impl Drop for TemporaryConfig {
    fn drop(&mut self) {
        // It may already have been removed.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The credentials that clients need.
pub(super) enum Keys<'a> {
    /// The user's own credentials, which are not printed.
    Given,
    /// A key pair that was generated for this run.
    Generated(&'a User),
    /// No authentication: any or no credentials work.
    None,
}

/// What is served.
pub(super) struct Served<'a> {
    /// The displayed name.
    pub(super) what: &'a str,
    /// The bucket, if only one is served.
    pub(super) bucket: Option<&'a str>,
}

/// Prints what is served and how to use it, and writes the configuration file for a generated key pair. Credentials
/// that the user gave are not printed.
pub(super) fn print_banner(
    cx: &Context,
    served: &Served<'_>,
    address: &Address,
    keys: &Keys<'_>,
) -> Outcome<Option<TemporaryConfig>> {
    cx.console.line(format!("Serving {} at {}", served.what, address.url()))?;
    let (access, secret) = match keys {
        Keys::Generated(user) => (&*user.access_key, &*user.secret_key),
        Keys::Given => ("ACCESS_KEY", "SECRET_KEY"),
        Keys::None => ("any", "any"),
    };
    let text = config_text(access, secret, address);
    let config = match keys {
        Keys::Given | Keys::None => {
            if matches!(keys, Keys::None) {
                cx.console.line("No keys are needed, and any are accepted.")?;
            }
            cx.console.line("Configuration file:")?;
            for line in text.lines() {
                cx.console.line(format!("  {line}"))?;
            }
            None
        }
        Keys::Generated(user) => {
            let path = config_path(address.port, &ProcessEnvironment)?;
            write_config(&path, &text).map_err(|error| Failure::file(path.display(), &error))?;
            let config = TemporaryConfig(path);
            cx.console.line(format!("Access key: {access}"))?;
            cx.console.line(format!("Secret key: {secret}"))?;
            if let Some(expires) = user.expires {
                cx.console.line(format!("Expires: {}", expires.format("%Y-%m-%dT%H:%M:%SZ")))?;
            }
            cx.console.line(format!("Configuration file: {}", config.0.display()))?;
            let first = match served.bucket {
                Some(bucket) => format!("ls s3://{bucket}"),
                None => "mb s3://demo".to_owned(),
            };
            cx.console.line(format!("Try: s3cmd -c {} {first}", config.0.display()))?;
            Some(config)
        }
    };
    for line in other_clients(access, secret, address) {
        cx.console.line(line)?;
    }
    cx.console.line("Ctrl-C stops the server.")?;
    Ok(config)
}

fn config_path(port: u16, env: &dyn Environment) -> Outcome<PathBuf> {
    let runtime = env.var("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    match (runtime, env.home_dir()) {
        (Some(folder), _) => Ok(folder.join(format!("s3cfg-serve-{port}"))),
        (None, Some(home)) => Ok(home.join(format!(".s3cfg-serve-{port}"))),
        (None, None) => Err(Failure::new(
            Exit::CONFIG,
            "There is no home directory for a configuration file: give keys with --auth-file or --auth-key",
        )),
    }
}

/// Uses path style, because `BUCKET.127.0.0.1` is not a host name. Static websites work only by host name; every name
/// below `localhost` resolves to this machine in curl, browsers and s3cmd.
fn config_text(access: &str, secret: &str, address: &Address) -> String {
    let (host, https) = (&address.host, if address.https { "True" } else { "False" });
    let mut text = format!(
        "[default]\naccess_key = {access}\nsecret_key = {secret}\nhost_base = {host}\nhost_bucket = {host}\nuse_https = {https}\n"
    );
    if let Some(domain) = &address.domain {
        let (scheme, port) = (address.scheme(), address.port);
        text.push_str(&format!("website_endpoint = {scheme}://%(bucket)s.s3-website.{domain}:{port}/\n"));
    }
    text
}

/// A shell command for each of the most common clients. It passes the keys in the environment, because other users can
/// read command lines.
fn other_clients(access: &str, secret: &str, address: &Address) -> [String; 2] {
    let (url, region) = (address.url(), &address.region);
    [
        format!(
            "rclone: RCLONE_S3_PROVIDER=Other RCLONE_S3_ENDPOINT={url} RCLONE_S3_ACCESS_KEY_ID={access} \
             RCLONE_S3_SECRET_ACCESS_KEY={secret} rclone lsd :s3:"
        ),
        format!(
            "AWS: AWS_ACCESS_KEY_ID={access} AWS_SECRET_ACCESS_KEY={secret} AWS_DEFAULT_REGION={region} aws --endpoint-url {url} s3 ls"
        ),
    ]
}

/// Writes the file atomically, readable by its owner only (mode 0600).
fn write_config(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn the_configuration_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let env = crate::config::FixedEnvironment::default().with("XDG_RUNTIME_DIR", folder.path());
        let path = config_path(9000, &env).unwrap();
        assert_eq!(path, folder.path().join("s3cfg-serve-9000"));
        std::fs::write(&path, "an older one, readable by all").unwrap();
        let address = Address {
            host: "127.0.0.1:9000".into(),
            port: 9000,
            https: false,
            region: "us-east-1".into(),
            domain: Some("localhost".into()),
        };
        write_config(&path, &config_text("AK", "secret", &address)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut settings = Settings::default();
        for line in std::fs::read_to_string(&path).unwrap().lines().skip(1) {
            let (key, value) = line.split_once(" = ").unwrap();
            settings.set_from_file(key, value).unwrap();
        }
        assert_eq!((&*settings.access_key, &*settings.secret_key), ("AK", "secret"));
        assert_eq!((settings.host_base.as_str(), settings.use_https), ("127.0.0.1:9000", false));
        assert_eq!(settings.website_endpoint, "http://%(bucket)s.s3-website.localhost:9000/");
        drop(TemporaryConfig(path.clone()));
        assert!(!path.exists());
    }

    #[test]
    fn clients_get_the_scheme() {
        let address = Address {
            host: "lab:9".into(),
            port: 9,
            https: true,
            region: "r".into(),
            domain: Some("lab".into()),
        };
        let text = config_text("a", "s", &address);
        assert!(
            text.contains("use_https = True") && text.contains("= https://%(bucket)s.s3-website.lab:9/\n")
        );
        let without_domain = Address { domain: None, ..address.clone() };
        assert!(!config_text("a", "s", &without_domain).contains("website_endpoint"));
        let lines = other_clients("a", "s", &address);
        assert!(lines.iter().all(|line| line.contains("https://lab:9 ")), "{lines:?}");
    }
}
