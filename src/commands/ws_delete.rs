//! `ws-delete s3://BUCKET...`: turns off static website hosting for buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::Kind;
use std::ffi::OsString;

/// Deletes the website configuration of each bucket.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let message = SuccessMessage::of_bucket("website configuration deleted");
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| document::delete(cx, uri, Kind::Website, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
