//! Forms that browsers send: fields, and then a file. `multipart/form-data`, read as it comes.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
//!
//! The parser is the `multer` crate's. It takes from its source for as long as something is there, so the source here
//! gives a piece only when the parser cannot go on without: what is in memory is a piece or two, and the fields.

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

/// Fields that go to the object under their own names, beside those that begin with `x-amz-`.
pub(crate) const OF_OBJECT: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// S3's limit on all fields before the file together, names and values, in bytes.
const MAX_FIELDS: usize = 20 * 1024;
/// How much is read in search of the file; more than [`MAX_FIELDS`], as each field brings a boundary and a head.
const MAX_BEFORE_FILE: usize = 256 * 1024;

/// The fields of a form up to its file, and the file.
pub(crate) struct Form {
    /// Names in lower case: forms and policies spell them as they like.
    fields: Vec<(String, String)>,
    /// As the browser named it.
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
    /// Whether the parser cannot go on with what it has.
    hungry: bool,
    /// Bytes given.
    total: usize,
    /// Whether the file has been reached.
    in_file: bool,
    /// Why there is no more, if that was an error.
    failure: Option<S3Error>,
}

impl Body {
    fn lock(&self) -> MutexGuard<'_, BodyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the parser on this thread: one piece of the body each time that it has to wait.
    fn wait<T>(&self, step: impl Future<Output = multer::Result<T>>) -> S3Result<T> {
        let mut step = pin!(step);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match step.as_mut().poll(&mut context) {
                Poll::Ready(Ok(output)) => return Ok(output),
                Poll::Ready(Err(error)) => return Err(self.failure(&error)),
                Poll::Pending => self.lock().hungry = true,
            }
        }
    }

    /// The error that ended the body, or else the parser's, which speaks of the form.
    fn failure(&self, error: &multer::Error) -> S3Error {
        self.lock().failure.take().unwrap_or_else(|| malformed(&error.to_string()))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.lock();
        if !std::mem::take(&mut state.hungry) {
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

fn malformed(why: &str) -> S3Error {
    log::debug!("serve: form: {why}");
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

/// Whether a field becomes a header of the object whose value may be any bytes.
pub(crate) fn is_header(name: &str) -> bool {
    OF_OBJECT.contains(&name) || name.starts_with("x-amz-") && is_free_text(name)
}

/// The error for a field that has to be there.
pub(crate) fn missing(name: &str) -> S3Error {
    S3Error::new(ErrorCode::InvalidArgument,
        format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        ),
    )
    .detail("ArgumentName", name)
}

impl Form {
    /// Reads the fields. What follows the file is of no interest, as in S3.
    pub(crate) fn read(payload: Payload, boundary: &str) -> S3Result<Self> {
        let state = BodyState { payload, hungry: false, total: 0, in_file: false, failure: None };
        let body = Body(Arc::new(Mutex::new(state)));
        let mut parser = Multipart::new(body.clone(), boundary);
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut size = 0;
        loop {
            let field = body.wait(parser.next_field())?;
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
            while let Some(piece) = body.wait(field.chunk())? {
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
            // Of two values only one could be held against the policy.
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

    /// The value of a field, named in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field that has to be there, in any spelling.
    pub(crate) fn needed(&self, name: &str) -> S3Result<&str> {
        self.field(&name.to_ascii_lowercase()).ok_or_else(|| missing(name))
    }

    /// Puts the file's name where the fields say `${filename}`: what follows the last slash of what the browser said.
    pub(crate) fn expand(&mut self) {
        let name = self.file_name.rsplit(['/', '\\']).next().unwrap_or("");
        for (_, value) in &mut self.fields {
            if value.contains("${filename}") {
                *value = value.replace("${filename}", name);
            }
        }
    }

    /// The file, which has to be as long as said.
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
    /// The next piece; `None` when all of the body has come and is as it was promised.
    fn next(&mut self) -> S3Result<Option<Bytes>> {
        while let Some(piece) = self.body.wait(self.file.chunk())? {
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
    fn fields_and_file_come_out_however_the_body_is_cut() {
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
    fn a_file_is_held_to_its_limits() {
        let of = |lengths| {
            let form = Form::read(in_pieces(&format!("{HEAD}12345{TAIL}"), 9), "X").unwrap();
            content(&mut form.into_file(lengths)).map(drop).map_err(|error| error.code.as_str())
        };
        assert_eq!(of(5..=5), Ok(()));
        assert_eq!(of(0..=4), Err("EntityTooLarge"));
        assert_eq!(of(6..=9), Err("EntityTooSmall"));
    }

    #[test]
    fn broken_forms_are_refused() {
        let field = |name: &str, value: &str| {
            format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let twice = format!("{}{}{HEAD}", field("acl", "a"), field("ACL", "b"));
        let long = format!("{}{HEAD}", field("a", &"x".repeat(MAX_FIELDS)));
        let no_file = format!("{}--X--\r\n", field("key", "k"));
        for (text, code) in [
            ("", "MalformedPOSTRequest"),
            ("--Y\r\n", "MalformedPOSTRequest"),
            ("--X\r\n\r\n", "MalformedPOSTRequest"),
            ("--X\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nhalf", "MalformedPOSTRequest"),
            (&*no_file, "InvalidArgument"),
            (&*twice, "InvalidArgument"),
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

    /// A head that never ends is not gathered in memory.
    #[test]
    fn endless_heads_are_cut_off() {
        let start = std::iter::once(Bytes::from_static(b"--X\r\nA: "));
        let endless = start.chain(std::iter::repeat_n(Bytes::from(vec![b'a'; 4096]), 1 << 30));
        let error = Form::read(payload(endless), "X").unwrap_err();
        assert_eq!(error.code.as_str(), "MaxPostPreDataLengthExceededError");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// Whatever comes, there is an answer, and never more content than came.
        #[test]
        fn bent_forms_come_to_an_end(
            bends in proptest::collection::vec((0..400_usize, any::<u8>()), 0..4),
            length in 0..400_usize,
            size in 1..50_usize,
        ) {
            let mut text = format!("{HEAD}one\r\n--X two{TAIL}").into_bytes();
            text.truncate(length.max(20));
            for (at, byte) in bends {
                if let Some(place) = text.get_mut(at) {
                    *place = byte;
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
