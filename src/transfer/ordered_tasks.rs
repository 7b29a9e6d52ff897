//! Runs many items concurrently and prints their output in order.
//!
//! Up to `width` items run at the same time. Their output appears as if they had run one after the other; with width 1
//! they do. A [`Summary`] counts the results and determines the exit code.

use crate::output::{Exit, Failure, ItemLog, Outcome};
use futures::{Stream, StreamExt};
use s3cmd_client::Error;
use std::collections::VecDeque;
use std::future::Future;
use std::ops::AddAssign;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// How many finished items may wait for an earlier one, per running item: enough that one slow item does not stop the
/// others, and bounded so that the buffered output stays small.
const WAITING_PER_RUNNING: usize = 16;

/// The result of an item, apart from its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemResult {
    /// Done and verified.
    Done,
    /// There was nothing to do.
    Skipped,
    /// Failed; the item printed the reason.
    Failed,
    /// Failed because of a response from the service that has its own exit code; the item printed the reason.
    Refused(Exit),
    /// The source does not exist; the item printed this.
    Missing,
}

impl ItemResult {
    /// The result of an item that failed with this error and printed it. A response from the service determines an exit
    /// code, which is used if every item was refused.
    pub(crate) fn refused(error: &Error) -> Self {
        match error.status() {
            Some(status) => ItemResult::Refused(Exit::of_status(status)),
            None => ItemResult::Failed,
        }
    }
}

/// The number of items with each result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Items done.
    pub(crate) done: u64,
    /// Items for which there was nothing to do.
    pub(crate) skipped: u64,
    /// Items that failed.
    pub(crate) failed: u64,
    /// Items whose source was missing.
    pub(crate) missing: u64,
    /// Failed items that the service refused; these are included in `failed`.
    pub(crate) refused: u64,
    /// The exit code of the first refusal.
    pub(crate) refusal: Option<Exit>,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.missing += other.missing;
        self.refused += other.refused;
        self.refusal = self.refusal.or(other.refusal);
    }
}

impl Summary {
    /// Counts one item.
    pub(crate) fn count(&mut self, item_result: ItemResult) {
        match item_result {
            ItemResult::Done => self.done += 1,
            ItemResult::Skipped => self.skipped += 1,
            ItemResult::Failed => self.failed += 1,
            ItemResult::Refused(exit) => {
                self.failed += 1;
                self.refused += 1;
                self.refusal = self.refusal.or(Some(exit));
            }
            ItemResult::Missing => self.missing += 1,
        }
    }

    /// The number of counted items.
    pub(crate) fn total(&self) -> u64 {
        self.done + self.skipped + self.failed + self.missing
    }

    /// Success if nothing failed, otherwise exit code 2, as in `put` and `get`. If the service refused every item, the
    /// exit code is that of the first refusal, as in s3cmd.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.failed + self.missing == 0 {
            return Ok(());
        }
        let exit = self.refusal.filter(|_| self.refused == self.total()).unwrap_or(Exit::PARTIAL);
        Err(self.failure(exit))
    }

    /// The failure for an exit code after some items failed; see [`some_failed`].
    pub(crate) fn failure(&self, exit: Exit) -> Failure {
        some_failed(self.failed + self.missing, self.total(), exit)
    }
}

/// The failure of a run in which some items failed, each of which was printed. If there were several items and the exit
/// code is [`Exit::PARTIAL`], the message counts them. JSON output omits the message, because its summary contains the
/// numbers.
pub(crate) fn some_failed(failed: u64, total: u64, exit: Exit) -> Failure {
    if total > 1 && exit == Exit::PARTIAL && !crate::output::is_json() {
        Failure::new(exit, format!("{failed} of {total} items failed"))
    } else {
        Failure::silent(exit)
    }
}

/// Runs `work` for each item of a plan, at most `width` at a time.
///
/// If an item returns an error, the run ends: no later item is started, items that have finished are still reported,
/// and the error is returned. That is for errors that would affect every other item as well. With `stop_on_error`, a
/// failed item stops the run in the same way, but without an error.
pub(crate) async fn in_order<I, F>(
    width: usize,
    stop_on_error: bool,
    plan: impl Stream<Item = Outcome<I>>,
    work: impl FnMut(I) -> F,
) -> Outcome<Summary>
where
    F: Future<Output = Outcome<ItemResult>> + Send + 'static,
{
    let width = width.max(1);
    run(width, width, stop_on_error, plan, |_| std::future::ready(()), work).await
}

/// [`in_order`] for items that may have to wait for earlier ones: an item counts towards the width once the future that
/// `ready` returns has completed.
pub(crate) async fn in_order_when<I, R, F>(
    width: usize,
    stop_on_error: bool,
    plan: impl Stream<Item = Outcome<I>>,
    ready: impl FnMut(&I) -> R,
    work: impl FnMut(I) -> F,
) -> Outcome<Summary>
where
    R: Future<Output = ()> + Send + 'static,
    F: Future<Output = Outcome<ItemResult>> + Send + 'static,
{
    let width = width.max(1);
    // Items that wait for earlier ones do not take a permit.
    run(width, window(width), stop_on_error, plan, ready, work).await
}

/// How many items may be started and not yet reported. Strictly serial means that an item has finished and printed its
/// output before the next one starts.
fn window(width: usize) -> usize {
    if width == 1 { 1 } else { width * WAITING_PER_RUNNING }
}

/// `ahead` is the number of items that may wait for their turn to run. A started item takes memory for its work.
async fn run<I, R, F>(
    width: usize,
    ahead: usize,
    stop_on_error: bool,
    plan: impl Stream<Item = Outcome<I>>,
    mut ready: impl FnMut(&I) -> R,
    mut work: impl FnMut(I) -> F,
) -> Outcome<Summary>
where
    R: Future<Output = ()> + Send + 'static,
    F: Future<Output = Outcome<ItemResult>> + Send + 'static,
{
    let window = window(width);
    let permits = Arc::new(Semaphore::new(width));
    let ahead = Arc::new(Semaphore::new(ahead));
    let stop = Arc::new(AtomicU64::new(u64::MAX));
    let mut started = 0;
    let mut plan = pin!(plan.fuse());
    let mut running: VecDeque<(ItemLog, Task)> = VecDeque::new();
    let mut guard = AbortOnDrop::default();
    let mut summary = Summary::default();
    let mut failure = None;
    loop {
        let may_start = failure.is_none() && stop.load(Ordering::Relaxed) == u64::MAX && !plan.is_done();
        let has_room = may_start && running.len() < window;
        let next = async {
            // The semaphore is never closed.
            let queue_permit = ahead.clone().acquire_owned().await.ok();
            (plan.next().await, queue_permit)
        };
        let event = match running.front_mut() {
            None if !has_room => break,
            None => Event::Planned(next.await),
            Some((_, first)) => tokio::select! {
                biased;
                next = next, if has_room => Event::Planned(next),
                ended = first => Event::Ended(ended),
            },
        };
        match event {
            Event::Planned((None, _)) => {}
            // Items that preceded the plan's error still run.
            Event::Planned((Some(Err(error)), _)) => failure = Some(error),
            Event::Planned((Some(Ok(item)), queue_permit)) => {
                let log = ItemLog::default();
                if running.is_empty() {
                    log.go_live();
                }
                let (permits, stop) = (permits.clone(), stop.clone());
                let turn = Turn { number: started, queue_permit, permits, stop, stop_on_error };
                started += 1;
                // Boxed, so that its memory is freed when it completes. The task itself lives until it is reported.
                let ready = ready(&item);
                let task = tokio::spawn(run_item(log.clone(), turn, ready, Box::pin(work(item))));
                guard.0.push_back(task.abort_handle());
                running.push_back((log, task));
            }
            Event::Ended(ended) => {
                let log = running.pop_front().map(|(log, _)| log).unwrap_or_default();
                guard.0.pop_front();
                log.go_live();
                log.take_error().map_or(Ok(()), Err)?;
                match ended {
                    Ok(Some(Ok(item_result))) => summary.count(item_result),
                    Ok(None) => {}
                    Ok(Some(Err(error))) => {
                        // The first error in plan order wins, also over an error of the plan: a serial run would have
                        // met it first.
                        failure = Some(error);
                        drain(&mut running, &mut summary).await?;
                        break;
                    }
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                }
                if let Some((log, _)) = running.front() {
                    log.go_live();
                }
            }
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(summary),
    }
}

type Task = JoinHandle<Option<Outcome<ItemResult>>>;

/// The event that the run waits for: the next item of the plan, or the end of the first running item.
enum Event<I> {
    Planned((Option<Outcome<I>>, Option<OwnedSemaphorePermit>)),
    Ended(Result<Option<Outcome<ItemResult>>, tokio::task::JoinError>),
}

/// Reports the items that had finished or were still running when the run was stopped.
async fn drain(running: &mut VecDeque<(ItemLog, Task)>, summary: &mut Summary) -> Outcome {
    while let Some((log, task)) = running.pop_front() {
        if let Ok(Some(Ok(item_result))) = task.await {
            log.go_live();
            summary.count(item_result);
            log.take_error().map_or(Ok(()), Err)?;
        }
    }
    Ok(())
}

/// The state that a running item shares with the others.
struct Turn {
    number: u64,
    /// Its place in the queue of waiting items.
    queue_permit: Option<OwnedSemaphorePermit>,
    permits: Arc<Semaphore>,
    /// The lowest number of an item that stopped the run, or `u64::MAX`.
    stop: Arc<AtomicU64>,
    stop_on_error: bool,
}

async fn run_item(
    log: ItemLog,
    turn: Turn,
    ready: impl Future<Output = ()>,
    work: impl Future<Output = Outcome<ItemResult>>,
) -> Option<Outcome<ItemResult>> {
    let Turn { number, queue_permit, permits, stop, stop_on_error } = turn;
    // Wait without a permit, because an earlier item may need it.
    ready.await;
    // The semaphore is never closed.
    let _permit = permits.acquire().await.ok()?;
    drop(queue_permit);
    // Tasks get their permits roughly, not exactly, in the order of their numbers. A later item's failure must not
    // prevent an earlier item from starting: a serial run would have met the earlier item's failure.
    if stop.load(Ordering::Relaxed) < number {
        return None;
    }
    let ended = log.scope(work).await;
    if ended.is_err() || (stop_on_error && matches!(ended, Ok(ItemResult::Failed | ItemResult::Refused(_)))) {
        stop.fetch_min(number, Ordering::Relaxed);
    }
    Some(ended)
}

/// Aborts the remaining tasks when the run is dropped (Ctrl-C, closed output).
#[derive(Default)]
struct AbortOnDrop(VecDeque<tokio::task::AbortHandle>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;

    fn plan(count: u64) -> impl Stream<Item = Outcome<u64>> {
        futures::stream::iter((0..count).map(Ok))
    }

    #[tokio::test]
    async fn work_is_prepared_for_only_a_few_items_ahead() {
        let made = Arc::new(AtomicU64::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let run = in_order(3, false, plan(100), |_| {
            made.fetch_add(1, Ordering::SeqCst);
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(ItemResult::Done)
            }
        });
        let watch = async {
            for ended in 0..20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                assert!(made.load(Ordering::SeqCst) <= ended + 6);
                gate.add_permits(1);
            }
            gate.add_permits(100);
        };
        let (summary, ()) = futures::join!(run, watch);
        assert_eq!(summary.unwrap().done, 100);
    }

    #[tokio::test]
    async fn all_items_run_and_are_counted() {
        let most = Arc::new(Mutex::new((0, 0)));
        let summary = in_order(4, false, plan(100), |i| {
            let most = most.clone();
            async move {
                {
                    let mut most = most.lock().unwrap();
                    most.0 += 1;
                    most.1 = most.1.max(most.0);
                }
                tokio::time::sleep(Duration::from_millis(if i % 7 == 0 { 3 } else { 1 })).await;
                most.lock().unwrap().0 -= 1;
                Ok(if i % 10 == 0 { ItemResult::Failed } else { ItemResult::Done })
            }
        })
        .await
        .unwrap();
        assert_eq!((summary.done, summary.failed), (90, 10));
        assert_eq!(most.lock().unwrap().1, 4);
    }

    #[tokio::test]
    async fn width_one_is_strictly_serial() {
        let running = Arc::new(Mutex::new(Vec::new()));
        in_order(1, false, plan(20), |i| {
            let running = running.clone();
            async move {
                running.lock().unwrap().push(i);
                tokio::task::yield_now().await;
                Ok(ItemResult::Done)
            }
        })
        .await
        .unwrap();
        assert_eq!(*running.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn nothing_starts_after_a_failure_that_stops() {
        let started = Arc::new(Mutex::new(Vec::new()));
        for fatal in [false, true] {
            started.lock().unwrap().clear();
            let result = in_order(2, true, plan(1000), |i| {
                let started = started.clone();
                async move {
                    started.lock().unwrap().push(i);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    match i {
                        10 if fatal => Err(Failure::silent(Exit::NOTFOUND)),
                        10 => Ok(ItemResult::Failed),
                        _ => Ok(ItemResult::Done),
                    }
                }
            })
            .await;
            let last = *started.lock().unwrap().iter().max().unwrap();
            assert!((10..=12).contains(&last), "{last}");
            match result {
                Ok(summary) => assert_eq!((fatal, summary.failed), (false, 1)),
                Err(failure) => assert_eq!((fatal, failure.exit), (true, Exit::NOTFOUND)),
            }
        }
    }

    #[tokio::test]
    async fn items_before_an_error_of_the_plan_still_run() {
        let items = vec![Ok(1), Ok(2), Err(Failure::silent(Exit::SERVICE)), Ok(3)];
        let done = Arc::new(Mutex::new(0));
        let result = in_order(4, false, futures::stream::iter(items), |_| {
            let done = done.clone();
            async move {
                *done.lock().unwrap() += 1;
                Ok(ItemResult::Done)
            }
        })
        .await;
        assert_eq!((result.unwrap_err().exit, *done.lock().unwrap()), (Exit::SERVICE, 2));
    }
}
