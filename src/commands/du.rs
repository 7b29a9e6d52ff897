//! `du [s3://BUCKET[/PREFIX]]`: counts objects and bytes.

use super::context::Cx;
use crate::output::{Event, Failure, Outcome};
use crate::s3::list::ListOptions;
use crate::uri::{Location, S3Uri};
use futures::{StreamExt, TryStreamExt};
use std::ffi::OsString;

/// Sums up what is under the first argument, or every bucket and the total where it names none.
///
/// Current versions count only. Further arguments are ignored, as in s3cmd.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let human = cx.settings.human_readable_sizes;
    if let Some(Location::S3(uri)) = args.first().map(|arg| Location::parse(arg))
        && !uri.bucket.is_empty()
    {
        let usage = measure(cx, &uri).await?;
        return cx.console.tell(&usage.event(&uri, human));
    }
    let buckets = cx.client().list_buckets().await?;
    let sums = futures::stream::iter(buckets).map(|bucket| async move {
        let uri = S3Uri::new(bucket.name, "");
        Ok::<_, Failure>((measure(cx, &uri).await?, uri))
    });
    let mut sums = sums.buffered(cx.width()).boxed();
    let mut total = 0;
    while let Some((usage, uri)) = sums.try_next().await? {
        total += usage.bytes;
        cx.console.tell(&usage.event(&uri, human))?;
    }
    cx.console.ornament("------------")?;
    cx.console.tell(&Event::Total { bytes: total, human })
}

/// What is under a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    bytes: u64,
    objects: u64,
}

async fn measure(cx: &Cx, uri: &S3Uri) -> Outcome<Usage> {
    if cx.settings.all_versions {
        return measure_versions(cx, uri).await;
    }
    let options = ListOptions {
        prefix: uri.key.clone(),
        unordered: cx.settings.list_allow_unordered,
        width: cx.width(),
        ..ListOptions::default()
    };
    let mut pages = cx.client().list_sheets(&uri.bucket, options).boxed();
    let mut usage = Usage::default();
    let (shard, relative) = (cx.shard(), uri.key.rfind('/').map_or(0, |slash| slash + 1));
    while let Some(page) = pages.try_next().await.map_err(Failure::about_bucket)? {
        match shard {
            None => {
                usage.objects += page.len() as u64;
                usage.bytes += page.bytes();
            }
            Some(shard) => {
                for object in page.entries().filter(|object| shard.takes(&object.key[relative..])) {
                    usage.objects += 1;
                    usage.bytes += object.size;
                }
            }
        }
    }
    Ok(usage)
}

/// The same with all versions; delete markers are none.
async fn measure_versions(cx: &Cx, uri: &S3Uri) -> Outcome<Usage> {
    let options = ListOptions { prefix: uri.key.clone(), ..ListOptions::default() };
    let mut pages = cx.client().version_pages(&uri.bucket, options).boxed();
    let mut usage = Usage::default();
    let (shard, relative) = (cx.shard(), uri.key.rfind('/').map_or(0, |slash| slash + 1));
    while let Some(page) = pages.try_next().await.map_err(Failure::about_bucket)? {
        let is_meant = |key: &str| shard.is_none_or(|shard| shard.takes(&key[relative..]));
        for version in page.versions.iter().filter(|version| !version.is_marker && is_meant(&version.key)) {
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
