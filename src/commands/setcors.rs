//! `setcors FILE s3://BUCKET...`: sets the CORS rules of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::Kind;
use std::ffi::OsString;

/// Replaces the CORS rules of each bucket with those of an XML file (`-` is stdin). For a single bucket nothing is
/// printed if the service returns 200, as most do (measured on s3cmd 2.4.0).
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let document = document::from_file(&args[0], Kind::Cors)?;
    let uris = bucket_uris(&args[1..])?;
    let message = SuccessMessage::plain("CORS updated").if_204(uris.len() > 1);
    // The document is the same for all buckets.
    uris.first().map_or(Ok(()), |uri| document::check(cx, uri, &document))?;
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await);
    let outcome = outcome.await;
    document::end_of_dry_run(cx);
    outcome
}
