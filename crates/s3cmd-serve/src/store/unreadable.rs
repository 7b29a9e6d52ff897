//! Files and folders that the server's process cannot read, or that somebody writes into at this moment: one of them
//! must not be in the way of all others.

use super::bucket::Bucket;
use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The most names that are remembered; then all may be logged anew.
const MOST: usize = 10_000;

static NAMED: LazyLock<Mutex<HashSet<(String, String)>>> = LazyLock::new(Mutex::default);

/// Names something in the log, once.
pub(super) fn log_once(bucket: &Bucket, path: &str, why: &dyn Display) {
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    if named.len() >= MOST {
        named.clear();
    }
    if named.insert((bucket.name().to_owned(), path.to_owned())) {
        log::warn!("serve: {}/{path} cannot be read: {why}", bucket.name());
    }
}
