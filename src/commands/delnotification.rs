//! `delnotification s3://BUCKET`: takes the bucket's notification rules away.

use super::context::{Cx, bucket_uri};
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Replaces the notification rules by none; there is no request that deletes them.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_uri(&args[0])?;
    if !cx.settings.dry_run {
        let none = "<NotificationConfiguration></NotificationConfiguration>".to_owned();
        cx.client().set_notification(&uri.bucket, none, false).await?;
    }
    document::said(cx, &uri, "Notification Policy deleted")
}
