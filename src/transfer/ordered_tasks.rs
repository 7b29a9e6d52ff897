//! Many items at once, spoken of in order.
//!
//! Items of a plan run side by side, up to a width; what each of them prints comes out as if they had run one after the
//! other. With width 1 they do. One summary counts how they ended, and it alone decides the exit code.

use crate::output::{Exit, Failure, ItemLog, Outcome};
use crate::s3::Error;
use futures::{Stream, StreamExt};
use std::collections::VecDeque;
use std::future::Future;
use std::ops::AddAssign;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Finished items that may wait for an earlier one, for each item that runs: enough that one slow item does not stop the
/// others, bounded so that their output stays small.
const WAITING_PER_RUNNING: usize = 16;

/// How an item ended, apart from what it printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemResult {
    /// Done and verified.
    Done,
    /// Nothing had to be done.
    Skipped,
    /// Failed; the item said why.
    Failed,
    /// Failed by an answer of the service that has an exit code of its own; the item said why.
    Refused(Exit),
    /// The source was not there; the item said so.
    Missing,
}

impl ItemResult {
    /// How an item ended that failed with this error and was named: where it was an answer of the service, with the exit
    /// code of that, which counts where no item fared better.
    pub fn refused(error: &Error) -> Self {
        match error.status() {
            Some(status) => ItemResult::Refused(Exit::of_status(status)),
            None => ItemResult::Failed,
        }
    }
}

/// How many items ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Items done.
    pub done: u64,
    /// Items for which nothing had to be done.
    pub skipped: u64,
    /// Items that failed.
    pub failed: u64,
    /// Items whose source was missing.
    pub missing: u64,
    /// Those of the failed items that the service refused.
    pub refused: u64,
    /// The exit code of the first refusal.
    pub refusal: Option<Exit>,
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
    pub fn count(&mut self, item_result: ItemResult) {
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

    /// All items that were counted.
    pub fn total(&self) -> u64 {
        self.done + self.skipped + self.failed + self.missing
    }

    /// Success if nothing failed, else exit 2: for put, get and their kin. Where the service refused every single item,
    /// the exit code is that of the first refusal, with which s3cmd ends.
    pub fn outcome(&self) -> Outcome {
        if self.failed + self.missing == 0 {
            return Ok(());
        }
        let exit = self.refusal.filter(|_| self.refused == self.total()).unwrap_or(Exit::PARTIAL);
        Err(self.failure(exit))
    }

    /// An exit code after some items failed; see [`some_failed`].
    pub fn failure(&self, exit: Exit) -> Failure {
        some_failed(self.failed + self.missing, self.total(), exit)
    }
}

/// The end of a run in which some items failed, each of which was named: an exit code and, where that does not say more
/// and there were several items, how many of how many. In JSON the summary says it.
pub fn some_failed(failed: u64, total: u64, exit: Exit) -> Failure {
    if total > 1 && exit == Exit::PARTIAL && !crate::output::is_json() {
        Failure::new(exit, format!("{failed} of {total} items failed"))
    } else {
        Failure::silent(exit)
    }
}

/// Runs `work` for each item of a plan, at most `width` at a time.
///
/// An item that returns an error ends the run: nothing with a later number is started, what was finished by then is
/// still reported, then the error is returned. That is for errors that would meet all other items as well. With
/// `stop_on_error` an item that failed does the same without one.
pub async fn in_order<I, F>(
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

/// [`in_order`] for items that may have to wait for earlier ones: an item counts as running, and takes part in the width,
/// once what `ready` returns for it has come to its end.
pub async fn in_order_when<I, R, F>(
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
    // Those that wait for an earlier one are in nobody's way.
    run(width, window(width), stop_on_error, plan, ready, work).await
}

/// How many items may have been started and not been reported. Strictly serial means that an item is over, printed and all,
/// before the next begins.
fn window(width: usize) -> usize {
    if width == 1 { 1 } else { width * WAITING_PER_RUNNING }
}

/// `ahead` is how many items may wait for their turn to run: what is to be done for an item takes memory from then on.
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
    let slots = Arc::new(Semaphore::new(width));
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
        let room = may_start && running.len() < window;
        let next = async {
            // It is never closed.
            let place = ahead.clone().acquire_owned().await.ok();
            (plan.next().await, place)
        };
        let event = match running.front_mut() {
            None if !room => break,
            None => Event::Planned(next.await),
            Some((_, first)) => tokio::select! {
                biased;
                next = next, if room => Event::Planned(next),
                ended = first => Event::Ended(ended),
            },
        };
        match event {
            Event::Planned((None, _)) => {}
            // What was planned before the plan broke is still carried out.
            Event::Planned((Some(Err(error)), _)) => failure = Some(error),
            Event::Planned((Some(Ok(item)), place)) => {
                let log = ItemLog::default();
                if running.is_empty() {
                    log.go_live();
                }
                let (slots, stop) = (slots.clone(), stop.clone());
                let turn = Turn { number: started, place, slots, stop, stop_on_error };
                started += 1;
                // In a box, which goes when it is done; the task stays until it is reported.
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
                        // The first in order wins, over a broken plan too: a serial run would have met it first.
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

/// What the run waits for: the plan's next item, or the end of the item whose turn it is.
enum Event<I> {
    Planned((Option<Outcome<I>>, Option<OwnedSemaphorePermit>)),
    Ended(Result<Option<Outcome<ItemResult>>, tokio::task::JoinError>),
}

/// Reports what was finished, or was under way, when the run was stopped.
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

/// What an item needs to know of the others.
struct Turn {
    number: u64,
    /// Its place among those that wait.
    place: Option<OwnedSemaphorePermit>,
    slots: Arc<Semaphore>,
    /// The lowest number that ended the run, `u64::MAX` for none.
    stop: Arc<AtomicU64>,
    stop_on_error: bool,
}

async fn run_item(
    log: ItemLog,
    turn: Turn,
    ready: impl Future<Output = ()>,
    work: impl Future<Output = Outcome<ItemResult>>,
) -> Option<Outcome<ItemResult>> {
    let Turn { number, place, slots, stop, stop_on_error } = turn;
    // Without a slot, which an item that is waited for may need.
    ready.await;
    // It is never closed.
    let _slot = slots.acquire().await.ok()?;
    drop(place);
    // Tasks get their slots in about, not exactly, the order of their numbers: a later item's failure is no reason not to
    // begin an earlier one, whose failure a serial run would have met instead.
    if stop.load(Ordering::Relaxed) < number {
        return None;
    }
    let ended = log.scope(work).await;
    if ended.is_err() || (stop_on_error && matches!(ended, Ok(ItemResult::Failed | ItemResult::Refused(_)))) {
        stop.fetch_min(number, Ordering::Relaxed);
    }
    Some(ended)
}

/// Ends what still runs when the whole run is given up (Ctrl-C, closed output).
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
    async fn what_is_to_be_done_is_made_ready_for_few_items_ahead() {
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
    async fn a_broken_plan_carries_out_what_came_before() {
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
