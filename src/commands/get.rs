//! `get`: downloads objects, prefixes and wildcards into files, a directory, or standard output.

use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::downloads::{cannot_create, failed, make_directory, planned, remove_source};
use crate::commands::shared::selection::show_excluded;
use crate::output::{DisplayPath, Event, Exit, Failure, Moved, Outcome, Position, reason};
use crate::patterns::Wildcard;
use crate::transfer::conflicts::Conflicts;
use crate::transfer::destination::{self, Destination};
use crate::transfer::download::{DownloadOptions, Existing, Finish, Known, Received, Target, download, tidy};
use crate::transfer::gpg::Gpg;
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::proof::{Evidence, Proof};
use crate::transfer::remote::{self, BY_RELATIVE, RemoteItem, Selection};
use crate::uri::{Location, S3Uri};
use futures::future::ready;
use futures::{StreamExt, TryStreamExt};
use s3cmd_client::Error;
use s3cmd_client::http::request::Progress;
use s3cmd_client::ops::object::Head;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

/// Downloads the objects, many at once, and prints a line for each in the order of their names. A file appears only
/// after its content has been verified.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (sources, destination) = sources_and_destination(args)?;
    let settings = &cx.settings;
    let selection = match remote::select(cx.client(), &sources, cx.scope(), BY_RELATIVE).await {
        Ok(selection) => selection,
        Err(failure) => return Err(first_missing(cx, &sources).await.unwrap_or(failure)),
    };
    let total = selection.items.len();
    // A missing source is reported before an unusable destination.
    let mut lookups = match look_up(cx, &selection).await {
        Ok(lookups) => lookups,
        Err(failure) => return Err(first_missing(cx, &sources).await.unwrap_or(failure)),
    };
    // With `--shard` all runs have to interpret the destination in the same way.
    let destination = match Destination::new(destination, total > 1 || cx.shard().is_some()) {
        Ok(destination) => destination,
        Err(failure) => return Err(first_missing(cx, &sources).await.unwrap_or(failure)),
    };
    if !matches!(destination, Destination::Stdout) {
        selection.refuse_same_names()?;
    }
    log::info!("Summary: {total} remote files to download");
    if settings.dry_run {
        return dry_run(cx, &selection, &destination);
    }

    let to_stdout = matches!(destination, Destination::Stdout);
    if to_stdout {
        cx.console.reserve_stdout_for_data();
    }
    let mut conflicts =
        if to_stdout { Conflicts::none()? } else { Conflicts::find(|| names(&selection, &lookups))? };
    // Objects on standard output form one stream of bytes.
    let width = if to_stdout { 1 } else { cx.width() };
    let stop = settings.stop_on_error;
    let display = cx.console.display(total, width);
    display.bytes(|| names(&selection, &lookups).flatten().map(|(_, size)| size).sum());
    let options = settings.download_options();
    let plan = selection.items.numbered().map(|next| {
        let (index, item) = next?;
        let known = match (&item.listed, lookups.remove(&index)) {
            (_, Some(Lookup::Found(head))) => Ok(Known::Head(head)),
            (_, Some(Lookup::Missing)) => Err(None),
            (_, Some(Lookup::Failed(error))) => Err(Some(error)),
            (Some(listed), None) => Ok(Known::Listed { size: listed.size, etag: listed.etag.clone() }),
            (None, None) => Ok(Known::Nothing),
        };
        let conflict = conflicts.at(index)?;
        // An object that fails anyway does not block the others.
        if conflict.is_none() && known.is_ok() {
            refuse_existing(&options, &destination, item.relative())?;
        }
        Ok(Object { item, known, position: Position::at(index, total), conflict })
    });
    let gpg = Gpg::new(cx.settings.gpg_options());
    let finish = options.finish(&destination, false);
    let summary = ordered_tasks::in_order(width, stop, plan, |object| {
        fetch(cx.clone(), options, destination.clone(), gpg.clone(), finish.clone(), object)
    })
    .await?;
    if stop && summary.failed > 0 {
        return Err(Failure::new(Exit::PARTIAL, "Exiting now because of --stop-on-error"));
    }
    summary.outcome()
}

/// The last argument is the destination unless it is an `s3://` URI. The default is the current directory.
fn sources_and_destination(args: &[OsString]) -> Outcome<(Vec<S3Uri>, OsString)> {
    let (last, front) = args.split_last().ok_or_else(|| Failure::parameter("Nothing to download."))?;
    let (sources, destination) = match Location::parse(last) {
        Location::S3(_) => (args, OsString::from(".")),
        Location::Local(path) => (front, path.into_os_string()),
    };
    if sources.is_empty() {
        return Err(Failure::parameter("Nothing to download. Expecting S3 URI."));
    }
    Ok((s3_uris(sources)?, destination))
}

/// Finds the first missing object among the named ones. It is reported before errors of the arguments after it, such as
/// a directory without `--recursive`.
async fn first_missing(cx: &Context, sources: &[S3Uri]) -> Option<Failure> {
    if cx.settings.recursive {
        return None;
    }
    let named = sources.iter().take_while(|uri| !uri.basename().is_empty());
    for uri in named.filter(|uri| Wildcard::new(&uri.key).is_none()) {
        if cx.client().head_object(&uri.bucket, &uri.key).await.is_err_and(|error| error.is_not_found()) {
            return Some(missing(uri));
        }
    }
    None
}

fn missing(uri: &S3Uri) -> Failure {
    Failure::parameter(format!("Source object '{uri}' does not exist."))
}

/// The result of a HEAD request for a named object.
enum Lookup {
    Found(Box<Head>),
    Missing,
    Failed(Error),
}

/// Requests the attributes of the named objects before the first download starts. Fails if all of them are missing.
/// Returns the results by position in the plan; listed objects are not included.
async fn look_up(cx: &Context, selection: &Selection) -> Outcome<HashMap<u64, Lookup>> {
    let alone = selection.items.len() == 1;
    let named = selection.items.numbered().try_filter(|(_, item)| ready(item.listed.is_none()));
    let heads = named.map(|named| async move {
        let (index, item) = named?;
        match cx.client().head_object_with_checksum(&item.bucket, &item.key).await {
            Ok(head) => Outcome::Ok((index, Lookup::Found(Box::new(head)))),
            Err(error) if error.is_not_found() => Ok((index, Lookup::Missing)),
            Err(error) if alone || error.concerns_all_requests() => Err(error.into()),
            Err(error) => Ok((index, Lookup::Failed(error))),
        }
    });
    let found: HashMap<u64, Lookup> = heads.buffered(cx.width()).try_collect().await?;
    let is_missing = |lookup: &Lookup| matches!(lookup, Lookup::Missing);
    if found.len() as u64 == selection.items.len()
        && found.values().all(is_missing)
        && let Some(first) = selection.items.iter().next()
    {
        return Err(missing(&first?.uri()));
    }
    Ok(found)
}

fn dry_run(cx: &Context, selection: &Selection, destination: &Destination) -> Outcome {
    show_excluded(cx, selection)?;
    for item in selection.items.iter() {
        let item = item?;
        let (from, to) = (item.uri(), destination.named(item.relative()));
        cx.console.stream(&planned(&from, DisplayPath::new(&to)))?;
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    Ok(())
}

/// The relative names and sizes.
fn names<'a>(
    selection: &Selection,
    lookups: &'a HashMap<u64, Lookup>,
) -> impl Iterator<Item = std::io::Result<(String, u64)>> + use<'a> {
    (0..).zip(selection.items.iter()).map(|(index, item)| {
        let item = item?;
        let named = || match lookups.get(&index) {
            Some(Lookup::Found(head)) => head.size,
            _ => 0,
        };
        let size = item.listed.as_ref().map_or_else(named, |listed| listed.size);
        Ok((item.relative().to_owned(), size))
    })
}

/// Fails if the target file exists and no option allows that. Nothing after it in the plan is started.
fn refuse_existing(options: &DownloadOptions, destination: &Destination, relative: &str) -> Outcome {
    if options.existing != Existing::Refuse {
        return Ok(());
    }
    match destination.target(relative) {
        Ok(destination::Place::File(path)) if std::fs::symlink_metadata(&path).is_ok() => {
            tidy(&path);
            let shown = destination.shown(relative);
            Err(Failure::parameter(format!(
                "File '{shown}' already exists. Use either of --force / --continue / --skip-existing or give it a new name."
            )))
        }
        _ => Ok(()),
    }
}

/// A planned download.
struct Object {
    item: RemoteItem,
    /// What is already known of the object, or why it cannot be downloaded; `Err(None)` if it is missing.
    known: Result<Known, Option<Error>>,
    position: Position,
    /// Why it cannot become a file next to the others.
    conflict: Option<String>,
}

async fn fetch(
    cx: Context,
    options: DownloadOptions,
    destination: Destination,
    gpg: Gpg,
    finish: Finish,
    object: Object,
) -> Outcome<ItemResult> {
    let Object { item, known, position, conflict } = object;
    let uri = item.uri();
    let shown = destination.shown(item.relative());
    // Objects on standard output form one stream of bytes, which must not have a gap.
    let alone = position.total == 1 || matches!(destination, Destination::Stdout);
    let known = match known {
        Ok(known) => known,
        Err(None) if alone => return Err(missing(&uri)),
        Err(None) => {
            log::error!("Source object '{uri}' does not exist.");
            return Ok(ItemResult::Missing);
        }
        Err(Some(error)) => return failed(&shown, error, alone),
    };
    let size = known.size();
    let _counted = cx.console.item(size);
    if let Some(why) = conflict {
        return Ok(cannot_create(&shown, &why));
    }
    let target = match destination.target(item.relative()) {
        Ok(destination::Place::Stdout) => Target::Stdout,
        Ok(destination::Place::Directory(path)) => {
            if let Err(why) = make_directory(&cx, &options, &destination, &path, &uri, size, &finish).await {
                return Ok(cannot_create(&shown, &why));
            }
            let etag = item.listed.as_ref().map_or("", |listed| listed.etag.as_str());
            return remove_source(&cx, &options, &uri, "fetch", etag, Proof::Proved(Evidence::Etag)).await;
        }
        Ok(destination::Place::File(path)) => {
            if options.existing == Existing::Skip && std::fs::symlink_metadata(&path).is_ok() {
                tidy(&path);
                log::info!("Skipping over existing file: '{shown}'");
                return Ok(ItemResult::Skipped);
            }
            // A missing directory is not created because of a trailing slash (measured on s3cmd 2.4.0).
            if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
                return Ok(cannot_create(&shown, "Is a directory"));
            }
            match destination.prepare(&path).and_then(|()| destination.resolve(&path)) {
                Ok(target) => target,
                Err(error) => return Ok(cannot_create(&shown, &reason(&error))),
            }
        }
        Err(why) => return Ok(cannot_create(&shown, &why)),
    };
    if already_complete(&options, &target, size) {
        log::info!("'{shown}' has the size of '{uri}' already: comparing its content");
    }
    log::info!("Receiving file '{}', please wait...", if shown == "-" { "<stdout>" } else { &*shown });
    let progress = Progress::default();
    let started = Instant::now();
    let label = || format!("download: '{uri}' -> '{shown}'  {position}");
    let meter = cx.console.meter(&shown, label, size, &progress);
    let received =
        download(cx.client(), &uri, known, &target, options.resume, Some(&gpg), &finish, &progress).await;
    meter.end(received.is_ok());
    match received {
        Ok(Received { was_complete: true, .. }) => Ok(ItemResult::Skipped),
        Ok(Received { size, etag, proof, .. }) => {
            let seconds = started.elapsed().as_secs_f64();
            // s3cmd prints no line for downloads to standard output.
            let prints_line = target != Target::Stdout || cx.console.is_json();
            if prints_line && !cx.console.shows_progress() {
                let name = destination.named(item.relative());
                let (from, to) = (&uri, DisplayPath::new(&name));
                let (moved, position) = (Some(Moved { size, seconds }), Some(position));
                let numbered = false;
                let proof = Some(proof.word());
                cx.console.print(&Event::Download {
                    from,
                    to,
                    moved,
                    position,
                    proof,
                    dry_run: false,
                    numbered,
                })?;
            }
            remove_source(&cx, &options, &uri, "fetch", &etag, proof).await
        }
        Err(error) => match failed(&shown, error, alone)? {
            ItemResult::Failed if target == Target::Stdout => Err(Failure::silent(Exit::PARTIAL)),
            item_result => Ok(item_result),
        },
    }
}

fn already_complete(options: &DownloadOptions, target: &Target, size: u64) -> bool {
    let Target::File(path) = target else { return false };
    options.resume && std::fs::metadata(Path::new(path)).is_ok_and(|metadata| metadata.len() == size)
}
