//! How commands read their arguments.

use crate::output::{Failure, Outcome};
use crate::s3::subresources::LogTarget;
use crate::uri::{Location, S3Uri};
use std::ffi::{OsStr, OsString};

/// Reads an argument that has to be `s3://BUCKET[/KEY]`.
pub(crate) fn s3_uri(argument: &OsStr) -> Outcome<S3Uri> {
    match Location::parse(argument) {
        Location::S3(uri) => Ok(uri),
        Location::Local(_) => {
            Err(Failure::parameter(format!("Expecting S3 URI instead of '{}'", argument.to_string_lossy())))
        }
    }
}

/// Reads all arguments as `s3://` URIs.
pub(crate) fn s3_uris(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| s3_uri(argument)).collect()
}

/// Reads an argument that has to be a bucket and nothing more.
pub(crate) fn bucket_uri(argument: &OsStr) -> Outcome<S3Uri> {
    match Location::parse(argument) {
        Location::S3(uri) if !uri.bucket.is_empty() && !uri.has_key() => Ok(uri),
        _ => Err(Failure::parameter(format!(
            "Expecting S3 URI with just the bucket name set instead of '{}'",
            argument.to_string_lossy()
        ))),
    }
}

/// Reads all arguments as buckets.
pub(crate) fn bucket_uris(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| bucket_uri(argument)).collect()
}

/// The bucket, or the object in it, that an argument is about.
pub(crate) fn bucket_of(argument: &OsStr) -> Outcome<S3Uri> {
    let uri = s3_uri(argument)?;
    if uri.bucket.is_empty() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a bucket name instead of '{uri}'")));
    }
    Ok(uri)
}

/// The buckets, or the objects in them, that arguments are about.
pub(crate) fn buckets_of(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| bucket_of(argument)).collect()
}

/// The bucket of a command that wants nothing else, in s3cmd's words for some of them (measured on s3cmd 2.4.0).
pub(crate) fn only_bucket(argument: &OsStr, command: &str) -> Outcome<S3Uri> {
    match s3_uri(argument) {
        Ok(uri) if uri.has_key() => {
            Err(Failure::parameter(format!("Only bucket name is required for [{command}] command")))
        }
        _ => bucket_uri(argument),
    }
}

/// The buckets of a command that wants nothing else, in s3cmd's words for some of them; see [`only_bucket`].
pub(crate) fn only_buckets(arguments: &[OsString], command: &str) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| only_bucket(argument, command)).collect()
}

/// The object that an argument names.
pub(crate) fn object_of(argument: &OsStr) -> Outcome<S3Uri> {
    let uri = s3_uri(argument)?;
    if uri.bucket.is_empty() || !uri.has_key() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a filename: {uri}")));
    }
    Ok(uri)
}

/// The objects that arguments name.
pub(crate) fn objects_of(arguments: &[OsString]) -> Outcome<Vec<S3Uri>> {
    arguments.iter().map(|argument| object_of(argument)).collect()
}

/// The object and the upload id that two arguments name.
pub(crate) fn upload_of(args: &[OsString]) -> Outcome<(S3Uri, String)> {
    let uri = s3_uri(&args[0])?;
    if !uri.has_key() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a filename: {uri}")));
    }
    Ok((uri, args[1].to_string_lossy().into_owned()))
}

/// Reads `--access-logging-target-prefix`.
pub(crate) fn log_target(typed: &str) -> Outcome<LogTarget> {
    match S3Uri::parse(typed) {
        Some(uri) if !uri.bucket.is_empty() => Ok(LogTarget { bucket: uri.bucket, prefix: uri.key }),
        _ => Err(Failure::parameter("--log-target-prefix must be a S3 URI")),
    }
}
