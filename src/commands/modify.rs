//! `modify s3://BUCKET/OBJECT...`: changes what is stored with objects.

use crate::commands::shared::copies::{failed, score};
use crate::commands::shared::selection::show_excluded;
use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::output::{Event, Outcome, Position};
use crate::transfer::copy::Copier;
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::remote::{self, BY_RELATIVE_ONCE};
use std::ffi::OsString;

/// Writes objects anew where they are, with the headers that `--add-header`, `--remove-header`, `--mime-type`,
/// `--storage-class` and their kin ask for; the rest of what is stored with them stays. The content is compared with what
/// it was, and a line printed for each in the order of their names.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let selection = remote::select(cx.client(), &s3_uris(args)?, cx.scope(), BY_RELATIVE_ONCE).await?;
    let total = selection.items.len();
    log::info!("Summary: {total} remote files to modify");
    if settings.dry_run {
        show_excluded(cx, &selection)?;
        for item in selection.items.iter() {
            let uri = item?.uri();
            cx.console.stream(&Event::Modify { uri: &uri, place: None, dry_run: true })?;
        }
        cx.console.flush()?;
        log::warn!("Exiting now because of --dry-run");
        return Ok(());
    }
    let copier = Copier::new(cx.client().clone(), settings.clone(), cx.width()).rewriting();
    let summary = ordered_tasks::in_order(
        cx.width(),
        settings.stop_on_error,
        selection.items.numbered(),
        |(index, item)| {
            let (cx, copier, uri) = (cx.clone(), copier.clone(), item.uri());
            async move {
                if let Err(error) = copier.copy(&uri, &uri, None).await {
                    return failed(&uri, error, total);
                }
                let place = Some(Position::at(index, total));
                cx.console.tell(&Event::Modify { uri: &uri, place, dry_run: false })?;
                Ok(ItemResult::Done)
            }
        },
    )
    .await?;
    // A share may have nothing to do.
    if total == 0 && cx.shard().is_some() { Ok(()) } else { score(&summary) }
}
