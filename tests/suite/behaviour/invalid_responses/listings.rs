//! Listings that omit, add or repeat entries or never end: the command fails, and deletes nothing that was not named.

use crate::support::env::TestEnv;
use crate::support::hostile::{Hostile, Lie, Op};
use crate::support::run::Run;

/// Commands on many objects, and the listings that they request. `down` has a copy of each object, and other files.
const OVER_MANY: [(&str, Op); 14] = [
    ("ls -r s3://b/p/", Op::ListObjects),
    ("ls s3://b/p/", Op::ListObjects),
    ("ls --limit=100 s3://b/p/", Op::ListObjects),
    ("du s3://b/p/", Op::ListObjects),
    ("get -r --force s3://b/p/ got/", Op::ListObjects),
    ("sync --delete-removed s3://b/p/ down/", Op::ListObjects),
    ("sync --delete-removed --delete-after s3://b/p/ s3://b2/", Op::ListObjects),
    ("sync --delete-removed up/ s3://b/p/", Op::ListObjects),
    ("cp -r s3://b/p/ s3://b2/cp/", Op::ListObjects),
    ("md5sum -r s3://b/p/", Op::ListObjects),
    ("modify -r --mime-type=text/x s3://b/p/", Op::ListObjects),
    ("ls -r --all-versions s3://b/p/", Op::ListVersions),
    ("du --all-versions s3://b/p/", Op::ListVersions),
    ("multipart s3://b", Op::ListUploads),
];

/// Commands that delete what they list.
const DELETING: [(&str, Op); 4] = [
    ("del -r s3://b/p/", Op::ListObjects),
    ("del 's3://b/p/*'", Op::ListObjects),
    ("mv -r s3://b/p/ s3://b2/mv/", Op::ListObjects),
    ("del -r --all-versions s3://b/p/", Op::ListVersions),
];

fn world() -> (Hostile, TestEnv) {
    let server = Hostile::start();
    let t = server.world();
    for key in ["a", "b", "c", "d", "e"] {
        server.object(&format!("b/p/{key}"), key).object(&format!("b2/{key}"), key);
        server.upload(&format!("b/p/{key}"));
        t.file(format!("down/{key}"), key);
        t.file(format!("up/{key}"), key);
    }
    server.object("b2/own", "own");
    t.dir("got");
    server.page_size(2);
    (server, t)
}

/// The command fails, and everything that it must keep is still there.
fn failed(what: &str, server: &Hostile, t: &TestEnv, run: &Run, before: &[String]) {
    assert!(!matches!(run.code, Some(0) | None), "{what}:\n{run}");
    assert!(!run.stderr.is_empty(), "{what}: without a word\n{run}");
    let gone: Vec<_> = before.iter().filter(|key| !server.keys().contains(key)).collect();
    assert!(gone.is_empty(), "{what}: {gone:?} are gone\n{run}");
    assert_eq!(t.files("down"), ["a", "b", "c", "d", "e"], "{what}:\n{run}");
}

fn all() -> impl Iterator<Item = (&'static str, Op)> {
    OVER_MANY.into_iter().chain(DELETING)
}

const YES: &str = "<IsTruncated>true</IsTruncated>";

#[test]
fn only_an_explicit_false_ends_a_listing() {
    for text in ["True", "TRUE", "1", " true\n", "yes", ""] {
        for (line, op) in OVER_MANY {
            let (server, t) = world();
            server.lie(Lie::text(op, move |page| {
                page.replace(YES, &format!("<IsTruncated>{text}</IsTruncated>"))
            }));
            let run = t.s3cmd(line).run();
            // What exists only on the other side is deleted, and nothing else.
            assert_eq!(run.code, Some(0), "{text:?}:\n{run}");
            assert_eq!(t.files("down").len(), 5, "{text:?}:\n{run}");
            assert!(server.deleted().iter().all(|key| key == "own"), "{text:?}:\n{run}");
            assert!(
                ["a", "e"]
                    .iter()
                    .all(|key| !line.starts_with("ls") || run.stdout.contains(&format!("p/{key}")))
            );
        }
    }
    for text in ["False", "FALSE", "0", " false "] {
        for (line, op) in OVER_MANY {
            let (server, t) = world();
            let no = format!("<IsTruncated>{text}</IsTruncated>");
            server
                .page_size(1000)
                .lie(Lie::text(op, move |page| page.replace("<IsTruncated>false</IsTruncated>", &no)));
            let run = t.s3cmd(line).run();
            assert_eq!(run.code, Some(0), "{text:?}:\n{run}");
        }
    }
}

#[test]
fn a_listing_that_does_not_say_whether_it_is_complete_fails() {
    for (line, op) in all() {
        let (server, t) = world();
        let before = server.keys();
        server
            .lie(Lie::text(op, |page| page.replace(YES, "").replace("<IsTruncated>false</IsTruncated>", "")));
        let run = t.s3cmd(line).run();
        failed("absent", &server, &t, &run, &before);
        assert_eq!(server.deleted(), [""; 0], "{run}");
    }
}

#[test]
fn a_listing_with_keys_outside_the_prefix_fails() {
    for (line, op) in all() {
        if op == Op::ListUploads {
            continue;
        }
        for keys in [&["q/outside"][..], &["x"], &["", "p"]] {
            let (server, t) = world();
            server.page_size(1000);
            keys.iter().filter(|key| !key.is_empty()).for_each(|key| {
                server.object(&format!("b/{key}"), "outside");
            });
            let before = server.keys();
            server.lie(Lie::request(op, |request| request.forget_param("prefix")));
            let run = t.s3cmd(line).run();
            failed("no prefix", &server, &t, &run, &before);
            assert_eq!(server.deleted(), [""; 0], "{run}");
            assert!(!run.stdout.contains("outside") && server.count(Op::Copy) == 0, "{run}");
        }
    }
    // With an ignored delimiter a wildcard would match deeper keys.
    for line in ["del 's3://b/p/*'", "ls s3://b/p/", "get 's3://b/p/*' got/", "ls s3://b/p/a"] {
        let (server, t) = world();
        server.object("b/p/a/deep", "deep");
        let before = server.keys();
        server.lie(Lie::request(Op::ListObjects, |request| request.forget_param("delimiter")));
        let run = t.s3cmd(line).run();
        failed("no delimiter", &server, &t, &run, &before);
        assert_eq!(server.deleted(), [""; 0], "{run}");
    }
}

/// Every marker in the requests for listings.
const MARKERS: [&str; 6] =
    ["marker", "key-marker", "version-id-marker", "upload-id-marker", "continuation-token", "start-after"];

#[test]
fn a_listing_that_repeats_itself_ends_with_an_error() {
    for (line, op) in all() {
        let (server, t) = world();
        server.lie(Lie::request(op, |request| MARKERS.iter().for_each(|name| request.forget_param(name))));
        let run = t.s3cmd(line).run();
        assert!(!matches!(run.code, Some(0) | None), "{run}");
        let most = if op == Op::ListUploads { 0 } else { 1 };
        assert!(run.stdout.matches("p/a").count() <= most || line.starts_with("du"), "{run}");
        assert_eq!(t.files("down").len(), 5, "{run}");
        assert!(line.contains("del") || server.deleted().is_empty(), "{run}");
    }
}

#[test]
fn a_listing_that_alternates_between_two_pages_ends_with_an_error() {
    for (line, op) in all() {
        let (server, t) = world();
        // After the second page comes the first one again.
        server.lie(Lie::request(op, |request| {
            let is_second = ["marker", "key-marker"].iter().any(|name| request.param(name) == Some("p/d"));
            if is_second {
                MARKERS.iter().for_each(|name| request.forget_param(name));
            }
        }));
        let run = t.s3cmd(line).run();
        assert!(!matches!(run.code, Some(0) | None), "{run}");
        assert_eq!(t.files("down").len(), 5, "{run}");
        assert!(server.count(op) < 10, "{run}");
    }
}

#[test]
fn a_listing_that_goes_backwards_fails() {
    for (line, op) in all() {
        if op == Op::ListUploads {
            continue;
        }
        let (server, t) = world();
        server.page_size(1000);
        let before = server.keys();
        server.lie(Lie::text(op, |page| page.replace("<Key>p/a</Key>", "<Key>p/zz</Key>")));
        let run = t.s3cmd(line).run();
        if op == Op::ListVersions {
            // Some servers list all delete markers after all versions.
            assert!(run.code.is_some(), "{run}");
            continue;
        }
        failed("backwards", &server, &t, &run, &before);
        assert_eq!(server.deleted(), [""; 0], "{run}");
    }
}

#[test]
fn a_truncated_listing_that_names_no_next_page_ends_with_an_error() {
    let cut = |text: String, name: &str| match text.split_once(&format!("<{name}>")) {
        Some((front, rest)) => {
            format!("{front}{}", rest.split_once(&format!("</{name}>")).expect("an end").1)
        }
        None => text,
    };
    for name in ["NextKeyMarker", "NextUploadIdMarker"] {
        let (server, t) = world();
        server.lie(Lie::text(Op::ListUploads, move |text| cut(text, name)));
        let run = t.s3cmd("multipart s3://b").run();
        // The id may be omitted if the keys are enough to continue.
        let is_right = run.code == Some(0) && run.stdout.matches("s3://b/p/").count() == 5;
        assert!(is_right || (run.code == Some(70) && name == "NextKeyMarker"), "{run}");
    }
    // For objects and versions the last entry is enough to continue.
    for line in ["ls s3://b/p/", "ls -r s3://b", "ls -r --all-versions s3://b"] {
        let (server, t) = world();
        for op in [Op::ListObjects, Op::ListVersions] {
            server.lie(Lie::text(op, move |text| {
                ["NextMarker", "NextKeyMarker", "NextVersionIdMarker"]
                    .iter()
                    .fold(text, |text, name| cut(text, name))
            }));
        }
        let run = t.s3cmd(line).ok();
        assert_eq!(run.lines().len(), 5, "{run}");
    }
    let (server, t) = world();
    server.object("b/p/a/1", "1").object("b/p/b/1", "1").object("b/p/b/2", "1").object("b/p/c/1", "1");
    server.lie(Lie::text(Op::ListObjects, move |text| cut(text, "NextMarker")));
    let run = t.s3cmd("ls s3://b/p/").ok();
    assert_eq!(run.lines().len(), 8, "{run}");
    let (server, t) = world();
    let id = server.upload("b/parts");
    server.lie(Lie::text(Op::ListParts, move |text| text.replace("<IsTruncated>false</IsTruncated>", YES)));
    t.s3cmd(&format!("listmp s3://b/parts {id}")).fails(70);
}

#[test]
fn entries_that_lack_their_key_size_or_id_fail() {
    for (line, op) in all() {
        for (from, to) in [
            ("<Key>p/c</Key>", ""),
            ("<Key>p/c</Key>", "<Key/>"),
            ("<Size>1</Size>", "<Size/>"),
            ("<Size>1</Size>", "<Size>-1</Size>"),
        ] {
            if op == Op::ListUploads && from.contains("Size") {
                continue;
            }
            let (server, t) = world();
            server.page_size(1000);
            let before = server.keys();
            server.lie(Lie::text(op, move |page| page.replace(from, to)));
            let run = t.s3cmd(line).run();
            failed(to, &server, &t, &run, &before);
            assert_eq!(server.deleted(), [""; 0], "{run}");
        }
    }
    let (server, t) = world();
    server.lie(Lie::text(Op::ListVersions, |page| page.replace("<VersionId>null</VersionId>", "")));
    t.s3cmd("del -r --all-versions s3://b/p/").fails(70);
    assert_eq!(server.deleted(), [""; 0]);
}

#[test]
fn an_unordered_listing_is_accepted_on_request() {
    let (server, t) = world();
    server.page_size(1000);
    server.lie(Lie::text(Op::ListObjects, |page| page.replace("<Key>p/a</Key>", "<Key>p/zz</Key>")));
    t.s3cmd("ls -r --list-allow-unordered s3://b/p/").ok().mentions("p/zz").mentions("p/e");
    t.s3cmd("du --list-allow-unordered s3://b/p/").ok();
    t.s3cmd("ls -r s3://b/p/").fails(70);
    server.reform().page_size(2).lie(Lie::request(Op::ListObjects, |request| {
        MARKERS.iter().for_each(|name| request.forget_param(name));
    }));
    t.s3cmd("ls -r --list-allow-unordered s3://b/p/").fails(70);
}
