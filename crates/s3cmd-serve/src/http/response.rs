//! Building HTTP responses from replies. The bodies of files are read ahead by one piece.

use super::access_log::PendingEntry;
use super::call::{Reply, ReplyBody, StreamBody};
use super::limits::RequestGuard;
use crate::store::cipher::ObjectCipher;
use crate::store::file_io::PIECE;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body::{Frame, SizeHint};
use s3cmd_client::http::header_text;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;

/// Builds the response; `head` omits the body. The log entry and the guard are held until the last byte of the body has
/// been sent.
pub(crate) fn build(
    reply: Reply,
    id: &str,
    head: bool,
    entry: Option<Box<PendingEntry>>,
    guard: RequestGuard,
) -> Response<Body> {
    let content = match reply.body {
        _ if head => Content::Whole(None),
        ReplyBody::Whole(bytes) => Content::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
        ReplyBody::File { first, file, offset, left, cipher } => Content::File(FileBody {
            first: Some(first).filter(|first| !first.is_empty()),
            file: Arc::new(file),
            offset,
            cipher,
            unread: left,
            reading: None,
            length: left,
        }),
        ReplyBody::Stream(stream) => Content::Stream(stream),
    };
    let mut response = Response::new(Body { content, entry, guard });
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in reply.headers {
        // Stored values were received as headers, so they are valid.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&header_text::to_bytes(&value)))
        {
            headers.append(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amz-request-id", id);
    }
    headers.insert("server", HeaderValue::from_static("s3cmd-serve"));
    response
}

/// The body of a response.
#[derive(Debug)]
pub(crate) struct Body {
    content: Content,
    entry: Option<Box<PendingEntry>>,
    #[expect(dead_code, reason = "held until the last byte has been sent")]
    guard: RequestGuard,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    File(FileBody),
    Stream(StreamBody),
}

/// A range of a file, read ahead by one piece.
#[derive(Debug)]
struct FileBody {
    first: Option<Bytes>,
    file: Arc<File>,
    offset: u64,
    cipher: Option<ObjectCipher>,
    /// Bytes that no read has been started for.
    unread: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// Bytes after `first` that have not been returned yet.
    length: u64,
}

impl FileBody {
    /// Starts to read the next piece on a blocking thread, unless a read is in progress.
    fn start_read(&mut self) {
        if self.unread == 0 || self.reading.is_some() {
            return;
        }
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        let size = self.unread.min(PIECE as u64);
        self.offset += size;
        self.unread -= size;
        let cipher = self.cipher.clone();
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; size as usize];
            file.read_exact_at(&mut buffer, offset)?;
            if let Some(cipher) = cipher {
                cipher.decrypt(offset, &mut buffer);
            }
            Ok(Bytes::from(buffer))
        }));
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { content, entry, .. } = self.get_mut();
        let mut sent = |piece: Bytes| {
            if let Some(entry) = entry {
                entry.sent(piece.len());
            }
            Frame::data(piece)
        };
        let body = match content {
            Content::Whole(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(sent(bytes)))),
            Content::File(body) => body,
            Content::Stream(stream) => {
                let piece = ready!(stream.pieces.as_mut().poll_next(context));
                return Poll::Ready(piece.map(|piece| {
                    piece.map(|piece| {
                        stream.length = stream.length.map(|left| left.saturating_sub(piece.len() as u64));
                        sent(piece)
                    })
                }));
            }
        };
        body.start_read();
        if let Some(first) = body.first.take() {
            return Poll::Ready(Some(Ok(sent(first))));
        }
        let Some(reading) = &mut body.reading else { return Poll::Ready(None) };
        let piece = ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).flatten();
        body.reading = None;
        Poll::Ready(Some(piece.map(|piece| {
            body.length -= piece.len() as u64;
            body.start_read();
            sent(piece)
        })))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::File(body) => body.first.is_none() && body.length == 0,
            Content::Stream(stream) => stream.length == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Content::Stream(StreamBody { length: None, .. }) => return SizeHint::default(),
            Content::Stream(StreamBody { length: Some(length), .. }) => *length,
            Content::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Content::File(body) => body.length + body.first.as_ref().map_or(0, |first| first.len() as u64),
        })
    }
}
