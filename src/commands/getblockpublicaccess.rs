//! `getblockpublicaccess s3://BUCKET...`: shows which switches keep buckets from being opened to everybody.

use crate::commands::shared::arguments::only_buckets;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each, in the words that `setblockpublicaccess` takes; `none` where nothing is set.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &only_buckets(args, "getblockpublicaccess")?, async |uri| {
        let switches = optional(cx.client().public_access_block(&uri.bucket).await)?.unwrap_or_default();
        let shown = if switches.is_empty() { "none".to_owned() } else { switches.join(",") };
        cx.console.tell(&Event::Setting {
            uri,
            name: "public-access-block",
            value: Some(switches.into()),
            shown: &shown,
        })
    })
    .await
}
