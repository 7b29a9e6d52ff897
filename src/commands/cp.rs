//! `cp`: copy objects on the server.

use super::get::show_excluded;
use crate::commands::shared::context::{Context, s3_uris};
use crate::output::{CopyWords, Event, Exit, Failure, Outcome, Position};
use crate::s3::Error;
use crate::transfer::copy::{Copier, CopyError};
use crate::transfer::ordered_tasks::{self, ItemResult, Summary};
use crate::transfer::overlap::{self, Effects, Step, Turn, may_meet};
use crate::transfer::plan::SortedSpool;
use crate::transfer::remote::{self, BY_RELATIVE, RemoteItem, Scope, Selection};
use crate::uri::{Location, S3Uri};
use std::ffi::OsString;

/// Copies the sources below the destination, many at once, compares each copy with its source, and prints a line for each
/// in the order of their names.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    transfer(cx, args, Kind::Copy).await
}

/// What is done with the source afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Copy,
    Move,
}

impl Kind {
    /// What is told of an object; without a place before it is copied.
    fn event<'a>(self, from: &'a S3Uri, to: &'a S3Uri, place: Option<Position>) -> Event<'a> {
        let dry_run = place.is_none();
        let words = if dry_run { CopyWords::Copy } else { CopyWords::RemoteCopy };
        match self {
            Kind::Copy => Event::Copy { from, to, place, dry_run, words },
            Kind::Move => Event::Move { from, to, place, dry_run },
        }
    }
}

/// What `cp` and `mv` have in common: all but the end of the source.
pub(super) async fn transfer(cx: &Context, args: &[OsString], kind: Kind) -> Outcome {
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
    // Each of several runs has to read the destination alike.
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
    let meets = (sources.len() > 1 && kind == Kind::Move)
        || sources.iter().any(|source| may_meet(&source.with_key(literal(&source.key)), &destination));
    let arranged = if meets { overlap::arrange(|| selection.items.iter(), effects.clone())? } else { None };
    if settings.dry_run {
        return dry_run(cx, &selection, arranged, &destination, kind);
    }

    let copier = Copier::new(cx.client().clone(), settings.clone(), cx.width());
    let turns = overlap::turns(arranged, selection.items.numbered(), effects);
    let summary =
        ordered_tasks::in_order_when(cx.width(), settings.stop_on_error, turns, Turn::ready, |turn| {
            copy(cx.clone(), copier.clone(), turn, total, kind)
        })
        .await?;
    // A share may have nothing to do.
    if total == 0 && cx.shard().is_some() { Ok(()) } else { score(&summary) }
}

/// What keys that an argument names begin with, whether it has wildcards or not.
fn literal(key: &str) -> &str {
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
            // Why the source is still there was said.
            Ok(false) => return Ok(ItemResult::Failed),
            Err(error) => return not_deleted(from, to, error, total),
        }
    }
    cx.console.tell(&kind.event(from, to, Some(Position::at(turn.index, total))))?;
    if cx.settings.acl_public == Some(true) {
        log::info!("Public URL is: {}", cx.public_url(to));
    }
    turn.done();
    Ok(ItemResult::Done)
}

/// Names a copy that was not made because `lost`, which another copy should have saved before, would be lost.
pub(super) fn depends_on_failed(from: &S3Uri, lost: &S3Uri) -> ItemResult {
    if from == lost {
        log::error!("Copy failed for: '{from}' (it would be deleted, but another copy of it has failed)");
    } else {
        log::error!(
            "Copy failed for: '{from}' (it would overwrite '{lost}', which could not be copied before)"
        );
    }
    ItemResult::Failed
}

/// Names an object that is there twice now.
pub(super) fn not_deleted(from: &S3Uri, to: &S3Uri, error: Error, total: u64) -> Outcome<ItemResult> {
    if error.concerns_all_requests() {
        return Err(error.into());
    }
    let reason = error.reason();
    log::error!("'{from}' was copied to '{to}', but could not be deleted ({reason})");
    if total == 1 { Err(error.into()) } else { Ok(ItemResult::Failed) }
}

/// Says why one of `total` objects could not be rewritten; an error that is wrong for the rest too is passed on.
pub(super) fn failed(from: &S3Uri, error: CopyError, total: u64) -> Outcome<ItemResult> {
    match error {
        CopyError::Missing => {
            log::warn!("Key not found {from}");
            Ok(ItemResult::Missing)
        }
        CopyError::Failed(error) if error.concerns_all_requests() => Err(error.into()),
        CopyError::Failed(error @ (Error::Connection { .. } | Error::Io(_) | Error::Invalid(_)))
            if total == 1 =>
        {
            Err(error.into())
        }
        CopyError::Failed(error) => {
            log::error!("Copy failed for: '{from}' ({})", error.reason());
            Ok(ItemResult::Failed)
        }
    }
}

/// The exit code of commands that rewrite objects, measured on s3cmd 2.4.0.
pub(super) fn score(summary: &Summary) -> Outcome {
    let exit = match (summary.done > 0, summary.failed > 0, summary.missing > 0) {
        (true, false, false) => return Ok(()),
        (true, true, _) => Exit::PARTIAL,
        (false, false, true) => Exit::NOTFOUND,
        (true, false, true) | (false, ..) => Exit::GENERAL,
    };
    Err(summary.failure(exit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_s3cmd() {
        let exit = |done, failed, missing| {
            let summary = Summary { done, failed, missing, ..Summary::default() };
            score(&summary).map_or_else(|failure| failure.exit.0, |()| 0)
        };
        assert_eq!([exit(2, 0, 0), exit(1, 1, 0), exit(1, 0, 1), exit(1, 1, 1)], [0, 2, 1, 2]);
        assert_eq!([exit(0, 1, 0), exit(0, 0, 1), exit(0, 1, 1), exit(0, 0, 0)], [1, 12, 1, 1]);
    }
}
