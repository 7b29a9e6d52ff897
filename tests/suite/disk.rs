//! The local side of downloads: links, directories, temporary files, runs at the same time, and signals.

use crate::env::TestEnv;
use crate::facts::{Seed, Store};
use crate::resume::{content, world};
use crate::run::Invocation;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Puts an object whose key may end with a slash, which the program itself does only for directories.
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
        // Also where the directory is there already.
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
fn sync_onto_a_directory_says_so_and_goes_on() {
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
fn nothing_outside_is_made_or_changed_through_links_in_a_destination() {
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
        // What is inside keeps working, links and all.
        assert_eq!((t.text("d/plain"), t.text("d/real/file")), ("plain".into(), "in/file".into()), "{run}");
        assert!(t.path("d/in").is_symlink());
        run.explains("a symbolic link leads out of the destination directory");
    }
}

#[test]
fn a_destination_that_is_a_link_itself_is_used() {
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
    // A link that is named as the one file is followed wherever it leads.
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
fn the_dots_in_a_source_are_no_part_of_the_destination() {
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
fn files_of_users_are_not_taken_for_temporary_ones() {
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
    // Neither in the other direction.
    t.s3cmd("sync s3://BUCKET/ d/").ok();
    t.s3cmd("sync s3://BUCKET/ e/").ok();
    for directory in ["d", "e"] {
        assert_eq!(t.files(directory), sorted(all.clone()));
    }
    t.s3cmd("get --skip-existing s3://BUCKET/a d/a").ok();
    assert_eq!(t.files("d"), sorted(all));
}

/// A call without pipes that would have to be read.
fn start(call: &Invocation, directory: &Path) -> Child {
    let errors = std::fs::File::create(directory).expect("a file for errors");
    call.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().expect("it starts")
}

/// Numbers that look random, the same in each run.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |last| {
        Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|number| number >> 33)
}

#[test]
fn runs_at_once_on_one_destination_do_not_disturb_each_other() {
    let t = TestEnv::with_bucket();
    let sizes: [u64; 5] = [10, 70_000, 400_000, 3 << 20, 40 << 20];
    for (index, size) in sizes.iter().enumerate() {
        t.object(&format!("p/k{index}"), content(*size));
    }
    t.dir("d");
    let done = AtomicBool::new(false);
    let paths: Vec<_> = (0..sizes.len()).map(|index| t.path(format!("d/k{index}"))).collect();
    let seen_half = std::thread::scope(|scope| {
        // Nothing is ever seen under a final name but the whole object.
        let watcher = scope.spawn(|| {
            let mut half = Vec::new();
            while !done.load(Ordering::Relaxed) {
                for (path, size) in paths.iter().zip(sizes) {
                    if let Ok(found) = std::fs::metadata(path)
                        && found.len() != size
                    {
                        half.push(format!("{}: {} of {size}", path.display(), found.len()));
                    }
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            half
        });
        let mut chance = numbers(7);
        for round in 0..6 {
            let command = ["get -r --force s3://BUCKET/p/ d", "sync s3://BUCKET/p/ d/"][round % 2];
            if round % 2 == 1 {
                let _ = std::fs::remove_dir_all(t.path("d"));
                t.dir("d");
            }
            let started = Instant::now();
            let mut runs: Vec<(Child, Option<Duration>)> = (0..5)
                .map(|run| {
                    let killed = chance.next().expect("they never end");
                    let after = (run < 2).then(|| Duration::from_millis(killed % 900));
                    (start(&t.s3cmd(command), &t.home(&format!("errors-{run}"))), after)
                })
                .collect();
            for (child, after) in &mut runs {
                if let Some(after) = after {
                    std::thread::sleep(after.saturating_sub(started.elapsed()));
                    let _ = child.kill();
                }
            }
            for (run, (mut child, after)) in runs.into_iter().enumerate() {
                let status = child.wait().expect("it ends");
                let errors = std::fs::read_to_string(t.home(&format!("errors-{run}"))).unwrap_or_default();
                let fine = after.is_some() && status.code().is_none() || status.code() == Some(0);
                assert!(fine && errors.is_empty(), "round {round}, run {run}, {command}: {status}\n{errors}");
            }
            for (index, size) in sizes.iter().enumerate() {
                assert!(t.read(format!("d/k{index}")) == content(*size), "round {round}, k{index}");
            }
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().expect("it watches")
    });
    assert!(seen_half.is_empty(), "{seen_half:?}");
    // What the kills left goes with the next runs.
    t.s3cmd("get -r --force s3://BUCKET/p/ d").ok();
    t.s3cmd("sync s3://BUCKET/p/ d/").ok();
    assert_eq!(t.files("d"), ["k0", "k1", "k2", "k3", "k4"]);
}

fn signalled(child: &Child, signal: rustix::process::Signal) {
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("it has an id");
    rustix::process::kill_process(id, signal).expect("it can be signalled");
}

/// Waits until something holds, at most a minute.
fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_says_what_is_kept_and_the_same_command_goes_on() {
    use rustix::process::Signal;
    for (signal, code, words) in [(Signal::INT, 130, "See ya!\n"), (Signal::TERM, 143, "")] {
        let (t, relay) = world();
        let bytes = content(50 << 20);
        t.object("k", &bytes);
        t.dir("d");
        let call = t.s3cmd("get --no-progress --limit-rate=24m s3://BUCKET/k d/k");
        let child = call.command().spawn().expect("it starts");
        let claims = || {
            let files = t.files("d");
            let journal = files.iter().find(|name| name.ends_with(".state"));
            journal.is_some_and(|name| t.text(format!("d/{name}")).lines().count() > 1)
        };
        until("a chunk is there", claims);
        signalled(&child, signal);
        let ended = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{errors}");
        assert!(errors.starts_with(words), "{errors}");
        let kept = errors.lines().find(|line| line.starts_with("WARNING: 'd/k': "));
        let kept = kept.unwrap_or_else(|| panic!("nothing is said to be kept:\n{errors}"));
        assert!(kept.ends_with(&format!(" of {} bytes are kept", 50 << 20)), "{errors}");
        assert!(errors.contains("the same command again"), "{errors}");
        relay.moved();
        t.s3cmd("get --no-progress s3://BUCKET/k d/k").ok();
        assert!(relay.moved().1 < 50);
        assert!(t.read("d/k") == bytes);
        assert_eq!(t.files("d"), ["k"]);
        // Where nothing is kept nothing is said.
        let call = t.s3cmd("get --no-progress --force --limit-rate=100k s3://BUCKET/k d/k");
        let child = call.command().spawn().expect("it starts");
        until("it is under way", || t.files("d").len() > 1);
        signalled(&child, signal);
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), words);
    }
}

#[test]
fn a_signal_says_what_is_kept_of_an_upload() {
    use rustix::process::Signal;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for (option, keeps) in [("", true), ("--abort-on-error", false)] {
            let (t, relay) = world();
            let bytes = content(50 << 20);
            t.file("f", &bytes);
            let line = "put --no-progress --multipart-chunk-size-mb=5 f s3://BUCKET/k";
            let call = t.s3cmd(&format!("{line} --jobs=1 --limit-rate=8m {option}"));
            let child = call.command().spawn().expect("it starts");
            let has_part = || {
                let begun = t.s3cmd("multipart s3://BUCKET").ok().stdout;
                let id = begun.lines().find_map(|line| line.split_once("s3://")?.1.split_once('\t'));
                id.is_some_and(|(_, id)| {
                    let parts = t.s3cmd("listmp s3://BUCKET/k").arg(id).ok().stdout;
                    // The head line, the first part, whose answer has been read for sure when there is a second.
                    parts.lines().count() > 2
                })
            };
            until("two parts are there", has_part);
            signalled(&child, signal);
            let ended = child.wait_with_output().expect("it ends");
            let errors = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(code), "{errors}");
            let kept = errors.lines().find(|line| line.starts_with("WARNING: 'f': "));
            assert_eq!(kept.is_some(), keeps, "{errors}");
            relay.moved();
            t.s3cmd(line).ok();
            let sent = relay.moved().0;
            assert!(if keeps { sent <= 46 } else { sent >= 50 }, "{sent}");
            assert!(t.content("k") == bytes);
        }
    }
}

#[test]
fn a_signal_ends_a_run_that_does_not_listen() {
    use rustix::process::Signal;
    let t = TestEnv::new();
    // It reads a document from a pipe that says nothing.
    for (signal, code, words) in [(Signal::INT, 130, "See ya!\n"), (Signal::TERM, 143, "")] {
        let mut child = t.s3cmd("setpolicy - s3://some-bucket").command().spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(500));
        assert!(child.try_wait().expect("it can be waited for").is_none(), "it does not wait");
        let started = Instant::now();
        signalled(&child, signal);
        let stdin = child.stdin.take();
        let ended = child.wait_with_output().expect("it ends");
        drop(stdin);
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
        assert_eq!(ended.status.code(), Some(code));
        assert_eq!(String::from_utf8_lossy(&ended.stderr), words);
    }
}

#[test]
fn a_signal_ends_a_run_that_matches_patterns() {
    use rustix::process::Signal;
    let t = TestEnv::with_bucket();
    for index in 0..3000 {
        t.file(format!("tree/{}/{index}-{}", index % 10, "a".repeat(120)), "");
    }
    let patterns: String = (0..400).map(|index| format!("*{}*b{index}*\n", "a*".repeat(6))).collect();
    t.file("patterns", patterns);
    for command in ["put -r", "sync"] {
        let line = format!("{command} -v --exclude-from=patterns tree/ s3://BUCKET/");
        let mut child = start(&t.s3cmd(&line), &t.home("errors"));
        let errors = || std::fs::read_to_string(t.home("errors")).unwrap_or_default();
        until("it looks at the files", || errors().contains("Compiling list of local files"));
        std::thread::sleep(Duration::from_millis(300));
        let started = Instant::now();
        signalled(&child, Signal::TERM);
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(143), "{command}: {status}\n{}", errors());
        assert!(!errors().contains("Summary"), "it had nothing to do any more: {}", errors());
        assert!(started.elapsed() < Duration::from_secs(60), "{command}: {:?}", started.elapsed());
    }
}
