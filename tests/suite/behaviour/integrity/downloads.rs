//! What is verified and what is not: downloads over a damaging connection, from a server with wrong responses, and of
//! objects whose ETag is over parts of sizes that other clients choose.

use crate::support::bytes::bytes;
use crate::support::hostile::{Answer, Framing, Hostile, Lie, Op};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MIB: usize = 1 << 20;

/// Stores an object as another client does: in parts of that size, and without metadata.
fn store_as_another_client(server: &Hostile, key: &str, content: &[u8], part_mib: usize) {
    let t = server.world();
    server.bucket("b");
    t.file("f", content);
    t.s3cmd(&format!("put --multipart-chunk-size-mb={part_mib} f s3://b/{key}")).ok();
    let strip = "--remove-header=x-amz-meta-s3cmd-attrs --remove-header=x-amz-meta-s3cmd-part-size";
    t.s3cmd(&format!("modify {strip} s3://b/{key}")).ok();
    t.s3cmd(&format!("info s3://b/{key}")).ok().silent_about("s3cmd-attrs");
    server.reform();
}

/// Flips one bit of the response to a GET of an object, at another place each time.
fn flip_on_the_wire(times: usize) -> Lie {
    let count = AtomicUsize::new(1);
    Lie::answer(Op::Get, move |_, mut answer| {
        let at = (count.fetch_add(1, Ordering::Relaxed) * 7_919).min(answer.body.len() - 1);
        answer.body[at] ^= 1;
        answer
    })
    .times(times)
}

/// Flips the same bit of each response.
fn flip_always() -> Lie {
    Lie::answer(Op::Get, |_, mut answer| {
        answer.body[77] ^= 1;
        answer
    })
}

#[test]
fn a_flipped_byte_of_an_object_in_parts_of_other_clients_is_found() {
    // Part sizes of AWS CLI and boto3, rclone, mc, s3cmd, s5cmd, Cyberduck. Above 32 MiB downloads go by ranges.
    for (part, size) in
        [(8, 9 * MIB), (5, 6 * MIB + 3), (15, 16 * MIB), (10, 11 * MIB), (16, 33 * MIB), (50, 51 * MIB)]
    {
        let server = Hostile::start();
        let right = bytes(size);
        store_as_another_client(&server, "k", &right, part);
        let t = server.world_with("max_retries = 2");
        server.lie(flip_on_the_wire(1));
        let run = t.s3cmd("get -v s3://b/k f").run();
        assert_eq!(run.code, Some(0), "{run}");
        run.explains("ETags of the parts do not match");
        assert!(t.read("f") == right, "{part}");
        server.reform().lie(flip_on_the_wire(1));
        t.dir("d");
        t.s3cmd("sync s3://b/ d/").ok();
        assert!(t.read("d/k") == right, "{part}");
    }
}

#[test]
fn an_unusual_part_size_is_one_warning_and_the_content_is_kept() {
    let server = Hostile::start();
    let right = bytes(10 * MIB);
    // 7 MiB gives two parts, as 5 and 8 MiB do.
    store_as_another_client(&server, "k", &right, 7);
    let t = server.world();
    let run = t.s3cmd("get s3://b/k f").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.stderr.matches("WARNING").count(), 1, "{run}");
    assert!(t.read("f") == right);
    assert_eq!(server.count(Op::Get), 2);
    let run = t.s3cmd("get s3://b/k -").run();
    assert!(run.code == Some(0) && run.raw == right, "{}", run.stderr);
    assert_eq!(run.stderr.matches("WARNING").count(), 1, "{run}");
    // A source that could not be verified is not deleted.
    let run = t.s3cmd("get --force --delete-after-fetch s3://b/k f").fails(2);
    run.explains("was not deleted");
    assert_eq!(server.deleted(), [""; 0]);
    t.s3cmd("--json get --force s3://b/k f").run().mentions("\"proof\":\"length\"");
}

#[test]
fn without_a_fitting_part_size_only_verbose_runs_report_it() {
    let server = Hostile::start();
    let right = bytes(6 * MIB);
    store_as_another_client(&server, "k", &right, 5);
    // No usual part size gives that many parts.
    let etag = "\"0123456789abcdef0123456789abcdef-23\"";
    server.lie(Lie::answer(Op::Get, move |_, answer| answer.with("ETag", etag)));
    server.lie(Lie::answer(Op::Head, move |_, answer| answer.with("ETag", etag)));
    let t = server.world();
    let run = t.s3cmd("get s3://b/k f").ok();
    assert_eq!(run.stderr, "", "{run}");
    t.s3cmd("get -v --force s3://b/k f").run().explains("only its length was checked");
    t.s3cmd("get --force --delete-after-fetch s3://b/k f").fails(2).explains("was not deleted");
}

#[test]
fn a_continued_download_keeps_only_verified_bytes() {
    for (part, size) in [(8, 9 * MIB + 3), (16, 33 * MIB)] {
        let server = Hostile::start();
        let right = bytes(size);
        store_as_another_client(&server, "k", &right, part);
        let t = server.world();
        // A beginning of the object, other content, and other content of the right length.
        let mut wrong = right.clone();
        wrong[5] ^= 1;
        for present in [&right[..8 * MIB], &wrong[..8 * MIB], &wrong[..]] {
            t.file("f", present);
            t.s3cmd("get --continue s3://b/k f").ok();
            assert!(t.read("f") == right, "{part} {}", present.len());
        }
        // The same for an object without anything to verify it by.
        server.lie(Lie::request(Op::Get, |request| request.forget_header("if-match")));
        for op in [Op::Get, Op::Head] {
            server.lie(Lie::answer(op, |_, answer| answer.with("ETag", "\"opaque\"")));
        }
        for present in [&wrong[..8 * MIB], &wrong[..]] {
            t.file("f", present);
            t.s3cmd("get --continue s3://b/k f").ok();
            assert!(t.read("f") == right, "{part} {}", present.len());
        }
    }
}

#[test]
fn sync_sees_a_changed_file_of_the_same_size() {
    let server = Hostile::start();
    let right = bytes(9 * MIB + 3);
    store_as_another_client(&server, "k", &right, 8);
    let t = server.world();
    let mut wrong = right.clone();
    wrong[5] ^= 1;
    t.file("d/k", &right);
    t.s3cmd("sync s3://b/ d/").ok().silent_about("download:");
    t.s3cmd("sync d/ s3://b/").ok().silent_about("upload:");
    t.file("d/k", &wrong);
    t.s3cmd("sync s3://b/ d/").ok();
    assert!(t.read("d/k") == right);
    t.file("d/k", &wrong);
    t.s3cmd("sync d/ s3://b/").ok();
    assert_eq!(server.content("b/k").as_deref(), Some(&wrong[..]));
    // Between buckets, whatever parts the two are stored in.
    store_as_another_client(&server, "k", &right, 8);
    for part in [8, 5] {
        store_as_another_client(&server, "to/k", &wrong, part);
        t.s3cmd("sync s3://b/k s3://b/to/k").ok();
        assert!(server.content("b/to/k").as_ref() == Some(&right), "{part}");
        t.s3cmd("sync s3://b/k s3://b/to/k").ok().silent_about("remote copy:");
    }
}

#[test]
fn downloads_to_standard_output_are_verified() {
    for part in [8, 5] {
        let server = Hostile::start();
        let right = bytes(9 * MIB);
        store_as_another_client(&server, "k", &right, part);
        let t = server.world_with("max_retries = 2");
        let run = t.s3cmd("get s3://b/k -").ok();
        assert!(run.raw == right);
        assert_eq!(server.count(Op::Get), 1);
        server.lie(flip_on_the_wire(1));
        assert_ne!(t.s3cmd("get s3://b/k -").run().code, Some(0));
        server.reform();
        // The part size that this program stores.
        t.file("f", &right);
        t.configure("store_md5 = False");
        t.s3cmd("put --multipart-chunk-size-mb=6 f s3://b/own").ok();
        server.reform();
        t.s3cmd("get s3://b/own -").ok();
        assert_eq!(server.count(Op::Get), 1);
        server.lie(flip_always());
        assert_ne!(t.s3cmd("get s3://b/own -").run().code, Some(0));
    }
}

#[test]
fn md5sum_does_not_sum_damaged_bytes() {
    let server = Hostile::start();
    let right = bytes(9 * MIB);
    store_as_another_client(&server, "k", &right, 8);
    let t = server.world_with("max_retries = 2");
    let true_sum = "s3://b/k";
    let before = t.s3cmd("md5sum s3://b/k").ok().stdout;
    assert!(before.contains(true_sum), "{before}");
    server.lie(flip_on_the_wire(1));
    t.s3cmd("md5sum s3://b/k").ok().prints(&before);
}

#[test]
fn a_download_that_differs_from_its_headers_is_not_stored() {
    let page = Answer::html();
    let length = page.body.len();
    for (name, lie) in [
        ("a page", Lie::instead(Op::Get, page.clone())),
        ("a page without a length", Lie::instead(Op::Get, page.framed(Framing::Chunked))),
        (
            "another object",
            Lie::answer(Op::Get, |_, a| a.with("ETag", "\"00000000000000000000000000000000\"")),
        ),
        (
            "a shorter body",
            Lie::answer(Op::Get, |_, mut a| {
                a.body.truncate(5);
                a
            }),
        ),
        ("nothing", Lie::instead(Op::Get, Answer::empty(204))),
    ] {
        // The ETag does not depend on the content here, so only the length can reveal it.
        let server = Hostile::start();
        server.object("b/d/k", vec![b'x'; length]);
        for op in [Op::Get, Op::Head] {
            server.lie(Lie::answer(op, |_, answer| answer.with("x-amz-server-side-encryption", "aws:kms")));
        }
        server.lie(lie);
        let t = server.world_with("max_retries = 1");
        t.dir("d");
        for line in [
            "get --delete-after-fetch s3://b/d/k f",
            "get -r --delete-after-fetch s3://b/d/ d/",
            "sync --delete-after-fetch s3://b/d/ d/",
            "get s3://b/d/k -",
        ] {
            let run = t.s3cmd(line).run();
            assert_ne!(run.code, Some(0), "{name} {line} {run}");
            assert!(!t.exists("f") && !t.exists("d/k"), "{name} {line}");
        }
        assert_eq!(server.deleted(), [""; 0], "{name}");
    }
}

#[test]
fn an_object_replaced_after_its_listing_is_fetched_as_it_is_now() {
    let server = Hostile::start();
    let large = bytes(33 * MIB);
    server.object("b/small", "old").object("b/large", &large);
    let t = server.world();
    let replaced = Arc::new(AtomicUsize::new(0));
    let (other, count) = (server.clone(), replaced.clone());
    let newer: Vec<u8> = large.iter().map(|byte| byte ^ 1).collect();
    let large = newer.clone();
    server.lie(Lie::answer(Op::ListObjects, move |_, answer| {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            other.object("b/small", "new").object("b/large", &newer);
        }
        answer
    }));
    t.dir("d");
    t.s3cmd("sync s3://b/ d/").ok();
    assert_eq!(t.read("d/small"), b"new");
    assert!(t.read("d/large") == large);
    assert!(replaced.load(Ordering::Relaxed) > 0);
}

#[test]
fn an_object_replaced_during_its_download_is_never_mixed() {
    // The store ignores the condition, and the object changes between two ranges: only the ETags differ.
    let server = Hostile::start();
    let old = bytes(33 * MIB);
    let new: Vec<u8> = old.iter().map(|byte| byte ^ 1).collect();
    server.object("b/k", &old);
    for op in [Op::Get, Op::Head] {
        server.lie(Lie::answer(op, |_, answer| answer.with("x-amz-server-side-encryption", "aws:kms")));
    }
    server.lie(Lie::request(Op::Get, |request| request.forget_header("if-match")));
    let (other, count, newer) = (server.clone(), AtomicUsize::new(0), new.clone());
    server.lie(Lie::answer(Op::Get, move |_, answer| {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            other.object("b/k", &newer);
        }
        answer
    }));
    let t = server.world_with("max_retries = 3");
    t.s3cmd("get s3://b/k f").ok();
    let found = t.read("f");
    assert!(found == new || found == old, "a mixture");
}

#[test]
fn a_source_replaced_meanwhile_is_not_deleted() {
    for line in ["mv s3://b/k s3://b/to", "get --delete-after-fetch s3://b/k f"] {
        let server = Hostile::start();
        server.object("b/k", "old");
        let other = server.clone();
        let op = if line.starts_with("mv") { Op::Copy } else { Op::Get };
        server.lie(Lie::answer(op, move |_, answer| {
            other.object("b/k", "new");
            answer
        }));
        let t = server.world();
        let run = t.s3cmd(line).run();
        assert_ne!(run.code, Some(0), "{run}");
        run.explains("was not deleted: it was replaced");
        assert_eq!(server.content("b/k").as_deref(), Some(&b"new"[..]), "{line}");
    }
}

#[test]
fn the_page_of_a_captive_portal_is_not_an_object() {
    let server = Hostile::start();
    server.object("b/k", "content");
    server.lie(Lie::instead(Op::Get, Answer::html())).lie(Lie::instead(Op::Head, Answer::html()));
    let t = server.world();
    for line in ["get s3://b/k f", "get s3://b/k -", "md5sum s3://b/k"] {
        let run = t.s3cmd(line).run();
        assert!(run.code != Some(0) && run.stdout.is_empty(), "{run}");
        assert!(!t.exists("f"));
    }
}
