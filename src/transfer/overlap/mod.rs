//! Copies that write objects which other copies of the same run still have to read.
//!
//! `mv -r s3://b/a/ s3://b/` reads `a/a/x` and writes `a/x`, which it also reads: every order but one loses content.
//! [`arrange`] finds such pairs before the run starts and moves each read before the write that overwrites it.
//! [`PendingReads`] enforces that order while many copies run at once. A plan whose sources and destinations do not
//! overlap is left as it is.

use super::plan::record::{Fields, Record, put_bytes, put_number};
use super::plan::{SortOrder, SortedSpool, Sorter};
use crate::output::{Failure, Outcome};
use crate::uri::S3Uri;
use futures::future::Either;
use futures::{Stream, TryStreamExt};
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// An item of a plan, with its relation to the other items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step<T> {
    /// The item.
    pub(crate) item: T,
    /// Whether a later item reads the same source, so that this item must not delete it.
    pub(crate) keeps_source: bool,
    /// The length of the longest chain of items that must run before this one.
    depth: u64,
    /// Its position in the plan before the plan was arranged.
    index: u64,
}

impl<T> From<T> for Step<T> {
    fn from(item: T) -> Self {
        Self { item, keeps_source: false, depth: 0, index: 0 }
    }
}

impl<T: Record> Record for Step<T> {
    fn write(&self, out: &mut Vec<u8>) {
        put_number(out, u64::from(self.keeps_source));
        put_number(out, self.depth);
        put_number(out, self.index);
        self.item.write(out);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (keeps_source, depth, index) = (fields.number()? != 0, fields.number()?, fields.number()?);
        Some(Self { keeps_source, depth, index, item: T::read(fields)? })
    }
}

/// The effects of a plan: which object each item reads, which one it writes, and whether it then deletes the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effects<R, W> {
    /// The source of an item.
    pub(crate) reads: R,
    /// The destination of an item.
    pub(crate) writes: W,
    /// Whether sources are deleted.
    pub(crate) moves: bool,
}

/// An object and the item that reads or writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Touched {
    bucket: String,
    key: String,
    index: u64,
}

impl Touched {
    fn is_same_object(&self, other: &Self) -> bool {
        (&self.bucket, &self.key) == (&other.bucket, &other.key)
    }
}

impl Record for Touched {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.bucket.as_bytes());
        put_bytes(out, self.key.as_bytes());
        put_number(out, self.index);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (bucket, key) = (fields.text()?.to_owned(), fields.text()?.to_owned());
        Some(Self { bucket, key, index: fields.number()? })
    }
}

/// An item that has to wait, and the item that it waits for.
type Edge = (u64, u64);

/// Whether a key can have both prefixes.
pub(crate) fn may_meet(a: &S3Uri, b: &S3Uri) -> bool {
    a.bucket == b.bucket && (a.key.starts_with(&b.key) || b.key.starts_with(&a.key))
}

/// Moves each item after those that read the object which it overwrites. Returns `None` if the plan can stay as it is.
///
/// `items` returns the items of the plan in order and is called up to three times. Fails with exit code 64 if the items
/// would overwrite each other's sources in a cycle.
pub(crate) fn arrange<T, I, R, W>(
    items: impl Fn() -> I,
    effects: Effects<R, W>,
) -> Outcome<Option<SortedSpool<Step<T>>>>
where
    T: Record,
    I: Iterator<Item = io::Result<T>>,
    R: Fn(&T) -> S3Uri,
    W: Fn(&T) -> S3Uri,
{
    let (mut edges, keeping) = edges(items(), &effects)?;
    if edges.is_empty() {
        return Ok(None);
    }
    edges.sort_unstable();
    let depths = match depths(&edges) {
        Ok(depths) => depths,
        Err(index) => return Err(cycle(items(), &effects, index)),
    };
    let mut arranged = Sorter::new(SortOrder {
        order: |a: &Step<T>, b: &Step<T>| (a.depth, a.index).cmp(&(b.depth, b.index)),
        same: |_, _| false,
    });
    for (index, item) in (0..).zip(items()) {
        let depth = depths.get(&index).copied().unwrap_or(0);
        arranged.push(Step { item: item?, keeps_source: keeping.contains(&index), depth, index })?;
    }
    Ok(Some(arranged.finish()?))
}

/// Returns which items wait for which, and which items must not delete their sources.
fn edges<T, R, W>(
    items: impl Iterator<Item = io::Result<T>>,
    effects: &Effects<R, W>,
) -> io::Result<(Vec<Edge>, HashSet<u64>)>
where
    R: Fn(&T) -> S3Uri,
    W: Fn(&T) -> S3Uri,
{
    let by_object = SortOrder { order: Touched::cmp, same: Touched::eq };
    let (mut reads, mut writes) = (Sorter::new(by_object), Sorter::new(by_object));
    for (index, item) in (0..).zip(items) {
        let item = item?;
        let (from, to) = ((effects.reads)(&item), (effects.writes)(&item));
        // An object that is copied onto itself overwrites nothing.
        if from != to {
            writes.push(Touched { bucket: to.bucket, key: to.key, index })?;
        }
        reads.push(Touched { bucket: from.bucket, key: from.key, index })?;
    }
    let (mut edges, mut keeping) = (Vec::new(), HashSet::new());
    let writes = writes.finish()?;
    let mut writes = writes.iter().peekable();
    let reads = reads.finish()?;
    let mut reads = reads.iter().peekable();
    while let Some(first) = reads.next().transpose()? {
        let mut readers = vec![first.index];
        while let Some(next) =
            reads.next_if(|next| next.as_ref().is_ok_and(|next| next.is_same_object(&first)))
        {
            readers.push(next?.index);
        }
        if effects.moves {
            for pair in readers.windows(2) {
                edges.push((pair[1], pair[0]));
                keeping.insert(pair[0]);
            }
        }
        let before = |next: &io::Result<Touched>| {
            next.as_ref().is_ok_and(|next| (&next.bucket, &next.key) < (&first.bucket, &first.key))
        };
        while writes.next_if(before).is_some() {}
        while let Some(writer) =
            writes.next_if(|next| next.as_ref().map_or(true, |next| next.is_same_object(&first)))
        {
            let writer = writer?.index;
            edges.extend(readers.iter().map(|reader| (writer, *reader)));
        }
    }
    Ok((edges, keeping))
}

/// Maps each waiting item to the length of the longest chain of items before it. Returns an item of a cycle if there is
/// one. `edges` must be sorted.
fn depths(edges: &[Edge]) -> Result<HashMap<u64, u64>, u64> {
    let waits_for = |item: u64| {
        let first = edges.partition_point(|(waiting, _)| *waiting < item);
        edges[first..].iter().take_while(move |(waiting, _)| *waiting == item).map(|(_, on)| *on)
    };
    let mut depths: HashMap<u64, u64> = HashMap::new();
    let mut open: HashSet<u64> = HashSet::new();
    for (start, _) in edges {
        let mut stack = vec![*start];
        while let Some(item) = stack.last().copied() {
            if depths.contains_key(&item) {
                stack.pop();
                continue;
            }
            let mut depth = 0;
            let mut unknown = Vec::new();
            for on in waits_for(item) {
                match depths.get(&on) {
                    Some(known) => depth = depth.max(known + 1),
                    None => unknown.push(on),
                }
            }
            if unknown.is_empty() {
                open.remove(&item);
                depths.insert(item, depth);
                stack.pop();
            } else if !open.insert(item) {
                // It is already on the stack, so one of the items that it waits for waits for it.
                return Err(item);
            } else {
                stack.extend(unknown);
            }
        }
    }
    Ok(depths)
}

/// The error for a cycle that contains the item at `index`.
fn cycle<T, R, W>(
    mut items: impl Iterator<Item = io::Result<T>>,
    effects: &Effects<R, W>,
    index: u64,
) -> Failure
where
    R: Fn(&T) -> S3Uri,
    W: Fn(&T) -> S3Uri,
{
    let named = match items.nth(usize::try_from(index).unwrap_or(usize::MAX)) {
        Some(Ok(item)) => {
            format!(" ('{}' would become '{}')", (effects.reads)(&item), (effects.writes)(&item))
        }
        _ => String::new(),
    };
    Failure::parameter(format!("The sources would overwrite each other in a cycle{named}"))
}

/// The objects that items of an arranged plan still have to read. Clones share the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct PendingReads(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Sources of unfinished items, with the items' numbers.
    pending: HashMap<S3Uri, Pending>,
    /// Sources of failed items: their content exists nowhere else.
    at_risk: HashSet<S3Uri>,
}

#[derive(Debug)]
struct Pending {
    items: Vec<u64>,
    changed: watch::Sender<()>,
}

/// An item's claim on its source: nothing overwrites the source until [`ReadClaim::done`] releases it.
#[derive(Debug)]
pub(crate) struct ReadClaim {
    reads: PendingReads,
    source: S3Uri,
    number: u64,
    is_done: bool,
}

impl PendingReads {
    /// Claims the source of an item. Must be called in plan order.
    pub(crate) fn claim(&self, source: S3Uri) -> ReadClaim {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let pending = state
            .pending
            .entry(source.clone())
            .or_insert_with(|| Pending { items: Vec::new(), changed: watch::Sender::new(()) });
        pending.items.push(number);
        ReadClaim { reads: self.clone(), source, number, is_done: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadClaim {
    /// Waits until no earlier item still has to read one of these objects. The future may outlive the claim.
    pub(crate) fn wait_for_turn(&self, objects: Vec<S3Uri>) -> impl Future<Output = ()> + Send + use<> {
        let (reads, number) = (self.reads.clone(), self.number);
        async move {
            for object in objects {
                loop {
                    let waiting = {
                        let state = reads.state();
                        let pending = state.pending.get(&object);
                        pending
                            .filter(|pending| pending.items.iter().any(|other| *other < number))
                            .map(|pending| pending.changed.subscribe())
                    };
                    let Some(mut waiting) = waiting else { break };
                    // An error means that the last claim is gone.
                    let _ = waiting.changed().await;
                }
            }
        }
    }

    /// Whether an earlier item that had to read this object failed, so that its content exists nowhere else.
    pub(crate) fn is_at_risk(&self, object: &S3Uri) -> bool {
        self.reads.state().at_risk.contains(object)
    }

    /// Releases the claim: the content was copied.
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for ReadClaim {
    fn drop(&mut self) {
        let mut state = self.reads.state();
        if !self.is_done {
            state.at_risk.insert(self.source.clone());
        }
        let Some(pending) = state.pending.get_mut(&self.source) else { return };
        pending.items.retain(|number| *number != self.number);
        if pending.items.is_empty() {
            // Dropping the sender wakes the waiting items.
            state.pending.remove(&self.source);
        } else {
            pending.changed.send_replace(());
        }
    }
}

/// A step of a run, with its claim on the source.
#[derive(Debug)]
pub(crate) struct Turn<T> {
    /// The position of the step in the run, from 0.
    pub(crate) index: u64,
    /// The step.
    pub(crate) step: Step<T>,
    /// The object that it reads.
    pub(crate) from: S3Uri,
    /// The object that it writes.
    pub(crate) to: S3Uri,
    /// Whether the source is deleted after the step.
    moves: bool,
    reading: Option<ReadClaim>,
}

/// The items of a plan in execution order: the arranged order, or the order of `plan` if `arranged` is `None`.
pub(crate) fn turns<T, R, W>(
    arranged: Option<SortedSpool<Step<T>>>,
    plan: impl Stream<Item = Outcome<(u64, T)>> + Send,
    effects: Effects<R, W>,
) -> impl Stream<Item = Outcome<Turn<T>>> + Send
where
    T: Record + Send + 'static,
    R: Fn(&T) -> S3Uri + Send,
    W: Fn(&T) -> S3Uri + Send,
{
    let reads = arranged.as_ref().map(|_| PendingReads::default());
    let steps = match arranged {
        Some(arranged) => Either::Left(arranged.numbered()),
        None => Either::Right(plan.map_ok(|(index, item)| (index, Step::from(item)))),
    };
    steps.map_ok(move |(index, step)| {
        let (from, to) = ((effects.reads)(&step.item), (effects.writes)(&step.item));
        let reading = reads.as_ref().map(|reads| reads.claim(from.clone()));
        Turn { index, step, from, to, moves: effects.moves, reading }
    })
}

impl<T> Turn<T> {
    /// Waits until all steps that must come first have finished.
    pub(crate) fn ready(&self) -> impl Future<Output = ()> + Send + use<T> {
        let turn = self
            .reading
            .as_ref()
            .map(|reading| reading.wait_for_turn(vec![self.to.clone(), self.from.clone()]));
        async move {
            if let Some(turn) = turn {
                turn.await;
            }
        }
    }

    /// Returns the object that this step would overwrite or delete although an earlier step failed to copy it. If there
    /// is one, the step must not run.
    pub(crate) fn object_at_risk(&self) -> Option<&S3Uri> {
        let reading = self.reading.as_ref().filter(|_| self.from != self.to)?;
        let deleted = self.moves.then_some(&self.from);
        [Some(&self.to), deleted].into_iter().flatten().find(|object| reading.is_at_risk(object))
    }

    /// Releases the source, which was copied and may now be overwritten.
    pub(crate) fn done(self) {
        if let Some(reading) = self.reading {
            reading.done();
        }
    }
}

#[cfg(test)]
mod tests;
