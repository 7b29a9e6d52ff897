//! `get`: download objects, prefixes and wildcards into files, a directory, or standard output.

use super::context::Cx;
use crate::output::{Exit, Failure, Outcome, reason};
use crate::s3::Error;
use crate::s3::request::Progress;
use crate::transfer::destination::{self, Destination};
use crate::transfer::download::{Known, Received, Target, download, target_of};
use crate::transfer::pool::{self, Verdict};
use crate::transfer::remote::{self, RemoteItem, Selection};
use crate::units;
use crate::uri::{Location, S3Uri};
use futures::StreamExt;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

/// Downloads the objects, many at once, each verified before its file appears, and prints a line for each in the order of
/// their names.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let (sources, destination) = sources_and_destination(args)?;
    let settings = &cx.settings;
    let selection = remote::select(cx.client(), &sources, settings.recursive, &settings.filter).await?;
    let total = selection.items.len();
    let destination = Destination::new(destination, total > 1)?;
    if !matches!(destination, Destination::Stdout) {
        selection.refuse_same_names()?;
    }
    let known = look_up(cx, &selection).await?;
    log::info!("Summary: {total} remote files to download");
    if settings.dry_run {
        return dry_run(cx, &selection, &destination);
    }

    let to_stdout = matches!(destination, Destination::Stdout);
    let mut conflicts = if to_stdout { HashMap::new() } else { conflicts(&selection, &known) };
    // Several objects on standard output are one stream of bytes.
    let width = if to_stdout { 1 } else { cx.width() };
    let stop = settings.stop_on_error;
    let plan = selection.items.into_iter().zip(known).enumerate().map(Ok);
    let ledger = pool::in_order(width, stop, futures::stream::iter(plan), |(index, (item, known))| {
        let object = Object {
            item,
            known,
            place: format!("[{} of {total}]", index + 1),
            conflict: conflicts.remove(&index),
        };
        fetch(cx.clone(), destination.clone(), object)
    })
    .await?;
    if stop && ledger.failed > 0 {
        return Err(Failure::new(Exit::PARTIAL, "Exiting now because of --stop-on-error"));
    }
    ledger.outcome()
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
    Ok((super::context::s3_uris(sources)?, destination))
}

/// Asks about the objects that were named, all before the first byte moves, so that a missing one stops the command.
/// Returns what is known of each, in the order of the items.
async fn look_up(cx: &Cx, selection: &Selection) -> Outcome<Vec<Known>> {
    let known =
        selection.items.iter().map(|item| (item.listed.as_ref().map(|listed| listed.size), item.uri()));
    let asked = futures::stream::iter(known.collect::<Vec<_>>()).map(|(size, uri)| async move {
        match size {
            Some(size) => Ok(Known::Size(size)),
            None => match cx.client().head_object(&uri.bucket, &uri.key).await {
                Ok(head) => Ok(Known::Head(Box::new(head))),
                Err(error) if error.is_not_found() => {
                    Err(Failure::parameter(format!("Source object '{uri}' does not exist.")))
                }
                Err(error) => Err(error.into()),
            },
        }
    });
    let mut asked = std::pin::pin!(asked.buffered(cx.width()));
    let mut known = Vec::with_capacity(selection.items.len());
    while let Some(answer) = asked.next().await {
        known.push(answer?);
    }
    Ok(known)
}

fn dry_run(cx: &Cx, selection: &Selection, destination: &Destination) -> Outcome {
    for name in &selection.excluded {
        cx.console.stream(format!("exclude: {name}"))?;
    }
    for item in &selection.items {
        let shown = destination.shown(item.relative());
        cx.console.stream(format!("download: '{}' -> '{shown}'", item.uri()))?;
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    Ok(())
}

fn conflicts(selection: &Selection, known: &[Known]) -> HashMap<usize, String> {
    let names = selection.items.iter().map(RemoteItem::relative).zip(known.iter().map(Known::size));
    destination::conflicts(&names.collect::<Vec<_>>())
}

/// An object of the plan.
struct Object {
    item: RemoteItem,
    known: Known,
    /// `[n of m]`
    place: String,
    /// Why it cannot become a file beside the others.
    conflict: Option<String>,
}

async fn fetch(cx: Cx, destination: Destination, object: Object) -> Outcome<Verdict> {
    let Object { item, known, place, conflict } = object;
    let size = known.size();
    let uri = item.uri();
    let settings = &cx.settings;
    let shown = destination.shown(item.relative());
    if let Some(why) = conflict {
        return Ok(cannot_create(&shown, &why));
    }
    let target = match destination.target(item.relative()) {
        Ok(destination::Place::Stdout) => Target::Stdout,
        Ok(destination::Place::Directory(path)) => {
            return match std::fs::create_dir_all(&path) {
                Ok(()) => Ok(Verdict::Done),
                Err(error) => Ok(cannot_create(&shown, &reason(&error))),
            };
        }
        Ok(destination::Place::File(path)) => {
            let exists = std::fs::symlink_metadata(&path).is_ok();
            if exists && !(settings.get_continue || settings.force) {
                if settings.skip_existing {
                    log::info!("Skipping over existing file: '{shown}'");
                    return Ok(Verdict::Skipped);
                }
                return Err(Failure::parameter(format!(
                    "File '{shown}' already exists. Use either of --force / --continue / --skip-existing or give it a new name."
                )));
            }
            match destination.prepare(&path).and_then(|()| target_of(&path)) {
                Ok(target) => target,
                Err(error) => return Ok(cannot_create(&shown, &reason(&error))),
            }
        }
        Err(why) => return Ok(cannot_create(&shown, &why)),
    };
    if already_complete(&cx, &target, size) {
        log::info!("'{shown}' has the size of '{uri}' already: comparing its content");
    }
    log::info!("Receiving file '{shown}', please wait...");
    let progress = Progress::default();
    let started = Instant::now();
    let meter = cx.console.meter(|| format!("download: '{uri}' -> '{shown}'  {place}"), size, &progress);
    let received = download(cx.client(), &uri, known, &target, settings.get_continue, &progress).await;
    meter.end(received.is_ok());
    match received {
        Ok(Received { was_complete: true, .. }) => Ok(Verdict::Skipped),
        Ok(Received { size, .. }) => {
            let seconds = started.elapsed().as_secs_f64();
            if target != Target::Stdout && !cx.console.shows_progress() {
                let speed = units::speed(size, seconds);
                cx.console.line(format!(
                    "download: '{uri}' -> '{shown}' ({size} bytes in {seconds:.1} seconds, {speed})"
                ))?;
            }
            if settings.delete_after_fetch {
                cx.client().delete_object(&uri.bucket, &uri.key).await?;
                cx.console.line(format!("File '{uri}' removed after fetch"))?;
            }
            Ok(Verdict::Done)
        }
        Err(error) => failed(&shown, error),
    }
}

fn already_complete(cx: &Cx, target: &Target, size: u64) -> bool {
    let Target::File(path) = target else { return false };
    cx.settings.get_continue
        && std::fs::metadata(Path::new(path)).is_ok_and(|metadata| metadata.len() == size)
}

pub(super) fn cannot_create(shown: &str, why: &str) -> Verdict {
    log::error!("Creation of file '{shown}' failed (Reason: {why})");
    Verdict::Failed
}

/// A refusal by the service ends the run, as in s3cmd; all else is the trouble of one object.
pub(super) fn failed(shown: &str, error: Error) -> Outcome<Verdict> {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::from(error)),
        Error::Service(service) => {
            log::error!("Download of '{shown}' failed (Reason: {service})");
            Err(Error::Service(service).into())
        }
        Error::Malformed(_) | Error::Invalid(_) => Err(error.into()),
        Error::Connection { kind, .. } if kind != crate::s3::ConnectionFailure::Broken => Err(error.into()),
        Error::Io(error) => {
            log::error!("Download of '{shown}' failed (Reason: {})", reason(&error));
            Ok(Verdict::Failed)
        }
        Error::Connection { .. } | Error::Integrity(_) => {
            log::error!("Download of '{shown}' failed (Reason: {error})");
            Ok(Verdict::Failed)
        }
    }
}
