//! Objects: metadata, ranges, conditions, copies, tags, damaged and incomplete bodies.

use super::*;

const MD5_OF_HELLO: &str = "5d41402abc4b2a76b9719d911017c592";

#[tokio::test]
async fn an_object_is_returned_with_its_metadata() {
    let lab = Lab::with_bucket().await;
    let response = lab
        .alice("PUT", "/b-one/dir/hello.txt")
        .header("content-type", "text/plain; charset=utf-8")
        .header("cache-control", "no-cache")
        .header("content-disposition", "attachment; filename=\"ä.txt\"")
        .header("content-encoding", "aws-chunked,gzip")
        .header("x-amz-meta-name", "vålue ü")
        .header("x-amz-storage-class", "STANDARD_IA")
        .header("x-amz-tagging", "a=1&b=2")
        .body("hello")
        .send()
        .await
        .ok(200);
    assert_eq!(response.header("etag"), format!("\"{MD5_OF_HELLO}\""));
    assert_eq!(std::fs::read(lab.path("b-one/dir/hello.txt")).unwrap(), b"hello");
    for method in ["GET", "HEAD"] {
        let response = lab.alice(method, "/b-one/dir/hello.txt").send().await.ok(200);
        for (name, value) in [
            ("content-type", "text/plain; charset=utf-8"),
            ("cache-control", "no-cache"),
            ("content-disposition", "attachment; filename=\"ä.txt\""),
            ("content-encoding", "gzip"),
            ("x-amz-meta-name", "vålue ü"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-tagging-count", "2"),
            ("content-length", "5"),
            ("accept-ranges", "bytes"),
            ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
        ] {
            assert_eq!(response.header(name), value, "{method} {name}");
        }
        assert!(response.header("last-modified").ends_with(" GMT"));
        assert_eq!(response.text(), if method == "GET" { "hello" } else { "" });
    }
    lab.alice("HEAD", "/b-one/missing").send().await.ok(404);
    lab.alice("GET", "/b-one/missing").send().await.error(404, "NoSuchKey");
    lab.alice("GET", "/nowhere/missing").send().await.error(404, "NoSuchBucket");
    lab.alice("DELETE", "/b-one/missing").send().await.ok(204);
}

#[tokio::test]
async fn ranges_conditions_and_overrides() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "0123456789").await;
    let get = || lab.alice("GET", "/b-one/k");
    let part = get().header("range", "bytes=2-4").send().await.ok(206);
    assert_eq!((&*part.text(), part.header("content-range")), ("234", "bytes 2-4/10"));
    assert_eq!(get().header("range", "bytes=-3").send().await.ok(206).text(), "789");
    get().header("range", "bytes=10-").send().await.error(416, "InvalidRange");
    let etag = get().send().await.header("etag").to_owned();
    let modified = get().send().await.header("last-modified").to_owned();
    get().header("if-match", &etag).send().await.ok(200);
    get().header("if-match", "\"x\"").send().await.error(412, "PreconditionFailed");
    assert!(get().header("if-none-match", &etag).send().await.ok(304).body.is_empty());
    get().header("if-none-match", "\"x\"").send().await.ok(200);
    get().header("if-modified-since", &modified).send().await.ok(304);
    get().header("if-unmodified-since", &modified).send().await.ok(200);
    get()
        .header("if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT")
        .send()
        .await
        .error(412, "PreconditionFailed");
    let target = "/b-one/k?response-content-type=text%2Fx&response-content-disposition=inline";
    let response = lab.alice("GET", target).send().await.ok(200);
    assert_eq!(
        (response.header("content-type"), response.header("content-disposition")),
        ("text/x", "inline")
    );
}

#[tokio::test]
async fn conditional_writes() {
    let lab = Lab::with_bucket().await;
    let put = |body: &str| lab.alice("PUT", "/b-one/k").body(body);
    put("a").header("if-match", "\"x\"").send().await.error(404, "NoSuchKey");
    let etag = put("a").header("if-none-match", "*").send().await.ok(200).header("etag").to_owned();
    put("b").header("if-none-match", "*").send().await.error(412, "PreconditionFailed");
    put("c").header("if-match", "\"x\"").send().await.error(412, "PreconditionFailed");
    put("d").header("if-match", &etag).send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.text(), "d");
}

#[tokio::test]
async fn damaged_bodies_are_not_stored() {
    let lab = Lab::with_bucket().await;
    let put = || lab.alice("PUT", "/b-one/k").body("hello");
    put().header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").send().await.error(400, "BadDigest");
    put().header("content-md5", "short").send().await.error(400, "InvalidDigest");
    put().header("content-md5", "XUFAKrxLKna5cZ2REBfFkg==").send().await.ok(200);
    // The signed hash is that of another body.
    let request = lab.alice("PUT", "/b-one/other").body("hello");
    let headers = vec![("host".to_owned(), request.address.to_string())];
    let to_sign = sign::Request { method: "PUT", path: &request.path, query: &[], headers: &headers };
    let scope = v4::Scope { time: Utc::now(), region: "x", service: "s3" };
    let hash = hex::encode(Sha256::digest("another"));
    let added = v4::sign(&to_sign, &hash, &request.credentials().unwrap(), &scope);
    let headers = [headers, added].concat();
    request.send_with(headers).await.error(400, "XAmzContentSHA256Mismatch");
    lab.alice("HEAD", "/b-one/other").send().await.ok(404);
    assert_eq!(std::fs::read_dir(lab.path("b-one/.s3cmd-serve/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_incomplete_body_leaves_nothing() {
    let lab = Lab::with_bucket().await;
    for length in [100, 1_000_000] {
        let request = lab.alice("PUT", "/b-one/k");
        let mut headers = vec![("host".to_owned(), request.address.to_string())];
        let to_sign = sign::Request { method: "PUT", path: "/b-one/k", query: &[], headers: &headers };
        let scope = v4::Scope { time: Utc::now(), region: "x", service: "s3" };
        headers.extend(v4::sign(&to_sign, v4::UNSIGNED_PAYLOAD, &request.credentials().unwrap(), &scope));
        let mut head = "PUT /b-one/k HTTP/1.1\r\n".to_owned();
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {length}\r\n\r\nonly this"));
        let mut stream = TcpStream::connect(request.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
        lab.alice("HEAD", "/b-one/k").send().await.ok(404);
    }
    // The server removes the last temporary file once it notices that the connection is closed.
    for _ in 0..100 {
        let tmp = lab.path("b-one/.s3cmd-serve/tmp");
        if !tmp.exists() || std::fs::read_dir(&tmp).unwrap().count() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("a temporary file was left");
}

#[tokio::test]
async fn big_objects_are_streamed() {
    let lab = Lab::with_bucket().await;
    let body: Vec<u8> = (0..3_000_001_u32).map(|n| (n.wrapping_mul(7919) >> 5) as u8).collect();
    lab.alice("PUT", "/b-one/big").body(body.clone()).send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/big").send().await.ok(200).body, body);
    let response =
        lab.alice("GET", "/b-one/big").header("range", "bytes=100000-2900000").send().await.ok(206);
    assert_eq!(response.body, body[100_000..=2_900_000]);
    lab.alice("PUT", "/b-one/empty").send().await.ok(200);
    let empty = lab.alice("GET", "/b-one/empty").send().await.ok(200);
    assert_eq!((empty.header("content-length"), empty.body.len()), ("0", 0));
}

#[tokio::test]
async fn copies_keep_or_replace_metadata_and_tags() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/other").send().await.ok(200);
    lab.alice("PUT", "/b-one/a%25b")
        .header("content-type", "text/x")
        .header("x-amz-meta-m", "1")
        .header("x-amz-tagging", "t=1")
        .body("content")
        .send()
        .await
        .ok(200);
    let copy = |to: &str| lab.alice("PUT", to).header("x-amz-copy-source", "/b-one/a%25b");
    let response = copy("/other/same").send().await.ok(200);
    assert_eq!(response.value("ETag").trim_matches('"').len(), 32);
    let same = lab.alice("GET", "/other/same").send().await.ok(200);
    assert_eq!(
        (&*same.text(), same.header("x-amz-meta-m"), same.header("content-type")),
        ("content", "1", "text/x")
    );
    assert_eq!(lab.alice("GET", "/other/same?tagging").send().await.ok(200).value("Key"), "t");
    copy("/other/new")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-tagging-directive", "REPLACE")
        .header("x-amz-tagging", "u=2")
        .header("x-amz-meta-n", "2")
        .send()
        .await
        .ok(200);
    let new = lab.alice("GET", "/other/new").send().await.ok(200);
    assert_eq!((new.header("x-amz-meta-m"), new.header("x-amz-meta-n")), ("", "2"));
    assert_eq!(lab.alice("GET", "/other/new?tagging").send().await.ok(200).value("Key"), "u");
    copy("/b-one/a%25b").send().await.error(400, "InvalidRequest");
    copy("/b-one/a%25b").header("x-amz-metadata-directive", "REPLACE").send().await.ok(200);
    copy("/other/x")
        .header("x-amz-copy-source-if-match", "\"no\"")
        .send()
        .await
        .error(412, "PreconditionFailed");
    lab.bob("PUT", "/b-one/x")
        .header("x-amz-copy-source", "/b-one/a%25b")
        .send()
        .await
        .error(403, "AccessDenied");
    lab.alice("PUT", "/b-one/x")
        .header("x-amz-copy-source", "/b-one/none")
        .send()
        .await
        .error(404, "NoSuchKey");
    lab.alice("PUT", "/b-one/x")
        .header("x-amz-copy-source", "nonsense")
        .send()
        .await
        .error(400, "InvalidArgument");
}

#[tokio::test]
async fn many_keys_are_deleted_at_once() {
    let lab = Lab::with_bucket().await;
    for key in ["a", "b%20c", "d%26e"] {
        lab.put(&format!("/b-one/{key}"), "x").await;
    }
    let body = "<Delete><Object><Key>a</Key></Object><Object><Key>d&amp;e</Key></Object><Object><Key>none</Key></Object></Delete>";
    let response = lab.alice("POST", "/b-one?delete").body(body).send().await.ok(200);
    assert_eq!(response.all("Key"), ["a", "d&e", "none"]);
    assert_eq!(lab.keys("/b-one").await, ["b c"]);
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>b c</Key></Object></Delete>";
    let denied = lab.bob("POST", "/b-one?delete").body(quiet).send().await.ok(200);
    assert_eq!((denied.all("Code"), denied.all("Deleted").len()), (vec!["AccessDenied".to_owned()], 0));
    let response = lab.alice("POST", "/b-one?delete").body(quiet).send().await.ok(200);
    assert!(response.all("Key").is_empty());
    assert!(lab.keys("/b-one").await.is_empty());
    lab.alice("POST", "/b-one?delete").body("<Delete/>").send().await.error(400, "MalformedXML");
}

#[tokio::test]
async fn tags_of_an_object() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    let tags = "<Tagging><TagSet><Tag><Key>k&amp;1</Key><Value>v</Value></Tag></TagSet></Tagging>";
    lab.alice("PUT", "/b-one/k?tagging").body(tags).send().await.ok(200);
    let response = lab.alice("GET", "/b-one/k?tagging").send().await.ok(200);
    assert_eq!((response.value("Key"), response.value("Value")), ("k&1".into(), "v".into()));
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "x");
    lab.alice("DELETE", "/b-one/k?tagging").send().await.ok(204);
    assert!(lab.alice("GET", "/b-one/k?tagging").send().await.ok(200).all("Key").is_empty());
    lab.alice("GET", "/b-one/none?tagging").send().await.error(404, "NoSuchKey");
    lab.alice("PUT", "/b-one/k?tagging").body("<Tagging/>").send().await.error(400, "MalformedXML");
}

#[tokio::test]
async fn invalid_requests_get_the_right_errors() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", &format!("/b-one/{}", "x".repeat(1025))).send().await.error(400, "KeyTooLongError");
    lab.alice("PUT", &format!("/b-one/{}", "x".repeat(1024))).send().await.ok(200);
    lab.alice("GET", "/b-one/%ff").send().await.error(400, "InvalidURI");
    lab.alice("GET", "/b-one?max-keys=x").send().await.error(400, "InvalidArgument");
    lab.alice("GET", "/b-one?max-keys=-1").send().await.error(400, "InvalidArgument");
    lab.alice("GET", "/b-one?list-type=3").send().await.error(400, "InvalidArgument");
    lab.alice("GET", "/b-one?prefix=a&prefix=b").send().await.error(400, "InvalidArgument");
    lab.alice("PUT", "/b-one/k")
        .header("x-amz-storage-class", "NONE")
        .send()
        .await
        .error(400, "InvalidStorageClass");
    let encrypted = lab.alice("PUT", "/b-one/k").header("x-amz-server-side-encryption", "aws:kms:dsse");
    encrypted.send().await.error(501, "NotImplemented");
    lab.alice("GET", "/b-one/k?versionId=abc").send().await.error(404, "NoSuchVersion");
    let address = lab.server.address();
    assert_eq!(exchange(address, b"GET / HTTP/9\r\n\r\n").await.status, 400);
    assert_eq!(exchange(address, b"\0\0\0\r\n\r\n").await.status, 400);
    lab.alice("HEAD", "/b-one").send().await.ok(200);
}
