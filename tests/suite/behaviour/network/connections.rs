//! Connections to the service: unreachable hosts, TLS, proxies, responses that break off or make no sense.

use crate::support::env::TestEnv;
use crate::support::stub::{BUCKETS, ELSEWHERE, LOCALHOST, answer, listen, pointing_at, tls_service};
use std::io::{Read, Write};

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
    let port = tls_service(LOCALHOST);
    let ok = "YYYY-MM-DD hh:mm  s3://from-here";
    let t = pointing_at(port, "use_https = True");
    t.s3cmd("ls")
        .fails(77)
        .prints("")
        .in_one_line_and_a_hint()
        .explains("ERROR: SSL certificate verification failure: ");
    t.s3cmd("--no-check-certificate ls").ok().prints(ok);
    t.file("ca.pem", LOCALHOST.0);
    t.s3cmd("--ca-certs=ca.pem ls").ok().prints(ok);
    t.configure("check_ssl_certificate = False");
    t.s3cmd("ls").ok().prints(ok);
}

#[test]
fn a_certificate_for_another_host_is_refused_unless_allowed() {
    let port = tls_service(ELSEWHERE);
    let t = pointing_at(port, "use_https = True");
    t.file("ca.pem", ELSEWHERE.0);
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
fn a_proxy_gets_the_absolute_url() {
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
fn invalid_responses_are_one_line() {
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
    // The right length, but not the bytes of the checksum.
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
