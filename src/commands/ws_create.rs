//! `ws-create s3://BUCKET...`: turns on static website hosting for buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::Document;
use s3cmd_client::ops::subresources::Website;
use std::ffi::OsString;

/// Sets the website configuration of each bucket: the index document of `--ws-index` and the error document of
/// `--ws-error`.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let non_empty = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let index = Some(cx.settings.website_index.clone());
    let document = Document::website(&Website { index, error: non_empty(&cx.settings.website_error) });
    let message = SuccessMessage::of_bucket("website configuration created");
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
