//! Worlds for the tests of encryption.

use crate::support::env::TestEnv;
use crate::support::run::Invocation;
use crate::support::skip;
use std::path::PathBuf;

/// The path of GPG. Skips the test if it is not installed.
pub(crate) fn gpg() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|directory| directory.join("gpg")).find(|path| path.is_file());
    if found.is_none() {
        skip::missing("gpg");
    }
    found
}

/// A world with a bucket, a configured passphrase, and a directory for temporary files.
pub(crate) fn world() -> Option<TestEnv> {
    gpg()?;
    let t = TestEnv::with_bucket();
    t.configure("gpg_passphrase = a pass phrase");
    t.dir("temp");
    t.file("hello.txt", "hello world\n");
    Some(t)
}

/// A call whose temporary files go into the world's own directory.
pub(crate) fn call(t: &TestEnv, line: &str) -> Invocation {
    t.s3cmd(line).env("TMP", t.path("temp"))
}
