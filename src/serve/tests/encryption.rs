use super::*;
use crate::digest::Md5;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

const SERVER: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// The three headers of a client's key.
fn with_key(mut ask: Ask, before: &str, key: u8) -> Ask {
    let name = |what: &str| format!("{before}server-side-encryption-customer-{what}");
    ask = ask.header(&name("algorithm"), "AES256");
    ask = ask.header(&name("key"), &BASE64_STANDARD.encode([key; 32]));
    ask.header(&name("key-md5"), &BASE64_STANDARD.encode(Md5::digest([key; 32])))
}

pub(super) fn own(ask: Ask, key: u8) -> Ask {
    with_key(ask, "x-amz-", key)
}

#[tokio::test]
async fn a_clients_key_opens_what_it_closed() {
    let lab = Lab::with_bucket().await;
    // Longer than what is read at once.
    let text: String = (0..100_000).map(|n| format!("{n:06}")).collect();
    let put = own(lab.alice("PUT", "/b-one/k").body(&*text), 1).send().await.ok(200);
    assert_eq!(put.header("x-amz-server-side-encryption-customer-algorithm"), "AES256");
    assert_eq!(put.header("etag"), format!("\"{}\"", hex::encode(Md5::digest(&text))));
    let on_disk = std::fs::read(lab.path("b-one/k")).unwrap();
    assert!(on_disk.len() == text.len() && !on_disk.windows(12).any(|piece| piece == b"000001000002"));
    let get = own(lab.alice("GET", "/b-one/k"), 1).send().await.ok(200);
    assert_eq!(get.text(), text);
    for (range, part) in
        [("0-0", &text[..1]), ("299999-300100", &text[299_999..=300_100]), ("-7", &text[599_993..])]
    {
        let ask = own(lab.alice("GET", "/b-one/k"), 1).header("range", &format!("bytes={range}"));
        assert_eq!(ask.send().await.ok(206).text(), part, "{range}");
    }
    own(lab.alice("HEAD", "/b-one/k"), 1).send().await.ok(200);
    lab.alice("HEAD", "/b-one/k").send().await.ok(400);
    lab.alice("GET", "/b-one/k").send().await.error(400, "InvalidRequest");
    own(lab.alice("GET", "/b-one/k"), 2).send().await.error(400, "InvalidRequest");
    let attributes =
        || lab.alice("GET", "/b-one/k?attributes").header("x-amz-object-attributes", "ObjectSize");
    attributes().send().await.error(400, "InvalidRequest");
    assert_eq!(own(attributes(), 1).send().await.ok(200).value("ObjectSize"), "600000");
    // The key is nowhere in the directory.
    let sidecar = std::fs::read_to_string(lab.path("b-one/.s3cmd-serve/meta/k")).unwrap();
    assert!(!sidecar.contains(&BASE64_STANDARD.encode([1; 32])) && !sidecar.contains(&hex::encode([1; 32])));
    lab.put("/b-one/plain", "x").await;
    own(lab.alice("GET", "/b-one/plain"), 1).send().await.error(400, "InvalidRequest");
}

#[tokio::test]
async fn keys_must_be_whole_and_right() {
    let lab = Lab::with_bucket().await;
    let headers = own(lab.alice("PUT", "/b-one/k"), 1).headers;
    for left_out in 0..3 {
        let mut ask = lab.alice("PUT", "/b-one/k");
        ask.headers = headers.clone();
        ask.headers.remove(left_out);
        ask.send().await.error(400, "InvalidArgument");
    }
    for (index, value, code) in [
        (0, "AES128", "InvalidEncryptionAlgorithmError"),
        (1, "c2hvcnQ=", "InvalidArgument"),
        (2, "AAAAAAAAAAAAAAAAAAAAAA==", "InvalidArgument"),
    ] {
        let mut ask = lab.alice("PUT", "/b-one/k");
        ask.headers = headers.clone();
        ask.headers[index].1 = value.to_owned();
        ask.send().await.error(400, code);
    }
    own(lab.alice("PUT", "/b-one/k"), 1).header(SERVER, "AES256").send().await.error(400, "InvalidArgument");
    own(lab.alice("GET", "/b-one/k?acl"), 1).send().await.error(501, "NotImplemented");
}

#[tokio::test]
async fn parts_are_encrypted_each_for_itself() {
    let lab = Lab::with_bucket().await;
    let id = own(lab.alice("POST", "/b-one/k?uploads"), 1).send().await.ok(200).value("UploadId");
    let part = |number: u8| lab.alice("PUT", &format!("/b-one/k?partNumber={number}&uploadId={id}"));
    let long = vec![b'a'; (5 << 20) + 1];
    let first = own(part(1).body(long.clone()), 1).send().await.ok(200).header("etag").to_owned();
    part(2).body("x").send().await.error(400, "InvalidRequest");
    own(part(2).body("x"), 2).send().await.error(400, "InvalidRequest");
    own(lab.alice("PUT", "/b-one/source").body("0123456789"), 3).send().await.ok(200);
    let copy =
        part(2).header("x-amz-copy-source", "/b-one/source").header("x-amz-copy-source-range", "bytes=2-4");
    own(copy.clone(), 1).send().await.error(400, "InvalidRequest");
    let second = own(with_key(copy, "x-amz-copy-source-", 3), 1).send().await.ok(200).value("ETag");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{first}</ETag></Part>\
         <Part><PartNumber>2</PartNumber><ETag>{second}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = lab.alice("POST", &format!("/b-one/k?uploadId={id}")).body(body);
    // The key may be said again, and then has to be the one.
    own(complete.clone(), 2).send().await.error(400, "InvalidRequest");
    complete.send().await.ok(200);
    let get = own(lab.alice("GET", "/b-one/k"), 1).send().await.ok(200);
    assert_eq!(get.body, [&long[..], b"234"].concat());
    let range = format!("bytes={}-", long.len() - 2);
    let get = own(lab.alice("GET", "/b-one/k"), 1).header("range", &range).send().await.ok(206);
    assert_eq!(get.text(), "aa234");
    assert_eq!(own(lab.alice("GET", "/b-one/k?partNumber=2"), 1).send().await.ok(206).text(), "234");
}

#[tokio::test]
async fn the_server_has_keys_of_its_own() {
    let lab = Lab::with_bucket().await;
    let kms = |ask: Ask, name: &str| ask.header(SERVER, "aws:kms").header(KMS_KEY, name);
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
        let mut ask = lab.alice("PUT", "/b-one/bad").header(SERVER, method);
        if !name.is_empty() {
            ask = ask.header(KMS_KEY, name);
        }
        ask.send().await.error(400, "InvalidArgument");
    }
    lab.alice("PUT", "/b-one/bad").header(KMS_KEY, "one").send().await.error(400, "InvalidArgument");
    // From everything to everything.
    own(lab.alice("PUT", "/b-one/c").body(body), 5).send().await.ok(200);
    lab.put("/b-one/plain", body).await;
    for from in ["plain", "s3", "kms", "c"] {
        for to in ["plain", "s3", "kms", "c"] {
            let mut ask =
                lab.alice("PUT", "/b-one/to").header("x-amz-copy-source", &format!("/b-one/{from}"));
            if from == "c" {
                ask.clone().send().await.error(400, "InvalidRequest");
                ask = with_key(ask, "x-amz-copy-source-", 5);
            }
            ask = match to {
                "s3" => ask.header(SERVER, "AES256"),
                "kms" => kms(ask, "two"),
                "c" => own(ask, 6),
                _ => ask,
            };
            ask.send().await.ok(200);
            let get = lab.alice("GET", "/b-one/to");
            let get = if to == "c" { own(get, 6) } else { get };
            assert_eq!(get.send().await.ok(200).text(), body, "{from} to {to}");
        }
    }
    // To another key is a change; to the same one is none.
    let again = || lab.alice("PUT", "/b-one/plain").header("x-amz-copy-source", "/b-one/plain");
    again().send().await.error(400, "InvalidRequest");
    again().header(SERVER, "AES256").send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/plain").send().await.ok(200).text(), body);
}

#[tokio::test]
async fn a_buckets_document_encrypts_what_does_not_say() {
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
