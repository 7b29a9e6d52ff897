//! `abortmp s3://BUCKET/KEY ID`: drops a multipart upload.

use crate::commands::shared::context::{Context, s3_uri};
use crate::output::{Event, Failure, Outcome};
use crate::s3::multipart::UploadRef;
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Drops an unfinished upload with all its parts.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (uri, id) = upload_of(args)?;
    if !cx.settings.dry_run {
        cx.client().abort_upload(UploadRef { bucket: &uri.bucket, key: &uri.key, id: &id }).await?;
    }
    let dry_run = cx.settings.dry_run;
    cx.console.tell(&Event::UploadAborted { uri: &uri, upload_id: &id, dry_run })?;
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
    Ok(())
}

/// The object and the upload id that two arguments name.
pub(crate) fn upload_of(args: &[OsString]) -> Outcome<(S3Uri, String)> {
    let uri = s3_uri(&args[0])?;
    if !uri.has_key() {
        return Err(Failure::parameter(format!("Expecting S3 URI with a filename: {uri}")));
    }
    Ok((uri, args[1].to_string_lossy().into_owned()))
}
