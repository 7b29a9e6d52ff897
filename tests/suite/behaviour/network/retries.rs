//! Requests that fail and are sent again.

use crate::support::stub::{BUCKETS, answer, listen, pointing_at};
use std::io::{Read, Write};

#[test]
fn an_upload_to_an_unreachable_host_is_retried_and_then_fails() {
    let t = pointing_at(1, "use_https = False\nmax_retries = 1");
    t.file("hello.txt", "hello world\n");
    t.s3cmd("put hello.txt s3://b").fails(2).prints("").explains("WARNING: Waiting N sec...\n").explains(
        "ERROR: Upload of 'hello.txt' failed too many times (Last reason: Upload failed for: /hello.txt)\n",
    );
}

#[test]
fn requests_to_a_busy_service_are_retried() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let port = listen(move |mut stream| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => answer(&mut stream, "503 Slow Down", "<Error><Code>SlowDown</Code></Error>"),
        // Closes the connection without a response, then resets it.
        1 => drop(stream),
        2 => {
            let _ = stream.peek(&mut [0]);
            drop(stream);
        }
        _ => answer(&mut stream, "200 OK", BUCKETS),
    });
    let t = pointing_at(port, "use_https = False");
    let run = t.s3cmd("ls").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.prints("YYYY-MM-DD hh:mm  s3://from-here").explains("WARNING: Retrying failed request: ");
}

#[test]
fn a_download_that_breaks_off_is_continued() {
    let content: Vec<u8> = (0..100_000_u32).map(|i| i as u8).collect();
    let whole = content.clone();
    let port = listen(move |mut stream| {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
            request.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let from = text
            .split_once("range: bytes=")
            .and_then(|(_, rest)| rest.split('-').next()?.parse::<usize>().ok());
        let (status, start) = from.map_or(("200 OK", 0), |start| ("206 Partial Content", start));
        let (length, last) = (whole.len() - start, whole.len() - 1);
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Range: bytes {start}-{last}/{}\r\nETag: \"x-1\"\r\n\
             Last-Modified: Tue, 02 Jan 2024 03:04:05 GMT\r\nConnection: close\r\n\r\n",
            whole.len()
        );
        if !text.starts_with("head") {
            // Every connection breaks after 40,000 bytes.
            let _ = stream.write_all(&whole[start..whole.len().min(start + 40_000)]);
        }
    });
    let t = pointing_at(port, "use_https = False");
    let run = t.s3cmd("get s3://b/k f").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(t.read("f") == content, "{run}");
}
