//! `restore s3://BUCKET/OBJECT...`: restores copies of archived objects.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::selection::show_excluded;
use crate::output::{Event, Exit, Failure, Outcome, error_text};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::remote::{self, BY_RELATIVE_ONCE};
use crate::uri::S3Uri;
use s3cmd_client::{Error, ServiceError};
use std::ffi::OsString;

/// Requests copies of archived objects for `--restore-days`, with the priority of `--restore-priority`. An object whose
/// restore is already in progress is not a failure. If several objects are selected, neither is one that is not
/// archived, and the others are restored even if one fails.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let uris = s3_uris(args)?;
    let selection = remote::select(cx.client(), &uris, cx.scope(), BY_RELATIVE_ONCE).await?;
    let total = selection.items.len();
    log::info!("Summary: {total} remote files to restore");
    if settings.dry_run {
        show_excluded(cx, &selection)?;
        for item in selection.items.iter() {
            cx.console.stream(&Event::Restore { uri: &item?.uri(), dry_run: true })?;
        }
        cx.console.flush()?;
        log::warn!("Exiting now because of --dry-run");
        return Ok(());
    }
    if settings.restore_days < 1 {
        return Err(Failure::parameter("You must restore a file for 1 or more days"));
    }
    let summary = ordered_tasks::in_order(
        cx.width(),
        settings.stop_on_error,
        selection.items.numbered(),
        |(_, item)| {
            let (cx, uri) = (cx.clone(), item.uri());
            async move {
                let (days, tier) = (days(&cx, &uri).await, capitalised(&cx.settings.restore_priority));
                match cx.client().restore_object(&uri.bucket, &uri.key, days, &tier).await {
                    Ok(()) => {
                        cx.console.print(&Event::Restore { uri: &uri, dry_run: false })?;
                        Ok(ItemResult::Done)
                    }
                    Err(Error::Service(error)) => refused(&uri, *error, total == 1),
                    Err(error) if total == 1 || error.concerns_all_requests() => Err(error.into()),
                    Err(error) => {
                        log::error!("Restore of '{uri}' failed (Reason: {})", error_text(&error));
                        Ok(ItemResult::Failed)
                    }
                }
            }
        },
    )
    .await?;
    summary.outcome()
}

/// Handles an object whose restore the service rejected. If it is the only object, or if the error concerns all
/// requests, the error ends the command.
fn refused(uri: &S3Uri, error: ServiceError, alone: bool) -> Outcome<ItemResult> {
    match error.code.as_str() {
        "RestoreAlreadyInProgress" => {
            log::warn!("{}: {uri}", error.message);
            Ok(ItemResult::Skipped)
        }
        "NotImplemented" => Err(Error::from(error).into()),
        _ if alone || Error::from(error.clone()).concerns_all_requests() => Err(Error::from(error).into()),
        "InvalidObjectState" => {
            log::warn!("Not archived: '{uri}' ({error})");
            Ok(ItemResult::Skipped)
        }
        _ => {
            log::error!("Restore of '{uri}' failed (Reason: {error})");
            Ok(ItemResult::Refused(Exit::of_status(error.status)))
        }
    }
}

/// The number of days to restore an object for. An INTELLIGENT_TIERING object is restored permanently and must be
/// requested without days. If the storage class cannot be determined, the days are sent.
async fn days(cx: &Context, uri: &S3Uri) -> Option<i64> {
    let head = cx.client().head_object(&uri.bucket, &uri.key).await;
    let is_intelligent_tiering = head.is_ok_and(|head| head.storage_class == "INTELLIGENT_TIERING");
    (!is_intelligent_tiering).then_some(cx.settings.restore_days)
}

/// Capitalises a priority, which options and the configuration write in lower case, as the service expects it.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_concerns_all_objects_ends_a_restore_of_several() {
        let item_result = |code: &str, alone| {
            let error = ServiceError::new(403, code, "");
            refused(&S3Uri::new("b", "k"), error, alone).map_err(|failure| failure.exit)
        };
        for alone in [true, false] {
            assert_eq!(item_result("RestoreAlreadyInProgress", alone), Ok(ItemResult::Skipped));
            assert_eq!(item_result("NotImplemented", alone), Err(Exit::ACCESSDENIED));
        }
        assert_eq!(item_result("InvalidObjectState", false), Ok(ItemResult::Skipped));
        assert_eq!(item_result("InvalidObjectState", true), Err(Exit::ACCESSDENIED));
        assert_eq!(item_result("AccessDenied", false), Ok(ItemResult::Refused(Exit::ACCESSDENIED)));
    }

    #[test]
    fn priorities_are_sent_capitalised() {
        assert_eq!(["bulk", "Standard", ""].map(capitalised), ["Bulk", "Standard", ""]);
    }
}
