//! `setversioning s3://BUCKET... enable|disable`: turns versioning of buckets on or off.

use crate::commands::shared::arguments::bucket_uris_for;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use s3cmd_client::model::documents::Document;
use std::ffi::OsString;

/// Enables or suspends versioning of each bucket. Existing versions are kept.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((word, uris)) = args.split_last() else { return Err(Failure::parameter("Expecting a bucket")) };
    let uris = bucket_uris_for(uris, "setversioning")?;
    let enabled = match word.to_str() {
        Some("enable") => true,
        Some("disable") => false,
        _ => {
            let got = word.to_string_lossy();
            return Err(Failure::parameter(format!("Must be 'enable' or 'disable'. Got: {got}")));
        }
    };
    let (document, message) =
        (Document::versioning(enabled), SuccessMessage::plain("Versioning status updated"));
    let outcome = each(cx, &uris, async |uri| document::set(cx, uri, &document, message).await).await;
    document::end_of_dry_run(cx);
    outcome
}
