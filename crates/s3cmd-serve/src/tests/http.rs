//! The HTTP server: readiness, TLS, time limits, shutdown.

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
    // If the host name contains the bucket, the path is a key.
    let request = lab.alice("PUT", "/-/healthz").header("host", "b-one.localhost").body("mine");
    request.send().await.ok(200);
    assert_eq!(lab.keys("/b-one").await, ["-/healthz"]);
}

#[tokio::test]
async fn with_a_certificate_only_tls_is_served_and_policies_see_it() {
    let tls = crate::tls_config(&certificate("localhost.pem"), &certificate("localhost.key")).unwrap();
    let lab = Lab::with(|options| options.tls = Some(tls)).await;
    let client = TlsOptions::default().with_ca_file(certificate("localhost.pem"));
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client.client_config().unwrap()));
    let send = async |request: &str| {
        let stream = TcpStream::connect(lab.server.address()).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        TestResponse::parse(&response)
    };
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(send(&request("/-/healthz")).await.ok(200).text(), "ok\n");
    // A client without TLS gets no HTTP response.
    let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
    stream.write_all(request("/-/healthz").as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    assert!(!response.starts_with(b"HTTP"), "{response:?}");
    // A policy that allows access to an existing directory over TLS only.
    std::fs::create_dir(lab.path("open")).unwrap();
    std::fs::write(lab.path("open/k"), "hello").unwrap();
    send(&request("/open/k")).await.error(403, "AccessDenied");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::open/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}"#;
    let signed = async |method: &str, target: &str, body: &str| {
        let call = lab.alice(method, target).header("host", "localhost").body(body);
        let headers = call.signed();
        send(std::str::from_utf8(&call.message(headers)).unwrap()).await
    };
    signed("PUT", "/open?policy", policy).await.ok(204);
    assert_eq!(send(&request("/open/k")).await.ok(200).text(), "hello");
    // Responses contain the scheme of the request.
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
        let response = signed("POST", &format!("/open/big?uploadId={id}"), &done).await.ok(200);
        assert_eq!(response.value("Location"), "https://localhost/open/big");
    }
}

#[test]
fn an_invalid_certificate_is_reported_by_file_name() {
    let error = crate::tls_config(&certificate("localhost.key"), &certificate("localhost.key"));
    assert!(error.unwrap_err().contains("localhost.key"));
    let other = crate::tls_config(&certificate("localhost.pem"), &certificate("elsewhere.test.key"));
    assert!(other.unwrap_err().contains("localhost.pem"));
}

#[tokio::test]
async fn path_style_only_ignores_host_names() {
    let lab = Lab::with(|options| options.path_style_only = true).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    lab.alice("PUT", "/b-one/k").header("host", "other.localhost").body("x").send().await.ok(200);
    assert_eq!(lab.keys("/b-one").await, ["k"]);
}

#[tokio::test]
async fn empty_folders_are_removed_or_kept_as_configured() {
    for keep in [false, true] {
        let lab = Lab::with(|options| options.keep_folders = keep).await;
        lab.alice("PUT", "/b-one").send().await.ok(200);
        lab.put("/b-one/a/b/c", "x").await;
        lab.alice("DELETE", "/b-one/a/b/c").send().await.ok(204);
        assert_eq!(lab.path("b-one/a/b").is_dir(), keep);
        // A folder that was kept is not a key, and does not block one.
        assert!(lab.keys("/b-one").await.is_empty());
        lab.put("/b-one/a", "file").await;
        assert_eq!(lab.alice("GET", "/b-one/a").send().await.ok(200).text(), "file");
        lab.alice("DELETE", "/b-one/a").send().await.ok(204);
        lab.alice("DELETE", "/b-one").send().await.ok(204);
    }
}

#[tokio::test]
async fn a_client_that_stops_sending_times_out() {
    let lab = Lab::with(|options| options.read_timeout = Duration::from_millis(50)).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    let acl = lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write");
    acl.send().await.ok(200);
    let head = b"PUT /b-one/k HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    exchange(lab.server.address(), head).await.error(400, "RequestTimeout");
    assert!(lab.keys("/b-one").await.is_empty());
}

#[tokio::test]
async fn a_rejected_expect_continue_request_closes_the_connection() {
    let lab = Lab::with_bucket().await;
    let head = b"PUT /b-one/k HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let response = exchange(lab.server.address(), head).await;
    assert_eq!(response.header("connection"), "close");
    response.error(403, "AccessDenied");
}

#[tokio::test]
async fn stopping_finishes_open_requests_and_accepts_no_connections() {
    let lab = Lab::with_bucket().await;
    let address = lab.server.address();
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let mut stream = tokio::io::BufReader::new(TcpStream::connect(address).await.unwrap());
    let head = b"PUT /b-one/k HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    stream.get_mut().write_all(head).await.unwrap();
    let mut line = String::new();
    // The server has begun to handle the request.
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
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    TestResponse::parse(&response).ok(200);
    stopped.await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("b-one/k")).unwrap(), b"hello");
}
