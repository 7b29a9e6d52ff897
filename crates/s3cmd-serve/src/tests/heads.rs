//! The heads of requests and responses: the case of names, the bytes of values, the rules of HTTP.

use super::*;

/// Header values in Latin-1, in no valid encoding, and in UTF-8.
const VALUES: [&[u8]; 5] = [
    b"na\xefve caf\xe9",
    b"\xff\x80\xfe",
    "na\u{ef}ve \u{1f600}".as_bytes(),
    "\u{10feef}x".as_bytes(),
    b"\xc3",
];

#[tokio::test]
async fn header_names_are_in_conventional_case() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read").send().await.ok(200);
    let put =
        lab.alice("PUT", "/b-one/k").header("cache-control", "max-age=5").header("x-amz-acl", "public-read");
    put.header("x-amz-meta-some-name", "v").body("hello").send().await.ok(200);
    for method in ["HEAD", "GET"] {
        let request = format!("{method} /b-one/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let response = exchange_bytes(lab.server.address(), request.as_bytes()).await;
        let text = String::from_utf8(response).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "HTTP/1.1 200 OK",
            "Content-Length: 5",
            "Cache-Control: max-age=5",
            "Content-Type: binary/octet-stream",
            "ETag: \"5d41402abc4b2a76b9719d911017c592\"",
            "x-amz-meta-some-name: v",
            "Accept-Ranges: bytes",
            "Server: s3cmd-serve",
        ] {
            assert!(head.lines().any(|had| had == line), "{line}\n{head}");
        }
        assert!(head.contains("\r\nLast-Modified: ") && head.contains("\r\nDate: "), "{head}");
        assert_eq!(body, if method == "GET" { "hello" } else { "" });
    }
    // Also in errors.
    let request = b"GET /b-one/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let response = exchange_bytes(lab.server.address(), request).await;
    let text = String::from_utf8(response).unwrap();
    assert!(text.contains("\r\nx-amz-request-id: ") && text.contains("\r\nContent-Length: "), "{text}");
    // Also the headers that the HTTP library adds.
    assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
}

#[tokio::test]
async fn header_values_come_back_byte_for_byte() {
    let lab = Lab::with_bucket().await;
    for value in VALUES {
        let text = header_text::from_bytes(value);
        let described = |request: TestRequest| {
            ["x-amz-meta-m", "content-disposition", "cache-control", "content-language", "content-type"]
                .iter()
                .fold(request, |request, name| request.header(name, &text))
        };
        let check = async |lab: &Lab, key: &str| {
            for method in ["GET", "HEAD"] {
                let got = lab.alice(method, &format!("/b-one/{key}")).send().await.ok(200);
                for name in [
                    "x-amz-meta-m",
                    "content-disposition",
                    "cache-control",
                    "content-language",
                    "content-type",
                ] {
                    assert_eq!(&*header_text::to_bytes(got.header(name)), value, "{method} {key} {name}");
                }
            }
        };
        described(lab.alice("PUT", "/b-one/put")).body("x").send().await.ok(200);
        check(&lab, "put").await;
        described(lab.alice("PUT", "/b-one/v2")).v2().body("x").send().await.ok(200);
        check(&lab, "v2").await;
        lab.alice("PUT", "/b-one/copied").header("x-amz-copy-source", "/b-one/put").send().await.ok(200);
        check(&lab, "copied").await;
        let replaced = lab.alice("PUT", "/b-one/put").header("x-amz-copy-source", "/b-one/put");
        described(replaced.header("x-amz-metadata-directive", "REPLACE")).send().await.ok(200);
        check(&lab, "put").await;
        let id = described(lab.alice("POST", "/b-one/parts?uploads")).send().await.ok(200).value("UploadId");
        let part =
            lab.alice("PUT", &format!("/b-one/parts?partNumber=1&uploadId={id}")).body("x").send().await;
        let done = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
            part.ok(200).header("etag")
        );
        lab.alice("POST", &format!("/b-one/parts?uploadId={id}")).body(done).send().await.ok(200);
        check(&lab, "parts").await;
    }
    // Stored values survive a restart.
    let lab = lab.restarted().await;
    let got = lab.alice("HEAD", "/b-one/put").send().await.ok(200);
    assert_eq!(&*header_text::to_bytes(got.header("x-amz-meta-m")), VALUES[4]);
}

#[tokio::test]
async fn s3_headers_that_are_not_text_are_rejected() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    for name in ["x-amz-tagging", "x-amz-copy-source", "x-amz-storage-class", "x-amz-acl"] {
        let request = lab
            .alice("PUT", "/b-one/other")
            .header(name, &header_text::from_bytes(b"/b-one/k\xe9"))
            .body("y");
        request.send().await.error(400, "InvalidArgument");
    }
    assert_eq!(lab.keys("/b-one").await, ["k"]);
}

#[tokio::test]
async fn a_request_needs_one_host() {
    let lab = Lab::new().await;
    let request = async |head: &str| exchange(lab.server.address(), head.as_bytes()).await;
    for head in [
        "GET /-/healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET http://x/ HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /-/healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        "PUT /b-one/k HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    ] {
        request(head).await.error(400, "InvalidRequest");
    }
    request("GET /-/healthz HTTP/1.0\r\n\r\n").await.ok(200);
    request("GET /-/healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.ok(200);
}

#[tokio::test]
async fn the_only_transfer_coding_is_chunked() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let request = async |codings: &str| {
        let head = format!(
            "PUT /b-one/k HTTP/1.1\r\nHost: x\r\n{codings}\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        );
        exchange(lab.server.address(), head.as_bytes()).await
    };
    for codings in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: deflate,chunked",
        "Transfer-Encoding: identity, chunked",
    ] {
        request(codings).await.error(501, "NotImplemented");
    }
    assert!(lab.keys("/b-one").await.is_empty());
    let plain = request("Transfer-Encoding: Chunked").await;
    assert_ne!(plain.status, 501, "{}", plain.text());
}

#[tokio::test]
async fn without_authentication_local_programs_have_access_and_web_pages_do_not() {
    let lab = Lab::with(|options| options.no_auth = true).await;
    lab.anonymous("PUT", "/b-one").send().await.ok(200);
    lab.anonymous("PUT", "/b-one/k").body("plain").send().await.ok(200);
    // Clients may sign with any credentials.
    let mut request = lab.bob("PUT", "/b-one/signed").body("signed");
    request.user = Some(User::new("NOBODY", "knows"));
    request.clone().send().await.ok(200);
    request.v2().send().await.ok(200);
    assert_eq!(lab.anonymous("GET", "/b-one").send().await.ok(200).all("Key"), ["k", "signed"]);
    let chunked = lab
        .anonymous("PUT", "/b-one/chunked")
        .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        .header("x-amz-decoded-content-length", "5")
        .body("5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n");
    chunked.send().await.ok(200);
    assert_eq!(lab.anonymous("GET", "/b-one/chunked").send().await.ok(200).text(), "hello");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("host", "evil.example"),
        ("host", "localhost.evil.example"),
        ("host", "127.0.0.1.evil.example:80"),
    ] {
        lab.anonymous("GET", "/b-one/k").header(name, value).send().await.error(403, "AccessDenied");
        lab.anonymous("PUT", "/b-one/k")
            .header(name, value)
            .body("x")
            .send()
            .await
            .error(403, "AccessDenied");
    }
    for host in ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:80"] {
        assert_eq!(
            lab.anonymous("GET", "/b-one/k").header("host", host).send().await.ok(200).text(),
            "plain"
        );
    }
    assert_eq!(
        lab.anonymous("GET", "/k").header("host", "b-one.localhost").send().await.ok(200).text(),
        "plain"
    );
    let public = Options { no_auth: true, address: ([0, 0, 0, 0], 0).into(), ..options(lab.dir.path()) };
    assert!(matches!(start(public).await, Err(crate::StartError::Open(_))));
}
