//! `sync` in its three directions.

use crate::env::TestEnv;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;

/// Content by relative name.
type Tree = BTreeMap<String, String>;

fn with_buckets() -> TestEnv {
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t
}

fn tree(t: &TestEnv, directory: &str, files: &[(&str, &str)]) {
    for (name, content) in files {
        t.file(format!("{directory}/{name}"), content);
    }
}

#[test]
fn new_files_come_first_then_changed_ones_then_copies_then_deletions() {
    let t = with_buckets();
    tree(&t, "d", &[("a", "old"), ("b", "same"), ("gone", "g")]);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok();
    t.file("d/a", "changed");
    t.file("d/c", "new");
    t.file("d/again", "same");
    std::fs::remove_file(t.path("d/gone")).expect("it is there");
    let planned = t.s3cmd("sync -n --delete-removed --exclude=nothing d/ s3://BUCKET/p/").run();
    assert_eq!(planned.code, Some(0), "{planned}");
    assert_eq!(
        planned.lines(),
        [
            "upload: 'd/c' -> 's3://BUCKET/p/c'",
            "upload: 'd/a' -> 's3://BUCKET/p/a'",
            "remote copy: 'b' -> 'again'",
            "delete: 's3://BUCKET/p/gone'",
        ]
    );
    let run = t.s3cmd("sync --delete-removed --stats d/ s3://BUCKET/p/").ok();
    let lines = run.lines();
    assert!(lines[0].starts_with("upload: 'd/c' -> ") && lines[0].ends_with("[1 of 2]"), "{run}");
    assert!(lines[1].starts_with("upload: 'd/a' -> ") && lines[1].ends_with("[2 of 2]"), "{run}");
    assert_eq!(lines[2], "remote copy: 'b' -> 'again'  [1 of 1]");
    assert_eq!(lines[3], "delete: 's3://BUCKET/p/gone'");
    assert!(lines[4].starts_with("Done. Uploaded 10 bytes"), "{run}");
    assert_eq!(lines[5], "Stats: Number of files: 4 (18 bytes) ");
    assert_eq!(t.content("p/again"), b"same");
    t.s3cmd("sync --delete-removed d/ s3://BUCKET/p/").ok().prints("");
}

#[test]
fn contents_that_change_places_are_not_mixed_up() {
    // s3cmd 2.4.0 copies from what it has just overwritten.
    let t = with_buckets();
    tree(&t, "d", &[("1", "one"), ("2", "two"), ("3", "333")]);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok();
    tree(&t, "d", &[("1", "two"), ("2", "one"), ("3", "three!"), ("4", "333")]);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok();
    let contents: Vec<_> = ["1", "2", "3", "4"].map(|key| t.content(&format!("p/{key}"))).into();
    assert_eq!(contents, [&b"two"[..], b"one", b"three!", b"333"]);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok().prints("");
}

#[test]
fn siblings_of_a_source_are_never_touched() {
    let t = with_buckets();
    tree(&t, "d", &[("a", "a")]);
    for key in ["p/d2/x", "p/dx", "p/other"] {
        t.object(key, key);
    }
    t.s3cmd("sync --delete-removed d s3://BUCKET/p/").ok();
    assert_eq!(t.keys(), ["p/d/a", "p/d2/x", "p/dx", "p/other"]);
    t.s3cmd("sync --delete-removed d/a s3://BUCKET/p/").ok();
    assert_eq!(t.keys(), ["p/a", "p/d/a", "p/d2/x", "p/dx", "p/other"]);
    t.dir("o");
    t.s3cmd("sync s3://BUCKET/p/d o/").ok();
    assert_eq!(t.files("o"), ["d/a"]);
    t.s3cmd("sync s3://BUCKET/p/d s3://BUCKET2").ok();
    assert_eq!(t.keys_of("BUCKET2"), ["d/a"]);
}

#[test]
fn an_empty_or_unreadable_source_deletes_nothing() {
    let t = with_buckets();
    tree(&t, "d", &[("a", "a"), ("sub/b", "b")]);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok();
    t.dir("empty");
    for line in [
        "sync --delete-removed empty/ s3://BUCKET/p/",
        "sync --delete-removed s3://BUCKET2/x/ s3://BUCKET/p/",
    ] {
        let run = t.s3cmd(line).run();
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains("cowardly refusing to delete"), "{run}");
    }
    let run = t.s3cmd("sync --delete-removed s3://BUCKET/none/ d/").run();
    assert!(run.stderr.contains("cowardly refusing to delete"), "{run}");
    assert_eq!((t.keys().len(), t.files("d").len()), (2, 2));
    let run = t.s3cmd("sync --delete-removed --max-delete=1 --force empty/ s3://BUCKET/p/").run();
    assert!(run.stderr.contains("maximum requested number of deletes would be exceeded"), "{run}");
    assert_eq!(t.keys().len(), 2);
    t.s3cmd("sync --delete-removed --force empty/ s3://BUCKET/p/").ok();
    assert!(t.keys().is_empty());
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_read_stops_all_deletions() {
    use std::os::unix::fs::PermissionsExt;
    let t = with_buckets();
    tree(&t, "d", &[("a", "a"), ("gone", "g"), ("sub/b", "b")]);
    t.s3cmd("sync d/ s3://BUCKET/p/").ok();
    std::fs::remove_file(t.path("d/gone")).expect("it is there");
    let mode = |bits| {
        std::fs::set_permissions(t.path("d/sub"), std::fs::Permissions::from_mode(bits))
            .expect("the mode is set");
    };
    let call = t.s3cmd("sync --delete-removed d/ s3://BUCKET/p/");
    let Some(call) = call.bound_by_permissions() else { return };
    mode(0o000);
    let run = call.run();
    mode(0o755);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("no deletes performed"), "{run}");
    assert_eq!(t.keys(), ["p/a", "p/gone", "p/sub/b"]);
}

#[test]
fn every_copy_of_a_content_has_its_own_attributes() {
    let t = with_buckets();
    tree(&t, "d", &[("a", "same"), ("b", "same")]);
    let times = [("d/a", 1_500_000_000), ("d/b", 1_600_000_000)];
    for (name, time) in times {
        filetime::set_file_mtime(t.path(name), filetime::FileTime::from_unix_time(time, 0)).expect("a time");
    }
    t.s3cmd("sync d/ s3://BUCKET/p/").ok().mentions("remote copy: 'a' -> 'b'");
    t.dir("o");
    t.s3cmd("sync s3://BUCKET/p/ o/").ok();
    t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET2/q/").ok();
    t.dir("o2");
    t.s3cmd("sync s3://BUCKET2/q/ o2/").ok();
    for directory in ["o", "o2"] {
        for (name, time) in times {
            let path = t.path(name.replace("d/", &format!("{directory}/")));
            let metadata = std::fs::metadata(path).expect("it was fetched");
            assert_eq!(
                filetime::FileTime::from_last_modification_time(&metadata).unix_seconds(),
                time,
                "{name}"
            );
        }
    }
}

#[test]
fn large_objects_are_not_sent_again() {
    let t = with_buckets();
    t.file("d/big", vec![b'x'; 11_000_000]);
    t.file("d/plain", vec![b'y'; 6_000_000]);
    t.s3cmd("sync --multipart-chunk-size-mb=5 d/ s3://BUCKET/p/").ok();
    t.s3cmd("sync --multipart-chunk-size-mb=5 d/ s3://BUCKET/p/").ok().prints("");
    t.s3cmd("sync --multipart-chunk-size-mb=6 d/ s3://BUCKET/p/").ok().prints("");
    t.s3cmd("sync s3://BUCKET/p/ d/").ok().prints("");
    t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET2/p/").ok();
    t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET2/p/")
        .ok()
        .prints("Summary: 0 source files to copy, 0 files at destination to delete");
    let mut changed = vec![b'x'; 11_000_000];
    changed[10_999_999] = b'z';
    t.file("d/big", changed);
    let run = t.s3cmd("sync --multipart-chunk-size-mb=5 d/ s3://BUCKET/p/").ok();
    assert!(run.lines()[0].starts_with("upload: 'd/big'"), "{run}");
}

#[test]
fn a_large_file_with_a_known_content_is_copied() {
    let t = with_buckets();
    let content: Vec<u8> = (0..6_000_000u32).map(|i| (i % 251) as u8).collect();
    t.file("d/one", &content);
    t.file("d/two", &content);
    let run = t.s3cmd("sync --multipart-chunk-size-mb=5 d/ s3://BUCKET/p/").ok();
    assert!(run.lines().contains(&"remote copy: 'one' -> 'two'  [1 of 1]"), "{run}");
    t.s3cmd("sync --multipart-chunk-size-mb=5 d/ s3://BUCKET/p/").ok().prints("");
    t.dir("o");
    t.s3cmd("sync s3://BUCKET/p/ o/").ok();
    assert!(t.read("o/two") == content && t.read("o/one") == content);
}

#[test]
fn directories_are_made_kept_and_removed() {
    let t = with_buckets();
    tree(&t, "d", &[("a", "a")]);
    t.dir("d/e/f");
    t.s3cmd("sync --keep-dirs d/ s3://BUCKET/p/").ok();
    assert_eq!(t.keys(), ["p/a", "p/e/", "p/e/f/"]);
    t.s3cmd("sync --keep-dirs d/ s3://BUCKET/p/").ok().prints("");
    t.dir("o/x/y");
    t.file("o/g/h", "h");
    let run = t.s3cmd("sync --delete-removed s3://BUCKET/p/ o/").ok();
    let deleted: Vec<&str> = run.lines().into_iter().filter(|line| line.starts_with("delete: ")).collect();
    assert_eq!(deleted, ["delete: 'o/x/y'", "delete: 'o/x'", "delete: 'o/g/h'", "delete: 'o/g'"], "{run}");
    run.mentions("mkdir: 's3://BUCKET/p/e/f/' -> 'o/e/f/' [3 of 3]");
    assert!(t.path("o/e/f").is_dir() && !t.exists("o/x") && !t.exists("o/g"));
    t.s3cmd("sync --delete-removed s3://BUCKET/p/ o/").ok().prints("");
}

#[test]
fn the_destination_decides_where_names_go() {
    let t = with_buckets();
    tree(&t, "d", &[("a", "a"), ("sub/b", "b")]);
    tree(&t, "d2", &[("x", "x")]);
    t.file("f", "f");
    for (line, keys) in [
        ("d s3://BUCKET", &["d/a", "d/sub/b"][..]),
        ("d/ s3://BUCKET/p/", &["p/a", "p/sub/b"]),
        ("d d2 f s3://BUCKET/p/", &["p/d/a", "p/d/sub/b", "p/d2/x", "p/f"]),
        ("f s3://BUCKET/name", &["name"]),
        ("f s3://BUCKET/p/", &["p/f"]),
    ] {
        t.s3cmd(&format!("sync {line}")).ok();
        assert_eq!(t.keys(), keys, "{line}");
        t.s3cmd(&format!("sync {line}")).ok().prints("");
        t.s3cmd("del -rf s3://BUCKET").ok();
    }
    for line in [
        "d s3://BUCKET/p",
        "d/a f s3://BUCKET/p",
        "nope s3://BUCKET/",
        "d d2",
        "- s3://BUCKET/",
        "-e d s3://BUCKET/",
    ] {
        let run = t.s3cmd(&format!("sync {line}")).run();
        assert!(matches!(run.code, Some(64 | 78)), "{run}");
    }
    t.s3cmd("sync d/ s3://BUCKET/p/").ok();
    t.s3cmd("sync s3://BUCKET/p s3://BUCKET2/q").ok();
    t.s3cmd("sync s3://BUCKET/p/a s3://BUCKET2/name").ok();
    assert_eq!(t.keys_of("BUCKET2"), ["name", "q/p/a", "q/p/sub/b"]);
    t.s3cmd("sync d/ s3://BUCKET/y/ --add-destination=s3://BUCKET2/z/").ok();
    assert_eq!((t.content("y/a"), t.keys_of("BUCKET2").len()), (b"a".to_vec(), 5));
}

#[test]
fn hostile_keys_stay_inside_the_destination() {
    let t = with_buckets();
    t.object("p/../../out", "bad");
    t.object("p/ok", "good");
    t.dir("o");
    let run = t.s3cmd("sync s3://BUCKET/p/ o/").run();
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(t.files("o"), ["ok"]);
    assert!(!t.exists("out") && !t.exists("../out"));
}

#[cfg(unix)]
#[test]
fn links_in_the_destination_are_compared_and_replaced_but_never_followed_out() {
    let t = with_buckets();
    for key in ["same", "other", "out/x"] {
        t.object(&format!("p/{key}"), key);
    }
    t.file("same", "same");
    t.file("precious", "precious");
    t.dir("elsewhere");
    t.dir("o");
    for (name, target) in [("same", "../same"), ("other", "../precious"), ("out", "../elsewhere")] {
        std::os::unix::fs::symlink(target, t.path("o").join(name)).expect("a link");
    }
    let run = t.s3cmd("sync --delete-removed s3://BUCKET/p/ o/").run();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(t.path("o/same").is_symlink() && !t.path("o/other").is_symlink(), "{run}");
    assert_eq!((t.text("o/other"), t.text("precious")), ("other".to_owned(), "precious".to_owned()));
    assert!(t.files("elsewhere").is_empty() && t.path("o/out").is_symlink());
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_or_owned_is_told_once_each() {
    use std::os::unix::fs::PermissionsExt;
    let t = with_buckets();
    tree(&t, "d", &[("a", "a"), ("b", "b")]);
    let call = t.s3cmd("sync d/ s3://BUCKET/p/");
    let Some(call) = call.bound_by_permissions() else { return };
    std::fs::set_permissions(t.path("d/a"), std::fs::Permissions::from_mode(0o000)).expect("the mode is set");
    let run = call.run();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("Upload of 'd/a' is not possible (Reason: Permission denied)"), "{run}");
    assert_eq!(t.keys(), ["p/b"]);
    // Attributes of somebody else: modes and times come back, owners only for root.
    let attributes = "x-amz-meta-s3cmd-attrs:gid:12345/mode:33184/mtime:1500000000/uid:12345";
    for name in ["x", "y"] {
        t.file(name, name);
        let line =
            format!("put --no-preserve --no-check-md5 --add-header={attributes} {name} s3://BUCKET/q/{name}");
        t.s3cmd(&line).ok();
    }
    t.dir("o");
    let run = t.s3cmd("sync s3://BUCKET/q/ o/").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.lines().count() <= 1, "{run}");
    let mode = std::fs::metadata(t.path("o/x")).expect("it was fetched").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn shares_make_the_whole_and_delete_no_more_than_theirs() {
    let t = with_buckets();
    tree(&t, "d", &[("a", "a"), ("b", "b"), ("sub/c", "c")]);
    for key in ["p/gone", "p/sub/old", "p/x", "p/y"] {
        t.object(key, key);
    }
    for share in 1..=5 {
        let run = t.s3cmd(&format!("sync --delete-removed --shard {share}/5 d/ s3://BUCKET/p/")).run();
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    }
    assert_eq!(t.keys(), ["p/a", "p/b", "p/sub/c"]);
    t.s3cmd("sync --delete-removed d/ s3://BUCKET/p/").ok().prints("");
}

#[test]
fn objects_with_odd_names_are_fetched_once() {
    let t = with_buckets();
    for key in ["p/a//b", "p/c/./d", "p/e", "p/e/f"] {
        t.object(key, key);
    }
    t.dir("o");
    let run = t.s3cmd("sync s3://BUCKET/p/ o/").run();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("Creation of file 'o/e/f' failed"), "{run}");
    assert_eq!(t.files("o"), ["a/b", "c/d", "e"]);
    t.s3cmd("del s3://BUCKET/p/e/f").ok();
    t.s3cmd("sync --delete-removed s3://BUCKET/p/ o/").ok().prints("");
    assert_eq!(t.files("o"), ["a/b", "c/d", "e"]);
}

#[test]
fn the_modification_time_of_rclone_is_restored() {
    let t = with_buckets();
    t.file("f", "f");
    t.s3cmd("put --no-preserve --no-check-md5 --add-header=x-amz-meta-mtime:1500000000.25 f s3://BUCKET/p/f")
        .ok();
    t.dir("o");
    t.s3cmd("sync s3://BUCKET/p/ o/").ok();
    let metadata = std::fs::metadata(t.path("o/f")).expect("it was fetched");
    assert_eq!(filetime::FileTime::from_last_modification_time(&metadata).unix_seconds(), 1_500_000_000);
}

/// Which way a generated case goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
    Between,
}

#[derive(Clone, Debug)]
struct Case {
    way: Way,
    source: Tree,
    destination: Tree,
    exclude: Vec<&'static str>,
    include: Vec<&'static str>,
    delete: bool,
}

const PATTERNS: &[&str] = &["*", "*.x", "a*", "s/*", "s/", "t/", "*/t/*", "b", "s/*.x", "é.x"];

fn trees() -> impl Strategy<Value = Tree> {
    let name = "(s/|t/|s/t/|t/s-/)?(a|b|c|a-|é)(\\.x)?";
    proptest::collection::btree_map(name, "[01]{0,2}", 0..8)
}

fn cases() -> impl Strategy<Value = Case> {
    let patterns = |most| proptest::collection::vec(proptest::sample::select(PATTERNS), 0..most);
    let way = proptest::sample::select(&[Way::Up, Way::Down, Way::Between][..]);
    (way, trees(), trees(), patterns(3), patterns(3), any::<bool>()).prop_map(
        |(way, source, destination, exclude, include, delete)| Case {
            way,
            source,
            destination,
            exclude,
            include,
            delete,
        },
    )
}

/// A glob as s3cmd takes it: `*` crosses slashes, and only the end is anchored.
fn matches(pattern: &str, name: &str) -> bool {
    fn whole(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|skip| whole(rest, &name[skip..])),
            Some((first, rest)) => {
                name.split_first().is_some_and(|(c, tail)| c == first && whole(rest, tail))
            }
        }
    }
    let pattern: Vec<char> = format!("*{pattern}").chars().collect();
    whole(&pattern, &name.chars().collect::<Vec<_>>())
}

impl Case {
    fn excluded(&self, name: &str) -> bool {
        let any = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, name));
        any(&self.exclude) && !any(&self.include)
    }

    /// Whether a rule keeps the walk out of a directory above that name.
    fn hidden(&self, base: &str, name: &str) -> bool {
        let any = |patterns: &[&str], directory: &str| {
            patterns.iter().any(|pattern| pattern.ends_with('/') && matches(pattern, directory))
        };
        name.match_indices('/').any(|(slash, _)| {
            let directory = format!("{base}/{}", &name[..=slash]);
            any(&self.exclude, &directory) && !any(&self.include, &directory)
        })
    }

    /// What the specification says the destination holds afterwards.
    fn expected(&self) -> Tree {
        let taken = |name: &str| match self.way {
            Way::Up => !self.excluded(name) && !self.hidden("src", name),
            Way::Down | Way::Between => !self.excluded(name),
        };
        let guarded = |name: &str| self.way == Way::Down && self.hidden("dst", name);
        let source: Tree = self.source.clone().into_iter().filter(|(name, _)| taken(name)).collect();
        let delete = self.delete && !source.is_empty();
        let mut result = self.destination.clone();
        result.retain(|name, _| !delete || !taken(name) || guarded(name) || source.contains_key(name));
        result.extend(source);
        result
    }

    fn options(&self) -> String {
        let exclude = self.exclude.iter().map(|pattern| format!(" '--exclude={pattern}'"));
        let include = self.include.iter().map(|pattern| format!(" '--include={pattern}'"));
        let delete = if self.delete { " --delete-removed" } else { "" };
        exclude.chain(include).chain([delete.to_owned()]).collect()
    }
}

/// One side as it is made and read back.
struct Side<'a> {
    t: &'a TestEnv,
    local: bool,
    /// Name of the directory, or of the prefix.
    name: &'a str,
}

impl Side<'_> {
    fn argument(&self) -> String {
        if self.local { format!("{}/", self.name) } else { format!("s3://BUCKET/{}/", self.name) }
    }

    fn fill(&self, files: &Tree) {
        let directory = if self.local { self.name } else { "upload" };
        self.t.dir(directory);
        for (name, content) in files {
            self.t.file(format!("{directory}/{name}"), content);
        }
        if !self.local {
            if !files.is_empty() {
                self.t.s3cmd(&format!("put -r upload/ {}", self.argument())).ok();
            }
            std::fs::remove_dir_all(self.t.path("upload")).expect("it is there");
        }
    }

    fn content(&self) -> Tree {
        let directory = if self.local { self.name } else { "download" };
        if !self.local {
            self.t.dir(directory);
            self.t.s3cmd(&format!("get -r {} download/", self.argument())).ok();
        }
        let files = self.t.files(directory).into_iter();
        let content = files.map(|name| (name.clone(), self.t.text(format!("{directory}/{name}")))).collect();
        if !self.local {
            std::fs::remove_dir_all(self.t.path("download")).expect("it is there");
        }
        content
    }
}

fn check(case: &Case) {
    let t = TestEnv::with_bucket();
    let source = Side { t: &t, local: case.way == Way::Up, name: "src" };
    let destination = Side { t: &t, local: case.way == Way::Down, name: "dst" };
    source.fill(&case.source);
    destination.fill(&case.destination);
    let line = format!("sync{} {} {}", case.options(), source.argument(), destination.argument());
    let run = t.s3cmd(&line).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(destination.content(), case.expected(), "{case:?}\n{run}");
    assert_eq!(source.content(), case.source, "the source has changed: {case:?}\n{run}");
    let again = t.s3cmd(&line).run();
    let silence = match case.way {
        Way::Between => vec!["Summary: 0 source files to copy, 0 files at destination to delete"],
        _ => Vec::new(),
    };
    assert_eq!(again.lines(), silence, "{case:?}\n{again}");
}

#[test]
fn any_two_trees_become_what_the_rules_say_and_stay_so() {
    let count = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    let config =
        Config { cases: count, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    TestRunner::new(config)
        .run(&cases(), |case| {
            check(&case);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}
