//! `deltagging s3://BUCKET[/KEY]...`: takes the tags of buckets or objects away.

use crate::commands::shared::arguments::buckets_of;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use crate::s3::documents::Kind;
use std::ffi::OsString;

/// Deletes the tags of each bucket or object.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let message = SuccessMessage::plain("Tagging deleted");
    let uris = buckets_of(args)?;
    let outcome = each(cx, &uris, async |uri| document::delete(cx, uri, Kind::Tagging, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
