//! `gettagging s3://BUCKET[/KEY]...`: shows the tags of buckets or objects.

use crate::commands::shared::arguments::buckets_of;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints the tags of each bucket or object, one a line. `settagging` takes what is printed of one.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    each(cx, &buckets_of(args)?, async |uri| {
        let tags = cx.client().tags(&uri.bucket, uri.key_option()).await?;
        cx.console.tell(&Event::Tags { uri, tags: &tags })
    })
    .await
}
