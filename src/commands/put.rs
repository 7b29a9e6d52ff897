//! `put`: uploads files, directory trees, or standard input.

use crate::commands::shared::context::Context;
use crate::commands::shared::selection::listed_names;
use crate::commands::shared::stdin;
use crate::commands::shared::uploads::{finish, planned};
use crate::output::{DisplayPath, Event, Exit, Failure, Outcome, Position, reason};
use crate::transfer::gpg::Gpg;
use crate::transfer::local::select::{self, LocalItem, LocalSelection};
use crate::transfer::ordered_tasks::{self, ItemResult};
use crate::transfer::upload::{UploadError, Uploader};
use crate::uri::{Location, S3Uri};
use s3cmd_client::http::request::Progress;
use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

/// Uploads the sources to the destination, many at once, and prints a line for each in the order of their names.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let (sources, destination) = sources_and_destination(args)?;
    if sources.iter().any(|source| source == "-") {
        return from_stdin(cx, sources, destination).await;
    }
    let selection = select(cx, sources)?;
    // A shard may have no work, and has to interpret the destination as the others do.
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

/// All arguments but the last are sources; the last is the destination.
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
    let options = &*cx.selection;
    let mut paths = Vec::with_capacity(sources.len());
    for source in sources {
        match Location::parse(source) {
            Location::Local(path) => paths.push(path.into_os_string()),
            Location::S3(uri) => {
                return Err(Failure::parameter(format!("Expecting filename or directory instead of: {uri}")));
            }
        }
    }
    if options.files_from.is_empty() {
        return select::select(&paths, options);
    }
    let [base] = &paths[..] else {
        return Err(Failure::parameter("Only one source directory can be given with --files-from"));
    };
    if !options.recursive && Path::new(base).is_dir() {
        return Err(select::recursion_needed(Path::new(base)));
    }
    select::select_listed(Path::new(base), listed_names(&options.files_from), options)
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

/// Uploads files, encrypting them first if `--encrypt` is given.
#[derive(Clone, Debug)]
struct Sender {
    uploader: Uploader,
    gpg: Option<Gpg>,
}

impl Sender {
    fn new(cx: &Context) -> Outcome<Self> {
        let uploader = cx.uploader();
        let gpg = cx.settings.encrypt.then(|| Gpg::new(cx.settings.gpg_options()));
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
    position: Position,
) -> Outcome<ItemResult> {
    let Sender { uploader, gpg } = sender;
    let path = DisplayPath::trimmed(&item.path);
    let progress = Progress::default();
    let started = Instant::now();
    let size = item.size().unwrap_or(0);
    let _counted = cx.console.item(size);
    if item.relative.ends_with('/') {
        let made = uploader.directory(&item.path, &uri).await.map(|()| Some(0));
        return finish_put(&cx, path, &uri, position, started, made.map_err(UploadError::from));
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
    let label = || format!("upload: '{path}' -> '{uri}'  {position}");
    let meter = cx.console.meter(&path.to_string(), label, size, &progress);
    let sent = match &encrypted {
        Some(encrypted) => uploader.encrypted(Some(&item.path), encrypted, &uri, &progress).await,
        None => uploader.file(&item.path, &uri, &progress).await,
    };
    meter.end(sent.is_ok());
    finish_put(&cx, path, &uri, position, started, sent)
}

/// Reports an upload, and the object's public URL, which `sync` does not print.
fn finish_put(
    cx: &Context,
    path: DisplayPath<'_>,
    uri: &S3Uri,
    position: Position,
    started: Instant,
    sent: Result<Option<u64>, UploadError>,
) -> Outcome<ItemResult> {
    let item_result = finish(cx, path, uri, position, started, sent)?;
    if item_result == ItemResult::Done && cx.settings.acl_public == Some(true) {
        cx.console.print(&Event::PublicUrl { uri, url: &cx.public_url(uri) })?;
    }
    Ok(item_result)
}

/// The name shown for standard input.
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
        cx.console.print(&planned(DisplayPath::new(STDIN), &destination))?;
        log::warn!("Exiting now because of --dry-run");
        return Ok(());
    }
    stdin::check()?;
    let Sender { uploader, gpg } = Sender::new(cx)?;
    let (path, position) = (DisplayPath::new(STDIN), Position { number: 1, total: 1 });
    let progress = Progress::default();
    let started = Instant::now();
    let label = || format!("upload: '{path}' -> '{destination}'  {position}");
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
    match finish_put(cx, path, &destination, position, started, sent)? {
        ItemResult::Failed => Err(Failure::silent(Exit::PARTIAL)),
        _ => Ok(()),
    }
}
