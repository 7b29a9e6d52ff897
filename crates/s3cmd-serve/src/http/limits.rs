//! What strangers may take of the server. Requests that nobody has signed have budgets of their own, so that however
//! many there are, and however slow, known users are served; and where there are as many connections as there may be,
//! an idle one makes room for a new one.

use crate::model::error::{ErrorCode, S3Result, fail};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bodies of known users that are received at once, each by a thread of its own. With those of strangers they are fewer
/// than the threads of tokio's pool (512), so that what has no body always finds one.
const BODIES: usize = 384;
/// Bodies of strangers (also forms, which say in their body whose they are) that are received at once.
const ANONYMOUS_BODIES: usize = 64;
/// Documents of strangers that are in memory at once, of those that are longer than a small body.
const ANONYMOUS_DOCUMENTS: usize = 4;
/// How long a stranger's request waits for its turn.
const ANONYMOUS_TIMEOUT: Duration = Duration::from_secs(10);
/// A stranger's body may be this slow, in bytes a second, once the grace is over.
const SLOWEST: u64 = 1024;
const GRACE: Duration = Duration::from_secs(30);

/// The budgets of a server.
#[derive(Debug)]
pub(crate) struct Limits {
    bodies: Arc<Semaphore>,
    anonymous_bodies: Arc<Semaphore>,
    pub(crate) anonymous_documents: Arc<DocumentPermits>,
    pub(crate) connections: Arc<Connections>,
}

impl Limits {
    /// With room for that many connections.
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            bodies: Arc::new(Semaphore::new(BODIES)),
            anonymous_bodies: Arc::new(Semaphore::new(ANONYMOUS_BODIES)),
            anonymous_documents: Arc::default(),
            connections: Arc::new(Connections { most: connections.max(1), ..Connections::default() }),
        }
    }

    /// Waits for the turn of a body of a known user, or of a stranger's.
    pub(crate) async fn body(&self, is_known: bool, timeout: Duration) -> S3Result<OwnedSemaphorePermit> {
        let (semaphore, timeout) = if is_known {
            (&self.bodies, timeout)
        } else {
            (&self.anonymous_bodies, ANONYMOUS_TIMEOUT.min(timeout))
        };
        match tokio::time::timeout(timeout, Arc::clone(semaphore).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => slow_down(),
        }
    }
}

fn slow_down<T>() -> S3Result<T> {
    fail(ErrorCode::SlowDown, "The server is busy with other bodies; try again.")
}

/// The turns of strangers' documents.
#[derive(Debug)]
pub(crate) struct DocumentPermits(Arc<Semaphore>);

impl Default for DocumentPermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ANONYMOUS_DOCUMENTS)))
    }
}

impl DocumentPermits {
    /// Waits for the turn of a document; on a thread that may block.
    pub(crate) fn turn(&self) -> S3Result<OwnedSemaphorePermit> {
        let free = Arc::clone(&self.0).acquire_owned();
        let turn = async { tokio::time::timeout(ANONYMOUS_TIMEOUT, free).await };
        match tokio::runtime::Handle::current().block_on(turn) {
            Ok(Ok(turn)) => Ok(turn),
            _ => slow_down(),
        }
    }
}

/// How long a stranger's body may take until its next piece, of which that much has come since it began.
pub(crate) fn anonymous_timeout(began: Instant, received: u64) -> Duration {
    let allowed = GRACE + Duration::from_secs(received / SLOWEST);
    allowed.saturating_sub(began.elapsed())
}

/// The connections that are open.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    most: usize,
    count: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Connection>>>,
}

/// What is known of a connection.
#[derive(Debug)]
struct Connection {
    state: Mutex<ConnectionState>,
    /// Told to make room.
    close: Notify,
}

#[derive(Clone, Copy, Debug)]
struct ConnectionState {
    /// Requests that are answered at this moment, their answers' bodies included.
    busy: usize,
    /// Since when there have been none.
    idle_since: Instant,
    /// Whether a request with a valid signature came.
    is_known: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// Takes a new connection. Where there are as many as there may be, the one that has been idle for the longest time
    /// goes, strangers' first. `None` if none is idle.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<ConnectionPermit> {
        let mut open = lock(&self.open);
        if open.len() >= self.most {
            let idle = open.iter().filter_map(|(id, connection)| {
                let state = *lock(&connection.state);
                (state.busy == 0).then_some((state.is_known, state.idle_since, *id))
            });
            let (_, _, id) = idle.min()?;
            if let Some(connection) = open.remove(&id) {
                connection.close.notify_one();
            }
        }
        let state = ConnectionState { busy: 0, idle_since: Instant::now(), is_known: false };
        let connection = Arc::new(Connection { state: Mutex::new(state), close: Notify::new() });
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        open.insert(id, Arc::clone(&connection));
        Some(ConnectionPermit { all: Arc::clone(self), id, connection })
    }
}

/// A place among the connections; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    all: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
}

impl ConnectionPermit {
    /// Ends when another connection needs the place.
    pub(crate) async fn closed(&self) {
        self.connection.close.notified().await;
    }

    /// For the requests of this connection.
    pub(crate) fn requests(&self) -> RequestTracker {
        RequestTracker(Arc::clone(&self.connection))
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        lock(&self.all.open).remove(&self.id);
    }
}

/// Tells a connection's registration what becomes of its requests.
#[derive(Clone, Debug)]
pub(crate) struct RequestTracker(Arc<Connection>);

impl RequestTracker {
    /// A request has come; it lasts as long as what is returned.
    pub(crate) fn begin(&self) -> RequestGuard {
        lock(&self.0.state).busy += 1;
        RequestGuard(Arc::clone(&self.0))
    }

    /// A request was signed by a known user.
    pub(crate) fn known(&self) {
        lock(&self.0.state).is_known = true;
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Connection>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.busy -= 1;
        state.idle_since = Instant::now();
    }
}

/// As many connections as the process has file descriptors for, when each may have a file open, within bounds of
/// memory.
pub(crate) fn connections_for(descriptors: Option<u64>) -> usize {
    const MOST: u64 = 4096;
    let descriptors = descriptors.unwrap_or(u64::MAX);
    (descriptors.saturating_sub(64) / 2).clamp(16, MOST) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_stranger_makes_room() {
        let limits = Limits::new(3);
        let admit = || {
            std::thread::sleep(Duration::from_millis(2));
            limits.connections.admit()
        };
        let is_closed =
            |admitted: &ConnectionPermit| !lock(&limits.connections.open).contains_key(&admitted.id);
        let (known, busy, first) = (admit().unwrap(), admit().unwrap(), admit().unwrap());
        known.requests().known();
        let request = busy.requests().begin();
        let second = admit().unwrap();
        assert!(is_closed(&first) && !is_closed(&known) && !is_closed(&busy));
        second.requests().begin();
        let third = admit().unwrap();
        assert!(is_closed(&second) && !is_closed(&known));
        let _held = third.requests().begin();
        // Of those that are left only the known user's is idle.
        let fourth = admit().unwrap();
        assert!(is_closed(&known) && !is_closed(&busy));
        let _held_too = fourth.requests().begin();
        assert!(admit().is_none());
        drop(request);
        assert!(admit().is_some() && is_closed(&busy));
    }

    #[test]
    fn a_strangers_body_has_to_move() {
        let began = Instant::now();
        assert!(anonymous_timeout(began, 0) <= GRACE);
        assert!(anonymous_timeout(began, 100 * SLOWEST) > GRACE + Duration::from_secs(90));
        let Some(long_ago) = began.checked_sub(Duration::from_secs(60)) else { return };
        assert_eq!(anonymous_timeout(long_ago, 0), Duration::ZERO);
    }

    #[test]
    fn connections_fit_the_descriptors() {
        assert_eq!([Some(0), Some(1024), Some(1 << 20), None].map(connections_for), [16, 480, 4096, 4096]);
    }
}
