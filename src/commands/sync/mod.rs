//! `sync`: makes a destination equal to its sources, in three directions.

mod between;
mod down;
mod fetch;
mod report;
mod up;

use crate::commands::shared::context::Context;
use crate::output::{Exit, Failure, Outcome};
use crate::transfer::md5_cache::Md5Cache;
use crate::transfer::ordered_tasks::{ItemResult, some_failed};
use crate::transfer::sync::SyncOptions;
use crate::transfer::sync::comparator::{Comparator, pairs};
use crate::transfer::sync::plan::{Plan, Planning};
use crate::transfer::sync::removed::Removed;
use crate::transfer::sync::sources::{Area, Items, Listing, Tally};
use crate::uri::{Location, S3Uri};
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Compares the sources with the destination and transfers what is missing or different there. The direction follows
/// from the arguments; local to local is not supported.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
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
        // Never upload unencrypted what should be encrypted; and an encrypted object cannot be compared with its file.
        let lines = [
            "S3cmd 'sync' doesn't yet support GPG encryption, sorry.",
            "Either use unconditional 's3cmd put --recursive'",
            "or disable encryption with --no-encrypt parameter.",
        ];
        return Err(Failure { exit: Exit::USAGE, lines: lines.map(str::to_owned).to_vec() });
    }
    let options = &cx.settings.sync_options();
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
            Err(mixed_sources(sources))
        }
        (Location::S3(destination), false, true) => {
            up::run(cx, options, local, destinations(cx, destination)?).await
        }
        (Location::Local(path), true, false) => down::run(cx, options, &with_buckets(remote)?, path).await,
        (Location::S3(destination), true, false) => {
            between::run(cx, options, &with_buckets(remote)?, with_buckets(vec![destination])?.remove(0))
                .await
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

/// The failure for a mix of local and remote sources: the first source determines the expected kind (measured on s3cmd
/// 2.4.0).
fn mixed_sources(sources: &[OsString]) -> Failure {
    let expects_remote = is_remote(&sources[0]);
    let wrong = sources.iter().find(|source| match Location::parse(source) {
        Location::S3(_) => !expects_remote,
        Location::Local(path) => expects_remote || !path.exists(),
    });
    let wrong = wrong.unwrap_or(&sources[0]).to_string_lossy();
    Failure::parameter(if expects_remote {
        format!("Expecting S3 URI instead of '{wrong}'")
    } else {
        format!("Invalid source: '{wrong}' is not an existing file or directory")
    })
}

/// The destination and those of `--add-destination`.
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
    with_buckets(all)
}

fn with_buckets(uris: Vec<S3Uri>) -> Outcome<Vec<S3Uri>> {
    match uris.iter().find(|uri| uri.bucket.is_empty()) {
        Some(uri) => {
            Err(Failure::parameter(format!("Expecting S3 URI with a bucket name instead of '{uri}'")))
        }
        None => Ok(uris),
    }
}

/// The listings for the sources, and the areas of the destination that they correspond to. A prefix with a trailing
/// slash selects what is below it; without one, the object of that name and everything below it, under that name.
/// Siblings that merely begin with the same characters are never selected.
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

/// Compares the source with the destination.
async fn compare(
    cx: &Context,
    options: &SyncOptions,
    source: Items,
    destination: Items,
    planning: &Planning,
    cache: Option<Arc<Md5Cache>>,
) -> Outcome<(Plan, Arc<Comparator>)> {
    let comparator = Comparator::new(cx.client().clone(), options, cx.width(), cache);
    let plan = Plan::collect(comparator.clone().compare(pairs(source, destination)), planning).await?;
    Ok((plan, comparator))
}

/// Whether the planned deletions may be done. They are not if a source is empty, unless `--force` is given, or if there
/// are more than `--max-delete`. Possible copies of something that could not be read are removed from the plan.
fn may_delete(options: &SyncOptions, plan: &mut Plan, source: &Tally) -> Outcome<bool> {
    if options.delete_removed && source.unreadable() > 0 {
        let unread = source.unread_names();
        plan.removed.protect(|relative| unread.covers(relative))?;
    }
    if !options.delete_removed || plan.removed.is_empty() {
        return Ok(false);
    }
    if (plan.would_empty() || source.empty() > 0) && !options.force {
        log::warn!(
            "delete: cowardly refusing to delete because no source files were found.  Use --force to override."
        );
        return Ok(false);
    }
    if options.max_delete.is_some_and(|max| plan.removed.len() > max) {
        log::warn!("delete: maximum requested number of deletes would be exceeded, none performed.");
        return Ok(false);
    }
    Ok(true)
}

/// The deletions that remain after the transfers. If a transfer failed, `--delete-after` allows none. If they only wait
/// for copies, they exclude the sources of failed copies.
fn after_transfers(
    options: &SyncOptions,
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
    if failed > 0 && options.delete_after {
        log::warn!("delete: no deletes performed because {failed} transfers failed.");
        return Ok(None);
    }
    Ok(Some(removed))
}

/// Names at the destination whose copies failed.
type Uncopied = Mutex<HashSet<String>>;

/// Records that something was neither copied nor transferred instead.
fn record_uncopied(uncopied: &Uncopied, item_result: ItemResult, from: String) {
    if !matches!(item_result, ItemResult::Done | ItemResult::Skipped) {
        uncopied.lock().unwrap_or_else(PoisonError::into_inner).insert(from);
    }
}

/// The outcome of a run of `total` items.
fn outcome(failed: u64, total: u64) -> Outcome {
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
