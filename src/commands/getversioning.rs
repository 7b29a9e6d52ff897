//! `getversioning s3://BUCKET...`: shows whether old versions of objects are kept.

use super::context::Cx;
use super::document::{self, optional};
use super::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each, in the words that `setversioning` takes; `none` where nothing is set.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    each(cx, &document::only_buckets(args, "getversioning")?, async |uri| {
        let value = optional(cx.client().versioning(&uri.bucket).await)?.flatten();
        let shown = value.as_deref().unwrap_or("none");
        cx.console.tell(&Event::Setting {
            uri,
            name: "versioning",
            value: value.as_deref().map(Into::into),
            shown,
        })
    })
    .await
}
