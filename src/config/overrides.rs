//! Applies the options on top of the configuration file. Order, checks and exit codes were measured on s3cmd 2.4.0.

use std::ffi::OsStr;
use std::path::Path;

use super::environment::Environment;
use super::keys::RawValue;
use super::{AclChange, ConfigError, Settings};
use crate::cli::{CliOnly, CliOptions, List, OptionValue};
use crate::patterns::{self, PatternError, Syntax};
use s3cmd_client::checksum::Algorithm;

/// Applies a complete key pair from the options. A single key is applied later, like other keys.
pub(super) fn key_pair(settings: &mut Settings, options: &CliOptions) -> bool {
    let Some((access_key, secret_key)) = typed_pair(options) else { return false };
    settings.access_key = access_key;
    settings.secret_key = secret_key;
    true
}

fn typed_pair(options: &CliOptions) -> Option<(String, String)> {
    let filled = |name| match options.key(name) {
        Some(OptionValue::Text(text)) if !text.is_empty() => Some(lossy(text)),
        _ => None,
    };
    Some((filled("access_key")?, filled("secret_key")?))
}

/// Applies all options.
pub(super) fn apply(
    settings: &mut Settings,
    options: &CliOptions,
    env: &dyn Environment,
) -> Result<(), ConfigError> {
    for header in options.list(List::AddHeader) {
        let (name, value) = typed_header(&header.to_string_lossy())?;
        put_header(&mut settings.extra_headers, name, value);
    }
    settings.remove_headers.extend(texts(options, List::RemoveHeader).map(|name| name.trim().to_lowercase()));
    settings.acl_grants.extend(texts(options, List::AclGrant).filter_map(|change| acl_change(&change)));
    settings.acl_revokes.extend(texts(options, List::AclRevoke).filter_map(|change| acl_change(&change)));
    keys(settings, options, env)?;
    check_chunk_size(settings)?;
    check_checksum(settings)?;
    check_version(settings, options)?;
    filter(settings, options)?;
    settings.files_from.extend(texts(options, List::FilesFrom));
    settings.additional_destinations.extend(texts(options, List::AddDestination));
    settings.cf_add_cnames.extend(texts(options, List::CfAddCname));
    settings.cf_remove_cnames.extend(texts(options, List::CfRemoveCname));
    settings.auth_keys.extend(texts(options, List::AuthKey));
    settings.domains.extend(texts(options, List::Domain));
    let text = |single| options.text(single).map(lossy);
    settings.cf_comment = text(CliOnly::CfComment);
    settings.cf_default_root_object = text(CliOnly::CfDefaultRootObject);
    settings.quiet = options.switch(CliOnly::Quiet).unwrap_or(false);
    let compare = options.switch(CliOnly::CheckMd5).unwrap_or(true);
    settings.sync_checks_md5 = compare;
    settings.store_md5 = compare;
    if settings.encrypt && settings.gpg_passphrase.is_empty() && !options.configure() {
        return Err(ConfigError {
            exit: 78,
            lines: vec![
                "Encryption requested but no passphrase set in config file.".to_owned(),
                "Please re-run 's3cmd --configure' and supply it.".to_owned(),
            ],
            warnings: Vec::new(),
        });
    }
    Ok(())
}

/// Sets the keys in alphabetical order, so that the same one of several invalid values is always reported.
fn keys(settings: &mut Settings, options: &CliOptions, env: &dyn Environment) -> Result<(), ConfigError> {
    let mut sorted: Vec<_> = options.keys.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    for (name, value) in sorted {
        let Some(key) = Settings::key(name) else { continue };
        let expanded;
        let given = match value {
            OptionValue::Switch(on) => RawValue::Switch(*on),
            OptionValue::Text(text) if is_literal(name, options) => {
                expanded = text.to_string_lossy().into_owned();
                RawValue::Text(&expanded)
            }
            OptionValue::Text(text) => match super::expand_variable(&text.to_string_lossy(), env) {
                Some(text) => {
                    expanded = text;
                    RawValue::Text(&expanded)
                }
                None => continue,
            },
        };
        settings.set(key, given).map_err(|problem| ConfigError::new(1, problem.to_string()))?;
        settings.typed_keys.push(key.name);
    }
    if !settings.upload_id.is_empty() && options.key("upload_id").is_some() {
        settings.put_continue = true;
    }
    Ok(())
}

/// Whether a leading `$` of a value is not expanded. Measured on s3cmd 2.4.0: this applies to the token, the upload ID,
/// and the key pair if both keys were given.
fn is_literal(key: &str, options: &CliOptions) -> bool {
    match key {
        "access_token" | "upload_id" => true,
        "access_key" | "secret_key" => typed_pair(options).is_some(),
        _ => false,
    }
}

fn check_chunk_size(settings: &Settings) -> Result<(), ConfigError> {
    let size = settings.multipart_chunk_size_mb;
    let problem = match size {
        ..5 => "small, must be >= 5 MB",
        5..=5120 => return Ok(()),
        _ => "large, must be <= 5120 MB",
    };
    Err(ConfigError::usage(format!(
        "Chunk size {size} MB is too {problem}. Please adjust --multipart-chunk-size-mb"
    )))
}

/// Rejects an unknown algorithm, which must not silently disable the checksum. An empty name is valid.
fn check_checksum(settings: &Settings) -> Result<(), ConfigError> {
    let name = settings.checksum_algorithm.trim();
    match name.parse::<Algorithm>() {
        Err(problem) if !name.is_empty() => Err(ConfigError::usage(format!(
            "Checksum algorithm '{}' is {problem}",
            name.replace(char::is_control, " ")
        ))),
        _ => Ok(()),
    }
}

/// Rejects an empty version ID, for example from an unset shell variable. Otherwise the latest version would be deleted
/// or changed.
fn check_version(settings: &Settings, options: &CliOptions) -> Result<(), ConfigError> {
    if options.key("version_id").is_some() && settings.version_id.trim().is_empty() {
        return Err(ConfigError::usage("--version-id must not be empty"));
    }
    Ok(())
}

fn filter(settings: &mut Settings, options: &CliOptions) -> Result<(), ConfigError> {
    let filter = &mut settings.filter;
    let excluded = [
        (List::Exclude, List::ExcludeFrom, Syntax::Glob, "exclude"),
        (List::Rexclude, List::RexcludeFrom, Syntax::Regexp, "rexclude"),
    ];
    let included = [
        (List::Include, List::IncludeFrom, Syntax::Glob, "include"),
        (List::Rinclude, List::RincludeFrom, Syntax::Regexp, "rinclude"),
    ];
    for (list, rows) in [(&mut filter.exclude, excluded), (&mut filter.include, included)] {
        for (typed_here, from_files, syntax, option) in rows {
            // As in s3cmd, files are read before any pattern is parsed.
            let mut patterns: Vec<String> = texts(options, typed_here).collect();
            for file in options.list(from_files) {
                let read = patterns::read_file(Path::new(file));
                patterns.extend(read.map_err(|error| pattern_error(error, &format!("{option}-from")))?);
            }
            for text in &patterns {
                list.add(syntax, text).map_err(|error| pattern_error(error, option))?;
            }
        }
    }
    Ok(())
}

fn pattern_error(error: PatternError, option: &str) -> ConfigError {
    match error {
        PatternError::File { path, reason } => {
            let words = reason.split_once(" (os error").map_or(reason.as_str(), |(words, _)| words);
            ConfigError::new(74, format!("Cannot read --{option} {}: {words}", path.display()))
        }
        PatternError::Invalid { .. } => ConfigError::usage(format!("--{option}: {error}")),
    }
}

/// The headers of the key `add_headers`: `Name:value,Name2:value2`.
pub(super) fn headers_of_key(text: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut headers = Vec::new();
    for (place, header) in text.split(',').filter(|_| !text.is_empty()).enumerate() {
        let Some((name, value)) = header.split_once(':').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(ConfigError::usage(format!(
                "Config: value of option 'add_headers' must be Name:value pairs; entry {} is not",
                place + 1
            )));
        };
        put_header(&mut headers, name.trim().to_lowercase(), value.trim().to_owned());
    }
    Ok(headers)
}

/// A header of `--add-header`. Measured on s3cmd 2.4.0: the name is checked before it is trimmed.
fn typed_header(text: &str) -> Result<(String, String), ConfigError> {
    let invalid = || ConfigError::usage(format!("Invalid header format: {text}"));
    let (name, value) = text.split_once(':').ok_or_else(invalid)?;
    let wrong: String = name.chars().filter(|c| !is_header_name_char(*c)).map(shown).collect();
    if !wrong.is_empty() {
        return Err(ConfigError::usage(format!("Invalid character(s) in header name '{name}': \"{wrong}\"")));
    }
    // A line break in a value would start another header.
    if name.is_empty() || value.trim().contains(['\r', '\n', '\0']) {
        return Err(invalid());
    }
    Ok((name.to_lowercase(), value.trim().to_owned()))
}

/// The characters that s3cmd 2.4.0 accepts in a header name.
fn is_header_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.!*+^|#$%&".contains(c)
}

fn shown(c: char) -> String {
    match c {
        ' ' => "<space>".to_owned(),
        '\t' => "<tab>".to_owned(),
        other => other.to_string(),
    }
}

/// Adds a header, replacing an earlier one of the same name.
fn put_header(headers: &mut Vec<(String, String)>, name: String, value: String) {
    headers.retain(|(known, _)| *known != name);
    headers.push((name, value));
}

/// Parses `PERMISSION:GRANTEE`. The command-line parser has already rejected everything else.
fn acl_change(text: &str) -> Option<AclChange> {
    let (permission, grantee) = text.split_once(':')?;
    Some(AclChange { permission: permission.to_owned(), grantee: grantee.to_owned() })
}

fn texts(options: &CliOptions, list: List) -> impl Iterator<Item = String> {
    options.list(list).map(lossy)
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}
