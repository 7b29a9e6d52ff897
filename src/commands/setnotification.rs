//! `setnotification FILE s3://BUCKET...`: sets the event notifications of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::Kind;
use std::ffi::OsString;

/// Replaces the event notifications of each bucket with those of an XML file (`-` is stdin).
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let document = document::from_file(&args[0], Kind::Notification)?;
    let unchecked = cx.settings.skip_destination_validation;
    let uris = bucket_uris(&args[1..])?;
    // The document is the same for all buckets.
    uris.first().map_or(Ok(()), |uri| document::check(cx, uri, &document))?;
    let outcome = each(cx, &uris, async |uri| {
        let sent = cx.client().set_notification(&uri.bucket, &document, unchecked);
        document::set_with(cx, uri, &document, SuccessMessage::plain("Notification Policy updated"), sent)
            .await
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
