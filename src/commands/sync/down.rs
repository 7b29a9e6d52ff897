//! `sync` from a store to local files.

use super::report::Report;
use super::{Uncopied, after_transfers, compare, ended, listings, may_delete, note_uncopied};
use crate::commands::get;
use crate::commands::shared::context::Context;
use crate::output::{DisplayPath, Event, Exit, Failure, Moved, Outcome, Position, reason};
use crate::s3::Error;
use crate::s3::request::Progress;
use crate::transfer::compare::{Stored, md5_of_file};
use crate::transfer::destination::{Destination, Place, plain_name};
use crate::transfer::download::{Finish, Known, Received, Target, copy_file, download};
use crate::transfer::file_attributes::restore::{Owner, Restore};
use crate::transfer::local::delete::delete_local;
use crate::transfer::local::walk::WalkOptions;
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::plan::spool::Spool;
use crate::transfer::proof::{Evidence, Proof};
use crate::transfer::sync::Item;
use crate::transfer::sync::duplicates::{self, Copy, Work};
use crate::transfer::sync::name_rules::NameRules;
use crate::transfer::sync::plan::{Count, Plan, Planning};
use crate::transfer::sync::removed::Removed;
use crate::transfer::sync::sources::{self, Area, Root, Tally};
use crate::uri::S3Uri;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

pub(super) async fn run(cx: &Context, uris: &[S3Uri], path: PathBuf) -> Outcome {
    let settings = &cx.settings;
    let (from, areas) = listings(uris);
    for uri in uris {
        log::info!("Retrieving list of remote files for {uri} ...");
    }
    let Some(destination) = destination(cx, uris, &from, &path).await? else {
        return nothing(cx);
    };
    let roots = roots(&destination, &path, &areas, uris);
    log::info!("Compiling list of local files...");
    let tally = Arc::new(Tally::default());
    let options = WalkOptions {
        follow_symlinks: settings.follow_symlinks,
        directories: true,
        verbatim: true,
        prune: None,
        names_only: false,
        destination: true,
        tidy: !settings.dry_run,
    };
    let rules = Arc::new(NameRules::new(&settings.filter, cx.shard(), &roots));
    let source = Arc::new(Tally::default());
    let remote = rules.clone().walked(sources::remote(cx.client(), from, &source));
    let local = rules.guarded(sources::local(roots, options, tally.clone()));
    let planning =
        Planning { find_duplicates: settings.sync_checks_md5, to_files: true, ..Planning::of(&areas) };
    let (mut plan, comparator) = compare(cx, remote, local, &planning, None).await?;
    log::info!(
        "Found {} remote file objects, {} local files and directories",
        plan.source.files,
        plan.destination.files
    );
    log::info!("Verifying attributes...");
    let work = duplicates::find(&mut plan, Some(&comparator).filter(|_| settings.sync_checks_md5)).await?;
    let delete = may_delete(cx, &mut plan, &source)?;
    log::info!(
        "Summary: {} remote files to download, {} local files to delete, {} local files to hardlink",
        work.transfers.len(),
        if delete { plan.removed.len() } else { 0 },
        work.copies.len()
    );
    // A name here that cannot be a key is nobody's copy: it stays, and is no failure.
    let unusable = tally.unreadable();
    if settings.dry_run {
        let total = unusable + work.transfers.len() + work.copies.len();
        dry_run(cx, plan, work, &destination, delete)?;
        return ended(unusable, total);
    }
    transfer(cx, plan, work, destination, delete, unusable).await
}

/// The directory, or the name for a single object; `None` where there is nothing to fetch and no directory. Rules
/// measured on s3cmd 2.4.0: a directory that does not exist is made if it is named with a slash at its end.
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
        let options = crate::s3::list::ListOptions {
            prefix: below.prefix.clone(),
            page_size: Some(1),
            ..Default::default()
        };
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

fn nothing(cx: &Context) -> Outcome {
    Report::new(Count::default()).bytes(cx, "Downloaded")
}

/// The local trees that answer to the areas.
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
    // A local `..` is no part of the destination, nor is `.` a name in it: such a source answers for nothing here.
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
        cx.console.stream(&get::planned(&from, DisplayPath::new(&to)))?;
    }
    for copy in work.copies.into_records()? {
        let item = copy?.item;
        let (from, to) = (item.uri(), destination.named(&item.relative));
        cx.console.stream(&get::planned(&from, DisplayPath::new(&to)))?;
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    Ok(())
}

/// What the downloads of a run share.
#[derive(Debug)]
struct Run {
    destination: Destination,
    finish: Finish,
    conflicts: HashMap<String, &'static str>,
    claimed: HashSet<String>,
    moved: Mutex<Count>,
    copied: Mutex<Count>,
    /// Directories whose attributes are set at the end, when nothing is written into them any more.
    directories: Mutex<Vec<(PathBuf, Restore)>>,
    /// Files whose owner only root could set.
    owners_kept: Mutex<u64>,
    uncopied: Uncopied,
}

async fn transfer(
    cx: &Context,
    mut plan: Plan,
    work: Work,
    destination: Destination,
    delete: bool,
    unusable: u64,
) -> Outcome {
    let settings = &cx.settings;
    let mut report = Report::new(plan.source);
    let mut failed = unusable;
    // What is copied must be there until then.
    let after = settings.delete_after || !work.copies.is_empty();
    let mut removed = Some(std::mem::take(&mut plan.removed)).filter(|_| delete);
    let total =
        unusable + work.transfers.len() + work.copies.len() + removed.as_ref().map_or(0, Removed::len);
    if let (Destination::Directory(path), false) = (&destination, work.transfers.is_empty()) {
        std::fs::create_dir_all(path).map_err(|error| Failure::file(path.to_string_lossy(), &error))?;
    }
    let run = Arc::new(Run {
        finish: get::finish(cx, &destination, true),
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
    if let Some(removed) = after_transfers(cx, removed, failed - unusable, &run.uncopied)? {
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
    ended(failed, total)
}

/// Deletes what the store does not have, what is in directories before them.
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

async fn download_all(cx: &Context, run: &Arc<Run>, transfers: Spool<Item>, bytes: u64) -> Outcome<u64> {
    let total = transfers.len();
    let display = cx.console.display(total, cx.width());
    display.bytes(|| bytes);
    let items = transfers.into_records()?.zip(0..).map(|(item, index)| Ok((index, item?)));
    let stop = cx.settings.stop_on_error;
    let summary = ordered_tasks::in_order(cx.width(), stop, futures::stream::iter(items), |(index, item)| {
        let (cx, run) = (cx.clone(), run.clone());
        async move {
            let place = Position::at(index, total);
            let _counted = cx.console.item(item.size);
            if item.is_directory() {
                return make_directory(&cx, &run, &item, place).await;
            }
            fetch(&cx, &run, &item, place).await
        }
    })
    .await?;
    stopped(cx, summary.failed)?;
    Ok(summary.failed + summary.missing)
}

/// Makes duplicates out of what is here already, without a word, as s3cmd does; each with its own attributes. What
/// cannot be copied is downloaded after all.
async fn copy_all(cx: &Context, run: &Arc<Run>, copies: Spool<Copy>) -> Outcome<u64> {
    let total = copies.len();
    let items = copies.into_records()?.zip(0..).map(|(copy, index)| Ok((index, copy?)));
    let stop = cx.settings.stop_on_error;
    let summary = ordered_tasks::in_order(cx.width(), stop, futures::stream::iter(items), |(index, copy)| {
        let (cx, run) = (cx.clone(), run.clone());
        async move {
            match copy_one(&cx, &run, &copy).await {
                Ok(()) => Ok(ItemResult::Done),
                Err(why) => {
                    log::info!("'{}' could not be copied ({why}): downloading it", copy.from);
                    let item_result = fetch(&cx, &run, &copy.item, Position::at(index, total)).await?;
                    note_uncopied(&run.uncopied, item_result, copy.from);
                    Ok(item_result)
                }
            }
        }
    })
    .await?;
    stopped(cx, summary.failed)?;
    Ok(summary.failed + summary.missing)
}

async fn copy_one(cx: &Context, run: &Arc<Run>, copy: &Copy) -> Result<(), String> {
    let place = |relative: &str| match run.destination.target(relative)? {
        Place::File(path) => Ok(path),
        _ => Err("it is no file".to_owned()),
    };
    if run.conflicts.contains_key(&copy.item.relative) {
        return Err("there is a file in the way".to_owned());
    }
    let (from, to) = (place(&copy.from)?, place(&copy.item.relative)?);
    let uri = copy.item.uri();
    let head = cx.client().head_object(&uri.bucket, &uri.key).await.map_err(|error| error.to_string())?;
    if head.etag != copy.item.etag() {
        return Err("the object has changed".to_owned());
    }
    let prepared = run.destination.prepare(&to).and_then(|()| replaceable(&to));
    prepared.map_err(|error| reason(&error))?;
    let (md5, finish) = (copy.md5, run.finish.clone());
    let made = tokio::task::spawn_blocking(move || copy_file(&from, &to, md5, &head, &finish)).await;
    let owner = made.map_err(|error| error.to_string())?.map_err(|error| match error {
        Error::Io(error) => reason(&error),
        error => error.to_string(),
    })?;
    run.count_owner(owner);
    lock(&run.copied).add(copy.item.size);
    // The file that was copied has the MD5 that the object has.
    let item_etag = copy.item.etag();
    let removed = get::remove_source(cx, &uri, "syncing", item_etag, Proof::Proved(Evidence::Etag)).await;
    removed.map(drop).map_err(|failure| failure.lines.join("; "))
}

async fn make_directory(cx: &Context, run: &Arc<Run>, item: &Item, place: Position) -> Outcome<ItemResult> {
    let name = run.destination.shown(&item.relative);
    let uri = item.uri();
    let path = match run.destination.target(&item.relative) {
        Ok(Place::Directory(path)) => path,
        Ok(_) => return Ok(get::cannot_create(&name, "it is no directory")),
        Err(why) => return Ok(get::cannot_create(&name, &why)),
    };
    let made = get::make_directory(cx, &run.destination, &path, &uri, item.size, &run.finish).await;
    let path = match made {
        Ok(path) => path,
        Err(why) => return Ok(get::cannot_create(&name, &why)),
    };
    if cx.settings.preserve_attrs {
        match cx.client().head_object(&uri.bucket, &uri.key).await {
            Ok(head) => lock(&run.directories).push((path, Restore::of(|name| head.header(name)))),
            Err(error) => return get::failed(&name, error, false),
        }
    }
    lock(&run.moved).add(0);
    let named = run.destination.named(&item.relative);
    cx.console.tell(&Event::Directory { from: &uri, to: DisplayPath::new(&named), place })?;
    get::remove_source(cx, &uri, "syncing", item.etag(), Proof::Proved(Evidence::Etag)).await
}

/// Downloads one object.
async fn fetch(cx: &Context, run: &Arc<Run>, item: &Item, place: Position) -> Outcome<ItemResult> {
    let name = run.destination.shown(&item.relative);
    let uri = item.uri();
    if let Some(why) = run.conflicts.get(&item.relative) {
        return Ok(get::cannot_create(&name, why));
    }
    let path = match run.destination.target(&item.relative) {
        Ok(Place::File(path)) => path,
        Ok(_) => return Ok(get::cannot_create(&name, "Is a directory")),
        Err(why) => return Ok(get::cannot_create(&name, &why)),
    };
    if let Some(plain) = plain_name(&item.relative) {
        match odd(cx, item, &plain, &path).await {
            Err(error) => return get::failed(&name, error, false),
            Ok(Odd::There) => return Ok(ItemResult::Skipped),
            Ok(Odd::Taken) => return Ok(get::cannot_create(&name, "another object becomes the same file")),
            Ok(Odd::Free) => {}
        }
    }
    if let Err(error) = run.destination.prepare(&path).and_then(|()| replaceable(&path)) {
        if error.kind() == io::ErrorKind::IsADirectory {
            // In s3cmd's words, which are about the name.
            log::error!("Download of '{}' failed (Reason: {name} is a directory)", item.relative);
            return Ok(ItemResult::Failed);
        }
        return Ok(get::cannot_create(&name, &reason(&error)));
    }
    let target = Target::File(path);
    log::info!("Receiving file '{name}', please wait...");
    let progress = Progress::default();
    let started = Instant::now();
    let label = || format!("download: '{uri}' -> '{name}'  {place}");
    let meter = cx.console.meter(&name, label, item.size, &progress);
    let known = Known::Listed { size: item.size, etag: item.etag().to_owned() };
    let received = download(cx.client(), &uri, known, &target, false, None, &run.finish, &progress).await;
    meter.end(received.is_ok());
    let Received { size, etag, owner, proof, .. } = match received {
        Ok(received) => received,
        Err(error) => return get::failed(&name, error, false),
    };
    run.count_owner(owner);
    let seconds = started.elapsed().as_secs_f64();
    lock(&run.moved).add(size);
    if !cx.console.shows_progress() {
        let named = run.destination.named(&item.relative);
        let (from, to) = (&uri, DisplayPath::new(&named));
        let (moved, place) = (Some(Moved { size, seconds }), Some(place));
        let word = Some(proof.word());
        let told = Event::Download { from, to, moved, place, proof: word, dry_run: false, numbered: true };
        cx.console.tell(&told)?;
    }
    get::remove_source(cx, &uri, "syncing", &etag, proof).await
}

/// A link in the way is replaced, not followed, which might lead out of the destination; so is anything else but a
/// directory.
fn replaceable(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Ok(()),
    }
}

/// What is known of the file that an object with an odd name becomes, which the comparison of names cannot find.
enum Odd {
    /// It has the object's content.
    There,
    /// It is the file of the object with the plain name.
    Taken,
    /// It can be written.
    Free,
}

async fn odd(cx: &Context, item: &Item, plain: &str, path: &Path) -> Result<Odd, Error> {
    let uri = item.uri();
    let base = &uri.key[..uri.key.len() - item.relative.len().min(uri.key.len())];
    match cx.client().head_object(&uri.bucket, &format!("{base}{plain}")).await {
        Ok(_) => return Ok(Odd::Taken),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    let (path, size) = (path.to_owned(), item.size);
    let there = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == size);
    let hashed = tokio::task::spawn_blocking(move || md5_of_file(&path, size));
    let same = there
        && hashed
            .await
            .is_ok_and(|md5| md5.is_ok_and(|md5| Stored::of_etag(item.etag()) == Stored::Md5(md5)));
    Ok(if same { Odd::There } else { Odd::Free })
}

/// Gives directories their attributes, what is inside before what is around it.
fn finish_directories(run: &Run) {
    let mut directories = std::mem::take(&mut *lock(&run.directories));
    directories.sort_by(|a, b| b.0.cmp(&a.0));
    for (path, stored) in directories {
        match open_directory(&path) {
            Ok(directory) => {
                let (owner, refused) = stored.apply(&directory);
                run.count_owner(owner);
                if let Some(error) = refused {
                    run.finish.report_rejected(&path, &error);
                }
            }
            Err(error) => run.finish.report_rejected(&path, &error),
        }
    }
}

/// Opens a directory, and not what a link leads to.
fn open_directory(path: &Path) -> io::Result<std::fs::File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::DIRECTORY).bits()).unwrap_or(0);
    std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

impl Run {
    fn count_owner(&self, owner: Owner) {
        if owner == Owner::Kept {
            *lock(&self.owners_kept) += 1;
        }
    }
}

fn stopped(cx: &Context, failed: u64) -> Outcome {
    if cx.settings.stop_on_error && failed > 0 {
        return Err(Failure::new(Exit::PARTIAL, "Exiting now because of --stop-on-error"));
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
