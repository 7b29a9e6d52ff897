//! HTTP/1.1 as far as the hostile server needs it: requests are read whole, responses are written as invalid as
//! requested.

use super::Answer;
use s3cmd_client::sign::encode;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A request, read to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Bucket; empty for the service itself.
    pub(crate) bucket: String,
    /// Key, decoded; empty for a bucket.
    pub(crate) key: String,
    /// Parameters, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Headers; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The content, without the chunk signatures of a streamed upload.
    pub(crate) body: Vec<u8>,
}

/// How the end of a response's body is marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `Content-Length`.
    #[default]
    Length,
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection.
    Close,
}

impl Request {
    /// A parameter's value.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// A header's value; the name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Removes a parameter, as a server does that does not know it.
    pub(crate) fn forget_param(&mut self, name: &str) {
        self.query.retain(|(found, _)| found != name);
    }

    /// Removes a header.
    pub(crate) fn forget_header(&mut self, name: &str) {
        self.headers.retain(|(found, _)| found != name);
    }

    /// Reads the next request of a connection; `None` at its end.
    pub(super) fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if find(&headers, "expect").is_some() {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        let mut body = match find(&headers, "transfer-encoding") {
            Some("chunked") => read_chunks(stream)?,
            _ => {
                let length = find(&headers, "content-length").and_then(|length| length.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                stream.read_exact(&mut body).ok()?;
                body
            }
        };
        if find(&headers, "x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-")) {
            body = read_chunks(&mut body.as_slice())?;
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let [bucket, key] = [bucket, key]
            .map(|text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned());
        Some(Self { method, bucket, key, query: encode::parse_query(query), headers, body })
    }
}

/// The content of a chunked body, of HTTP or of a streamed signature, whose size lines have more after a semicolon.
fn read_chunks(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let size = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        if size == 0 {
            // The line that ends the trailers may be missing after the last signature.
            while stream.read_line(&mut line).ok()? > 2 {}
            return Some(body);
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..]).ok()?;
        stream.read_line(&mut line).ok()?;
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

impl Answer {
    /// Writes it. Returns whether the connection may be used again.
    pub(super) fn write(&self, stream: &mut TcpStream, is_head: bool) -> bool {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let has_length = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let has_body = !matches!(self.status, 204 | 304);
        match self.framing {
            Framing::Length if has_length || !has_body => {}
            Framing::Length => head += &format!("Content-Length: {}\r\n", self.body.len()),
            Framing::Chunked if has_body => head += "Transfer-Encoding: chunked\r\n",
            Framing::Chunked => {}
            Framing::Close => head += "Connection: close\r\n",
        }
        head += "\r\n";
        if stream.write_all(head.as_bytes()).is_err() || is_head || !has_body {
            return self.framing != Framing::Close;
        }
        let sent = &self.body[..self.cut.unwrap_or(usize::MAX).min(self.body.len())];
        let written = match self.framing {
            Framing::Chunked => sent.chunks(1 << 16).try_for_each(|chunk| {
                write!(stream, "{:x}\r\n", chunk.len())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")
            }),
            Framing::Length | Framing::Close => stream.write_all(sent),
        };
        let is_whole = sent.len() == self.body.len();
        if self.framing == Framing::Chunked && is_whole && stream.write_all(b"0\r\n\r\n").is_err() {
            return false;
        }
        // With a wrong length the next response would be read as a part of this one.
        written.is_ok() && is_whole && !has_length && self.framing != Framing::Close
    }
}
