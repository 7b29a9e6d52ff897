//! Server-side encryption: customer keys, SSE-S3, SSE-KMS, default encryption.

use super::*;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use s3cmd_client::digest::Md5;

const SERVER: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// Adds the three headers of a customer key. `before` is inserted into their names.
fn with_key(mut request: TestRequest, before: &str, key: u8) -> TestRequest {
    let name = |what: &str| format!("{before}server-side-encryption-customer-{what}");
    request = request.header(&name("algorithm"), "AES256");
    request = request.header(&name("key"), &BASE64_STANDARD.encode([key; 32]));
    request.header(&name("key-md5"), &BASE64_STANDARD.encode(Md5::digest([key; 32])))
}

pub(super) fn with_customer_key(request: TestRequest, key: u8) -> TestRequest {
    with_key(request, "x-amz-", key)
}

#[tokio::test]
async fn a_customer_key_decrypts_what_it_encrypted() {
    let lab = Lab::with_bucket().await;
    // Longer than one read.
    let text: String = (0..100_000).map(|n| format!("{n:06}")).collect();
    let put = with_customer_key(lab.alice("PUT", "/b-one/k").body(&*text), 1).send().await.ok(200);
    assert_eq!(put.header("x-amz-server-side-encryption-customer-algorithm"), "AES256");
    assert_eq!(put.header("etag"), format!("\"{}\"", hex::encode(Md5::digest(&text))));
    let on_disk = std::fs::read(lab.path("b-one/k")).unwrap();
    assert!(on_disk.len() == text.len() && !on_disk.windows(12).any(|piece| piece == b"000001000002"));
    let get = with_customer_key(lab.alice("GET", "/b-one/k"), 1).send().await.ok(200);
    assert_eq!(get.text(), text);
    for (range, part) in
        [("0-0", &text[..1]), ("299999-300100", &text[299_999..=300_100]), ("-7", &text[599_993..])]
    {
        let request =
            with_customer_key(lab.alice("GET", "/b-one/k"), 1).header("range", &format!("bytes={range}"));
        assert_eq!(request.send().await.ok(206).text(), part, "{range}");
    }
    with_customer_key(lab.alice("HEAD", "/b-one/k"), 1).send().await.ok(200);
    lab.alice("HEAD", "/b-one/k").send().await.ok(400);
    lab.alice("GET", "/b-one/k").send().await.error(400, "InvalidRequest");
    with_customer_key(lab.alice("GET", "/b-one/k"), 2).send().await.error(400, "InvalidRequest");
    let attributes =
        || lab.alice("GET", "/b-one/k?attributes").header("x-amz-object-attributes", "ObjectSize");
    attributes().send().await.error(400, "InvalidRequest");
    assert_eq!(with_customer_key(attributes(), 1).send().await.ok(200).value("ObjectSize"), "600000");
    // The key is not stored in the directory.
    let sidecar = std::fs::read_to_string(lab.path("b-one/.s3cmd-serve/meta/k")).unwrap();
    assert!(!sidecar.contains(&BASE64_STANDARD.encode([1; 32])) && !sidecar.contains(&hex::encode([1; 32])));
    lab.put("/b-one/plain", "x").await;
    with_customer_key(lab.alice("GET", "/b-one/plain"), 1).send().await.error(400, "InvalidRequest");
}

#[tokio::test]
async fn customer_keys_must_be_complete_and_correct() {
    let lab = Lab::with_bucket().await;
    let headers = with_customer_key(lab.alice("PUT", "/b-one/k"), 1).headers;
    for left_out in 0..3 {
        let mut request = lab.alice("PUT", "/b-one/k");
        request.headers = headers.clone();
        request.headers.remove(left_out);
        request.send().await.error(400, "InvalidArgument");
    }
    for (index, value, code) in [
        (0, "AES128", "InvalidEncryptionAlgorithmError"),
        (1, "c2hvcnQ=", "InvalidArgument"),
        (2, "AAAAAAAAAAAAAAAAAAAAAA==", "InvalidArgument"),
    ] {
        let mut request = lab.alice("PUT", "/b-one/k");
        request.headers = headers.clone();
        request.headers[index].1 = value.to_owned();
        request.send().await.error(400, code);
    }
    with_customer_key(lab.alice("PUT", "/b-one/k"), 1)
        .header(SERVER, "AES256")
        .send()
        .await
        .error(400, "InvalidArgument");
    with_customer_key(lab.alice("GET", "/b-one/k?acl"), 1).send().await.error(501, "NotImplemented");
}

#[tokio::test]
async fn parts_are_encrypted_separately() {
    let lab = Lab::with_bucket().await;
    let id =
        with_customer_key(lab.alice("POST", "/b-one/k?uploads"), 1).send().await.ok(200).value("UploadId");
    let part = |number: u8| lab.alice("PUT", &format!("/b-one/k?partNumber={number}&uploadId={id}"));
    let long = vec![b'a'; (5 << 20) + 1];
    let first =
        with_customer_key(part(1).body(long.clone()), 1).send().await.ok(200).header("etag").to_owned();
    part(2).body("x").send().await.error(400, "InvalidRequest");
    with_customer_key(part(2).body("x"), 2).send().await.error(400, "InvalidRequest");
    with_customer_key(lab.alice("PUT", "/b-one/source").body("0123456789"), 3).send().await.ok(200);
    let copy =
        part(2).header("x-amz-copy-source", "/b-one/source").header("x-amz-copy-source-range", "bytes=2-4");
    with_customer_key(copy.clone(), 1).send().await.error(400, "InvalidRequest");
    let second =
        with_customer_key(with_key(copy, "x-amz-copy-source-", 3), 1).send().await.ok(200).value("ETag");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{first}</ETag></Part>\
         <Part><PartNumber>2</PartNumber><ETag>{second}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = lab.alice("POST", &format!("/b-one/k?uploadId={id}")).body(body);
    // The request may contain the customer key again, and then it has to be the same.
    with_customer_key(complete.clone(), 2).send().await.error(400, "InvalidRequest");
    complete.send().await.ok(200);
    let get = with_customer_key(lab.alice("GET", "/b-one/k"), 1).send().await.ok(200);
    assert_eq!(get.body, [&long[..], b"234"].concat());
    let range = format!("bytes={}-", long.len() - 2);
    let get = with_customer_key(lab.alice("GET", "/b-one/k"), 1).header("range", &range).send().await.ok(206);
    assert_eq!(get.text(), "aa234");
    assert_eq!(
        with_customer_key(lab.alice("GET", "/b-one/k?partNumber=2"), 1).send().await.ok(206).text(),
        "234"
    );
}

#[tokio::test]
async fn the_server_encrypts_with_its_own_keys() {
    let lab = Lab::with_bucket().await;
    let kms = |request: TestRequest, name: &str| request.header(SERVER, "aws:kms").header(KMS_KEY, name);
    let body = "what is to be hidden";
    lab.alice("PUT", "/b-one/s3").header(SERVER, "AES256").body(body).send().await.ok(200);
    kms(lab.alice("PUT", "/b-one/kms").body(body), "one").send().await.ok(200);
    for (key, method, name) in [("s3", "AES256", ""), ("kms", "aws:kms", "one")] {
        let get = lab.alice("GET", &format!("/b-one/{key}")).send().await.ok(200);
        assert_eq!((get.header(SERVER), get.header(KMS_KEY), &*get.text()), (method, name, body));
        assert_ne!(std::fs::read(lab.path(&format!("b-one/{key}"))).unwrap(), body.as_bytes());
        lab.alice("GET", &format!("/b-one/{key}"))
            .header(SERVER, method)
            .send()
            .await
            .error(400, "InvalidArgument");
    }
    let key = std::fs::metadata(lab.path(".s3cmd-serve/key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    for (method, name) in [("aws:kms", ""), ("AES256", "one"), ("aes:kms", "")] {
        let mut request = lab.alice("PUT", "/b-one/bad").header(SERVER, method);
        if !name.is_empty() {
            request = request.header(KMS_KEY, name);
        }
        request.send().await.error(400, "InvalidArgument");
    }
    lab.alice("PUT", "/b-one/bad").header(KMS_KEY, "one").send().await.error(400, "InvalidArgument");
    // Copies between all kinds of encryption.
    with_customer_key(lab.alice("PUT", "/b-one/c").body(body), 5).send().await.ok(200);
    lab.put("/b-one/plain", body).await;
    for from in ["plain", "s3", "kms", "c"] {
        for to in ["plain", "s3", "kms", "c"] {
            let mut request =
                lab.alice("PUT", "/b-one/to").header("x-amz-copy-source", &format!("/b-one/{from}"));
            if from == "c" {
                request.clone().send().await.error(400, "InvalidRequest");
                request = with_key(request, "x-amz-copy-source-", 5);
            }
            request = match to {
                "s3" => request.header(SERVER, "AES256"),
                "kms" => kms(request, "two"),
                "c" => with_customer_key(request, 6),
                _ => request,
            };
            request.send().await.ok(200);
            let get = lab.alice("GET", "/b-one/to");
            let get = if to == "c" { with_customer_key(get, 6) } else { get };
            assert_eq!(get.send().await.ok(200).text(), body, "{from} to {to}");
        }
    }
    // A copy onto itself is an error, unless it changes the encryption.
    let again = || lab.alice("PUT", "/b-one/plain").header("x-amz-copy-source", "/b-one/plain");
    again().send().await.error(400, "InvalidRequest");
    again().header(SERVER, "AES256").send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/plain").send().await.ok(200).text(), body);
}

#[tokio::test]
async fn the_default_encryption_of_a_bucket_applies_to_requests_without_any() {
    let lab = Lab::with_bucket().await;
    let document = |inside: &str| {
        let body = format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{inside}\
             </ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        );
        lab.alice("PUT", "/b-one?encryption").body(body).send()
    };
    let none = "ServerSideEncryptionConfigurationNotFoundError";
    lab.alice("GET", "/b-one?encryption").send().await.error(404, none);
    document("<SSEAlgorithm>ROT13</SSEAlgorithm>").await.error(400, "MalformedXML");
    document("<SSEAlgorithm>aws:kms</SSEAlgorithm>").await.error(400, "InvalidArgument");
    document("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>").await.ok(200);
    assert_eq!(lab.put("/b-one/kms", "x").await.header(KMS_KEY), "k");
    document("<SSEAlgorithm>AES256</SSEAlgorithm>").await.ok(200);
    assert_eq!(lab.put("/b-one/s3", "x").await.header(SERVER), "AES256");
    assert_eq!(lab.alice("HEAD", "/b-one/kms").send().await.ok(200).header(SERVER), "aws:kms");
    lab.alice("DELETE", "/b-one?encryption").send().await.ok(204);
    lab.alice("GET", "/b-one?encryption").send().await.error(404, none);
    assert_eq!(lab.put("/b-one/s3", "y").await.header(SERVER), "");
    assert_eq!(std::fs::read(lab.path("b-one/s3")).unwrap(), b"y");
}

/// Encryption headers in the query of a presigned URL count like headers.
#[tokio::test]
async fn encryption_in_a_presigned_url_is_not_ignored() {
    let lab = Lab::with_bucket().await;
    let link = |method: &str, target: &str, query: &[(&str, &str)]| {
        let mut request = lab.alice(method, target);
        let user = request.user.take().unwrap();
        let credentials = Credentials::new(user.access_key, user.secret_key, None);
        request.query.extend(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let host = [("host".to_owned(), request.address.to_string())];
        let to_sign = sign::Request { method, path: &request.path, query: &request.query, headers: &host };
        let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
        request.query = v4::presign(&to_sign, &credentials, &scope, 300);
        request
    };
    let key = BASE64_STANDARD.encode([1; 32]);
    let md5 = BASE64_STANDARD.encode(Md5::digest([1; 32]));
    let customer = [
        ("X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"),
        ("X-Amz-Server-Side-Encryption-Customer-Key", &*key),
        ("X-Amz-Server-Side-Encryption-Customer-Key-Md5", &*md5),
    ];
    link("PUT", "/b-one/c", &customer).body("hidden").send().await.ok(200);
    assert_ne!(std::fs::read(lab.path("b-one/c")).unwrap(), b"hidden");
    lab.alice("GET", "/b-one/c").send().await.error(400, "InvalidRequest");
    assert_eq!(link("GET", "/b-one/c", &customer).send().await.ok(200).text(), "hidden");
    let put = link("PUT", "/b-one/s", &[("X-Amz-Server-Side-Encryption", "AES256")]).body("hidden");
    assert_eq!(put.send().await.ok(200).header(SERVER), "AES256");
    link("PUT", "/b-one/to", &[("X-Amz-Copy-Source", "/b-one/s")]).send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/to").send().await.ok(200).text(), "hidden");
    link("PUT", "/b-one/r", &[("x-amz-website-redirect-location", "/to")]).send().await.ok(200);
    let head = lab.alice("HEAD", "/b-one/r").send().await.ok(200);
    assert_eq!(head.header("x-amz-website-redirect-location"), "/to");
    link("PUT", "/b-locked", &[("X-Amz-Bucket-Object-Lock-Enabled", "true")]).send().await.ok(200);
    lab.alice("GET", "/b-locked?object-lock").send().await.ok(200);
    link("PUT", "/b-one/m", &[("x-amz-meta-One", "a"), ("X-Amz-Tagging", "t=u")]).send().await.ok(200);
    let head = lab.alice("HEAD", "/b-one/m").send().await.ok(200);
    assert_eq!((head.header("x-amz-meta-one"), head.header("x-amz-tagging-count")), ("a", "1"));
    link("PUT", "/b-one/w", &[("X-Amz-Write-Offset-Bytes", "1")]).send().await.error(501, "NotImplemented");
}

/// An upload that was created with a customer key accepts no part without that key.
#[tokio::test]
async fn parts_need_the_customer_key_of_their_upload() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/source", "0123456789").await;
    let id =
        with_customer_key(lab.alice("POST", "/b-one/k?uploads"), 1).send().await.ok(200).value("UploadId");
    let target = format!("/b-one/k?partNumber=1&uploadId={id}");
    let part = || lab.alice("PUT", &target).body("part");
    let copy = || lab.alice("PUT", &target).header("x-amz-copy-source", "/b-one/source");
    for wrong in [part(), with_customer_key(part(), 2), copy(), with_customer_key(copy(), 2)] {
        wrong.send().await.error(400, "InvalidRequest");
    }
    with_customer_key(copy(), 1).send().await.ok(200);
    let plain = lab.alice("POST", "/b-one/p?uploads").send().await.ok(200).value("UploadId");
    let target = format!("/b-one/p?partNumber=1&uploadId={plain}");
    let copy = lab.alice("PUT", &target).header("x-amz-copy-source", "/b-one/source");
    with_customer_key(copy, 1).send().await.error(400, "InvalidRequest");
    with_customer_key(lab.alice("PUT", &target).body("part"), 1).send().await.error(400, "InvalidRequest");
}
