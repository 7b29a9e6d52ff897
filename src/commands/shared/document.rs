//! The documents that hang on a bucket (policy, lifecycle, ...): what their commands have in common.

use crate::commands::shared::context::Context;
use crate::output::{ChangeForm, Event, Exit, Failure, Outcome};
use crate::s3;
use crate::s3::documents::{Document, Kind};
use crate::uri::S3Uri;
use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Longest document that is read from a file; no service takes one nearly as long.
const MAX_DOCUMENT: u64 = 16 << 20;

/// Reads a document from a file, or from stdin for `-`. A file that cannot be read is exit 74.
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
        return Err(Failure::parameter(format!("'{}' is too long for such a document", path.display())));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::parameter(format!("'{}' is not UTF-8 text", path.display())))
}

/// Pauses before a document is read back again: some services take a while until they give back what they stored.
const READ_AGAIN_AFTER: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_millis(1000)];

/// In which words a change is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SuccessMessage {
    change: &'static str,
    form: ChangeForm,
    /// Only where the service answers 204, as s3cmd does; of other answers, which are the usual ones, only `-v` tells.
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

    /// Not in dry runs, which show the document.
    pub(crate) fn when_done(self) -> Self {
        Self { in_dry_run: false, ..self }
    }

    /// Only where the service answers 204, unless one of several is to be named.
    pub(crate) fn if_204(self, several: bool) -> Self {
        Self { only_if_204: !several, ..self.when_done() }
    }

    fn tell(self, cx: &Context, uri: &S3Uri, status: u16) -> Outcome {
        let Self { change, form, only_if_204, .. } = self;
        if only_if_204 && status != 204 && !cx.console.is_json() {
            log::info!("{uri}: {change}");
            return Ok(());
        }
        cx.console.tell(&Event::Changed { uri, change, dry_run: cx.settings.dry_run, form })
    }
}

/// The document of a file, checked by itself; what it is for is checked for each bucket when it is set.
pub(crate) fn from_file(argument: &OsStr, kind: Kind) -> Outcome<Document> {
    Ok(Document::new(kind, read(argument)?))
}

/// Refuses a document that is none of its kind, or none for this bucket, in the service's own code.
pub(crate) fn check(cx: &Context, uri: &S3Uri, document: &Document) -> Outcome {
    if !cx.settings.check_documents {
        return Ok(());
    }
    document.check(&uri.bucket).map_err(|problem| {
        let (kind, code) = (document.kind().noun(), document.kind().malformed_code());
        Failure::new(Exit::of_status(400), format!("S3 error: 400 ({code}): no {kind} for {uri}: {problem}"))
    })
}

/// Stores a document and says so, then compares it with what the service gives back. A dry run shows what would change.
pub(crate) async fn set(cx: &Context, uri: &S3Uri, document: &Document, message: SuccessMessage) -> Outcome {
    set_by(cx, uri, document, message, cx.client().put(&uri.bucket, uri.key_option(), document)).await
}

/// The same where it is sent in a way of its own.
pub(crate) async fn set_by(
    cx: &Context,
    uri: &S3Uri,
    document: &Document,
    message: SuccessMessage,
    send: impl Future<Output = s3::Result<u16>>,
) -> Outcome {
    if cx.settings.dry_run {
        return preview(cx, uri, document.kind(), Some(document), message).await;
    }
    let status = send.await.map_err(|error| failed(error, message))?;
    message.tell(cx, uri, status)?;
    verify(cx, uri, document).await
}

/// Deletes a document and says so. A dry run shows what would go.
pub(crate) async fn delete(cx: &Context, uri: &S3Uri, kind: Kind, message: SuccessMessage) -> Outcome {
    if cx.settings.dry_run {
        return preview(cx, uri, kind, None, message).await;
    }
    let deleted = cx.client().delete_document(&uri.bucket, uri.key_option(), kind.subresource()).await;
    deleted.map_err(|error| failed(error, message))?;
    message.tell(cx, uri, 204)
}

/// Some commands say which bucket it is.
fn failed(error: s3::Error, message: SuccessMessage) -> Failure {
    if message.form == ChangeForm::Bucket { Failure::about_bucket(error) } else { error.into() }
}

/// What is stored now; `None` where there is nothing.
async fn stored(cx: &Context, uri: &S3Uri, kind: Kind) -> s3::Result<Option<Document>> {
    match cx.client().get(&uri.bucket, uri.key_option(), kind).await {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.is_not_found() && !matches!(error.code(), "NoSuchBucket" | "NoSuchKey") => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Shows what a change would do to the document that is there.
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
            cx.console.tell(&Event::DocumentChanges { uri, document: kind.noun(), changes: &changes })?;
        }
        // The bucket or the object itself is not there, and so nothing could be set.
        Err(error) if error.is_not_found() => return Err(failed(error, message)),
        // There is nothing to compare with.
        Err(error) if matches!(error.status(), Some(405 | 501)) => {
            log::info!("{uri}: the service knows no {}: {error}", kind.noun());
        }
        Err(error) => log::warn!("{uri}: the {} that is there cannot be read: {error}", kind.noun()),
    }
    if message.in_dry_run { message.tell(cx, uri, 0) } else { Ok(()) }
}

/// Compares what was sent with what the service gives back, and warns of every rule that means something else there: exit
/// code 2. A document that cannot be read back is not compared, which `-v` tells.
pub(crate) async fn verify(cx: &Context, uri: &S3Uri, sent: &Document) -> Outcome {
    if !cx.settings.check_documents {
        return Ok(());
    }
    let noun = sent.kind().noun();
    let mut waits = READ_AGAIN_AFTER.into_iter();
    loop {
        let words: Vec<String> = match stored(cx, uri, sent.kind()).await {
            Ok(Some(document)) => match sent.differences(&document) {
                Ok(differences) => differences.iter().map(ToString::to_string).collect(),
                Err(error) => vec![format!("the {noun} cannot be compared with what is stored: {error}")],
            },
            Ok(None) => vec![format!("the {noun} is not stored")],
            Err(error) => {
                log::info!("{uri}: the {noun} was not read back: {error}");
                return Ok(());
            }
        };
        if words.is_empty() {
            return Ok(());
        }
        match waits.next() {
            Some(wait) => tokio::time::sleep(wait).await,
            None => {
                words.iter().for_each(|words| log::warn!("{uri}: {words}"));
                return Err(Failure::silent(Exit::PARTIAL));
            }
        }
    }
}

/// Nothing is set, or the service has no such thing: services say so in many ways. That the bucket or the object is not there
/// is a failure.
pub(crate) fn optional<T>(answer: s3::Result<T>) -> Outcome<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.code(), "NoSuchBucket" | "NoSuchKey" | "NoSuchVersion") => {
            Err(error.into())
        }
        Err(error) if matches!(error.status(), Some(400 | 404 | 405 | 501)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Prints what the next lines are about, where several are asked about.
pub(crate) fn heading(cx: &Context, uri: &S3Uri, several: bool) -> Outcome {
    if several { cx.console.ornament(&format!("{uri}:")) } else { Ok(()) }
}

/// Tells, after a dry run, that nothing was done.
pub(crate) fn end_of_dry_run(cx: &Context) {
    if cx.settings.dry_run {
        log::warn!("Exiting now because of --dry-run");
    }
}
