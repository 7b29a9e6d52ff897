//! `du [s3://BUCKET[/PREFIX]]`: counts objects and bytes.

use super::context::Cx;
use crate::output::{Failure, Outcome};
use crate::s3::list::ListOptions;
use crate::units;
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
        return cx.console.line(usage.line(&uri, human));
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
        cx.console.line(usage.line(&uri, human))?;
    }
    cx.console.line("------------")?;
    cx.console.line(total_line(total, human))
}

/// What is under a prefix.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    bytes: u64,
    objects: u64,
}

async fn measure(cx: &Cx, uri: &S3Uri) -> Outcome<Usage> {
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

impl Usage {
    fn line(self, uri: &S3Uri, human: bool) -> String {
        let objects = self.objects;
        if human {
            let (number, suffix) = units::whole(self.bytes);
            format!("{:>5} {objects:>7} objects {uri}", format!("{number}{suffix}"))
        } else {
            format!("{:>12} {objects:>7} objects {uri}", self.bytes)
        }
    }
}

fn total_line(bytes: u64, human: bool) -> String {
    let size = if human {
        let (number, suffix) = units::whole(bytes);
        format!("{number}{suffix}")
    } else {
        bytes.to_string()
    };
    format!("{size:<12} Total")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn lines_are_those_of_s3cmd() {
        let uri = S3Uri::new("bk1", "");
        let usage = Usage { bytes: 17_000_032, objects: 10 };
        assert_eq!(usage.line(&uri, false), "    17000032      10 objects s3://bk1/");
        assert_eq!(usage.line(&uri, true), "  16M      10 objects s3://bk1/");
        assert_eq!(total_line(37_748_966, false), "37748966     Total");
        assert_eq!(total_line(17_000_032, true), "16M          Total");
    }
}
