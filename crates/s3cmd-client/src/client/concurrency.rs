//! Limits the number of concurrent requests when the service asks for fewer.
//!
//! Until then nothing is limited here (callers have their own limits), and a request costs two atomic additions.
//! `SlowDown`, 503, 429 and similar responses are refusals. After the first refusal, the number of requests in flight
//! is limited, for all tasks of the process together. The limit is recomputed after as many responses as it allows
//! requests: it shrinks by half the share of refusals among them (all refused: by half; one in ten: by a twentieth)
//! and grows by up to one. So a storm of 503 is met with fewer and fewer requests, and an occasional 503
//! of a busy service with hardly any fewer. (This is the rule of RFC 8257 for connections,
//! <https://www.rfc-editor.org/rfc/rfc8257>.) The limit is lifted once it reaches the number of requests that were in
//! flight at the first refusal.
//!
//! As long as several requests are in flight, a refusal lowers the limit and counts against a separate number of
//! retries; the refused request's own retries are used up only after those, or if it is the only one in flight. So a
//! storm delays many requests but makes few of them fail.

use super::retry::Cause;
use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// No limit.
const UNLIMITED: usize = usize::MAX;

// All operations use one memory order: either the task that frees a permit sees the limit that made another task
// wait, or the waiting task sees the free permit.

/// The limiter of one client, shared by all its requests.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimiter {
    /// Number of requests in flight.
    in_flight: AtomicUsize,
    /// Maximum number of requests in flight; [`UNLIMITED`] until one is refused. Changed only under the lock.
    limit: AtomicUsize,
    limited: Mutex<Limited>,
}

/// State that is used only after a refusal.
#[derive(Debug, Default)]
struct Limited {
    /// The limit including its fractional part.
    limit: f64,
    /// Number of requests in flight at the first refusal; the limit is lifted when it reaches this number.
    most: usize,
    /// Responses since the limit was last computed.
    answers: usize,
    /// Refusals among these responses.
    refusals: usize,
    waiting: VecDeque<oneshot::Sender<Permit>>,
}

/// The permission for one request to be in flight.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<ConcurrencyLimiter>,
}

impl ConcurrencyLimiter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            in_flight: AtomicUsize::new(0),
            limit: AtomicUsize::new(UNLIMITED),
            limited: Mutex::default(),
        })
    }

    /// Waits for a permit for one request. After a refusal there may be none for a while. Requests that have to be
    /// sent again (`again`) take precedence over new ones, so that some requests finish before the next ones meet the
    /// same trouble.
    pub(crate) async fn acquire(self: &Arc<Self>, again: bool) -> Permit {
        if self.limit.load(SeqCst) == UNLIMITED {
            return self.new_permit();
        }
        let waiting = {
            let mut limited = self.limited();
            if self.has_room() && (again || limited.waiting.is_empty()) {
                return self.new_permit();
            }
            let (sender, receiver) = oneshot::channel();
            if again {
                limited.waiting.push_front(sender);
            } else {
                limited.waiting.push_back(sender);
            }
            receiver
        };
        // The sender is never dropped unused.
        waiting.await.unwrap_or_else(|_| self.new_permit())
    }

    fn new_permit(self: &Arc<Self>) -> Permit {
        self.in_flight.fetch_add(1, SeqCst);
        Permit { limiter: self.clone() }
    }

    fn has_room(&self) -> bool {
        self.in_flight.load(SeqCst) < self.limit.load(SeqCst)
    }

    fn limited(&self) -> MutexGuard<'_, Limited> {
        self.limited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a response, and recomputes the limit after a full round of them.
    fn record(&self, refused: bool) {
        let mut limited = self.limited();
        if self.limit.load(SeqCst) == UNLIMITED {
            if !refused {
                return;
            }
            limited.most = self.in_flight.load(SeqCst).max(1);
            limited.limit = limited.most as f64;
            (limited.answers, limited.refusals) = (0, 0);
            self.limit.store(limited.most, SeqCst);
        }
        limited.answers += 1;
        limited.refusals += usize::from(refused);
        if limited.answers < limited.limit as usize {
            return;
        }
        let share = limited.refusals as f64 / limited.answers as f64;
        limited.limit = (limited.limit * (1.0 - share / 2.0) + (1.0 - share)).max(1.0);
        (limited.answers, limited.refusals) = (0, 0);
        let limit = if limited.limit < limited.most as f64 { limited.limit as usize } else { UNLIMITED };
        let refused = share * 100.0;
        if limit == UNLIMITED {
            log::debug!(
                "{refused:.0}% of the requests were refused: no limit on concurrent requests from now on"
            );
        } else {
            log::debug!(
                "{refused:.0}% of the requests were refused: {limit} concurrent requests from now on"
            );
        }
        self.limit.store(limit, SeqCst);
    }

    /// Hands permits to waiting requests, as far as the limit allows.
    fn wake_waiting(self: &Arc<Self>) {
        loop {
            let next = {
                let mut limited = self.limited();
                if !self.has_room() {
                    return;
                }
                let Some(next) = limited.waiting.pop_front() else { return };
                (next, self.new_permit())
            };
            // If the receiver is gone, dropping the permit returns it; that must not happen under the lock.
            let (sender, permit) = next;
            let _ = sender.send(permit);
        }
    }
}

impl Permit {
    /// Records that the service responded.
    pub(crate) fn answered(&self) {
        if self.limiter.limit.load(SeqCst) != UNLIMITED {
            self.limiter.record(false);
            self.limiter.wake_waiting();
        }
    }

    /// Records that the service asked for fewer requests. Returns the permit if the new limit still allows it, to be
    /// held during the wait before the retry. Otherwise the request has to call [`ConcurrencyLimiter::acquire`]
    /// again.
    pub(crate) fn refused(self) -> (Cause, Option<Self>) {
        let limiter = &self.limiter;
        let in_flight = limiter.in_flight.load(SeqCst);
        let concurrent = in_flight.min(limiter.limit.load(SeqCst));
        limiter.record(true);
        let fits = in_flight <= limiter.limit.load(SeqCst);
        let cause = if concurrent > 1 { Cause::Concurrency } else { Cause::Request };
        (cause, fits.then_some(self))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.in_flight.fetch_sub(1, SeqCst);
        if self.limiter.limit.load(SeqCst) != UNLIMITED {
            self.limiter.wake_waiting();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::retry::{RetryPolicy, RetryState};
    use super::*;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    /// A service that responds after 20 ms. It refuses requests beyond its capacity, and all requests during an
    /// outage.
    #[derive(Default)]
    struct Service {
        capacity: usize,
        outage_until: Option<Instant>,
        busy: AtomicUsize,
        most: AtomicUsize,
        requests: AtomicUsize,
    }

    impl Service {
        async fn handle(&self) -> bool {
            self.requests.fetch_add(1, SeqCst);
            let busy = self.busy.fetch_add(1, SeqCst) + 1;
            self.most.fetch_max(busy, SeqCst);
            sleep(Duration::from_millis(20)).await;
            self.busy.fetch_sub(1, SeqCst);
            busy <= self.capacity && self.outage_until.is_none_or(|until| until <= Instant::now())
        }
    }

    /// Sends requests as the client does, up to `width` at once. Returns the number of failed requests.
    async fn run(
        limiter: &Arc<ConcurrencyLimiter>,
        service: Service,
        width: usize,
        count: usize,
    ) -> (usize, Service) {
        let (service, width) = (Arc::new(service), Arc::new(tokio::sync::Semaphore::new(width)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..count {
            let (limiter, service, width) = (limiter.clone(), service.clone(), width.clone());
            tasks.spawn(async move {
                let _turn = width.acquire().await.unwrap();
                let policy = RetryPolicy::default();
                let mut retries = RetryState::default();
                let mut permit = limiter.acquire(false).await;
                loop {
                    if service.handle().await {
                        permit.answered();
                        return true;
                    }
                    let (cause, kept) = permit.refused();
                    let Some(delay) = retries.next(&policy, cause, None) else { return false };
                    sleep(delay).await;
                    permit = match kept {
                        Some(permit) => permit,
                        None => limiter.acquire(true).await,
                    };
                }
            });
        }
        let failed = tasks.join_all().await.into_iter().filter(|done| !done).count();
        (failed, Arc::into_inner(service).unwrap())
    }

    fn limit(limiter: &ConcurrencyLimiter) -> Option<usize> {
        Some(limiter.limit.load(SeqCst)).filter(|limit| *limit != UNLIMITED)
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_limit_before_a_refusal() {
        let limiter = ConcurrencyLimiter::new();
        let (failed, service) =
            run(&limiter, Service { capacity: 100, ..Service::default() }, 100, 1000).await;
        assert_eq!((failed, service.most.into_inner(), service.requests.into_inner()), (0, 100, 1000));
        assert_eq!((limit(&limiter), limiter.in_flight.load(SeqCst)), (None, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn concurrency_adapts_to_the_capacity_and_no_request_fails() {
        let limiter = ConcurrencyLimiter::new();
        let (failed, service) = run(&limiter, Service { capacity: 10, ..Service::default() }, 64, 3000).await;
        assert_eq!(failed, 0);
        // Without the limit, five attempts of six would be refused.
        let requests = service.requests.into_inner();
        assert!(requests < 4000, "{requests} requests for 3000 answers");
        assert_eq!(limiter.in_flight.load(SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_survived_with_few_requests() {
        let limiter = ConcurrencyLimiter::new();
        let start = Instant::now();
        // Shorter than the shortest five delays of one request together (15.5 s with the least jitter).
        let outage_until = Some(start + Duration::from_secs(15));
        let service = Service { capacity: 100, outage_until, ..Service::default() };
        let (failed, service) = run(&limiter, service, 64, 1000).await;
        assert_eq!(failed, 0);
        let refused = service.requests.into_inner() - 1000;
        assert!(refused < 3 * 64, "{refused} refusals");
        // After the outage, all requests run again.
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        let (_, service) = run(&limiter, Service { capacity: 100, ..Service::default() }, 64, 3000).await;
        assert_eq!((limit(&limiter), service.most.into_inner()), (None, 64));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_to_a_service_that_always_refuses_fail_after_their_retries() {
        let limiter = ConcurrencyLimiter::new();
        let (failed, service) = run(&limiter, Service::default(), 1, 1).await;
        assert_eq!((failed, service.requests.into_inner()), (1, 6));
        let (failed, service) = run(&limiter, Service::default(), 8, 20).await;
        assert_eq!(failed, 20);
        assert!(service.requests.into_inner() <= 20 * 11);
        assert_eq!(limiter.in_flight.load(SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_waiters_pass_their_permit_on() {
        let limiter = ConcurrencyLimiter::new();
        let (first, second) = (limiter.acquire(false).await, limiter.acquire(false).await);
        let (cause, kept) = first.refused();
        assert_eq!((cause, kept.is_some(), limit(&limiter)), (Cause::Concurrency, true, Some(2)));
        let (cause, none) = second.refused();
        assert_eq!((cause, none.is_none(), limit(&limiter)), (Cause::Concurrency, true, Some(1)));
        let waiting = |again| {
            let limiter = limiter.clone();
            tokio::spawn(async move { drop(limiter.acquire(again).await) })
        };
        let (late, dropped, again) = (waiting(false), waiting(false), waiting(true));
        tokio::task::yield_now().await;
        assert!(!late.is_finished() && !again.is_finished());
        dropped.abort();
        drop(kept);
        late.await.unwrap();
        again.await.unwrap();
        assert_eq!(limiter.in_flight.load(SeqCst), 0);
    }
}
