//! The documents that hang on a bucket (policy, lifecycle, ...): what their commands have in common.

use super::context::{Cx, s3_uri};
use crate::output::{Failure, Outcome};
use crate::uri::S3Uri;
use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;

/// Longest document that is read from a file; no service takes one nearly as long.
const MAX_DOCUMENT: u64 = 16 << 20;

/// The bucket that an argument is about. A key behind it is accepted and printed, but does not matter (measured on
/// s3cmd 2.4.0).
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

/// Stores a document and says so.
pub(crate) async fn put(
    cx: &Cx,
    bucket: &OsStr,
    name: &str,
    text: String,
    content_type: &str,
    done: &str,
) -> Outcome {
    let uri = bucket_of(bucket)?;
    if !cx.settings.dry_run {
        cx.client().put_document(&uri.bucket, None, name, text, content_type).await?;
    }
    said(cx, &uri, done)
}

/// Deletes a document and says so.
pub(crate) async fn delete(cx: &Cx, bucket: &OsStr, name: &str, done: &str) -> Outcome {
    let uri = bucket_of(bucket)?;
    if !cx.settings.dry_run {
        cx.client().delete_document(&uri.bucket, None, name).await?;
    }
    said(cx, &uri, done)
}

/// Prints `URI: DONE`, and with `--dry-run` that it was not.
pub(crate) fn said(cx: &Cx, uri: &S3Uri, done: &str) -> Outcome {
    cx.console.line(format!("{uri}: {done}"))?;
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
    Ok(())
}
