//! Which local names are uploaded: missing and unreadable files, names from lists, symbolic links to missing files.

use crate::support::env::TestEnv;
use std::os::unix::fs::symlink;

#[test]
fn missing_sources_beside_present_ones_are_named() {
    let t = TestEnv::with_bucket();
    t.file("a.txt", "a");
    symlink("nowhere", t.path("dangling")).expect("a link");
    let run = t.s3cmd("put a.txt missing.txt dangling a.txt/x s3://BUCKET/").fails(2);
    run.complains(
        r"
        |WARNING: Skipping over missing.txt: No such file or directory
        |WARNING: Skipping over dangling: No such file or directory
        |WARNING: Skipping over a.txt/x: Not a directory
        |ERROR: 3 of 4 items failed
        ",
    );
    t.s3cmd("put -n a.txt missing.txt s3://BUCKET/").fails(2).explains("missing.txt: No such file");
    assert_eq!(t.keys(), ["a.txt"]);
    // Without any source the run is refused.
    for line in [
        "put missing.txt s3://BUCKET/",
        "put missing.txt another s3://BUCKET/",
        "put -F dangling s3://BUCKET/",
    ] {
        t.s3cmd(line).fails(64).complains("ERROR: Parameter problem: Nothing to upload.");
    }
}

#[test]
fn names_in_lists_are_exact_and_missing_ones_are_named() {
    for command in ["put -r", "sync"] {
        let t = TestEnv::with_bucket();
        for name in ["d/a", "d/ a", "d/b ", "d/sub/c\r", "d/crlf", "d/e"] {
            t.file(name, name);
        }
        t.file("outside", "o");
        symlink("sub", t.path("d/to-sub")).expect("a link");
        t.file(
            "list",
            "to-sub\n a\nb \nsub/c\r\ncrlf\r\n\n  e\nmissing\n../outside\nsub/../../outside\nsub\n",
        );
        let run = t.s3cmd(&format!("{command} --files-from=list d/ s3://BUCKET/p/")).fails(2);
        let mut complaints: Vec<&str> =
            run.stderr.lines().filter(|line| !line.starts_with("ERROR: ")).collect();
        assert!(run.stderr.ends_with(" items failed\n"), "{run}");
        complaints.sort_unstable();
        let wanted = [
            "WARNING: 1 non-printable characters replaced in: sub/c^M",
            "WARNING: Skipping over ../outside: the name leads out of the source directory",
            "WARNING: Skipping over d/missing: No such file or directory",
            "WARNING: Skipping over non regular file: d/sub",
            "WARNING: Skipping over non regular file: d/to-sub",
            "WARNING: Skipping over sub/../../outside: the name leads out of the source directory",
        ];
        assert_eq!(complaints, wanted, "{command}");
        assert_eq!(t.keys(), ["p/ a", "p/b ", "p/crlf", "p/e", "p/sub/c^M"], "{command}");
    }
}

#[test]
fn a_list_with_names_that_are_not_utf8_does_not_stop_the_others() {
    for command in ["put -r", "sync"] {
        let t = TestEnv::with_bucket();
        t.file("d/a", "a");
        t.file("list", b"a\n\xff\xfe\n");
        let run = t.s3cmd(&format!("{command} --files-from=list d/ s3://BUCKET/")).fails(2);
        assert!(run.stderr.contains("the name is not UTF-8"), "{run}");
        assert_eq!(t.keys(), ["a"], "{command}");
    }
}

#[test]
fn a_listed_name_that_is_missing_keeps_its_copy() {
    let t = TestEnv::with_bucket();
    t.file("d/a", "a");
    t.file("list", "a\nmissing\ngone/x\n");
    for key in ["missing", "gone/x", "a"] {
        t.object(key, "old");
    }
    t.s3cmd("sync --delete-removed --files-from=list d/ s3://BUCKET/").fails(2);
    assert_eq!(t.keys(), ["a", "gone/x", "missing"]);
}

#[test]
fn the_copy_of_a_dangling_followed_link_is_kept() {
    let t = TestEnv::with_bucket();
    t.file("d/f", "f");
    for link in ["file", "tree", "locked"] {
        t.dir("disk");
        symlink(format!("../disk/{link}"), t.path(format!("d/{link}"))).expect("a link");
    }
    t.file("disk/file", "1");
    t.file("disk/tree/x", "2");
    t.file("disk/locked/y", "3");
    t.s3cmd("sync -F d/ s3://BUCKET/").ok();
    let all = ["f", "file", "locked/y", "tree/x"];
    assert_eq!(t.keys(), all);
    std::fs::rename(t.path("disk"), t.path("unmounted")).expect("the disk goes away");
    for command in ["sync -F --delete-removed d/ s3://BUCKET/", "put -r -F d/ s3://BUCKET/"] {
        let run = t.s3cmd(command).fails(2);
        for link in ["file", "tree", "locked"] {
            let line = format!("WARNING: Skipping over d/{link}: No such file or directory\n");
            assert!(run.stderr.contains(&line), "{command}: {run}");
        }
        assert_eq!(t.keys(), all, "{command}");
    }
    // Without -F links are skipped, wherever they lead.
    t.s3cmd("sync d/ s3://BUCKET/other/").ok();
}

#[test]
fn links_to_pipes_and_devices_are_reported() {
    let t = TestEnv::with_bucket();
    t.file("d/f", "f");
    symlink("/dev/null", t.path("d/null")).expect("a link");
    for command in ["put -r", "sync", "put -r -F", "sync -F"] {
        let run = t.s3cmd(&format!("{command} d/ s3://BUCKET/")).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.complains("WARNING: Skipping over non regular file: d/null");
    }
}

#[test]
fn control_characters_are_reported_once_per_file_with_the_whole_name() {
    let t = TestEnv::with_bucket();
    t.file("d/\u{1}sub/x\u{2}y", "1");
    t.file("d/\u{1}sub/plain", "2");
    for (command, source, prefix) in
        [("put -r", "d", "d/"), ("sync", "d", "d/"), ("put -r", "d/", ""), ("sync", "d/", "")]
    {
        let run = t.s3cmd(&format!("{command} {source} s3://BUCKET/")).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.complains(&format!(
            "WARNING: 1 non-printable characters replaced in: {prefix}^Asub/plain\n\
             WARNING: 2 non-printable characters replaced in: {prefix}^Asub/x^By"
        ));
    }
}

#[test]
fn a_name_with_a_line_break_is_uploaded_like_any_other() {
    let t = TestEnv::with_bucket();
    t.file("a\nb", "x");
    for line in ["put", "sync"] {
        let run = t.s3cmd(line).arg("a\nb").arg(t.fill(&format!("s3://BUCKET/{line}/"))).run();
        assert_eq!(run.code, Some(0), "{run}");
        run.explains("WARNING: 1 non-printable characters replaced in: a^Jb");
    }
    assert_eq!(t.keys(), ["put/a^Jb", "sync/a^Jb"]);
}
