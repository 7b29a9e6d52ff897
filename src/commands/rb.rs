//! `rb s3://BUCKET...`: removes buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::output::{Event, Exit, Failure, Outcome};
use crate::transfer::delete::{Deletion, delete_keys, delete_sized};
use crate::uri::S3Uri;
use futures::{TryStreamExt, stream};
use s3cmd_client::Error;
use s3cmd_client::list::{ListOptions, Version};
use std::ffi::OsString;

/// Removes the buckets. With `--recursive` or `--force` a bucket that is not empty is emptied first; with `--force` a
/// missing one counts as removed.
///
/// With `--dry-run` nothing is removed.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = bucket_uris(args)?;
    let outcome = each(cx, &uris, async |uri| match remove(cx, uri).await {
        Ok(()) => {
            let dry_run = cx.settings.dry_run;
            cx.console.print(&Event::BucketRemoved { bucket: &uri.bucket, dry_run })
        }
        Err(Removal::Refused(error)) if cx.settings.force && error.code() == "NoSuchBucket" => Ok(()),
        Err(Removal::Refused(error)) if error.code() == "AccessDenied" => Err(Failure::about_bucket(error)),
        Err(Removal::Refused(error)) => Err(error.into()),
        Err(Removal::Other(failure)) => Err(failure),
    });
    let outcome = outcome.await;
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
    outcome
}

/// Why a bucket was not removed.
enum Removal {
    /// The service rejected the request.
    Refused(Error),
    /// Anything else.
    Other(Failure),
}

async fn remove(cx: &Context, uri: &S3Uri) -> Result<(), Removal> {
    let settings = &cx.settings;
    let client = cx.client();
    let may_empty = settings.recursive || settings.force;
    let is_empty = if settings.dry_run {
        let one = ListOptions::default().with_page_size(1);
        let page = client.list_page(&uri.bucket, &one, None).await.map_err(Removal::Refused)?;
        page.entries().next().is_none()
    } else {
        match client.delete_bucket(&uri.bucket).await {
            Ok(()) => return Ok(()),
            Err(error) if error.code() == "BucketNotEmpty" && may_empty => false,
            Err(error) => return Err(Removal::Refused(error)),
        }
    };
    if is_empty {
        return Ok(());
    }
    if !may_empty {
        // What the service would return.
        return Err(Removal::Other(Failure::new(Exit::CONFLICT, "S3 error: 409 (BucketNotEmpty)")));
    }
    log::warn!("Bucket is not empty. Removing all the objects from it first. This may take some time...");
    if settings.all_versions {
        let options = ListOptions::default();
        let deletions = client
            .version_pages(&uri.bucket, options)
            .map_err(Failure::about_bucket)
            .map_ok(|page| stream::iter(page.versions.into_iter().map(|version| Ok(deletion_of(version)))))
            .try_flatten();
        delete_sized(client, &cx.console, &uri.bucket, deletions, cx.delete_options())
            .await
            .map_err(Removal::Other)?;
        return remove_emptied(cx, uri).await;
    }
    let keys = client
        .list_pages(&uri.bucket, ListOptions::default().with_width(cx.width()))
        .map_err(Failure::about_bucket)
        .map_ok(|page| {
            let keys: Vec<_> = page.entries().map(|object| Ok(object.key.to_owned())).collect();
            stream::iter(keys)
        })
        .try_flatten();
    delete_keys(client, &cx.console, &uri.bucket, keys, cx.delete_options()).await.map_err(Removal::Other)?;
    remove_emptied(cx, uri).await
}

/// Removes the emptied bucket. Keys that could not be deleted were reported; the service decides whether the bucket is
/// empty.
async fn remove_emptied(cx: &Context, uri: &S3Uri) -> Result<(), Removal> {
    if cx.settings.dry_run {
        return Ok(());
    }
    cx.client().delete_bucket(&uri.bucket).await.map_err(Removal::Refused)
}

fn deletion_of(version: Version) -> Deletion {
    Deletion { key: version.key, version: Some(version.id), size: version.size }
}
