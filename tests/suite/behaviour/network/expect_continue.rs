//! `use_http_expect = True`: the body of an upload waits until the service asks for it.

use crate::support::env::TestEnv;
use crate::support::stub::{listen, pointing_at, request};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What a service received of one upload.
#[derive(Debug)]
struct Seen {
    expected: bool,
    /// Bytes of the body that arrived, requested or not.
    body: usize,
}

fn length(head: &str) -> usize {
    let line =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    line.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

/// A service that answers the headers of an upload with `word`. It reads the body unless that is a final status.
fn service(word: &'static str) -> (u16, Receiver<Seen>) {
    let (sender, seen) = channel();
    let port = listen(move |stream| {
        let sender = sender.clone();
        std::thread::spawn(move || serve(stream, word, &sender));
    });
    (port, seen)
}

fn serve(mut stream: TcpStream, word: &str, sender: &Sender<Seen>) {
    loop {
        let head = request(&mut stream);
        if head.is_empty() {
            return;
        }
        let mut body = vec![0; length(&head)];
        let expected = head.to_lowercase().contains("\r\nexpect: 100-continue\r\n");
        let is_final = !word.is_empty() && !word.contains(" 100 ");
        if expected {
            let _ = stream.write_all(word.as_bytes());
        }
        if expected && is_final {
            let mut rest = Vec::new();
            // Reads to the end of the connection, which comes without the body.
            stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
            stream.read_to_end(&mut rest).expect("the connection ends");
            let _ = sender.send(Seen { expected, body: rest.len() });
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        if head.starts_with("PUT ") {
            let _ = sender.send(Seen { expected, body: body.len() });
        }
        // The MD5 sums of the bodies below.
        let etag = if body == b"hello world\n" { "6f5902ac237024bdd0c176cb93063dc4" } else { "other" };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nETag: \"{etag}\"\r\nContent-Length: 0\r\n\r\n");
    }
}

fn world(port: u16) -> TestEnv {
    let t = pointing_at(port, "use_https = False\nuse_http_expect = True\nmax_retries = 1\njobs = 1");
    t.file("hello.txt", "hello world\n");
    t
}

const LINE: &str = "put hello.txt s3://b/k";

#[test]
fn the_body_goes_when_the_service_asks_for_it() {
    let (port, seen) = service("HTTP/1.1 100 Continue\r\n\r\n");
    world(port).s3cmd(LINE).ok().mentions("upload: 'hello.txt' -> 's3://b/k' (12 bytes");
    let seen: Vec<Seen> = seen.try_iter().collect();
    assert!(matches!(seen[..], [Seen { expected: true, body: 12 }]), "{seen:?}");
}

#[test]
fn nothing_is_sent_to_a_service_that_refuses() {
    let (port, seen) = service(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 71\r\n\r\n\
         <Error><Code>AccessDenied</Code><Message>Not by you.</Message>  </Error>",
    );
    world(port).s3cmd(LINE).fails(77).explains("403 (AccessDenied)");
    let first = seen.recv_timeout(Duration::from_secs(60)).expect("an upload");
    assert!(first.expected && first.body == 0, "{first:?}");
}

#[test]
fn a_service_that_does_not_know_the_header_gets_the_body_without_it() {
    let (port, seen) = service("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
    world(port).s3cmd(LINE).ok();
    let mut bodies = Vec::new();
    while let Ok(upload) = seen.recv_timeout(Duration::from_secs(60)) {
        bodies.push((upload.expected, upload.body));
        if bodies.len() == 2 {
            break;
        }
    }
    bodies.sort_unstable();
    assert_eq!(bodies, [(false, 12), (true, 0)]);
}

#[test]
fn a_silent_service_gets_the_body_after_a_timeout_and_no_further_expect() {
    let (port, seen) = service("");
    let t = world(port);
    t.file("two.txt", "hello world\n");
    let run = t.s3cmd("put hello.txt two.txt s3://b/d/").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.complains(
        "WARNING: HTTP Expect Continue feature disabled because of no reply of the server in 2.00s.",
    );
    let seen: Vec<_> = seen.try_iter().map(|seen| (seen.expected, seen.body)).collect();
    assert_eq!(seen, [(true, 12), (false, 12)]);
}

#[test]
fn without_the_key_nothing_waits() {
    let (port, seen) = service("");
    let t = world(port);
    t.s3cmd(LINE).arg("-c").arg(t.write_config(
        "plain.s3cfg",
        &format!("access_key = A\nsecret_key = B\nhost_base = localhost:{port}\nhost_bucket = localhost:{port}\nuse_https = False\n"),
    ))
    .ok();
    assert!(seen.try_iter().all(|seen| !seen.expected));
}

#[test]
fn every_kind_of_upload_arrives() {
    let t = TestEnv::with_bucket();
    t.configure("use_http_expect = True");
    let content: Vec<u8> = (0..11_u32 << 20).map(|at| (at % 251) as u8).collect();
    t.file("big", &content);
    t.file("small", "small");
    t.file("empty", "");
    t.s3cmd("put --multipart-chunk-size-mb=5 big s3://BUCKET/parts").ok();
    t.s3cmd("put big small empty s3://BUCKET/d/").ok();
    t.s3cmd("put --multipart-chunk-size-mb=5 - s3://BUCKET/stdin").stdin(&content).ok();
    t.s3cmd("put small s3://BUCKET/odd/../name").ok();
    for key in ["parts", "d/big", "stdin"] {
        assert!(t.content(key) == content, "{key}");
    }
    assert_eq!((t.content("d/small"), t.content("d/empty")), (b"small".to_vec(), Vec::new()));
    assert_eq!(t.content("odd/../name"), b"small");
    t.file("big", &content[1..]);
    t.s3cmd("sync big s3://BUCKET/d/big").ok();
    assert!(t.content("d/big") == content[1..]);
}
