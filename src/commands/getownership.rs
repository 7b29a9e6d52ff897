//! `getownership s3://BUCKET...`: shows the Object Ownership setting of buckets.

use crate::commands::shared::arguments::bucket_uris_for;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each bucket, with the values that `setownership` accepts; `none` if nothing is set.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &bucket_uris_for(args, "getownership")?, async |uri| {
        let value = optional(cx.client().ownership(&uri.bucket).await)?.flatten();
        let shown = value.as_deref().unwrap_or("none");
        cx.console.print(&Event::Setting {
            uri,
            name: "ownership",
            value: value.as_deref().map(Into::into),
            shown,
        })
    })
    .await
}
