//! Runs that a signal ends: what is kept, what is printed, and that the same command continues.

use crate::support::env::TestEnv;
use crate::support::interrupting_proxy::{content, world};
use std::process::Child;
use std::time::{Duration, Instant};

fn signalled(child: &Child, signal: rustix::process::Signal) {
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("it has an id");
    rustix::process::kill_process(id, signal).expect("it can be signalled");
}

/// Waits until a condition holds, at most a minute.
fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_interrupted_download_reports_what_it_keeps_and_continues() {
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
        // If nothing is kept, nothing is printed.
        let call = t.s3cmd("get --no-progress --force --limit-rate=100k s3://BUCKET/k d/k");
        let child = call.command().spawn().expect("it starts");
        until("it is under way", || t.files("d").len() > 1);
        signalled(&child, signal);
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), words);
    }
}

#[test]
fn an_interrupted_upload_reports_what_it_keeps() {
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
                    // The first line and the first part; the response to that part has been read once there is a
                    // second.
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
fn a_signal_ends_a_run_that_waits_for_input() {
    use rustix::process::Signal;
    let t = TestEnv::new();
    // It reads a document from a pipe without data.
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
        let mut child = t.s3cmd(&line).start(&t.home("errors"));
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
