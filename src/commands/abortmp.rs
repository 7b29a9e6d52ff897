//! `abortmp s3://BUCKET/KEY ID`: aborts a multipart upload.

use crate::commands::shared::arguments::upload_and_id;
use crate::commands::shared::context::Context;
use crate::output::{Event, Outcome};
use s3cmd_client::ops::multipart::UploadRef;
use std::ffi::OsString;

/// Aborts an unfinished multipart upload; the service then discards its parts.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (uri, id) = upload_and_id(args)?;
    if !cx.settings.dry_run {
        cx.client().abort_upload(UploadRef { bucket: &uri.bucket, key: &uri.key, id: &id }).await?;
    }
    let dry_run = cx.settings.dry_run;
    cx.console.print(&Event::UploadAborted { uri: &uri, upload_id: &id, dry_run })?;
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
    Ok(())
}
