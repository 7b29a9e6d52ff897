//! Downloads through proxies that transform responses: bodies that are compressed although `Accept-Encoding: identity`
//! was sent, and weak ETags.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Framing, Hostile, Lie, Op, Request};

const MIB: usize = 1 << 20;

/// Compresses the responses to GET requests of `d/k`; if `ranges` is not set, only whole objects, as most proxies do.
fn compress(framing: Framing, is_weak: bool, ranges: bool) -> Lie {
    Lie::answer(Op::Get, move |request, answer| {
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        if answer.status == 206 && !ranges {
            return answer;
        }
        let mut answer = answer.with("Content-Encoding", "gzip").framed(framing);
        answer.body.truncate(answer.body.len() / 3);
        answer.body.splice(..3.min(answer.body.len()), *b"\x1f\x8b\x08");
        if is_weak { weak_etag(request, answer) } else { answer }
    })
    .of("d/k")
}

fn weak_etag(_: &Request, answer: Answer) -> Answer {
    let etag = answer.headers.iter().find(|(name, _)| name == "ETag").map(|(_, etag)| format!("W/{etag}"));
    answer.with("ETag", &etag.expect("an ETag"))
}

/// The ETag says nothing about the content.
fn is_opaque(server: &Hostile) {
    for op in [Op::Get, Op::Head] {
        server.lie(Lie::answer(op, |_, answer| answer.with("x-amz-server-side-encryption", "aws:kms")));
    }
}

fn fails_on_compression(t: &TestEnv, line: &str, context: &str) {
    let _ = std::fs::remove_dir_all(t.path("d"));
    t.dir("d");
    let run = t.s3cmd(line).fails(2);
    assert!(run.stderr.contains("(Content-Encoding: gzip)"), "{context}: {run}");
    assert!(!t.exists("f") && !t.exists("d/k") && !run.raw.starts_with(b"\x1f"), "{context}: {run}");
    // The other object of the run.
    let is_recursive = line.ends_with('/');
    assert_eq!(t.files("d"), if is_recursive { &["other"][..] } else { &[] }, "{context}: {run}");
    assert_eq!(run.stderr.contains("1 of 2 items failed"), is_recursive, "{context}: {run}");
}

#[test]
fn a_body_compressed_on_the_way_is_not_stored() {
    for size in [10_000, 600_000] {
        for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
            for (opaque, is_weak) in [(false, false), (false, true), (true, false), (true, true)] {
                let server = Hostile::start();
                server.object("b/d/k", bytes(size)).object("b/d/other", "other");
                if opaque {
                    is_opaque(&server);
                }
                server.lie(compress(framing, is_weak, false));
                // A compressed body without a length looks like an interrupted response, whose rest can be requested.
                let t = server.world_with("max_retries = 1");
                for line in [
                    "get s3://b/d/k f",
                    "get s3://b/d/k -",
                    "get --continue s3://b/d/k f",
                    "get -r s3://b/d/ d/",
                    "sync s3://b/d/ d/",
                ] {
                    let context =
                        format!("{line}, {size} bytes, {framing:?}, opaque {opaque}, weak {is_weak}");
                    fails_on_compression(&t, line, &context);
                }
            }
        }
    }
}

#[test]
fn a_compressed_source_is_not_deleted() {
    let server = Hostile::start();
    server.object("b/d/k", bytes(10_000)).object("b/d/other", "other");
    is_opaque(&server);
    server.lie(compress(Framing::Chunked, false, false));
    let t = server.world_with("max_retries = 1");
    for line in ["get --delete-after-fetch s3://b/d/k f", "sync --delete-after-fetch s3://b/d/k d/k"] {
        t.dir("d");
        t.s3cmd(line).fails(2).explains("(Content-Encoding: gzip)");
        assert_eq!(server.deleted(), [""; 0], "{line}");
    }
}

#[test]
fn compressed_ranges_are_not_stored() {
    // Above 32 MiB downloads go by ranges.
    let right = bytes(33 * MIB);
    for (framing, opaque) in [(Framing::Length, false), (Framing::Chunked, true), (Framing::Close, true)] {
        let server = Hostile::start();
        server.object("b/d/k", &right).object("b/d/other", "other");
        if opaque {
            is_opaque(&server);
        }
        server.lie(compress(framing, opaque, true));
        let t = server.world();
        for line in ["get s3://b/d/k f", "get -r s3://b/d/ d/", "sync s3://b/d/ d/"] {
            fails_on_compression(&t, line, &format!("{line}, {framing:?}"));
        }
        // A proxy that leaves ranges as they are does no harm.
        server.reform().lie(compress(framing, opaque, false));
        t.s3cmd("get s3://b/d/k f").ok();
        assert!(t.read("f") == right, "{framing:?}");
    }
}

#[test]
fn an_object_that_is_stored_compressed_is_downloaded_as_it_is() {
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        for size in [10_000, 33 * MIB] {
            let server = Hostile::start();
            let content = [b"\x1f\x8b\x08", &bytes(size)[..]].concat();
            server.object_with("b/d/k", &content, &[("content-encoding", "gzip")]);
            server.lie(Lie::answer(Op::Get, move |_, answer| answer.framed(framing)));
            let t = server.world();
            t.dir("d");
            t.s3cmd("get s3://b/d/k f").ok();
            t.s3cmd("sync s3://b/d/ d/").ok();
            assert!(t.read("f") == content && t.read("d/k") == content, "{framing:?} {size}");
        }
    }
}

/// A server whose ETags are weak in all responses.
fn with_weak_etags() -> Hostile {
    let server = Hostile::start();
    for op in [Op::Get, Op::Head] {
        server.lie(Lie::answer(op, weak_etag));
    }
    server.lie(Lie::text(Op::ListObjects, |text| text.replace("<ETag>", "<ETag>W/")));
    server
}

#[test]
fn weak_etags_verify_content() {
    let (small, large) = (bytes(10_000), bytes(33 * MIB));
    let server = with_weak_etags();
    server.object("b/d/small", &small).object("b/d/large", &large);
    let t = server.world();
    t.dir("d");
    t.s3cmd("--json get s3://b/d/small f").ok().mentions("\"proof\":\"etag\"");
    t.s3cmd("--json get s3://b/d/large g").ok().mentions("\"proof\":\"etag\"");
    t.s3cmd("get s3://b/d/small -").ok();
    assert!(t.read("f") == small && t.read("g") == large);
    t.file("g", &large[..9 * MIB]);
    t.s3cmd("get --continue s3://b/d/large g").ok();
    assert!(t.read("g") == large);
    let damaged = Lie::answer(Op::Get, |_, mut answer| {
        answer.body[77] ^= 1;
        answer
    });
    server.lie(damaged);
    for line in ["get --force s3://b/d/small h", "get --force s3://b/d/large h", "sync s3://b/d/ d/"] {
        t.s3cmd(line).fails(2).explains("MD5 signatures do not match");
        assert!(!t.exists("h") && t.files("d").is_empty(), "{line}");
    }
}

#[test]
fn weak_etags_of_listings_are_compared_as_md5s() {
    let content = bytes(10_000);
    let server = with_weak_etags();
    server.object("b/d/k", &content);
    let t = server.world();
    let md5 = t.s3cmd("md5sum s3://b/d/k").ok().stdout;
    let md5 = md5.split_whitespace().next().expect("an MD5");
    assert_eq!(server.count(Op::Get), 0);
    t.s3cmd("ls --list-md5 s3://b/d/").ok().mentions(&format!(" {md5} "));
    t.dir("d");
    t.s3cmd("sync s3://b/d/ d/").ok().mentions("download:");
    // Without the time that a download restores, only the MD5 decides.
    let mut changed = content.clone();
    changed[5] ^= 1;
    for (local, moves) in [(&content, false), (&changed, true)] {
        t.file("d/k", local);
        for line in ["sync s3://b/d/ d/", "sync d/ s3://b/d/", "sync --dry-run s3://b/d/ d/"] {
            t.file("d/k", local);
            server.object("b/d/k", &content);
            let run = t.s3cmd(line).run();
            let moved = run.stdout.contains("download:") || run.stdout.contains("upload:");
            assert!(run.code == Some(0) && moved == moves, "{line} {run}");
        }
    }
    for line in ["cp s3://b/d/k s3://b/e/k", "sync s3://b/d/ s3://b/e/", "mv s3://b/d/k s3://b/e/moved"] {
        server.object("b/d/k", &content);
        t.s3cmd(line).ok();
        assert!(server.content("b/e/k").as_ref() == Some(&content), "{line}");
    }
    server.object("b/d/k", &content);
    t.s3cmd("get --force --delete-after-fetch s3://b/d/k f").ok();
    assert_eq!(server.keys(), ["b/e/k", "b/e/moved"]);
}
