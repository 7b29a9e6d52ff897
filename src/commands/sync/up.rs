//! `sync` from local files to a store.

use super::report::Report;
use super::{Uncopied, after_transfers, compare, may_delete, outcome, record_uncopied};
use crate::commands::shared::cloudfront;
use crate::commands::shared::context::Context;
use crate::commands::shared::selection::listed_names;
use crate::commands::shared::uploads;
use crate::output::{CopyForm, Event, Exit, Failure, InvalidationForm, Outcome, Position, error_text};
use crate::transfer::delete::delete_keys;
use crate::transfer::local::select::{look_up, selects_contents};
use crate::transfer::local::walk::{WalkOptions, key_name};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::plan::spool::Spool;
use crate::transfer::sync::duplicates::{self, Copy, Work};
use crate::transfer::sync::name_rules::NameRules;
use crate::transfer::sync::plan::{Count, Plan, Planning};
use crate::transfer::sync::removed::Removed;
use crate::transfer::sync::sources::{self, Area, Root, Tally};
use crate::transfer::sync::{Item, SyncOptions};
use crate::transfer::unread::{Extent, UnreadNames};
use crate::transfer::upload::{UploadError, Uploader};
use crate::uri::S3Uri;
use s3cmd_client::http::request::Progress;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The local sources, and the areas of the destination that they correspond to.
struct Sources {
    roots: Vec<Root>,
    areas: Vec<Area>,
    options: WalkOptions,
    /// Missing names of `--files-from`; each was reported.
    missing: UnreadNames,
    /// Number of unusable arguments; each was reported.
    unusable: u64,
}

pub(super) async fn run(
    cx: &Context,
    options: &SyncOptions,
    paths: Vec<PathBuf>,
    destinations: Vec<S3Uri>,
) -> Outcome {
    if options.invalidate && destinations.len() > 1 {
        let problem = "You cannot use both --cf-invalidate and --add-destination.";
        return Err(Failure::new(Exit::USAGE, problem));
    }
    let sources = sources(cx, &paths)?;
    let mut failure = None;
    for destination in &destinations {
        check_destination(destination, &sources)?;
    }
    for destination in destinations {
        let done = sync_one(cx, options, &sources, &destination).await;
        // Failures of single files do not keep the other destinations from being synced.
        match done {
            Err(partial) if partial.exit == Exit::PARTIAL && !cx.settings.stop_on_error => {
                failure = Some(partial);
            }
            other => other?,
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Measured on s3cmd 2.4.0: `dir` keeps its name, `dir/` and `.` select their contents.
fn sources(cx: &Context, paths: &[PathBuf]) -> Outcome<Sources> {
    log::info!("Compiling list of local files...");
    let selection = &cx.selection;
    let options = WalkOptions {
        follow_symlinks: selection.follow_symlinks,
        directories: selection.keep_dirs,
        verbatim: selection.verbatim,
        prune: Some(selection.filter.clone()).filter(|filter| !filter.is_empty()),
        ..WalkOptions::default()
    };
    let missing = UnreadNames::default();
    let mut found = Sources { roots: Vec::new(), areas: Vec::new(), options, missing, unusable: 0 };
    for path in paths {
        // This includes dangling links.
        if std::fs::metadata(path).is_err() {
            return Err(Failure::parameter(format!(
                "Invalid source: '{}' is not an existing file or directory",
                path.display()
            )));
        }
        // A link to a directory that is named as an argument is followed.
        let is_dir = path.is_dir();
        let name = path.file_name().filter(|_| !(is_dir && selects_contents(path)));
        let Some(name) = name else {
            found.areas.push(Area::Everything);
            found.roots.push(Root::Directory { path: path.clone(), prefix: String::new() });
            continue;
        };
        let Some(name) = key_name(name, selection.verbatim) else {
            log::warn!("Skipping over {}: the name is not UTF-8, and a key has to be", path.display());
            found.unusable += 1;
            continue;
        };
        if is_dir {
            found.areas.push(Area::Below(name.clone()));
            found.roots.push(Root::Directory { path: path.clone(), prefix: format!("{name}/") });
        } else {
            found.areas.push(Area::Name(name.clone()));
            found.roots.push(Root::File { path: path.clone(), relative: name });
        }
    }
    if !selection.files_from.is_empty() {
        use_listed_files(cx, &mut found)?;
    }
    Ok(found)
}

/// Replaces the one source directory with the files below it that `--files-from` names.
fn use_listed_files(cx: &Context, sources: &mut Sources) -> Outcome {
    let [Root::Directory { path: base, prefix }] = &sources.roots[..] else {
        return Err(Failure::parameter("Only one source directory can be given with --files-from"));
    };
    let (base, prefix) = (base.clone(), prefix.clone());
    let listed = look_up(&base, listed_names(&cx.selection.files_from), sources.options.verbatim)?;
    for name in &listed.missing {
        sources.missing.add(&format!("{prefix}{name}"), Extent::Both);
    }
    sources.unusable += listed.unusable;
    let file = |(name, path)| Root::File { path, relative: format!("{prefix}{name}") };
    sources.roots = listed.found.into_iter().map(file).collect();
    Ok(())
}

/// A destination that is not a directory can only be the name of a single file.
fn check_destination(destination: &S3Uri, sources: &Sources) -> Outcome {
    let single = matches!(&sources.areas[..], [Area::Name(_)]);
    if destination.key.is_empty() || destination.key.ends_with('/') || single {
        return Ok(());
    }
    Err(Failure::parameter(
        "Destination S3 URI must end with '/' (ie must refer to a directory on the remote side).",
    ))
}

/// How relative names become keys.
#[derive(Clone, Debug)]
struct Target {
    destination: S3Uri,
    /// Whether the destination is the name of a single file.
    exact: bool,
    /// The written keys, if CloudFront has to invalidate them.
    written: Option<Arc<Mutex<Spool<String>>>>,
}

impl Target {
    fn uri(&self, relative: &str) -> S3Uri {
        if self.exact {
            return self.destination.clone();
        }
        self.destination.with_key(format!("{}{relative}", self.destination.key))
    }

    /// Records a written object.
    fn record_written(&self, uri: &S3Uri) -> Outcome {
        if let Some(written) = &self.written {
            written.lock().unwrap_or_else(PoisonError::into_inner).push(&uri.key)?;
        }
        Ok(())
    }

    /// Invalidates the written objects in CloudFront.
    async fn invalidate(self, cx: &Context) -> Outcome {
        let Some(written) = self.written else { return Ok(()) };
        let written = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
        if written.is_empty() {
            log::info!("Nothing to invalidate in CloudFront");
            return Ok(());
        }
        let service = cloudfront::service(cx);
        let all = service.distributions().await?;
        let distributions =
            cloudfront::InvalidationTarget::find(cx, &service, &all, &self.destination).await?;
        let invalidated =
            distributions.invalidate(cx, written.into_records()?, |distribution, invalidation, paths| {
                cx.console.print(&cloudfront::invalidation_event(
                    distribution,
                    invalidation,
                    paths,
                    InvalidationForm::InShort,
                ))
            });
        invalidated.await
    }
}

async fn sync_one(cx: &Context, options: &SyncOptions, sources: &Sources, destination: &S3Uri) -> Outcome {
    let exact = !(destination.key.is_empty() || destination.key.ends_with('/'));
    let written = options.invalidate.then(Arc::default);
    let target = Target { destination: destination.clone(), exact, written };
    let mut listings = Area::listings(destination, &sources.areas);
    if exact && let [listing] = &mut listings[..] {
        listing.prefix.clone_from(&destination.key);
    }
    log::info!("Retrieving list of remote files for {destination} ...");
    let tally = Arc::new(Tally::new(sources.missing.clone()));
    let rules = Arc::new(NameRules::new(&cx.selection.filter, cx.shard(), &sources.roots));
    let local =
        rules.clone().walked(sources::local(sources.roots.clone(), sources.options.clone(), tally.clone()));
    let remote = rules.mirrored(sources::remote(cx.client(), listings, &Arc::default()));
    let planning = Planning { find_duplicates: options.checks.md5, ..Planning::of(&sources.areas) };
    let (mut plan, comparator) = compare(cx, options, local, remote, &planning, cx.md5_cache()).await?;
    let (local, remote) = (plan.source.files, plan.destination.files);
    log::info!("Found {local} local files, {remote} remote files");
    log::info!("Verifying attributes...");
    let work = duplicates::find(&mut plan, Some(&comparator).filter(|_| options.checks.md5)).await?;
    let delete = may_delete(options, &mut plan, &tally)?;
    let removed = if delete { plan.removed.len() } else { 0 };
    let (uploads, copies) = (work.transfers.len(), work.copies.len());
    log::info!(
        "Summary: {uploads} local files to upload, {copies} files to remote copy, {removed} remote files to delete"
    );
    let unusable = sources.unusable + tally.unusable() + tally.unreadable();
    if cx.settings.dry_run {
        dry_run(cx, plan, work, &target, delete).await?;
        return outcome(unusable, unusable + uploads + copies + removed);
    }

    let mut report = Report::new(plan.source);
    let mut failed = unusable;
    let total = unusable + uploads + copies + removed;
    // Objects that are copied at the destination must exist until then.
    let after = options.delete_after || copies > 0;
    let mut removed = Some(std::mem::take(&mut plan.removed)).filter(|_| delete);
    if let Some(removed) = removed.take_if(|_| !after) {
        failed += delete_all(cx, removed, &target, &mut report).await?;
    }
    let uploader = cx.uploader();
    failed += upload_all(cx, &uploader, work.transfers, work.bytes, &target, &mut report).await?;
    let uncopied = Arc::new(Uncopied::default());
    failed += copy_all(cx, &uploader, work.copies, &target, &uncopied, &mut report).await?;
    if let Some(removed) = after_transfers(options, removed, failed - unusable, &uncopied)? {
        failed += delete_all(cx, removed, &target, &mut report).await?;
    }
    uploader.forget_completed(&target.destination).await;
    report.bytes(cx, "Uploaded")?;
    target.invalidate(cx).await?;
    outcome(failed, total)
}

async fn dry_run(cx: &Context, plan: Plan, work: Work, target: &Target, delete: bool) -> Outcome {
    for name in plan.excluded.into_records()? {
        cx.console.stream(&Event::Exclude { name: &name? })?;
    }
    for item in work.transfers.into_records()? {
        let item = item?;
        cx.console.stream(&uploads::planned(item.shown(), &target.uri(&item.relative)))?;
    }
    for copy in work.copies.into_records()? {
        let Copy { item, from, .. } = copy?;
        let form = CopyForm::Relative { from: &from, to: &item.relative };
        let (from, to) = (&target.uri(&from), &target.uri(&item.relative));
        cx.console.stream(&Event::Copy { from, to, position: None, dry_run: true, form })?;
    }
    if delete {
        for item in plan.removed.into_items()? {
            let uri = item?.uri();
            cx.console.stream(&Event::deletion(&uri.bucket, &uri.key, None, true))?;
        }
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    Ok(())
}

async fn delete_all(cx: &Context, removed: Removed, target: &Target, report: &mut Report) -> Outcome<u64> {
    let keys = removed.into_items()?.map(|item| Ok(item.map(|item| item.uri().key)?));
    let bucket = &target.destination.bucket;
    let summary =
        delete_keys(cx.client(), &cx.console, bucket, futures::stream::iter(keys), cx.delete_options())
            .await?;
    report.deleted += summary.done;
    Ok(summary.failed)
}

async fn upload_all(
    cx: &Context,
    uploader: &Uploader,
    transfers: Spool<Item>,
    bytes: u64,
    target: &Target,
    report: &mut Report,
) -> Outcome<u64> {
    let total = transfers.len();
    let display = cx.console.display(total, cx.width());
    display.bytes(|| bytes);
    let (moved, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let items = transfers.into_records()?.zip(0..).map(|(item, index)| Ok((index, item?)));
    let stop = cx.settings.stop_on_error;
    let summary = ordered_tasks::in_order(cx.width(), stop, futures::stream::iter(items), |(index, item)| {
        let (cx, uploader, target) = (cx.clone(), uploader.clone(), target.clone());
        let uri = target.uri(&item.relative);
        let (moved, bytes) = (moved.clone(), bytes.clone());
        async move {
            let position = Position::at(index, total);
            let (item_result, size) = upload(&cx, &uploader, &item, &uri, position).await?;
            if item_result == ItemResult::Done {
                target.record_written(&uri)?;
                moved.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(size, Ordering::Relaxed);
            }
            Ok(item_result)
        }
    })
    .await?;
    stopped(cx, summary.failed)?;
    report.moved.files += moved.load(Ordering::Relaxed);
    report.moved.bytes += bytes.load(Ordering::Relaxed);
    Ok(summary.failed + summary.missing)
}

async fn upload(
    cx: &Context,
    uploader: &Uploader,
    item: &Item,
    uri: &S3Uri,
    position: Position,
) -> Outcome<(ItemResult, u64)> {
    let path = item.shown();
    let progress = Progress::default();
    let started = Instant::now();
    let _counted = cx.console.item(item.size);
    if item.is_directory() {
        let made = uploader.directory(item.path(), uri).await.map(|()| Some(0)).map_err(UploadError::from);
        return Ok((uploads::finish(cx, path, uri, position, started, made)?, 0));
    }
    log::info!("Sending file '{path}', please wait...");
    let label = || format!("upload: '{path}' -> '{uri}'  {position}");
    let meter = cx.console.meter(&path.to_string(), label, item.size, &progress);
    let sent = uploader.file(item.path(), uri, &progress).await;
    meter.end(sent.is_ok());
    let size = sent.as_ref().ok().copied().flatten().unwrap_or(0);
    Ok((uploads::finish(cx, path, uri, position, started, sent)?, size))
}

/// Copies duplicates from objects at the destination. What cannot be copied is uploaded instead.
async fn copy_all(
    cx: &Context,
    uploader: &Uploader,
    copies: Spool<Copy>,
    target: &Target,
    uncopied: &Arc<Uncopied>,
    report: &mut Report,
) -> Outcome<u64> {
    let total = copies.len();
    let (copied, moved) = (Arc::new(Mutex::new(Count::default())), Arc::new(Mutex::new(Count::default())));
    let items = copies.into_records()?.zip(0..).map(|(copy, index)| Ok((index, copy?)));
    let stop = cx.settings.stop_on_error;
    let summary = ordered_tasks::in_order(cx.width(), stop, futures::stream::iter(items), |(index, copy)| {
        let (cx, uploader, target) = (cx.clone(), uploader.clone(), target.clone());
        let (copied, moved, uncopied) = (copied.clone(), moved.clone(), uncopied.clone());
        let count =
            |count: &Mutex<Count>, bytes| count.lock().unwrap_or_else(PoisonError::into_inner).add(bytes);
        async move {
            let Copy { item, from, md5 } = copy;
            let (from_uri, to) = (target.uri(&from), target.uri(&item.relative));
            let position = Position::at(index, total);
            match uploader.duplicate(item.path(), md5, &from_uri, &to).await {
                Ok(()) => {
                    count(&copied, item.size);
                    target.record_written(&to)?;
                    let form = CopyForm::Relative { from: &from, to: &item.relative };
                    let (from, to, position) = (&from_uri, &to, Some(position));
                    cx.console.print(&Event::Copy { from, to, position, dry_run: false, form })?;
                    Ok(ItemResult::Done)
                }
                Err(error) => {
                    let why = error_text(&error);
                    log::info!("'{from_uri}' could not be copied ({why}): uploading '{}'", item.shown());
                    let (item_result, size) = upload(&cx, &uploader, &item, &to, position).await?;
                    if item_result == ItemResult::Done {
                        target.record_written(&to)?;
                        count(&moved, size);
                    }
                    record_uncopied(&uncopied, item_result, from);
                    Ok(item_result)
                }
            }
        }
    })
    .await?;
    stopped(cx, summary.failed)?;
    let value_of = |count: &Mutex<Count>| *count.lock().unwrap_or_else(PoisonError::into_inner);
    let (copied, moved) = (value_of(&copied), value_of(&moved));
    report.copied.files += copied.files;
    report.copied.bytes += copied.bytes;
    report.moved.files += moved.files;
    report.moved.bytes += moved.bytes;
    Ok(summary.failed + summary.missing)
}

fn stopped(cx: &Context, failed: u64) -> Outcome {
    if cx.settings.stop_on_error && failed > 0 {
        return Err(Failure::new(Exit::DATAERR, "Exiting now because of --stop-on-error"));
    }
    Ok(())
}
