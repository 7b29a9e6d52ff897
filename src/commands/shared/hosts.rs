//! The hosts of the configuration: what stands for something else in their names is filled in, and those to which no request
//! can go are refused before one is tried.

use crate::cli::Command;
use crate::commands::shared::context::Context;
use crate::config::Settings;
use crate::output::{Exit, Failure, Outcome};
use crate::s3::client::canonical_region;
use crate::s3::endpoint::host_problem;
use crate::uri::Location;
use std::ffi::OsString;

/// What stands for the region in `host_base` and `host_bucket`.
const LOCATION: &str = "%(location)s";

/// A host with the region filled in.
pub(crate) fn located(host: &str, location: &str) -> String {
    let mut host = host.to_owned();
    while let Some(at) = host.to_ascii_lowercase().find(LOCATION) {
        host.replace_range(at..at + LOCATION.len(), canonical_region(location));
    }
    host
}

/// Refuses a command whose requests would go to a host that cannot be: exit 78, with the key and the file to look at. Only
/// what the command needs is looked at.
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
    let of_template = |bucket: &String| endpoint.uses_template(bucket);
    if first.as_ref().is_none_or(|bucket| !of_template(bucket)) || buckets.any(|bucket| !of_template(&bucket))
    {
        check_key(settings, "host_base", &base)?;
    }
    match first.filter(of_template) {
        Some(bucket) => {
            let target = endpoint.target(Some(&bucket), None);
            // The key is empty, so that its path ends with the slash behind the template's.
            check_key(settings, "host_bucket", &format!("{}{}", target.host, target.path))
        }
        None => Ok(()),
    }
}

fn check_key(settings: &Settings, key: &str, host: &str) -> Outcome {
    match host_problem(host) {
        Some(problem) => Err(refused(settings, key, problem)),
        None => Ok(()),
    }
}

fn check_proxy(settings: &Settings) -> Outcome {
    if settings.proxy_host.is_empty() {
        return Ok(());
    }
    if !u16::try_from(settings.proxy_port).is_ok_and(|port| port > 0) {
        return Err(refused(settings, "proxy_port", format!("'{}' is not a port", settings.proxy_port)));
    }
    let host = &settings.proxy_host;
    let is_whole = host.contains("://") || host.contains('/');
    let problem =
        host_problem(host).or_else(|| is_whole.then(|| "only the name of a host can stand here".to_owned()));
    problem.map_or(Ok(()), |problem| Err(refused(settings, "proxy_host", problem)))
}

fn refused(settings: &Settings, key: &str, problem: String) -> Failure {
    Failure::new(Exit::CONFIG, format!("{}: {problem}", setting(settings, key)))
}

/// Tells the log what this run works with.
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

/// A host without the password that somebody may have put in front of it.
fn without_user(host: &str) -> String {
    host.rsplit_once('@').map_or_else(|| host.to_owned(), |(_, host)| format!("***@{host}"))
}

/// A setting as its file has it, with the name of the file: `host_base = localhost in /home/me/.s3cfg`.
pub(crate) fn setting(settings: &Settings, key: &str) -> String {
    let value = match key {
        "cloudfront_host" => without_user(&settings.cloudfront_host),
        "host_base" => without_user(&settings.host_base),
        "host_bucket" => without_user(&settings.host_bucket),
        "proxy_host" => without_user(&settings.proxy_host),
        "proxy_port" => settings.proxy_port.to_string(),
        "use_https" => if settings.use_https { "True" } else { "False" }.to_owned(),
        "bucket_location" => settings.bucket_location.clone(),
        // Others may be secrets.
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
