//! `deltagging s3://BUCKET[/KEY]...`: deletes the tags of buckets or objects.

use crate::commands::shared::arguments::target_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::Outcome;
use s3cmd_client::model::documents::Kind;
use std::ffi::OsString;

/// Deletes the tags of each bucket or object.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let message = SuccessMessage::plain("Tagging deleted");
    let uris = target_uris(args)?;
    let outcome = each(cx, &uris, async |uri| document::delete(cx, uri, Kind::Tagging, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
