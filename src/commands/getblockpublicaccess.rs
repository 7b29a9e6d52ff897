//! `getblockpublicaccess s3://BUCKET...`: shows the Block Public Access settings of buckets.

use crate::commands::shared::arguments::bucket_uris_for;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each bucket, with the values that `setblockpublicaccess` accepts; `none` if nothing is set.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &bucket_uris_for(args, "getblockpublicaccess")?, async |uri| {
        let switches = optional(cx.client().public_access_block(&uri.bucket).await)?.unwrap_or_default();
        let shown = if switches.is_empty() { "none".to_owned() } else { switches.join(",") };
        cx.console.print(&Event::Setting {
            uri,
            name: "public-access-block",
            value: Some(switches.into()),
            shown: &shown,
        })
    })
    .await
}
