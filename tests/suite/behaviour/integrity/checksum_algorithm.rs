//! `--checksum-algorithm`: which checksums are stored, and what they verify. Services without such checksums (Ceph 16)
//! ignore them, which is all that is tested there.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;
use crate::support::skip::on_serve;
use crate::support::stub::{listen, pointing_at, request};
use s3cmd_client::checksum::{Algorithm, Checksum, Hasher};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const MIB: usize = 1 << 20;

fn sum(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// The checksum that is stored for content that was uploaded in parts of that size.
fn sum_in_parts(algorithm: Algorithm, bytes: &[u8], size: usize) -> String {
    if algorithm.is_of_whole() {
        return sum(algorithm, bytes).to_string();
    }
    let parts = bytes.chunks(size).map(|part| sum(algorithm, part));
    let whole = Checksum::of_parts(parts).expect("parts");
    format!("{whole}-{}", bytes.len().div_ceil(size))
}

/// The stored checksum as `info` shows it.
fn stored(t: &TestEnv, key: &str) -> Option<String> {
    let run = t.s3cmd(&format!("info --checksum-algorithm=crc32c s3://BUCKET/{key}")).ok();
    let line = run.stdout.lines().find_map(|line| line.trim().strip_prefix("x-amz-checksum-"));
    line.map(str::to_owned)
}

/// The content of a large object.
fn fetched(t: &TestEnv, key: &str) -> Vec<u8> {
    t.s3cmd(&format!("get --force s3://BUCKET/{key} fetched")).ok();
    t.read("fetched")
}

/// Whether the service keeps checksums. A service that does not ignores them, and the upload succeeds.
fn are_kept(t: &TestEnv) -> bool {
    t.file("probe", "probe");
    t.s3cmd("put --checksum-algorithm=crc32c probe s3://BUCKET/probe").ok();
    assert_eq!(t.content("probe"), b"probe");
    let kept = stored(t, "probe").is_some();
    assert!(kept || !on_serve("stored checksums"), "`serve` keeps checksums");
    kept
}

#[test]
fn uploads_store_the_requested_checksum() {
    let t = TestEnv::with_bucket();
    let kept = are_kept(&t);
    let large = bytes(10 * MIB + 5);
    t.file("large", &large);
    for algorithm in Algorithm::all() {
        let name = algorithm.name();
        let option = format!("--checksum-algorithm={}", algorithm.label());
        t.file("small", name);
        t.s3cmd(&format!("put {option} small s3://BUCKET/{name}/small")).ok();
        let line = format!("put {option} --multipart-chunk-size-mb=5 large s3://BUCKET/{name}/large");
        t.s3cmd(&line).ok();
        let line = format!("put {option} --multipart-chunk-size-mb=5 - s3://BUCKET/{name}/stdin");
        t.s3cmd(&line).stdin(&large).ok();
        let in_parts = sum_in_parts(algorithm, &large, 5 * MIB);
        let small = sum(algorithm, name.as_bytes()).to_string();
        for (key, wanted) in [("small", &small), ("large", &in_parts), ("stdin", &in_parts)] {
            let key = format!("{name}/{key}");
            if kept {
                assert_eq!(stored(&t, &key), Some(format!("{name}: {wanted}")), "{key}");
            }
        }
        assert_eq!(t.content(&format!("{name}/small")), name.as_bytes());
        assert!(fetched(&t, &format!("{name}/large")) == large);
        assert!(fetched(&t, &format!("{name}/stdin")) == large);
    }
    // Without the option there is no line that s3cmd does not print.
    t.s3cmd("info s3://BUCKET/sha1/small").ok().silent_about("checksum");
}

#[test]
fn uploads_signed_with_version_2_carry_checksums_too() {
    let t = TestEnv::with_bucket();
    let kept = are_kept(&t);
    t.configure("signature_v2 = True");
    t.configure("checksum_algorithm = sha1");
    let large = bytes(6 * MIB);
    t.file("large", &large);
    t.s3cmd("put --multipart-chunk-size-mb=5 large s3://BUCKET/").ok();
    if kept {
        assert_eq!(
            stored(&t, "large"),
            Some(format!("sha1: {}", sum_in_parts(Algorithm::Sha1, &large, 5 * MIB)))
        );
    }
    t.s3cmd("get s3://BUCKET/large back").ok();
    assert!(t.read("back") == large);
}

#[test]
fn an_unknown_algorithm_is_refused_before_anything_is_sent() {
    let t = TestEnv::with_bucket();
    t.file("f", "f");
    t.s3cmd("put --checksum-algorithm=md5 f s3://BUCKET").fails(64).prints("").in_one_line().complains(
        "ERROR: Parameter problem: Checksum algorithm 'md5' is not one of crc64nvme, crc32c, crc32, sha256, sha1",
    );
    t.configure("checksum_algorithm = crc31");
    t.s3cmd("put f s3://BUCKET").fails(64).prints("").in_one_line();
    t.configure("checksum_algorithm =");
    assert!(t.keys().is_empty());
}

#[test]
fn an_upload_that_was_killed_ends_with_the_right_checksum() {
    let t = TestEnv::with_bucket();
    let kept = are_kept(&t);
    let large = bytes(16 * MIB + 7);
    t.file("large", &large);
    let line = "put --checksum-algorithm=crc64nvme --multipart-chunk-size-mb=5 --jobs=1";
    let slow = format!("{line} --limit-rate=6m large s3://BUCKET/large");
    let mut child = t.s3cmd(&slow).command().spawn().expect("it starts");
    let state = t.home(".local/state/s3cmd/uploads");
    let is_noted = || {
        let files = std::fs::read_dir(&state).into_iter().flatten().flatten();
        files
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .any(|text| text.contains("Checked"))
    };
    let started = std::time::Instant::now();
    // The run is killed once it has sent a part.
    while !is_noted() && started.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(child.try_wait().expect("it can be waited for").is_none(), "it ended too early");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert!(is_noted(), "nothing was noted");
    let run = t.s3cmd(&format!("-v {line} large s3://BUCKET/large")).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("bytes are there from an earlier run"), "{run}");
    if kept {
        let wanted = format!("crc64nvme: {}", sum(Algorithm::Crc64Nvme, &large));
        assert_eq!(stored(&t, "large"), Some(wanted));
    }
    assert!(fetched(&t, "large") == large);
}

#[test]
fn an_unfinished_upload_keeps_the_checksums_that_it_began_with() {
    let t = TestEnv::with_bucket();
    let kept = are_kept(&t);
    let large = bytes(11 * MIB);
    t.file("large", &large);
    for (begun, resumed) in [("sha256", ""), ("", "sha256"), ("crc32", "crc64nvme")] {
        let option = |name: &str| match name {
            "" => String::new(),
            name => format!("--checksum-algorithm={name}"),
        };
        let slow = format!(
            "put {} --multipart-chunk-size-mb=5 --jobs=1 --limit-rate=6m large s3://BUCKET/large",
            option(begun)
        );
        let mut child = t.s3cmd(&slow).command().spawn().expect("it starts");
        let started = std::time::Instant::now();
        let is_begun = || t.s3cmd("multipart s3://BUCKET").ok().stdout.contains("s3://BUCKET/large");
        while !is_begun() && started.elapsed().as_secs() < 60 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(child.try_wait().expect("it can be waited for").is_none(), "it ended too early");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        let line = format!(
            "put --continue-put {} --multipart-chunk-size-mb=5 large s3://BUCKET/large",
            option(resumed)
        );
        let run = t.s3cmd(&line).run();
        assert_eq!(run.code, Some(0), "{run}");
        assert!(fetched(&t, "large") == large);
        if kept && !begun.is_empty() {
            let algorithm: Algorithm = begun.parse().expect("a name");
            let wanted = format!("{begun}: {}", sum_in_parts(algorithm, &large, 5 * MIB));
            assert_eq!(stored(&t, "large"), Some(wanted));
        }
        t.s3cmd("del s3://BUCKET/large").ok();
    }
}

#[test]
fn downloads_are_verified_by_the_checksum_of_their_parts() {
    let t = TestEnv::with_bucket();
    if !are_kept(&t) {
        return;
    }
    let large = bytes(13 * MIB);
    for name in ["sha1", "sha256"] {
        // For standard input neither an MD5 nor a part size is stored, and the program does not guess parts of 6 MiB.
        let line =
            format!("put --checksum-algorithm={name} --multipart-chunk-size-mb=6 - s3://BUCKET/p/{name}");
        t.s3cmd(&line).stdin(&large).ok();
    }
    t.dir("d");
    let run = t.s3cmd("-v get -r s3://BUCKET/p/ d").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!run.stderr.contains("only its length"), "{run}");
    assert!(t.read("d/sha1") == large && t.read("d/sha256") == large);
}

#[test]
fn sync_compares_objects_in_parts_by_their_checksum() {
    let t = TestEnv::with_bucket();
    if !are_kept(&t) {
        return;
    }
    let mut large = bytes(13 * MIB);
    t.file("d/large", &large);
    // Neither an MD5 nor a part size is stored, and the program does not guess parts of 6 MiB.
    t.s3cmd(
        "put --no-check-md5 --checksum-algorithm=crc32 --multipart-chunk-size-mb=6 d/large s3://BUCKET/p/",
    )
    .ok();
    let unchanged = |line: &str| t.s3cmd(line).ok().prints("");
    unchanged("sync d/ s3://BUCKET/p/");
    t.s3cmd("sync s3://BUCKET/p/ e/").ok();
    assert!(t.read("e/large") == large);
    unchanged("sync s3://BUCKET/p/ e/");
    // Other content of the same length: uploaded, then downloaded.
    large[7 * MIB] ^= 1;
    t.file("d/large", &large);
    t.s3cmd("sync --checksum-algorithm=crc32 --multipart-chunk-size-mb=6 d/ s3://BUCKET/p/")
        .ok()
        .mentions("upload: 'd/large'");
    t.s3cmd("sync s3://BUCKET/p/ e/").ok().mentions("download: 's3://BUCKET/p/large'");
    assert!(t.read("e/large") == large);
    // Two objects of the same content, in parts of different sizes.
    t.s3cmd(
        "put --no-check-md5 --checksum-algorithm=crc32 --multipart-chunk-size-mb=5 d/large s3://BUCKET/q/",
    )
    .ok();
    t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET/q/").ok().mentions("Summary: 0 source files to copy");
    large[7 * MIB] ^= 3;
    t.file("d/large", &large);
    t.s3cmd(
        "put --no-check-md5 --checksum-algorithm=crc32 --multipart-chunk-size-mb=5 d/large s3://BUCKET/q/",
    )
    .ok();
    t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET/q/").ok().mentions("s3://BUCKET/q/large");
}

/// A service with one object of nine bytes, in two parts. It sends the checksum if it is asked for it.
fn service_with(checksum: &'static str) -> u16 {
    listen(move |mut stream| {
        let asked = request(&mut stream);
        let header =
            if asked.to_lowercase().contains("x-amz-checksum-mode: enabled") { checksum } else { "" };
        let body = if asked.starts_with("HEAD") { "" } else { "123456789" };
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nETag: \"25f9e794323b453885f5181f1b624d0b-2\"\r\nContent-Length: 9\r\n\
             Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\n{header}Connection: close\r\n\r\n{body}"
        );
    })
}

#[test]
fn a_download_that_lacks_the_stored_checksum_fails() {
    for (checksum, right) in [
        ("x-amz-checksum-crc32: y/Q5Jg==\r\n", true),
        ("x-amz-checksum-crc32: y/Q5Jw==\r\n", false),
        ("x-amz-checksum-crc64nvme: rosUhgp5mIg=\r\nx-amz-checksum-type: FULL_OBJECT\r\n", true),
        ("x-amz-checksum-crc64nvme: rosUhgp5mIk=\r\nx-amz-checksum-type: FULL_OBJECT\r\n", false),
        // The sizes of the parts or the algorithm are unknown, so there is nothing to compare with.
        ("x-amz-checksum-crc32: AAAAAA==-2\r\nx-amz-checksum-type: COMPOSITE\r\n", true),
        ("x-amz-checksum-md99: AAAAAA==\r\n", true),
    ] {
        let t = pointing_at(service_with(checksum), "use_https = False\nmax_retries = 1");
        let run = t.s3cmd("get s3://bucket/k f").run();
        assert_eq!(run.code == Some(0), right, "{checksum}{run}");
        assert_eq!(t.exists("f"), right, "{checksum}{run}");
        if right {
            assert_eq!(t.text("f"), "123456789");
        } else {
            assert!(run.stderr.contains(" checksums do not match: computed="), "{run}");
        }
    }
}

/// A service with one object of nine bytes in parts of those sizes, with that checksum of them.
fn service_of_parts(sizes: &'static [usize], checksum: Checksum) -> u16 {
    let parts = sizes.len();
    listen(move |mut stream| {
        let asked = request(&mut stream);
        let number = asked.split_once("partNumber=").and_then(|(_, rest)| rest[..1].parse::<usize>().ok());
        let (length, count) = match number {
            Some(number) => (sizes[number - 1], format!("x-amz-mp-parts-count: {parts}\r\n")),
            None => (9, String::new()),
        };
        let body = if asked.starts_with("HEAD") { "" } else { "123456789" };
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nETag: \"of-no-meaning\"\r\nContent-Length: {length}\r\n{count}\
             {}: {checksum}-{parts}\r\nConnection: close\r\n\r\n{body}",
            checksum.algorithm().header()
        );
    })
}

#[test]
fn parts_may_differ_in_size() {
    let algorithm = Algorithm::Sha256;
    let of = |parts: &[&str]| {
        Checksum::of_parts(parts.iter().map(|part| sum(algorithm, part.as_bytes()))).expect("parts")
    };
    let wrong = sum(algorithm, b"");
    for (sizes, checksum) in [
        (&[4, 4, 1][..], of(&["1234", "5678", "9"])),
        (&[5, 2, 2], of(&["12345", "67", "89"])),
        // The first part alone suggests that all have the same size.
        (&[3, 1, 5], of(&["123", "4", "56789"])),
        (&[4, 4, 1], wrong),
        (&[3, 1, 5], wrong),
        (&[5, 2, 2], wrong),
    ] {
        let right = checksum != wrong;
        let port = service_of_parts(sizes, checksum);
        let t = pointing_at(port, "use_https = False\nmax_retries = 1");
        let run = t.s3cmd("-v get s3://bucket/k f").run();
        assert_eq!((run.code == Some(0), t.exists("f")), (right, right), "{sizes:?}{run}");
        assert!(!run.stderr.contains("only its length"), "{run}");
        assert_eq!(run.stderr.contains(" checksums of the parts do not match"), !right, "{run}");
    }
}

/// A service with one large object in parts that is fetched by ranges. While `broken` is set it sends only the
/// beginning.
fn service_of_ranges(content: Arc<Vec<u8>>, checksum: String, broken: Arc<AtomicBool>) -> u16 {
    listen(move |mut stream| {
        let asked = request(&mut stream).to_lowercase();
        let range = asked.lines().find_map(|line| line.strip_prefix("range: bytes="));
        let range = range.and_then(|range| range.trim().split_once('-'));
        let range = range.map(|(first, last)| (first.parse().unwrap_or(0), last.parse().unwrap_or(0)));
        let etag = "ETag: \"25f9e794323b453885f5181f1b624d0b-3\"\r\nConnection: close\r\n";
        let whole = content.len();
        let _ = match range {
            None => write!(stream, "HTTP/1.1 200 OK\r\n{etag}{checksum}\r\nContent-Length: {whole}\r\n\r\n"),
            Some((first, _)) if first > 0 && broken.load(Ordering::SeqCst) => {
                write!(stream, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            }
            Some((first, last)) => {
                let body: &[u8] = &content[first..=last];
                let length = body.len();
                let place = format!("Content-Range: bytes {first}-{last}/{whole}");
                let head =
                    format!("HTTP/1.1 206 Partial\r\n{etag}{place}\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body))
            }
        };
    })
}

#[test]
fn ranges_and_partial_files_verify_the_whole_object() {
    let large = Arc::new(bytes(40 * MIB + 3));
    for algorithm in Algorithm::all() {
        let right = sum(algorithm, &large);
        for (checksum, is_right) in [(right, true), (sum(algorithm, b""), false)] {
            let header = format!("{}: {checksum}", algorithm.header());
            let broken = Arc::new(AtomicBool::new(is_right));
            let port = service_of_ranges(large.clone(), header, broken.clone());
            let t = pointing_at(port, "use_https = False\nmax_retries = 0");
            if is_right {
                let run = t.s3cmd("get --jobs=1 s3://bucket/k f").run();
                assert!(run.code != Some(0) && !t.exists("f"), "{run}");
                broken.store(false, Ordering::SeqCst);
            }
            let run = t.s3cmd("-v get s3://bucket/k f").run();
            assert_eq!((run.code == Some(0), t.exists("f")), (is_right, is_right), "{algorithm} {run}");
            if is_right {
                assert!(run.stderr.contains("bytes are there from an earlier run"), "{algorithm} {run}");
                assert!(!run.stderr.contains("only its length"), "{algorithm} {run}");
                assert!(t.read("f") == *large);
            } else {
                assert!(run.stderr.contains(" checksums do not match: computed="), "{algorithm} {run}");
                assert!(t.files("").is_empty(), "{:?}", t.files(""));
            }
        }
    }
}
