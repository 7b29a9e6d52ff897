//! What `get` and `sync` share: how a downloaded object is finished and reported.

use crate::commands::shared::context::Context;
use crate::commands::shared::outcome::is_final;
use crate::output::{DisplayPath, Event, Outcome, error_text, reason};
use crate::transfer::destination::Destination;
use crate::transfer::download::{DownloadOptions, Finish};
use crate::transfer::ordered_tasks::ItemResult;
use crate::transfer::proof::Proof;
use crate::uri::S3Uri;
use s3cmd_client::Error;
use std::path::{Path, PathBuf};

/// The event of a dry run for a download.
pub(crate) fn planned<'a>(from: &'a S3Uri, to: DisplayPath<'a>) -> Event<'a> {
    Event::Download { from, to, moved: None, position: None, proof: None, dry_run: true, numbered: false }
}

/// Creates the directory that an object stands for, whose key ends with a slash, and returns its path without links. An
/// object with content cannot be stored as a directory. If the object is going to be deleted, this checks first that it
/// is still empty, and syncs the directory to disk.
pub(crate) async fn make_directory(
    cx: &Context,
    options: &DownloadOptions,
    destination: &Destination,
    path: &Path,
    uri: &S3Uri,
    size: u64,
    finish: &Finish,
) -> Result<PathBuf, String> {
    let mut size = size;
    if size == 0 && options.delete_source {
        let head = cx.client().head_object(&uri.bucket, &uri.key).await;
        size = head.map_err(|error| error_text(&error))?.size;
    }
    if size > 0 {
        return Err(format!(
            "the object has {size} bytes of content, and a name with a slash at its end can only be a directory"
        ));
    }
    let made = destination.make_directory(path).map_err(|error| reason(&error))?;
    if let Some(durable) = &finish.durable {
        durable.name(path).map_err(|error| reason(&error))?;
    }
    Ok(made)
}

/// With `--delete-after-fetch`, deletes a downloaded object if its content was verified and it has not changed since. A
/// requested deletion that is not done is a failure.
pub(crate) async fn remove_source(
    cx: &Context,
    options: &DownloadOptions,
    uri: &S3Uri,
    after: &'static str,
    etag: &str,
    proof: Proof,
) -> Outcome<ItemResult> {
    if !options.delete_source {
        return Ok(ItemResult::Done);
    }
    if !proof.is_proved() {
        log::warn!("'{uri}' was not deleted: only the length of the downloaded content could be verified");
        return Ok(ItemResult::Failed);
    }
    if !cx.client().delete_unchanged(&uri.bucket, &uri.key, etag).await? {
        log::warn!("'{uri}' was not deleted: it was replaced after it had been downloaded");
        return Ok(ItemResult::Failed);
    }
    cx.console.print(&Event::SourceRemoved { uri, after })?;
    Ok(ItemResult::Done)
}

pub(crate) fn cannot_create(shown: &str, why: &str) -> ItemResult {
    log::error!("Creation of file '{shown}' failed (Reason: {why})");
    ItemResult::Failed
}

/// Logs that an object could not be downloaded. An error that concerns all requests ends the run; so does a rejection
/// of the only object, with its own exit code (measured on s3cmd 2.4.0).
pub(crate) fn failed(shown: &str, error: Error, alone: bool) -> Outcome<ItemResult> {
    let ends = error.concerns_all_requests();
    match &error {
        Error::Service(service) => log::error!("Download of '{shown}' failed (Reason: {service})"),
        _ if ends => {}
        Error::Malformed(_) | Error::Invalid(_) if alone => return Err(error.into()),
        Error::Io(error) => log::error!("Download of '{shown}' failed (Reason: {})", reason(error)),
        error => log::error!("Download of '{shown}' failed (Reason: {})", error_text(error)),
    }
    if ends || (alone && is_final(&error)) { Err(error.into()) } else { Ok(ItemResult::refused(&error)) }
}
