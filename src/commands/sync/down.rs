//! `sync` from a store to local files.

use super::fetch::{Run, copy_all, download_all, finish_directories, lock};
use super::report::Report;
use super::{Uncopied, after_transfers, compare, listings, may_delete, outcome};
use crate::commands::shared::context::Context;
use crate::commands::shared::downloads;
use crate::output::{DisplayPath, Event, Failure, Outcome};
use crate::transfer::destination::Destination;
use crate::transfer::local::delete::delete_local;
use crate::transfer::local::walk::WalkOptions;
use crate::transfer::sync::SyncOptions;
use crate::transfer::sync::duplicates::{self, Work};
use crate::transfer::sync::name_rules::NameRules;
use crate::transfer::sync::plan::{Count, Plan, Planning};
use crate::transfer::sync::removed::Removed;
use crate::transfer::sync::sources::{self, Area, Root, Tally};
use crate::uri::S3Uri;
use s3cmd_client::list::ListOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub(super) async fn run(cx: &Context, options: &SyncOptions, uris: &[S3Uri], path: PathBuf) -> Outcome {
    let (from, areas) = listings(uris);
    for uri in uris {
        log::info!("Retrieving list of remote files for {uri} ...");
    }
    let Some(destination) = destination(cx, uris, &from, &path).await? else {
        return report_nothing(cx);
    };
    let roots = roots(&destination, &path, &areas, uris);
    log::info!("Compiling list of local files...");
    let tally = Arc::new(Tally::default());
    let walk = WalkOptions {
        follow_symlinks: cx.selection.follow_symlinks,
        directories: true,
        verbatim: true,
        prune: None,
        names_only: false,
        destination: true,
        tidy: !cx.settings.dry_run,
    };
    let rules = Arc::new(NameRules::new(&cx.selection.filter, cx.shard(), &roots));
    let source = Arc::new(Tally::default());
    let remote = rules.clone().walked(sources::remote(cx.client(), from, &source));
    let local = rules.guarded(sources::local(roots, walk, tally.clone()));
    let planning = Planning { find_duplicates: options.checks.md5, to_files: true, ..Planning::of(&areas) };
    let (mut plan, comparator) = compare(cx, options, remote, local, &planning, None).await?;
    log::info!(
        "Found {} remote file objects, {} local files and directories",
        plan.source.files,
        plan.destination.files
    );
    log::info!("Verifying attributes...");
    let work = duplicates::find(&mut plan, Some(&comparator).filter(|_| options.checks.md5)).await?;
    let delete = may_delete(options, &mut plan, &source)?;
    log::info!(
        "Summary: {} remote files to download, {} local files to delete, {} local files to hardlink",
        work.transfers.len(),
        if delete { plan.removed.len() } else { 0 },
        work.copies.len()
    );
    // A local name that cannot be a key is not a copy of any object: it stays, and is not a failure.
    let unusable = tally.unreadable();
    if cx.settings.dry_run {
        let total = unusable + work.transfers.len() + work.copies.len();
        dry_run(cx, plan, work, &destination, delete)?;
        return outcome(unusable, total);
    }
    transfer(cx, options, plan, work, destination, delete, unusable).await
}

/// The destination directory, or the file for a single object; `None` if there is nothing to download and no directory.
/// Measured on s3cmd 2.4.0: a missing directory is created if its name ends with a slash.
async fn destination(
    cx: &Context,
    uris: &[S3Uri],
    from: &[sources::Listing],
    path: &Path,
) -> Outcome<Option<Destination>> {
    let directory = || Ok(Some(Destination::Directory(path.as_os_str().to_owned())));
    if path.is_dir() {
        return directory();
    }
    let with_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if let ([uri], [_, below]) = (uris, from) {
        let options = ListOptions::new(&below.prefix).with_page_size(1);
        let page = cx.client().list_page(&uri.bucket, &options, None).await?;
        if page.entries().next().is_none() {
            return if with_slash { directory() } else { Ok(Some(Destination::File(path.to_owned()))) };
        }
    }
    if !with_slash || path.exists() {
        return Err(Failure::parameter(
            "Destination must be a directory and end with '/' when downloading multiple sources.",
        ));
    }
    directory()
}

fn report_nothing(cx: &Context) -> Outcome {
    Report::new(Count::default()).bytes(cx, "Downloaded")
}

/// The local trees that correspond to the areas.
fn roots(destination: &Destination, path: &Path, areas: &[Area], uris: &[S3Uri]) -> Vec<Root> {
    if let Destination::File(path) = destination {
        let relative = uris.first().map_or("", S3Uri::basename).to_owned();
        return vec![Root::File { path: path.clone(), relative }];
    }
    if !path.is_dir() {
        return Vec::new();
    }
    if areas.contains(&Area::Everything) {
        return vec![Root::Directory { path: path.to_owned(), prefix: String::new() }];
    }
    let mut names: Vec<&String> = areas
        .iter()
        .filter_map(|area| match area {
            Area::Everything => None,
            Area::Below(name) | Area::Name(name) | Area::Either(name) => Some(name),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    // A local `..` is outside the destination, and `.` is not a name in it: such a source corresponds to nothing here.
    names.retain(|name| !matches!(name.as_str(), "." | ".."));
    let roots = names.into_iter().map(|name| {
        let path = path.join(name);
        if path.is_dir() && !path.is_symlink() {
            Root::Directory { path, prefix: format!("{name}/") }
        } else {
            Root::File { path, relative: name.clone() }
        }
    });
    roots.collect()
}

fn dry_run(cx: &Context, plan: Plan, work: Work, destination: &Destination, delete: bool) -> Outcome {
    for name in plan.excluded.into_records()? {
        cx.console.stream(&Event::Exclude { name: &name? })?;
    }
    if delete {
        for item in plan.removed.into_items()? {
            let item = item?;
            cx.console.stream(&Event::DeleteFile { path: item.shown(), dry_run: true })?;
        }
    }
    for item in work.transfers.into_records()? {
        let item = item?;
        let (from, to) = (item.uri(), destination.named(&item.relative));
        cx.console.stream(&downloads::planned(&from, DisplayPath::new(&to)))?;
    }
    for copy in work.copies.into_records()? {
        let item = copy?.item;
        let (from, to) = (item.uri(), destination.named(&item.relative));
        cx.console.stream(&downloads::planned(&from, DisplayPath::new(&to)))?;
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    Ok(())
}

async fn transfer(
    cx: &Context,
    options: &SyncOptions,
    mut plan: Plan,
    work: Work,
    destination: Destination,
    delete: bool,
    unusable: u64,
) -> Outcome {
    let mut report = Report::new(plan.source);
    let mut failed = unusable;
    // Copied files must exist until then.
    let after = options.delete_after || !work.copies.is_empty();
    let mut removed = Some(std::mem::take(&mut plan.removed)).filter(|_| delete);
    let total =
        unusable + work.transfers.len() + work.copies.len() + removed.as_ref().map_or(0, Removed::len);
    if let (Destination::Directory(path), false) = (&destination, work.transfers.is_empty()) {
        std::fs::create_dir_all(path).map_err(|error| Failure::file(path.to_string_lossy(), &error))?;
    }
    let download = cx.settings.download_options();
    let run = Arc::new(Run {
        finish: download.finish(&destination, true),
        options: download,
        destination,
        conflicts: std::mem::take(&mut plan.conflicts),
        claimed: std::mem::take(&mut plan.claimed),
        moved: Mutex::default(),
        copied: Mutex::default(),
        directories: Mutex::default(),
        owners_kept: Mutex::default(),
        uncopied: Uncopied::default(),
    });
    if let Some(removed) = removed.take_if(|_| !after) {
        failed += delete_all(cx, &run, removed, &mut report)?;
    }
    failed += download_all(cx, &run, work.transfers, work.bytes).await?;
    failed += copy_all(cx, &run, work.copies).await?;
    if let Some(removed) = after_transfers(options, removed, failed - unusable, &run.uncopied)? {
        failed += delete_all(cx, &run, removed, &mut report)?;
    }
    finish_directories(&run);
    let kept = *lock(&run.owners_kept);
    if kept > 0 {
        log::warn!("Can't set owner/group of {kept} files (only root can)");
    }
    report.moved = *lock(&run.moved);
    report.copied = *lock(&run.copied);
    report.bytes(cx, "Downloaded")?;
    outcome(failed, total)
}

/// Deletes what the store does not have, the contents of directories before the directories.
fn delete_all(cx: &Context, run: &Run, removed: Removed, report: &mut Report) -> Outcome<u64> {
    let mut failed = 0;
    let mut bytes = report.deleted_bytes.unwrap_or(0);
    for item in removed.into_reversed()? {
        let item = item?;
        if run.claimed.contains(&item.relative) {
            continue;
        }
        match delete_local(item.path(), item.is_directory()) {
            Ok(true) => {
                report.deleted += 1;
                bytes += item.size;
                let path = item.shown();
                cx.console.stream(&Event::DeleteFile { path, dry_run: false })?;
            }
            Ok(false) => {}
            Err(why) => {
                cx.console.flush()?;
                log::error!("Delete of '{}' failed (Reason: {why})", item.shown());
                failed += 1;
            }
        }
    }
    cx.console.flush()?;
    report.deleted_bytes = Some(bytes);
    Ok(failed)
}
