//! The options of downloads.

use super::finish::{Durable, Finish};
use crate::transfer::destination::Destination;
use std::sync::Arc;

/// How objects are downloaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DownloadOptions {
    /// Resume partial files.
    pub(crate) resume: bool,
    /// What happens to files that exist.
    pub(crate) existing: Existing,
    /// Restore the attributes that are stored with objects.
    pub(crate) preserve_attributes: bool,
    /// Sync each file to disk before it counts as done.
    pub(crate) durable: bool,
    /// Delete each object after it was downloaded.
    pub(crate) delete_source: bool,
}

/// What happens to a file that exists at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is an error.
    Refuse,
    /// It is skipped.
    Skip,
    /// It is replaced or, with `resume`, completed.
    Replace,
}

impl DownloadOptions {
    /// How the files of a run are finished. With `restore`, their stored attributes are applied.
    pub(crate) fn finish(&self, destination: &Destination, restore: bool) -> Finish {
        Finish {
            restore: restore && self.preserve_attributes,
            indifferent: !self.preserve_attributes,
            durable: self.durable.then(|| Arc::new(Durable::new(destination.path()))),
        }
    }
}
