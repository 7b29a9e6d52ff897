//! The log of files and folders that the server cannot read, or that another process is writing. Such a file must not
//! fail the listing of all others.

use super::bucket::Bucket;
use super::locks;
use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{LazyLock, Mutex};

/// The maximum number of paths remembered; beyond it, all are forgotten and may be logged again.
const MAX_LOGGED: usize = 10_000;

static LOGGED: LazyLock<Mutex<HashSet<(String, String)>>> = LazyLock::new(Mutex::default);

/// Logs that a path cannot be read, once per path.
pub(super) fn log_once(bucket: &Bucket, path: &str, reason: &dyn Display) {
    let mut logged = locks::lock(&LOGGED);
    if logged.len() >= MAX_LOGGED {
        logged.clear();
    }
    if logged.insert((bucket.name().to_owned(), path.to_owned())) {
        log::warn!("serve: {}/{path} cannot be read: {reason}", bucket.name());
    }
}
