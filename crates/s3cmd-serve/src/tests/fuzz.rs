//! Random requests and random bytes.

use super::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const NAMES: &[&str] = &[
    "acl",
    "policy",
    "lifecycle",
    "cors",
    "tagging",
    "uploads",
    "uploadId",
    "partNumber",
    "delete",
    "versions",
    "versionId",
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "list-type",
    "continuation-token",
    "start-after",
    "encoding-type",
    "location",
    "website",
    "versioning",
    "response-content-type",
    "fetch-owner",
    "key-marker",
    "upload-id-marker",
    "max-parts",
    "part-number-marker",
    "what",
    "notification",
    "logging",
    "requestPayment",
];
const HEADERS: &[&str] = &[
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "content-md5",
    "x-amz-copy-source",
    "x-amz-acl",
    "x-amz-copy-source-range",
    "x-amz-metadata-directive",
    "x-amz-tagging",
    "x-amz-storage-class",
    "x-amz-grant-read",
    "x-amz-checksum-crc32",
    "x-amz-meta-x",
    "content-type",
    "content-encoding",
    "x-amz-trailer",
    "expires",
];
const VALUES: &[&str] = &[
    "",
    "1",
    "0",
    "-1",
    "99999999999999999999",
    "/",
    "b-one/k",
    "/b-one/../k",
    "bytes=0-1",
    "bytes=-",
    "*",
    "\"x\"",
    "null",
    "url",
    "2",
    "COPY",
    "REPLACE",
    "public-read",
    "id=bob",
    "uri=x",
    "a=b&c=d",
    "%",
    "%zz",
    "%ff",
    "é",
    "x-amz-checksum-crc32",
    "STANDARD",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "AAAA",
    "text/x",
];
const BODIES: &[&str] = &[
    "",
    "x",
    "<",
    "<a/>",
    "<Delete><Object><Key>k</Key></Object></Delete>",
    "<Delete><Object/></Delete>",
    "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>",
    "{}",
    "[1]",
    "{\"Statement\":[]}",
    "<AccessControlPolicy/>",
    "<Tagging><TagSet><Tag/></TagSet></Tagging>",
    "<LifecycleConfiguration><Rule/></LifecycleConfiguration>",
    "<CORSConfiguration><CORSRule/></CORSConfiguration>",
    "<VersioningConfiguration/>",
    "\u{0}\u{1}",
    "<!DOCTYPE a []><a/>",
];

/// No request causes an internal error, and no file appears outside the buckets.
#[tokio::test]
async fn random_requests_cause_no_internal_error() {
    let lab = Lab::with_bucket().await;
    std::fs::write(lab.path("outside"), "untouched").unwrap();
    let mut runner = TestRunner::deterministic();
    let path = prop_oneof![
        Just("/".to_owned()),
        Just("/b-one".to_owned()),
        Just("/b-one/k".to_owned()),
        "/b-one/[a-c./%]{0,8}",
        "/[a-z./%]{0,8}",
        "(/[.]{1,2}){1,4}/outside",
    ];
    let pick = |list: &'static [&'static str]| proptest::sample::select(list);
    let strategy = (
        pick(&["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]),
        path,
        proptest::collection::vec((pick(NAMES), pick(VALUES)), 0..3),
        proptest::collection::vec((pick(HEADERS), pick(VALUES)), 0..3),
        pick(BODIES),
        any::<bool>(),
    );
    for _ in 0..600 {
        let (method, path, query, headers, body, v2) = strategy.new_tree(&mut runner).unwrap().current();
        let mut request = lab.alice(method, &path).body(body);
        request.v2 = v2;
        request.query = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let description = format!("{method} {path} {query:?} {headers:?} {body:?}");
        let response = request.send().await;
        assert!(response.status != 500 && response.status != 507, "{description}: {}", response.text());
        if response.status >= 400 && method != "HEAD" && !response.body.is_empty() {
            assert!(!response.value("Code").is_empty(), "{description}");
        }
    }
    lab.alice("GET", "/").send().await.ok(200);
    assert_eq!(std::fs::read(lab.path("outside")).unwrap(), b"untouched");
    for entry in std::fs::read_dir(lab.dir.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)), "{name}");
        assert!(!name.starts_with('.') || name == ".s3cmd-serve", "{name}");
    }
}

/// Random bytes instead of an HTTP request.
#[tokio::test]
async fn random_bytes_do_not_stop_the_server() {
    let lab = Lab::with_bucket().await;
    let mut runner = TestRunner::deterministic();
    let strategy = proptest::collection::vec(any::<u8>(), 1..200);
    for _ in 0..50 {
        let bytes = strategy.new_tree(&mut runner).unwrap().current();
        let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response).await;
    }
    lab.alice("GET", "/b-one").send().await.ok(200);
}
