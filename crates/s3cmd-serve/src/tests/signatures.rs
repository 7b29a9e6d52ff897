use super::*;
use chrono::TimeDelta;

impl Lab {
    /// A presigned link's target.
    pub(super) fn link(&self, v: u8, method: &str, path: &str, life: i64) -> Ask {
        let mut ask = self.alice(method, path);
        let headers = vec![("host".to_owned(), ask.address.to_string())];
        let request = sign::Request { method, path: &ask.path, query: &ask.query, headers: &headers };
        let credentials = ask.credentials().unwrap();
        ask.query = if v == 4 {
            // Signed earlier where it is to have expired.
            let time = if life < 0 { Utc::now() + TimeDelta::seconds(life - 10) } else { Utc::now() };
            let scope = v4::Scope { time, region: "US", service: "s3" };
            v4::presign(&request, &credentials, &scope, life.unsigned_abs())
        } else {
            v2::presign(&request, None, &credentials, Utc::now().timestamp() + life)
        };
        ask.headers = headers;
        ask
    }
}

impl Ask {
    /// Sends what is there, unsigned.
    pub(super) async fn send_unsigned(self) -> Answer {
        let headers = self.headers.clone();
        self.send_with(headers).await
    }
}

#[tokio::test]
async fn links_work_until_they_expire_or_are_bent() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/a%20%C3%A4", "linked").await;
    for v in [2, 4] {
        let link = || lab.link(v, "GET", "/b-one/a%20%C3%A4", 100);
        assert_eq!(link().send_unsigned().await.ok(200).text(), "linked");
        lab.link(v, "GET", "/b-one/a%20%C3%A4", -100).send_unsigned().await.error(403, "AccessDenied");
        let mut bent = link();
        bent.path.push('x');
        bent.send_unsigned().await.error(403, "SignatureDoesNotMatch");
        let mut bent = link();
        bent.method = "DELETE".into();
        bent.send_unsigned().await.error(403, "SignatureDoesNotMatch");
        let put = lab.link(v, "PUT", "/b-one/by-link", 100).body("up");
        put.send_unsigned().await.ok(200);
        assert_eq!(lab.alice("GET", "/b-one/by-link").send().await.ok(200).text(), "up");
    }
}

/// Some SDKs move headers into the query of a V4 link, where they are signed; V2 does not sign them there.
#[tokio::test]
async fn settings_in_a_links_query_count_only_where_they_are_signed() {
    let lab = Lab::with_bucket().await;
    let settings = [("x-amz-acl", "public-read"), ("x-amz-meta-m", "v")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut two = lab.link(2, "PUT", "/b-one/two", 100).body("x");
    two.query.extend(settings.clone());
    two.send_unsigned().await.ok(200);
    lab.anonymous("GET", "/b-one/two").send().await.error(403, "AccessDenied");
    assert_eq!(lab.alice("HEAD", "/b-one/two").send().await.ok(200).header("x-amz-meta-m"), "");
    let mut late = lab.link(4, "PUT", "/b-one/four", 100);
    late.query.extend(settings.clone());
    late.send_unsigned().await.error(403, "SignatureDoesNotMatch");
    let query = encode::query_string(&settings, false);
    lab.link(4, "PUT", &format!("/b-one/four?{query}"), 100).body("x").send_unsigned().await.ok(200);
    assert_eq!(lab.anonymous("GET", "/b-one/four").send().await.ok(200).header("x-amz-meta-m"), "v");
    // A header signature by V2 covers no query either.
    let mut header = lab.alice("PUT", "/b-one/three").v2();
    header.query.extend(settings);
    header.send().await.ok(200);
    lab.anonymous("GET", "/b-one/three").send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn wrong_keys_and_secrets_are_told_apart() {
    let lab = Lab::with_bucket().await;
    for v2 in [false, true] {
        let mut ask = lab.alice("GET", "/b-one");
        ask.v2 = v2;
        ask.user.as_mut().unwrap().secret_key = "wrong".into();
        ask.clone().send().await.error(403, "SignatureDoesNotMatch");
        ask.user.as_mut().unwrap().access_key = "NOBODY".into();
        ask.send().await.error(403, "InvalidAccessKeyId");
    }
    // A HEAD has no body to say why.
    let mut head = lab.alice("HEAD", "/b-one");
    head.user.as_mut().unwrap().secret_key = "wrong".into();
    let answer = head.send().await.ok(403);
    assert!(answer.body.is_empty() && !answer.header("x-amz-request-id").is_empty());
}

/// An `aws-chunked` body and the headers that go with it.
pub(super) fn chunked(
    ask: &Ask,
    kind: &str,
    chunks: &[&[u8]],
    trailer: Option<(&str, &str)>,
) -> (Vec<(String, String)>, Vec<u8>) {
    let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    let mut headers = vec![
        ("host".to_owned(), ask.address.to_string()),
        ("content-encoding".to_owned(), "aws-chunked".to_owned()),
        ("x-amz-decoded-content-length".to_owned(), length.to_string()),
    ];
    if let Some((name, _)) = trailer {
        headers.push(("x-amz-trailer".to_owned(), name.to_owned()));
    }
    let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
    let request =
        sign::Request { method: &ask.method, path: &ask.path, query: &ask.query, headers: &headers };
    let added = v4::sign(&request, kind, &ask.credentials().unwrap(), &scope);
    let mut previous = added.last().unwrap().1.rsplit('=').next().unwrap().to_owned();
    headers.extend(added);
    let secret = &ask.user.as_ref().unwrap().secret_key;
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
async fn chunked_bodies_are_undone_and_verified() {
    let lab = Lab::with_bucket().await;
    let chunks: [&[u8]; 2] = [b"hello ", b"world!"];
    for (kind, trailer) in
        [(SIGNED, None), (SIGNED_TRAILER, Some(CRC)), (UNSIGNED_TRAILER, Some(CRC)), (UNSIGNED_TRAILER, None)]
    {
        let ask = lab.alice("PUT", "/b-one/chunked");
        let (headers, body) = chunked(&ask, kind, &chunks, trailer);
        ask.clone().body(body.clone()).send_with(headers.clone()).await.ok(200);
        let answer = lab.alice("GET", "/b-one/chunked").send().await.ok(200);
        assert_eq!((&*answer.text(), answer.header("content-encoding")), ("hello world!", ""), "{kind}");
        lab.alice("DELETE", "/b-one/chunked").send().await.ok(204);

        let bend = |from: &str, to: &str| {
            let text = String::from_utf8(body.clone()).unwrap();
            assert!(text.contains(from), "{from}");
            ask.clone().body(text.replace(from, to)).send_with(headers.clone())
        };
        if kind != UNSIGNED_TRAILER {
            bend("world", "w0rld").await.error(403, "SignatureDoesNotMatch");
            bend("chunk-signature=", "chunk-signature=0").await.error(403, "SignatureDoesNotMatch");
        } else if trailer.is_some() {
            bend("world", "w0rld").await.error(400, "BadDigest");
        }
        if kind == SIGNED_TRAILER {
            bend("crc32:A", "crc32:z").await.error(403, "SignatureDoesNotMatch");
        }
        bend("hello \r\n", "hello ").await.ok(400);
        // Cut off between two chunks.
        let short = body[..body.len() / 2].to_vec();
        assert!(ask.clone().body(short).send_with(headers.clone()).await.status >= 400, "{kind}");
        lab.alice("HEAD", "/b-one/chunked").send().await.ok(404);
    }
}

#[tokio::test]
async fn chunks_may_be_cut_anywhere_on_the_wire() {
    let lab = Lab::with_bucket().await;
    let content: Vec<u8> = (0..700_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let chunks: Vec<&[u8]> = content.chunks(65_536).collect();
    let ask = lab.alice("PUT", "/b-one/big");
    let (headers, body) = chunked(&ask, SIGNED, &chunks, None);
    ask.body(body).send_with(headers).await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/big").send().await.ok(200).body, content);
}

/// What a link has signed of the body is checked; what stands in its query only is not (SDKs put the sum of nothing
/// there, and S3 passes over it).
#[tokio::test]
async fn checksums_that_a_link_has_signed_are_verified() {
    let lab = Lab::with_bucket().await;
    let link = |v: u8, header: (&str, &str), body: &str| {
        let mut ask = lab.alice("PUT", "/b-one/k").body(body);
        let mut headers = vec![("host".to_owned(), ask.address.to_string())];
        headers.push((header.0.to_owned(), header.1.to_owned()));
        let request = sign::Request { method: "PUT", path: &ask.path, query: &ask.query, headers: &headers };
        let credentials = ask.credentials().unwrap();
        let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
        ask.query = if v == 4 {
            v4::presign(&request, &credentials, &scope, 100)
        } else {
            v2::presign(&request, None, &credentials, Utc::now().timestamp() + 100)
        };
        ask.headers = headers;
        ask
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
    let empty = lab.link(
        4,
        "PUT",
        "/b-one/k?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32",
        100,
    );
    empty.body("hello").send_unsigned().await.ok(200);
}
