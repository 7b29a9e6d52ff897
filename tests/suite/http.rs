//! A plain HTTP client, as `curl` is one: it sends the path exactly as given.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Header lines as sent.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Fetches `http://HOST[:PORT]/PATH`. A host below `localhost` is this machine.
pub(crate) fn get(url: &str) -> Answer {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not a plain URL: {url}"));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port: u16 = host.rsplit_once(':').map_or(80, |(_, port)| port.parse().expect("a port"));
    assert!(path.bytes().all(|b| b.is_ascii_graphic()), "a URL that is not encoded: {url}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the service answers");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        .expect("a request is sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer arrives");
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("an end of the headers");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let body = bytes.split_off(end + 4);
    let answer = Answer { status, head, body };
    match answer.header("transfer-encoding") {
        Some("chunked") => Answer { body: join_chunks(&answer.body), ..answer },
        _ => answer,
    }
}

fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size =
            std::str::from_utf8(&rest[..end]).ok().and_then(|hex| usize::from_str_radix(hex.trim(), 16).ok());
        let size = size.expect("a chunk size");
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    body
}
