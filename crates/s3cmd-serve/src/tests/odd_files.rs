//! Unusual files from outside: while they are being written, unreadable, or on a read-only server.

use super::*;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_written_does_not_block_listings() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/a", "x").await;
    lab.put("/b-one/z", "y").await;
    let mut file = std::fs::File::create(lab.path("b-one/growing.log")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let should_stop = Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        while !should_stop.load(Ordering::Relaxed) {
            file.write_all(b"line\n").unwrap();
        }
    });
    let mut without = 0;
    for _ in 0..20 {
        for target in ["/b-one", "/b-one?list-type=2", "/b-one?versions"] {
            let listing = lab.alice("GET", target).send().await.ok(200);
            let keys = listing.all("Key");
            assert!(keys.contains(&"a".to_owned()) && keys.contains(&"z".to_owned()), "{target}: {keys:?}");
            // The ETag is omitted rather than wrong.
            assert!(listing.all("ETag").iter().all(|etag| etag.len() == 34), "{}", listing.text());
            without += usize::from(listing.all("ETag").len() < keys.len());
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(without > 0, "the file was never changed while it was read");
    let listing = lab.alice("GET", "/b-one").send().await.ok(200);
    assert_eq!((listing.all("Key").len(), listing.all("ETag").len()), (3, 3));
}

#[tokio::test]
async fn unreadable_files_are_not_listed_and_keep_their_bucket() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/a", "x").await;
    for name in ["closed/inside", "secret", "blind/inside"] {
        std::fs::create_dir_all(lab.path("b-one").join(name).parent().unwrap()).unwrap();
        std::fs::write(lab.path("b-one").join(name), "content").unwrap();
    }
    let mode = |name: &str, mode| {
        std::fs::set_permissions(lab.path("b-one").join(name), std::fs::Permissions::from_mode(mode))
            .unwrap();
    };
    mode("closed", 0);
    mode("secret", 0);
    mode("blind", 0o444);
    let reads_all = std::fs::File::open(lab.path("b-one/secret")).is_ok();
    for target in ["/b-one", "/b-one?delimiter=/", "/b-one?prefix=closed/", "/b-one?versions"] {
        lab.alice("GET", target).send().await.ok(200);
    }
    let listing = lab.alice("GET", "/b-one").send().await.ok(200);
    // Root can read every file.
    let expected: &[&str] =
        if reads_all { &["a", "blind/inside", "closed/inside", "secret"] } else { &["a", "secret"] };
    assert_eq!(listing.all("Key"), expected);
    assert_eq!(listing.all("ETag").len(), if reads_all { 4 } else { 1 });
    lab.alice("GET", "/b-one/a").send().await.ok(200);
    if !reads_all {
        lab.alice("GET", "/b-one/secret").send().await.error(403, "AccessDenied");
        lab.alice("DELETE", "/b-one/a").send().await.ok(204);
        lab.alice("DELETE", "/b-one/secret").send().await.ok(204);
        // A bucket with files that cannot be listed is not empty.
        lab.alice("DELETE", "/b-one").send().await.error(409, "BucketNotEmpty");
    }
    mode("closed", 0o700);
    mode("blind", 0o700);
    assert!(lab.path("b-one/closed/inside").exists());
}

#[tokio::test]
async fn a_read_only_server_reads_a_file_once_and_for_a_range_only_the_range() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("b-one")).unwrap();
    let path = dir.path().join("b-one/outside.txt");
    // A sparse file: reading all of it takes many times as long as reading a range.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(256 << 20).unwrap();
    let server = start(Options { read_only: true, ..options(dir.path()) }).await.unwrap();
    let lab = Lab { dir, server };
    let timed = async |request: TestRequest| {
        let started = std::time::Instant::now();
        (request.send().await, started.elapsed())
    };
    let (part, quick) = timed(lab.alice("GET", "/b-one/outside.txt").header("range", "bytes=5-14")).await;
    let part = part.ok(206);
    assert_eq!((part.body.len(), part.header("etag"), part.header("content-type")), (10, "", "text/plain"));
    let (whole, slow) = timed(lab.alice("HEAD", "/b-one/outside.txt")).await;
    let etag = whole.ok(200).header("etag").to_owned();
    assert_eq!(etag.len(), 34);
    for target in ["/b-one", "/b-one?versions"] {
        let (listing, again) = timed(lab.alice("GET", target)).await;
        assert_eq!(listing.ok(200).value("ETag"), etag);
        assert!(again < slow / 3, "{again:?} {slow:?}");
    }
    assert!(quick < slow / 3, "{quick:?} {slow:?}");
    // Its modification time is in the metadata that rclone uses.
    let mtime =
        std::fs::metadata(&path).unwrap().modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    let reported: f64 = part.header("x-amz-meta-mtime").parse().unwrap();
    assert!((reported - mtime.as_secs_f64()).abs() < 1e-3, "{reported} {mtime:?}");
    // Once the ETag is known, a response with a range has it, too. A condition needs it in any case.
    let part = lab.alice("GET", "/b-one/outside.txt").header("range", "bytes=5-14").send().await.ok(206);
    assert_eq!(part.header("etag"), etag);
    file.set_len(100).unwrap();
    let request =
        lab.alice("GET", "/b-one/outside.txt").header("range", "bytes=5-14").header("if-match", &etag);
    request.send().await.error(412, "PreconditionFailed");
    assert!(!lab.path("b-one/.s3cmd-serve").exists());
}

#[tokio::test]
async fn an_upload_sets_the_modification_time_of_its_file() {
    let lab = Lab::with_bucket().await;
    let mtime = |lab: &Lab, key: &str| {
        let modified = std::fs::metadata(lab.path("b-one").join(key)).unwrap().modified().unwrap();
        modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
    };
    let started = Utc::now().timestamp();
    let dated = |key: &str, time: &str| {
        lab.alice("PUT", &format!("/b-one/{key}")).header("x-amz-meta-mtime", time).body("content").send()
    };
    dated("k", "1000000000.123456789").await.ok(200);
    assert_eq!(mtime(&lab, "k"), 1_000_000_000_123_456_789);
    dated("odd", "yesterday").await.ok(200);
    assert!(mtime(&lab, "odd") / 1_000_000_000 >= started as u128 - 1);
    lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", "/b-one/k").send().await.ok(200);
    assert_eq!(mtime(&lab, "copy"), 1_000_000_000_123_456_789);
    let year = Utc::now().format("%Y").to_string();
    for key in ["k", "copy", "odd"] {
        let reply = lab.alice("HEAD", &format!("/b-one/{key}")).send().await.ok(200);
        assert!(reply.header("last-modified").contains(&year), "{key} {}", reply.header("last-modified"));
    }
    let listing = lab.alice("GET", "/b-one").send().await.ok(200);
    assert!(listing.all("LastModified").iter().all(|time| time.starts_with(&year)), "{}", listing.text());
    // It is still the same object after a restart.
    let lab = lab.restarted().await;
    let reply = lab.alice("HEAD", "/b-one/k").send().await.ok(200);
    assert_eq!(reply.header("x-amz-meta-mtime"), "1000000000.123456789");
    assert!(reply.header("last-modified").contains(&year), "{}", reply.header("last-modified"));
}
