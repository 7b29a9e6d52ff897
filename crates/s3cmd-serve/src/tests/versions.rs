//! Versioning: versions, delete markers, listings, crashes.

use super::*;

async fn versioned() -> Lab {
    let lab = Lab::with_bucket().await;
    set(&lab, "Enabled").await;
    lab
}

async fn set(lab: &Lab, status: &str) {
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    lab.alice("PUT", "/b-one?versioning").body(body).send().await.ok(200);
    let now = lab.alice("GET", "/b-one?versioning").send().await.ok(200);
    assert_eq!(now.value("Status"), status);
}

/// Puts an object and returns its version id.
async fn put(lab: &Lab, key: &str, body: &str) -> String {
    lab.put(&format!("/b-one/{key}"), body).await.header("x-amz-version-id").to_owned()
}

/// The listing, with one line per entry (key, content length or `marker`, and `latest`), and the version ids.
async fn listing(lab: &Lab, query: &str) -> (Vec<String>, Vec<String>) {
    let response = lab.alice("GET", &format!("/b-one?versions{query}")).send().await.ok(200);
    let root = crate::model::xml::parse_any(&response.body).unwrap();
    let (mut lines, mut ids) = (Vec::new(), Vec::new());
    for node in root.children.iter().filter(|node| ["Version", "DeleteMarker"].contains(&&*node.name)) {
        let size = node.value("Size").unwrap_or("marker");
        let latest = if node.value("IsLatest") == Some("true") { " latest" } else { "" };
        lines.push(format!("{} {size}{latest}", node.value("Key").unwrap()));
        ids.push(node.value("VersionId").unwrap().to_owned());
    }
    (lines, ids)
}

#[tokio::test]
async fn every_write_is_a_version_and_the_current_one_an_ordinary_file() {
    let lab = Lab::with_bucket().await;
    assert_eq!(lab.put("/b-one/k", "null").await.header("x-amz-version-id"), "");
    set(&lab, "Enabled").await;
    let first = put(&lab, "k", "1").await;
    let put_second = lab.alice("PUT", "/b-one/k").header("x-amz-meta-m", "v").header("x-amz-tagging", "t=2");
    let second = put_second.body("22").send().await.ok(200).header("x-amz-version-id").to_owned();
    assert!(first != second && first.len() == 32);
    assert_eq!(std::fs::read(lab.path("b-one/k")).unwrap(), b"22");
    for (id, body) in [(&*first, "1"), (&*second, "22"), ("null", "null")] {
        let response = lab.alice("GET", &format!("/b-one/k?versionId={id}")).send().await.ok(200);
        assert_eq!((&*response.text(), response.header("x-amz-version-id")), (body, id));
    }
    let latest = lab.alice("HEAD", "/b-one/k").send().await.ok(200);
    assert_eq!((latest.header("x-amz-version-id"), latest.header("x-amz-meta-m")), (&*second, "v"));
    lab.alice("GET", "/b-one/k?versionId=nonsense").send().await.error(404, "NoSuchVersion");
    lab.alice("DELETE", "/b-one/k?versionId=").send().await.error(400, "InvalidArgument");
    let (lines, ids) = listing(&lab, "").await;
    assert_eq!(lines, ["k 2 latest", "k 1", "k 4"]);
    assert_eq!(ids, [&*second, &first, "null"]);
    assert_eq!(lab.keys("/b-one").await, ["k"]);

    // Tags and ACLs belong to a version.
    let tags = "<Tagging><TagSet><Tag><Key>old</Key><Value>x</Value></Tag></TagSet></Tagging>";
    let target = format!("/b-one/k?tagging&versionId={first}");
    lab.alice("PUT", &target).body(tags).send().await.ok(200);
    assert_eq!(lab.alice("GET", &target).send().await.ok(200).value("Key"), "old");
    assert_eq!(lab.alice("GET", "/b-one/k?tagging").send().await.ok(200).value("Key"), "t");
    let acl = format!("/b-one/k?acl&versionId={first}");
    lab.alice("PUT", &acl).header("x-amz-acl", "public-read").send().await.ok(200);
    let anonymous = |id: &str| lab.anonymous("GET", &format!("/b-one/k?versionId={id}")).send();
    assert_eq!(anonymous(&first).await.ok(200).text(), "1");
    anonymous(&second).await.error(403, "AccessDenied");

    // An old version can be copied, even to the same key.
    let source = format!("/b-one/k?versionId={first}");
    let copy = lab.alice("PUT", "/b-one/k").header("x-amz-copy-source", &source).send().await.ok(200);
    assert_eq!(copy.header("x-amz-copy-source-version-id"), first);
    let third = copy.header("x-amz-version-id").to_owned();
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "1");

    // Removing the current version makes the previous one current. Removing an old one changes nothing else.
    let delete = |id: &str| lab.alice("DELETE", &format!("/b-one/k?versionId={id}")).send();
    assert_eq!(delete(&third).await.ok(204).header("x-amz-version-id"), third);
    let back = lab.alice("GET", "/b-one/k").send().await.ok(200);
    assert_eq!(
        (&*back.text(), back.header("x-amz-meta-m"), back.header("x-amz-version-id")),
        ("22", "v", &*second)
    );
    assert_eq!(std::fs::read(lab.path("b-one/k")).unwrap(), b"22");
    delete(&first).await.ok(204);
    delete(&first).await.ok(204);
    assert_eq!(listing(&lab, "").await.0, ["k 2 latest", "k 4"]);
    lab.alice("DELETE", "/b-one").send().await.error(409, "BucketNotEmpty");
    delete(&second).await.ok(204);
    delete("null").await.ok(204);
    assert_eq!(listing(&lab, "").await.0, [""; 0]);
    assert_eq!(std::fs::read_dir(lab.path("b-one/.s3cmd-serve/versions/data")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(lab.path("b-one/.s3cmd-serve/versions/index")).unwrap().count(), 0);
    lab.alice("DELETE", "/b-one").send().await.ok(204);
}

#[tokio::test]
async fn a_deletion_leaves_a_marker_and_its_removal_brings_the_object_back() {
    let lab = versioned().await;
    let first = put(&lab, "dir/k", "1").await;
    let deleted = lab.alice("DELETE", "/b-one/dir/k").send().await.ok(204);
    assert_eq!(deleted.header("x-amz-delete-marker"), "true");
    let marker = deleted.header("x-amz-version-id").to_owned();
    let plain = lab.alice("GET", "/b-one/dir/k").send().await.error(404, "NoSuchKey");
    assert_eq!((plain.header("x-amz-delete-marker"), plain.header("x-amz-version-id")), ("true", &*marker));
    let named = lab.alice("GET", &format!("/b-one/dir/k?versionId={marker}")).send().await;
    let named = named.error(405, "MethodNotAllowed");
    assert_eq!((named.header("x-amz-delete-marker"), named.header("allow")), ("true", "DELETE"));
    assert_eq!(lab.alice("HEAD", &format!("/b-one/dir/k?versionId={marker}")).send().await.status, 405);
    lab.alice("GET", &format!("/b-one/dir/k?tagging&versionId={marker}"))
        .send()
        .await
        .error(405, "MethodNotAllowed");
    let copy =
        lab.alice("PUT", "/b-one/x").header("x-amz-copy-source", &format!("b-one/dir/k?versionId={marker}"));
    copy.send().await.error(400, "InvalidRequest");
    assert_eq!(lab.alice("GET", &format!("/b-one/dir/k?versionId={first}")).send().await.ok(200).text(), "1");
    assert!(lab.keys("/b-one").await.is_empty() && !lab.path("b-one/dir").exists());
    assert_eq!(listing(&lab, "").await.0, ["dir/k marker latest", "dir/k 1"]);
    lab.alice("DELETE", "/b-one").send().await.error(409, "BucketNotEmpty");
    // Another deletion adds another marker, even for a key that never existed.
    lab.alice("DELETE", "/b-one/dir/k").send().await.ok(204);
    lab.alice("DELETE", "/b-one/never").send().await.ok(204);
    let (lines, ids) = listing(&lab, "").await;
    assert_eq!(lines, ["dir/k marker latest", "dir/k marker", "dir/k 1", "never marker latest"]);
    let body = format!(
        "<Delete><Object><Key>dir/k</Key><VersionId>{}</VersionId></Object><Object><Key>dir/k</Key>\
         <VersionId>{marker}</VersionId></Object><Object><Key>other</Key></Object></Delete>",
        ids[0]
    );
    let many = lab.alice("POST", "/b-one?delete").body(body).send().await.ok(200);
    assert_eq!(many.all("DeleteMarker"), ["true", "true", "true"]);
    assert_eq!(many.all("DeleteMarkerVersionId")[..2], [ids[0].clone(), marker]);
    let back = lab.alice("GET", "/b-one/dir/k").send().await.ok(200);
    assert_eq!((&*back.text(), back.header("x-amz-version-id")), ("1", &*first));
    assert_eq!(lab.keys("/b-one").await, ["dir/k"]);
}

#[tokio::test]
async fn suspended_versioning_replaces_the_null_version() {
    let lab = versioned().await;
    let kept = put(&lab, "k", "kept").await;
    set(&lab, "Suspended").await;
    // The id of the null version is in listings, but not in the response to the write.
    assert_eq!(put(&lab, "k", "a").await, "");
    assert_eq!(put(&lab, "k", "bb").await, "");
    assert_eq!(listing(&lab, "").await.0, ["k 2 latest", "k 4"]);
    let deleted = lab.alice("DELETE", "/b-one/k").send().await.ok(204);
    assert_eq!((deleted.header("x-amz-delete-marker"), deleted.header("x-amz-version-id")), ("true", "null"));
    assert_eq!(
        listing(&lab, "").await,
        (vec!["k marker latest".into(), "k 4".into()], vec!["null".into(), kept.clone()])
    );
    set(&lab, "Enabled").await;
    let new = put(&lab, "k", "new").await;
    assert_eq!(listing(&lab, "").await.1, [&*new, "null", &kept]);
    set(&lab, "Suspended").await;
    put(&lab, "k", "null again").await;
    assert_eq!(
        listing(&lab, "").await,
        (vec!["k 10 latest".into(), "k 3".into(), "k 4".into()], vec!["null".into(), new, kept])
    );
    assert_eq!(std::fs::read_dir(lab.path("b-one/.s3cmd-serve/versions/data")).unwrap().count(), 2);
    for body in [
        "<VersioningConfiguration/>",
        "<VersioningConfiguration><Status>Off</Status></VersioningConfiguration>",
    ] {
        lab.alice("PUT", "/b-one?versioning").body(body).send().await.error(400, "MalformedXML");
    }
    lab.bob("GET", "/b-one?versioning").send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn versions_are_listed_in_pages_with_prefixes_and_delimiters() {
    let lab = versioned().await;
    let odd = format!("odd//{}", "x".repeat(150));
    for key in ["a", "dir/1", "dir/2", "z", &odd] {
        put(&lab, key, "1").await;
        put(&lab, key, "22").await;
    }
    lab.alice("DELETE", "/b-one/dir/1").send().await.ok(204);
    let (all, ids) = listing(&lab, "").await;
    assert_eq!(all.len(), 11);
    assert_eq!(all[..3], ["a 2 latest", "a 1", "dir/1 marker latest"]);
    for size in 1..=4 {
        let (mut seen, mut key, mut id) = (Vec::new(), String::new(), String::new());
        loop {
            let target = format!("/b-one?versions&max-keys={size}&key-marker={key}&version-id-marker={id}");
            let page = lab.alice("GET", &target).send().await.ok(200);
            seen.extend(page.all("VersionId"));
            if page.value("IsTruncated") == "false" {
                break;
            }
            (key, id) = (page.value("NextKeyMarker"), page.value("NextVersionIdMarker"));
        }
        assert_eq!(seen, ids, "{size}");
    }
    let rolled = lab.alice("GET", "/b-one?versions&delimiter=/").send().await.ok(200);
    assert_eq!(rolled.all("Prefix"), ["", "dir/", "odd/"]);
    assert_eq!(rolled.all("Key"), ["a", "a", "z", "z"]);
    let page = lab.alice("GET", "/b-one?versions&delimiter=/&max-keys=3").send().await.ok(200);
    assert_eq!((page.value("NextKeyMarker"), page.value("IsTruncated")), ("dir/".into(), "true".into()));
    let target = "/b-one?versions&delimiter=/&key-marker=dir/";
    let page = lab.alice("GET", target).send().await.ok(200);
    assert_eq!(
        (page.all("Key"), page.all("Prefix").last().unwrap().as_str()),
        (vec!["z".into(), "z".into()], "odd/")
    );
    assert_eq!(listing(&lab, "&prefix=dir/").await.0.len(), 5);
    assert_eq!(listing(&lab, "&prefix=odd//x&encoding-type=url").await.0.len(), 2);
    lab.alice("GET", "/b-one?versions&version-id-marker=x").send().await.error(400, "InvalidArgument");
    // A version-id marker keeps its position after the version is removed.
    let second = ids[1].clone();
    lab.alice("DELETE", &format!("/b-one/a?versionId={second}")).send().await.ok(204);
    let rest = listing(&lab, &format!("&key-marker=a&version-id-marker={second}")).await;
    assert_eq!(rest.1, ids[2..]);
}

#[tokio::test]
async fn multipart_uploads_and_files_from_outside_are_versions_too() {
    let lab = versioned().await;
    std::fs::write(lab.path("b-one/k"), "outside").unwrap();
    let id = lab.alice("POST", "/b-one/k?uploads").send().await.ok(200).value("UploadId");
    let target = format!("/b-one/k?uploadId={id}");
    let part = lab.alice("PUT", &format!("{target}&partNumber=1")).body("part").send().await.ok(200);
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.header("etag")
    );
    let done = lab.alice("POST", &target).body(body.clone()).send().await.ok(200);
    let version = done.header("x-amz-version-id").to_owned();
    assert_eq!(
        lab.alice("POST", &target).body(body).send().await.ok(200).header("x-amz-version-id"),
        version
    );
    assert_eq!(
        listing(&lab, "").await,
        (vec!["k 4 latest".into(), "k 7".into()], vec![version, "null".into()])
    );
    let outside = lab.alice("GET", "/b-one/k?versionId=null").send().await.ok(200);
    assert_eq!(outside.text(), "outside");
    assert_eq!(outside.header("etag").len(), 34);
}

/// Simulates a crash between the steps of a write (see `store::versions`).
#[tokio::test]
async fn a_crash_during_a_write_loses_no_version() {
    let lab = versioned().await;
    let first = put(&lab, "k", "1").await;
    let index = lab.path("b-one/.s3cmd-serve/versions/index/6b");
    let sidecar = lab.path("b-one/.s3cmd-serve/meta/k");
    let (data, old_sidecar) = (lab.path("b-one/k"), std::fs::read(&sidecar).unwrap());
    std::fs::hard_link(&data, lab.path("first")).unwrap();
    let second = put(&lab, "k", "22").await;
    let new_index = std::fs::read(&index).unwrap();
    // The old version is in the index, but the new one was never committed.
    std::fs::remove_file(&data).unwrap();
    std::fs::hard_link(lab.path("first"), &data).unwrap();
    std::fs::write(&sidecar, &old_sidecar).unwrap();
    assert_eq!(listing(&lab, "").await, (vec!["k 1 latest".into()], vec![first.clone()]));
    assert_eq!(lab.alice("GET", &format!("/b-one/k?versionId={first}")).send().await.ok(200).text(), "1");
    lab.alice("GET", &format!("/b-one/k?versionId={second}")).send().await.error(404, "NoSuchVersion");
    // The next write succeeds as usual.
    let third = put(&lab, "k", "333").await;
    assert_eq!(listing(&lab, "").await.1, [third.clone(), first.clone()]);
    // The current version was removed and the previous one is the object again, but it is still in the index.
    lab.alice("DELETE", &format!("/b-one/k?versionId={third}")).send().await.ok(204);
    std::fs::write(&index, &new_index).unwrap();
    assert_eq!(listing(&lab, "").await, (vec!["k 1 latest".into()], vec![first.clone()]));
    lab.alice("DELETE", &format!("/b-one/k?versionId={first}")).send().await.ok(204);
    assert_eq!(listing(&lab, "").await.0, [""; 0]);
}

/// A deletion that crashed before the key's file was removed has no effect, and leaves no marker.
#[tokio::test]
async fn a_crash_during_a_deletion_leaves_no_marker() {
    let lab = versioned().await;
    let index = lab.path("b-one/.s3cmd-serve/versions/index/6b");
    let (data, sidecar) = (lab.path("b-one/k"), lab.path("b-one/.s3cmd-serve/meta/k"));
    set(&lab, "Suspended").await;
    put(&lab, "k", "null").await;
    set(&lab, "Enabled").await;
    let second = put(&lab, "k", "22").await;
    let before = listing(&lab, "").await;
    for status in ["Enabled", "Suspended"] {
        set(&lab, status).await;
        let kept = [&data, &sidecar, &index].map(|path| std::fs::read(path).unwrap());
        std::fs::hard_link(&data, lab.path(status)).unwrap();
        lab.alice("DELETE", "/b-one/k").send().await.ok(204);
        assert_eq!(listing(&lab, "").await.0[0], "k marker latest");
        // The index has the marker, and the null version, which is removed last.
        let mut entries: Vec<serde_json::Value> =
            serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
        if status == "Suspended" {
            let old: Vec<serde_json::Value> = serde_json::from_slice(&kept[2]).unwrap();
            let null = old.into_iter().find(|entry| entry["id"].is_null()).unwrap();
            let file = lab
                .path("b-one/.s3cmd-serve/versions/data")
                .join(null["what"]["data"]["file"].as_str().unwrap());
            assert!(!file.exists(), "it was replaced by the marker");
            std::fs::write(file, "null").unwrap();
            entries.push(null);
        }
        std::fs::write(&index, serde_json::to_vec(&entries).unwrap()).unwrap();
        std::fs::rename(lab.path(status), &data).unwrap();
        std::fs::write(&sidecar, &kept[1]).unwrap();
        assert_eq!(listing(&lab, "").await, before);
        lab.alice("GET", "/b-one/k").send().await.ok(200);
        for (id, text) in [("null", "null"), (&second, "22")] {
            let response = lab.alice("GET", &format!("/b-one/k?versionId={id}")).send().await.ok(200);
            assert_eq!(response.text(), text);
        }
        // The next write does not restore the marker.
        let third = put(&lab, "k", "333").await;
        // The response does not contain the id of a `null` version.
        let (third, ids) = if status == "Enabled" {
            (third.clone(), vec![third, second.clone(), "null".into()])
        } else {
            ("null".to_owned(), vec!["null".into(), second.clone()])
        };
        assert_eq!(listing(&lab, "").await.1, ids);
        lab.alice("DELETE", &format!("/b-one/k?versionId={third}")).send().await.ok(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_survive_concurrent_writes() {
    let lab = std::sync::Arc::new(versioned().await);
    let mut tasks = Vec::new();
    for writer in 0..4 {
        let lab = std::sync::Arc::clone(&lab);
        tasks.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            for round in 0..12 {
                let body = format!("{writer}-{round}");
                mine.push((put(&lab, "k", &body).await, body));
                if round % 4 == 3 {
                    lab.alice("DELETE", "/b-one/k").send().await.ok(204);
                }
                if round % 3 == 2 {
                    let (id, _) = mine.remove(0);
                    lab.alice("DELETE", &format!("/b-one/k?versionId={id}")).send().await.ok(204);
                }
            }
            mine
        }));
    }
    let mut expected = Vec::new();
    for task in tasks {
        expected.extend(task.await.unwrap());
    }
    for (id, body) in &expected {
        let response = lab.alice("GET", &format!("/b-one/k?versionId={id}")).send().await.ok(200);
        assert_eq!(&response.text(), body);
    }
    let (lines, _) = listing(&lab, "").await;
    assert_eq!(lines.iter().filter(|line| !line.contains("marker")).count(), expected.len());
    assert_eq!(lines.iter().filter(|line| line.ends_with("latest")).count(), 1);
}

#[tokio::test]
async fn lifecycle_rules_expire_versions_and_expired_markers() {
    let lab = Lab::with(|options| options.lifecycle_day = Some(std::time::Duration::from_millis(1000))).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    set(&lab, "Enabled").await;
    let first = put(&lab, "k", "1").await;
    let second = put(&lab, "k", "22").await;
    let third = put(&lab, "k", "333").await;
    put(&lab, "gone", "1").await;
    lab.alice("DELETE", "/b-one/gone").send().await.ok(204);
    put(&lab, "ages", "1").await;
    let rules = "<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><NoncurrentVersionExpiration>\
         <NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration><Expiration><ExpiredObjectDeleteMarker>true\
         </ExpiredObjectDeleteMarker></Expiration></Rule><Rule><Filter><Prefix>ages</Prefix></Filter><Status>Enabled</Status>\
         <Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
    lab.alice("PUT", "/b-one?lifecycle").body(rules).send().await.ok(200);
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if listing(&lab, "").await.0 == ["k 3 latest"] {
            assert_eq!(listing(&lab, "").await.1, [third]);
            return;
        }
    }
    panic!("{first} {second}: {:?}", listing(&lab, "").await);
}
