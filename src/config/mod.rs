//! The configuration: options, `~/.s3cfg`, the environment and the credentials chain, resolved into one [`Settings`],
//! and from that into the typed options of a run ([`run_options`]).
//!
//! Precedence, lowest first: built-in defaults, configuration file, environment (only for the key pair, and only if the
//! file has none), options.

mod credentials_provider;
mod environment;
mod file;
mod keys;
mod overrides;
mod providers;
pub mod run_options;
pub mod save;
mod settings;
mod static_credentials;

use crate::cli::{CliOnly, CliOptions};
use crate::output::{Exit, Failure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use credentials_provider::CredentialsProvider;
pub use environment::{Environment, FixedEnvironment, ProcessEnvironment};
pub use keys::{Dumped, InvalidValue, Key, RawValue};
pub use providers::{PROVIDERS, Provider};
pub use settings::{AclChange, KEYS, Settings, Verbosity};
pub use static_credentials::CredentialSource;

/// The directory for persistent state: `$XDG_STATE_HOME/s3cmd`, else `~/.local/state/s3cmd`.
fn state_dir(env: &dyn Environment) -> Option<PathBuf> {
    xdg_dir(env, "XDG_STATE_HOME", ".local/state")
}

/// The directory for data that can be deleted at any time: `$XDG_CACHE_HOME/s3cmd`, else `~/.cache/s3cmd`.
pub fn cache_dir(env: &dyn Environment) -> Option<PathBuf> {
    xdg_dir(env, "XDG_CACHE_HOME", ".cache")
}

/// Follows the XDG Base Directory Specification, which ignores relative paths in the variables.
fn xdg_dir(env: &dyn Environment, variable: &str, below_home: &str) -> Option<PathBuf> {
    let base = env.var(variable).map(PathBuf::from).filter(|base| base.is_absolute());
    base.or_else(|| Some(env.home_dir()?.join(below_home))).map(|base| base.join("s3cmd"))
}

/// The settings, with warnings about their sources.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Messages to log as `WARNING: ` lines.
    pub warnings: Vec<String>,
    /// The source of the key pair.
    pub credentials: CredentialSource,
}

/// Why the configuration cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The exit code.
    pub exit: u8,
    /// Messages to print as `ERROR: ` lines.
    pub lines: Vec<String>,
    /// Warnings to log before the errors.
    pub warnings: Vec<String>,
}

impl ConfigError {
    fn new(exit: u8, line: impl Into<String>) -> Self {
        Self { exit, lines: vec![line.into()], warnings: Vec::new() }
    }

    /// An invalid value: `Parameter problem: ...`, exit code 64.
    fn usage(problem: impl std::fmt::Display) -> Self {
        Self::new(64, format!("Parameter problem: {problem}"))
    }

    /// No credentials: exit code 78, with the messages of s3cmd.
    pub fn no_credentials(file: &Path, reason: &str) -> Self {
        Self {
            exit: 78,
            lines: vec![
                format!("{}: {reason}", file.display()),
                "Configuration file not available.".to_owned(),
                "Consider using --configure parameter to create one.".to_owned(),
            ],
            warnings: Vec::new(),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { exit: Exit(error.exit), lines: error.lines }
    }
}

/// Resolves the settings.
///
/// Exit codes of errors, as measured on s3cmd 2.4.0: 78 without a configuration file or key pair, 64 for an invalid
/// value in the file, 1 for an invalid value of an option, 74 for a pattern file that cannot be read.
pub fn load(options: &CliOptions, env: &dyn Environment) -> Result<Loaded, ConfigError> {
    let mut warnings = Vec::new();
    match resolve(options, env, &mut warnings) {
        Ok((settings, credentials)) => Ok(Loaded { settings, warnings, credentials }),
        Err(error) => Err(ConfigError { warnings, ..error }),
    }
}

fn resolve(
    options: &CliOptions,
    env: &dyn Environment,
    warnings: &mut Vec<String>,
) -> Result<(Settings, CredentialSource), ConfigError> {
    let mut settings = Settings {
        config_file: config_file(options, env)?,
        state_dir: state_dir(env),
        progress_meter: env.stdout_is_terminal(),
        encoding: locale_charset(env),
        ..Settings::default()
    };
    let mut credentials = CredentialSource::None;
    // Why the file provides no key pair, for the error message if no other source provides one either.
    let reason = match std::fs::read(&settings.config_file) {
        Ok(bytes) => {
            read_file(&mut settings, &bytes, env, warnings)?;
            credentials = CredentialSource::File;
            settings.config_readable_by_others =
                contains_secrets(&settings) && is_readable_by_others(&settings.config_file);
            "no access_key in it".to_owned()
        }
        Err(error) => {
            if let Some(path) = static_credentials::aws_file(env) {
                settings.credentials_provider = credentials_provider::from_profile(&path, env);
            }
            if let Some(path) =
                static_credentials::aws_file(env).filter(|_| settings.credentials_provider.is_none())
            {
                static_credentials::from_aws_file(&mut settings, &path, env, warnings);
                credentials = CredentialSource::AwsFile;
            }
            os_error_text(&error)
        }
    };
    if overrides::key_pair(&mut settings, options) {
        credentials = CredentialSource::CommandLine;
    }
    if settings.access_key.is_empty() {
        credentials = if static_credentials::from_environment(&mut settings, env)? {
            CredentialSource::Environment
        } else {
            CredentialSource::None
        };
    }
    if !settings.access_key.is_empty() {
        settings.credentials_provider = None;
    } else if !options.credentials_optional {
        let provider = settings
            .credentials_provider
            .take()
            .or_else(|| credentials_provider::from_environment(&settings, env));
        // --dump-config prints keys. Temporary ones would expire soon, so they are not requested.
        let Some(provider) = provider.filter(|_| !options.dump_config()) else {
            return Err(ConfigError::no_credentials(&settings.config_file, &reason));
        };
        settings.credentials_provider = Some(CredentialsProvider { reason, ..provider });
    }
    check_encryption_by_key(&settings, warnings)?;
    overrides::apply(&mut settings, options, env)?;
    Ok((settings, credentials))
}

/// The configuration file: `-c`, else `$S3CMD_CONFIG`, else `~/.s3cfg`.
fn config_file(options: &CliOptions, env: &dyn Environment) -> Result<PathBuf, ConfigError> {
    let named = options.text(CliOnly::ConfigFile).map(PathBuf::from);
    let named = named.or_else(|| env.var("S3CMD_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from));
    let default = || env.home_dir().map(|home| home.join(".s3cfg"));
    named
        .or_else(default)
        .filter(|path| !path.as_os_str().is_empty())
        .ok_or_else(|| ConfigError::new(78, "Can't find a config file. Please use --config option."))
}

fn read_file(
    settings: &mut Settings,
    bytes: &[u8],
    env: &dyn Environment,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let shown = settings.config_file.display().to_string();
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        ConfigError::usage(format!("{shown}: line {line} is not UTF-8 text"))
    })?;
    let contents = file::parse(text);
    warnings.extend(
        contents.ignored.iter().map(|line| format!("Ignoring invalid line in '{shown}': line {line}")),
    );
    let values: BTreeMap<&str, String> = contents
        .values
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), expand_variable(value, env)?)))
        .collect();
    for (key, value) in &values {
        settings.set_from_file(key, value).map_err(ConfigError::usage)?;
    }
    settings.extra_headers = overrides::headers_of_key(&settings.add_headers)?;
    Ok(())
}

/// Whether at least one secret is set.
fn contains_secrets(settings: &Settings) -> bool {
    KEYS.iter().any(|key| key.secret && (key.dump)(settings).is_some_and(|value| !value.is_empty()))
}

/// Whether users other than the owner can read a file.
fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o044 != 0)
}

/// Expands a value that starts with `$`: it names a variable, whose value can name another one. `None` if a variable is
/// not set.
fn expand_variable(value: &str, env: &dyn Environment) -> Option<String> {
    let mut value = value.to_owned();
    // Variables that name each other in a cycle have no value.
    for _ in 0..100 {
        let Some(name) = value.strip_prefix('$') else { return Some(value) };
        value = env.text(name)?;
    }
    None
}

/// The charset of the locale (`de_DE.ISO-8859-1`), UTF-8 if absent.
fn locale_charset(env: &dyn Environment) -> String {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env.non_empty(name)).unwrap_or_default();
    let charset = locale.split_once('.').map_or("", |(_, rest)| rest.split('@').next().unwrap_or(""));
    match charset.to_ascii_uppercase() {
        name if matches!(name.as_str(), "" | "UTF8" | "UTF-8") => "UTF-8".to_owned(),
        name => name,
    }
}

/// Measured on s3cmd 2.4.0 for keys in the file: KMS needs signature version 4 and takes precedence over `AES256`.
fn check_encryption_by_key(settings: &Settings, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
    if settings.kms_key.is_empty() {
        return Ok(());
    }
    if settings.signature_v2 {
        return Err(ConfigError::new(
            1,
            "KMS encryption requires signature v4. Please set signature_v2 to False",
        ));
    }
    if settings.server_side_encryption {
        warnings.push(
            "Cannot have server_side_encryption (S3 SSE) and KMS_key set (S3 KMS). \
             KMS encryption will be used. Please set server_side_encryption to False"
                .to_owned(),
        );
    }
    Ok(())
}

/// The system's message for an error, without the number that Rust adds.
fn os_error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}

#[cfg(test)]
mod tests;
