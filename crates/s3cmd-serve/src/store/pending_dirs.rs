//! Directories that were created, but not synced yet.

use super::locks;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{RwLock, RwLockReadGuard};

/// Directories that were created and are not durable yet. A request that uses a directory that another request has just
/// created must not acknowledge anything in it before that directory is durable.
pub(super) struct PendingDirs {
    count: AtomicUsize,
    /// Held shared while a directory is created, so that creations run concurrently.
    gate: RwLock<()>,
}

pub(super) static PENDING: PendingDirs = PendingDirs { count: AtomicUsize::new(0), gate: RwLock::new(()) };

/// Held from before a directory is created until it is durable.
pub(super) struct CreateDirGuard(
    #[expect(dead_code, reason = "held until drop")] RwLockReadGuard<'static, ()>,
);

impl PendingDirs {
    /// Must be called before the directory is created.
    pub(super) fn begin(&'static self) -> CreateDirGuard {
        let gate = locks::read(&self.gate);
        self.count.fetch_add(1, Ordering::SeqCst);
        CreateDirGuard(gate)
    }

    /// Waits until all directories that exist at this moment are durable.
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
