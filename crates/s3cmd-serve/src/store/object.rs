//! An object that is open for reading.

use super::dir::Stat;
use super::key_path::Layout;
use super::meta::Meta;
use chrono::{DateTime, Utc};
use std::fs::File;

/// How often an operation on a file that keeps changing is tried.
pub(super) const MAX_ATTEMPTS: usize = 4;

/// An object, open for reading.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) file: File,
    pub(crate) stat: Stat,
    pub(crate) meta: Meta,
    pub(super) layout: Layout,
}

impl Object {
    /// Last-Modified.
    pub(crate) fn modified(&self) -> DateTime<Utc> {
        self.meta.modified(&self.stat)
    }
}

impl Stat {
    /// The file's modification time in whole seconds, the resolution of Last-Modified.
    pub(crate) fn modified(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.mtime.div_euclid(1_000_000_000), 0).unwrap_or_default()
    }
}
