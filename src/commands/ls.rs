//! `ls [s3://BUCKET[/PREFIX]...]`: lists buckets, or the objects of a bucket.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::commands::shared::listing::list_objects;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Lists the objects and common prefixes under each argument, in order. Without an argument, or for one without a
/// bucket, lists all buckets.
///
/// `--recursive` lists every key; `--limit` limits the number of entries for each argument.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = s3_uris(args)?;
    if uris.is_empty() {
        return list_buckets(cx).await;
    }
    each(
        cx,
        &uris,
        async |uri| {
            if uri.bucket.is_empty() { list_buckets(cx).await } else { list_objects(cx, uri).await }
        },
    )
    .await
}

async fn list_buckets(cx: &Context) -> Outcome {
    let mut buckets = cx.client().list_buckets().await?;
    buckets.sort_by(|a, b| a.name.cmp(&b.name));
    for bucket in buckets {
        cx.console.stream(&Event::Bucket { bucket: &bucket.name, created: &bucket.created })?;
    }
    cx.console.flush()
}
