//! `getobjectretention s3://BUCKET/OBJECT...`: shows until when objects are protected from deletion.

use crate::commands::shared::arguments::object_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each object, with the values that `setobjectretention` accepts; `none` if nothing is set.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &object_uris(args)?, async |uri| {
        let retention = optional(cx.client().retention(&uri.bucket, &uri.key).await)?.flatten();
        let value =
            retention.as_ref().map(|(mode, until)| serde_json::json!({ "mode": mode, "until": until }));
        let shown = retention.map_or_else(|| "none".to_owned(), |(mode, until)| format!("{mode} {until}"));
        cx.console.print(&Event::Setting { uri, name: "retention", value, shown: &shown })
    })
    .await
}
