//! `getobjectlegalhold s3://BUCKET/OBJECT...`: shows whether objects are under legal hold.

use crate::commands::shared::arguments::object_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each object, with the values that `setobjectlegalhold` accepts: `OFF` if nothing is set.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &object_uris(args)?, async |uri| {
        let on = optional(cx.client().legal_hold(&uri.bucket, &uri.key).await)?.unwrap_or(false);
        let shown = if on { "ON" } else { "OFF" };
        cx.console.print(&Event::Setting { uri, name: "legal-hold", value: Some(shown.into()), shown })
    })
    .await
}
