//! `restore s3://BUCKET/OBJECT...`: asks for copies of archived objects.

use crate::commands::shared::selection::show_excluded;
use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::output::{Event, Exit, Failure, Outcome};
use crate::s3::{Error, ServiceError};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::remote::{self, BY_RELATIVE_ONCE};
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Asks for copies of archived objects that last `--restore-days`, as fast as `--restore-priority` says. An object whose
/// restoring is under way is no failure; where several objects are meant, neither is one that is not archived, and the
/// others go on when one fails.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
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
                        cx.console.tell(&Event::Restore { uri: &uri, dry_run: false })?;
                        Ok(ItemResult::Done)
                    }
                    Err(Error::Service(error)) => refused(&uri, *error, total == 1),
                    Err(error) if total == 1 || error.concerns_all_requests() => Err(error.into()),
                    Err(error) => {
                        log::error!("Restore of '{uri}' failed (Reason: {error})");
                        Ok(ItemResult::Failed)
                    }
                }
            }
        },
    )
    .await?;
    summary.outcome()
}

/// What becomes of an object for which the service says no. A single one ends the command, and so does an answer that
/// all others would get too.
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

/// For how many days an object is to be restored. One of INTELLIGENT_TIERING comes back for good, and days are refused then;
/// where the class cannot be found out they are sent.
async fn days(cx: &Context, uri: &S3Uri) -> Option<i64> {
    let head = cx.client().head_object(&uri.bucket, &uri.key).await;
    let is_tiered = head.is_ok_and(|head| head.storage_class == "INTELLIGENT_TIERING");
    (!is_tiered).then_some(cx.settings.restore_days)
}

/// The service's spelling of a speed that options and files write in small letters.
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
            let error = ServiceError { status: 403, code: code.into(), ..Default::default() };
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
    fn speeds_are_sent_as_the_service_spells_them() {
        assert_eq!(["bulk", "Standard", ""].map(capitalised), ["Bulk", "Standard", ""]);
    }
}
