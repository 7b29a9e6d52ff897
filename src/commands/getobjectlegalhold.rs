//! `getobjectlegalhold s3://BUCKET/OBJECT...`: shows whether objects are under legal hold.

use crate::commands::shared::arguments::objects_of;
use crate::commands::shared::context::Context;
use crate::commands::shared::document::optional;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints `URI: VALUE` for each, in the words that `setobjectlegalhold` takes; `none` where nothing is set.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &objects_of(args)?, async |uri| {
        let on = optional(cx.client().legal_hold(&uri.bucket, &uri.key).await)?.unwrap_or(false);
        let shown = if on { "ON" } else { "OFF" };
        cx.console.tell(&Event::Setting { uri, name: "legal-hold", value: Some(shown.into()), shown })
    })
    .await
}
