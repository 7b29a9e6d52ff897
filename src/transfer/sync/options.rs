//! The options of a synchronisation.

use crate::transfer::compare::Checks;

/// How two sides are compared, and what is deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SyncOptions {
    /// What the comparison of two items checks.
    pub(crate) checks: Checks,
    /// The part size of uploads in bytes, with which objects may have been uploaded.
    pub(crate) part_size: u64,
    /// Delete at the destination what the source does not have.
    pub(crate) delete_removed: bool,
    /// Delete after the transfers instead of before.
    pub(crate) delete_after: bool,
    /// Delete nothing if more items than this would be deleted.
    pub(crate) max_delete: Option<u64>,
    /// Delete even if the source is empty.
    pub(crate) force: bool,
    /// Invalidate uploaded objects in CloudFront.
    pub(crate) invalidate: bool,
}
