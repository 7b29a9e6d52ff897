//! Failing system calls during downloads, injected by `strace`: success means that the data is on the disk, nothing
//! remote is deleted without that, and no content is given up because of attributes.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;
use crate::support::run::{Invocation, Run};
use crate::support::skip::{self, on_serve};
use sha2::{Digest, Sha256};
use std::process::Command;

const LARGE: usize = 33 << 20;

/// Whether system calls can be made to fail here. Skips the test if not. The service makes no difference to these
/// faults, so one run, on `serve`, is enough.
fn can_inject() -> bool {
    if !on_serve("faults of the machine") {
        return false;
    }
    let mut probe = Command::new("strace");
    probe.args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "inject=sync:error=EIO", "true"]);
    match probe.output() {
        Ok(output) if output.status.success() => return true,
        Ok(_) => skip::not_possible("strace is not allowed to trace"),
        Err(_) => skip::missing("strace"),
    }
    false
}

/// A download, each by a different code path to the disk.
#[derive(Clone, Copy, Debug)]
struct Download {
    name: &'static str,
    command: &'static str,
    /// The expected file, below the working directory, and the object that has its content.
    file: &'static str,
    key: &'static str,
}

const SMALL: Download =
    Download { name: "small", command: "get s3://BUCKET/small d/f", file: "d/f", key: "small" };
const RANGES: Download =
    Download { name: "ranges", command: "get s3://BUCKET/large d/f", file: "d/f", key: "large" };
const CONTINUED: Download = Download {
    name: "continued",
    command: "get --continue s3://BUCKET/large d/g",
    file: "d/g",
    key: "large",
};
const TREE: Download =
    Download { name: "tree", command: "get -r s3://BUCKET/tree d/", file: "d/tree/x/f", key: "tree/x/f" };
const SYNC: Download =
    Download { name: "sync", command: "sync s3://BUCKET/tree/ d/", file: "d/x/f", key: "tree/x/f" };
const COPY: Download =
    Download { name: "copy", command: "sync s3://BUCKET/twin/ e/", file: "e/two", key: "twin/two" };
const ENCRYPTED: Download =
    Download { name: "encrypted", command: "get s3://BUCKET/encrypted d/f", file: "d/f", key: "encrypted" };

const ALL: [Download; 7] = [SMALL, RANGES, CONTINUED, TREE, SYNC, COPY, ENCRYPTED];

/// A bucket with an object for each download, and a stub for GPG.
fn world() -> TestEnv {
    let t = TestEnv::with_bucket();
    let script = t.file("a-gpg", "#!/bin/sh\nread -r pass || :\ntr a-z n-za-m <\"$2\" >\"$1\"\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("it can be made executable");
    let template = "%(gpg_command)s %(output_file)s %(input_file)s";
    t.configure(&format!(
        "gpg_command = {}\ngpg_encrypt = {template}\ngpg_decrypt = {template}\ngpg_passphrase = x\nmax_retries = 1",
        script.display()
    ));
    t.object("small", "small\n");
    t.object("large", bytes(LARGE));
    t.object("tree/x/f", "in a tree\n");
    t.object("twin/one", "the same in both\n");
    t.file("plain", "plain words\n");
    t.s3cmd("put -e plain s3://BUCKET/encrypted").ok();
    t.object("twin/two", "the same in both\n");
    // A file with another mode than new files have, so that it has to be changed.
    let stored = "x-amz-meta-s3cmd-attrs:atime:1600000000/mode:33152/mtime:1600000000";
    for key in ["tree/x/f", "twin/two"] {
        t.s3cmd("modify")
            .arg(format!("--add-header={stored}"))
            .arg(t.fill(&format!("s3://BUCKET/{key}")))
            .ok();
    }
    t
}

/// Prepares the local side of a download.
fn fresh(t: &TestEnv) {
    for directory in ["d", "e"] {
        let _ = std::fs::remove_dir_all(t.path(directory));
        t.dir(directory);
    }
    t.file("d/g", &bytes(LARGE)[..20 << 20]);
    t.file("e/one", "the same in both\n");
}

fn expected(t: &TestEnv, download: Download) -> Vec<u8> {
    match download.key {
        "encrypted" => t.read("plain"),
        key => t.content(key),
    }
}

/// The name of the temporary file of a target.
fn temporary(target: &str) -> String {
    let (directory, name) = target.rsplit_once('/').expect("it is in a directory");
    format!("{directory}/.s3cmd.{}.part", hex::encode(&Sha256::digest(name)[..8]))
}

/// Runs it with failing system calls, `calls` as strace names them; `on` limits them to those on a path. Also returns
/// how many have failed.
fn injected(t: &TestEnv, call: Invocation, calls: &str, error: &str, on: Option<&str>) -> (Run, usize) {
    let log = t.home("strace.log");
    let mut front: Vec<std::ffi::OsString> = ["-f", "--seccomp-bpf", "-qq", "-o"].map(Into::into).to_vec();
    front.push(log.clone().into());
    front.extend(["-e".into(), format!("inject={calls}:error={error}").into()]);
    front.extend(["-e".into(), format!("trace={calls}").into()]);
    if let Some(path) = on {
        front.extend(["-P".into(), t.path(path).into()]);
    }
    let run = call.under("strace", front).run();
    let text = std::fs::read_to_string(&log).expect("strace writes a log");
    (run, text.matches("(INJECTED)").count())
}

/// The keys of the bucket, as a text to compare.
fn keys(t: &TestEnv) -> String {
    t.keys().join(" ")
}

#[test]
fn errors_of_close_are_checked_before_the_rename() {
    if !can_inject() {
        return;
    }
    let t = world();
    let before = keys(&t);
    // The name of the temporary file that GPG decrypts to is not known in advance: see the flushing below.
    for download in [SMALL, RANGES, CONTINUED, TREE, SYNC, COPY] {
        for option in ["", "--delete-after-fetch"] {
            fresh(&t);
            let call = t.s3cmd(download.command).arg("--no-progress");
            let call = if option.is_empty() { call } else { call.arg(option) };
            let (run, hits) = injected(&t, call, "close", "EDQUOT", Some(&temporary(download.file)));
            assert!(hits > 0, "{}: nothing was injected:\n{run}", download.name);
            assert_eq!(run.code, Some(2), "{} {option}:\n{run}", download.name);
            assert!(run.stderr.contains("Disk quota exceeded"), "{} {option}:\n{run}", download.name);
            let there = match download.name {
                // The existing file is unchanged.
                "continued" => t.read(download.file).len() != 20 << 20,
                _ => t.exists(download.file),
            };
            assert!(!there, "{} {option}: there is a file\n{run}", download.name);
            assert_eq!(keys(&t), before, "{} {option}", download.name);
            fresh(&t);
            t.s3cmd(download.command).arg("--no-progress").ok();
            assert!(t.read(download.file) == expected(&t, download), "{}", download.name);
        }
    }
}

#[test]
fn an_interrupted_close_is_no_failure() {
    if !can_inject() {
        return;
    }
    let t = world();
    fresh(&t);
    let on = temporary(SMALL.file);
    let (run, hits) = injected(&t, t.s3cmd(SMALL.command), "close", "EINTR:when=1", Some(&on));
    assert!(hits > 0 && run.code == Some(0), "{hits}\n{run}");
}

#[test]
fn a_write_that_fails_leaves_nothing_under_the_final_name() {
    if !can_inject() {
        return;
    }
    let t = world();
    let before = keys(&t);
    let calls = "write,pwrite64,writev,pwritev";
    for download in [SMALL, RANGES, CONTINUED, TREE, SYNC, COPY] {
        for error in ["ENOSPC", "EDQUOT", "EIO", "EFBIG"] {
            fresh(&t);
            let call = t.s3cmd(download.command).arg("--delete-after-fetch").arg("--no-progress");
            let (run, hits) = injected(&t, call, calls, error, Some(&temporary(download.file)));
            assert!(hits > 0, "{} {error}: nothing was injected:\n{run}", download.name);
            assert_eq!(run.code, Some(2), "{} {error}:\n{run}", download.name);
            assert!(
                run.stderr.lines().any(|line| line.starts_with("ERROR: ")),
                "{} {error}:\n{run}",
                download.name
            );
            let there = download.name != "continued" && t.exists(download.file);
            assert!(!there, "{} {error}: there is a file\n{run}", download.name);
            assert_eq!(keys(&t), before, "{} {error}", download.name);
        }
    }
}

#[test]
fn an_object_is_deleted_only_after_its_file_is_on_the_disk() {
    if !can_inject() {
        return;
    }
    let t = world();
    let before = keys(&t);
    for download in ALL {
        for error in ["EIO", "ENOSPC", "EDQUOT", "EPERM", "ENOSYS"] {
            fresh(&t);
            let call = t.s3cmd(download.command).arg("--delete-after-fetch").arg("--no-progress");
            let (run, hits) = injected(&t, call, "fsync,fdatasync", error, None);
            assert!(hits > 0, "{} {error}: nothing was injected:\n{run}", download.name);
            assert_eq!(run.code, Some(2), "{} {error}:\n{run}", download.name);
            assert!(!run.stdout.contains("removed after"), "{} {error}:\n{run}", download.name);
            assert_eq!(keys(&t), before, "{} {error}", download.name);
        }
        // The directory is flushed as well as the file.
        fresh(&t);
        let directory = download.file.rsplit_once('/').expect("it is in a directory").0;
        let call = t.s3cmd(download.command).arg("--delete-after-fetch").arg("--no-progress");
        let (run, hits) = injected(&t, call, "fsync,fdatasync", "EIO", Some(directory));
        assert!(hits > 0, "{}: nothing was injected:\n{run}", download.name);
        assert_eq!((run.code, keys(&t)), (Some(2), before.clone()), "{}:\n{run}", download.name);
    }
    // Without a deletion files are not flushed one by one, unless an option asks for it.
    for (option, flushes) in [("", false), ("fsync_downloads = True", true)] {
        t.configure(option);
        for download in [SMALL, RANGES, SYNC] {
            fresh(&t);
            let (run, hits) = injected(&t, t.s3cmd(download.command), "fsync,fdatasync", "EIO", None);
            assert_eq!(
                (hits > 0, run.code == Some(2)),
                (flushes, flushes),
                "{} {option}:\n{run}",
                download.name
            );
        }
    }
}

#[test]
fn a_failed_rename_is_the_failure_of_that_object() {
    if !can_inject() {
        return;
    }
    let t = world();
    let before = keys(&t);
    for download in ALL {
        for error in ["EPERM", "EIO", "ENOSPC"] {
            fresh(&t);
            let call = t.s3cmd(download.command).arg("--delete-after-fetch").arg("--no-progress");
            let (run, hits) = injected(&t, call, "rename,renameat,renameat2", error, None);
            assert!(hits > 0, "{} {error}: nothing was injected:\n{run}", download.name);
            assert_eq!(run.code, Some(2), "{} {error}:\n{run}", download.name);
            assert!(
                download.name == "continued" || !t.exists(download.file),
                "{} {error}:\n{run}",
                download.name
            );
            assert_eq!(keys(&t), before, "{} {error}", download.name);
        }
    }
}

#[test]
fn refused_attributes_cost_no_file() {
    if !can_inject() {
        return;
    }
    let t = world();
    let groups = [
        "fchmod,chmod,fchmodat",
        "utimensat",
        "fchown,chown,lchown,fchownat",
        "ftruncate,fallocate",
        "flock",
        "unlink,unlinkat",
    ];
    for download in ALL {
        for calls in groups {
            for (error, option) in
                [("EPERM", "--preserve"), ("EPERM", "--no-preserve"), ("ENOSYS", "-p"), ("EINVAL", "-p")]
            {
                if download.key == "large" && error == "EINVAL" {
                    continue;
                }
                fresh(&t);
                let call = t.s3cmd(download.command).arg("--no-progress").arg(option);
                let (run, _) = injected(&t, call, calls, error, None);
                let case = format!("{} {calls} {error} {option}", download.name);
                assert_eq!(run.code, Some(0), "{case}:\n{run}");
                assert!(run.stderr.lines().count() <= 1, "{case}:\n{run}");
                assert!(option != "--no-preserve" || run.stderr.is_empty(), "{case}:\n{run}");
                assert!(t.read(download.file) == expected(&t, download), "{case}:\n{run}");
            }
        }
    }
    // The calls were really refused, and the run prints one warning.
    for index in 0..5 {
        t.object(&format!("many/{index}"), index.to_string());
    }
    for (calls, command) in
        [("utimensat", "get -r s3://BUCKET/many d/"), ("utimensat", "sync s3://BUCKET/many/ d/")]
    {
        fresh(&t);
        let (run, hits) = injected(&t, t.s3cmd(command), calls, "EPERM", None);
        assert!(hits >= 5 && run.code == Some(0), "{hits}\n{run}");
        assert_eq!(run.stderr.matches("WARNING: Can't set attributes of '").count(), 1, "{run}");
        assert!(t.files("d").len() >= 6, "{run}");
    }
}

#[test]
fn a_failed_write_to_standard_output_is_an_error() {
    if !can_inject() {
        return;
    }
    let t = world();
    let before = keys(&t);
    for option in ["", "--delete-after-fetch"] {
        let program = crate::support::env::PROGRAM;
        let log = t.home("strace.log");
        let script = format!(
            "strace -f --seccomp-bpf -qq -o '{}' -e trace=close -e inject=close:error=EDQUOT -P '{}' '{program}' get {option} s3://BUCKET/small - >out",
            log.display(),
            t.path("out").display()
        );
        let run = t.shell(&script).run();
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("Disk quota exceeded"), "{run}");
        assert_eq!(keys(&t), before, "{run}");
    }
}

#[test]
fn a_limit_on_file_sizes_is_a_write_error_of_that_object() {
    let t = TestEnv::with_bucket();
    t.object("big", bytes(3 << 20));
    t.object("huge", bytes(LARGE));
    t.object("small", "small\n");
    t.dir("d");
    for command in ["get -r --force s3://BUCKET/ d/", "sync s3://BUCKET/ d/"] {
        let run = t.shell(&format!("ulimit -f 1024; s3cmd --no-progress {command}")).run();
        assert_eq!(run.code, Some(2), "{run}");
        assert_eq!(run.stderr.matches("(Reason: File too large)").count(), 2, "{run}");
        assert_eq!(t.text("d/small"), "small\n");
        assert!(!t.exists("d/big") && !t.exists("d/huge"), "{run}");
    }
}
