//! `cfinval s3://BUCKET/OBJECT...`: has CloudFront forget objects.

use crate::commands::shared::arguments::s3_uris;
use crate::cli::quoted;
use crate::commands::shared::cloudfront::{Shown, invalidated, service};
use crate::commands::shared::context::Context;
use crate::output::{Event, Failure, InvalidationForm, Outcome};
use crate::uri::S3Uri;
use std::ffi::{OsStr, OsString};

/// Makes invalidations, of at most a thousand paths each, for all distributions that show the buckets. A bucket, and a
/// name that ends in a slash, stand for all that is below (measured on s3cmd 2.4.0).
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let mut buckets: Vec<(S3Uri, Vec<String>)> = Vec::new();
    for uri in s3_uris(args)? {
        if uri.bucket.is_empty() {
            return Err(Failure::parameter(format!(
                "Expecting S3 URI with a bucket name instead of '{uri}'"
            )));
        }
        let all = if uri.key.is_empty() || uri.key.ends_with('/') { "*" } else { "" };
        let key = format!("{}{all}", uri.key);
        match buckets.iter_mut().find(|(bucket, _)| bucket.bucket == uri.bucket) {
            Some((_, keys)) => keys.push(key),
            None => buckets.push((uri.with_key(""), vec![key])),
        }
    }
    let service = service(cx);
    let all = service.distributions().await?;
    // All names are understood before anything is done.
    let mut work = Vec::new();
    for (uri, keys) in buckets {
        work.push((Shown::find(cx, &service, &all, &uri).await?, uri, keys));
    }
    let mut failed = None;
    for (shown, uri, keys) in work {
        if cx.settings.dry_run {
            let uris: Vec<String> = keys.iter().map(|key| uri.with_key(key).to_string()).collect();
            let shown: Vec<String> = uris.iter().map(|uri| quoted(OsStr::new(uri))).collect();
            cx.console.tell(&Event::InvalidationPlan { uris, shown: &shown.join(", ") })?;
            log::warn!("Exiting now because of --dry-run");
            continue;
        }
        let made = shown.forget(cx, keys.into_iter().map(Ok), |distribution, invalidation, paths| {
            cx.console.tell(&invalidated(
                distribution,
                invalidation,
                paths,
                InvalidationForm::Made { uri: &uri },
            ))
        });
        match made.await {
            Err(failure) if !cx.settings.stop_on_error && failure.lines.is_empty() => {
                failed.get_or_insert(failure);
            }
            other => other?,
        }
    }
    failed.map_or(Ok(()), Err)
}
