//! Multipart uploads.

use super::*;

const MIB: usize = 1 << 20;

async fn create(lab: &Lab, target: &str) -> String {
    lab.alice("POST", &format!("{target}?uploads")).send().await.ok(200).value("UploadId")
}

async fn part(lab: &Lab, target: &str, id: &str, number: usize, body: Vec<u8>) -> String {
    let target = format!("{target}?partNumber={number}&uploadId={id}");
    lab.alice("PUT", &target).body(body).send().await.ok(200).header("etag").to_owned()
}

fn completion(parts: &[(usize, &str)]) -> String {
    let mut body = "<CompleteMultipartUpload>".to_owned();
    for (number, etag) in parts {
        body.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    }
    body + "</CompleteMultipartUpload>"
}

#[tokio::test]
async fn parts_in_any_order_make_one_object() {
    let lab = Lab::with_bucket().await;
    let start = lab
        .alice("POST", "/b-one/big?uploads")
        .header("x-amz-meta-m", "v")
        .header("content-type", "text/x")
        .header("x-amz-tagging", "t=1")
        .send()
        .await
        .ok(200);
    let id = start.value("UploadId");
    assert_eq!((start.value("Bucket"), start.value("Key")), ("b-one".into(), "big".into()));
    let third = part(&lab, "/b-one/big", &id, 3, b"end".to_vec()).await;
    let wrong = part(&lab, "/b-one/big", &id, 1, b"replaced below".to_vec()).await;
    let first = part(&lab, "/b-one/big", &id, 1, vec![b'a'; 5 * MIB]).await;
    let second = part(&lab, "/b-one/big", &id, 2, vec![b'b'; 6 * MIB]).await;
    let parts = lab.alice("GET", &format!("/b-one/big?uploadId={id}")).send().await.ok(200);
    assert_eq!(parts.all("PartNumber"), ["1", "2", "3"]);
    assert_eq!(parts.all("Size"), ["5242880", "6291456", "3"]);
    let page = format!("/b-one/big?uploadId={id}&max-parts=1&part-number-marker=1");
    let page = lab.alice("GET", &page).send().await.ok(200);
    assert_eq!((page.all("PartNumber"), page.value("NextPartNumberMarker")), (vec!["2".into()], "2".into()));
    assert_eq!(page.value("IsTruncated"), "true");
    let uploads = lab.alice("GET", "/b-one?uploads").send().await.ok(200);
    assert_eq!((uploads.all("Key"), uploads.all("UploadId")), (vec!["big".into()], vec![id.clone()]));
    assert!(lab.keys("/b-one").await.is_empty());

    let target = format!("/b-one/big?uploadId={id}");
    let complete = |parts: &[(usize, &str)]| lab.alice("POST", &target).body(completion(parts)).send();
    complete(&[(1, &wrong), (2, &second)]).await.error(400, "InvalidPart");
    complete(&[(1, &first), (4, &second)]).await.error(400, "InvalidPart");
    complete(&[(2, &second), (1, &first)]).await.error(400, "InvalidPartOrder");
    complete(&[(3, &third), (3, &third)]).await.error(400, "InvalidPartOrder");
    complete(&[]).await.error(400, "MalformedXML");
    let all = [(1, &*first), (2, &*second), (3, &*third)];
    let done = complete(&all).await.ok(200);
    assert_eq!(
        (done.value("Key"), &*done.value("ETag")),
        ("big".into(), "\"e3e677bd23a10d954bee3e30e298b9ed-3\"")
    );
    // The request may be repeated, because its response may have been lost.
    assert_eq!(complete(&all).await.ok(200).value("ETag"), done.value("ETag"));
    complete(&all[..2]).await.error(404, "NoSuchUpload");

    let object = lab.alice("GET", "/b-one/big").send().await.ok(200);
    assert_eq!(object.body, [vec![b'a'; 5 * MIB], vec![b'b'; 6 * MIB], b"end".to_vec()].concat());
    assert_eq!((object.header("x-amz-meta-m"), object.header("content-type")), ("v", "text/x"));
    assert_eq!(object.header("x-amz-tagging-count"), "1");
    let second = lab.alice("GET", "/b-one/big?partNumber=3").send().await.ok(206);
    assert_eq!((&*second.text(), second.header("x-amz-mp-parts-count")), ("end", "3"));
    lab.alice("GET", "/b-one/big?partNumber=4").send().await.error(400, "InvalidPart");
    assert!(lab.alice("GET", "/b-one?uploads").send().await.ok(200).all("Key").is_empty());
}

#[tokio::test]
async fn small_parts_are_rejected_and_aborted_uploads_are_removed() {
    let lab = Lab::with_bucket().await;
    let id = create(&lab, "/b-one/k").await;
    let a = part(&lab, "/b-one/k", &id, 1, b"small".to_vec()).await;
    let b = part(&lab, "/b-one/k", &id, 2, b"small".to_vec()).await;
    let target = format!("/b-one/k?uploadId={id}");
    let body = completion(&[(1, &a), (2, &b)]);
    lab.alice("POST", &target).body(body).send().await.error(400, "EntityTooSmall");
    for (method, target) in [
        ("PUT", format!("/b-one/other?partNumber=1&uploadId={id}")),
        ("PUT", "/b-one/k?partNumber=1&uploadId=..".to_owned()),
        ("GET", "/b-one/k?uploadId=none".to_owned()),
        ("DELETE", "/b-one/k?uploadId=none".to_owned()),
    ] {
        lab.alice(method, &target).send().await.error(404, "NoSuchUpload");
    }
    for number in ["0", "10001", "x", "-1"] {
        let target = format!("/b-one/k?partNumber={number}&uploadId={id}");
        lab.alice("PUT", &target).send().await.error(400, "InvalidArgument");
    }
    lab.bob("DELETE", &target).send().await.error(403, "AccessDenied");
    lab.alice("DELETE", &target).send().await.ok(204);
    lab.alice("DELETE", &target).send().await.error(404, "NoSuchUpload");
    assert_eq!(std::fs::read_dir(lab.path("b-one/.s3cmd-serve/uploads")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(lab.path("b-one/.s3cmd-serve/tmp")).unwrap().count(), 0);
}

/// Ceph decodes the copy source of a part twice, and so copies another object.
#[tokio::test]
async fn a_part_is_copied_from_exactly_the_key_that_was_named() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/x%2541", "right one").await;
    lab.put("/b-one/xA", "wrong one").await;
    let id = create(&lab, "/b-one/k").await;
    let target = format!("/b-one/k?partNumber=1&uploadId={id}");
    let copy = || lab.alice("PUT", &target).header("x-amz-copy-source", "/b-one/x%2541");
    copy().header("x-amz-copy-source-range", "bytes=0-9").send().await.error(416, "InvalidRange");
    copy().header("x-amz-copy-source-range", "0-4").send().await.error(400, "InvalidArgument");
    let etag = copy().header("x-amz-copy-source-range", "bytes=0-4").send().await.ok(200).value("ETag");
    let body = completion(&[(1, &etag)]);
    lab.alice("POST", &format!("/b-one/k?uploadId={id}")).body(body).send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "right");
}

#[tokio::test]
async fn uploads_are_listed_in_pages() {
    let lab = Lab::with_bucket().await;
    for key in ["a/1", "a/2", "b", "c"] {
        create(&lab, &format!("/b-one/{key}")).await;
    }
    create(&lab, "/b-one/b").await;
    let mut seen = Vec::new();
    let (mut key, mut id) = (String::new(), String::new());
    loop {
        let target = format!("/b-one?uploads&max-uploads=2&key-marker={key}&upload-id-marker={id}");
        let page = lab.alice("GET", &target).send().await.ok(200);
        seen.extend(page.all("Key"));
        if page.value("IsTruncated") == "false" {
            break;
        }
        (key, id) = (page.value("NextKeyMarker"), page.value("NextUploadIdMarker"));
    }
    assert_eq!(seen, ["a/1", "a/2", "b", "b", "c"]);
    let rolled = lab.alice("GET", "/b-one?uploads&delimiter=/").send().await.ok(200);
    assert_eq!(
        (rolled.all("Key"), rolled.all("Prefix")),
        (["b", "b", "c"].map(String::from).to_vec(), vec![String::new(), "a/".into()])
    );
    assert_eq!(lab.alice("GET", "/b-one?uploads&prefix=c").send().await.ok(200).all("Key"), ["c"]);
}

/// The content file of the bucket's only upload, if there is one.
fn content_file(lab: &Lab) -> Option<PathBuf> {
    let uploads = std::fs::read_dir(lab.path("b-one/.s3cmd-serve/uploads")).ok()?;
    let files = uploads.flat_map(|upload| std::fs::read_dir(upload.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).find(|path| path.to_string_lossy().contains("/content-"))
}

fn inode(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
}

#[tokio::test]
async fn parts_of_one_size_become_the_object_without_a_copy() {
    let lab = Lab::with_bucket().await;
    let id = create(&lab, "/b-one/k").await;
    let body = |byte, size| vec![byte; size];
    let second = part(&lab, "/b-one/k", &id, 2, body(b'b', 5 * MIB)).await;
    let first = part(&lab, "/b-one/k", &id, 1, body(b'a', 5 * MIB)).await;
    // A part that failed leaves its slot free.
    let broken = format!("/b-one/k?partNumber=3&uploadId={id}");
    let wrong = lab.alice("PUT", &broken).header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    wrong.body(body(b'x', 4 * MIB)).send().await.error(400, "BadDigest");
    let listed = lab.alice("GET", &format!("/b-one/k?uploadId={id}")).send().await.ok(200);
    assert_eq!(listed.all("Size"), ["5242880", "5242880"]);
    let third = part(&lab, "/b-one/k", &id, 3, body(b'c', 7)).await;
    let content = inode(&content_file(&lab).unwrap());
    let target = format!("/b-one/k?uploadId={id}");
    let all = completion(&[(1, &first), (2, &second), (3, &third)]);
    // A rejected completion can be retried.
    lab.put("/b-one/k", "present").await;
    let guarded = lab.alice("POST", &target).header("if-none-match", "*").body(all.clone());
    guarded.send().await.error(412, "PreconditionFailed");
    let before = Utc::now();
    lab.alice("POST", &target).body(all).send().await.ok(200);
    assert_eq!(inode(&lab.path("b-one/k")), content);
    let object = lab.alice("GET", "/b-one/k").send().await.ok(200);
    assert_eq!(object.body, [body(b'a', 5 * MIB), body(b'b', 5 * MIB), body(b'c', 7)].concat());
    let modified = crate::http::http_date::parse(object.header("last-modified")).unwrap();
    assert!(modified.timestamp() >= before.timestamp(), "{modified}");
    assert_eq!(content_file(&lab), None);
}

/// Parts of any sizes and in any order give the requested object.
#[tokio::test]
async fn parts_that_do_not_fit_their_slots_are_assembled() {
    let lab = Lab::with_bucket().await;
    let body = |byte, size| vec![byte; size];
    // Parts that are replaced, omitted, not contiguous, longer than the first, or shorter in the middle.
    for (case, sizes, chosen_indexes) in [
        ("replaced", vec![(1, 5), (2, 5), (1, 5), (3, 1)], vec![2, 1, 3]),
        ("left out", vec![(1, 5), (2, 5), (3, 5)], vec![0, 1]),
        ("gap", vec![(1, 5), (3, 5), (4, 2)], vec![0, 1, 2]),
        ("longer", vec![(2, 5), (1, 7), (3, 6)], vec![1, 0, 2]),
        ("shorter", vec![(1, 7), (2, 5), (3, 7)], vec![0, 1, 2]),
        ("from two", vec![(2, 6), (3, 6)], vec![0, 1]),
        ("one", vec![(1, 6)], vec![0]),
        ("short one", vec![(1, 1)], vec![0]),
    ] {
        let target = format!("/b-one/{}", case.replace(' ', "-"));
        let id = create(&lab, &target).await;
        let mut etags = Vec::new();
        for (index, (number, size)) in sizes.iter().enumerate() {
            etags.push(part(&lab, &target, &id, *number, body(b'a' + index as u8, size * MIB)).await);
        }
        let chosen: Vec<_> = chosen_indexes.iter().map(|index| (sizes[*index].0, &*etags[*index])).collect();
        let request = lab.alice("POST", &format!("{target}?uploadId={id}")).body(completion(&chosen));
        request.send().await.ok(200);
        let expected: Vec<u8> = chosen_indexes
            .iter()
            .flat_map(|index| body(b'a' + *index as u8, sizes[*index].1 * MIB))
            .collect();
        let object = lab.alice("GET", &target).send().await.ok(200);
        assert!(object.body == expected, "{case}: {} bytes", object.body.len());
        assert_eq!(content_file(&lab), None, "{case}");
    }
}

/// A part that is still being received must not change the object, and must not delay the completion.
#[tokio::test]
async fn a_part_in_transfer_does_not_write_into_the_object() {
    let lab = Lab::with_bucket().await;
    let id = create(&lab, "/b-one/k").await;
    let first = part(&lab, "/b-one/k", &id, 1, vec![b'a'; 5 * MIB]).await;
    let late = lab.alice("PUT", &format!("/b-one/k?partNumber=2&uploadId={id}")).body(vec![b'x'; 5 * MIB]);
    let late = late.start(2 * MIB).await;
    // Meanwhile the same part is sent again. It is stored in a separate file instead of the slot.
    while std::fs::metadata(content_file(&lab).unwrap()).unwrap().len() <= 5 * MIB as u64 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let second = part(&lab, "/b-one/k", &id, 2, vec![b'b'; 5 * MIB]).await;
    let target = format!("/b-one/k?uploadId={id}");
    let body = completion(&[(1, &first), (2, &second)]);
    lab.alice("POST", &target).body(body).send().await.ok(200);
    late.finish().await.error(404, "NoSuchUpload");
    let object = lab.alice("GET", "/b-one/k").send().await.ok(200);
    assert!(object.body == [vec![b'a'; 5 * MIB], vec![b'b'; 5 * MIB]].concat());
}

/// The server may stop between two parts, and before the last step of a completion.
#[tokio::test]
async fn slots_survive_a_restart() {
    let lab = Lab::with_bucket().await;
    let id = create(&lab, "/b-one/k").await;
    let first = part(&lab, "/b-one/k", &id, 1, vec![b'a'; 5 * MIB]).await;
    let lab = lab.restarted().await;
    let second = part(&lab, "/b-one/k", &id, 2, vec![b'b'; 5 * MIB]).await;
    let replaced = part(&lab, "/b-one/k", &id, 1, vec![b'c'; 5 * MIB]).await;
    assert_ne!(first, replaced);
    let again = part(&lab, "/b-one/k", &id, 1, vec![b'a'; 5 * MIB]).await;
    let target = format!("/b-one/k?uploadId={id}");
    let body = completion(&[(1, &again), (2, &second)]);
    lab.alice("POST", &target).body(body).send().await.ok(200);
    let object = lab.alice("GET", "/b-one/k").send().await.ok(200);
    assert!(object.body == [vec![b'a'; 5 * MIB], vec![b'b'; 5 * MIB]].concat());

    let id = create(&lab, "/b-one/k").await;
    let only = part(&lab, "/b-one/k", &id, 1, vec![b'd'; 5 * MIB]).await;
    let upload = lab.path("b-one/.s3cmd-serve/uploads").join(&id);
    let kept = lab.path("kept");
    std::fs::create_dir(&kept).unwrap();
    for file in std::fs::read_dir(&upload).unwrap().map(|file| file.unwrap()) {
        if !file.file_name().to_string_lossy().starts_with("content-") {
            std::fs::copy(file.path(), kept.join(file.file_name())).unwrap();
        }
    }
    let target = format!("/b-one/k?uploadId={id}");
    let request = |lab: &Lab| lab.alice("POST", &target).body(completion(&[(1, &only)])).send();
    request(&lab).await.ok(200);
    std::fs::rename(&kept, &upload).unwrap();
    let lab = lab.restarted().await;
    assert!(lab.alice("GET", "/b-one?uploads").send().await.ok(200).all("Key").is_empty());
    request(&lab).await.ok(200);
}
