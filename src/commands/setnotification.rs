//! `setnotification FILE s3://BUCKET...`: says who is told of changes in buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use crate::s3::documents::Kind;
use std::ffi::OsString;

/// Replaces the notification rules by those of an XML file (`-` reads stdin).
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let document = document::from_file(&args[0], Kind::Notification)?;
    let unchecked = cx.settings.skip_destination_validation;
    let uris = bucket_uris(&args[1..])?;
    // It is the same for all of them.
    uris.first().map_or(Ok(()), |uri| document::check(cx, uri, &document))?;
    let outcome = each(cx, &uris, async |uri| {
        let sent = cx.client().set_notification(&uri.bucket, &document, unchecked);
        document::set_by(cx, uri, &document, SuccessMessage::plain("Notification Policy updated"), sent).await
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
