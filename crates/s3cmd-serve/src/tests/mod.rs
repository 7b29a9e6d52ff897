//! Tests of the server through its socket.
//!
//! They use a minimal HTTP client, because they send what HTTP libraries do not: dot segments, double slashes, broken
//! chunks.

mod access;
mod access_log;
mod buckets;
mod checksums;
mod conformance;
mod cors;
mod damaged;
mod encryption;
mod external_changes;
mod forms;
mod fuzz;
mod heads;
mod http;
mod imports;
mod listing;
mod locks;
mod multipart;
mod objects;
mod odd_files;
mod ownership;
mod policies;
mod policy_model;
mod races;
mod remote;
mod remote_isolation;
mod signatures;
mod storage;
mod versions;
mod website;

use super::{Options, Running, User, start};
use chrono::Utc;
use s3cmd_client::credentials::Credentials;
use s3cmd_client::http::header_text;
use s3cmd_client::sign;
use s3cmd_client::sign::{encode, v2, v4};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Indexes of the users of a [`Lab`].
const ALICE: usize = 0;
const BOB: usize = 1;

fn users() -> Vec<User> {
    super::parse_auth_file(
        "AKALICE alice/secret+ id=alice email=alice@example.org name=Alice A.\nAKBOB bob-secret id=bob email=bob@example.org",
    )
    .unwrap()
}

fn options(root: &Path) -> Options {
    Options { fsync: false, ..Options::new(root, ([127, 0, 0, 1], 0).into(), users()) }
}

/// A running server with its own temporary directory.
struct Lab {
    dir: tempfile::TempDir,
    server: Running,
}

impl Lab {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path());
        change(&mut options);
        let server = start(options).await.unwrap();
        Self { dir, server }
    }

    /// A server with the bucket `b-one`, which Alice owns.
    async fn with_bucket() -> Self {
        let lab = Self::new().await;
        lab.alice("PUT", "/b-one").send().await.ok(200);
        lab
    }

    /// Stops the server and starts another one on the same directory.
    async fn restarted(self) -> Self {
        self.server.stop().await;
        let server = start(options(self.dir.path())).await.unwrap();
        Self { dir: self.dir, server }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn call(&self, user: Option<usize>, method: &str, target: &str) -> TestRequest {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        TestRequest {
            address: self.server.address(),
            user: user.map(|index| users()[index].clone()),
            method: method.to_owned(),
            path: path.to_owned(),
            query: encode::parse_query(query),
            headers: Vec::new(),
            body: Vec::new(),
            v2: false,
        }
    }

    fn alice(&self, method: &str, target: &str) -> TestRequest {
        self.call(Some(ALICE), method, target)
    }

    fn bob(&self, method: &str, target: &str) -> TestRequest {
        self.call(Some(BOB), method, target)
    }

    fn anonymous(&self, method: &str, target: &str) -> TestRequest {
        self.call(None, method, target)
    }

    async fn put(&self, target: &str, body: &str) -> TestResponse {
        self.alice("PUT", target).body(body).send().await.ok(200)
    }

    async fn keys(&self, target: &str) -> Vec<String> {
        self.alice("GET", target).send().await.ok(200).all("Key")
    }
}

/// A request being built.
#[derive(Clone)]
struct TestRequest {
    address: SocketAddr,
    user: Option<User>,
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    v2: bool,
}

impl TestRequest {
    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn v2(mut self) -> Self {
        self.v2 = true;
        self
    }

    fn credentials(&self) -> Option<Credentials> {
        self.user
            .as_ref()
            .map(|user| Credentials::new(user.access_key.clone(), user.secret_key.clone(), None))
    }

    /// Signs and sends the request.
    async fn send(self) -> TestResponse {
        let headers = self.signed();
        self.send_with(headers).await
    }

    /// Signs the request, and sends the head and the first `length` bytes of the body.
    async fn start(self, length: usize) -> PartialRequest {
        let headers = self.signed();
        let (address, body) = (self.address, self.body.len());
        let message = self.message(headers);
        let sent = message.len() - body + length;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&message[..sent]).await.unwrap();
        PartialRequest { stream, rest: message[sent..].to_vec() }
    }

    /// The headers of the request including the signature.
    fn signed(&self) -> Vec<(String, String)> {
        let hash = hex::encode(Sha256::digest(&self.body));
        let mut headers = self.headers.clone();
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.push(("host".to_owned(), self.address.to_string()));
        }
        let request =
            sign::Request { method: &self.method, path: &self.path, query: &self.query, headers: &headers };
        let added = match self.credentials() {
            None => Vec::new(),
            Some(credentials) if self.v2 => v2::sign(&request, None, &credentials, Utc::now()),
            Some(credentials) => {
                let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
                v4::sign(&request, &hash, &credentials, &scope)
            }
        };
        headers.extend(added);
        headers
    }

    /// Sends the request with exactly these headers, the host and the length.
    async fn send_with(self, headers: Vec<(String, String)>) -> TestResponse {
        exchange(self.address, &self.message(headers)).await
    }

    fn message(self, headers: Vec<(String, String)>) -> Vec<u8> {
        let mut target = self.path.clone();
        if !self.query.is_empty() {
            target = format!("{target}?{}", encode::query_string(&self.query, true));
        }
        let mut head = format!("{} {target} HTTP/1.1\r\n", self.method);
        if !headers.iter().any(|(name, _)| name == "host") {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len()));
        [&header_text::to_bytes(&head), &self.body[..]].concat()
    }
}

/// A request that has been sent in part.
struct PartialRequest {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl PartialRequest {
    /// Waits for "100 Continue".
    async fn wait_for_continue(&mut self) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&head));
    }

    /// Sends the next `length` bytes.
    async fn send(&mut self, length: usize) {
        let rest = self.rest.split_off(length);
        self.stream.write_all(&self.rest).await.unwrap();
        self.rest = rest;
    }

    /// Sends the rest and reads the response.
    async fn finish(mut self) -> TestResponse {
        // The server may respond and close the connection before the whole request is sent.
        let _ = self.stream.write_all(&self.rest).await;
        let mut response = Vec::new();
        let _ = self.stream.read_to_end(&mut response).await;
        TestResponse::parse(&response)
    }
}

/// Sends raw bytes and returns the bytes of the response.
async fn exchange_bytes(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    response
}

/// Sends raw bytes and parses the response.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> TestResponse {
    PartialRequest { stream: TcpStream::connect(address).await.unwrap(), rest: bytes.to_vec() }.finish().await
}

/// A response.
#[derive(Debug)]
struct TestResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl TestResponse {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| {
            panic!("not an HTTP response: {:?}", String::from_utf8_lossy(bytes));
        });
        let head = header_text::from_bytes(&bytes[..end]);
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    #[track_caller]
    fn ok(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Asserts the status and the code of an error.
    #[track_caller]
    fn error(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, &*self.value("Code")), (status, code), "{}", self.text());
        assert!(!self.value("RequestId").is_empty());
        self
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// The text of all elements with this name, at any depth.
    fn all(&self, name: &str) -> Vec<String> {
        fn collect(node: &crate::model::xml::Node, name: &str, out: &mut Vec<String>) {
            if node.name == name {
                out.push(node.text.clone());
            }
            for child in &node.children {
                collect(child, name, out);
            }
        }
        let mut out = Vec::new();
        let root =
            crate::model::xml::parse_any(&self.body).unwrap_or_else(|| panic!("not XML: {}", self.text()));
        collect(&root, name, &mut out);
        out
    }

    fn value(&self, name: &str) -> String {
        self.all(name).into_iter().next().unwrap_or_default()
    }
}
