//! A plain HTTP client, like `curl`: it sends the path exactly as given.

use crate::support::service::Service;
use chrono::Utc;
use s3cmd_client::credentials::Credentials;
use s3cmd_client::sign;
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A response.
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

    /// The text of the first element of a name; empty if absent.
    pub(crate) fn element(&self, name: &str) -> String {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        let found = text.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once("</"));
        found.map_or_else(String::new, |(value, _)| value.to_owned())
    }
}

/// Fetches `http://HOST[:PORT]/PATH`. A host below `localhost` is this machine.
pub(crate) fn get(url: &str) -> Answer {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not a plain URL: {url}"));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    assert!(path.bytes().all(|b| b.is_ascii_graphic()), "a URL that is not encoded: {url}");
    send("GET", host, &format!("/{path}"), &[], b"")
}

/// Sends a request of the service's main user, signed by V4; its path and query are encoded already.
pub(crate) fn signed(
    service: &Service,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = sign::encode::parse_query(query);
    let mut headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.push(("host".to_owned(), service.host.clone()));
    let request = sign::Request { method, path, query: &query, headers: &headers };
    let scope = sign::v4::Scope { time: Utc::now(), region: "us-east-1", service: "s3" };
    let credentials = Credentials::new(service.main.access.clone(), service.main.secret.clone(), None);
    let added = sign::v4::sign(&request, &hex::encode(Sha256::digest(body)), &credentials, &scope);
    headers.pop();
    headers.extend(added);
    send(method, &service.host, target, &headers, body)
}

pub(crate) fn send(
    method: &str,
    host: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Answer {
    let port: u16 = host.rsplit_once(':').map_or(80, |(_, port)| port.parse().expect("a port"));
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the service answers");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method != "GET" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    write!(stream, "{head}\r\n").and_then(|()| stream.write_all(body)).expect("a request is sent");
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
