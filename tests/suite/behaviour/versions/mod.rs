//! Versions of objects: listed, fetched, restored and deleted. s3cmd 2.4.0 has no commands for them.

mod version_id;

use crate::support::env::TestEnv;
use crate::support::run::Invocation;
use serde_json::Value;

/// A versioned bucket with two versions of `k` and a delete marker, and one of `sub/other`.
fn world() -> TestEnv {
    let t = TestEnv::with_bucket();
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    t.object("k", "one\n");
    t.object("k", "second\n");
    t.s3cmd("del s3://BUCKET/k").ok();
    t.object("sub/other", "x");
    t
}

fn events_of(invocation: Invocation) -> Vec<Value> {
    let run = invocation.ok();
    let mut events: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.pop().expect("a summary")["event"], "summary");
    events
}

/// The ids of the versions of `k`, the latest first: the delete marker, `second`, `one`.
fn ids(t: &TestEnv) -> [String; 3] {
    let events = events_of(t.s3cmd("--json ls --all-versions s3://BUCKET/k"));
    let ids: Vec<String> =
        events.iter().map(|event| event["version_id"].as_str().expect("an id").to_owned()).collect();
    ids.try_into().expect("three versions")
}

/// Removes all versions, so that the bucket can be removed.
fn clean(t: &TestEnv) {
    t.s3cmd("del -r --force --all-versions s3://BUCKET").run();
}

#[test]
fn issue_946_versions_are_listed_fetched_and_deleted() {
    let t = world();
    let listed = events_of(t.s3cmd("--json ls -r --all-versions s3://BUCKET"));
    let shown: Vec<_> = listed
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
            (text("event"), text("key"), event["is_latest"].clone(), event["size"].clone())
        })
        .collect();
    let row = |event: &str, key: &str, latest: bool, size: Option<u64>| {
        (event.to_owned(), key.to_owned(), latest.into(), size.map_or(Value::Null, Value::from))
    };
    assert_eq!(
        shown,
        [
            row("delete-marker", "k", true, None),
            row("version", "k", false, Some(7)),
            row("version", "k", false, Some(4)),
            row("version", "sub/other", true, Some(1)),
        ]
    );
    let [marker, second, one] = ids(&t);
    let lines = t.s3cmd("ls --all-versions s3://BUCKET").ok();
    lines
        .mentions("DIR  s3://BUCKET/sub/")
        .mentions(&format!("     DELETED  {marker:<32}  latest  s3://BUCKET/k"))
        .mentions(&format!("           7  {second:<32}          s3://BUCKET/k"))
        .mentions(&format!("           4  {one:<32}          s3://BUCKET/k"));
    t.s3cmd("ls s3://BUCKET/k").ok().prints("");
    t.s3cmd(&format!("get --version-id {one} s3://BUCKET/k old")).ok();
    assert_eq!(t.text("old"), "one\n");
    let out = t.s3cmd(&format!("get --version-id={second} s3://BUCKET/k -")).ok();
    assert_eq!(out.raw, b"second\n");
    t.s3cmd(&format!("info --version-id {one} s3://BUCKET/k"))
        .ok()
        .mentions("File size: 4")
        .mentions(&format!("   Version:   {one}"));
    let sums = t.s3cmd(&format!("md5sum --version-id {one} s3://BUCKET/k")).ok();
    sums.prints("5bbf5a52328e7439ae6e719dfe712200  s3://BUCKET/k");
    t.s3cmd(&format!("del --version-id {one} s3://BUCKET/k"))
        .ok()
        .prints(&format!("delete: 's3://BUCKET/k' (version {one})"));
    t.s3cmd(&format!("get --version-id {one} s3://BUCKET/k gone")).fails(12);
    t.s3cmd("del --all-versions s3://BUCKET/k").ok().prints(&format!(
        "delete: 's3://BUCKET/k' (version {marker})\ndelete: 's3://BUCKET/k' (version {second})\n"
    ));
    assert_eq!(events_of(t.s3cmd("--json ls -r --all-versions s3://BUCKET")).len(), 1);
    clean(&t);
}

#[test]
fn a_version_is_restored_by_a_copy_onto_the_object() {
    let t = world();
    let [_, _, one] = ids(&t);
    let line = format!("cp --version-id {one} s3://BUCKET/k");
    t.s3cmd(&format!("{line} s3://BUCKET/k"))
        .ok()
        .prints("remote copy: 's3://BUCKET/k' -> 's3://BUCKET/k'  [1 of 1]");
    assert_eq!(t.content("k"), b"one\n");
    t.s3cmd(&format!("{line} s3://BUCKET/elsewhere")).ok();
    assert_eq!(t.content("elsewhere"), b"one\n");
    clean(&t);
}

#[test]
fn tags_grants_and_links_apply_to_the_named_version() {
    let t = world();
    let [_, second, one] = ids(&t);
    t.s3cmd(&format!("settagging --version-id {one} s3://BUCKET/k a=b")).ok();
    t.s3cmd(&format!("gettagging --version-id {one} s3://BUCKET/k")).ok().mentions("a:\tb");
    t.s3cmd(&format!("gettagging --version-id {second} s3://BUCKET/k")).run().silent_about("a:\tb");
    t.s3cmd(&format!("getacl --version-id {one} s3://BUCKET/k")).ok().mentions("FULL_CONTROL");
    let link = t.s3cmd(&format!("signurl --version-id {one} s3://BUCKET/k +600")).ok();
    let link = String::from_utf8(link.raw).expect("a link");
    assert!(link.contains("versionId="), "{link}");
    t.s3cmd(&format!("deltagging --version-id {one} s3://BUCKET/k")).ok();
    clean(&t);
}

#[test]
fn everything_below_a_prefix_is_deleted_with_all_its_versions() {
    let t = world();
    t.object("sub/other", "y");
    t.object("sub/kept.log", "z");
    t.s3cmd("del -r --all-versions s3://BUCKET").fails(64).explains("Please use --force");
    let planned = t.s3cmd("del -r -n --all-versions s3://BUCKET/sub/ --exclude *.log").run();
    assert_eq!((planned.code, planned.lines().len()), (Some(0), 2), "{planned}");
    t.s3cmd("del -r --all-versions --max-delete=1 s3://BUCKET/sub/").run().prints("");
    let deleted = t.s3cmd("del -r --all-versions s3://BUCKET/sub/ --exclude *.log").ok();
    assert_eq!(deleted.lines().len(), 2);
    t.s3cmd("du --all-versions s3://BUCKET").ok().prints("          12       3 objects s3://BUCKET/");
    t.s3cmd("rb -r s3://BUCKET").run();
    t.s3cmd("rb -r --all-versions s3://BUCKET").run().mentions("Bucket 's3://BUCKET/' removed");
}

#[test]
fn many_versions_are_listed_in_pages() {
    let t = TestEnv::with_bucket();
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    for key in ["a b", "a+b", "ä/1"] {
        for content in ["1", "22", "333"] {
            t.object(key, content);
        }
    }
    let all = events_of(t.s3cmd("--json ls -r --all-versions s3://BUCKET"));
    assert_eq!(all.len(), 9);
    for limit in 1..9 {
        let run = t.s3cmd(&format!("ls -r --all-versions --limit={limit} s3://BUCKET")).run();
        assert_eq!((run.code, run.lines().len()), (Some(0), limit), "{run}");
        run.explains("The list is truncated");
    }
    clean(&t);
}

#[test]
fn more_versions_than_a_page_has_are_all_listed_and_deleted() {
    let t = TestEnv::with_bucket();
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    for number in 0..520 {
        t.file(format!("many/a+b {number}"), "x");
    }
    for _ in 0..2 {
        t.s3cmd("put -r --no-progress many/ s3://BUCKET").ok();
    }
    let all = events_of(t.s3cmd("--json ls -r --all-versions s3://BUCKET"));
    let mut ids: Vec<String> =
        all.iter().map(|event| format!("{} {}", event["key"], event["version_id"])).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((all.len(), ids.len()), (1040, 1040));
    let deleted = t.s3cmd("del -r --force --all-versions s3://BUCKET").ok();
    assert_eq!(deleted.lines().len(), 1040);
    t.s3cmd("ls -r --all-versions s3://BUCKET").ok().prints("");
}

#[test]
fn a_version_id_is_refused_where_it_has_no_meaning() {
    let t = TestEnv::with_bucket();
    for line in [
        "put --version-id 1 f s3://BUCKET",
        "sync --version-id 1 s3://BUCKET/a/ d/",
        "mv --version-id 1 s3://BUCKET/a s3://BUCKET/b",
        "get -r --version-id 1 s3://BUCKET/a d/",
        "get --version-id 1 s3://BUCKET/a* d/",
        "del --version-id 1 s3://BUCKET/a s3://BUCKET/b",
        "info --version-id 1 s3://BUCKET",
        "get --all-versions s3://BUCKET/a",
        "del --all-versions --version-id 1 s3://BUCKET/a",
    ] {
        t.s3cmd(line).fails(64).explains("Parameter problem: --");
    }
}

#[test]
fn versions_are_listed_by_wildcards_and_filters() {
    let t = TestEnv::with_bucket();
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    for key in ["a.txt", "a.txt", "b.dat"] {
        t.object(key, "x");
    }
    let lines = |line: &str| t.s3cmd(line).ok().lines().len();
    assert_eq!(lines("ls --all-versions 's3://BUCKET/*.txt'"), 2);
    assert_eq!(lines("ls --all-versions --exclude='*.txt' s3://BUCKET"), 1);
    t.s3cmd("du --all-versions --exclude=b.dat s3://BUCKET").ok().mentions(" 2 objects ");
    t.s3cmd("del -r -f --all-versions s3://BUCKET").ok();
}
