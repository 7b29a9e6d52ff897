//! The hosts of the configuration: rejects impossible names before the first request.

use crate::cli::Command;
use crate::commands::shared::context::Context;
use crate::config::Settings;
use crate::config::run_options::located;
use crate::output::{Exit, Failure, Outcome};
use crate::uri::Location;
use s3cmd_client::endpoint::host_problem;
use std::ffi::OsString;

/// Rejects a command whose requests would go to an impossible host: exit code 78, with the setting and its file. Checks
/// only the settings that the command uses.
pub(crate) fn check(command: Command, cx: &Context, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let needs_none = command == Command::Sign || (command == Command::Serve && settings.remote.is_empty());
    if needs_none {
        return Ok(());
    }
    check_proxy(settings)?;
    if is_cloudfront(command) {
        return check_key(settings, "cloudfront_host", &settings.cloudfront_host);
    }
    let endpoint = cx.endpoint();
    let mut buckets = args.iter().filter_map(|arg| match Location::parse(arg) {
        Location::S3(uri) if !uri.bucket.is_empty() => Some(uri.bucket),
        Location::S3(_) | Location::Local(_) => None,
    });
    let first = buckets.next();
    let base = located(&settings.host_base, &settings.bucket_location);
    let uses_template = |bucket: &String| endpoint.uses_template(bucket);
    if first.as_ref().is_none_or(|bucket| !uses_template(bucket))
        || buckets.any(|bucket| !uses_template(&bucket))
    {
        check_key(settings, "host_base", &base)?;
    }
    match first.filter(uses_template) {
        Some(bucket) => {
            let target = endpoint.target(Some(&bucket), None);
            // With an empty key the path is that of the template, with its trailing slash.
            check_key(settings, "host_bucket", &format!("{}{}", target.host, target.path))
        }
        None => Ok(()),
    }
}

fn check_key(settings: &Settings, key: &str, host: &str) -> Outcome {
    match host_problem(host) {
        Some(problem) => Err(config_failure(settings, key, problem)),
        None => Ok(()),
    }
}

fn check_proxy(settings: &Settings) -> Outcome {
    if settings.proxy_host.is_empty() {
        return Ok(());
    }
    if !u16::try_from(settings.proxy_port).is_ok_and(|port| port > 0) {
        return Err(config_failure(
            settings,
            "proxy_port",
            format!("'{}' is not a port", settings.proxy_port),
        ));
    }
    let host = &settings.proxy_host;
    let is_whole = host.contains("://") || host.contains('/');
    let problem = host_problem(host).or_else(|| is_whole.then(|| "it must be a host name only".to_owned()));
    problem.map_or(Ok(()), |problem| Err(config_failure(settings, "proxy_host", problem)))
}

fn config_failure(settings: &Settings, key: &str, problem: String) -> Failure {
    Failure::new(Exit::CONFIG, format!("{}: {problem}", setting(settings, key)))
}

/// Logs the version and the endpoint.
pub(crate) fn log(settings: &Settings) {
    log::debug!("s3cmd-rs {}", env!("CARGO_PKG_VERSION"));
    log::debug!("Configuration file: {}", settings.config_file.display());
    log::debug!(
        "End point: {}://{}, buckets at {}",
        if settings.use_https { "https" } else { "http" },
        without_user(&settings.host_base),
        without_user(&settings.host_bucket)
    );
}

/// Removes a user name and password in front of a host.
fn without_user(host: &str) -> String {
    host.rsplit_once('@').map_or_else(|| host.to_owned(), |(_, host)| format!("***@{host}"))
}

/// A setting with its value and its origin: `host_base = localhost in /home/me/.s3cfg`.
pub(crate) fn setting(settings: &Settings, key: &str) -> String {
    let value = match key {
        "cloudfront_host" => without_user(&settings.cloudfront_host),
        "host_base" => without_user(&settings.host_base),
        "host_bucket" => without_user(&settings.host_bucket),
        "proxy_host" => without_user(&settings.proxy_host),
        "proxy_port" => settings.proxy_port.to_string(),
        "use_https" => if settings.use_https { "True" } else { "False" }.to_owned(),
        "bucket_location" => settings.bucket_location.clone(),
        // Other settings may be secrets.
        _ => return format!("{key} {}", settings.origin(key)),
    };
    format!("{key} = {value} {}", settings.origin(key))
}

fn is_cloudfront(command: Command) -> bool {
    matches!(
        command,
        Command::Cfcreate
            | Command::Cfdelete
            | Command::Cfinfo
            | Command::Cfinval
            | Command::Cfinvalinfo
            | Command::Cflist
            | Command::Cfmodify
    )
}
