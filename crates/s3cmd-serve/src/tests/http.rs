//! The front door: readiness, TLS, time limits, stopping.

use super::*;
use s3cmd_client::http::tls::TlsOptions;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncBufReadExt;

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/suite/certificates").join(name)
}

#[tokio::test]
async fn readiness_needs_no_keys_and_hides_no_bucket() {
    let lab = Lab::with_bucket().await;
    assert_eq!(lab.anonymous("GET", "/-/healthz").send().await.ok(200).text(), "ok\n");
    lab.anonymous("HEAD", "/-/healthz").send().await.ok(200);
    lab.anonymous("PUT", "/-/healthz").body("x").send().await.error(404, "NoSuchBucket");
    lab.anonymous("GET", "/-/other").send().await.error(404, "NoSuchBucket");
    lab.alice("PUT", "/-").send().await.error(400, "InvalidBucketName");
    // Below a bucket that the host name says it is a key.
    let ask = lab.alice("PUT", "/-/healthz").header("host", "b-one.localhost").body("mine");
    ask.send().await.ok(200);
    assert_eq!(lab.keys("/b-one").await, ["-/healthz"]);
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_only_and_policies_know() {
    let tls = crate::tls_config(&certificate("localhost.pem"), &certificate("localhost.key")).unwrap();
    let lab = Lab::with(|options| options.tls = Some(tls)).await;
    let client = TlsOptions::default().with_ca_file(certificate("localhost.pem"));
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client.client_config().unwrap()));
    let ask = async |request: &str| {
        let stream = TcpStream::connect(lab.server.address()).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Answer::parse(&answer)
    };
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(ask(&request("/-/healthz")).await.ok(200).text(), "ok\n");
    // Somebody who does not speak it gets no HTTP.
    let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
    stream.write_all(request("/-/healthz").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // An existing tree: what a policy allows over TLS only.
    std::fs::create_dir(lab.path("open")).unwrap();
    std::fs::write(lab.path("open/k"), "hello").unwrap();
    ask(&request("/open/k")).await.error(403, "AccessDenied");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::open/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}"#;
    let signed = async |method: &str, target: &str, body: &str| {
        let call = lab.alice(method, target).header("host", "localhost").body(body);
        let headers = call.signed();
        ask(std::str::from_utf8(&call.message(headers)).unwrap()).await
    };
    signed("PUT", "/open?policy", policy).await.ok(204);
    assert_eq!(ask(&request("/open/k")).await.ok(200).text(), "hello");
    // Answers name the scheme that the client came by.
    let id = signed("POST", "/open/big?uploads", "").await.ok(200).value("UploadId");
    let etag = signed("PUT", &format!("/open/big?partNumber=1&uploadId={id}"), "x")
        .await
        .ok(200)
        .header("etag")
        .to_owned();
    let done = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    for _ in 0..2 {
        let answer = signed("POST", &format!("/open/big?uploadId={id}"), &done).await.ok(200);
        assert_eq!(answer.value("Location"), "https://localhost/open/big");
    }
}

#[test]
fn a_certificate_that_is_none_is_named() {
    let error = crate::tls_config(&certificate("localhost.key"), &certificate("localhost.key"));
    assert!(error.unwrap_err().contains("localhost.key"));
    let other = crate::tls_config(&certificate("localhost.pem"), &certificate("elsewhere.test.key"));
    assert!(other.unwrap_err().contains("localhost.pem"));
}

#[tokio::test]
async fn path_style_alone_reads_no_host_names() {
    let lab = Lab::with(|options| options.path_style_only = true).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    lab.alice("PUT", "/b-one/k").header("host", "other.localhost").body("x").send().await.ok(200);
    assert_eq!(lab.keys("/b-one").await, ["k"]);
}

#[tokio::test]
async fn empty_folders_go_or_stay_as_told() {
    for keep in [false, true] {
        let lab = Lab::with(|options| options.keep_folders = keep).await;
        lab.alice("PUT", "/b-one").send().await.ok(200);
        lab.put("/b-one/a/b/c", "x").await;
        lab.alice("DELETE", "/b-one/a/b/c").send().await.ok(204);
        assert_eq!(lab.path("b-one/a/b").is_dir(), keep);
        // A folder that stayed is neither a key nor in the way of one.
        assert!(lab.keys("/b-one").await.is_empty());
        lab.put("/b-one/a", "file").await;
        assert_eq!(lab.alice("GET", "/b-one/a").send().await.ok(200).text(), "file");
        lab.alice("DELETE", "/b-one/a").send().await.ok(204);
        lab.alice("DELETE", "/b-one").send().await.ok(204);
    }
}

#[tokio::test]
async fn a_client_that_sends_nothing_more_is_left() {
    let lab = Lab::with(|options| options.read_timeout = Duration::from_millis(50)).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    let acl = lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write");
    acl.send().await.ok(200);
    let head = b"PUT /b-one/k HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    exchange(lab.server.address(), head).await.error(400, "RequestTimeout");
    assert!(lab.keys("/b-one").await.is_empty());
}

#[tokio::test]
async fn who_waits_to_be_asked_and_is_refused_learns_that_the_connection_ends() {
    let lab = Lab::with_bucket().await;
    let head = b"PUT /b-one/k HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let answer = exchange(lab.server.address(), head).await;
    assert_eq!(answer.header("connection"), "close");
    answer.error(403, "AccessDenied");
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_takes_nothing_new() {
    let lab = Lab::with_bucket().await;
    let address = lab.server.address();
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let mut stream = tokio::io::BufReader::new(TcpStream::connect(address).await.unwrap());
    let head = b"PUT /b-one/k HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    stream.get_mut().write_all(head).await.unwrap();
    let mut line = String::new();
    // The server has begun.
    stream.read_line(&mut line).await.unwrap();
    assert!(line.contains("100"), "{line}");
    stream.read_line(&mut line).await.unwrap();
    let Lab { dir, server } = lab;
    let stopped = tokio::spawn(server.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopped.is_finished());
    stream.get_mut().write_all(b"hello").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    Answer::parse(&answer).ok(200);
    stopped.await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("b-one/k")).unwrap(), b"hello");
}
