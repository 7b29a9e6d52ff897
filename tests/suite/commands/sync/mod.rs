//! `sync` in its three directions.

mod model;

use crate::support::env::TestEnv;

fn tree(t: &TestEnv, directory: &str, files: &[(&str, &str)]) {
    for (name, content) in files {
        t.file(format!("{directory}/{name}"), content);
    }
}

#[test]
fn new_files_come_first_then_changed_ones_then_copies_then_deletions() {
    let t = TestEnv::with_two_buckets();
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
fn swapped_contents_are_not_mixed_up() {
    // s3cmd 2.4.0 copies from what it has just overwritten.
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
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

#[test]
fn unreadable_files_protect_only_their_own_copies() {
    use std::os::unix::fs::PermissionsExt;
    let t = TestEnv::with_two_buckets();
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
    assert!(run.stderr.contains("d/sub"), "{run}");
    assert_eq!(t.keys(), ["p/a", "p/sub/b"]);
}

#[test]
fn every_copy_of_a_content_has_its_own_attributes() {
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
    t.object("p/../../out", "bad");
    t.object("p/ok", "good");
    t.dir("o");
    let run = t.s3cmd("sync s3://BUCKET/p/ o/").run();
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(t.files("o"), ["ok"]);
    assert!(!t.exists("out") && !t.exists("../out"));
}

#[test]
fn links_in_the_destination_are_replaced_and_never_followed_outside() {
    let t = TestEnv::with_two_buckets();
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

#[test]
fn unreadable_files_and_refused_owners_are_reported_once() {
    use std::os::unix::fs::PermissionsExt;
    let t = TestEnv::with_two_buckets();
    tree(&t, "d", &[("a", "a"), ("b", "b")]);
    let call = t.s3cmd("sync d/ s3://BUCKET/p/");
    let Some(call) = call.bound_by_permissions() else { return };
    std::fs::set_permissions(t.path("d/a"), std::fs::Permissions::from_mode(0o000)).expect("the mode is set");
    let run = call.run();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("Upload of 'd/a' is not possible (Reason: Permission denied)"), "{run}");
    assert_eq!(t.keys(), ["p/b"]);
    // Attributes of another user: modes and times are restored, owners only by root.
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
fn shards_are_complete_and_delete_only_their_own() {
    let t = TestEnv::with_two_buckets();
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
fn objects_with_unusual_names_are_fetched_once() {
    let t = TestEnv::with_two_buckets();
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
    let t = TestEnv::with_two_buckets();
    t.file("f", "f");
    t.s3cmd("put --no-preserve --no-check-md5 --add-header=x-amz-meta-mtime:1500000000.25 f s3://BUCKET/p/f")
        .ok();
    t.dir("o");
    t.s3cmd("sync s3://BUCKET/p/ o/").ok();
    let metadata = std::fs::metadata(t.path("o/f")).expect("it was fetched");
    assert_eq!(filetime::FileTime::from_last_modification_time(&metadata).unix_seconds(), 1_500_000_000);
}

#[test]
fn a_sync_to_the_parent_prefix_deletes_none_of_its_sources() {
    let t = TestEnv::with_two_buckets();
    for key in ["np/sub/a", "np/sub/deep/b", "np/old", "top"] {
        t.object(key, key);
    }
    let run = t.s3cmd("sync --delete-removed s3://BUCKET/np/sub/ s3://BUCKET/np/").ok();
    assert!(run.stdout.contains("delete: 's3://BUCKET/np/old'"), "{run}");
    assert_eq!(t.keys(), ["np/a", "np/deep/b", "np/sub/a", "np/sub/deep/b", "top"]);
    t.s3cmd("sync --delete-removed s3://BUCKET/np/ s3://BUCKET/").ok();
    assert_eq!(
        t.keys(),
        ["a", "deep/b", "np/a", "np/deep/b", "np/sub/a", "np/sub/deep/b", "sub/a", "sub/deep/b"]
    );
}

#[test]
fn one_empty_source_of_several_deletes_nothing_without_force() {
    let t = TestEnv::with_two_buckets();
    tree(&t, "one", &[("a", "a")]);
    tree(&t, "two", &[("b", "b")]);
    t.s3cmd("sync one/ two/ s3://BUCKET/p/").ok();
    std::fs::remove_file(t.path("two/b")).expect("it is there");
    let run = t.s3cmd("sync --delete-removed one/ two/ s3://BUCKET/p/").run();
    assert!(run.stderr.contains("cowardly refusing to delete"), "{run}");
    assert_eq!(t.keys(), ["p/a", "p/b"]);
    t.dir("down");
    t.s3cmd("sync s3://BUCKET/p/ down/").ok();
    let run = t.s3cmd("sync --delete-removed s3://BUCKET/p/a s3://BUCKET/none/ down/").run();
    assert!(run.stderr.contains("cowardly refusing to delete"), "{run}");
    assert_eq!(t.files("down"), ["a", "b"]);
    t.s3cmd("sync --delete-removed --force one/ two/ s3://BUCKET/p/").ok();
    assert_eq!(t.keys(), ["p/a"]);
}

#[test]
fn a_dry_run_downwards_shows_all_that_the_run_makes() {
    let t = TestEnv::with_two_buckets();
    for key in ["d/a", "d/b", "d/c", "d/other"] {
        t.object(key, if key == "d/other" { "other" } else { "same" });
    }
    t.dir("down");
    let run = t.s3cmd("sync --dry-run s3://BUCKET/d/ down/").run();
    assert_eq!(run.lines().iter().filter(|line| line.starts_with("download: ")).count(), 4, "{run}");
    t.s3cmd("sync s3://BUCKET/d/ down/").ok();
    assert_eq!(t.files("down"), ["a", "b", "c", "other"]);
}
