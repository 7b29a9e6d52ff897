//! `md5sum s3://BUCKET/KEY...`: prints or verifies the MD5 sums of objects.

mod content;
mod lines;

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document;
use crate::output::{Event, Exit, Failure, Outcome, Verification, error_text};
use crate::transfer::ordered_tasks::{ItemResult, Summary, in_order};
use crate::transfer::remote::{Found, find};
use crate::uri::S3Uri;
use futures::{StreamExt, TryStreamExt, stream};
use lines::Listed;
use s3cmd_client::Error;
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Prints a line `MD5  s3://BUCKET/KEY` for each object, in the format of coreutils, or verifies the list of such lines
/// in the file of `--check` (`-` is stdin).
///
/// Missing or unreadable objects are reported on stderr, and the others are processed anyway. Exit code 0 means that
/// every MD5 was printed or matched. Printing exits with 12 if objects were missing, and with 2 if anything else
/// failed. Verifying exits with 1 if a line did not match, as md5sum does.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    if cx.settings.check_list.is_empty() {
        print(cx, &s3_uris(args)?).await
    } else {
        verify(cx, &cx.settings.check_list).await
    }
}

async fn print(cx: &Context, uris: &[S3Uri]) -> Outcome {
    let settings = &cx.settings;
    // Stream the names: the total number is not needed.
    let plan = stream::iter(uris)
        .map(|uri| find(cx.client(), uri, cx.scope()))
        .try_flatten()
        .map_ok(|page| stream::iter(page.into_iter().filter_map(selected_uri).map(Ok)))
        .try_flatten();
    let summary = in_order(cx.width(), settings.stop_on_error, plan, |uri| {
        let cx = cx.clone();
        async move {
            match content::md5(cx.client(), &uri).await {
                Ok(md5) => {
                    let line = &lines::line(&md5, &uri.to_string());
                    cx.console.stream(&Event::Md5 { uri: &uri, md5: &md5, line })?;
                    Ok(ItemResult::Done)
                }
                Err(error) => {
                    let missing = error.is_not_found();
                    unreadable(&uri, error)?;
                    Ok(if missing { ItemResult::Missing } else { ItemResult::Failed })
                }
            }
        }
    });
    match summary.await? {
        Summary { failed: 0, missing: 0, .. } => Ok(()),
        summary @ Summary { failed: 0, .. } => Err(summary.failure(Exit::NOTFOUND)),
        summary => Err(summary.failure(Exit::PARTIAL)),
    }
}

fn selected_uri(found: Found) -> Option<S3Uri> {
    match found {
        Found::Chosen(item) => Some(item.uri()),
        Found::Excluded(_) => None,
    }
}

/// Logs that an object could not be read. An error that concerns all requests is returned and ends the command.
fn unreadable(uri: &S3Uri, error: Error) -> Outcome {
    match error {
        Error::Service(service) if service.is_not_found() => log::error!("{uri}: No such object"),
        error if error.concerns_all_requests() => return Err(error.into()),
        error => log::error!("{uri}: {}", error_text(&error)),
    }
    Ok(())
}

async fn verify(cx: &Context, list: &str) -> Outcome {
    let text = document::read(list.as_ref())?;
    let (mut parsed, mut malformed) = (Vec::new(), 0u64);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match lines::parse(line) {
            Some(listed) => parsed.push(listed),
            None => malformed += 1,
        }
    }
    if parsed.is_empty() {
        return Err(Failure::new(
            Exit::GENERAL,
            format!("{list}: no properly formatted checksum lines found"),
        ));
    }
    let mismatches = Arc::new(AtomicU64::new(0));
    let plan = stream::iter(parsed.into_iter().map(Ok));
    let summary = in_order(cx.width(), cx.settings.stop_on_error, plan, |listed: Listed| {
        let (cx, mismatches) = (cx.clone(), mismatches.clone());
        async move {
            let (mark, name) = lines::escaped(&listed.uri.to_string());
            let name = format!("{mark}{name}");
            let print_result =
                |result| cx.console.print(&Event::Md5Check { uri: &listed.uri, result, name: &name });
            match content::md5(cx.client(), &listed.uri).await {
                Ok(md5) if md5.eq_ignore_ascii_case(&listed.md5) => {
                    print_result(Verification::Ok)?;
                    Ok(ItemResult::Done)
                }
                Ok(_) => {
                    mismatches.fetch_add(1, Ordering::Relaxed);
                    print_result(Verification::Mismatch)?;
                    Ok(ItemResult::Failed)
                }
                Err(error) => {
                    unreadable(&listed.uri, error)?;
                    print_result(Verification::Unreadable)?;
                    Ok(ItemResult::Missing)
                }
            }
        }
    });
    let summary = summary.await?;
    let mismatches = mismatches.load(Ordering::Relaxed);
    for warning in lines::summary(malformed, summary.missing, mismatches) {
        log::warn!("{warning}");
    }
    // As in md5sum without --strict, a malformed line is only a warning.
    if summary.missing + mismatches == 0 { Ok(()) } else { Err(Failure::silent(Exit::GENERAL)) }
}
