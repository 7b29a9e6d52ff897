//! `put`: upload files, trees, or standard input.

use crate::commands::shared::context::Context;
use crate::commands::shared::stdin;
use crate::output::{DisplayPath, Event, Exit, Failure, Moved, Outcome, Position, reason};
use crate::s3::request::Progress;
use crate::s3::retry::{RetryClass, RetryPolicy};
use crate::s3::{ConnectionFailure, Error};
use crate::transfer::gpg::Gpg;
use crate::transfer::local::select::{self, LocalItem, LocalOptions, LocalSelection};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::upload::{Kept, UploadError, Uploader, check_part_size};
use crate::uri::{Location, S3Uri};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Uploads the sources below the destination, many at once, and prints a line for each in the order of their names.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (sources, destination) = sources_and_destination(args)?;
    check_part_size(&cx.settings)?;
    if sources.iter().any(|source| source == "-") {
        return from_stdin(cx, sources, destination).await;
    }
    let selection = select(cx, sources)?;
    // A share may have nothing to do, and has to read the destination as the others do.
    let is_share = cx.shard().is_some();
    let single = selection.single_file && (selection.items.len() == 1 || is_share);
    if selection.items.is_empty() && selection.unusable == 0 && !is_share {
        return Err(Failure::parameter("Nothing to upload."));
    }
    if !(destination.key.is_empty() || destination.key.ends_with('/') || single) {
        return Err(Failure::parameter(
            "Destination S3 URI must end with '/' (ie must refer to a directory on the remote side).",
        ));
    }
    refuse_same_names(&selection)?;
    log::info!("Summary: {} local files to upload", selection.items.len());
    if cx.settings.dry_run {
        return dry_run(cx, &selection, &destination, single);
    }

    let total = selection.items.len();
    let display = cx.console.display(total, cx.width());
    let items = selection.items.clone();
    display.measure(move || items.iter().flatten().filter_map(|item| item.size()).sum());
    let sender = Sender::new(cx)?;
    let unusable = selection.unusable + selection.missing;
    let stop = cx.settings.stop_on_error;
    let mut summary =
        ordered_tasks::in_order(cx.width(), stop, selection.items.numbered(), |(index, item)| {
            let uri = target(&destination, &item, single);
            upload(cx.clone(), sender.clone(), item, uri, Position::at(index, total))
        })
        .await?;
    if stop && summary.failed > 0 {
        return Err(Failure::new(Exit::DATAERR, "Exiting now because of --stop-on-error"));
    }
    summary.failed += unusable;
    summary.outcome()
}

/// All arguments but the last are sources; the last is where they go.
fn sources_and_destination(args: &[OsString]) -> Outcome<(&[OsString], S3Uri)> {
    let Some((last, sources)) = args.split_last().filter(|(_, sources)| !sources.is_empty()) else {
        return Err(Failure::parameter("Expecting both sources and a destination"));
    };
    match Location::parse(last) {
        Location::S3(uri) if !uri.bucket.is_empty() => Ok((sources, uri)),
        Location::S3(_) => Err(Failure::parameter(format!(
            "Destination must name a bucket. Got: {}",
            last.to_string_lossy()
        ))),
        Location::Local(path) => {
            Err(Failure::parameter(format!("Destination must be S3Uri. Got: file://{}", path.display())))
        }
    }
}

fn select(cx: &Context, sources: &[OsString]) -> Outcome<LocalSelection> {
    log::info!("Compiling list of local files...");
    let settings = &cx.settings;
    let options = LocalOptions {
        recursive: settings.recursive,
        follow_symlinks: settings.follow_symlinks,
        keep_dirs: settings.keep_dirs,
        verbatim: settings.urlencoding_mode == "verbatim",
        filter: &settings.filter,
        shard: cx.shard(),
    };
    let mut paths = Vec::with_capacity(sources.len());
    for source in sources {
        match Location::parse(source) {
            Location::Local(path) => paths.push(path.into_os_string()),
            Location::S3(uri) => {
                return Err(Failure::parameter(format!("Expecting filename or directory instead of: {uri}")));
            }
        }
    }
    if settings.files_from.is_empty() {
        return select::select(&paths, &options);
    }
    let [base] = &paths[..] else {
        return Err(Failure::parameter("Only one source directory can be given with --files-from"));
    };
    if !settings.recursive && Path::new(base).is_dir() {
        return Err(select::recursion_needed(Path::new(base)));
    }
    select::select_listed(Path::new(base), listed_names(&settings.files_from), &options)
}

/// The names in the files of `--files-from`, one a line, byte for byte but for the line ends; `-` is standard input.
pub(super) fn listed_names(files: &[String]) -> impl Iterator<Item = Outcome<OsString>> {
    let opened = files.iter().map(|file| {
        let reader: Box<dyn BufRead> = match file.as_str() {
            "-" => {
                stdin::check()?;
                Box::new(BufReader::new(std::io::stdin()))
            }
            _ => Box::new(BufReader::new(File::open(file).map_err(|error| Failure::file(file, &error))?)),
        };
        Ok(reader.split(b'\n').map(move |line| line.map_err(|error| Failure::file(file, &error))))
    });
    let lines = opened.flat_map(|lines: Outcome<_>| {
        let (lines, failure) =
            lines.map_or_else(|failure| (None, Some(Err(failure))), |lines| (Some(lines), None));
        lines.into_iter().flatten().chain(failure)
    });
    lines.filter_map(|line| match line {
        Ok(line) if line.trim_ascii().is_empty() => None,
        line => Some(line.map(name_of_bytes)),
    })
}

#[cfg(unix)]
fn name_of_bytes(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn name_of_bytes(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

fn refuse_same_names(selection: &LocalSelection) -> Outcome {
    match selection.items.neighbours(|a, b| a.relative == b.relative)? {
        Some((a, b)) => Err(Failure::parameter(format!(
            "Two sources would become '{}': '{}' and '{}'",
            a.relative,
            a.path.display(),
            b.path.display()
        ))),
        None => Ok(()),
    }
}

fn target(destination: &S3Uri, item: &LocalItem, single: bool) -> S3Uri {
    if single && !destination.key.is_empty() && !destination.key.ends_with('/') {
        return destination.clone();
    }
    destination.with_key(format!("{}{}", destination.key, item.relative))
}

fn dry_run(cx: &Context, selection: &LocalSelection, destination: &S3Uri, single: bool) -> Outcome {
    for name in selection.excluded.iter() {
        cx.console.stream(&Event::Exclude { name: &name? })?;
    }
    for item in selection.items.iter() {
        let item = item?;
        let uri = target(destination, &item, single);
        cx.console.stream(&planned(DisplayPath::new(&item.path), &uri))?;
    }
    cx.console.flush()?;
    log::warn!("Exiting now because of --dry-run");
    if selection.unusable + selection.missing > 0 { Err(Failure::silent(Exit::PARTIAL)) } else { Ok(()) }
}

/// An upload that a dry run tells of.
pub(super) fn planned<'a>(from: DisplayPath<'a>, to: &'a S3Uri) -> Event<'a> {
    Event::Upload { from, to, moved: None, place: None, dry_run: true }
}

/// What uploads, and encrypts before it where that is asked for.
#[derive(Clone, Debug)]
struct Sender {
    uploader: Uploader,
    gpg: Option<Gpg>,
}

impl Sender {
    fn new(cx: &Context) -> Outcome<Self> {
        let uploader = Uploader::new(cx.client().clone(), Arc::clone(&cx.settings), cx.width());
        let uploader = uploader.with(cx.md5_cache());
        let gpg = cx.settings.encrypt.then(|| Gpg::new(&cx.settings));
        if let Some(gpg) = &gpg {
            gpg.check().map_err(|error| Failure::new(Exit::CONFIG, reason(&error)))?;
        }
        Ok(Self { uploader, gpg })
    }
}

fn not_encrypted(path: DisplayPath<'_>, error: &std::io::Error) -> ItemResult {
    log::error!("Encryption of '{path}' failed (Reason: {})", reason(error));
    ItemResult::Failed
}

async fn upload(
    cx: Context,
    sender: Sender,
    item: LocalItem,
    uri: S3Uri,
    place: Position,
) -> Outcome<ItemResult> {
    let Sender { uploader, gpg } = sender;
    let path = DisplayPath::trimmed(&item.path);
    let progress = Progress::default();
    let started = Instant::now();
    let size = item.size().unwrap_or(0);
    let _counted = cx.console.item(size);
    if item.relative.ends_with('/') {
        let made = uploader.directory(&item.path, &uri).await.map(|()| Some(0));
        return finish_put(&cx, path, &uri, place, started, made.map_err(UploadError::from));
    }
    let encrypted = match gpg {
        Some(gpg) => match gpg.encrypt(&item.path).await {
            Ok(encrypted) => Some(encrypted),
            Err(error) => return Ok(not_encrypted(path, &error)),
        },
        None => None,
    };
    log::info!("Sending file '{path}', please wait...");
    let size = encrypted.as_ref().map_or(size, |encrypted| encrypted.size);
    let label = || format!("upload: '{path}' -> '{uri}'  {place}");
    let meter = cx.console.meter(&path.to_string(), label, size, &progress);
    let sent = match &encrypted {
        Some(encrypted) => uploader.encrypted(Some(&item.path), encrypted, &uri, &progress).await,
        None => uploader.file(&item.path, &uri, &progress).await,
    };
    meter.end(sent.is_ok());
    finish_put(&cx, path, &uri, place, started, sent)
}

/// What `put` says of an upload, and `sync` does not: where anyone can read it.
fn finish_put(
    cx: &Context,
    path: DisplayPath<'_>,
    uri: &S3Uri,
    place: Position,
    started: Instant,
    sent: Result<Option<u64>, UploadError>,
) -> Outcome<ItemResult> {
    let item_result = finish(cx, path, uri, place, started, sent)?;
    if item_result == ItemResult::Done && cx.settings.acl_public == Some(true) {
        cx.console.tell(&Event::PublicUrl { uri, url: &cx.public_url(uri) })?;
    }
    Ok(item_result)
}

/// Prints how an upload ended. What would meet all other files too ends the run; so does a refusal of the only file, with
/// the exit code of its own, as in s3cmd.
pub(super) fn finish(
    cx: &Context,
    path: DisplayPath<'_>,
    uri: &S3Uri,
    place: Position,
    started: Instant,
    sent: Result<Option<u64>, UploadError>,
) -> Outcome<ItemResult> {
    let seconds = started.elapsed().as_secs_f64();
    match sent {
        // It was there already, which was said.
        Ok(None) => Ok(ItemResult::Done),
        Ok(Some(size)) => {
            if !cx.console.shows_progress() {
                let moved = Some(Moved { size, seconds });
                let place = Some(place);
                cx.console.tell(&Event::Upload { from: path, to: uri, moved, place, dry_run: false })?;
            }
            Ok(ItemResult::Done)
        }
        Err(UploadError { error, kept }) => {
            // Measured on s3cmd 2.4.0: this line is about answers, not about connections.
            if !is_final(&error) && !matches!(error, Error::Io(_) | Error::Connection { .. }) {
                log::warn!("Too many failures. Giving up on '{path}'");
            }
            if let Some(kept) = kept {
                say_how_to_resume(path, uri, &kept);
            }
            failed(path, uri, error, place.total == 1)
        }
    }
}

/// What is left of a large upload, and how to drop it or take it up, in s3cmd's words.
fn say_how_to_resume(path: DisplayPath<'_>, uri: &S3Uri, kept: &Kept) {
    let program = std::env::args().next().unwrap_or_else(|| "s3cmd".to_owned());
    let part = kept.part.map_or(String::new(), |part| format!(" part {part}"));
    let id = &kept.id;
    log::error!(
        "\nUpload of '{path}'{part} failed. Use\n  {program} abortmp {uri} {id}\nto abort the upload, or\n  {program} --upload-id {id} put ...\nto continue the upload."
    );
}

fn failed(path: DisplayPath<'_>, uri: &S3Uri, error: Error, alone: bool) -> Outcome<ItemResult> {
    let of_the_bucket = error.code() == "NoSuchBucket";
    match error {
        Error::Io(error) => {
            log::error!("Upload of '{path}' is not possible (Reason: {})", reason(&error));
            Ok(ItemResult::Failed)
        }
        // A connection that is refused is tried again for each file, as s3cmd does (measured).
        error @ (Error::Service(_) | Error::Connection { kind: ConnectionFailure::Tls, .. })
            if error.concerns_all_requests() || of_the_bucket =>
        {
            Err(error.into())
        }
        error if is_final(&error) && alone => Err(error.into()),
        error if is_final(&error) => {
            let reason = error.reason();
            log::error!("Upload of '{path}' failed (Reason: {reason})");
            Ok(ItemResult::refused(&error))
        }
        error => {
            let text = match &error {
                Error::Service(service) => service.to_string(),
                Error::Connection { .. } => format!("Upload failed for: /{}", uri.key),
                other => other.to_string(),
            };
            log::error!("Upload of '{path}' failed too many times (Last reason: {text})");
            Ok(ItemResult::Failed)
        }
    }
}

/// Whether a failure ends the whole run, with the exit code of its own (measured on s3cmd 2.4.0): refusals, but not what
/// may be a passing trouble of one object, such as bytes that were damaged on their way (400 XAmzContentSHA256Mismatch).
pub(super) fn is_final(error: &Error) -> bool {
    match error {
        Error::Service(service) => {
            matches!(service.status, 300..=408 | 410..=428 | 430..=499 | 507)
                && !RetryPolicy::is_transient(RetryClass::Upload, error)
        }
        Error::Connection { kind, .. } => *kind == ConnectionFailure::Tls,
        Error::Invalid(_) | Error::Malformed(_) => true,
        Error::Integrity(_) | Error::Io(_) => false,
    }
}

/// What standard input is called.
const STDIN: &str = "<stdin>";

async fn from_stdin(cx: &Context, sources: &[OsString], destination: S3Uri) -> Outcome {
    if sources.iter().any(|source| source != "-") {
        return Err(Failure::parameter(
            "Cannot specify multiple local files if uploading from '-' (ie stdin)",
        ));
    }
    if destination.key.is_empty() || destination.key.ends_with('/') {
        return Err(Failure::parameter(
            "Destination S3 URI must not end with '/' when uploading from stdin.",
        ));
    }
    if !cx.settings.enable_multipart {
        return Err(Failure::parameter("Multi-part upload is required to upload from stdin"));
    }
    if cx.settings.dry_run {
        cx.console.tell(&planned(DisplayPath::new(STDIN), &destination))?;
        log::warn!("Exiting now because of --dry-run");
        return Ok(());
    }
    stdin::check()?;
    let Sender { uploader, gpg } = Sender::new(cx)?;
    let (path, place) = (DisplayPath::new(STDIN), Position { number: 1, total: 1 });
    let progress = Progress::default();
    let started = Instant::now();
    let label = || format!("upload: '{path}' -> '{destination}'  {place}");
    let meter = cx.console.meter(&path.to_string(), label, 0, &progress);
    let sent = match gpg {
        Some(gpg) => match gpg.encrypt_stream(tokio::io::stdin()).await {
            Ok(encrypted) => uploader.encrypted(None, &encrypted, &destination, &progress).await,
            Err(error) => {
                meter.end(false);
                not_encrypted(path, &error);
                return Err(Failure::silent(Exit::PARTIAL));
            }
        },
        None => uploader.stdin(&destination, &progress).await.map(Some),
    };
    meter.end(sent.is_ok());
    // s3cmd knows no size here and prints 0; scripts compare the line.
    let sent = sent.map(|size| if cx.console.is_json() { size } else { Some(0) });
    match finish_put(cx, path, &destination, place, started, sent)? {
        ItemResult::Failed => Err(Failure::silent(Exit::PARTIAL)),
        _ => Ok(()),
    }
}
