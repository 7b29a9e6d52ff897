//! `getversioning s3://BUCKET...`: shows the versioning status of buckets.

use crate::commands::shared::arguments::bucket_uris_for;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each bucket, with the versioning status that the service returns; `none` if versioning was
/// never set.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &bucket_uris_for(args, "getversioning")?, async |uri| {
        let value = optional(cx.client().versioning(&uri.bucket).await)?.flatten();
        let shown = value.as_deref().unwrap_or("none");
        cx.console.print(&Event::Setting {
            uri,
            name: "versioning",
            value: value.as_deref().map(Into::into),
            shown,
        })
    })
    .await
}
