//! Directories on their way to the disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Directories that were made and are not durable yet. A request that finds one which another request makes must not
/// report something in it as durable before the directory is.
pub(super) struct PendingDirs {
    count: AtomicUsize,
    /// Held shared by the makers, so that they do not wait for each other.
    gate: RwLock<()>,
}

pub(super) static PENDING: PendingDirs = PendingDirs { count: AtomicUsize::new(0), gate: RwLock::new(()) };

/// The creation of a directory, until it is durable.
pub(super) struct CreateDirGuard(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>);

impl PendingDirs {
    /// To be called before the name is there.
    pub(super) fn begin(&'static self) -> CreateDirGuard {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        self.count.fetch_add(1, Ordering::SeqCst);
        CreateDirGuard(gate)
    }

    /// Waits until every directory that could be seen is durable.
    pub(super) fn wait(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            drop(self.gate.write());
        }
    }
}

impl Drop for CreateDirGuard {
    fn drop(&mut self) {
        PENDING.count.fetch_sub(1, Ordering::SeqCst);
    }
}
