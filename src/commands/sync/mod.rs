//! `sync`: make a destination like its sources, in three directions.

mod between;
mod down;
mod report;
mod up;

use crate::commands::shared::context::Context;
use crate::output::{Exit, Failure, Outcome};
use crate::s3::Client;
use crate::transfer::compare::Checks;
use crate::transfer::md5_cache::Md5Cache;
use crate::transfer::ordered_tasks::{ItemResult, some_failed};
use crate::transfer::sync::comparator::{Comparator, pairs};
use crate::transfer::sync::plan::{Plan, Planning};
use crate::transfer::sync::removed::Removed;
use crate::transfer::sync::sources::{Area, Items, Listing, Tally};
use crate::uri::{Location, S3Uri};
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Compares the sources with the destination and transfers what is missing or differs there. Which way follows from the
/// arguments; between two local directories there is none.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let Some((last, sources)) = args.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(Failure::parameter("Expecting both sources and a destination"));
    };
    if args.iter().any(|argument| argument == "-") {
        return Err(Failure::parameter(
            "Stdin or stdout ('-') can't be used for a source or a destination with the sync command.",
        ));
    }
    if cx.settings.delay_updates {
        log::warn!("`delay-updates` is obsolete.");
    }
    if cx.settings.encrypt {
        // Never in clear what was to be encrypted; and an encrypted object cannot be compared with its file.
        let lines = [
            "S3cmd 'sync' doesn't yet support GPG encryption, sorry.",
            "Either use unconditional 's3cmd put --recursive'",
            "or disable encryption with --no-encrypt parameter.",
        ];
        return Err(Failure { exit: Exit::USAGE, lines: lines.map(str::to_owned).to_vec() });
    }
    let mut local: Vec<PathBuf> = Vec::new();
    let mut remote: Vec<S3Uri> = Vec::new();
    for source in sources {
        match Location::parse(source) {
            Location::Local(path) => local.push(path),
            Location::S3(uri) => remote.push(uri),
        }
    }
    match (Location::parse(last), local.is_empty(), remote.is_empty()) {
        (destination, false, false) if is_remote(&sources[0]) || matches!(destination, Location::S3(_)) => {
            Err(of_both_kinds(sources))
        }
        (Location::S3(destination), false, true) => up::run(cx, local, destinations(cx, destination)?).await,
        (Location::Local(path), true, false) => down::run(cx, &named(remote)?, path).await,
        (Location::S3(destination), true, false) => {
            between::run(cx, &named(remote)?, named(vec![destination])?.remove(0)).await
        }
        _ => {
            let shown: Vec<String> =
                args.iter().map(|argument| format!("'{}'", argument.to_string_lossy())).collect();
            Err(Failure::parameter(format!("Invalid source/destination: {}", shown.join(" "))))
        }
    }
}

fn is_remote(argument: &OsString) -> bool {
    matches!(Location::parse(argument), Location::S3(_))
}

/// What is wrong with sources of both kinds: the first one says which kind is meant (measured on s3cmd 2.4.0).
fn of_both_kinds(sources: &[OsString]) -> Failure {
    let remote_is_meant = is_remote(&sources[0]);
    let wrong = sources.iter().find(|source| match Location::parse(source) {
        Location::S3(_) => !remote_is_meant,
        Location::Local(path) => remote_is_meant || !path.exists(),
    });
    let wrong = wrong.unwrap_or(&sources[0]).to_string_lossy();
    Failure::parameter(if remote_is_meant {
        format!("Expecting S3 URI instead of '{wrong}'")
    } else {
        format!("Invalid source: '{wrong}' is not an existing file or directory")
    })
}

/// The destination with those of `--add-destination`.
fn destinations(cx: &Context, first: S3Uri) -> Outcome<Vec<S3Uri>> {
    let mut all = vec![first];
    for text in &cx.settings.additional_destinations {
        match S3Uri::parse(text) {
            Some(uri) => all.push(uri),
            None => {
                return Err(Failure::parameter(format!("Expecting S3 URI instead of '{text}'")));
            }
        }
    }
    named(all)
}

fn named(uris: Vec<S3Uri>) -> Outcome<Vec<S3Uri>> {
    match uris.iter().find(|uri| uri.bucket.is_empty()) {
        Some(uri) => {
            Err(Failure::parameter(format!("Expecting S3 URI with a bucket name instead of '{uri}'")))
        }
        None => Ok(uris),
    }
}

/// What sources mean: the objects to list, and the areas of the destination that they answer for. A prefix with a slash
/// at its end gives what is below it; without, the object of that name and what is below it, under that name. Siblings
/// that merely begin the same are never meant.
fn listings(sources: &[S3Uri]) -> (Vec<Listing>, Vec<Area>) {
    let (mut listings, mut areas) = (Vec::new(), Vec::new());
    for uri in sources {
        let directory = uri.with_key(&uri.key[..uri.key.len() - uri.basename().len()]);
        let area = match uri.basename() {
            "" => Area::Everything,
            name => Area::Either(name.to_owned()),
        };
        listings.extend(Area::listings(&directory, std::slice::from_ref(&area)));
        areas.push(area);
    }
    (listings, areas)
}

/// Compares two sides.
async fn compare(
    cx: &Context,
    source: Items,
    destination: Items,
    planning: &Planning,
    cache: Option<Arc<Md5Cache>>,
) -> Outcome<(Plan, Arc<Comparator>)> {
    let settings = &cx.settings;
    let checks = Checks { md5: settings.sync_checks_md5, skip_existing: settings.skip_existing };
    let part_size = (settings.multipart_chunk_size_mb.max(1) as u64) << 20;
    let client: Client = cx.client().clone();
    let comparator = Comparator::new(client, checks, part_size, cx.width(), cache);
    let plan = Plan::collect(comparator.clone().compare(pairs(source, destination)), planning).await?;
    Ok((plan, comparator))
}

/// Whether the planned deletions may happen. They do not where the source, or one of several, is empty, unless `--force`
/// is given; nor where they are more than `--max-delete`. What may be the copy of something that could not be read is
/// taken out of them.
fn may_delete(cx: &Context, plan: &mut Plan, source: &Tally) -> Outcome<bool> {
    let settings = &cx.settings;
    if settings.delete_removed && source.unreadable() > 0 {
        let unread = source.unread_names();
        plan.removed.protect(|relative| unread.covers(relative))?;
    }
    if !settings.delete_removed || plan.removed.is_empty() {
        return Ok(false);
    }
    if (plan.would_empty() || source.empty() > 0) && !settings.force {
        log::warn!(
            "delete: cowardly refusing to delete because no source files were found.  Use --force to override."
        );
        return Ok(false);
    }
    if u64::try_from(settings.max_delete).is_ok_and(|most| plan.removed.len() > most) {
        log::warn!("delete: maximum requested number of deletes would be exceeded, none performed.");
        return Ok(false);
    }
    Ok(true)
}

/// What is left of planned deletions that had to wait for the transfers. Where a transfer failed nothing is, if they were
/// asked to wait; if they wait for the sake of copies, all but what such a copy failed to be made of.
fn after_transfers(
    cx: &Context,
    removed: Option<Removed>,
    failed: u64,
    uncopied: &Uncopied,
) -> Outcome<Option<Removed>> {
    let Some(mut removed) = removed else { return Ok(None) };
    let uncopied = uncopied.lock().unwrap_or_else(PoisonError::into_inner);
    if !uncopied.is_empty() {
        removed.protect(|relative| uncopied.contains(relative))?;
    }
    if removed.is_empty() {
        return Ok(None);
    }
    if failed > 0 && cx.settings.delete_after {
        log::warn!("delete: no deletes performed because {failed} transfers failed.");
        return Ok(None);
    }
    Ok(Some(removed))
}

/// Names at the destination of which copies should have been made that are not there.
type Uncopied = Mutex<HashSet<String>>;

/// Notes that something was not copied, nor transferred instead.
fn note_uncopied(uncopied: &Uncopied, item_result: ItemResult, from: String) {
    if !matches!(item_result, ItemResult::Done | ItemResult::Skipped) {
        uncopied.lock().unwrap_or_else(PoisonError::into_inner).insert(from);
    }
}

/// The end of a run of so many items, of which some could not be used or failed.
fn ended(failed: u64, total: u64) -> Outcome {
    if failed == 0 { Ok(()) } else { Err(some_failed(failed, total, Exit::PARTIAL)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_of_a_prefix_are_never_listed() {
        let uris = ["s3://b/p/", "s3://b/q/dir", "s3://c"].map(|text| S3Uri::parse(text).unwrap());
        let (found, areas) = listings(&uris);
        let shown: Vec<_> =
            found.iter().map(|one| (one.prefix.as_str(), one.relative.as_str(), one.exact)).collect();
        assert_eq!(
            shown,
            [("p/", "", false), ("q/dir", "dir", true), ("q/dir/", "dir/", false), ("", "", false)]
        );
        assert_eq!(areas, [Area::Everything, Area::Either("dir".into()), Area::Everything]);
    }
}
