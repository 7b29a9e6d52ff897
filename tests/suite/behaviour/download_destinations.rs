//! Destinations of downloads on the local disk: symbolic links, directories in the way, keys that end with a slash,
//! temporary files.

use crate::support::env::TestEnv;
use crate::support::snapshot::{Seed, Store};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Puts an object whose key may end with a slash. The program itself does that only for directories.
fn put(t: &TestEnv, key: &str, content: &str, headers: &[(&str, &str)]) {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let seed = Seed { key: key.to_owned(), content: content.into(), headers };
    Store::new(&t.service).put(&t.fill("BUCKET"), &[seed]);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[test]
fn an_object_with_content_whose_key_ends_with_a_slash_is_an_error_and_stays() {
    let t = TestEnv::with_bucket();
    put(&t, "p/x/", "hello", &[]);
    put(&t, "p/e/", "", &[]);
    put(&t, "p/f", "f", &[]);
    for command in ["get -r --force s3://BUCKET/p/ d", "sync s3://BUCKET/p/ d/"] {
        let _ = std::fs::remove_dir_all(t.path("d"));
        t.dir("d");
        // The second time the directory exists already.
        for _ in 0..2 {
            let run = t.s3cmd(command).fails(2);
            run.explains("ERROR: Creation of file 'd/x/' failed (Reason: the object has 5 bytes of content");
            assert!(t.path("d/e").is_dir() && t.text("d/f") == "f");
            t.dir("d/x");
        }
    }
    for command in ["get -r --force s3://BUCKET/p/ d", "sync s3://BUCKET/p/ d2/"] {
        put(&t, "p/e/", "", &[]);
        put(&t, "p/f", "f", &[]);
        t.s3cmd(command).arg("--delete-after-fetch").fails(2);
        assert_eq!(t.keys(), ["p/x/"], "{command}");
        let left = t.s3cmd("get -r --no-progress s3://BUCKET/p/ -").ok().raw;
        assert_eq!(left, b"hello");
    }
}

#[test]
fn a_changed_object_whose_key_ends_with_a_slash_is_copied_between_buckets() {
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    let there = |t: &TestEnv| t.s3cmd("get -r --no-progress s3://BUCKET2/p/ -").ok().raw;
    for content in ["hello", "other", "longer content", ""] {
        put(&t, "p/x/", content, &[]);
        t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET2/p/").ok();
        assert_eq!(there(&t), content.as_bytes());
        t.s3cmd("sync s3://BUCKET/p/ s3://BUCKET2/p/").ok().silent_about("remote copy");
    }
}

#[test]
fn sync_reports_a_directory_in_the_way_and_continues() {
    let t = TestEnv::with_bucket();
    for key in ["p/way", "p/zz"] {
        t.object(key, key);
    }
    t.dir("d/way");
    t.s3cmd("sync s3://BUCKET/p/ d/")
        .fails(2)
        .explains("ERROR: Download of 'way' failed (Reason: d/way is a directory)\n");
    assert_eq!(t.text("d/zz"), "p/zz");
    t.dir("e/p/way");
    t.s3cmd("sync s3://BUCKET/p e/")
        .fails(2)
        .explains("ERROR: Download of 'p/way' failed (Reason: e/p/way is a directory)\n");
    assert_eq!(t.text("e/p/zz"), "p/zz");
}

#[test]
fn links_in_a_destination_never_lead_outside() {
    let t = TestEnv::with_bucket();
    let wide = [("x-amz-meta-s3cmd-attrs", "mode:16895/mtime:1600000000")];
    for key in ["out/", "out/new/", "deep/out2/sub/"] {
        put(&t, &format!("p/{key}"), "", &wide);
    }
    for key in ["out/file", "dangling", "named", "in/file", "plain"] {
        t.object(&format!("p/{key}"), key);
    }
    for command in ["get -r --force s3://BUCKET/p/ d", "sync s3://BUCKET/p/ d/"] {
        for directory in ["d", "outside"] {
            let _ = std::fs::remove_dir_all(t.path(directory));
        }
        for directory in ["outside/inner", "d/deep", "d/real"] {
            t.dir(directory);
        }
        std::fs::set_permissions(t.path("outside"), PermissionsExt::from_mode(0o700)).expect("a mode");
        t.file("outside/precious", "precious");
        for (link, to) in [
            ("d/out", "../outside"),
            ("d/deep/out2", "../../outside"),
            ("d/dangling", "../outside/made"),
            ("d/named", "../outside/precious"),
            ("d/in", "real"),
        ] {
            symlink(to, t.path(link)).expect("a link");
        }
        let run = t.s3cmd(command).fails(2);
        assert_eq!(t.files("outside"), ["precious"], "{run}");
        assert_eq!(t.text("outside/precious"), "precious", "{run}");
        assert_eq!(mode(&t.path("outside")), 0o700, "{run}");
        let made: Vec<_> = std::fs::read_dir(t.path("outside")).expect("it is there").collect();
        assert_eq!(made.len(), 2, "{made:?}\n{run}");
        // Files inside the destination keep working, and so do links.
        assert_eq!((t.text("d/plain"), t.text("d/real/file")), ("plain".into(), "in/file".into()), "{run}");
        assert!(t.path("d/in").is_symlink());
        run.explains("a symbolic link leads out of the destination directory");
    }
}

#[test]
fn a_destination_that_is_a_symbolic_link_is_used() {
    let t = TestEnv::with_bucket();
    t.object("p/a/b", "b");
    put(&t, "p/e/", "", &[]);
    for (link, command) in [("l", "get -r s3://BUCKET/p/ l"), ("m", "sync s3://BUCKET/p/ m/")] {
        t.dir(&format!("real-{link}"));
        symlink(format!("real-{link}"), t.path(link)).expect("a link");
        t.s3cmd(command).ok();
        assert_eq!(t.text(format!("real-{link}/a/b")), "b");
        assert!(t.path(format!("real-{link}/e")).is_dir());
    }
    // A link that is named as the destination of one file is followed wherever it leads.
    t.dir("away");
    symlink("away/new", t.path("named")).expect("a link");
    t.s3cmd("get s3://BUCKET/p/a/b named --force").ok();
    assert_eq!(t.text("away/new"), "b");
}

#[test]
fn sync_down_deletes_nothing_behind_a_link() {
    let t = TestEnv::with_bucket();
    t.object("p/a", "a");
    t.file("outside/precious", "precious");
    t.file("d/own", "removed");
    t.file("d/real/x", "removed, but not twice");
    symlink("../outside", t.path("d/link")).expect("a link");
    symlink("real", t.path("d/within")).expect("a link");
    t.dir("outside-empty");
    symlink("../outside-empty", t.path("d/empty")).expect("a link");
    t.s3cmd("sync -F --delete-removed s3://BUCKET/p/ d/").ok();
    assert_eq!(t.text("outside/precious"), "precious");
    assert!(t.exists("d/link") && t.exists("d/within") && t.exists("d/empty") && t.exists("outside-empty"));
    assert!(!t.exists("d/own"));
    assert_eq!(t.text("d/a"), "a");
}

#[test]
fn dots_in_a_source_are_not_part_of_the_destination() {
    let t = TestEnv::with_bucket();
    for key in ["up/../x", "up/..", "up/./y", "up/z"] {
        t.object(key, key);
    }
    t.file("precious", "precious");
    t.file("d/own", "own");
    for source in ["s3://BUCKET/up/..", "s3://BUCKET/up/."] {
        for option in ["", "--force"] {
            let run = t.s3cmd(&format!("sync --delete-removed {option} {source} d/")).run();
            assert_eq!((t.text("precious"), t.text("d/own")), ("precious".into(), "own".into()), "{run}");
            assert!(!run.stdout.contains("delete: "), "{run}");
        }
    }
    let run = t.s3cmd("sync --delete-removed s3://BUCKET/up/.. d/").fails(2);
    run.explains("the name leads out of the destination directory");
}

#[test]
fn files_of_users_are_not_mistaken_for_temporary_ones() {
    let t = TestEnv::with_bucket();
    let names = [".s3cmd.backup.part", ".s3cmd.notes.state", ".s3cmd.0123456789abcdef.state"];
    for name in names {
        t.file(format!("d/{name}"), "a user's");
    }
    t.file("d/a", "a");
    let all: Vec<String> = names.iter().map(|name| (*name).to_owned()).chain(["a".to_owned()]).collect();
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    t.s3cmd("sync --delete-removed d/ s3://BUCKET/").ok();
    assert_eq!(t.keys(), sorted(all.clone()));
    t.s3cmd("put -r d/ s3://BUCKET/put/").ok();
    assert_eq!(t.s3cmd("ls s3://BUCKET/put/").ok().lines().len(), 4);
    t.s3cmd("del -rf s3://BUCKET/put/").ok();
    // The same in the other direction.
    t.s3cmd("sync s3://BUCKET/ d/").ok();
    t.s3cmd("sync s3://BUCKET/ e/").ok();
    for directory in ["d", "e"] {
        assert_eq!(t.files(directory), sorted(all.clone()));
    }
    t.s3cmd("get --skip-existing s3://BUCKET/a d/a").ok();
    assert_eq!(t.files("d"), sorted(all));
}

#[test]
fn of_two_keys_for_one_file_one_is_fetched_and_the_other_is_named() {
    let t = TestEnv::with_objects(&["p/a/b", "p/a//b", "p/c", "p/x//y", "p/x/./y", "p/z"]);
    for jobs in [1, 8] {
        for (command, first, second) in [
            ("get -r s3://BUCKET/p/ d", "it is the same file as that of 'a/b'", "that of 'x/./y'"),
            ("sync s3://BUCKET/p/ d/", "another object becomes the same file", "the same file"),
        ] {
            let _ = std::fs::remove_dir_all(t.path("d"));
            t.dir("d");
            let run = t.s3cmd(command).arg(format!("--jobs={jobs}")).fails(2);
            assert_eq!(run.stdout.matches("download: ").count(), 4, "{run}");
            run.explains(&format!("ERROR: Creation of file 'd/a//b' failed (Reason: {first})\n"))
                .explains("ERROR: Creation of file 'd/x//y' failed (Reason: ")
                .explains(&format!("{second})\nERROR: 2 of 6 items failed\n"));
            assert_eq!(t.files("d"), ["a/b", "c", "x/y", "z"]);
            // The normalised key is preferred, else the first one.
            assert_eq!((t.text("d/a/b"), t.text("d/x/y")), ("p/a/b\n".into(), "p/x/./y\n".into()));
        }
    }
}
