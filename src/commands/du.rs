//! `du [s3://BUCKET[/PREFIX]...]`: counts objects and bytes.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::{Ends, each};
use crate::commands::shared::names::Names;
use crate::output::{Event, Failure, Outcome};
use crate::s3::list::ListOptions;
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt};
use std::ffi::OsString;

/// Sums up what is under each argument, or every bucket and the total where it names none. Current versions count only.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = s3_uris(args)?;
    if uris.is_empty() {
        return all_buckets(cx).await;
    }
    each(cx, &uris, async |uri| {
        if uri.bucket.is_empty() {
            return all_buckets(cx).await;
        }
        let usage = measure(cx, uri).await?;
        cx.console.tell(&usage.event(uri, cx.settings.human_readable_sizes))
    })
    .await
}

/// The sum of each bucket and of all that could be measured.
async fn all_buckets(cx: &Context) -> Outcome {
    let human = cx.settings.human_readable_sizes;
    let buckets = cx.client().list_buckets().await?;
    let mut ends = Ends::of(cx, buckets.len());
    let sums = futures::stream::iter(buckets).map(|bucket| async move {
        let uri = S3Uri::new(bucket.name, "");
        (measure(cx, &uri).await, uri)
    });
    let mut sums = sums.buffered(cx.width()).boxed();
    let mut total = 0;
    while let Some((usage, uri)) = sums.next().await {
        match usage {
            Ok(usage) => {
                total += usage.bytes;
                cx.console.tell(&usage.event(&uri, human))?;
            }
            Err(failure) => ends.note(&uri, Err(failure))?,
        }
    }
    cx.console.ornament("------------")?;
    cx.console.tell(&Event::Total { bytes: total, human })?;
    ends.outcome()
}

/// What is under a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    bytes: u64,
    objects: u64,
}

async fn measure(cx: &Context, uri: &S3Uri) -> Outcome<Usage> {
    let names = Names::new(cx, &uri.key, true);
    if cx.settings.all_versions {
        return measure_versions(cx, uri, &names).await;
    }
    let options = ListOptions {
        prefix: names.prefix().to_owned(),
        unordered: cx.settings.list_allow_unordered,
        width: cx.width(),
        ..ListOptions::default()
    };
    let mut pages = cx.client().list_pages(&uri.bucket, options).boxed();
    let mut usage = Usage::default();
    while let Some(page) = pages.try_next().await.map_err(Failure::about_bucket)? {
        if names.are_all() {
            usage.objects += page.len() as u64;
            usage.bytes += page.bytes();
            continue;
        }
        for object in page.entries().filter(|object| names.take(object.key)) {
            usage.objects += 1;
            usage.bytes += object.size;
        }
    }
    Ok(usage)
}

/// The same with all versions; delete markers are none.
async fn measure_versions(cx: &Context, uri: &S3Uri, names: &Names<'_>) -> Outcome<Usage> {
    let options = ListOptions { prefix: names.prefix().to_owned(), ..ListOptions::default() };
    let mut pages = cx.client().version_pages(&uri.bucket, options).boxed();
    let mut usage = Usage::default();
    while let Some(page) = pages.try_next().await.map_err(Failure::about_bucket)? {
        for version in page.versions.iter().filter(|version| !version.is_marker && names.take(&version.key)) {
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
