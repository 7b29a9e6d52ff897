//! `modify s3://BUCKET/OBJECT...`: changes the headers and metadata of objects.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::copies::{failed, outcome};
use crate::commands::shared::selection::show_excluded;
use crate::output::{Event, Outcome, Position};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::remote::{self, BY_RELATIVE_ONCE};
use std::ffi::OsString;

/// Rewrites objects in place with the headers that `--add-header`, `--remove-header`, `--mime-type`, `--storage-class`
/// and related options request. Everything else stored with them stays. The content is compared with the original, and
/// a line is printed for each object in the order of their names.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let settings = &cx.settings;
    let selection = remote::select(cx.client(), &s3_uris(args)?, cx.scope(), BY_RELATIVE_ONCE).await?;
    let total = selection.items.len();
    log::info!("Summary: {total} remote files to modify");
    if settings.dry_run {
        show_excluded(cx, &selection)?;
        for item in selection.items.iter() {
            let uri = item?.uri();
            cx.console.stream(&Event::Modify { uri: &uri, position: None, dry_run: true })?;
        }
        cx.console.flush()?;
        log::warn!("Exiting now because of --dry-run");
        return Ok(());
    }
    let copier = cx.copier().rewriting();
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
                let position = Some(Position::at(index, total));
                cx.console.print(&Event::Modify { uri: &uri, position, dry_run: false })?;
                Ok(ItemResult::Done)
            }
        },
    )
    .await?;
    // A shard may have no work.
    if total == 0 && cx.shard().is_some() { Ok(()) } else { outcome(&summary) }
}
