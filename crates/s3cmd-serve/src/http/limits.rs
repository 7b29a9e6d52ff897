//! Limits on connections and request bodies. Anonymous requests have separate limits, so that no number of slow
//! anonymous clients can keep authenticated users from being served. At the connection limit, an idle connection is
//! closed to admit a new one.

use crate::model::error::{ErrorCode, S3Result, fail};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Concurrent bodies of authenticated users. Each occupies a blocking thread. Together with the anonymous ones they are
/// fewer than the threads of tokio's pool (512), so that requests without a body always find a thread.
const MAX_BODIES: usize = 384;
/// Concurrent anonymous bodies. Forms count as anonymous here, because they are authenticated by fields of their body.
const MAX_ANONYMOUS_BODIES: usize = 64;
/// Concurrent anonymous documents that are held in memory and are longer than a small body.
const MAX_ANONYMOUS_DOCUMENTS: usize = 4;
/// How long an anonymous request waits for a permit.
const ANONYMOUS_TIMEOUT: Duration = Duration::from_secs(10);
/// The minimum rate of an anonymous body in bytes per second, after [`GRACE`].
const MIN_ANONYMOUS_RATE: u64 = 1024;
/// How long the rate of an anonymous body does not matter.
const GRACE: Duration = Duration::from_secs(30);

/// The limits of a server.
#[derive(Debug)]
pub(crate) struct Limits {
    bodies: Arc<Semaphore>,
    anonymous_bodies: Arc<Semaphore>,
    pub(crate) anonymous_documents: Arc<DocumentPermits>,
    pub(crate) connections: Arc<Connections>,
}

impl Limits {
    /// Limits with at most `connections` connections.
    pub(crate) fn new(connections: usize) -> Self {
        Self {
            bodies: Arc::new(Semaphore::new(MAX_BODIES)),
            anonymous_bodies: Arc::new(Semaphore::new(MAX_ANONYMOUS_BODIES)),
            anonymous_documents: Arc::default(),
            connections: Arc::new(Connections { max: connections.max(1), ..Connections::default() }),
        }
    }

    /// Waits for a permit to receive a body. SlowDown if none is free within `timeout`.
    pub(crate) async fn acquire_body(
        &self,
        is_authenticated: bool,
        timeout: Duration,
    ) -> S3Result<OwnedSemaphorePermit> {
        let (semaphore, timeout) = if is_authenticated {
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
    fail(ErrorCode::SlowDown, "The server is busy with other uploads; try again.")
}

/// Permits for anonymous documents.
#[derive(Debug)]
pub(crate) struct DocumentPermits(Arc<Semaphore>);

impl Default for DocumentPermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_ANONYMOUS_DOCUMENTS)))
    }
}

impl DocumentPermits {
    /// Waits for a permit; blocks the current thread. SlowDown if none is free in time.
    pub(crate) fn acquire(&self) -> S3Result<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.0).acquire_owned();
        let permit = async { tokio::time::timeout(ANONYMOUS_TIMEOUT, permit).await };
        match tokio::runtime::Handle::current().block_on(permit) {
            Ok(Ok(permit)) => Ok(permit),
            _ => slow_down(),
        }
    }
}

/// How long to wait for the next piece of an anonymous body that began at `began` and of which `received` bytes have
/// arrived.
pub(crate) fn anonymous_timeout(began: Instant, received: u64) -> Duration {
    let allowed = GRACE + Duration::from_secs(received / MIN_ANONYMOUS_RATE);
    allowed.saturating_sub(began.elapsed())
}

/// The open connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    max: usize,
    /// The id of the next connection.
    next_id: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Connection>>>,
}

/// The record of an open connection.
#[derive(Debug)]
struct Connection {
    state: Mutex<ConnectionState>,
    /// Notified when the connection must be closed.
    close: Notify,
}

#[derive(Clone, Copy, Debug)]
struct ConnectionState {
    /// Requests in progress, until their response bodies are sent.
    in_progress: usize,
    /// When the last request ended.
    idle_since: Instant,
    /// Whether a request with a valid signature was received.
    is_authenticated: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// Admits a new connection. At the limit, the connection that has been idle longest is closed, anonymous ones
    /// first. `None` if none is idle.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<ConnectionPermit> {
        let mut open = lock(&self.open);
        if open.len() >= self.max {
            let idle = open.iter().filter_map(|(id, connection)| {
                let state = *lock(&connection.state);
                (state.in_progress == 0).then_some((state.is_authenticated, state.idle_since, *id))
            });
            let (_, _, id) = idle.min()?;
            if let Some(connection) = open.remove(&id) {
                connection.close.notify_one();
            }
        }
        let state = ConnectionState { in_progress: 0, idle_since: Instant::now(), is_authenticated: false };
        let connection = Arc::new(Connection { state: Mutex::new(state), close: Notify::new() });
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        open.insert(id, Arc::clone(&connection));
        Some(ConnectionPermit { all: Arc::clone(self), id, connection })
    }
}

/// An admitted connection, which is released on drop.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    all: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
}

impl ConnectionPermit {
    /// Completes when the connection must be closed for a new one.
    pub(crate) async fn closed(&self) {
        self.connection.close.notified().await;
    }

    /// The tracker for the requests on this connection.
    pub(crate) fn requests(&self) -> RequestTracker {
        RequestTracker(Arc::clone(&self.connection))
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        lock(&self.all.open).remove(&self.id);
    }
}

/// Records the state of the requests on a connection.
#[derive(Clone, Debug)]
pub(crate) struct RequestTracker(Arc<Connection>);

impl RequestTracker {
    /// Begins a request, which ends when the guard is dropped.
    pub(crate) fn begin(&self) -> RequestGuard {
        lock(&self.0.state).in_progress += 1;
        RequestGuard(Arc::clone(&self.0))
    }

    /// Records that a request had a valid signature.
    pub(crate) fn mark_authenticated(&self) {
        lock(&self.0.state).is_authenticated = true;
    }
}

/// A request in progress.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Connection>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.in_progress -= 1;
        state.idle_since = Instant::now();
    }
}

/// The default connection limit for a number of file descriptors (`None`: unlimited): a socket and a file each, and at
/// most 4096 connections to bound memory.
pub(crate) fn connections_for(descriptors: Option<u64>) -> usize {
    const MAX: u64 = 4096;
    let descriptors = descriptors.unwrap_or(u64::MAX);
    (descriptors.saturating_sub(64) / 2).clamp(16, MAX) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_anonymous_connection_is_closed_first() {
        let limits = Limits::new(3);
        let admit = || {
            std::thread::sleep(Duration::from_millis(2));
            limits.connections.admit()
        };
        let is_closed = |permit: &ConnectionPermit| !lock(&limits.connections.open).contains_key(&permit.id);
        let (authenticated, busy, first) = (admit().unwrap(), admit().unwrap(), admit().unwrap());
        authenticated.requests().mark_authenticated();
        let request = busy.requests().begin();
        let second = admit().unwrap();
        assert!(is_closed(&first) && !is_closed(&authenticated) && !is_closed(&busy));
        second.requests().begin();
        let third = admit().unwrap();
        assert!(is_closed(&second) && !is_closed(&authenticated));
        let _third_request = third.requests().begin();
        // Only the authenticated connection is idle now.
        let fourth = admit().unwrap();
        assert!(is_closed(&authenticated) && !is_closed(&busy));
        let _fourth_request = fourth.requests().begin();
        assert!(admit().is_none());
        drop(request);
        assert!(admit().is_some() && is_closed(&busy));
    }

    #[test]
    fn anonymous_bodies_have_a_minimum_rate() {
        let began = Instant::now();
        assert!(anonymous_timeout(began, 0) <= GRACE);
        assert!(anonymous_timeout(began, 100 * MIN_ANONYMOUS_RATE) > GRACE + Duration::from_secs(90));
        let Some(long_ago) = began.checked_sub(Duration::from_secs(60)) else { return };
        assert_eq!(anonymous_timeout(long_ago, 0), Duration::ZERO);
    }

    #[test]
    fn connections_are_limited_by_file_descriptors() {
        assert_eq!([Some(0), Some(1024), Some(1 << 20), None].map(connections_for), [16, 480, 4096, 4096]);
    }
}
