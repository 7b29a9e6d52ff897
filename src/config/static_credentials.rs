//! Sources of a key pair other than the configuration file: environment variables, and the credentials file of the AWS
//! tools, which is an INI file.

use std::path::{Path, PathBuf};

use ini::{Ini, ParseOption, Properties};

use super::environment::Environment;
use super::{ConfigError, Settings};

/// The source of the key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    /// `--access_key` and `--secret_key`.
    CommandLine,
    /// The configuration file.
    File,
    /// The credentials file of the AWS tools.
    AwsFile,
    /// `AWS_ACCESS_KEY_ID` and related variables.
    Environment,
    /// No key pair.
    None,
}

/// Reads the key pair from the environment. Returns false if it has none.
/// Measured on s3cmd 2.4.0: an empty access key counts as absent, an empty secret key is an error.
pub(crate) fn from_environment(settings: &mut Settings, env: &dyn Environment) -> Result<bool, ConfigError> {
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| env.non_empty(name));
    let Some(access_key) = first(["AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"]) else { return Ok(false) };
    let Some(secret_key) = first(["AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"]) else {
        return Err(ConfigError::usage(
            "AWS_ACCESS_KEY environment variable is used but AWS_SECRET_KEY variable is missing",
        ));
    };
    settings.access_key = access_key;
    settings.secret_key = secret_key;
    if let Some(token) = first(["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]) {
        settings.access_token = token;
    }
    Ok(true)
}

/// The credentials file of the AWS tools, if the environment selects one.
pub(crate) fn aws_file(env: &dyn Environment) -> Option<PathBuf> {
    let named = ["AWS_CREDENTIAL_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| env.var(name));
    if env.var("AWS_PROFILE").is_none() && named.iter().all(Option::is_none) {
        return None;
    }
    let existing = named.into_iter().flatten().map(PathBuf::from).find(|path| path.is_file());
    existing.or_else(|| env.home_dir().map(|home| home.join(".aws").join("credentials")))
}

/// Reads the key pair from the credentials file of the AWS tools, profile `$AWS_PROFILE` or `default`.
/// Missing entries are reported in `warnings`, with s3cmd's messages.
pub(crate) fn from_aws_file(
    settings: &mut Settings,
    path: &Path,
    env: &dyn Environment,
    warnings: &mut Vec<String>,
) {
    let Ok(bytes) = std::fs::read(path) else { return };
    let text = String::from_utf8_lossy(&bytes);
    let shown = path.display();
    let file = match parse_ini(&text) {
        Ok(file) => file,
        Err(error) => {
            warnings.push(format!("Cannot read the credentials file '{shown}': {error}"));
            return;
        }
    };
    let profile = env.text("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let headerless = file.sections().flatten().next().is_none();
    let section = match file.section(Some(profile.as_str())) {
        None if headerless && profile == "default" => file.section(None::<String>),
        found => found,
    };
    let Some(section) = section.filter(|section| !section.is_empty()) else {
        warnings.push(format!("Couldn't find AWS Profile '{profile}' in the credentials file '{shown}'"));
        return;
    };
    let mut key = |name: &str, legacy: &str| {
        if let Some(value) = lookup(section, name) {
            return Some(value);
        }
        warnings.push(format!(
            "Couldn't find key '{name}' for the AWS Profile '{profile}' in the credentials file '{shown}'"
        ));
        let value = lookup(section, legacy)?;
        warnings.push(format!("Legacy configuration key '{legacy}' used, please use '{name}' instead"));
        Some(value)
    };
    if let Some(value) = key("aws_access_key_id", "AWSAccessKeyId") {
        settings.access_key = value;
    }
    if let Some(value) = key("aws_secret_access_key", "AWSSecretKey") {
        settings.secret_key = value;
    }
    if let Some(value) = lookup(section, "aws_session_token") {
        settings.access_token = value;
    }
}

/// Parses a file of the AWS tools. Backslashes and quotes have no special meaning, because secrets can contain them.
pub(super) fn parse_ini(text: &str) -> Result<Ini, ini::ParseError> {
    let options = ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
    Ini::load_from_str_opt(text, options)
}

/// Finds a key case-insensitively (`allas_conf` writes upper case).
pub(super) fn lookup(section: &Properties, name: &str) -> Option<String> {
    section.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}
