//! `gettagging s3://BUCKET[/KEY]...`: shows the tags of buckets or objects.

use crate::commands::shared::arguments::target_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints the tags of each bucket or object, one per line. `settagging` accepts the output for one of them.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &target_uris(args)?, async |uri| {
        let tags = cx.client().tags(&uri.bucket, uri.key_option()).await?;
        cx.console.print(&Event::Tags { uri, tags: &tags })
    })
    .await
}
