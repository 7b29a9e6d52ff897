//! How `put` and `sync` report an upload.

use crate::commands::shared::context::Context;
use crate::commands::shared::outcome::is_final;
use crate::output::{DisplayPath, Event, Moved, Outcome, Position, error_reason, reason};
use crate::transfer::ordered_tasks::ItemResult;
use crate::transfer::upload::{Kept, UploadError};
use crate::uri::S3Uri;
use s3cmd_client::{ConnectionFailure, Error};
use std::time::Instant;

/// The event of a dry run for an upload.
pub(crate) fn planned<'a>(from: DisplayPath<'a>, to: &'a S3Uri) -> Event<'a> {
    Event::Upload { from, to, moved: None, position: None, dry_run: true }
}

/// Reports the result of an upload. An error that concerns all requests ends the run; so does a rejection of the only
/// file, with its own exit code, as in s3cmd.
pub(crate) fn finish(
    cx: &Context,
    path: DisplayPath<'_>,
    uri: &S3Uri,
    position: Position,
    started: Instant,
    sent: Result<Option<u64>, UploadError>,
) -> Outcome<ItemResult> {
    let seconds = started.elapsed().as_secs_f64();
    match sent {
        // The object already existed, which was reported.
        Ok(None) => Ok(ItemResult::Done),
        Ok(Some(size)) => {
            if !cx.console.shows_progress() {
                let moved = Some(Moved { size, seconds });
                let position = Some(position);
                cx.console.print(&Event::Upload { from: path, to: uri, moved, position, dry_run: false })?;
            }
            Ok(ItemResult::Done)
        }
        Err(UploadError { error, kept }) => {
            // Measured on s3cmd 2.4.0: this line is printed for error responses, not for connection failures.
            if !is_final(&error) && !matches!(error, Error::Io(_) | Error::Connection { .. }) {
                log::warn!("Too many failures. Giving up on '{path}'");
            }
            if let Some(kept) = kept {
                log_resume_commands(path, uri, &kept);
            }
            failed(path, uri, error, position.total == 1)
        }
    }
}

/// Logs, in s3cmd's words, how to abort or continue an unfinished multipart upload.
fn log_resume_commands(path: DisplayPath<'_>, uri: &S3Uri, kept: &Kept) {
    let program = std::env::args().next().unwrap_or_else(|| "s3cmd".to_owned());
    let part = kept.part.map_or(String::new(), |part| format!(" part {part}"));
    let id = &kept.id;
    log::error!(
        "\nUpload of '{path}'{part} failed. Use\n  {program} abortmp {uri} {id}\nto abort the upload, or\n  {program} --upload-id {id} put ...\nto continue the upload."
    );
}

fn failed(path: DisplayPath<'_>, uri: &S3Uri, error: Error, alone: bool) -> Outcome<ItemResult> {
    let is_missing_bucket = error.code() == "NoSuchBucket";
    match error {
        Error::Io(error) => {
            log::error!("Upload of '{path}' is not possible (Reason: {})", reason(&error));
            Ok(ItemResult::Failed)
        }
        // A refused connection is retried for each file, as in s3cmd (measured).
        error @ (Error::Service(_) | Error::Connection { kind: ConnectionFailure::Tls, .. })
            if error.concerns_all_requests() || is_missing_bucket =>
        {
            Err(error.into())
        }
        error if is_final(&error) && alone => Err(error.into()),
        error if is_final(&error) => {
            let reason = error_reason(&error);
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
