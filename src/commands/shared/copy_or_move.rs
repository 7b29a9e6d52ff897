//! What `cp` and `mv` do: copies on the server, after which `mv` deletes the sources.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::copies::{depends_on_failed, failed, not_deleted, outcome};
use crate::commands::shared::selection::show_excluded;
use crate::output::{CopyForm, Event, Failure, Outcome, Position};
use crate::transfer::copy::Copier;
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::overlap::{self, Effects, Step, Turn, may_meet};
use crate::transfer::plan::SortedSpool;
use crate::transfer::remote::{self, BY_RELATIVE, RemoteItem, Scope, Selection};
use crate::uri::{Location, S3Uri};
use std::ffi::OsString;

/// Whether the source is kept or deleted afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is kept.
    Copy,
    /// It is deleted.
    Move,
}

impl Kind {
    /// The event for an object. Without a position it is the event of a dry run.
    fn event<'a>(self, from: &'a S3Uri, to: &'a S3Uri, position: Option<Position>) -> Event<'a> {
        let dry_run = position.is_none();
        let form = if dry_run { CopyForm::Copy } else { CopyForm::RemoteCopy };
        match self {
            Kind::Copy => Event::Copy { from, to, position, dry_run, form },
            Kind::Move => Event::Move { from, to, position, dry_run },
        }
    }
}

/// Runs `cp` or `mv`, which differ only in what happens to the source.
pub(crate) async fn transfer(cx: &Context, args: &[OsString], kind: Kind) -> Outcome {
    let Some((last, sources)) = args.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(Failure::parameter("Expecting two or more S3 URIs"));
    };
    let Location::S3(destination) = Location::parse(last) else {
        return Err(Failure::parameter(
            "Destination must be S3 URI. To download a file use 'get' or 'sync'.",
        ));
    };
    if destination.bucket.is_empty() {
        let problem = format!("Expecting S3 URI with a bucket name instead of '{destination}'");
        return Err(Failure::parameter(problem));
    }
    let sources = s3_uris(sources)?;
    let settings = &cx.settings;
    let is_directory = destination.key.is_empty() || destination.key.ends_with('/');
    let needs_directory = |several: bool| {
        if several && !is_directory {
            return Err(Failure::parameter(
                "Destination must be a directory and end with '/' when acting on a folder content or on multiple sources.",
            ));
        }
        Ok(())
    };
    needs_directory(settings.recursive || sources.len() > 1)?;
    for uri in sources.iter().filter(|_| settings.recursive) {
        log::info!("Retrieving list of remote files for {uri} ...");
    }
    let scope = Scope { needs_names: true, ..cx.scope() };
    let selection = remote::select(cx.client(), &sources, scope, BY_RELATIVE).await?;
    // With `--shard` all runs have to interpret the destination in the same way.
    needs_directory(selection.items.len() > 1 || cx.shard().is_some())?;
    selection.refuse_same_names()?;
    let total = selection.items.len();
    let verb = if kind == Kind::Move { "move" } else { "copy" };
    log::info!("Summary: {total} remote files to {verb}");
    let writes = {
        let destination = destination.clone();
        move |item: &RemoteItem| target(&destination, item)
    };
    let effects = Effects { reads: RemoteItem::uri, writes, moves: kind == Kind::Move };
    let overlaps = (sources.len() > 1 && kind == Kind::Move)
        || sources.iter().any(|source| may_meet(&source.with_key(literal_prefix(&source.key)), &destination));
    let arranged =
        if overlaps { overlap::arrange(|| selection.items.iter(), effects.clone())? } else { None };
    if settings.dry_run {
        return dry_run(cx, &selection, arranged, &destination, kind);
    }

    let copier = cx.copier();
    let turns = overlap::turns(arranged, selection.items.numbered(), effects);
    let summary =
        ordered_tasks::in_order_when(cx.width(), settings.stop_on_error, turns, Turn::ready, |turn| {
            copy(cx.clone(), copier.clone(), turn, total, kind)
        })
        .await?;
    // A shard may have no work.
    if total == 0 && cx.shard().is_some() { Ok(()) } else { outcome(&summary) }
}

/// The literal beginning of all keys that match an argument, up to its first wildcard.
fn literal_prefix(key: &str) -> &str {
    key.split(['*', '?']).next().unwrap_or(key)
}

fn target(destination: &S3Uri, item: &RemoteItem) -> S3Uri {
    if destination.key.is_empty() || destination.key.ends_with('/') {
        destination.with_key(format!("{}{}", destination.key, item.relative()))
    } else {
        destination.clone()
    }
}

fn dry_run(
    cx: &Context,
    selection: &Selection,
    arranged: Option<SortedSpool<Step<RemoteItem>>>,
    destination: &S3Uri,
    kind: Kind,
) -> Outcome {
    show_excluded(cx, selection)?;
    let show =
        |item: RemoteItem| cx.console.stream(&kind.event(&item.uri(), &target(destination, &item), None));
    match arranged {
        Some(steps) => steps.iter().try_for_each(|step| show(step?.item))?,
        None => selection.items.iter().try_for_each(|item| show(item?))?,
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    Ok(())
}

async fn copy(
    cx: Context,
    copier: Copier,
    turn: Turn<RemoteItem>,
    total: u64,
    kind: Kind,
) -> Outcome<ItemResult> {
    let (from, to) = (&turn.from, &turn.to);
    if kind == Kind::Move && from == to {
        log::error!("Copy failed for: '{from}' (it would be moved onto itself)");
        return Ok(ItemResult::Failed);
    }
    if let Some(lost) = turn.object_at_risk() {
        return Ok(depends_on_failed(from, lost));
    }
    let copied = match copier.copy(from, to, turn.step.item.listed.as_ref()).await {
        Ok(copied) => copied,
        Err(error) => return failed(from, error, total),
    };
    if kind == Kind::Move && !turn.step.keeps_source {
        match copier.delete_source(from, &copied).await {
            Ok(true) => {}
            // The reason was already logged.
            Ok(false) => return Ok(ItemResult::Failed),
            Err(error) => return not_deleted(from, to, error, total),
        }
    }
    cx.console.print(&kind.event(from, to, Some(Position::at(turn.index, total))))?;
    if cx.settings.acl_public == Some(true) {
        log::info!("Public URL is: {}", cx.public_url(to));
    }
    turn.done();
    Ok(ItemResult::Done)
}
