//! `del` and `rm`: deletes objects.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::selection::show_excluded;
use crate::commands::shared::versions;
use crate::output::{Event, Exit, Failure, Outcome, error_reason, reason};
use crate::transfer::delete::{Deleted, Deletion, delete_sized};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::remote::{self, AS_NAMED, BY_KEY, Found, RemoteItem, find};
use crate::uri::S3Uri;
use futures::{TryStreamExt, stream};
use s3cmd_client::Error;
use std::ffi::OsString;
use std::pin::pin;

/// Deletes the named objects one by one, or with `-r` everything below the prefixes in batches, and prints a line for
/// each. As in S3, deleting a missing key succeeds.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = s3_uris(args)?;
    let settings = &cx.settings;
    for uri in &uris {
        if uri.has_key() {
            continue;
        }
        if !settings.recursive {
            return Err(Failure::parameter(
                "File name required, not only the bucket name. Alternatively use --recursive",
            ));
        }
        if !settings.force {
            let typed = args.iter().find(|arg| arg.to_str().and_then(S3Uri::parse).as_ref() == Some(uri));
            let shown = typed.map_or_else(|| uri.to_string(), |arg| arg.to_string_lossy().into_owned());
            return Err(Failure::parameter(format!("Please use --force to delete ALL contents of {shown}")));
        }
    }
    if settings.all_versions {
        return delete_all_versions(cx, &uris).await;
    }
    if settings.recursive { delete_prefixes(cx, &uris).await } else { delete_one_by_one(cx, &uris).await }
}

async fn delete_one_by_one(cx: &Context, uris: &[S3Uri]) -> Outcome {
    let settings = &cx.settings;
    let selection = remote::select(cx.client(), uris, cx.scope(), AS_NAMED).await?;
    log::info!("Summary: {} remote files to delete", selection.items.len());
    if exceeds_limit(cx, selection.items.len()) {
        return Ok(());
    }
    if settings.dry_run {
        // s3cmd processes one argument at a time and prints for each that nothing was done.
        for uri in uris {
            let selection =
                remote::select(cx.client(), std::slice::from_ref(uri), cx.scope(), AS_NAMED).await?;
            show_excluded(cx, &selection)?;
            for item in selection.items.iter() {
                let RemoteItem { bucket, key, .. } = item?;
                // Unlike other deletions, this line has no quotes.
                let (bucket, key) = (&*bucket, key.as_str());
                cx.console.stream(&Event::Delete {
                    bucket,
                    key,
                    version_id: cx.client().version(),
                    dry_run: true,
                    quoted: false,
                })?;
            }
            cx.console.flush()?;
            log::warn!("Exiting now because of --dry-run");
        }
        return Ok(());
    }
    let (plan, total) = (selection.items.numbered(), selection.items.len());
    let summary = ordered_tasks::in_order(cx.width(), settings.stop_on_error, plan, |(_, item)| {
        let cx = cx.clone();
        async move {
            let client = cx.client();
            if let Err(error) = client.delete_object(&item.bucket, &item.key).await {
                return not_deleted(&item, error, total);
            }
            cx.console.print(&Event::deletion(&item.bucket, &item.key, client.version(), false))?;
            Ok(ItemResult::Done)
        }
    })
    .await?;
    summary.outcome()
}

/// Logs that one of several objects could not be deleted. A single object's error, or one that concerns all requests,
/// is returned.
fn not_deleted(item: &RemoteItem, error: Error, total: u64) -> Outcome<ItemResult> {
    if total == 1 || error.concerns_all_requests() {
        return Err(error.into());
    }
    log::error!("Delete of '{}' failed (Reason: {})", item.uri(), error_reason(&error));
    Ok(ItemResult::refused(&error))
}

async fn delete_prefixes(cx: &Context, uris: &[S3Uri]) -> Outcome {
    let settings = &cx.settings;
    // Measured on s3cmd 2.4.0: an include alone excludes nothing, yet s3cmd then neither deletes while listing nor
    // counts.
    let needs_selection = cx.selection.filter.has_patterns() || settings.max_delete().is_some();
    // If no total is needed and excluded names are not printed, delete while listing.
    if let [uri] = &without_nested(uris)[..]
        && !needs_selection
    {
        let keys = find(cx.client(), uri, cx.scope())?
            .map_ok(|page| stream::iter(page.into_iter().filter_map(selected_deletion).map(Ok)))
            .try_flatten();
        let deleted = delete_sized(cx.client(), &cx.console, &uri.bucket, keys, cx.delete_options()).await?;
        if deleted == Deleted::default() {
            log::warn!("Remote list is empty.");
        } else {
            log::info!("Deleted {} objects ({}) from {uri}", deleted.summary.done, deleted.bytes);
        }
        print_stats(cx, deleted)?;
        return deleted.summary.outcome();
    }
    // Prefixes may overlap: each key is deleted and reported once.
    let selection = remote::select(cx.client(), uris, cx.scope(), BY_KEY).await?;
    if exceeds_limit(cx, selection.items.len()) {
        return Ok(());
    }
    if selection.items.is_empty() {
        log::warn!("Remote list is empty.");
    }
    let mut deleted = Deleted::default();
    // Each batch belongs to one bucket.
    let mut rest = selection.items.iter().peekable();
    while let Some(first) = rest.peek() {
        let bucket = match first {
            Ok(item) => item.bucket.clone(),
            Err(error) => return Err(Failure::new(Exit::IOERR, reason(error))),
        };
        let of_bucket = std::iter::from_fn(|| {
            rest.next_if(|next| next.as_ref().map_or(true, |item| item.bucket == bucket))
        });
        let keys = stream::iter(of_bucket.map(|item| Ok(deletion_of(item?))));
        deleted += delete_sized(cx.client(), &cx.console, &bucket, keys, cx.delete_options()).await?;
    }
    // Measured on s3cmd 2.4.0: printed only if s3cmd cannot delete while listing and found something.
    if settings.dry_run && needs_selection && !selection.items.is_empty() {
        cx.console.flush()?;
        log::warn!("Exiting now because of --dry-run");
    }
    print_stats(cx, deleted)?;
    deleted.summary.outcome()
}

/// Prints the counts of `--stats`, unless a filter was given, as in s3cmd.
fn print_stats(cx: &Context, deleted: Deleted) -> Outcome {
    let Deleted { summary, bytes } = deleted;
    if !cx.settings.stats || cx.selection.filter.has_patterns() || summary.done + summary.failed == 0 {
        return Ok(());
    }
    cx.console.print(&Event::DeleteReport { deleted: summary.done, deleted_bytes: bytes })
}

/// The sorted prefixes, without those that lie below another one.
fn without_nested(uris: &[S3Uri]) -> Vec<S3Uri> {
    let mut uris = uris.to_vec();
    uris.sort_unstable();
    uris.dedup_by(|next, last| next.bucket == last.bucket && next.key.starts_with(&last.key));
    uris
}

fn selected_deletion(found: Found) -> Option<Deletion> {
    match found {
        Found::Chosen(item) => Some(deletion_of(item)),
        Found::Excluded(_) => None,
    }
}

fn deletion_of(item: RemoteItem) -> Deletion {
    let size = item.listed.map_or(0, |listed| listed.size);
    Deletion { key: item.key, version: None, size }
}

/// Permanently deletes every selected version and delete marker. They are deleted while they are listed, unless
/// `--max-delete` needs their number first.
async fn delete_all_versions(cx: &Context, uris: &[S3Uri]) -> Outcome {
    let uris = if cx.settings.recursive { without_nested(uris) } else { uris.to_vec() };
    if cx.settings.max_delete().is_some() {
        let mut count = 0;
        for uri in &uris {
            let mut selected = pin!(versions::select(cx, uri)?);
            while selected.try_next().await?.is_some() {
                count += 1;
            }
        }
        if exceeds_limit(cx, count) {
            return Ok(());
        }
    }
    let mut deleted = Deleted::default();
    for uri in &uris {
        let deletions = versions::select(cx, uri)?.map_ok(|version| Deletion {
            key: version.key,
            version: Some(version.id),
            size: version.size,
        });
        deleted +=
            delete_sized(cx.client(), &cx.console, &uri.bucket, deletions, cx.delete_options()).await?;
    }
    if deleted == Deleted::default() {
        log::warn!("Remote list is empty.");
    }
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
    print_stats(cx, deleted)?;
    deleted.summary.outcome()
}

fn exceeds_limit(cx: &Context, count: u64) -> bool {
    let exceeds = cx.settings.max_delete().is_some_and(|max| count > max);
    if exceeds {
        log::warn!("delete: maximum requested number of deletes would be exceeded, none performed.");
    }
    exceeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_below_another_is_dropped() {
        let uris = [("b", "x/y"), ("a", "x"), ("b", "x/"), ("b", "x/"), ("b", "w"), ("c", ""), ("c", "k")];
        let kept = without_nested(&uris.map(|(bucket, key)| S3Uri::new(bucket, key)));
        let kept: Vec<_> = kept.iter().map(ToString::to_string).collect();
        assert_eq!(kept, ["s3://a/x", "s3://b/w", "s3://b/x/", "s3://c/"]);
    }
}
