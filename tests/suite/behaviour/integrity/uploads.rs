//! What is uploaded is what is stored: damage on the way is detected on stores that verify nothing, and so is a file
//! that changes during its upload.

use crate::support::hostile::{Answer, Hostile, Lie, Op};
use crate::support::interrupting_proxy::{MIB, content};
use crate::support::run::Run;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Flips a bit on the way to a store that verifies nothing.
fn damage(op: Op) -> Lie {
    Lie::request(op, |request| {
        let last = request.body.len() - 1;
        request.body[last] ^= 1;
    })
}

const PARTS: &str = "multipart_chunk_size_mb = 5\nmax_retries = 1";

/// Uploads in parts.
const IN_PARTS: [&str; 5] = [
    "put f s3://b/k",
    "sync f s3://b/k",
    "put --no-multipart-md5 f s3://b/k",
    "put --no-check-md5 --checksum-algorithm=crc32c f s3://b/k",
    "put --signature-v2 f s3://b/k",
];

#[test]
fn a_damaged_part_is_sent_again_and_then_fails() {
    for command in
        IN_PARTS.into_iter().chain(["f | put - s3://b/k", "f | put --checksum-algorithm=sha256 - s3://b/k"])
    {
        let server = Hostile::start();
        server.bucket("b");
        let t = server.world_with(PARTS);
        let bytes = content(12 * MIB);
        t.file("f", &bytes);
        let call = || match command.strip_prefix("f | ") {
            Some(line) => t.s3cmd(line).stdin(&bytes),
            None => t.s3cmd(command),
        };
        server.lie(damage(Op::UploadPart).part(2).times(1));
        let run = call().run();
        assert_eq!(run.code, Some(0), "{command}: {run}");
        let run = run.explains("WARNING: s3://b/k: MD5 Sums don't match: part 2 was sent as ");
        assert!(run.stderr.contains("sending it again"), "{run}");
        assert_eq!(server.count(Op::UploadPart), 4, "{command}");
        assert!(server.content("b/k").as_ref() == Some(&bytes), "{command}");
        assert!(server.uploads().is_empty());

        server.reform().lie(damage(Op::UploadPart).part(2));
        let bytes = content(11 * MIB);
        t.file("f", &bytes);
        let run = call().fails(2);
        assert!(run.stderr.contains("MD5 Sums don't match"), "{command}: {run}");
        assert_eq!(server.count(Op::Complete), 0, "{command}");
    }
}

#[test]
fn a_damaged_single_request_upload_is_sent_again() {
    for command in [
        "put f s3://b/k",
        "put --no-check-md5 f s3://b/k",
        "sync f s3://b/k",
        "put --no-check-md5 --checksum-algorithm=crc32 f s3://b/k",
    ] {
        for length in [10, 600_000] {
            let server = Hostile::start();
            server.bucket("b");
            let t = server.world_with("max_retries = 1");
            let bytes = content(length);
            t.file("f", &bytes);
            server.lie(damage(Op::Put).times(1));
            let run = t.s3cmd(command).run();
            assert_eq!((run.code, server.count(Op::Put)), (Some(0), 2), "{run}");
            run.explains("WARNING: s3://b/k: MD5 Sums don't match: the content was sent as ");
            assert!(server.content("b/k").as_ref() == Some(&bytes), "{command}");
            server.reform().lie(damage(Op::Put));
            t.file("f", [&bytes[..], b"x"].concat());
            t.s3cmd(command).fails(2).explains("MD5 Sums don't match");
        }
    }
}

#[test]
fn the_completed_object_is_compared_with_what_was_sent() {
    for command in IN_PARTS {
        let server = Hostile::start();
        server.bucket("b");
        let t = server.world_with(PARTS);
        t.file("f", content(7 * MIB));
        // Another part 1 of the same length, sent just before the upload is completed.
        let other = "\"00000000000000000000000000000000-2\"";
        server.lie(Lie::text(Op::Complete, move |text| {
            let (start, end) =
                (text.find("<ETag>").expect("an ETag") + 6, text.find("</ETag>").expect("its end"));
            format!("{}{other}{}", &text[..start], &text[end..])
        }));
        server.lie(Lie::answer(Op::Head, move |_, answer| answer.with("ETag", other)));
        t.s3cmd(command).fails(2).explains("or bytes that differ from those sent");
    }
}

#[test]
fn an_etag_that_is_not_an_md5_is_not_compared() {
    let kms = |_: &crate::support::hostile::Request, answer: Answer| {
        answer
            .with("ETag", "\"00000000000000000000000000000000\"")
            .with("x-amz-server-side-encryption", "aws:kms")
    };
    let opaque = |_: &crate::support::hostile::Request, answer: Answer| answer.with("ETag", "\"a-tag\"");
    for length in [10, 600_000] {
        let server = Hostile::start();
        server.bucket("b");
        let t = server.world_with(PARTS);
        t.file("f", content(length));
        for op in [Op::Put, Op::Head] {
            server.lie(Lie::answer(op, kms));
        }
        t.s3cmd("put f s3://b/k").ok();
        server.reform();
        for op in [Op::Put, Op::Head] {
            server.lie(Lie::answer(op, opaque));
        }
        t.s3cmd("put f s3://b/opaque").ok();
    }
}

/// Calls `act` once, when a request of that kind arrives.
fn meanwhile(op: Op, act: impl Fn() + Send + Sync + 'static) -> Lie {
    let done = Arc::new(AtomicBool::new(false));
    Lie::request(op, move |_| {
        if !done.swap(true, Ordering::SeqCst) {
            act();
        }
    })
}

/// Writes other bytes of the same length, and restores the modification time.
fn rewrite(path: &PathBuf, bytes: &[u8]) {
    let before = fs::metadata(path).expect("a file").modified().expect("a time");
    let other: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    fs::write(path, other).expect("the file is rewritten");
    filetime::set_file_mtime(path, filetime::FileTime::from_system_time(before)).expect("the time is set");
}

#[test]
fn a_file_rewritten_during_its_upload_is_never_stored_mixed() {
    for (length, op) in [(12 * MIB, Op::UploadPart), (12 * MIB, Op::CreateUpload), (600_000, Op::Put)] {
        for command in IN_PARTS {
            let server = Hostile::start();
            server.bucket("b");
            let t = server.world_with(&format!("{PARTS}\njobs = 1"));
            let bytes = content(length);
            let path = t.file("f", &bytes);
            std::thread::sleep(std::time::Duration::from_millis(50));
            let (file, old) = (path.clone(), bytes.clone());
            server.lie(meanwhile(op, move || rewrite(&file, &old)));
            let run = t.s3cmd(command).run();
            assert_eq!(run.code, Some(0), "{command} {op:?}: {run}");
            // A change before the first byte is read is harmless.
            if op != Op::CreateUpload {
                run.explains("WARNING: 'f': the file changed while it was uploaded: uploading it again");
            }
            assert!(server.content("b/k") == fs::read(&path).ok(), "{command} {op:?}");
            assert!(server.uploads().is_empty(), "{command} {op:?}");

            if op == Op::CreateUpload {
                continue;
            }
            // A file that keeps changing fails.
            let (file, old) = (path.clone(), bytes.clone());
            let turn = AtomicBool::new(false);
            server.reform().lie(Lie::request(op, move |_| {
                let flip: Vec<u8> = if turn.fetch_xor(true, Ordering::SeqCst) {
                    old.iter().map(|byte| !byte).collect()
                } else {
                    old.clone()
                };
                fs::write(&file, flip).expect("the file is rewritten");
            }));
            let run = t.s3cmd(&command.replace("s3://b/k", "s3://b/never")).fails(2);
            assert!(run.stderr.contains("the file changed while it was uploaded"), "{command} {op:?}: {run}");
        }
    }
}

#[test]
fn a_growing_file_is_stored_as_it_was() {
    for (length, op) in [(12 * MIB, Op::UploadPart), (600_000, Op::Put)] {
        let server = Hostile::start();
        server.bucket("b");
        let t = server.world_with(&format!("{PARTS}\njobs = 1"));
        let bytes = content(length);
        let path = t.file("f", &bytes);
        server.lie(meanwhile(op, move || {
            let mut grown = fs::read(&path).expect("the file");
            grown.extend_from_slice(b"another line\n");
            fs::write(&path, grown).expect("the file grows");
        }));
        t.s3cmd("put --no-multipart-md5 f s3://b/k").ok();
        assert!(server.content("b/k").as_ref() == Some(&bytes));
    }
}

#[test]
fn a_file_replaced_during_its_upload_is_uploaded_again() {
    let server = Hostile::start();
    server.bucket("b");
    let t = server.world_with(&format!("{PARTS}\njobs = 1"));
    let path = t.file("f", content(12 * MIB));
    let new = t.file("new", content(6 * MIB));
    let other = fs::read(&new).expect("the other file");
    server.lie(meanwhile(Op::UploadPart, move || fs::rename(&new, &path).expect("the file is replaced")));
    let run = t.s3cmd("put --no-check-md5 f s3://b/k").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.explains("uploading it again");
    assert!(server.content("b/k") == Some(other));
}

#[test]
fn a_file_on_standard_input_that_is_rewritten_fails() {
    let server = Hostile::start();
    server.bucket("b");
    let t = server.world_with(&format!("{PARTS}\njobs = 1"));
    let bytes = content(17 * MIB);
    let path = t.file("f", &bytes);
    server.lie(meanwhile(Op::UploadPart, move || rewrite(&path, &bytes)));
    let run = t.shell("s3cmd put - s3://b/k <f").fails(2);
    assert!(run.stderr.contains("the file changed while it was uploaded"), "{run}");
    assert_eq!((server.keys().len(), server.uploads().len()), (0, 0));
}

#[test]
fn closed_standard_input_replaces_nothing() {
    let server = Hostile::start();
    server.object("b/k", "precious");
    let t = server.world();
    t.shell("s3cmd put - s3://b/k <&-").fails(74).explains("ERROR: <stdin>: Bad file descriptor");
    t.shell("s3cmd put -r --files-from=- . s3://b/d/ <&-").fails(74);
    assert_eq!(server.content("b/k").as_deref(), Some(&b"precious"[..]));
    // Empty standard input is uploaded.
    t.shell("s3cmd put - s3://b/empty </dev/null").ok();
    assert_eq!(server.content("b/empty").as_deref(), Some(&b""[..]));
}

#[test]
fn a_missing_directory_for_temporary_files_is_named() {
    let server = Hostile::start();
    server.bucket("b");
    let t = server.world();
    let call = t.s3cmd("put --multipart-chunk-size-mb=40 - s3://b/k").stdin(content(41 * MIB));
    let run = call.env("TMPDIR", "/nonexistent/here").fails(2);
    assert!(run.stderr.contains("/nonexistent/here: No such file or directory"), "{run}");
}

#[test]
fn an_interrupted_run_aborts_its_upload_on_request() {
    for (options, left) in [("--abort-on-error", 0), ("", 1)] {
        for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
            let server = Hostile::start();
            server.bucket("b");
            let t = server.world_with(PARTS);
            t.file("f", content(12 * MIB));
            // The last part never ends.
            server.lie(
                Lie::request(Op::UploadPart, |_| std::thread::sleep(std::time::Duration::from_secs(60)))
                    .part(3),
            );
            let call = t.s3cmd(&format!("put {options} f s3://b/k"));
            let mut child = call.command().spawn().expect("the program starts");
            while server.count(Op::UploadPart) < 2 {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, signal).expect("the signal is sent");
            assert!(!child.wait().expect("it ends").success());
            assert_eq!(server.uploads().len(), left, "{options} {signal:?}");
        }
    }
}

fn gives_no_advice(run: &Run, context: &str) {
    for word in ["abortmp", "--upload-id", "Too many failures"] {
        assert!(!run.stderr.contains(word), "{context}: {run}");
    }
}

#[test]
fn no_advice_is_given_for_an_upload_that_is_gone() {
    let gone = || Answer::error(404, "NoSuchUpload");
    for command in IN_PARTS.into_iter().chain(["f | put - s3://b/k"]) {
        for (op, part) in [(Op::UploadPart, Some(2)), (Op::Complete, None)] {
            let context = format!("{command} {op:?}");
            let lie = Lie::instead(op, gone());
            let server = Hostile::start();
            server.bucket("b").lie(part.into_iter().fold(lie, Lie::part));
            let t = server.world_with(PARTS);
            t.file("f", content(12 * MIB));
            let call = match command.strip_prefix("f | ") {
                Some(line) => t.s3cmd(line).stdin(content(12 * MIB)),
                None => t.s3cmd(command),
            };
            let run = call.fails(12).prints("");
            gives_no_advice(&run, &context);
        }
    }
}

#[test]
fn other_files_are_uploaded_if_one_upload_is_gone() {
    for command in ["put -r d/ s3://b/", "put d/x d/y d/z s3://b/", "sync d/ s3://b/"] {
        let server = Hostile::start();
        server.bucket("b").lie(Lie::instead(Op::Complete, Answer::error(404, "NoSuchUpload")).of("y"));
        let t = server.world_with(PARTS);
        for (name, size) in [("x", 6), ("y", 7), ("z", 8)] {
            t.file(format!("d/{name}"), content(size * MIB));
        }
        let run = t.s3cmd(command).fails(2);
        gives_no_advice(&run, command);
        assert_eq!(server.keys(), ["b/x", "b/z"], "{run}");
        run.explains("ERROR: Upload of 'd/y' failed")
            .explains("(NoSuchUpload)")
            .explains("1 of 3 items failed");
    }
}

#[test]
fn an_upload_that_another_client_completed_first_is_complete_only_with_the_same_content() {
    for is_same in [true, false] {
        let server = Hostile::start();
        server.bucket("b");
        let t = server.world_with(PARTS);
        t.file("f", content(12 * MIB));
        // The store completes the upload, and the response is that to a second request.
        let other = server.clone();
        server.lie(Lie::answer(Op::Complete, move |_, _| {
            if !is_same {
                other.object("b/k", "of another client");
            }
            Answer::error(404, "NoSuchUpload")
        }));
        let run = t.s3cmd("put f s3://b/k").run();
        gives_no_advice(&run, "");
        assert_eq!(run.code, Some(if is_same { 0 } else { 12 }), "{run}");
    }
}

#[test]
fn an_upload_that_is_gone_before_it_is_continued_is_not_suggested_again() {
    // Only what the user asked for fails; otherwise the file is uploaded from the beginning.
    for (options, code) in [("", 0), ("--continue-put", 12), ("--upload-id=ID", 12)] {
        let server = Hostile::start();
        server.bucket("b");
        let t = server.world_with(PARTS);
        let bytes = content(12 * MIB);
        t.file("f", &bytes);
        server.lie(Lie::instead(Op::UploadPart, Answer::error(500, "InternalError")).part(3));
        let run = t.s3cmd("put f s3://b/k").fails(2);
        let id = server.uploads().pop().expect("it was kept");
        run.explains(&format!("abortmp s3://b/k {id}\n")).explains(&format!("--upload-id {id} put ..."));
        server.reform();
        // It vanishes after it was found.
        for op in [Op::ListParts, Op::UploadPart, Op::Complete] {
            server.lie(Lie::request(op, {
                let id = id.clone();
                move |request| {
                    if let Some((_, value)) = request.query.iter_mut().find(|(_, value)| *value == id) {
                        *value = "gone".to_owned();
                    }
                }
            }));
        }
        let run = t.s3cmd(&format!("put {} f s3://b/k", options.replace("ID", &id))).run();
        gives_no_advice(&run, options);
        assert_eq!(run.code, Some(code), "{options} {run}");
        assert!(server.content("b/k").is_none_or(|stored| code == 0 && stored == bytes), "{options}");
    }
}
