//! The documents of a bucket or object (policy, lifecycle, ...): what their commands share.

use crate::commands::shared::context::Context;
use crate::output::{ChangeForm, Event, Exit, Failure, Outcome, error_text};
use crate::uri::S3Uri;
use s3cmd_client;
use s3cmd_client::model::documents::{Document, Kind};
use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Maximum size of a document in bytes; no service accepts one nearly as large.
const MAX_DOCUMENT: u64 = 16 << 20;

/// Reads a document from a file, or from stdin for `-`. A file that cannot be read is exit code 74.
pub(crate) fn read(argument: &OsStr) -> Outcome<String> {
    let path = Path::new(argument);
    let failed = |error: std::io::Error| Failure::file(path.display(), &error);
    let mut bytes = Vec::new();
    if argument == "-" {
        std::io::stdin().lock().take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Failure::parameter(format!(
            "'{}' is too large for this kind of document",
            path.display()
        )));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::parameter(format!("'{}' is not UTF-8 text", path.display())))
}

/// Pauses before a document is read back again: some services return the old document for a while.
const READ_BACK_PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_millis(1000)];

/// The message that reports a successful change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SuccessMessage {
    change: &'static str,
    form: ChangeForm,
    /// Only for status 204, as in s3cmd. For other statuses, which are the usual ones, the message is logged with `-v`.
    only_if_204: bool,
    /// Whether a dry run prints the line, too.
    in_dry_run: bool,
}

impl SuccessMessage {
    /// `URI: CHANGE`
    pub(crate) fn plain(change: &'static str) -> Self {
        Self { change, form: ChangeForm::Plain, only_if_204: false, in_dry_run: true }
    }

    /// `Bucket 'URI': CHANGE.`
    pub(crate) fn of_bucket(change: &'static str) -> Self {
        Self { form: ChangeForm::Bucket, ..Self::plain(change) }
    }

    /// Omits the message in dry runs, which print the document.
    pub(crate) fn when_done(self) -> Self {
        Self { in_dry_run: false, ..self }
    }

    /// Prints the message only for status 204, unless there are several buckets, which have to be named.
    pub(crate) fn if_204(self, several: bool) -> Self {
        Self { only_if_204: !several, ..self.when_done() }
    }

    fn print(self, cx: &Context, uri: &S3Uri, status: u16) -> Outcome {
        let Self { change, form, only_if_204, .. } = self;
        if only_if_204 && status != 204 && !cx.console.is_json() {
            log::info!("{uri}: {change}");
            return Ok(());
        }
        cx.console.print(&Event::Changed { uri, change, dry_run: cx.settings.dry_run, form })
    }
}

/// Reads a document from a file. It is checked for each bucket when it is set.
pub(crate) fn from_file(argument: &OsStr, kind: Kind) -> Outcome<Document> {
    Ok(Document::new(kind, read(argument)?))
}

/// Rejects a document that is malformed or does not suit this bucket, with the service's error code.
pub(crate) fn check(cx: &Context, uri: &S3Uri, document: &Document) -> Outcome {
    if !cx.settings.check_documents {
        return Ok(());
    }
    document.check(&uri.bucket).map_err(|problem| {
        let (kind, code) = (document.kind().noun(), document.kind().malformed_code());
        Failure::new(Exit::of_status(400), format!("S3 error: 400 ({code}): no {kind} for {uri}: {problem}"))
    })
}

/// Stores a document, reports it and compares it with what the service returns. A dry run prints the changes.
pub(crate) async fn set(cx: &Context, uri: &S3Uri, document: &Document, message: SuccessMessage) -> Outcome {
    set_with(cx, uri, document, message, cx.client().put(&uri.bucket, uri.key_option(), document)).await
}

/// Like [`set`], with a caller-supplied request.
pub(crate) async fn set_with(
    cx: &Context,
    uri: &S3Uri,
    document: &Document,
    message: SuccessMessage,
    send: impl Future<Output = s3cmd_client::Result<u16>>,
) -> Outcome {
    if cx.settings.dry_run {
        return preview(cx, uri, document.kind(), Some(document), message).await;
    }
    let status = send.await.map_err(|error| failed(error, message))?;
    message.print(cx, uri, status)?;
    verify(cx, uri, document).await
}

/// Deletes a document and reports it. A dry run prints what would be deleted.
pub(crate) async fn delete(cx: &Context, uri: &S3Uri, kind: Kind, message: SuccessMessage) -> Outcome {
    if cx.settings.dry_run {
        return preview(cx, uri, kind, None, message).await;
    }
    let deleted = cx.client().delete_document(&uri.bucket, uri.key_option(), kind.subresource()).await;
    deleted.map_err(|error| failed(error, message))?;
    message.print(cx, uri, 204)
}

/// Adds the line about the bucket for commands whose message is about buckets.
fn failed(error: s3cmd_client::Error, message: SuccessMessage) -> Failure {
    if message.form == ChangeForm::Bucket { Failure::about_bucket(error) } else { error.into() }
}

/// The stored document, or `None` if there is none.
async fn stored(cx: &Context, uri: &S3Uri, kind: Kind) -> s3cmd_client::Result<Option<Document>> {
    match cx.client().get(&uri.bucket, uri.key_option(), kind).await {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.is_not_found() && !matches!(error.code(), "NoSuchBucket" | "NoSuchKey") => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Prints the changes to the stored document.
async fn preview(
    cx: &Context,
    uri: &S3Uri,
    kind: Kind,
    new: Option<&Document>,
    message: SuccessMessage,
) -> Outcome {
    let compared = stored(cx, uri, kind).await.and_then(|old| Document::changes(old.as_ref(), new));
    match compared {
        Ok(changes) => {
            cx.console.print(&Event::DocumentChanges { uri, document: kind.noun(), changes: &changes })?;
        }
        // The bucket or object does not exist, so setting the document would fail.
        Err(error) if error.is_not_found() => return Err(failed(error, message)),
        // There is nothing to compare with.
        Err(error) if matches!(error.status(), Some(405 | 501)) => {
            log::info!("{uri}: the service does not support the {}: {error}", kind.noun());
        }
        Err(error) => {
            let why = error_text(&error);
            log::warn!("{uri}: the {} that is there cannot be read: {why}", kind.noun());
        }
    }
    if message.in_dry_run { message.print(cx, uri, 0) } else { Ok(()) }
}

/// Compares the sent document with what the service returns, and warns about every rule that has a different meaning
/// there: exit code 2. A document that cannot be read back is not compared; `-v` reports that.
pub(crate) async fn verify(cx: &Context, uri: &S3Uri, sent: &Document) -> Outcome {
    if !cx.settings.check_documents {
        return Ok(());
    }
    let noun = sent.kind().noun();
    let mut pauses = READ_BACK_PAUSES.into_iter();
    loop {
        let differences: Vec<String> = match stored(cx, uri, sent.kind()).await {
            Ok(Some(document)) => match sent.differences(&document) {
                Ok(found) => found.iter().map(ToString::to_string).collect(),
                Err(error) => vec![format!("the {noun} cannot be compared with what is stored: {error}")],
            },
            Ok(None) => vec![format!("the {noun} is not stored")],
            Err(error) => {
                log::info!("{uri}: the {noun} was not read back: {}", error_text(&error));
                return Ok(());
            }
        };
        if differences.is_empty() {
            return Ok(());
        }
        match pauses.next() {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                differences.iter().for_each(|differences| log::warn!("{uri}: {differences}"));
                return Err(Failure::silent(Exit::PARTIAL));
            }
        }
    }
}

/// Returns `None` if nothing is set or the service does not support the setting, for which services use various
/// statuses. A missing bucket or object is an error.
pub(crate) fn optional<T>(answer: s3cmd_client::Result<T>) -> Outcome<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.code(), "NoSuchBucket" | "NoSuchKey" | "NoSuchVersion") => {
            Err(error.into())
        }
        Err(error) if matches!(error.status(), Some(400 | 404 | 405 | 501)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Prints the URI as a heading, if there are several.
pub(crate) fn heading(cx: &Context, uri: &S3Uri, several: bool) -> Outcome {
    if several { cx.console.print_decoration(&format!("{uri}:")) } else { Ok(()) }
}

/// Logs at the end of a dry run that nothing was done.
pub(crate) fn end_of_dry_run(cx: &Context) {
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
}
