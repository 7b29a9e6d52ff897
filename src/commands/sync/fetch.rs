//! How `sync` writes local files: downloads, copies of duplicates, directories.

use super::{Uncopied, record_uncopied};
use crate::commands::shared::context::Context;
use crate::commands::shared::downloads;
use crate::output::{DisplayPath, Event, Exit, Failure, Moved, Outcome, Position, error_text, reason};
use crate::transfer::compare::{Stored, md5_of_file};
use crate::transfer::destination::{Destination, Place, plain_name};
use crate::transfer::download::{DownloadOptions, Finish, Known, Received, Target, copy_file, download};
use crate::transfer::file_attributes::restore::{Owner, Restore};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::plan::spool::Spool;
use crate::transfer::proof::{Evidence, Proof};
use crate::transfer::sync::Item;
use crate::transfer::sync::duplicates::Copy;
use crate::transfer::sync::plan::Count;
use s3cmd_client::Error;
use s3cmd_client::http::request::Progress;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The shared state of the downloads of a run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) destination: Destination,
    pub(super) options: DownloadOptions,
    pub(super) finish: Finish,
    pub(super) conflicts: HashMap<String, &'static str>,
    pub(super) claimed: HashSet<String>,
    pub(super) moved: Mutex<Count>,
    pub(super) copied: Mutex<Count>,
    /// Directories whose attributes are set at the end, when nothing is written into them any longer.
    pub(super) directories: Mutex<Vec<(PathBuf, Restore)>>,
    /// Number of files whose owner could not be set, which only root can do.
    pub(super) owners_kept: Mutex<u64>,
    pub(super) uncopied: Uncopied,
}

impl Run {
    fn count_owner(&self, owner: Owner) {
        if owner == Owner::Kept {
            *lock(&self.owners_kept) += 1;
        }
    }
}

pub(super) async fn download_all(
    cx: &Context,
    run: &Arc<Run>,
    transfers: Spool<Item>,
    bytes: u64,
) -> Outcome<u64> {
    let total = transfers.len();
    let display = cx.console.display(total, cx.width());
    display.bytes(|| bytes);
    let items = transfers.into_records()?.zip(0..).map(|(item, index)| Ok((index, item?)));
    let stop = cx.settings.stop_on_error;
    let summary = ordered_tasks::in_order(cx.width(), stop, futures::stream::iter(items), |(index, item)| {
        let (cx, run) = (cx.clone(), run.clone());
        async move {
            let position = Position::at(index, total);
            let _counted = cx.console.item(item.size);
            if item.is_directory() {
                return make_directory(&cx, &run, &item, position).await;
            }
            fetch(&cx, &run, &item, position).await
        }
    })
    .await?;
    stopped(cx, summary.failed)?;
    Ok(summary.failed + summary.missing)
}

/// Copies duplicates from existing local files, without printing a line, as s3cmd does. Each gets its own attributes.
/// What cannot be copied is downloaded instead.
pub(super) async fn copy_all(cx: &Context, run: &Arc<Run>, copies: Spool<Copy>) -> Outcome<u64> {
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
                    record_uncopied(&run.uncopied, item_result, copy.from);
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
    let target_file = |relative: &str| match run.destination.target(relative)? {
        Place::File(path) => Ok(path),
        _ => Err("it is not a file".to_owned()),
    };
    if run.conflicts.contains_key(&copy.item.relative) {
        return Err("there is a file in the way".to_owned());
    }
    let (from, to) = (target_file(&copy.from)?, target_file(&copy.item.relative)?);
    let uri = copy.item.uri();
    let head = cx.client().head_object(&uri.bucket, &uri.key).await.map_err(|error| error_text(&error))?;
    if head.etag != copy.item.etag() {
        return Err("the object has changed".to_owned());
    }
    let prepared = run.destination.prepare(&to).and_then(|()| replaceable(&to));
    prepared.map_err(|error| reason(&error))?;
    let (md5, finish) = (copy.md5, run.finish.clone());
    let made = tokio::task::spawn_blocking(move || copy_file(&from, &to, md5, &head, &finish)).await;
    let owner = made.map_err(|error| error.to_string())?.map_err(|error| match error {
        Error::Io(error) => reason(&error),
        error => error_text(&error),
    })?;
    run.count_owner(owner);
    lock(&run.copied).add(copy.item.size);
    // The copied file has the object's MD5.
    let item_etag = copy.item.etag();
    let removed =
        downloads::remove_source(cx, &run.options, &uri, "syncing", item_etag, Proof::Proved(Evidence::Etag))
            .await;
    removed.map(drop).map_err(|failure| failure.lines.join("; "))
}

async fn make_directory(
    cx: &Context,
    run: &Arc<Run>,
    item: &Item,
    position: Position,
) -> Outcome<ItemResult> {
    let name = run.destination.shown(&item.relative);
    let uri = item.uri();
    let path = match run.destination.target(&item.relative) {
        Ok(Place::Directory(path)) => path,
        Ok(_) => return Ok(downloads::cannot_create(&name, "it is not a directory")),
        Err(why) => return Ok(downloads::cannot_create(&name, &why)),
    };
    let made =
        downloads::make_directory(cx, &run.options, &run.destination, &path, &uri, item.size, &run.finish)
            .await;
    let path = match made {
        Ok(path) => path,
        Err(why) => return Ok(downloads::cannot_create(&name, &why)),
    };
    if run.options.preserve_attributes {
        match cx.client().head_object(&uri.bucket, &uri.key).await {
            Ok(head) => lock(&run.directories).push((path, Restore::of(|name| head.header(name)))),
            Err(error) => return downloads::failed(&name, error, false),
        }
    }
    lock(&run.moved).add(0);
    let named = run.destination.named(&item.relative);
    cx.console.print(&Event::Directory { from: &uri, to: DisplayPath::new(&named), position })?;
    downloads::remove_source(cx, &run.options, &uri, "syncing", item.etag(), Proof::Proved(Evidence::Etag))
        .await
}

/// Downloads one object.
async fn fetch(cx: &Context, run: &Arc<Run>, item: &Item, position: Position) -> Outcome<ItemResult> {
    let name = run.destination.shown(&item.relative);
    let uri = item.uri();
    if let Some(why) = run.conflicts.get(&item.relative) {
        return Ok(downloads::cannot_create(&name, why));
    }
    let path = match run.destination.target(&item.relative) {
        Ok(Place::File(path)) => path,
        Ok(_) => return Ok(downloads::cannot_create(&name, "Is a directory")),
        Err(why) => return Ok(downloads::cannot_create(&name, &why)),
    };
    if let Some(plain) = plain_name(&item.relative) {
        match unusual_target(cx, item, &plain, &path).await {
            Err(error) => return downloads::failed(&name, error, false),
            Ok(UnusualTarget::Same) => return Ok(ItemResult::Skipped),
            Ok(UnusualTarget::Taken) => {
                return Ok(downloads::cannot_create(&name, "another object becomes the same file"));
            }
            Ok(UnusualTarget::Free) => {}
        }
    }
    if let Err(error) = run.destination.prepare(&path).and_then(|()| replaceable(&path)) {
        if error.kind() == io::ErrorKind::IsADirectory {
            // In s3cmd's words, which are about the name.
            log::error!("Download of '{}' failed (Reason: {name} is a directory)", item.relative);
            return Ok(ItemResult::Failed);
        }
        return Ok(downloads::cannot_create(&name, &reason(&error)));
    }
    let target = Target::File(path);
    log::info!("Receiving file '{name}', please wait...");
    let progress = Progress::default();
    let started = Instant::now();
    let label = || format!("download: '{uri}' -> '{name}'  {position}");
    let meter = cx.console.meter(&name, label, item.size, &progress);
    let known = Known::Listed { size: item.size, etag: item.etag().to_owned() };
    let received = download(cx.client(), &uri, known, &target, false, None, &run.finish, &progress).await;
    meter.end(received.is_ok());
    let Received { size, etag, owner, proof, .. } = match received {
        Ok(received) => received,
        Err(error) => return downloads::failed(&name, error, false),
    };
    run.count_owner(owner);
    let seconds = started.elapsed().as_secs_f64();
    lock(&run.moved).add(size);
    if !cx.console.shows_progress() {
        let named = run.destination.named(&item.relative);
        let (from, to) = (&uri, DisplayPath::new(&named));
        let (moved, position) = (Some(Moved { size, seconds }), Some(position));
        let word = Some(proof.word());
        let event =
            Event::Download { from, to, moved, position, proof: word, dry_run: false, numbered: true };
        cx.console.print(&event)?;
    }
    downloads::remove_source(cx, &run.options, &uri, "syncing", &etag, proof).await
}

/// Checks whether a target can be replaced. A link is replaced, not followed, since it might lead out of the
/// destination; so is anything else except a directory.
fn replaceable(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Ok(()),
    }
}

/// The state of the file for an object with an unusual name, which the comparison of names cannot find.
enum UnusualTarget {
    /// It already has the object's content.
    Same,
    /// It belongs to the object with the plain name.
    Taken,
    /// It can be written.
    Free,
}

async fn unusual_target(cx: &Context, item: &Item, plain: &str, path: &Path) -> Result<UnusualTarget, Error> {
    let uri = item.uri();
    let base = &uri.key[..uri.key.len() - item.relative.len().min(uri.key.len())];
    match cx.client().head_object(&uri.bucket, &format!("{base}{plain}")).await {
        Ok(_) => return Ok(UnusualTarget::Taken),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    let (path, size) = (path.to_owned(), item.size);
    let same_size = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == size);
    let hashed = tokio::task::spawn_blocking(move || md5_of_file(&path, size));
    let same = same_size
        && hashed
            .await
            .is_ok_and(|md5| md5.is_ok_and(|md5| Stored::of_etag(item.etag()) == Stored::Md5(md5)));
    Ok(if same { UnusualTarget::Same } else { UnusualTarget::Free })
}

/// Sets the attributes of directories, innermost first.
pub(super) fn finish_directories(run: &Run) {
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

/// Opens a directory without following a link.
fn open_directory(path: &Path) -> io::Result<std::fs::File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::DIRECTORY).bits()).unwrap_or(0);
    std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn stopped(cx: &Context, failed: u64) -> Outcome {
    if cx.settings.stop_on_error && failed > 0 {
        return Err(Failure::new(Exit::PARTIAL, "Exiting now because of --stop-on-error"));
    }
    Ok(())
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
