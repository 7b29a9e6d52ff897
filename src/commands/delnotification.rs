//! `delnotification s3://BUCKET...`: deletes the event notifications of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

/// Replaces the event notifications with an empty configuration: S3 has no request that deletes them.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let empty = Document::no_notification();
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| {
        let sent = cx.client().set_notification(&uri.bucket, &empty, false);
        document::set_with(cx, uri, &empty, SuccessMessage::plain("Notification Policy deleted"), sent).await
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
