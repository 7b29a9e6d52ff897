//! `get`: download objects, prefixes and wildcards into files, a directory, or standard output.

use crate::commands::shared::downloads::{self, cannot_create, failed, make_directory, planned, remove_source};
use crate::commands::shared::selection::show_excluded;
use crate::commands::shared::arguments::s3_uris;
use crate::commands::shared::context::Context;
use crate::output::{DisplayPath, Event, Exit, Failure, Moved, Outcome, Position, reason};
use crate::patterns::Wildcard;
use crate::s3::Error;
use crate::s3::object::Head;
use crate::s3::request::Progress;
use crate::transfer::conflicts::Conflicts;
use crate::transfer::destination::{self, Destination};
use crate::transfer::download::{Finish, Known, Received, Target, download, tidy};
use crate::transfer::gpg::Gpg;
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::proof::{Evidence, Proof};
use crate::transfer::remote::{self, BY_RELATIVE, RemoteItem, Selection};
use crate::uri::{Location, S3Uri};
use futures::future::ready;
use futures::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

/// Downloads the objects, many at once, each verified before its file appears, and prints a line for each in the order of
/// their names.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (sources, destination) = sources_and_destination(args)?;
    let settings = &cx.settings;
    let selection = match remote::select(cx.client(), &sources, cx.scope(), BY_RELATIVE).await {
        Ok(selection) => selection,
        Err(failure) => return Err(missing_before(cx, &sources).await.unwrap_or(failure)),
    };
    let total = selection.items.len();
    // A source that is missing is told before a destination that will not do.
    let mut looked_up = match look_up(cx, &selection).await {
        Ok(looked_up) => looked_up,
        Err(failure) => return Err(missing_before(cx, &sources).await.unwrap_or(failure)),
    };
    // Each of several runs has to read the destination alike.
    let destination = match Destination::new(destination, total > 1 || cx.shard().is_some()) {
        Ok(destination) => destination,
        Err(failure) => return Err(missing_before(cx, &sources).await.unwrap_or(failure)),
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
        cx.console.expect_data();
    }
    let mut conflicts =
        if to_stdout { Conflicts::none()? } else { Conflicts::find(|| names(&selection, &looked_up))? };
    // Several objects on standard output are one stream of bytes.
    let width = if to_stdout { 1 } else { cx.width() };
    let stop = settings.stop_on_error;
    let display = cx.console.display(total, width);
    display.bytes(|| names(&selection, &looked_up).flatten().map(|(_, size)| size).sum());
    let plan = selection.items.numbered().map(|next| {
        let (index, item) = next?;
        let known = match (&item.listed, looked_up.remove(&index)) {
            (_, Some(Looked::There(head))) => Ok(Known::Head(head)),
            (_, Some(Looked::Missing)) => Err(None),
            (_, Some(Looked::Failed(error))) => Err(Some(error)),
            (Some(listed), None) => Ok(Known::Listed { size: listed.size, etag: listed.etag.clone() }),
            (None, None) => Ok(Known::Nothing),
        };
        let conflict = conflicts.at(index)?;
        // One that fails anyway is not in the way of the others.
        if conflict.is_none() && known.is_ok() {
            refuse_existing(cx, &destination, item.relative())?;
        }
        Ok(Object { item, known, place: Position::at(index, total), conflict })
    });
    let gpg = Gpg::new(&cx.settings);
    let finish = downloads::finish(cx, &destination, false);
    let summary = ordered_tasks::in_order(width, stop, plan, |object| {
        fetch(cx.clone(), destination.clone(), gpg.clone(), finish.clone(), object)
    })
    .await?;
    if stop && summary.failed > 0 {
        return Err(Failure::new(Exit::PARTIAL, "Exiting now because of --stop-on-error"));
    }
    summary.outcome()
}

/// The last argument is the destination if it is no `s3://` URI; else it is the current directory.
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

/// The first mistake in the arguments is the one that is told: an object that is missing comes before another one, or a
/// directory without `--recursive`, that is named after it.
async fn missing_before(cx: &Context, sources: &[S3Uri]) -> Option<Failure> {
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

/// What became of the question for an object that was named.
enum Looked {
    There(Box<Head>),
    Missing,
    Failed(Error),
}

/// Asks about the objects that were named, all before the first byte moves. Where none of them is there, the command ends
/// with the first. Returns what they are, by their positions in the plan; those that were listed are not among them.
async fn look_up(cx: &Context, selection: &Selection) -> Outcome<HashMap<u64, Looked>> {
    let alone = selection.items.len() == 1;
    let named = selection.items.numbered().try_filter(|(_, item)| ready(item.listed.is_none()));
    let asked = named.map(|named| async move {
        let (index, item) = named?;
        match cx.client().head_object_with_checksum(&item.bucket, &item.key).await {
            Ok(head) => Outcome::Ok((index, Looked::There(Box::new(head)))),
            Err(error) if error.is_not_found() => Ok((index, Looked::Missing)),
            Err(error) if alone || error.concerns_all_requests() => Err(error.into()),
            Err(error) => Ok((index, Looked::Failed(error))),
        }
    });
    let found: HashMap<u64, Looked> = asked.buffered(cx.width()).try_collect().await?;
    let is_missing = |looked: &Looked| matches!(looked, Looked::Missing);
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

/// Relative names with sizes.
fn names<'a>(
    selection: &Selection,
    looked_up: &'a HashMap<u64, Looked>,
) -> impl Iterator<Item = std::io::Result<(String, u64)>> + use<'a> {
    (0..).zip(selection.items.iter()).map(|(index, item)| {
        let item = item?;
        let named = || match looked_up.get(&index) {
            Some(Looked::There(head)) => head.size,
            _ => 0,
        };
        let size = item.listed.as_ref().map_or_else(named, |listed| listed.size);
        Ok((item.relative().to_owned(), size))
    })
}

/// Stops the plan at a file that exists, unless an option says what to do with it: nothing behind it is begun.
fn refuse_existing(cx: &Context, destination: &Destination, relative: &str) -> Outcome {
    let settings = &cx.settings;
    if settings.get_continue || settings.force || settings.skip_existing {
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

/// An object of the plan.
struct Object {
    item: RemoteItem,
    /// What is known of it already, or why it cannot be fetched; no error where it is not there.
    known: Result<Known, Option<Error>>,
    place: Position,
    /// Why it cannot become a file beside the others.
    conflict: Option<String>,
}

async fn fetch(
    cx: Context,
    destination: Destination,
    gpg: Gpg,
    finish: Finish,
    object: Object,
) -> Outcome<ItemResult> {
    let Object { item, known, place, conflict } = object;
    let uri = item.uri();
    let settings = &cx.settings;
    let shown = destination.shown(item.relative());
    // Several objects on standard output are one stream of bytes, which must not have a hole.
    let alone = place.total == 1 || matches!(destination, Destination::Stdout);
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
            if let Err(why) = make_directory(&cx, &destination, &path, &uri, size, &finish).await {
                return Ok(cannot_create(&shown, &why));
            }
            let etag = item.listed.as_ref().map_or("", |listed| listed.etag.as_str());
            return remove_source(&cx, &uri, "fetch", etag, Proof::Proved(Evidence::Etag)).await;
        }
        Ok(destination::Place::File(path)) => {
            let keeps = settings.skip_existing && !(settings.get_continue || settings.force);
            if keeps && std::fs::symlink_metadata(&path).is_ok() {
                tidy(&path);
                log::info!("Skipping over existing file: '{shown}'");
                return Ok(ItemResult::Skipped);
            }
            // A directory that is not there is not made for the sake of a slash (measured on s3cmd 2.4.0).
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
    if already_complete(&cx, &target, size) {
        log::info!("'{shown}' has the size of '{uri}' already: comparing its content");
    }
    log::info!("Receiving file '{}', please wait...", if shown == "-" { "<stdout>" } else { &*shown });
    let progress = Progress::default();
    let started = Instant::now();
    let label = || format!("download: '{uri}' -> '{shown}'  {place}");
    let meter = cx.console.meter(&shown, label, size, &progress);
    let resume = settings.get_continue;
    let received = download(cx.client(), &uri, known, &target, resume, Some(&gpg), &finish, &progress).await;
    meter.end(received.is_ok());
    match received {
        Ok(Received { was_complete: true, .. }) => Ok(ItemResult::Skipped),
        Ok(Received { size, etag, proof, .. }) => {
            let seconds = started.elapsed().as_secs_f64();
            // s3cmd says nothing of what went to standard output.
            let is_told = target != Target::Stdout || cx.console.is_json();
            if is_told && !cx.console.shows_progress() {
                let name = destination.named(item.relative());
                let (from, to) = (&uri, DisplayPath::new(&name));
                let (moved, place) = (Some(Moved { size, seconds }), Some(place));
                let numbered = false;
                let proof = Some(proof.word());
                cx.console.tell(&Event::Download {
                    from,
                    to,
                    moved,
                    place,
                    proof,
                    dry_run: false,
                    numbered,
                })?;
            }
            remove_source(&cx, &uri, "fetch", &etag, proof).await
        }
        Err(error) => match failed(&shown, error, alone)? {
            ItemResult::Failed if target == Target::Stdout => Err(Failure::silent(Exit::PARTIAL)),
            item_result => Ok(item_result),
        },
    }
}

fn already_complete(cx: &Context, target: &Target, size: u64) -> bool {
    let Target::File(path) = target else { return false };
    cx.settings.get_continue
        && std::fs::metadata(Path::new(path)).is_ok_and(|metadata| metadata.len() == size)
}

