//! What `serve` says when it is ready: where it is, and how to use it with which client.

use crate::commands::shared::context::Context;
use crate::config::{Environment, ProcessEnvironment};
use crate::output::{Exit, Failure, Outcome};
use crate::serve::User;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where clients find the server.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `HOST:PORT`.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) https: bool,
    /// The region to sign for, where a client wants one.
    pub(super) region: String,
    /// The host name below which host names say a bucket, if there is one.
    pub(super) domain: Option<String>,
}

impl Place {
    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.host)
    }
}

/// A configuration file that is there for as long as the server.
pub(super) struct OwnConfig(PathBuf);

impl Drop for OwnConfig {
    fn drop(&mut self) {
        // One that somebody removed already is just as gone.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The keys that clients need.
pub(super) enum Keys<'a> {
    /// Those that were given; they are not printed.
    Given,
    /// A pair that was made for this run.
    Made(&'a User),
    /// Any, or none.
    None,
}

/// What is served.
pub(super) struct Served<'a> {
    /// As it is shown.
    pub(super) what: &'a str,
    /// The bucket, where there is one only.
    pub(super) bucket: Option<&'a str>,
}

/// Says what is served and how to use it; writes the configuration file of a key pair that was made. Keys that were given
/// are not printed.
pub(super) fn greet(
    cx: &Context,
    served: &Served<'_>,
    place: &Place,
    keys: &Keys<'_>,
) -> Outcome<Option<OwnConfig>> {
    cx.console.line(format!("Serving {} at {}", served.what, place.url()))?;
    let (access, secret) = match keys {
        Keys::Made(user) => (&*user.access_key, &*user.secret_key),
        Keys::Given => ("ACCESS_KEY", "SECRET_KEY"),
        Keys::None => ("any", "any"),
    };
    let text = config_text(access, secret, place);
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
        Keys::Made(user) => {
            let path = config_path(place.port, &ProcessEnvironment)?;
            write_config(&path, &text).map_err(|error| Failure::file(path.display(), &error))?;
            let config = OwnConfig(path);
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
    for line in other_clients(access, secret, place) {
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
            "There is no home directory for a configuration file: give keys by --auth-file or --auth-key",
        )),
    }
}

/// Path style, as `BUCKET.127.0.0.1` is no host name. Websites have no other way than a host name; every name below
/// `localhost` is this machine, for curl, browsers and s3cmd.
fn config_text(access: &str, secret: &str, place: &Place) -> String {
    let (host, https) = (&place.host, if place.https { "True" } else { "False" });
    let mut text = format!(
        "[default]\naccess_key = {access}\nsecret_key = {secret}\nhost_base = {host}\nhost_bucket = {host}\nuse_https = {https}\n"
    );
    if let Some(domain) = &place.domain {
        let (scheme, port) = (place.scheme(), place.port);
        text.push_str(&format!("website_endpoint = {scheme}://%(bucket)s.s3-website.{domain}:{port}/\n"));
    }
    text
}

/// A line of the shell for each of the clients that most people have. Keys stand in the environment: other users can
/// read a command line.
fn other_clients(access: &str, secret: &str, place: &Place) -> [String; 2] {
    let (url, region) = (place.url(), &place.region);
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

/// Writes the file complete and readable by its owner only (mode 0600), or not at all.
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
    #[cfg(unix)]
    fn the_configuration_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let env = crate::config::FixedEnvironment::default().with("XDG_RUNTIME_DIR", folder.path());
        let path = config_path(9000, &env).unwrap();
        assert_eq!(path, folder.path().join("s3cfg-serve-9000"));
        std::fs::write(&path, "an older one, readable by all").unwrap();
        let place = Place {
            host: "127.0.0.1:9000".into(),
            port: 9000,
            https: false,
            region: "us-east-1".into(),
            domain: Some("localhost".into()),
        };
        write_config(&path, &config_text("AK", "secret", &place)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut settings = Settings::default();
        for line in std::fs::read_to_string(&path).unwrap().lines().skip(1) {
            let (key, value) = line.split_once(" = ").unwrap();
            settings.set_from_file(key, value).unwrap();
        }
        assert_eq!((&*settings.access_key, &*settings.secret_key), ("AK", "secret"));
        assert_eq!((settings.host_base.as_str(), settings.use_https), ("127.0.0.1:9000", false));
        assert_eq!(settings.website_endpoint, "http://%(bucket)s.s3-website.localhost:9000/");
        drop(OwnConfig(path.clone()));
        assert!(!path.exists());
    }

    #[test]
    fn clients_are_told_the_scheme() {
        let place = Place {
            host: "lab:9".into(),
            port: 9,
            https: true,
            region: "r".into(),
            domain: Some("lab".into()),
        };
        let text = config_text("a", "s", &place);
        assert!(
            text.contains("use_https = True") && text.contains("= https://%(bucket)s.s3-website.lab:9/\n")
        );
        let no_names = Place { domain: None, ..place.clone() };
        assert!(!config_text("a", "s", &no_names).contains("website_endpoint"));
        let lines = other_clients("a", "s", &place);
        assert!(lines.iter().all(|line| line.contains("https://lab:9 ")), "{lines:?}");
    }
}
