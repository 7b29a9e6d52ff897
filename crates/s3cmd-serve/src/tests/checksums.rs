//! Checksums of objects and parts, and GetObjectAttributes.

use super::*;
use s3cmd_client::checksum::{Algorithm, Checksum, Hasher};

const MIB: usize = 1 << 20;

fn sum(algorithm: Algorithm, bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish().to_string()
}

const ALL: [Algorithm; 5] =
    [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme, Algorithm::Sha1, Algorithm::Sha256];

async fn head(lab: &Lab, target: &str) -> TestResponse {
    let response = lab.alice("HEAD", target).header("x-amz-checksum-mode", "ENABLED").send().await;
    let status = if target.contains("partNumber") { 206 } else { 200 };
    response.ok(status)
}

#[tokio::test]
async fn a_checksum_is_stored_and_returned_on_request() {
    let lab = Lab::with_bucket().await;
    for algorithm in ALL {
        let name = algorithm.header();
        let target = format!("/b-one/{}", algorithm.label());
        let right = sum(algorithm, b"content");
        let put = |value: &str| lab.alice("PUT", &target).header(name, value).body("content").send();
        put(&sum(algorithm, b"other")).await.error(400, "BadDigest");
        lab.alice("GET", &target).send().await.error(404, "NoSuchKey");
        let response = put(&right).await.ok(200);
        assert_eq!((response.header(name), response.header("x-amz-checksum-type")), (&*right, "FULL_OBJECT"));
        let reply = head(&lab, &target).await;
        assert_eq!((reply.header(name), reply.header("x-amz-checksum-type")), (&*right, "FULL_OBJECT"));
        assert_eq!(lab.alice("HEAD", &target).send().await.ok(200).header(name), "");
        let range = lab.alice("GET", &target).header("x-amz-checksum-mode", "ENABLED");
        let range = range.header("range", "bytes=0-3").send().await.ok(206);
        assert_eq!((&*range.text(), range.header(name)), ("cont", ""));
    }
    // Without a checksum in the request, S3's default applies.
    let response = lab.put("/b-one/plain", "content").await;
    assert_eq!(response.header("x-amz-checksum-crc64nvme"), sum(Algorithm::Crc64Nvme, b"content"));
    let listed = lab.alice("GET", "/b-one?list-type=2").send().await.ok(200);
    assert_eq!(
        listed.all("ChecksumAlgorithm"),
        ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "CRC64NVME"]
    );
    // Once the file is changed from outside, the stored checksum no longer applies.
    std::fs::write(lab.path("b-one/CRC32"), "outside").unwrap();
    let changed = head(&lab, "/b-one/CRC32").await;
    assert_eq!((changed.header("x-amz-checksum-crc32"), changed.header("x-amz-checksum-type")), ("", ""));
    assert_eq!(changed.header("etag"), format!("\"{}\"", md5_of(b"outside")));
}

fn md5_of(bytes: &[u8]) -> String {
    use md5::Digest as _;
    hex::encode(md5::Md5::digest(bytes))
}

#[tokio::test]
async fn a_checksum_in_a_trailer_is_stored() {
    let lab = Lab::with_bucket().await;
    let right = sum(Algorithm::Crc32c, b"content");
    let request = |value: &str| {
        let body = format!("7\r\ncontent\r\n0\r\nx-amz-checksum-crc32c:{value}\r\n\r\n");
        let request = lab.alice("PUT", "/b-one/k");
        let mut headers = vec![
            ("host".to_owned(), request.address.to_string()),
            ("x-amz-decoded-content-length".to_owned(), "7".to_owned()),
            ("x-amz-trailer".to_owned(), "x-amz-checksum-crc32c".to_owned()),
            ("x-amz-sdk-checksum-algorithm".to_owned(), "CRC32C".to_owned()),
            ("content-encoding".to_owned(), "aws-chunked".to_owned()),
        ];
        let to_sign = sign::Request { method: "PUT", path: "/b-one/k", query: &[], headers: &headers };
        let scope = v4::Scope { time: Utc::now(), region: "x", service: "s3" };
        let hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
        headers.extend(v4::sign(&to_sign, hash, &request.credentials().unwrap(), &scope));
        request.body(body).send_with(headers)
    };
    request(&sum(Algorithm::Crc32c, b"other")).await.error(400, "BadDigest");
    assert_eq!(request(&right).await.ok(200).header("x-amz-checksum-crc32c"), right);
    assert_eq!(head(&lab, "/b-one/k").await.header("x-amz-checksum-crc32c"), right);
}

struct StartedUpload {
    target: String,
    parts: Vec<(String, String)>,
}

/// Starts an upload and sends two parts with their checksums.
async fn upload(lab: &Lab, key: &str, algorithm: Algorithm, kind: Option<&str>) -> StartedUpload {
    let mut start = lab.alice("POST", &format!("/b-one/{key}?uploads"));
    start = start.header("x-amz-checksum-algorithm", algorithm.label());
    if let Some(kind) = kind {
        start = start.header("x-amz-checksum-type", kind);
    }
    let started = start.send().await.ok(200);
    assert_eq!(started.header("x-amz-checksum-algorithm"), algorithm.label());
    let target = format!("/b-one/{key}?uploadId={}", started.value("UploadId"));
    let mut parts = Vec::new();
    for (number, body) in [(1, vec![b'a'; 5 * MIB]), (2, b"end".to_vec())] {
        let name = algorithm.header();
        let right = sum(algorithm, &body);
        let part = lab.alice("PUT", &format!("{target}&partNumber={number}"));
        part.clone().header(name, &sum(algorithm, b"")).body("x").send().await.error(400, "BadDigest");
        let other = ALL.into_iter().find(|other| *other != algorithm).unwrap();
        let odd = part.clone().header(other.header(), &sum(other, b"x")).body("x");
        odd.send().await.error(400, "InvalidRequest");
        let response = part.header(name, &right).body(body).send().await.ok(200);
        assert_eq!(response.header(name), right);
        parts.push((response.header("etag").to_owned(), right));
    }
    StartedUpload { target, parts }
}

impl StartedUpload {
    fn completion(&self, algorithm: Algorithm, sums: bool) -> String {
        let mut body = "<CompleteMultipartUpload>".to_owned();
        for (index, (etag, sum)) in self.parts.iter().enumerate() {
            body.push_str(&format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag>", index + 1));
            if sums {
                body.push_str(&format!("<{0}>{sum}</{0}>", algorithm.element()));
            }
            body.push_str("</Part>");
        }
        body + "</CompleteMultipartUpload>"
    }
}

#[tokio::test]
async fn full_object_checksums_are_combined_from_the_parts() {
    let lab = Lab::with_bucket().await;
    let whole = [vec![b'a'; 5 * MIB], b"end".to_vec()].concat();
    for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
        let key = algorithm.label();
        let upload = upload(&lab, key, algorithm, Some("FULL_OBJECT")).await;
        let right = sum(algorithm, &whole);
        let complete = || lab.alice("POST", &upload.target).body(upload.completion(algorithm, false));
        let wrong = complete().header(algorithm.header(), &sum(algorithm, b"other"));
        wrong.send().await.error(400, "BadDigest");
        complete().header("x-amz-checksum-type", "COMPOSITE").send().await.error(400, "BadDigest");
        complete().header("x-amz-mp-object-size", "7").send().await.error(400, "InvalidRequest");
        let done = complete()
            .header(algorithm.header(), &right)
            .header("x-amz-checksum-type", "FULL_OBJECT")
            .header("x-amz-mp-object-size", &whole.len().to_string())
            .send()
            .await
            .ok(200);
        assert_eq!(
            (done.value(algorithm.element()), done.value("ChecksumType")),
            (right.clone(), "FULL_OBJECT".into())
        );
        let reply = head(&lab, &format!("/b-one/{key}")).await;
        assert_eq!(
            (reply.header(algorithm.header()), reply.header("x-amz-checksum-type")),
            (&*right, "FULL_OBJECT")
        );
        let part = head(&lab, &format!("/b-one/{key}?partNumber=1")).await;
        assert_eq!(part.header(algorithm.header()), sum(algorithm, &whole[..5 * MIB]));
    }
    // Without any mention of checksums, the object has S3's default.
    let id = lab.alice("POST", "/b-one/plain?uploads").send().await.ok(200).value("UploadId");
    let target = format!("/b-one/plain?uploadId={id}");
    let part = lab.alice("PUT", &format!("{target}&partNumber=7")).body("content").send().await.ok(200);
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>7</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.header("etag")
    );
    let done = lab.alice("POST", &target).body(body).send().await.ok(200);
    assert_eq!(done.value("ChecksumCRC64NVME"), sum(Algorithm::Crc64Nvme, b"content"));
}

#[tokio::test]
async fn composite_checksums_are_checksums_of_checksums() {
    let lab = Lab::with_bucket().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha1, Algorithm::Crc32] {
        let key = algorithm.label();
        let upload = upload(&lab, key, algorithm, None).await;
        let listed = lab.alice("GET", &upload.target).send().await.ok(200);
        assert_eq!(listed.value("ChecksumAlgorithm"), algorithm.label());
        assert_eq!(listed.value("ChecksumType"), "COMPOSITE");
        let sums: Vec<String> = upload.parts.iter().map(|(_, sum)| sum.clone()).collect();
        assert_eq!(listed.all(algorithm.element()), sums);
        let uploads = lab.alice("GET", "/b-one?uploads").send().await.ok(200);
        assert_eq!(uploads.value("ChecksumAlgorithm"), algorithm.label());
        let raw: Vec<u8> =
            sums.iter().flat_map(|sum| Checksum::parse(algorithm, sum).unwrap().bytes().to_vec()).collect();
        let right = format!("{}-2", sum(algorithm, &raw));
        let body = upload.completion(algorithm, true);
        let swapped = body.replace(&sums[0], &sums[1]);
        lab.alice("POST", &upload.target).body(swapped).send().await.error(400, "InvalidPart");
        let complete = || lab.alice("POST", &upload.target).body(body.clone());
        complete().header(algorithm.header(), &sums[0]).send().await.error(400, "BadDigest");
        let done = complete().header(algorithm.header(), &right).send().await.ok(200);
        assert_eq!(
            (done.value(algorithm.element()), done.value("ChecksumType")),
            (right.clone(), "COMPOSITE".into())
        );
        // A repeated request gets the same reply.
        assert_eq!(complete().send().await.ok(200).value(algorithm.element()), right);
        let target = format!("/b-one/{key}");
        assert_eq!(head(&lab, &target).await.header(algorithm.header()), right);
        let part = head(&lab, &format!("{target}?partNumber=2")).await;
        assert_eq!(part.header(algorithm.header()), sums[1]);

        // A copy is not multipart: its checksum covers the content, with the same algorithm unless another is
        // requested.
        let copy = lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", &target).send().await.ok(200);
        let whole = [vec![b'a'; 5 * MIB], b"end".to_vec()].concat();
        assert_eq!(copy.value(algorithm.element()), sum(algorithm, &whole));
        assert_eq!(head(&lab, "/b-one/copy").await.header("x-amz-checksum-type"), "FULL_OBJECT");
    }
    let copy = lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", "/b-one/SHA1");
    let copy = copy.header("x-amz-checksum-algorithm", "CRC32C").send().await.ok(200);
    assert_eq!(copy.value("ChecksumCRC32C"), head(&lab, "/b-one/copy").await.header("x-amz-checksum-crc32c"));
    for (algorithm, kind) in [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")] {
        let request = lab.alice("POST", "/b-one/k?uploads").header("x-amz-checksum-algorithm", algorithm);
        request.header("x-amz-checksum-type", kind).send().await.error(400, "InvalidRequest");
    }
}

#[tokio::test]
async fn a_copied_part_has_a_checksum() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/source", "0123456789").await;
    let start = lab.alice("POST", "/b-one/k?uploads").header("x-amz-checksum-algorithm", "SHA256");
    let target = format!("/b-one/k?uploadId={}", start.send().await.ok(200).value("UploadId"));
    let part =
        lab.alice("PUT", &format!("{target}&partNumber=1")).header("x-amz-copy-source", "/b-one/source");
    let part = part.header("x-amz-copy-source-range", "bytes=2-5").send().await.ok(200);
    assert_eq!(part.value("ChecksumSHA256"), sum(Algorithm::Sha256, b"2345"));
}

#[tokio::test]
async fn attributes_are_returned_as_requested() {
    let lab = Lab::with_bucket().await;
    let upload = upload(&lab, "big", Algorithm::Sha256, None).await;
    let body = upload.completion(Algorithm::Sha256, true);
    let done = lab.alice("POST", &upload.target).body(body).send().await.ok(200);
    let request =
        |names: &str| lab.alice("GET", "/b-one/big?attributes").header("x-amz-object-attributes", names);
    let all = request("ETag,Checksum,ObjectParts, StorageClass,ObjectSize").send().await.ok(200);
    assert_eq!(all.value("ETag"), done.value("ETag").trim_matches('"'));
    assert_eq!(all.value("ObjectSize"), (5 * MIB + 3).to_string());
    assert_eq!((all.value("StorageClass"), all.value("PartsCount")), ("STANDARD".into(), "2".into()));
    assert_eq!((all.value("ChecksumType"), all.all("PartNumber").len()), ("COMPOSITE".into(), 2));
    assert_eq!(
        all.all("ChecksumSHA256"),
        [done.value("ChecksumSHA256"), upload.parts[0].1.clone(), upload.parts[1].1.clone()]
    );
    let page = request("ObjectParts").header("x-amz-max-parts", "1").send().await.ok(200);
    assert_eq!((page.all("Size"), page.value("IsTruncated")), (vec![(5 * MIB).to_string()], "true".into()));
    let page = request("ObjectParts").header("x-amz-part-number-marker", &page.value("NextPartNumberMarker"));
    let page = page.send().await.ok(200);
    assert_eq!((page.all("Size"), page.value("IsTruncated")), (vec!["3".into()], "false".into()));
    assert_eq!(request("ETag").send().await.ok(200).value("ObjectSize"), "");
    request("Nonsense").send().await.error(400, "InvalidArgument");
    lab.alice("GET", "/b-one/big?attributes").send().await.error(400, "InvalidArgument");
    lab.bob("GET", "/b-one/big?attributes")
        .header("x-amz-object-attributes", "ETag")
        .send()
        .await
        .error(403, "AccessDenied");
}

#[tokio::test]
async fn each_part_has_its_own_checksum_and_an_empty_one_no_range() {
    let lab = Lab::with_bucket().await;
    for (algorithm, kind) in [
        (Algorithm::Crc32c, "FULL_OBJECT"),
        (Algorithm::Crc64Nvme, "FULL_OBJECT"),
        (Algorithm::Crc32c, "COMPOSITE"),
        (Algorithm::Sha256, "COMPOSITE"),
    ] {
        let start =
            lab.alice("POST", "/b-one/k?uploads").header("x-amz-checksum-algorithm", algorithm.label());
        let id = start.header("x-amz-checksum-type", kind).send().await.ok(200).value("UploadId");
        let (first, second) = (vec![b'a'; 5 << 20], vec![b'b'; 5 << 20]);
        let contents = [&first[..], &second[..], &[]];
        let mut done = "<CompleteMultipartUpload>".to_owned();
        for (number, content) in (1..).zip(contents) {
            let value = sum(algorithm, content);
            let part = lab.alice("PUT", &format!("/b-one/k?partNumber={number}&uploadId={id}")).body(content);
            let etag = part.header(algorithm.header(), &value).send().await.ok(200).header("etag").to_owned();
            let element = algorithm.element();
            done.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><{element}>{value}</{element}></Part>"
            ));
        }
        done.push_str("</CompleteMultipartUpload>");
        let target = format!("/b-one/k?uploadId={id}");
        let location = lab.alice("POST", &target).body(done).send().await.ok(200).value("Location");
        assert_eq!(location, format!("http://{}/b-one/k", lab.server.address()));
        for (number, content) in (1..).zip(contents) {
            for method in ["GET", "HEAD"] {
                let request = lab.alice(method, &format!("/b-one/k?partNumber={number}"));
                let got = request.header("x-amz-checksum-mode", "ENABLED").send().await;
                assert_eq!(got.header("x-amz-mp-parts-count"), "3");
                assert_eq!(
                    got.header(algorithm.header()),
                    sum(algorithm, content),
                    "{kind} {method} {number}"
                );
                assert_eq!(got.header("x-amz-checksum-type"), kind);
                assert_eq!(got.header("content-length"), content.len().to_string());
                if content.is_empty() {
                    assert_eq!((got.status, got.header("content-range")), (200, ""));
                } else {
                    let start = (number - 1) * (5 << 20);
                    let range = format!("bytes {start}-{}/{}", start + content.len() - 1, 10 << 20);
                    assert_eq!((got.status, got.header("content-range")), (206, &*range));
                }
            }
        }
    }
}
