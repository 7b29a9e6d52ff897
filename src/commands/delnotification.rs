//! `delnotification s3://BUCKET...`: takes the notification rules of buckets away.

use super::context::{Cx, bucket_uris};
use super::document::{self, Said};
use super::each::each;
use crate::output::Outcome;
use crate::s3::documents::Document;
use std::ffi::OsString;

/// Replaces the notification rules by none; there is no request that deletes them.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let none = Document::no_notification();
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| {
        let sent = cx.client().set_notification(&uri.bucket, &none, false);
        document::set_by(cx, uri, &none, Said::plain("Notification Policy deleted"), sent).await
    });
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
