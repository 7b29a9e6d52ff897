//! Many unauthenticated connections, slow and large ones among them: authenticated users are served.

use crate::support::env::TestEnv;
use crate::support::http;
use crate::support::service::Serve;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The longest acceptable wait for a user.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Opens a connection, and sends the beginning of a request.
fn begin(host: &str, text: &[u8]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(host).ok()?;
    // The connection may have been refused.
    let _ = stream.write_all(text);
    Some(stream)
}

/// The peak memory of the servers below a process, in KiB.
fn peak_memory(serve: &Serve) -> Option<u64> {
    let children = format!("/proc/{0}/task/{0}/children", serve.process());
    let text = std::fs::read_to_string(children).ok()?;
    let peaks = text.split_whitespace().filter_map(|id| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        if !status.starts_with("Name:\ts3cmd") {
            return None;
        }
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    });
    peaks.max()
}

#[test]
fn many_unauthenticated_connections_do_not_block_users() {
    let serve = Serve::start();
    let host = serve.service.host.replace("localhost", "127.0.0.1");
    let make = http::signed(&serve.service, "PUT", "/open", &[("x-amz-acl", "public-read-write")], b"");
    assert_eq!(make.status, 200, "{make:?}");
    let t = TestEnv::on(&serve.service);
    t.file("f", "words");
    t.s3cmd("mb s3://private").ok();

    let mut crowd = Vec::new();
    // More connections than the server accepts at once, as far as the limits of this process allow.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    for _ in 0..most.saturating_sub(1_200).min(4_500) {
        crowd.extend(begin(&host, b""));
    }
    let boundary = "multipart/form-data; boundary=x";
    for number in 0..300 {
        let form = format!(
            "POST /open HTTP/1.1\r\nHost: h\r\nContent-Type: {boundary}\r\nContent-Length: 900000\r\n\r\n--x\r\n"
        );
        crowd.extend(begin(&host, form.as_bytes()));
        let put = format!("PUT /open/{number} HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\nslow");
        crowd.extend(begin(&host, put.as_bytes()));
    }
    let xml = ["<Delete>", &"<a/>".repeat(1 << 20)[..(4 << 20) - 20], "</Delete>"].concat();
    for target in ["/open?delete", "/private?delete", "/open/k?uploadId=1", "/private?acl", "/open/k?tagging"]
    {
        for _ in 0..5 {
            let method =
                if target.contains("delete") || target.contains("uploadId") { "POST" } else { "PUT" };
            let length = xml.len();
            let head = format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
            let (host, xml) = (host.clone(), xml.clone());
            std::thread::spawn(move || begin(&host, [head.as_bytes(), xml.as_bytes()].concat().as_slice()));
        }
    }
    for round in 0..3 {
        for line in
            ["put f s3://private/f", "get --force s3://private/f g", "ls s3://private", "ls s3://open"]
        {
            let started = Instant::now();
            t.s3cmd(line).ok();
            assert!(started.elapsed() < TIMEOUT, "round {round}: {line} took {:?}", started.elapsed());
        }
    }
    if let Some(peak) = peak_memory(&serve) {
        assert!(peak < 128 << 10, "the server took {peak} KiB");
    }
    drop(crowd);
}

#[test]
fn slow_unauthenticated_forms_do_not_block_other_forms() {
    let serve = Serve::with(&["--server-read-timeout", "2s"]);
    let host = serve.service.host.replace("localhost", "127.0.0.1");
    let make = http::signed(&serve.service, "PUT", "/open", &[("x-amz-acl", "public-read-write")], b"");
    assert_eq!(make.status, 200, "{make:?}");
    let slow = b"PUT /open/slow HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\nslow";
    let crowd: Vec<_> = (0..100).filter_map(|_| begin(&host, slow)).collect();
    let started = Instant::now();
    loop {
        let put = http::send("PUT", &host, "/open/k", &[], b"quick");
        if put.status == 200 {
            break;
        }
        assert_eq!(put.element("Code"), "SlowDown", "{put:?}");
        assert!(started.elapsed() < TIMEOUT, "never served");
    }
    drop(crowd);
}
