//! Signatures: presigned URLs, credentials, `aws-chunked` bodies.

use super::*;
use chrono::TimeDelta;

impl Lab {
    /// A request with a presigned URL that is valid for `lifetime` seconds. If that is negative, the URL has expired.
    pub(super) fn presigned(&self, v: u8, method: &str, path: &str, lifetime: i64) -> TestRequest {
        let mut request = self.alice(method, path);
        let headers = vec![("host".to_owned(), request.address.to_string())];
        let to_sign = sign::Request { method, path: &request.path, query: &request.query, headers: &headers };
        let credentials = request.credentials().unwrap();
        request.query = if v == 4 {
            // An expired URL was signed earlier.
            let time = if lifetime < 0 { Utc::now() + TimeDelta::seconds(lifetime - 10) } else { Utc::now() };
            let scope = v4::Scope { time, region: "US", service: "s3" };
            v4::presign(&to_sign, &credentials, &scope, lifetime.unsigned_abs())
        } else {
            v2::presign(&to_sign, None, &credentials, Utc::now().timestamp() + lifetime)
        };
        request.headers = headers;
        request
    }
}

impl TestRequest {
    /// Sends the request without signing it.
    pub(super) async fn send_unsigned(self) -> TestResponse {
        let headers = self.headers.clone();
        self.send_with(headers).await
    }
}

#[tokio::test]
async fn presigned_urls_work_until_they_expire_or_are_changed() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/a%20%C3%A4", "linked").await;
    for v in [2, 4] {
        let link = || lab.presigned(v, "GET", "/b-one/a%20%C3%A4", 100);
        assert_eq!(link().send_unsigned().await.ok(200).text(), "linked");
        lab.presigned(v, "GET", "/b-one/a%20%C3%A4", -100).send_unsigned().await.error(403, "AccessDenied");
        let mut changed = link();
        changed.path.push('x');
        changed.send_unsigned().await.error(403, "SignatureDoesNotMatch");
        let mut changed = link();
        changed.method = "DELETE".into();
        changed.send_unsigned().await.error(403, "SignatureDoesNotMatch");
        let put = lab.presigned(v, "PUT", "/b-one/by-link", 100).body("up");
        put.send_unsigned().await.ok(200);
        assert_eq!(lab.alice("GET", "/b-one/by-link").send().await.ok(200).text(), "up");
    }
}

/// Some SDKs move headers into the query of a SigV4 presigned URL, where they are signed. SigV2 does not sign them.
#[tokio::test]
async fn headers_in_the_query_count_only_if_they_are_signed() {
    let lab = Lab::with_bucket().await;
    let settings = [("x-amz-acl", "public-read"), ("x-amz-meta-m", "v")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut two = lab.presigned(2, "PUT", "/b-one/two", 100).body("x");
    two.query.extend(settings.clone());
    two.send_unsigned().await.ok(200);
    lab.anonymous("GET", "/b-one/two").send().await.error(403, "AccessDenied");
    assert_eq!(lab.alice("HEAD", "/b-one/two").send().await.ok(200).header("x-amz-meta-m"), "");
    let mut late = lab.presigned(4, "PUT", "/b-one/four", 100);
    late.query.extend(settings.clone());
    late.send_unsigned().await.error(403, "SignatureDoesNotMatch");
    let query = encode::query_string(&settings, false);
    lab.presigned(4, "PUT", &format!("/b-one/four?{query}"), 100).body("x").send_unsigned().await.ok(200);
    assert_eq!(lab.anonymous("GET", "/b-one/four").send().await.ok(200).header("x-amz-meta-m"), "v");
    // A SigV2 signature in a header does not cover the query either.
    let mut header = lab.alice("PUT", "/b-one/three").v2();
    header.query.extend(settings);
    header.send().await.ok(200);
    lab.anonymous("GET", "/b-one/three").send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn wrong_access_keys_and_secrets_are_distinguished() {
    let lab = Lab::with_bucket().await;
    for v2 in [false, true] {
        let mut request = lab.alice("GET", "/b-one");
        request.v2 = v2;
        request.user.as_mut().unwrap().secret_key = "wrong".into();
        request.clone().send().await.error(403, "SignatureDoesNotMatch");
        request.user.as_mut().unwrap().access_key = "NOBODY".into();
        request.send().await.error(403, "InvalidAccessKeyId");
    }
    // The response to a HEAD has no body with the error.
    let mut head = lab.alice("HEAD", "/b-one");
    head.user.as_mut().unwrap().secret_key = "wrong".into();
    let response = head.send().await.ok(403);
    assert!(response.body.is_empty() && !response.header("x-amz-request-id").is_empty());
}

/// An `aws-chunked` body and the headers that go with it.
pub(super) fn chunked(
    request: &TestRequest,
    kind: &str,
    chunks: &[&[u8]],
    trailer: Option<(&str, &str)>,
) -> (Vec<(String, String)>, Vec<u8>) {
    let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    let mut headers = vec![
        ("host".to_owned(), request.address.to_string()),
        ("content-encoding".to_owned(), "aws-chunked".to_owned()),
        ("x-amz-decoded-content-length".to_owned(), length.to_string()),
    ];
    if let Some((name, _)) = trailer {
        headers.push(("x-amz-trailer".to_owned(), name.to_owned()));
    }
    let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
    let to_sign = sign::Request {
        method: &request.method,
        path: &request.path,
        query: &request.query,
        headers: &headers,
    };
    let added = v4::sign(&to_sign, kind, &request.credentials().unwrap(), &scope);
    let mut previous = added.last().unwrap().1.rsplit('=').next().unwrap().to_owned();
    headers.extend(added);
    let secret = &request.user.as_ref().unwrap().secret_key;
    let sse = kind.contains("HMAC");
    let mut body = Vec::new();
    for chunk in chunks.iter().copied().chain([&[] as &[u8]]) {
        body.extend(format!("{:x}", chunk.len()).bytes());
        if sse {
            previous = v4::chunk_signature(secret, &scope, &previous, chunk);
            body.extend(format!(";chunk-signature={previous}").bytes());
        }
        body.extend(b"\r\n");
        body.extend(chunk);
        if !chunk.is_empty() {
            body.extend(b"\r\n");
        }
    }
    if let Some((name, value)) = trailer {
        body.extend(format!("{name}:{value}\r\n").bytes());
        if sse {
            let text = format!("{name}:{value}\n");
            let signature = v4::trailer_signature(secret, &scope, &previous, &text);
            body.extend(format!("x-amz-trailer-signature:{signature}\r\n").bytes());
        }
    }
    body.extend(b"\r\n");
    (headers, body)
}

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
/// CRC-32 of `hello world!` in base64, computed with zlib.
const CRC: (&str, &str) = ("x-amz-checksum-crc32", "A7TCbQ==");

#[tokio::test]
async fn chunked_bodies_are_decoded_and_verified() {
    let lab = Lab::with_bucket().await;
    let chunks: [&[u8]; 2] = [b"hello ", b"world!"];
    for (kind, trailer) in
        [(SIGNED, None), (SIGNED_TRAILER, Some(CRC)), (UNSIGNED_TRAILER, Some(CRC)), (UNSIGNED_TRAILER, None)]
    {
        let request = lab.alice("PUT", "/b-one/chunked");
        let (headers, body) = chunked(&request, kind, &chunks, trailer);
        request.clone().body(body.clone()).send_with(headers.clone()).await.ok(200);
        let response = lab.alice("GET", "/b-one/chunked").send().await.ok(200);
        assert_eq!((&*response.text(), response.header("content-encoding")), ("hello world!", ""), "{kind}");
        lab.alice("DELETE", "/b-one/chunked").send().await.ok(204);

        let send_changed = |from: &str, to: &str| {
            let text = String::from_utf8(body.clone()).unwrap();
            assert!(text.contains(from), "{from}");
            request.clone().body(text.replace(from, to)).send_with(headers.clone())
        };
        if kind != UNSIGNED_TRAILER {
            send_changed("world", "w0rld").await.error(403, "SignatureDoesNotMatch");
            send_changed("chunk-signature=", "chunk-signature=0").await.error(403, "SignatureDoesNotMatch");
        } else if trailer.is_some() {
            send_changed("world", "w0rld").await.error(400, "BadDigest");
        }
        if kind == SIGNED_TRAILER {
            send_changed("crc32:A", "crc32:z").await.error(403, "SignatureDoesNotMatch");
        }
        send_changed("hello \r\n", "hello ").await.ok(400);
        // Truncated between two chunks.
        let short = body[..body.len() / 2].to_vec();
        assert!(request.clone().body(short).send_with(headers.clone()).await.status >= 400, "{kind}");
        lab.alice("HEAD", "/b-one/chunked").send().await.ok(404);
    }
}

#[tokio::test]
async fn chunks_may_be_split_anywhere_on_the_wire() {
    let lab = Lab::with_bucket().await;
    let content: Vec<u8> = (0..700_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let chunks: Vec<&[u8]> = content.chunks(65_536).collect();
    let request = lab.alice("PUT", "/b-one/big");
    let (headers, body) = chunked(&request, SIGNED, &chunks, None);
    request.body(body).send_with(headers).await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/big").send().await.ok(200).body, content);
}

/// The checksums that a presigned URL signs as headers are verified. Those in its query only are not: SDKs put the
/// checksum of an empty body there, and S3 ignores it.
#[tokio::test]
async fn checksums_that_a_presigned_url_signs_are_verified() {
    let lab = Lab::with_bucket().await;
    let link = |v: u8, header: (&str, &str), body: &str| {
        let mut request = lab.alice("PUT", "/b-one/k").body(body);
        let mut headers = vec![("host".to_owned(), request.address.to_string())];
        headers.push((header.0.to_owned(), header.1.to_owned()));
        let to_sign =
            sign::Request { method: "PUT", path: &request.path, query: &request.query, headers: &headers };
        let credentials = request.credentials().unwrap();
        let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
        request.query = if v == 4 {
            v4::presign(&to_sign, &credentials, &scope, 100)
        } else {
            v2::presign(&to_sign, None, &credentials, Utc::now().timestamp() + 100)
        };
        request.headers = headers;
        request
    };
    let md5 = ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==");
    let crc32 = ("x-amz-checksum-crc32", "NhCmhg==");
    for (v, header) in [(2, md5), (4, md5), (4, crc32)] {
        link(v, header, "hello").send_unsigned().await.ok(200);
        link(v, header, "other").send_unsigned().await.error(400, "BadDigest");
        let mut without = link(v, header, "hello");
        without.headers.truncate(1);
        without.send_unsigned().await.error(403, "SignatureDoesNotMatch");
    }
    let empty = lab.presigned(
        4,
        "PUT",
        "/b-one/k?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32",
        100,
    );
    empty.body("hello").send_unsigned().await.ok(200);
}
