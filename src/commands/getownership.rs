//! `getownership s3://BUCKET...`: shows who owns what others put into buckets.

use crate::commands::shared::arguments::only_buckets;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each, in the words that `setownership` takes; `none` where nothing is set.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &only_buckets(args, "getownership")?, async |uri| {
        let value = optional(cx.client().ownership(&uri.bucket).await)?.flatten();
        let shown = value.as_deref().unwrap_or("none");
        cx.console.tell(&Event::Setting {
            uri,
            name: "ownership",
            value: value.as_deref().map(Into::into),
            shown,
        })
    })
    .await
}
