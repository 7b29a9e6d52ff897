//! `setnotification FILE s3://BUCKET`: says who is told of changes in the bucket.

use super::context::{Cx, bucket_uri};
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Replaces the notification rules by those of an XML file (`-` reads stdin).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let text = document::read(&args[0])?;
    let uri = bucket_uri(&args[1])?;
    if !cx.settings.dry_run {
        let unchecked = cx.settings.skip_destination_validation;
        cx.client().set_notification(&uri.bucket, text, unchecked).await?;
    }
    document::said(cx, &uri, "Notification Policy updated")
}
