//! A proxy in front of the service that makes some requests fail.

use crate::support::stub::listen;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// The first lines of a request.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// Path and query, as they were sent.
    pub(crate) target: String,
    text: String,
}

impl Head {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The path, percent-decoded.
    pub(crate) fn path(&self) -> String {
        let path = self.target.split('?').next().unwrap_or("");
        percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
    }
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A response with this status and S3 code.
    Answer(u16, &'static str),
    /// The connection ends without a response.
    Reset,
    /// The service acts, but the connection ends before the response.
    Lost,
}

/// Starts a proxy in front of `host` and returns its port; it ends with the test process. `fault` decides for each
/// request whether, and how, it fails.
pub(crate) fn proxy(host: &str, fault: impl Fn(&Head) -> Option<Fault> + Send + Sync + 'static) -> u16 {
    let (host, fault) = (host.to_owned(), Arc::new(fault));
    listen(move |client| {
        let (host, fault) = (host.clone(), fault.clone());
        std::thread::spawn(move || {
            // Either side may close the connection.
            let _ = relay(client, &host, &*fault);
        });
    })
}

fn relay(mut client: TcpStream, host: &str, fault: &dyn Fn(&Head) -> Option<Fault>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut service: Option<TcpStream> = None;
    let mut buffered = Vec::new();
    loop {
        let Some(text) = head(&mut client, &mut buffered)? else { return Ok(()) };
        let mut words = text.split(' ');
        let method = words.next().unwrap_or("").to_owned();
        let head = Head { method, target: words.next().unwrap_or("").to_owned(), text: text.clone() };
        let length = head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let body = exactly(&mut client, &mut buffered, length)?;
        let fault = fault(&head);
        match fault {
            Some(Fault::Reset) => return Ok(()),
            Some(Fault::Answer(status, code)) => {
                let document = match head.method.as_str() {
                    "HEAD" => String::new(),
                    _ => format!("<Error><Code>{code}</Code><Message>as planned</Message></Error>"),
                };
                let length = document.len();
                write!(
                    client,
                    "HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\r\n{document}"
                )?;
                continue;
            }
            Some(Fault::Lost) | None => {}
        }
        let connection = match &mut service {
            Some(connection) => connection,
            none => {
                let connection = TcpStream::connect(host)?;
                connection.set_nodelay(true)?;
                none.insert(connection)
            }
        };
        connection.write_all(text.as_bytes())?;
        connection.write_all(&body)?;
        let answer = answer(connection, &head.method)?;
        if fault.is_some() {
            return Ok(());
        }
        client.write_all(&answer)?;
    }
}

/// A whole response, unchanged.
fn answer(service: &mut TcpStream, method: &str) -> io::Result<Vec<u8>> {
    let mut buffered = Vec::new();
    let text = head(service, &mut buffered)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = Head { method: String::new(), target: String::new(), text: text.clone() };
    let mut all = text.into_bytes();
    let status: u16 =
        all.get(9..12).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()).unwrap_or(0);
    if method == "HEAD" || matches!(status, 204 | 304) {
        return Ok(all);
    }
    match head.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => all.extend(exactly(service, &mut buffered, length)?),
        None => loop {
            // Chunks end with an empty one; the tests have no trailers.
            let line = line(service, &mut buffered)?;
            let size = usize::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16);
            let size = size.map_err(|_| io::ErrorKind::InvalidData)?;
            all.extend(line.into_bytes());
            all.extend(exactly(service, &mut buffered, size + 2)?);
            if size == 0 {
                break;
            }
        },
    }
    Ok(all)
}

/// Reads up to the empty line; `None` if the connection ends before.
fn head(stream: &mut TcpStream, buffered: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = buffered.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = buffered.drain(..end + 4).collect();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if !more(stream, buffered)? {
            return Ok(None);
        }
    }
}

fn line(stream: &mut TcpStream, buffered: &mut Vec<u8>) -> io::Result<String> {
    loop {
        if let Some(end) = buffered.windows(2).position(|window| window == b"\r\n") {
            let line: Vec<u8> = buffered.drain(..end + 2).collect();
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        if !more(stream, buffered)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn exactly(stream: &mut TcpStream, buffered: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while buffered.len() < length {
        if !more(stream, buffered)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffered.drain(..length).collect())
}

fn more(stream: &mut TcpStream, buffered: &mut Vec<u8>) -> io::Result<bool> {
    let mut block = [0; 16 << 10];
    let count = stream.read(&mut block)?;
    buffered.extend_from_slice(&block[..count]);
    Ok(count > 0)
}
