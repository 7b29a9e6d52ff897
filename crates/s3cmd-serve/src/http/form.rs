//! Browser form uploads: `multipart/form-data` with fields followed by a file, parsed as a stream.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
//!
//! The parser is the `multer` crate's. It reads from its source for as long as data is ready, so the source here
//! returns a piece only when the parser cannot continue without one. Memory then holds one or two pieces and the
//! fields.

use super::request_head::is_free_text;
use crate::auth::payload::{ContentReader, Payload};
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use bytes::Bytes;
use futures::Stream;
use multer::{Field, Multipart};
use s3cmd_client::http::header_text;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Fields that become headers of the object under their own names, like those that begin with `x-amz-`.
pub(crate) const OBJECT_HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// S3's limit on the total size of the fields before the file, names and values, in bytes.
const MAX_FIELDS: usize = 20 * 1024;
/// The most bytes to read before the file begins. More than [`MAX_FIELDS`], because each field has a boundary and
/// headers.
const MAX_BEFORE_FILE: usize = 256 * 1024;

/// The fields of a form up to its file, and the file.
pub(crate) struct Form {
    /// Names in lower case: they are case-insensitive in forms and policies.
    fields: Vec<(String, String)>,
    /// As stated by the browser.
    file_name: String,
    file: Field<'static>,
    body: Body,
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("file_name", &self.file_name).finish_non_exhaustive()
    }
}

/// The body that a form is read from.
#[derive(Clone)]
struct Body(Arc<Mutex<BodyState>>);

struct BodyState {
    payload: Payload,
    /// Whether the parser needs another piece to continue.
    needs_data: bool,
    /// Bytes passed to the parser.
    total: usize,
    /// Whether the file has been reached.
    in_file: bool,
    /// The error that ended the body, if any.
    failure: Option<S3Error>,
}

impl Body {
    fn lock(&self) -> MutexGuard<'_, BodyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a parser step on this thread, with one more piece of the body each time the parser needs data.
    fn run<T>(&self, step: impl Future<Output = multer::Result<T>>) -> S3Result<T> {
        let mut step = pin!(step);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match step.as_mut().poll(&mut context) {
                Poll::Ready(Ok(output)) => return Ok(output),
                Poll::Ready(Err(error)) => return Err(self.failure(&error)),
                Poll::Pending => self.lock().needs_data = true,
            }
        }
    }

    /// The error that ended the body, or else the parser's own, which is about the form.
    fn failure(&self, error: &multer::Error) -> S3Error {
        self.lock().failure.take().unwrap_or_else(|| malformed(&error.to_string()))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.lock();
        if !std::mem::take(&mut state.needs_data) {
            return Poll::Pending;
        }
        let next = if state.in_file || state.total <= MAX_BEFORE_FILE {
            state.payload.next()
        } else {
            Err(too_many_fields())
        };
        match next {
            Ok(piece) => {
                state.total = state.total.saturating_add(piece.as_ref().map_or(0, Bytes::len));
                Poll::Ready(piece.map(Ok))
            }
            Err(error) => {
                state.failure = Some(error);
                Poll::Ready(Some(Err("the body failed")))
            }
        }
    }
}

fn malformed(reason: &str) -> S3Error {
    log::debug!("serve: form: {reason}");
    S3Error::new(
        ErrorCode::MalformedPOSTRequest,
        "The body of your POST request is not well-formed multipart/form-data.",
    )
}

fn too_many_fields() -> S3Error {
    S3Error::new(
        ErrorCode::MaxPostPreDataLengthExceededError,
        "Your POST request fields preceding the upload file were too large.",
    )
    .detail("MaxPostPreDataLengthBytes", MAX_FIELDS.to_string())
}

/// Whether a field becomes an object header whose value may be any bytes.
pub(crate) fn is_header(name: &str) -> bool {
    OBJECT_HEADERS.contains(&name) || name.starts_with("x-amz-") && is_free_text(name)
}

/// The error for a required field that is missing.
pub(crate) fn missing(name: &str) -> S3Error {
    S3Error::new(ErrorCode::InvalidArgument,
        format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        ),
    )
    .detail("ArgumentName", name)
}

impl Form {
    /// Parses the fields up to the file. Fields after the file are ignored, as in S3.
    pub(crate) fn read(payload: Payload, boundary: &str) -> S3Result<Self> {
        let state = BodyState { payload, needs_data: false, total: 0, in_file: false, failure: None };
        let body = Body(Arc::new(Mutex::new(state)));
        let mut parser = Multipart::new(body.clone(), boundary);
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut size = 0;
        loop {
            let field = body.run(parser.next_field())?;
            let Some(mut field) = field else {
                return fail(
                    ErrorCode::InvalidArgument,
                    "POST requires exactly one file upload per request.",
                );
            };
            let name = field.name().ok_or_else(|| malformed("a field has no name"))?.to_ascii_lowercase();
            if name == "file" {
                body.lock().in_file = true;
                let file_name = field.file_name().unwrap_or("").to_owned();
                return Ok(Self { fields, file_name, file: field, body });
            }
            size += name.len();
            let mut value = Vec::new();
            while let Some(piece) = body.run(field.chunk())? {
                size += piece.len();
                if size > MAX_FIELDS {
                    return Err(too_many_fields());
                }
                value.extend_from_slice(&piece);
            }
            let value = if is_header(&name) {
                header_text::from_bytes(&value)
            } else {
                String::from_utf8(value).map_err(|_| malformed("a field is not UTF-8"))?
            };
            // Rejected, because the policy check would see only one of two values.
            if fields.iter().any(|(known, _)| *known == name) && !name.starts_with("x-ignore-") {
                return Err(S3Error::new(ErrorCode::InvalidArgument, "The form has a field more than once.")
                    .detail("ArgumentName", name));
            }
            fields.push((name, value));
        }
    }

    /// All fields, names in lower case.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The value of a field; `name` must be in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a required field; `name` may be in any case. InvalidArgument if it is missing.
    pub(crate) fn required(&self, name: &str) -> S3Result<&str> {
        self.field(&name.to_ascii_lowercase()).ok_or_else(|| missing(name))
    }

    /// Replaces `${filename}` in all fields with the last path component of the browser's file name.
    pub(crate) fn expand(&mut self) {
        let name = self.file_name.rsplit(['/', '\\']).next().unwrap_or("");
        for (_, value) in &mut self.fields {
            if value.contains("${filename}") {
                *value = value.replace("${filename}", name);
            }
        }
    }

    /// The file; reading it fails if its length in bytes is not within `lengths`.
    pub(crate) fn into_file(self, lengths: std::ops::RangeInclusive<u64>) -> FormFile {
        FormFile { file: self.file, body: self.body, lengths, size: 0 }
    }
}

/// The file of a form.
pub(crate) struct FormFile {
    file: Field<'static>,
    body: Body,
    lengths: std::ops::RangeInclusive<u64>,
    size: u64,
}

impl fmt::Debug for FormFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormFile").field("lengths", &self.lengths).finish_non_exhaustive()
    }
}

impl ContentReader for FormFile {
    /// The next piece; `None` once the whole body has arrived and was verified.
    fn next(&mut self) -> S3Result<Option<Bytes>> {
        while let Some(piece) = self.body.run(self.file.chunk())? {
            self.size += piece.len() as u64;
            if self.size > *self.lengths.end() {
                return Err(S3Error::new(
                    ErrorCode::EntityTooLarge,
                    "Your proposed upload exceeds the maximum allowed size",
                )
                .detail("ProposedSize", self.size.to_string())
                .detail("MaxSizeAllowed", self.lengths.end().to_string()));
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        if self.size < *self.lengths.start() {
            return Err(S3Error::new(
                ErrorCode::EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size",
            )
            .detail("ProposedSize", self.size.to_string())
            .detail("MinSizeAllowed", self.lengths.start().to_string()));
        }
        let mut state = self.body.lock();
        while state.payload.next()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::payload::{BodyRule, BodySource};
    use proptest::prelude::*;
    use tokio::sync::mpsc;

    const HEAD: &str = "--X\r\nContent-Disposition: form-data; name=\"Key\"\r\n\r\na/${filename}\r\n\
                        --X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\f.txt\"\r\n\
                        Content-Type: text/plain\r\n\r\n";
    const TAIL: &str = "\r\n--X\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nlate\r\n--X--\r\n";

    fn payload(pieces: impl IntoIterator<Item = Bytes> + Send + 'static) -> Payload {
        let (sender, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            for piece in pieces {
                if sender.blocking_send(Ok(piece)).is_err() {
                    break;
                }
            }
        });
        Payload::new(BodySource::Pieces(receiver, None), BodyRule::Unsigned, None, None, None)
    }

    fn in_pieces(text: &str, size: usize) -> Payload {
        let pieces: Vec<Bytes> = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
        payload(pieces)
    }

    fn content(file: &mut FormFile) -> S3Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = file.next()? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    #[test]
    fn fields_and_file_do_not_depend_on_how_the_body_is_split() {
        let text = format!("{HEAD}one\r\n--two\r\n-{TAIL}");
        for size in [1, 2, 3, 7, 64, 10_000] {
            let mut form = Form::read(in_pieces(&text, size), "X").unwrap();
            form.expand();
            assert_eq!(form.fields(), [("key".to_owned(), "a/f.txt".to_owned())]);
            let mut file = form.into_file(0..=100);
            assert_eq!(content(&mut file).unwrap(), b"one\r\n--two\r\n-", "{size}");
        }
    }

    #[test]
    fn the_length_of_a_file_is_limited() {
        let read = |lengths| {
            let form = Form::read(in_pieces(&format!("{HEAD}12345{TAIL}"), 9), "X").unwrap();
            content(&mut form.into_file(lengths)).map(drop).map_err(|error| error.code.as_str())
        };
        assert_eq!(read(5..=5), Ok(()));
        assert_eq!(read(0..=4), Err("EntityTooLarge"));
        assert_eq!(read(6..=9), Err("EntityTooSmall"));
    }

    #[test]
    fn malformed_forms_are_rejected() {
        let field = |name: &str, value: &str| {
            format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let duplicate = format!("{}{}{HEAD}", field("acl", "a"), field("ACL", "b"));
        let long = format!("{}{HEAD}", field("a", &"x".repeat(MAX_FIELDS)));
        let no_file = format!("{}--X--\r\n", field("key", "k"));
        for (text, code) in [
            ("", "MalformedPOSTRequest"),
            ("--Y\r\n", "MalformedPOSTRequest"),
            ("--X\r\n\r\n", "MalformedPOSTRequest"),
            ("--X\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nhalf", "MalformedPOSTRequest"),
            (&*no_file, "InvalidArgument"),
            (&*duplicate, "InvalidArgument"),
            (&*long, "MaxPostPreDataLengthExceededError"),
        ] {
            for size in [5, 100_000] {
                let error = Form::read(in_pieces(text, size), "X").unwrap_err();
                assert_eq!(error.code.as_str(), code, "{text:.60}");
            }
        }
        let mut cut = Form::read(in_pieces(&format!("{HEAD}half"), 9), "X").unwrap().into_file(0..=100);
        assert_eq!(content(&mut cut).unwrap_err().code.as_str(), "MalformedPOSTRequest");
    }

    /// Field headers that never end are not collected in memory.
    #[test]
    fn endless_field_headers_are_rejected() {
        let start = std::iter::once(Bytes::from_static(b"--X\r\nA: "));
        let endless = start.chain(std::iter::repeat_n(Bytes::from(vec![b'a'; 4096]), 1 << 30));
        let error = Form::read(payload(endless), "X").unwrap_err();
        assert_eq!(error.code.as_str(), "MaxPostPreDataLengthExceededError");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// Parsing always ends, and never returns more content than was sent.
        #[test]
        fn parsing_corrupted_forms_ends(
            changes in proptest::collection::vec((0..400_usize, any::<u8>()), 0..4),
            length in 0..400_usize,
            size in 1..50_usize,
        ) {
            let mut text = format!("{HEAD}one\r\n--X two{TAIL}").into_bytes();
            text.truncate(length.max(20));
            for (index, new) in changes {
                if let Some(byte) = text.get_mut(index) {
                    *byte = new;
                }
            }
            let pieces: Vec<Bytes> = text.chunks(size).map(Bytes::copy_from_slice).collect();
            if let Ok(form) = Form::read(payload(pieces), "X")
                && let Ok(content) = content(&mut form.into_file(0..=1000))
            {
                prop_assert!(content.len() < text.len());
            }
        }
    }
}
