//! `cfinval s3://BUCKET/OBJECT...`: invalidates objects in CloudFront.

use crate::cli::quoted;
use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::cloudfront::{InvalidationTarget, invalidation_event, service};
use crate::commands::shared::context::Context;
use crate::output::{Event, Failure, InvalidationForm, Outcome};
use crate::uri::S3Uri;
use std::ffi::{OsStr, OsString};

/// Creates invalidations of at most 1,000 paths each, in all distributions that serve the buckets. A bucket, or a key
/// that ends with a slash, selects everything below it (measured on s3cmd 2.4.0).
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
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
    // Resolve all arguments before the first request that changes something.
    let mut work = Vec::new();
    for (uri, keys) in buckets {
        work.push((InvalidationTarget::find(cx, &service, &all, &uri).await?, uri, keys));
    }
    let mut failed = None;
    for (target, uri, keys) in work {
        if cx.settings.dry_run {
            let uris: Vec<String> = keys.iter().map(|key| uri.with_key(key).to_string()).collect();
            let shown: Vec<String> = uris.iter().map(|uri| quoted(OsStr::new(uri))).collect();
            cx.console.print(&Event::InvalidationPlan { uris, shown: &shown.join(", ") })?;
            log::warn!("Exiting now because of --dry-run");
            continue;
        }
        let invalidated =
            target.invalidate(cx, keys.into_iter().map(Ok), |distribution, invalidation, paths| {
                cx.console.print(&invalidation_event(
                    distribution,
                    invalidation,
                    paths,
                    InvalidationForm::Made { uri: &uri },
                ))
            });
        match invalidated.await {
            Err(failure) if !cx.settings.stop_on_error && failure.lines.is_empty() => {
                failed.get_or_insert(failure);
            }
            other => other?,
        }
    }
    failed.map_or(Ok(()), Err)
}
