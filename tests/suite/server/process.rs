//! `serve` as a process: how it starts, what it writes, how it ends.

use crate::support::env::PROGRAM;
use crate::support::http::get;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// `serve` in an empty directory, which is also its home.
fn serve(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("serve").args(arguments).args(["--address", "127.0.0.1:0"]);
    command.current_dir(home).env("HOME", home).env("XDG_RUNTIME_DIR", home.join("run"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(home.path().join("run")).expect("a directory");
    home
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// What is left below the runtime directory.
fn left(home: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(home.join("run")).expect("it is there");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// A server that was started, with its port.
struct Started {
    child: Child,
    port: u16,
}

fn start(home: &Path, arguments: &[&str]) -> Started {
    let mut child = serve(home, arguments).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| crate::support::service::port_in(&line));
    let port = port.unwrap_or_else(|| {
        let mut errors = String::new();
        child.stderr.take().expect("stderr is a pipe").read_to_string(&mut errors).expect("text");
        panic!("it says where it listens: {errors}");
    });
    std::thread::spawn(move || lines.for_each(drop));
    Started { child, port }
}

/// Stops it and returns what it wrote to stderr.
fn stop(mut started: Started) -> String {
    signal(&started.child, "TERM");
    let mut errors = String::new();
    started.child.stderr.take().expect("stderr is a pipe").read_to_string(&mut errors).expect("text");
    assert_eq!(started.child.wait().expect("it ends").code(), Some(0), "{errors}");
    errors
}

fn fails(home: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = serve(home, arguments).output().expect("it runs");
    (status.code(), String::from_utf8(stderr).expect("text"))
}

/// Whether the signal is ignored here, and so in child processes: below `nohup` that is SIGHUP.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of the process");
    let mask =
        status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask of ignored signals");
    u64::from_str_radix(mask.trim(), 16).expect("a number in hex") >> (number - 1) & 1 == 1
}

#[test]
fn any_signal_at_any_moment_leaves_no_keys_behind() {
    let home = home();
    for (round, name) in ["TERM", "INT", "HUP", "QUIT", "USR1", "ALRM", "TERM", "INT", "TERM"]
        .into_iter()
        .filter(|name| *name != "HUP" || !is_ignored(1))
        .cycle()
        .take(18)
        .enumerate()
    {
        let mut child = serve(home.path(), &["data"]).spawn().expect("it starts");
        let begun = Instant::now();
        // As soon as the file exists, or right after the last line at its start.
        if round % 2 == 0 {
            while left(home.path()).is_empty() {
                assert!(begun.elapsed() < Duration::from_secs(60), "it writes a configuration");
                std::thread::yield_now();
            }
        } else {
            let stdout = child.stdout.as_mut().expect("stdout is a pipe");
            let greeted =
                BufReader::new(stdout).lines().map_while(Result::ok).any(|line| line.contains("Ctrl-C"));
            assert!(greeted);
        }
        signal(&child, name);
        let status = child.wait().expect("it ends");
        assert_eq!((status.code(), left(home.path())), (Some(0), Vec::new()), "{name} {round}");
    }
}

#[test]
fn the_directory_is_created_if_its_parent_exists() {
    let home = home();
    let started = start(home.path(), &["data"]);
    assert!(home.path().join("data").is_dir());
    stop(started);
    let (code, errors) = fails(home.path(), &["none/data"]);
    assert!(
        code == Some(74) && errors.contains("none/data") && !home.path().join("none").exists(),
        "{errors}"
    );
    let (code, errors) = fails(home.path(), &["data", "other"]);
    assert!(code == Some(64) && errors.contains("'other'"), "{errors}");
    std::fs::write(home.path().join("file"), "x").expect("a file");
    assert_eq!(fails(home.path(), &["file"]).0, Some(74));
    assert_eq!(fails(home.path(), &["absent", "--read-only"]).0, Some(74));
    assert!(!home.path().join("absent").exists());
}

#[test]
fn files_with_secrets_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let home = home();
    let users = home.path().join("users");
    std::fs::write(&users, "AKONE secretone\n").expect("a file");
    for (mode, warns) in [(0o600, false), (0o644, true), (0o640, true)] {
        std::fs::set_permissions(&users, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let errors =
            stop(start(home.path(), &["data", "--auth-file", "users", "--server-access-log", "log"]));
        assert_eq!(errors.contains("Other users can read 'users'"), warns, "{mode:o} {errors}");
        assert!(!errors.contains("secretone"));
    }
    let mode = std::fs::metadata(home.path().join("log")).expect("a log").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn options_of_rclone_are_accepted_in_its_spelling() {
    let home = home();
    for options in [
        &["--force-path-style=false", "--no-cleanup=false"][..],
        &["--force-path-style=true", "--no-cleanup=TRUE"],
        &["--force-path-style", "--force-path-style=F"],
    ] {
        let arguments = [&["data", "--auth-key", "A,b"], options].concat();
        assert_eq!(stop(start(home.path(), &arguments)), "");
    }
    let (code, errors) = fails(home.path(), &["data", "--force-path-style=maybe"]);
    assert!(code == Some(2) && errors.contains("invalid boolean value: 'maybe'"), "{errors}");
    // Others stay flags.
    assert_eq!(fails(home.path(), &["data", "--read-only=true"]).0, Some(2));
    // The last one wins.
    let (code, errors) =
        fails(home.path(), &["data", "--domain", "x", "--force-path-style=false", "--force-path-style"]);
    assert!(code == Some(64) && errors.contains("--domain"), "{errors}");
}

#[test]
fn without_credentials_it_is_open_to_this_machine_only() {
    let home = home();
    std::fs::create_dir_all(home.path().join("data/photos")).expect("a bucket");
    std::fs::write(home.path().join("data/photos/cat"), "meow").expect("an object");
    let started = start(home.path(), &["data", "--no-auth", "--domain", "s3.example.org"]);
    let answer = get(&format!("http://127.0.0.1:{}/photos/cat", started.port));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"meow"[..]));
    let errors = stop(started);
    assert!(errors.contains("--no-auth requires no keys") && left(home.path()).is_empty(), "{errors}");
    for more in [
        &["--auth-key", "a,b"][..],
        &["--auth-expires", "+1d"],
        &["--address", "0.0.0.0:0", "--allow-plain-http"],
    ] {
        let mut command = Command::new(PROGRAM);
        command
            .args(["serve", "data", "--no-auth"])
            .args(more)
            .current_dir(home.path())
            .env("HOME", home.path());
        let output = command.output().expect("it runs");
        assert_eq!(output.status.code(), Some(64), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
