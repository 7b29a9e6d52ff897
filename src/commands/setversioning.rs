//! `setversioning s3://BUCKET... enable|disable`: keeps old versions of objects, or no longer.

use crate::commands::shared::arguments::only_buckets;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::{self, SuccessMessage};
use crate::commands::shared::each::each;
use crate::output::{Failure, Outcome};
use crate::s3::documents::Document;
use std::ffi::OsString;

/// Switches versioning of each bucket on or off. What was kept so far stays.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((word, uris)) = args.split_last() else { return Err(Failure::parameter("Expecting a bucket")) };
    let uris = only_buckets(uris, "setversioning")?;
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
