//! Copies that write what other copies of the same run have yet to read.
//!
//! `mv -r s3://b/a/ s3://b/` reads `a/a/x` and writes `a/x`, which it reads as well: in any order but one, content is lost.
//! [`arrange`] finds such pairs before anything is touched and puts what is read before what overwrites it; [`Reads`]
//! keeps that order while many copies run at once. A plan whose sources and destinations do not meet stays as it is.

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

/// An item of a plan, with what it has to know of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<T> {
    /// The item.
    pub item: T,
    /// Whether a later item reads the same source, so that this one must not delete it.
    pub keeps_source: bool,
    /// How many items have to come before this one, one after the other.
    depth: u64,
    /// Its place in the plan before it was arranged.
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

/// What a plan does: which object each item reads, which one it writes, and whether it deletes what it has read.
#[derive(Clone, Copy, Debug)]
pub struct Effects<R, W> {
    /// The source of an item.
    pub reads: R,
    /// The destination of an item.
    pub writes: W,
    /// Whether sources are deleted.
    pub moves: bool,
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

/// An item that has to wait, and the one that it waits for.
type Edge = (u64, u64);

/// Whether the keys below one prefix can be among those below the other.
pub fn may_meet(a: &S3Uri, b: &S3Uri) -> bool {
    a.bucket == b.bucket && (a.key.starts_with(&b.key) || b.key.starts_with(&a.key))
}

/// Puts each item behind those that read what it overwrites; `None` if the plan can stay as it is. `items` gives the items
/// of the plan in its order, and is called up to three times. Items that would overwrite each other's sources in a circle
/// are refused with exit code 64.
pub fn arrange<T, I, R, W>(
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
        Err(index) => return Err(circle(items(), &effects, index)),
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

/// Which items have to wait for which, and which must not delete their sources.
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
        // What is copied onto itself overwrites nothing.
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

/// The length of the longest chain of items before each one that waits; an item of a circle if there is one. `edges` are
/// sorted.
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
                // It was waiting for these already, and one of them waits for it.
                return Err(item);
            } else {
                stack.extend(unknown);
            }
        }
    }
    Ok(depths)
}

/// The refusal of a circle that an item is part of.
fn circle<T, R, W>(
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
    Failure::parameter(format!("The sources would overwrite each other in a circle{named}"))
}

/// What the items of an arranged plan have yet to read. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Reads(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Sources of items that have not ended, with the items' numbers.
    pending: HashMap<S3Uri, Pending>,
    /// Sources whose content is nowhere else, because their items failed.
    unsafe_to_overwrite: HashSet<S3Uri>,
}

#[derive(Debug)]
struct Pending {
    items: Vec<u64>,
    changed: watch::Sender<()>,
}

/// An item's claim on its source: until it is given up with [`Reading::done`], nothing overwrites the source.
#[derive(Debug)]
pub struct Reading {
    reads: Reads,
    source: S3Uri,
    number: u64,
    is_done: bool,
}

impl Reads {
    /// Claims the source of an item. Items claim in the order of their plan.
    pub fn claim(&self, source: S3Uri) -> Reading {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let pending = state
            .pending
            .entry(source.clone())
            .or_insert_with(|| Pending { items: Vec::new(), changed: watch::Sender::new(()) });
        pending.items.push(number);
        Reading { reads: self.clone(), source, number, is_done: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// Waits until no earlier item has yet to read one of these objects; the future may outlive the claim.
    pub fn turn(&self, objects: Vec<S3Uri>) -> impl Future<Output = ()> + Send + use<> {
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
                    // An error means that nobody waits for it any more.
                    let _ = waiting.changed().await;
                }
            }
        }
    }

    /// Whether an item that had to read this object before has failed, so that its content is nowhere else.
    pub fn is_unsafe(&self, object: &S3Uri) -> bool {
        self.reads.state().unsafe_to_overwrite.contains(object)
    }

    /// The source is safe elsewhere.
    pub fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.reads.state();
        if !self.is_done {
            state.unsafe_to_overwrite.insert(self.source.clone());
        }
        let Some(pending) = state.pending.get_mut(&self.source) else { return };
        pending.items.retain(|number| *number != self.number);
        if pending.items.is_empty() {
            // The sender goes with it, which wakes those that wait.
            state.pending.remove(&self.source);
        } else {
            pending.changed.send_replace(());
        }
    }
}

/// A step of a run, with what keeps it in order.
#[derive(Debug)]
pub struct Turn<T> {
    /// The place of the step in the run, from 0.
    pub index: u64,
    /// The step.
    pub step: Step<T>,
    /// What it reads.
    pub from: S3Uri,
    /// What it writes.
    pub to: S3Uri,
    /// Whether the source is deleted after the step.
    moves: bool,
    reading: Option<Reading>,
}

/// The items of a plan as they are to be carried out: in the arranged order, or, where there is none, in that of `plan`.
pub fn turns<T, R, W>(
    arranged: Option<SortedSpool<Step<T>>>,
    plan: impl Stream<Item = Outcome<(u64, T)>> + Send,
    effects: Effects<R, W>,
) -> impl Stream<Item = Outcome<Turn<T>>> + Send
where
    T: Record + Send + 'static,
    R: Fn(&T) -> S3Uri + Send,
    W: Fn(&T) -> S3Uri + Send,
{
    let reads = arranged.as_ref().map(|_| Reads::default());
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
    /// Waits until everything that has to come before has ended.
    pub fn ready(&self) -> impl Future<Output = ()> + Send + use<T> {
        let turn =
            self.reading.as_ref().map(|reading| reading.turn(vec![self.to.clone(), self.from.clone()]));
        async move {
            if let Some(turn) = turn {
                turn.await;
            }
        }
    }

    /// The object that this step would overwrite or delete although an earlier step could not copy it: the step must not
    /// be carried out then.
    pub fn would_lose(&self) -> Option<&S3Uri> {
        let reading = self.reading.as_ref().filter(|_| self.from != self.to)?;
        let deleted = self.moves.then_some(&self.from);
        [Some(&self.to), deleted].into_iter().flatten().find(|object| reading.is_unsafe(object))
    }

    /// The source is safe elsewhere: it may be overwritten.
    pub fn done(self) {
        if let Some(reading) = self.reading {
            reading.done();
        }
    }
}

#[cfg(test)]
mod tests;
