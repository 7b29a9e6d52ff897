//! Served directories that other programs copy, restore, touch and edit.

use super::encryption::with_customer_key;
use super::*;
use chrono::TimeDelta;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

const SSE: &str = "x-amz-server-side-encryption";
const LARGE: usize = 5 << 20;

/// Objects of every kind, with the customer key if they have one.
const OBJECTS: [(&str, Option<u8>); 9] = [
    ("plain", None),
    ("dir/described", None),
    ("odd//key", None),
    ("parts", None),
    ("s3", None),
    ("kms", None),
    ("customer", Some(1)),
    ("customer-parts", Some(2)),
    ("empty", None),
];

fn with_optional_key(request: TestRequest, key: Option<u8>) -> TestRequest {
    match key {
        Some(key) => with_customer_key(request, key),
        None => request,
    }
}

async fn upload(lab: &Lab, key: &str, secret: Option<u8>, complete: bool) {
    let target = format!("/b-one/{key}");
    let id = with_optional_key(lab.alice("POST", &format!("{target}?uploads")), secret)
        .send()
        .await
        .ok(200)
        .value("UploadId");
    let mut list = String::new();
    for (number, body) in [(1, vec![b'p'; LARGE]), (2, b"the end".to_vec())] {
        let part = lab.alice("PUT", &format!("{target}?partNumber={number}&uploadId={id}")).body(body);
        let etag = with_optional_key(part, secret).send().await.ok(200).header("etag").to_owned();
        let _ = write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    if complete {
        let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        lab.alice("POST", &format!("{target}?uploadId={id}")).body(body).send().await.ok(200);
    }
}

/// A bucket with objects of every kind, and one with versions and locks.
async fn filled() -> Lab {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/plain", "plain words").await;
    lab.put("/b-one/empty", "").await;
    lab.put("/b-one/odd//key", "an odd key").await;
    let described = lab.alice("PUT", "/b-one/dir/described").body("described");
    described
        .header("content-type", "text/x-odd")
        .header("cache-control", "max-age=7")
        .header("x-amz-meta-one", "two")
        .header("x-amz-tagging", "a=b&c=d")
        .header("x-amz-acl", "public-read")
        .header("x-amz-storage-class", "GLACIER_IR")
        .header("x-amz-checksum-crc32", "8FfzUA==")
        .send()
        .await
        .ok(200);
    lab.alice("PUT", "/b-one/s3")
        .header(SSE, "AES256")
        .header("x-amz-meta-m", "v")
        .body("hidden")
        .send()
        .await
        .ok(200);
    let kms = lab.alice("PUT", "/b-one/kms").header(SSE, "aws:kms");
    kms.header(&format!("{SSE}-aws-kms-key-id"), "name").body("hidden too").send().await.ok(200);
    with_customer_key(lab.alice("PUT", "/b-one/customer").body("the client's"), 1).send().await.ok(200);
    upload(&lab, "parts", None, true).await;
    upload(&lab, "customer-parts", Some(2), true).await;
    upload(&lab, "unfinished", None, false).await;
    upload(&lab, "unfinished-customer", Some(3), false).await;

    lab.alice("PUT", "/b-locked").header("x-amz-bucket-object-lock-enabled", "true").send().await.ok(200);
    let until = (Utc::now() + TimeDelta::days(9)).to_rfc3339();
    for body in ["first", "second"] {
        lab.alice("PUT", "/b-locked/k")
            .header("x-amz-object-lock-mode", "COMPLIANCE")
            .header("x-amz-object-lock-retain-until-date", &until)
            .header("x-amz-object-lock-legal-hold", "ON")
            .body(body)
            .send()
            .await
            .ok(200);
    }
    lab.put("/b-locked/gone", "gone").await;
    lab.alice("DELETE", "/b-locked/gone").send().await.ok(204);
    lab.alice("PUT", "/b-locked/s3").header(SSE, "AES256").body("hidden").send().await.ok(200);
    lab.put("/b-locked/free", "free").await;
    lab
}

/// Everything that the server returns about an object.
async fn describe(lab: &Lab, target: &str, key: Option<u8>) -> String {
    let mut text = String::new();
    for what in ["", "tagging", "acl", "retention", "legal-hold"] {
        let mark = if target.contains('?') { '&' } else { '?' };
        let request = match what {
            "" => with_optional_key(lab.alice("GET", target), key).header("x-amz-checksum-mode", "ENABLED"),
            what => lab.alice("GET", &format!("{target}{mark}{what}")),
        };
        let mut response = request.send().await;
        response.headers.retain(|(name, _)| {
            !matches!(name.as_str(), "date" | "x-amz-request-id" | "x-amz-id-2" | "connection")
        });
        let body = if response.status < 300 { response.text() } else { response.value("Code") };
        let _ = writeln!(text, "{target} {what}: {} {:?} {body}", response.status, response.headers);
    }
    text
}

/// Everything that the server returns about its buckets.
async fn snapshot(lab: &Lab) -> String {
    let mut text = String::new();
    for target in ["/b-one", "/b-one?versions", "/b-locked?versions"] {
        let _ = writeln!(text, "{}", lab.alice("GET", target).send().await.ok(200).text());
    }
    let uploads = lab.alice("GET", "/b-one?uploads").send().await.ok(200);
    let _ = writeln!(text, "{}", uploads.text());
    for (key, id) in uploads.all("Key").iter().zip(uploads.all("UploadId")) {
        let parts = lab.alice("GET", &format!("/b-one/{key}?uploadId={id}")).send().await.ok(200);
        let _ = writeln!(text, "{}", parts.text());
    }
    for (key, secret) in OBJECTS {
        text += &describe(lab, &format!("/b-one/{key}"), secret).await;
    }
    let versions = lab.alice("GET", "/b-locked?versions").send().await.ok(200);
    for (key, id) in versions.all("Key").iter().zip(versions.all("VersionId")) {
        text += &describe(lab, &format!("/b-locked/{key}?versionId={id}"), None).await;
    }
    text += &lab.anonymous("GET", "/b-one/dir/described").send().await.ok(200).text();
    // Request ids differ.
    regex::Regex::new("<RequestId>[^<]*").unwrap().replace_all(&text, "").into_owned()
}

#[track_caller]
fn assert_same(before: &str, after: &str, what: &str) {
    for (before, after) in before.lines().zip(after.lines()) {
        let end = before.len().min(3_000);
        assert!(before == after, "{what}:\n{}\nis now\n{}", &before[..end], &after[..after.len().min(3_000)]);
    }
    assert_eq!(before.len(), after.len(), "{what}");
}

fn run(program: &str, arguments: &[&str], directory: &Path) {
    let done = Command::new(program).args(arguments).current_dir(directory).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {done:?}");
}

/// The files below a directory, with their inodes.
fn files(at: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(at).unwrap().map(Result::unwrap) {
        let meta = entry.path().symlink_metadata().unwrap();
        if meta.is_dir() {
            found.extend(files(&entry.path()));
        } else if entry.file_name() != "lock" {
            found.push((entry.path(), meta.ino()));
        }
    }
    found.sort();
    found
}

/// Serves a directory that another program created, and checks that nothing has changed.
async fn serve(dir: tempfile::TempDir, before: &str, what: &str) {
    let server = start(options(dir.path())).await.unwrap();
    let lab = Lab { dir, server };
    let inodes = files(lab.dir.path());
    assert_same(before, &snapshot(&lab).await, what);
    // No file had to be read and no sidecar written again. (In an existing directory a file may get the inode of
    // another one, and then its whole modification time is compared.)
    if !what.contains("over") {
        assert_eq!(files(lab.dir.path()), inodes, "{what}: files were written");
    }
    // Locks and uploads continue to work.
    let versions = lab.alice("GET", "/b-locked?versions").send().await.ok(200);
    for (key, id) in versions.all("Key").iter().zip(versions.all("VersionId")).filter(|(key, _)| *key == "k")
    {
        let target = format!("/b-locked/{key}?versionId={id}");
        lab.alice("DELETE", &target).send().await.error(403, "AccessDenied");
    }
    let uploads = lab.alice("GET", "/b-one?uploads").send().await.ok(200);
    for (key, id) in uploads.all("Key").iter().zip(uploads.all("UploadId")) {
        let target = format!("/b-one/{key}?uploadId={id}");
        let parts = lab.alice("GET", &target).send().await.ok(200);
        let list = parts.all("PartNumber").into_iter().zip(parts.all("ETag")).map(|(number, etag)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        });
        let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", list.collect::<String>());
        lab.alice("POST", &target).body(body).send().await.ok(200);
        let secret = key.ends_with("customer").then_some(3);
        let content =
            with_optional_key(lab.alice("GET", &format!("/b-one/{key}")), secret).send().await.ok(200).body;
        assert_eq!(content, [&[b'p'; LARGE][..], b"the end"].concat(), "{what}");
    }
}

#[tokio::test]
async fn a_copied_directory_serves_the_same_objects() {
    let lab = filled().await;
    let before = snapshot(&lab).await;
    lab.server.stop().await;
    let source = lab.dir.path().join(".");
    let source = source.to_str().unwrap();
    type Method<'a> = (&'a str, Box<dyn Fn(&Path) + 'a>);
    let mut methods: Vec<Method<'_>> = vec![
        ("cp -a", Box::new(|to| run("cp", &["-a", source, "."], to))),
        (
            "tar",
            Box::new(|to| {
                run("tar", &["--format=gnu", "-cf", "all.tar", "-C", source, "--exclude=all.tar", "."], to);
                run("tar", &["-xf", "all.tar"], to);
                std::fs::remove_file(to.join("all.tar")).unwrap();
            }),
        ),
        (
            "tar --format=posix",
            Box::new(|to| {
                run("tar", &["--format=posix", "-cf", "all.tar", "-C", source, "--exclude=all.tar", "."], to);
                run("tar", &["-xf", "all.tar"], to);
                std::fs::remove_file(to.join("all.tar")).unwrap();
            }),
        ),
    ];
    if Command::new("rsync").arg("--version").output().is_ok() {
        let from = format!("{source}/");
        methods.push(("rsync -a", Box::new(move |to| run("rsync", &["-a", &from, "."], to))));
    }
    for (what, copy) in methods {
        let to = tempfile::tempdir().unwrap();
        copy(to.path());
        serve(to, &before, what).await;
    }
    // To another file system, if there is one.
    if let Ok(to) = tempfile::tempdir_in("/dev/shm") {
        for entry in std::fs::read_dir(lab.dir.path()).unwrap().map(Result::unwrap) {
            run("mv", &[entry.path().to_str().unwrap(), "."], to.path());
        }
        serve(to, &before, "mv").await;
    }
}

#[tokio::test]
async fn restoring_an_archive_restores_the_objects() {
    let lab = filled().await;
    let before = snapshot(&lab).await;
    let archive = tempfile::tempdir().unwrap();
    let archive = archive.path().join("all.tar");
    run("tar", &["-cf", archive.to_str().unwrap(), "."], lab.dir.path());
    for (key, _) in OBJECTS {
        lab.put(&format!("/b-one/{key}"), "something else").await;
    }
    lab.server.stop().await;
    run("tar", &["-xf", archive.to_str().unwrap()], lab.dir.path());
    serve(lab.dir, &before, "tar over the tree").await;
}

/// The file of an object.
fn file_of(lab: &Lab, key: &str) -> PathBuf {
    match key {
        "odd//key" => lab.path("b-one/.s3cmd-serve/escaped/data").join(hex::encode(key)),
        key => lab.path("b-one").join(key),
    }
}

#[tokio::test]
async fn changed_times_do_not_change_objects() {
    let lab = filled().await;
    let before = snapshot(&lab).await;
    let targets: Vec<PathBuf> = OBJECTS
        .iter()
        .map(|(key, _)| file_of(&lab, key))
        .chain(["k", "s3", "free"].map(|key| lab.path("b-locked").join(key)))
        .collect();
    let touch = |file: &Path| run("touch", &[file.to_str().unwrap()], lab.dir.path());
    let age = |file: &Path| run("touch", &["-d", "2001-02-03", file.to_str().unwrap()], lab.dir.path());
    let replace = |file: &Path| {
        run("cp", &[file.to_str().unwrap(), "copy"], lab.dir.path());
        run("mv", &["copy", file.to_str().unwrap()], lab.dir.path());
    };
    type Method<'a> = (&'a str, &'a dyn Fn(&Path));
    let methods: [Method<'_>; 3] = [("touch", &touch), ("touch -d", &age), ("cp", &replace)];
    for (what, change) in methods {
        targets.iter().for_each(|file| change(file));
        assert_same(&before, &snapshot(&lab).await, what);
        // A write directly after the change, before any read.
        targets.iter().for_each(|file| change(file));
        let kept = lab.alice("GET", "/b-locked?versions").send().await.ok(200);
        let k = kept.all("Key").iter().position(|key| key == "k").unwrap();
        let target = format!("/b-locked/k?versionId={}", kept.all("VersionId")[k]);
        targets.iter().for_each(|file| change(file));
        lab.alice("DELETE", &target).send().await.error(403, "AccessDenied");
    }
    let lab = lab.restarted().await;
    assert_same(&before, &snapshot(&lab).await, "after a restart");
}

#[tokio::test]
async fn a_file_that_is_edited_is_a_new_object() {
    let lab = filled().await;
    for key in ["plain", "dir/described", "odd//key", "parts", "empty"] {
        // Also with the same length.
        let length = std::fs::metadata(file_of(&lab, key)).unwrap().len() as usize;
        for text in ["edited".to_owned(), "y".repeat(length)] {
            std::fs::write(file_of(&lab, key), &text).unwrap();
            let get = lab.alice("GET", &format!("/b-one/{key}")).send().await.ok(200);
            assert_eq!(get.text(), text, "{key}");
            assert_eq!(
                get.header("etag"),
                format!("\"{}\"", hex::encode(<md5::Md5 as md5::Digest>::digest(&text)))
            );
            assert_eq!((get.header("x-amz-meta-one"), get.header("cache-control")), ("", ""));
            if key != "empty" || !text.is_empty() {
                lab.anonymous("GET", &format!("/b-one/{key}")).send().await.error(403, "AccessDenied");
            }
        }
    }
    // A locked version stays the same version, with its lock.
    let before = lab.alice("GET", "/b-locked?versions").send().await.ok(200).all("VersionId");
    std::fs::write(lab.path("b-locked/k"), "edited").unwrap();
    let get = lab.alice("GET", "/b-locked/k").send().await.ok(200);
    assert_eq!((&*get.text(), get.header("x-amz-object-lock-mode")), ("edited", "COMPLIANCE"));
    assert_eq!(get.header("x-amz-object-lock-legal-hold"), "ON");
    assert_eq!(lab.alice("GET", "/b-locked?versions").send().await.ok(200).all("VersionId"), before);
    let target = format!("/b-locked/k?versionId={}", get.header("x-amz-version-id"));
    lab.alice("DELETE", &target).send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn edited_ciphertext_is_never_served() {
    let lab = filled().await;
    let sse = [("s3", None), ("kms", None), ("customer", Some(1)), ("customer-parts", Some(2))];
    for (key, secret) in sse {
        let (target, file) = (format!("/b-one/{key}"), file_of(&lab, key));
        let (right, length) = (std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().len());
        // Another ciphertext of the same content, as in an older backup.
        let content = with_optional_key(lab.alice("GET", &target), secret).send().await.ok(200).body;
        let again = || with_optional_key(lab.alice("PUT", &target).body(content.clone()), secret);
        if !key.ends_with("parts") {
            let sidecar = lab.path("b-one/.s3cmd-serve/meta").join(key);
            let kept = std::fs::read(&sidecar).unwrap();
            match key {
                "s3" => again().header(SSE, "AES256"),
                "kms" => again().header(SSE, "aws:kms").header(&format!("{SSE}-aws-kms-key-id"), "name"),
                _ => again(),
            }
            .send()
            .await
            .ok(200);
            // The old sidecar with the new file.
            std::fs::write(&sidecar, kept).unwrap();
            with_optional_key(lab.alice("GET", &target), secret).send().await.error(500, "InternalError");
            std::fs::write(&file, &right).unwrap();
            let back = with_optional_key(lab.alice("GET", &target), secret).send().await.ok(200);
            assert_eq!(back.body, content, "{key}");
        }
        for wrong in [b"edited".to_vec(), vec![b'x'; length as usize], right[..right.len() - 1].to_vec()] {
            std::fs::write(&file, &wrong).unwrap();
            let get = || with_optional_key(lab.alice("GET", &target), secret);
            get().send().await.error(500, "InternalError");
            get().send().await.error(500, "InternalError");
            get().header("range", "bytes=0-1").send().await.error(500, "InternalError");
            with_optional_key(lab.alice("HEAD", &target), secret).send().await.ok(500);
            let copy = lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", &target);
            copy.send().await.error(500, "InternalError");
            assert!(lab.keys("/b-one").await.contains(&key.to_owned()));
            lab.alice("GET", &format!("{target}?acl")).send().await.ok(200);
        }
        // The original file works again, and a new object repairs the key.
        std::fs::write(&file, &right).unwrap();
        assert_eq!(with_optional_key(lab.alice("GET", &target), secret).send().await.ok(200).body, content);
        std::fs::write(&file, "edited").unwrap();
        lab.put(&target, "new").await;
        assert_eq!(lab.alice("GET", &target).send().await.ok(200).text(), "new");
    }
    // With versioning, the damaged version stays, and a new one can be written.
    let version =
        lab.alice("HEAD", "/b-locked/s3").send().await.ok(200).header("x-amz-version-id").to_owned();
    std::fs::write(lab.path("b-locked/s3"), "edited").unwrap();
    lab.put("/b-locked/s3", "new").await;
    assert_eq!(lab.alice("GET", "/b-locked/s3").send().await.ok(200).text(), "new");
    lab.alice("GET", &format!("/b-locked/s3?versionId={version}")).send().await.error(500, "InternalError");
    lab.alice("DELETE", &format!("/b-locked/s3?versionId={version}")).send().await.ok(204);
}

#[tokio::test]
async fn a_damaged_sidecar_is_an_error() {
    let lab = filled().await;
    for key in ["s3", "plain"] {
        let sidecar = lab.path("b-one/.s3cmd-serve/meta").join(key);
        let bytes = std::fs::read(&sidecar).unwrap();
        for broken in [&bytes[..bytes.len() / 2], b""] {
            std::fs::write(&sidecar, broken).unwrap();
            lab.alice("GET", &format!("/b-one/{key}")).send().await.error(500, "InternalError");
            assert_eq!(std::fs::read(&sidecar).unwrap(), broken);
        }
        lab.put(&format!("/b-one/{key}"), "repaired").await;
        assert_eq!(lab.alice("GET", &format!("/b-one/{key}")).send().await.ok(200).text(), "repaired");
    }
}
