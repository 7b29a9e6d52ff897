//! The files on disk: existing directories, external changes, symbolic links, crashes, concurrency.

use super::*;
use crate::StartError;
use std::os::unix::fs::symlink;
use std::time::Duration;

#[tokio::test]
async fn an_existing_directory_is_served_at_once() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("Old_Data/sub dir")).unwrap();
    std::fs::write(dir.path().join("Old_Data/sub dir/page.html"), "hello").unwrap();
    std::fs::write(dir.path().join("file in the root"), "x").unwrap();
    let server = start(options(dir.path())).await.unwrap();
    let lab = Lab { dir, server };
    assert_eq!(lab.alice("GET", "/").send().await.ok(200).all("Name"), ["Old_Data"]);
    let list = lab.alice("GET", "/Old_Data").send().await.ok(200);
    assert_eq!(list.all("ETag"), ["\"5d41402abc4b2a76b9719d911017c592\""]);
    let head = lab.alice("HEAD", "/Old_Data/sub%20dir/page.html").send().await.ok(200);
    assert_eq!(head.header("content-type"), "text/html");
    lab.bob("GET", "/Old_Data").send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn external_changes_are_noticed() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-meta-m", "v").body("hello").send().await.ok(200);
    std::fs::write(lab.path("b-one/k"), "other").unwrap();
    let response = lab.alice("GET", "/b-one/k").send().await.ok(200);
    assert_eq!((&*response.text(), response.header("x-amz-meta-m")), ("other", ""));
    assert_eq!(response.header("etag"), "\"795f3202b17cb6bc3d4b771d8c6c9eaf\"");
    lab.alice("PUT", "/b-one/k").header("x-amz-acl", "public-read").body("mine").send().await.ok(200);
    std::fs::remove_file(lab.path("b-one/k")).unwrap();
    std::fs::write(lab.path("b-one/k"), "mind").unwrap();
    // The ACL of the object does not apply to another file in its place.
    lab.anonymous("GET", "/b-one/k").send().await.error(403, "AccessDenied");
    std::fs::remove_file(lab.path("b-one/k")).unwrap();
    lab.alice("GET", "/b-one/k").send().await.error(404, "NoSuchKey");
    assert!(lab.keys("/b-one").await.is_empty());
    // A file is replaced by a directory and then by a file again, while the old sidecars remain.
    lab.put("/b-one/p", "x").await;
    std::fs::remove_file(lab.path("b-one/p")).unwrap();
    lab.put("/b-one/p/q", "y").await;
    std::fs::remove_dir_all(lab.path("b-one/p")).unwrap();
    lab.put("/b-one/p", "z").await;
    assert_eq!(lab.keys("/b-one").await, ["p"]);
    assert_eq!(std::fs::read(lab.path("b-one/p")).unwrap(), b"z");
    // A directory that replaces a bucket is a new bucket, which belongs to the first user.
    lab.bob("PUT", "/bobs").send().await.ok(200);
    std::fs::remove_dir_all(lab.path("bobs")).unwrap();
    lab.bob("GET", "/bobs").send().await.error(404, "NoSuchBucket");
    std::fs::create_dir(lab.path("bobs")).unwrap();
    lab.bob("GET", "/bobs").send().await.error(403, "AccessDenied");
    lab.alice("GET", "/bobs").send().await.ok(200);
}

#[tokio::test]
async fn a_removed_private_directory_is_created_again() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-meta-m", "v").body("x").send().await.ok(200);
    std::fs::remove_dir_all(lab.path("b-one/.s3cmd-serve")).unwrap();
    // The first request notices; the client retries.
    lab.alice("PUT", "/b-one/l").body("y").send().await.error(503, "SlowDown");
    lab.put("/b-one/l", "y").await;
    assert_eq!(lab.keys("/b-one").await, ["k", "l"]);
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).header("x-amz-meta-m"), "");
}

#[tokio::test]
async fn symbolic_links_are_not_followed() {
    let lab = Lab::with_bucket().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    symlink(outside.path().join("secret"), lab.path("b-one/link")).unwrap();
    symlink(outside.path(), lab.path("b-one/dir")).unwrap();
    symlink(outside.path(), lab.path("linked")).unwrap();
    for target in ["/b-one/link", "/b-one/dir/secret", "/linked/secret"] {
        assert_eq!(lab.alice("GET", target).send().await.status, 404, "{target}");
    }
    assert!(lab.keys("/b-one").await.is_empty());
    assert_eq!(lab.alice("GET", "/").send().await.ok(200).all("Name"), ["b-one"]);
    // Keys below a link are stored in another place, and can be read.
    lab.put("/b-one/dir/new", "n").await;
    assert_eq!(lab.keys("/b-one").await, ["dir/new"]);
    assert_eq!(lab.alice("GET", "/b-one/dir/new").send().await.ok(200).text(), "n");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
    lab.put("/b-one/link", "n").await;
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"s");
    rustix::fs::mkfifoat(rustix::fs::CWD, lab.path("b-one/pipe"), rustix::fs::Mode::from_raw_mode(0o600))
        .unwrap();
    lab.alice("GET", "/b-one/pipe").send().await.error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_rejected() {
    let lab = Lab::new().await;
    assert!(matches!(start(options(lab.dir.path())).await, Err(StartError::Locked(_))));
    lab.server.stop().await;
    start(options(lab.dir.path())).await.unwrap().stop().await;
    let missing = lab.dir.path().join("missing");
    assert!(matches!(start(options(&missing)).await, Err(StartError::Root(..))));
    let no_users = Options { users: Vec::new(), ..options(lab.dir.path()) };
    assert!(matches!(start(no_users).await, Err(StartError::NoUsers)));
}

#[tokio::test]
async fn leftovers_of_a_killed_server_are_removed_at_the_next_start() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    lab.server.stop().await;
    let private = lab.dir.path().join("b-one/.s3cmd-serve");
    std::fs::write(private.join("tmp/half"), "hal").unwrap();
    std::fs::create_dir_all(private.join("uploads/0123/")).unwrap();
    std::fs::write(private.join("uploads/0123/00001-x"), "part").unwrap();
    std::fs::create_dir_all(lab.dir.path().join(".s3cmd-serve/trash/old/.s3cmd-serve")).unwrap();
    let server = start(options(lab.dir.path())).await.unwrap();
    let lab = Lab { dir: lab.dir, server };
    assert!(!private.join("tmp").exists() && !private.join("uploads/0123").exists());
    assert_eq!(std::fs::read_dir(lab.path(".s3cmd-serve/trash")).unwrap().count(), 0);
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "x");
}

/// Simulates a crash after each step of a write (see `store::write`): the object is always the old or the new one, with
/// its own metadata.
#[tokio::test]
async fn a_crash_between_the_steps_of_a_write_never_mixes_objects() {
    let lab = Lab::with_bucket().await;
    let (data, meta) = (lab.path("b-one/k"), lab.path("b-one/.s3cmd-serve/meta/k"));
    lab.alice("PUT", "/b-one/k").header("x-amz-meta-m", "old").body("old").send().await.ok(200);
    std::fs::hard_link(&data, lab.path("old data")).unwrap();
    let old_meta = std::fs::read(&meta).unwrap();
    lab.alice("PUT", "/b-one/k").header("x-amz-meta-m", "new").body("new").send().await.ok(200);
    std::fs::hard_link(&data, lab.path("new data")).unwrap();
    let new_meta = std::fs::read(&meta).unwrap();
    // After each step: temporary file written | sidecar renamed | data renamed.
    for (data_file, sidecar, expected) in
        [("old data", &old_meta, "old"), ("old data", &new_meta, "old"), ("new data", &new_meta, "new")]
    {
        std::fs::remove_file(&data).unwrap();
        std::fs::hard_link(lab.path(data_file), &data).unwrap();
        std::fs::write(&meta, sidecar).unwrap();
        let response = lab.alice("GET", "/b-one/k").send().await.ok(200);
        assert_eq!((&*response.text(), response.header("x-amz-meta-m")), (expected, expected));
    }
    // The order rules out new data with only the old sidecar. Such an object would have no metadata.
    std::fs::write(&meta, &old_meta).unwrap();
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).header("x-amz-meta-m"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_whole_objects_while_writers_replace_them() {
    let lab = std::sync::Arc::new(Lab::with_bucket().await);
    lab.alice("PUT", "/b-one/k").header("x-amz-meta-m", "0").body("0".repeat(50_000)).send().await.ok(200);
    let mut tasks = Vec::new();
    for writer in 0..4 {
        let lab = std::sync::Arc::clone(&lab);
        tasks.push(tokio::spawn(async move {
            for _ in 0..15 {
                let digit = writer.to_string();
                let put = lab.alice("PUT", "/b-one/k").header("x-amz-meta-m", &digit);
                put.body(digit.repeat(50_000)).send().await.ok(200);
            }
        }));
    }
    for _ in 0..4 {
        let lab = std::sync::Arc::clone(&lab);
        tasks.push(tokio::spawn(async move {
            for _ in 0..25 {
                let response = lab.alice("GET", "/b-one/k").send().await.ok(200);
                assert_eq!(response.text(), response.header("x-amz-meta-m").repeat(50_000));
                let listed = lab.alice("GET", "/b-one").send().await.ok(200);
                assert_eq!((listed.all("Key"), listed.all("Size")), (vec!["k".into()], vec!["50000".into()]));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Concurrent creation and removal of directories: `a/x` is removed with its directory while `a/y` is put.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writes_and_deletions_in_one_directory() {
    let lab = std::sync::Arc::new(Lab::with_bucket().await);
    let mut tasks = Vec::new();
    for worker in 0..4 {
        let lab = std::sync::Arc::clone(&lab);
        tasks.push(tokio::spawn(async move {
            for round in 0..20 {
                let key =
                    format!("/b-one/a/b/{}", if round % 3 == 0 { "same".into() } else { worker.to_string() });
                lab.put(&key, "x").await;
                lab.alice("DELETE", &key).send().await.ok(204);
            }
            lab.put(&format!("/b-one/a/b/last{worker}"), "x").await;
            lab.alice("GET", &format!("/b-one/a/b/last{worker}")).send().await.ok(200);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(lab.keys("/b-one").await, ["a/b/last0", "a/b/last1", "a/b/last2", "a/b/last3"]);
}

/// `a` and `a/x` cannot both be ordinary files. In any order, and while both are put and deleted concurrently, each
/// keeps its own metadata.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_and_a_directory_of_one_name_keep_their_metadata() {
    let lab = std::sync::Arc::new(Lab::with_bucket().await);
    let mut tasks = Vec::new();
    for key in ["/b-one/a", "/b-one/a/x", "/b-one/a/x/y", "/b-one/a/z"] {
        let lab = std::sync::Arc::clone(&lab);
        tasks.push(tokio::spawn(async move {
            for round in 0..60 {
                let expected = format!("{key} {round}");
                let put = lab.alice("PUT", key).header("x-amz-meta-name", &expected).body("x");
                put.send().await.ok(200);
                let response = lab.alice("HEAD", key).send().await.ok(200);
                assert_eq!(response.header("x-amz-meta-name"), expected);
                lab.alice("DELETE", key).send().await.ok(204);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn lifecycle_rules_expire_matching_objects() {
    let lab = Lab::with(|options| options.lifecycle_day = Some(Duration::from_millis(1000))).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    let rules = "<LifecycleConfiguration><Rule><Filter><Tag><Key>days</Key><Value>1</Value></Tag></Filter>\
         <Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>\
         <Rule><Filter><Prefix>up</Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload>\
         <DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>";
    lab.alice("PUT", "/b-one?lifecycle").body(rules).send().await.ok(200);
    lab.alice("PUT", "/b-one/tagged").header("x-amz-tagging", "days=1").body("x").send().await.ok(200);
    lab.put("/b-one/untagged", "x").await;
    lab.alice("POST", "/b-one/upload?uploads").send().await.ok(200);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let uploads = lab.alice("GET", "/b-one?uploads").send().await.ok(200).all("Key");
        if lab.keys("/b-one").await == ["untagged"] && uploads.is_empty() {
            return;
        }
    }
    panic!("nothing expired");
}

#[tokio::test]
async fn responses_report_when_an_object_expires() {
    let lab = Lab::with_bucket().await;
    let rule = |id: &str, when: &str| {
        format!(
            "<Rule><ID>{id}</ID><Filter><Prefix>old/</Prefix></Filter><Status>Enabled</Status><Expiration>{when}</Expiration>\
             </Rule>"
        )
    };
    let rules =
        rule("far", "<Days>4000</Days>") + &rule("near &amp; sure", "<Date>2031-05-06T00:00:00Z</Date>");
    let text = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    lab.alice("PUT", "/b-one?lifecycle").body(text).send().await.ok(200);
    lab.put("/b-one/old/k", "x").await;
    lab.put("/b-one/new", "x").await;
    for method in ["GET", "HEAD"] {
        let response = lab.alice(method, "/b-one/old/k").send().await.ok(200);
        assert_eq!(
            response.header("x-amz-expiration"),
            "expiry-date=\"Tue, 06 May 2031 00:00:00 GMT\", rule-id=\"near%20%26%20sure\""
        );
        assert_eq!(lab.alice(method, "/b-one/new").send().await.ok(200).header("x-amz-expiration"), "");
    }
}

#[tokio::test]
async fn stopping_finishes_open_uploads() {
    let lab = Lab::with_bucket().await;
    let request = lab.alice("PUT", "/b-one/slow");
    let mut headers = vec![("host".to_owned(), request.address.to_string())];
    let to_sign = sign::Request { method: "PUT", path: "/b-one/slow", query: &[], headers: &headers };
    let scope = v4::Scope { time: Utc::now(), region: "x", service: "s3" };
    headers.extend(v4::sign(&to_sign, v4::UNSIGNED_PAYLOAD, &request.credentials().unwrap(), &scope));
    let mut head = "PUT /b-one/slow HTTP/1.1\r\ncontent-length: 4\r\n".to_owned();
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(request.address).await.unwrap();
    stream.write_all(format!("{head}\r\nab").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = tokio::spawn(lab.server.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    stream.write_all(b"cd").await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    assert_eq!(TestResponse::parse(&response).status, 200);
    stopping.await.unwrap();
    assert_eq!(std::fs::read(lab.dir.path().join("b-one/slow")).unwrap(), b"abcd");
}

/// Files of versions that no index mentions are removed at the first start after a crash.
#[tokio::test]
async fn orphaned_versions_are_removed_at_the_start_after_a_crash() {
    let lab = Lab::with_bucket().await;
    let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    lab.alice("PUT", "/b-one?versioning").body(body).send().await.ok(200);
    let first = lab.put("/b-one/k", "one").await.header("x-amz-version-id").to_owned();
    lab.put("/b-one/k", "two").await;
    let orphan = lab.path("b-one/.s3cmd-serve/versions/data/0123");
    let lock = lab.path(".s3cmd-serve/lock");
    std::fs::write(&orphan, "orphan").unwrap();
    assert!(!std::fs::read(&lock).unwrap().is_empty());
    let mut lab = lab;
    for crashed in [false, true] {
        lab.server.stop().await;
        assert!(std::fs::read(&lock).unwrap().is_empty());
        if crashed {
            std::fs::write(&lock, "running\n").unwrap();
        }
        let server = start(options(lab.dir.path())).await.unwrap();
        lab = Lab { dir: lab.dir, server };
        assert_eq!(orphan.exists(), !crashed);
        let old = format!("/b-one/k?versionId={first}");
        assert_eq!(lab.alice("GET", &old).send().await.ok(200).text(), "one");
        assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "two");
    }
    // If an index cannot be read, it is unknown which files it mentions, so all are kept.
    std::fs::write(&orphan, "orphan").unwrap();
    let index = lab.path("b-one/.s3cmd-serve/versions/index/6b");
    let saved = std::fs::read(&index).unwrap();
    lab.server.stop().await;
    std::fs::write(&lock, "running\n").unwrap();
    std::fs::write(&index, "damaged").unwrap();
    let server = start(options(lab.dir.path())).await.unwrap();
    assert!(orphan.exists());
    std::fs::write(&index, saved).unwrap();
    server.stop().await;
}
