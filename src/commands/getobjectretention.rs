//! `getobjectretention s3://BUCKET/OBJECT...`: shows until when objects are protected from deletion.

use super::context::Cx;
use super::document::{self, optional};
use super::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each, in the words that `setobjectretention` takes; `none` where nothing is set.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    each(cx, &document::objects_of(args)?, async |uri| {
        let retention = optional(cx.client().retention(&uri.bucket, &uri.key).await)?.flatten();
        let value =
            retention.as_ref().map(|(mode, until)| serde_json::json!({ "mode": mode, "until": until }));
        let shown = retention.map_or_else(|| "none".to_owned(), |(mode, until)| format!("{mode} {until}"));
        cx.console.tell(&Event::Setting { uri, name: "retention", value, shown: &shown })
    })
    .await
}
