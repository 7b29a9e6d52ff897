//! A server with a remote store as its backend: what it passes on.

use super::*;
use crate::{RemoteSource, Storage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::{Client, ClientOptions, Signature};
use std::time::Duration;

/// Longer than a body that is read completely before it is sent on.
const BIG: usize = 900_000;

/// The upstream store, with credentials that no user of the server has, and the server.
pub(super) struct Pair {
    pub(super) upstream: Lab,
    pub(super) proxy: Lab,
}

fn account() -> User {
    super::super::parse_auth_file("AKREAL real/secret id=real-id name=Real Owner").unwrap().remove(0)
}

impl Pair {
    pub(super) async fn new(prefix: &str) -> Self {
        Self::with(prefix, |_| {}, |_| {}).await
    }

    pub(super) async fn with(
        prefix: &str,
        client: impl FnOnce(&mut ClientOptions),
        proxy: impl FnOnce(&mut Options),
    ) -> Self {
        let upstream = Lab::with(|options| {
            options.users = vec![account()];
            options.metrics = true;
        })
        .await;
        for (name, content) in [
            ("real/secret.txt", "SECRET"),
            ("real/team2/secret.txt", "SECRET"),
            ("real/team/inside.txt", "inside"),
            ("real/team/deeper/a.txt", "a"),
            ("other/secret.txt", "SECRET"),
        ] {
            let path = upstream.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let host = upstream.server.address().to_string();
        let credentials = Credentials::new("AKREAL", "real/secret", None);
        let mut options = ClientOptions::new(Endpoint::new(&host, &host, false, false), Some(credentials));
        client(&mut options);
        let source = RemoteSource {
            client: Client::new(options),
            bucket: "real".to_owned(),
            prefix: prefix.to_owned(),
        };
        let proxy = Lab::with(|options| {
            options.storage = Storage::Remote(source);
            proxy(options);
        })
        .await;
        Self { upstream, proxy }
    }

    /// A request that the upstream account sends to the upstream store itself.
    pub(super) fn account(&self, method: &str, target: &str) -> TestRequest {
        TestRequest { user: Some(account()), ..self.upstream.alice(method, target) }
    }

    pub(super) fn stored(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.upstream.path(name)).ok()
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test]
async fn objects_are_those_below_the_prefix() {
    let pair = Pair::new("team").await;
    let proxy = &pair.proxy;
    assert_eq!(proxy.keys("/real").await, ["deeper/a.txt", "inside.txt"]);
    let put = proxy.alice("PUT", "/real/dir/a%20b%3F").body("hello");
    let put = put.header("x-amz-meta-colour", "blå").header("content-type", "text/x");
    let put = put.header("cache-control", "no-store").header("x-amz-storage-class", "STANDARD_IA");
    let etag = put.header("x-amz-tagging", "t=1").send().await.ok(200).header("etag").to_owned();
    assert_eq!(pair.stored("real/team/dir/a b?").unwrap(), b"hello");

    let get = || proxy.bob("GET", "/real/dir/a%20b%3F");
    let response = get().send().await.ok(200);
    assert_eq!((&*response.text(), response.header("etag")), ("hello", &*etag));
    assert_eq!((response.header("x-amz-meta-colour"), response.header("content-type")), ("blå", "text/x"));
    assert_eq!((response.header("cache-control"), response.header("x-amz-tagging-count")), ("no-store", "1"));
    assert_eq!(response.header("x-amz-storage-class"), "STANDARD_IA");
    let range = get().header("range", "bytes=1-3").send().await.ok(206);
    assert_eq!((&*range.text(), range.header("content-range")), ("ell", "bytes 1-3/5"));
    get().header("range", "bytes=9-").send().await.error(416, "InvalidRange");
    let unchanged = get().header("if-none-match", &etag).send().await.ok(304);
    assert_eq!((unchanged.header("etag"), unchanged.body.len()), (&*etag, 0));
    get().header("if-match", "\"x\"").send().await.error(412, "PreconditionFailed");
    let typed = proxy.alice("GET", "/real/dir/a%20b%3F?response-content-type=a/b").send().await.ok(200);
    assert_eq!(typed.header("content-type"), "a/b");
    let head = proxy.alice("HEAD", "/real/dir/a%20b%3F").send().await.ok(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("5", 0));
    proxy.alice("PUT", "/real/dir/a%20b%3F").header("if-none-match", "*").send().await.ok(412);

    let copy = proxy.alice("PUT", "/real/copy").header("x-amz-copy-source", "/real/dir/a%20b%3F");
    let copied = copy.clone().send().await.ok(200);
    assert_eq!(copied.value("ETag"), etag);
    let kept = proxy.alice("HEAD", "/real/copy").send().await.ok(200);
    assert_eq!(kept.header("x-amz-meta-colour"), "blå");
    let replaced = copy.header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-new", "1");
    replaced.send().await.ok(200);
    let new = proxy.alice("HEAD", "/real/copy").send().await.ok(200);
    assert_eq!((new.header("x-amz-meta-new"), new.header("x-amz-meta-colour")), ("1", ""));

    let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v&amp;w</Value></Tag></TagSet></Tagging>";
    proxy.alice("PUT", "/real/copy?tagging").body(tags).send().await.ok(200);
    assert_eq!(proxy.alice("GET", "/real/copy?tagging").send().await.ok(200).value("Value"), "v&w");
    proxy.alice("DELETE", "/real/copy?tagging").send().await.ok(204);
    let attributes = proxy.alice("GET", "/real/copy?attributes");
    let attributes = attributes.header("x-amz-object-attributes", "ObjectSize").send().await.ok(200);
    assert_eq!(attributes.value("ObjectSize"), "5");

    let body = "<Delete><Object><Key>copy</Key></Object><Object><Key>dir/a b?</Key></Object></Delete>";
    let deleted = proxy.alice("POST", "/real?delete").body(body).send().await.ok(200);
    assert_eq!(deleted.all("Key"), ["copy", "dir/a b?"]);
    proxy.alice("DELETE", "/real/inside.txt").send().await.ok(204);
    assert_eq!(proxy.keys("/real").await, ["deeper/a.txt"]);
    proxy.alice("GET", "/real/inside.txt").send().await.error(404, "NoSuchKey");
    assert_eq!(pair.stored("real/secret.txt").unwrap(), b"SECRET");
}

#[tokio::test]
async fn listings_are_the_same_with_pages_of_every_length() {
    let pair = Pair::new("team").await;
    let proxy = &pair.proxy;
    for name in ["a+b", "a b", "a/1", "a/2", "b/x/y", "ö", "%41", "deeper-too", "team/x"] {
        proxy.put(&format!("/real/{}", encode::path(name)), "x").await;
    }
    let every = proxy.keys("/real").await;
    assert_eq!(every.len(), 11);
    for (query, next) in [
        ("list-type=2", "NextContinuationToken"),
        ("list-type=1", "NextMarker"),
        ("list-type=1&encoding-type=url", "NextMarker"),
        ("versions", "NextKeyMarker"),
    ] {
        for delimiter in ["", "/", "e"] {
            let listing = async |max: usize| {
                let (mut names, mut marker) = (Vec::new(), String::new());
                loop {
                    let parameter = match next {
                        "NextContinuationToken" => "continuation-token",
                        "NextMarker" => "marker",
                        _ => "key-marker",
                    };
                    let mut target = format!("/real?{query}&max-keys={max}");
                    for (name, value) in [("delimiter", delimiter), (parameter, &marker)] {
                        if !value.is_empty() {
                            target.push_str(&format!("&{name}={}", encode::query(value)));
                        }
                    }
                    let response = proxy.alice("GET", &target).send().await.ok(200);
                    assert!(!response.text().contains("real-id"), "{}", response.text());
                    let url = query.contains("encoding");
                    let decoded = |text: String| {
                        if url { decode(&text) } else { text }
                    };
                    let mut page: Vec<String> = response.all("Key").into_iter().map(decoded).collect();
                    let prefixes = crate::model::xml::parse_any(&response.body).unwrap();
                    for common in prefixes.all("CommonPrefixes") {
                        page.push(decoded(common.value("Prefix").unwrap().to_owned()));
                    }
                    page.sort();
                    assert!(page.len() <= max);
                    names.extend(page);
                    if response.value("IsTruncated") != "true" {
                        return names;
                    }
                    let next_marker = decoded(response.value(next));
                    marker = if next_marker.is_empty() { names.last().unwrap().clone() } else { next_marker };
                }
            };
            let whole = listing(1000).await;
            if delimiter.is_empty() {
                assert_eq!(whole, every, "{query}");
            }
            for max in [1, 2, 3, 5] {
                assert_eq!(listing(max).await, whole, "{query} {delimiter} {max}");
            }
        }
    }
}

fn decode(text: &str) -> String {
    crate::http::request_path::decode(text).unwrap()
}

#[tokio::test]
async fn bodies_are_streamed_and_stored_only_if_verified() {
    for signature in [Signature::V4, Signature::V2] {
        let pair = Pair::with("team", |options| options.signature = signature, |_| {}).await;
        let proxy = &pair.proxy;
        for length in [0, 1, 300_000, BIG, 3 * BIG] {
            let body = content(length);
            proxy.alice("PUT", "/real/whole").body(body.clone()).send().await.ok(200);
            assert!(pair.stored("real/team/whole").unwrap() == body, "{length}");
            assert!(proxy.alice("GET", "/real/whole").send().await.ok(200).body == body, "{length}");
            // SigV2: no checksum of the body.
            proxy.alice("PUT", "/real/two").v2().body(body.clone()).send().await.ok(200);
            assert!(pair.stored("real/team/two").unwrap() == body, "{length}");
        }
        for length in [1000, BIG] {
            let body = content(length);
            let chunks: Vec<&[u8]> = body.chunks(65_536).collect();
            let request = proxy.alice("PUT", "/real/chunked");
            let mut hasher = s3cmd_client::checksum::Hasher::new(s3cmd_client::checksum::Algorithm::Crc32);
            hasher.update(&body);
            let sum = hasher.finish().to_string();
            let crc = Some(("x-amz-checksum-crc32", &*sum));
            for (kind, trailer) in [
                ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", None),
                ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", crc),
                ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", crc),
            ] {
                let (headers, encoded) = signatures::chunked(&request, kind, &chunks, trailer);
                request.clone().body(encoded.clone()).send_with(headers.clone()).await.ok(200);
                assert!(pair.stored("real/team/chunked").unwrap() == body, "{kind}");
                let got = proxy.alice("GET", "/real/chunked").send().await.ok(200);
                assert_eq!(got.header("content-encoding"), "", "{kind}");
                proxy.alice("DELETE", "/real/chunked").send().await.ok(204);
                let mut changed = encoded;
                let at = changed.len() - 400;
                changed[at] ^= 1;
                let rejected = request.clone().body(changed).send_with(headers).await;
                assert!(matches!(rejected.status, 400 | 403), "{kind}: {}", rejected.text());
                assert_eq!(pair.stored("real/team/chunked"), None, "{kind}");
            }
            let wrong = BASE64_STANDARD.encode([7; 16]);
            let request = proxy.alice("PUT", "/real/wrong").body(body.clone());
            request.clone().header("content-md5", &wrong).send().await.error(400, "BadDigest");
            request.clone().header("x-amz-checksum-crc32", "AAAAAA==").send().await.error(400, "BadDigest");
            let mut other = request.clone();
            other.body[length - 1] ^= 1;
            let signed = signed_headers(&request);
            other.send_with(signed).await.error(400, "XAmzContentSHA256Mismatch");
            assert_eq!(pair.stored("real/team/wrong"), None);
        }
        let open = proxy.alice("GET", "/real?uploads").send().await.ok(200);
        assert!(open.all("Upload").is_empty());
    }
}

/// The headers of a request, signed for its body.
fn signed_headers(request: &TestRequest) -> Vec<(String, String)> {
    let mut headers = vec![("host".to_owned(), request.address.to_string())];
    let to_sign = sign::Request {
        method: &request.method,
        path: &request.path,
        query: &request.query,
        headers: &headers,
    };
    let hash = hex::encode(Sha256::digest(&request.body));
    let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
    headers.extend(v4::sign(&to_sign, &hash, &request.credentials().unwrap(), &scope));
    headers
}

/// Waits until the upstream store handles no request but the one for its metrics.
async fn wait_until_idle(pair: &Pair) {
    for _ in 0..1000 {
        let text = pair.upstream.anonymous("GET", "/-/metrics").send().await.ok(200).text();
        if text.lines().any(|line| line.contains("in_flight") && line.ends_with(" 1")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("an upstream request does not end");
}

#[tokio::test]
async fn a_disconnecting_client_ends_the_upstream_request() {
    let pair = Pair::new("team").await;
    std::fs::write(pair.upstream.path("real/team/huge"), vec![1; 64 << 20]).unwrap();
    let address = pair.proxy.server.address();
    let head = |request: &TestRequest, length: usize| {
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        for (name, value) in signed_headers(request) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        format!("{head}content-length: {length}\r\n\r\n")
    };
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head(&pair.proxy.alice("GET", "/real/huge"), 0).as_bytes()).await.unwrap();
    let mut some = vec![0; 100_000];
    stream.read_exact(&mut some).await.unwrap();
    drop(stream);
    wait_until_idle(&pair).await;

    let body = content(BIG);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let put = pair.proxy.alice("PUT", "/real/half").body(body.clone());
    stream.write_all(head(&put, body.len()).as_bytes()).await.unwrap();
    stream.write_all(&body[..BIG / 2]).await.unwrap();
    drop(stream);
    wait_until_idle(&pair).await;
    assert_eq!(pair.stored("real/team/half"), None);
    assert!(!pair.proxy.keys("/real").await.contains(&"half".to_owned()));
}

#[tokio::test]
async fn multipart_uploads_are_passed_on() {
    let pair = Pair::new("team").await;
    let proxy = &pair.proxy;
    let start = proxy.alice("POST", "/real/big?uploads").header("x-amz-meta-m", "v").send().await.ok(200);
    let id = start.value("UploadId");
    assert_eq!((start.value("Bucket"), start.value("Key")), ("real".into(), "big".into()));
    let part = content(5 << 20);
    let request = proxy.alice("PUT", &format!("/real/big?partNumber=1&uploadId={id}")).body(part.clone());
    let first = request.send().await.ok(200).header("etag").to_owned();
    let request = proxy.alice("PUT", &format!("/real/big?partNumber=2&uploadId={id}"));
    let request = request.header("x-amz-copy-source", "real/inside.txt");
    let second = request.header("x-amz-copy-source-range", "bytes=2-5").send().await.ok(200).value("ETag");
    let percent = proxy.alice("PUT", &format!("/real/big?partNumber=2&uploadId={id}"));
    percent.header("x-amz-copy-source", "real/a%2541").send().await.error(501, "NotImplemented");
    let parts = proxy.alice("GET", &format!("/real/big?uploadId={id}&max-parts=1")).send().await.ok(200);
    assert_eq!((parts.all("Size"), parts.value("IsTruncated")), (vec!["5242880".into()], "true".into()));
    assert_eq!((parts.value("Key"), parts.value("ID")), ("big".into(), "alice".into()));
    let done = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{first}</ETag></Part><Part><PartNumber>2\
         </PartNumber><ETag>{second}</ETag></Part></CompleteMultipartUpload>"
    );
    let bad = done.replace(&first, "\"00000000000000000000000000000000\"");
    let target = format!("/real/big?uploadId={id}");
    proxy.alice("POST", &target).body(bad).send().await.error(400, "InvalidPart");
    let done = proxy.alice("POST", &target).body(done).send().await.ok(200);
    assert_eq!((done.value("Key"), done.value("Bucket")), ("big".into(), "real".into()));
    assert!(done.value("Location").ends_with("/real/big") && !done.text().contains("team"));
    assert!(pair.stored("real/team/big").unwrap() == [&part[..], b"side"].concat());
    let head = proxy.alice("HEAD", "/real/big?partNumber=1").send().await.ok(206);
    assert_eq!((head.header("x-amz-mp-parts-count"), head.header("x-amz-meta-m")), ("2", "v"));
    let id = proxy.alice("POST", "/real/b2?uploads").send().await.ok(200).value("UploadId");
    proxy.alice("DELETE", &format!("/real/b2?uploadId={id}")).send().await.ok(204);
    proxy.alice("DELETE", &format!("/real/b2?uploadId={id}")).send().await.error(404, "NoSuchUpload");
}

#[tokio::test]
async fn versions_are_passed_on() {
    let pair = Pair::new("team").await;
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    pair.account("PUT", "/real?versioning").body(enable).send().await.ok(200);
    let proxy = &pair.proxy;
    let status = proxy.alice("GET", "/real?versioning").send().await.ok(200);
    assert_eq!(status.value("Status"), "Enabled");
    let first = proxy.put("/real/v", "one").await.header("x-amz-version-id").to_owned();
    proxy.put("/real/v", "two").await;
    let marker = proxy.alice("DELETE", "/real/v").send().await.ok(204);
    assert_eq!(marker.header("x-amz-delete-marker"), "true");
    let listed = proxy.alice("GET", "/real?versions&prefix=v").send().await.ok(200);
    assert_eq!((listed.all("Key").len(), listed.all("DeleteMarker").len()), (3, 1));
    let old = proxy.alice("GET", &format!("/real/v?versionId={first}")).send().await.ok(200);
    assert_eq!(old.text(), "one");
    let source = format!("/real/v?versionId={first}");
    proxy.alice("PUT", "/real/back").header("x-amz-copy-source", &source).send().await.ok(200);
    assert_eq!(pair.stored("real/team/back").unwrap(), b"one");
    let body = format!("<Delete><Object><Key>v</Key><VersionId>{first}</VersionId></Object></Delete>");
    let deleted = proxy.alice("POST", "/real?delete").body(body).send().await.ok(200);
    assert_eq!(deleted.value("VersionId"), first);
    proxy.alice("GET", &format!("/real/v?versionId={first}")).send().await.error(404, "NoSuchVersion");
}

#[tokio::test]
async fn upstream_errors_disclose_nothing() {
    let Pair { upstream, proxy } = Pair::new("team").await;
    let missing = proxy.alice("GET", "/real/gone").send().await.error(404, "NoSuchKey");
    assert!(!missing.text().contains("team"), "{}", missing.text());
    let host = upstream.server.address();
    let root = upstream.dir.path().to_owned();
    upstream.server.stop().await;
    for big in [10, BIG] {
        let put = proxy.alice("PUT", "/real/x").body(content(big)).send().await;
        assert!(!put.text().contains(&host.to_string()));
        put.error(503, "ServiceUnavailable");
    }
    proxy.alice("GET", "/real/x").send().await.error(503, "ServiceUnavailable");
    // The store is back, but the account's access key has been removed.
    let options = Options { address: host, ..options(&root) };
    let _changed = start(options).await.unwrap();
    for big in [10, BIG] {
        let put = proxy.alice("PUT", "/real/x").body(content(big)).send().await;
        assert!(!put.text().contains("AKREAL"), "{}", put.text());
        put.error(403, "AccessDenied");
    }
}

#[tokio::test]
async fn the_server_does_not_start_without_its_upstream_store() {
    let upstream = Lab::with(|options| options.users = vec![account()]).await;
    let host = upstream.server.address().to_string();
    let try_start = async |host: &str, secret: &str, bucket: &str, prefix: &str| {
        let credentials = Credentials::new("AKREAL", secret, None);
        let client =
            Client::new(ClientOptions::new(Endpoint::new(host, host, false, false), Some(credentials)));
        let storage = Storage::Remote(RemoteSource { client, bucket: bucket.into(), prefix: prefix.into() });
        start(Options { storage, ..options(Path::new("")) })
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    std::fs::create_dir(upstream.path("real")).unwrap();
    assert_eq!(try_start(&host, "real/secret", "real", "x").await, Ok(()));
    for (host, secret, bucket, prefix, expected) in [
        (&*host, "real/secret", "none", "", "NoSuchBucket"),
        (&*host, "wrong", "real", "", "SignatureDoesNotMatch"),
        (&*host, "real/secret", "real", "a/../b", "cannot be served"),
        ("127.0.0.1:1", "real/secret", "real", "", "refused"),
    ] {
        let error = try_start(host, secret, bucket, prefix).await.unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
