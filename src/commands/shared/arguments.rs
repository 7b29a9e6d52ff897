//! How commands read their arguments.

use crate::output::{Failure, Outcome};
use crate::uri::{Location, S3Uri};
use s3cmd_client::ops::subresources::LogTarget;
use std::ffi::{OsStr, OsString};

/// Parses an argument that must be `s3://BUCKET[/KEY]`.
pub(crate) fn s3_uri(argument: &OsStr) -> Outcome<S3Uri> {
    match Location::parse(argument) {
        Location::S3(uri) => Ok(uri),
        Location::Local(_) => {
            Err(Failure::parameter(format!("Expecting S3 URI instead of '{}'", argument.to_string_lossy())))
        }
    }
}

/// Parses all arguments as `s3://` URIs.
pub(crate) fn s3_uris(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| s3_uri(argument)).collect()
}

/// Parses an argument that must name a bucket and nothing else.
pub(crate) fn bucket_uri(argument: &OsStr) -> Outcome<S3Uri> {
    match Location::parse(argument) {
        Location::S3(uri) if !uri.bucket.is_empty() && !uri.has_key() => Ok(uri),
        _ => Err(Failure::parameter(format!(
            "Expecting S3 URI with just the bucket name set instead of '{}'",
            argument.to_string_lossy()
        ))),
    }
}

/// Parses all arguments as buckets.
pub(crate) fn bucket_uris(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| bucket_uri(argument)).collect()
}

/// Parses an argument that must name a bucket, or an object in one.
pub(crate) fn target_uri(argument: &OsStr) -> Outcome<S3Uri> {
    let uri = s3_uri(argument)?;
    if uri.bucket.is_empty() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a bucket name instead of '{uri}'")));
    }
    Ok(uri)
}

/// Parses all arguments as buckets or objects.
pub(crate) fn target_uris(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| target_uri(argument)).collect()
}

/// Like [`bucket_uri`], with the message that s3cmd prints for a key in some commands (measured on s3cmd 2.4.0).
pub(crate) fn bucket_uri_for(argument: &OsStr, command: &str) -> Outcome<S3Uri> {
    match s3_uri(argument) {
        Ok(uri) if uri.has_key() => {
            Err(Failure::parameter(format!("Only bucket name is required for [{command}] command")))
        }
        _ => bucket_uri(argument),
    }
}

/// Parses all arguments with [`bucket_uri_for`].
pub(crate) fn bucket_uris_for(arguments: &[OsString], command: &str) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| bucket_uri_for(argument, command)).collect()
}

/// Parses an argument that must name an object.
pub(crate) fn object_uri(argument: &OsStr) -> Outcome<S3Uri> {
    let uri = s3_uri(argument)?;
    if uri.bucket.is_empty() || !uri.has_key() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a filename: {uri}")));
    }
    Ok(uri)
}

/// Parses all arguments as objects.
pub(crate) fn object_uris(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| object_uri(argument)).collect()
}

/// Parses the two arguments of commands on one multipart upload: the object and the upload id.
pub(crate) fn upload_and_id(args: &[OsString]) -> Outcome<(S3Uri, String)> {
    let uri = s3_uri(&args[0])?;
    if !uri.has_key() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a filename: {uri}")));
    }
    Ok((uri, args[1].to_string_lossy().into_owned()))
}

/// Parses `--access-logging-target-prefix`.
pub(crate) fn log_target(typed: &str) -> Outcome<LogTarget> {
    match S3Uri::parse(typed) {
        Some(uri) if !uri.bucket.is_empty() => Ok(LogTarget { bucket: uri.bucket, prefix: uri.key }),
        _ => Err(Failure::parameter("--log-target-prefix must be a S3 URI")),
    }
}
