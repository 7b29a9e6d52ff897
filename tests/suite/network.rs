//! The way to the service: hosts that are not there, TLS of all sorts, proxies, connections that break.

use crate::env::TestEnv;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// An answer to `ls` in which there is one bucket.
const BUCKETS: &str = "<ListAllMyBucketsResult><Buckets><Bucket><Name>from-here</Name><CreationDate>2024-01-02T03:04:05.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>";

/// See `certificates/README.md`.
pub(crate) const LOCALHOST: &str = include_str!("certificates/localhost.pem");
const ELSEWHERE: &str = include_str!("certificates/elsewhere.test.pem");

/// Listens on a free port and hands every connection to `serve`. It ends with the test process.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || listener.incoming().filter_map(Result::ok).for_each(serve));
    port
}

/// Reads one request without a body.
pub(crate) fn request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

/// Reads one request without a body and answers it. A client that hangs up is the test's business.
fn answer(stream: &mut (impl Read + Write), status: &str, body: &str) {
    request(stream);
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = stream.flush();
}

/// A TLS service with the certificate of that name. Returns its port.
pub(crate) fn tls_service(certificate: &str, key: &str) -> u16 {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a TLS configuration");
    let config = Arc::new(config);
    listen(move |mut socket| {
        let mut connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        answer(&mut stream, "200 OK", BUCKETS);
        connection.send_close_notify();
        let _ = connection.complete_io(&mut socket);
    })
}

/// A world whose configuration points at another port.
pub(crate) fn pointing_at(port: u16, more: &str) -> TestEnv {
    let t = TestEnv::new();
    t.write_config(
        ".s3cfg",
        &format!("access_key = A\nsecret_key = B\nhost_base = localhost:{port}\nhost_bucket = localhost:{port}\n{more}\n"),
    );
    t
}

#[test]
fn a_refused_connection_is_reported_at_once() {
    let t = pointing_at(1, "use_https = False");
    t.s3cmd("ls")
        .fails(111)
        .prints("")
        .in_one_line_and_a_hint()
        .explains("ERROR: Could not connect to server: ");
    t.s3cmd("get s3://b/k").fails(111).prints("").in_one_line_and_a_hint();
}

#[test]
fn an_upload_to_nowhere_is_retried_and_then_given_up() {
    let t = pointing_at(1, "use_https = False\nmax_retries = 1");
    t.file("hello.txt", "hello world\n");
    t.s3cmd("put hello.txt s3://b").fails(2).prints("").explains("WARNING: Waiting N sec...\n").explains(
        "ERROR: Upload of 'hello.txt' failed too many times (Last reason: Upload failed for: /hello.txt)\n",
    );
}

#[test]
fn an_unknown_host_is_named_with_its_keys() {
    let t = pointing_at(
        1,
        "use_https = False\nhost_base = name.invalid\nhost_bucket = name.invalid\nmax_retries = 0",
    );
    let run = t.s3cmd("ls").fails(74).prints("");
    run.explains("ERROR: Connection Error: Error resolving a server hostname.\n").explains("host_base");
}

#[test]
fn tls_to_a_plain_port_is_one_line() {
    let t = TestEnv::new();
    t.s3cmd("--ssl ls")
        .fails(77)
        .prints("")
        .in_one_line_and_a_hint()
        .explains("ERROR: SSL certificate verification failure: ");
}

#[test]
fn a_self_signed_certificate_is_refused_unless_allowed() {
    let port = tls_service(LOCALHOST, include_str!("certificates/localhost.key"));
    let ok = "YYYY-MM-DD hh:mm  s3://from-here";
    let t = pointing_at(port, "use_https = True");
    t.s3cmd("ls")
        .fails(77)
        .prints("")
        .in_one_line_and_a_hint()
        .explains("ERROR: SSL certificate verification failure: ");
    t.s3cmd("--no-check-certificate ls").ok().prints(ok);
    t.file("ca.pem", LOCALHOST);
    t.s3cmd("--ca-certs=ca.pem ls").ok().prints(ok);
    t.configure("check_ssl_certificate = False");
    t.s3cmd("ls").ok().prints(ok);
}

#[test]
fn a_certificate_for_another_host_is_refused_unless_allowed() {
    let port = tls_service(ELSEWHERE, include_str!("certificates/elsewhere.test.key"));
    let t = pointing_at(port, "use_https = True");
    t.file("ca.pem", ELSEWHERE);
    t.s3cmd("--ca-certs=ca.pem ls").fails(77).prints("").in_one_line_and_a_hint();
    t.s3cmd("--ca-certs=ca.pem --no-check-hostname ls").ok();
    t.file("no.pem", "nothing");
    t.s3cmd("--ca-certs=no.pem ls").run().prints("").in_one_line_and_a_hint();
    t.s3cmd("--ca-certs=missing.pem ls").run().prints("").in_one_line_and_a_hint().explains("missing.pem");
}

#[test]
fn proxies_of_the_environment_are_ignored_unless_asked_for() {
    let t = TestEnv::with_bucket();
    let nowhere = "http://127.0.0.1:1";
    let with_proxy = |line: &str| {
        t.s3cmd(line).env("http_proxy", nowhere).env("HTTP_PROXY", nowhere).env("all_proxy", nowhere)
    };
    with_proxy("ls s3://BUCKET").ok();
    t.configure("proxy_host = 127.0.0.1\nproxy_port = 1");
    t.s3cmd("ls s3://BUCKET").fails(111);
}

#[test]
fn a_proxy_gets_the_whole_address() {
    let port = listen(|mut stream| {
        let mut first = [0; 27];
        let whole = stream.read_exact(&mut first).is_ok() && first.starts_with(b"GET http://somewhere.test");
        answer(&mut stream, if whole { "200 OK" } else { "400 Bad Request" }, BUCKETS);
    });
    let t = pointing_at(
        1,
        &format!(
            "use_https = False\nhost_base = somewhere.test\nproxy_host = 127.0.0.1\nproxy_port = {port}"
        ),
    );
    t.s3cmd("ls").ok().prints("YYYY-MM-DD hh:mm  s3://from-here");
}

#[test]
fn a_busy_service_is_asked_again() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let port = listen(move |mut stream| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => answer(&mut stream, "503 Slow Down", "<Error><Code>SlowDown</Code></Error>"),
        // Hangs up without a word, then with a reset.
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
fn answers_that_make_no_sense_are_one_line() {
    for (status, body, codes) in [
        ("200 OK", "<ListAllMyBucketsResult><Buckets><Buck", &[70][..]),
        ("200 OK", "this is not XML", &[70]),
        ("403 Forbidden", "go away", &[77]),
        ("404 Not Found", "", &[12]),
        ("418 I'm a teapot", "<html><p>short and stout", &[70]),
        ("301 Moved Permanently", "", &[10]),
        ("501 Not Implemented", "", &[11]),
    ] {
        let port = listen(move |mut stream| answer(&mut stream, status, body));
        let t = pointing_at(port, "use_https = False\nmax_retries = 0");
        let run = t.s3cmd("ls").run().prints("").in_one_line();
        assert!(run.code.is_some_and(|code| codes.contains(&code)), "{status}: {run}");
    }
}

#[test]
fn a_download_that_arrives_damaged_fails_and_leaves_no_file() {
    // The right length, but not the bytes that the checksum was made of.
    let port = listen(|mut stream| {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
            request.push(byte[0]);
        }
        let body = if request.starts_with(b"HEAD") { "" } else { "damaged bytes" };
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nETag: \"6f5902ac237024bdd0c176cb93063dc4\"\r\n\
             Last-Modified: Tue, 02 Jan 2024 03:04:05 GMT\r\nConnection: close\r\n\r\n{body}"
        );
    });
    let t = pointing_at(port, "use_https = False\nmax_retries = 1");
    let run = t.s3cmd("get s3://b/k f").run();
    assert!(!matches!(run.code, Some(0) | None), "{run}");
    assert!(t.files("").is_empty(), "{:?}\n{run}", t.files(""));
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
