//! The documents that hang on a bucket (policy, lifecycle, ...): what their commands have in common.

use super::context::{Cx, bucket_uri, s3_uri};
use crate::output::{ChangeForm, Event, Failure, Outcome};
use crate::uri::S3Uri;
use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;

/// Longest document that is read from a file; no service takes one nearly as long.
const MAX_DOCUMENT: u64 = 16 << 20;

/// The bucket, or the object in it, that an argument is about.
pub(crate) fn bucket_of(argument: &OsStr) -> Outcome<S3Uri> {
    let uri = s3_uri(argument)?;
    if uri.bucket.is_empty() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a bucket name instead of '{uri}'")));
    }
    Ok(uri)
}

/// Reads a document from a file, or from stdin for `-`. A file that cannot be read is exit 74.
pub(crate) fn read(argument: &OsStr) -> Outcome<String> {
    let path = Path::new(argument);
    let failed = |error: std::io::Error| Failure::file(path.display(), &error);
    let mut bytes = Vec::new();
    if argument == "-" {
        std::io::stdin().lock().take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Failure::parameter(format!("'{}' is too long for such a document", path.display())));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::parameter(format!("'{}' is not UTF-8 text", path.display())))
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

/// The object that an argument names.
pub(crate) fn object_of(argument: &OsStr) -> Outcome<S3Uri> {
    let uri = s3_uri(argument)?;
    if uri.bucket.is_empty() || !uri.has_key() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a filename: {uri}")));
    }
    Ok(uri)
}

/// Stores a document and says so. A dry run says nothing, as in s3cmd.
pub(crate) async fn put(
    cx: &Cx,
    bucket: &OsStr,
    name: &str,
    text: String,
    content_type: &str,
    done: &str,
) -> Outcome {
    let uri = bucket_uri(bucket)?;
    if cx.settings.dry_run {
        return Ok(());
    }
    cx.client().put_document(&uri.bucket, None, name, text, content_type).await?;
    said(cx, &uri, done)
}

/// Deletes a document and says so. A dry run says nothing, as in s3cmd.
pub(crate) async fn delete(cx: &Cx, bucket: &OsStr, name: &str, done: &str) -> Outcome {
    let uri = bucket_uri(bucket)?;
    if cx.settings.dry_run {
        return Ok(());
    }
    cx.client().delete_document(&uri.bucket, None, name).await?;
    said(cx, &uri, done)
}

/// Says what was done where the service answered 204, as s3cmd does; of other answers, which are the usual ones, only
/// `-v` tells.
pub(crate) fn said_if_204(cx: &Cx, uri: &S3Uri, done: &str, status: u16) -> Outcome {
    if status == 204 || cx.console.is_json() {
        return tell(cx, uri, done);
    }
    log::info!("{uri}: {done}");
    Ok(())
}

/// Prints `URI: DONE`, and with `--dry-run` that it was not.
pub(crate) fn said(cx: &Cx, uri: &S3Uri, done: &str) -> Outcome {
    tell(cx, uri, done)?;
    end_of_dry_run(cx);
    Ok(())
}

fn tell(cx: &Cx, uri: &S3Uri, change: &str) -> Outcome {
    let (dry_run, form) = (cx.settings.dry_run, ChangeForm::Plain);
    cx.console.tell(&Event::Changed { uri, change, dry_run, form })
}

/// The same in the words that some commands have: `Bucket 'URI': CHANGE.`
pub(crate) fn said_of_bucket(cx: &Cx, uri: &S3Uri, change: &str) -> Outcome {
    let (dry_run, form) = (cx.settings.dry_run, ChangeForm::Bucket);
    cx.console.tell(&Event::Changed { uri, change, dry_run, form })
}

/// Tells, after a dry run, that nothing was done.
pub(crate) fn end_of_dry_run(cx: &Cx) {
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
}
