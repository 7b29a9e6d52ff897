//! `multipart s3://BUCKET`: shows unfinished multipart uploads.

use super::context::Cx;
use super::document::bucket_of;
use crate::output::Outcome;
use std::ffi::OsString;

/// Prints all unfinished uploads of a bucket: start, object, upload id. A key behind the bucket does not matter (measured
/// on s3cmd 2.4.0).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_of(&args[0])?;
    let uploads = cx.client().list_uploads(&uri.bucket, "").await?;
    cx.console.line(uri.to_string())?;
    cx.console.line("Initiated\tPath\tId")?;
    for upload in uploads {
        cx.console.stream(format!("{}\t{}\t{}", upload.initiated, uri.with_key(&upload.key), upload.id))?;
    }
    cx.console.flush()
}
