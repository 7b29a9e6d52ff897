//! `du [s3://BUCKET[/PREFIX]...]`: counts objects and bytes.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::{Outcomes, each};
use crate::commands::shared::names::NameFilter;
use crate::output::{Event, Failure, Outcome};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use s3cmd_client::list::ListOptions;
use std::ffi::OsString;

/// Adds up the objects under each argument. Without a bucket, prints every bucket and the total. Only current versions
/// count, unless `--all-versions` is given.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = s3_uris(args)?;
    if uris.is_empty() {
        return all_buckets(cx).await;
    }
    each(cx, &uris, async |uri| {
        if uri.bucket.is_empty() {
            return all_buckets(cx).await;
        }
        let usage = measure(cx, uri).await?;
        cx.console.print(&usage.event(uri, cx.settings.human_readable_sizes))
    })
    .await
}

/// Prints the usage of each bucket and the total of all that could be measured.
async fn all_buckets(cx: &Context) -> Outcome {
    let human = cx.settings.human_readable_sizes;
    let buckets = cx.client().list_buckets().await?;
    let mut outcomes = Outcomes::new(cx, buckets.len());
    let usages = futures::stream::iter(buckets).map(|bucket| async move {
        let uri = S3Uri::new(bucket.name, "");
        (measure(cx, &uri).await, uri)
    });
    let mut usages = usages.buffered(cx.width()).boxed();
    let mut total = 0;
    while let Some((usage, uri)) = usages.next().await {
        match usage {
            Ok(usage) => {
                total += usage.bytes;
                cx.console.print(&usage.event(&uri, human))?;
            }
            Err(failure) => outcomes.record(&uri, Err(failure))?,
        }
    }
    cx.console.print_decoration("------------")?;
    cx.console.print(&Event::Total { bytes: total, human })?;
    outcomes.outcome()
}

/// Usage below a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    bytes: u64,
    objects: u64,
}

async fn measure(cx: &Context, uri: &S3Uri) -> Outcome<Usage> {
    let names = NameFilter::new(cx, &uri.key, true);
    if cx.settings.all_versions {
        return measure_versions(cx, uri, &names).await;
    }
    let options = ListOptions::new(names.prefix())
        .with_unordered(cx.settings.list_allow_unordered)
        .with_width(cx.width());
    let mut pages = cx.client().list_pages(&uri.bucket, options).boxed();
    let mut usage = Usage::default();
    while let Some(page) = pages.try_next().await.map_err(Failure::about_bucket)? {
        if names.selects_everything() {
            usage.objects += page.len() as u64;
            usage.bytes += page.bytes();
            continue;
        }
        for object in page.entries().filter(|object| names.selects(object.key)) {
            usage.objects += 1;
            usage.bytes += object.size;
        }
    }
    Ok(usage)
}

/// Adds up all versions; delete markers do not count.
async fn measure_versions(cx: &Context, uri: &S3Uri, names: &NameFilter<'_>) -> Outcome<Usage> {
    let options = ListOptions::new(names.prefix());
    let mut pages = cx.client().version_pages(&uri.bucket, options).boxed();
    let mut usage = Usage::default();
    while let Some(page) = pages.try_next().await.map_err(Failure::about_bucket)? {
        for version in
            page.versions.iter().filter(|version| !version.is_marker && names.selects(&version.key))
        {
            usage.objects += 1;
            usage.bytes += version.size;
        }
    }
    Ok(usage)
}

impl Usage {
    fn event(self, uri: &S3Uri, human: bool) -> Event<'_> {
        let Self { bytes, objects } = self;
        Event::Usage { bucket: &uri.bucket, prefix: &uri.key, objects, bytes, human }
    }
}
