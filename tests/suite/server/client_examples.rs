//! The examples of the client library. `cargo test` builds them beside this test; without them, this test builds them.

use crate::support::env::TestEnv;
use crate::support::http::{get, send};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of an example: `target/debug/examples/NAME`, for a test in `target/debug/deps`.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let target = test.parent().and_then(Path::parent).expect("a directory of targets");
    let program = target.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        // The test was built alone (`cargo test --test suite`).
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", "s3cmd-client", "--examples", "--target-dir"])
            .arg(target.parent().expect("the target directory"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(
            built.is_ok_and(|status| status.success()) && program.exists(),
            "{} is missing",
            program.display()
        );
    }
    program
}

/// Runs an example with the main user's keys, and returns the lines that it prints.
fn run(t: &TestEnv, name: &str, arguments: &[&str]) -> Vec<String> {
    let output = Command::new(program(name))
        .args(arguments.iter().map(|argument| t.fill(argument)))
        .env("S3_ENDPOINT", format!("http://{}", t.service.host))
        .env("S3_ACCESS_KEY", &t.service.main.access)
        .env("S3_SECRET_KEY", &t.service.main.secret)
        .output()
        .expect("the example runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn presign_get_prints_a_link_that_downloads() {
    let t = TestEnv::with_objects(&["a b/ä"]);
    let lines = run(&t, "presign_get", &["BUCKET", "a b/ä"]);
    let answer = get(&lines[0]);
    assert_eq!((answer.status, answer.body.as_slice()), (200, "a b/ä\n".as_bytes()));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
}

#[test]
fn presign_put_prints_a_link_that_uploads_with_the_signed_type() {
    let t = TestEnv::with_bucket();
    let lines = run(&t, "presign_put", &["BUCKET", "k"]);
    let rest = lines[0].strip_prefix("http://").expect("a plain URL");
    let at = rest.find('/').expect("a path");
    let put = |kind: &str| {
        let headers = [("content-type".to_owned(), kind.to_owned())];
        send("PUT", &rest[..at], &rest[at..], &headers, b"content").status
    };
    assert_eq!(put("text/html"), 403);
    assert_eq!(put("text/plain"), 200);
    assert_eq!(t.content("k"), b"content");
    assert_eq!(get(&lines[0]).status, 403);
}

#[test]
fn list_prefix_prints_sizes_and_keys() {
    let t = TestEnv::with_objects(&["b", "a/1", "a/22"]);
    assert_eq!(run(&t, "list_prefix", &["BUCKET", "a/"]), ["4\ta/1", "5\ta/22"]);
}

#[test]
fn put_and_get_prints_the_stored_text() {
    let t = TestEnv::with_bucket();
    let lines = run(&t, "put_and_get", &["BUCKET", "k", "text"]);
    assert_eq!(lines, ["stored, ETag 1cb251ec0d568de6a929b520c4aed8d1", "text"]);
    assert_eq!(t.content("k"), b"text");
}
