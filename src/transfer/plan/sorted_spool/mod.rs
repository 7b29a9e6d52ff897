//! An external sort: items are added in any order and counted, and can be read back in sorted order any number of
//! times.
//!
//! Items are encoded as bytes. Beyond a few mebibytes they are written to an anonymous temporary file in sorted runs.
//! Items that arrive in order make a single run; otherwise the runs are merged at the end. The sort is stable.

use crate::output::{Failure, Outcome};
use crate::transfer::plan::record::{Record, append, damaged, take};
use crate::transfer::temporary;
use futures::{Stream, stream};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are kept in memory.
const IN_MEMORY: usize = 8 << 20;

/// Size of one read from the temporary file in bytes.
const BLOCK: usize = 64 << 10;

/// The sort order, and which neighbours are duplicates, of which only the first is kept.
#[derive(Debug)]
pub(crate) struct SortOrder<T> {
    /// Compares two items.
    pub(crate) order: fn(&T, &T) -> Ordering,
    /// Whether the second item is a duplicate of the first.
    pub(crate) same: fn(&T, &T) -> bool,
}

impl<T> Clone for SortOrder<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SortOrder<T> {}

/// Collects and sorts items.
#[derive(Debug)]
pub(crate) struct Sorter<T> {
    sort_order: SortOrder<T>,
    in_memory: usize,
    /// Items since the last run was written.
    buffer: Vec<u8>,
    /// Whether the items in the buffer arrived in order.
    sorted: bool,
    /// The previous item: the last one of the buffer, or the greatest one of the last run.
    last: Option<T>,
    count: u64,
    file: Option<File>,
    /// End offsets of the runs in the file.
    runs: Vec<u64>,
}

/// The sorted items. Clones share the content.
#[derive(Debug)]
pub(crate) struct SortedSpool<T> {
    store: Store,
    length: u64,
    count: u64,
    item: PhantomData<fn() -> T>,
}

#[derive(Clone, Debug)]
enum Store {
    Memory(Arc<Vec<u8>>),
    File(Arc<Mutex<File>>),
}

impl<T: Record> Sorter<T> {
    /// Creates an empty sorter.
    pub(crate) fn new(sort_order: SortOrder<T>) -> Self {
        Self::with_memory(sort_order, IN_MEMORY)
    }

    /// Creates an empty sorter that keeps `in_memory` bytes in memory.
    fn with_memory(sort_order: SortOrder<T>, in_memory: usize) -> Self {
        Self {
            sort_order,
            in_memory,
            buffer: Vec::new(),
            sorted: true,
            last: None,
            count: 0,
            file: None,
            runs: Vec::new(),
        }
    }

    /// Adds an item. Fails if the temporary file cannot be written.
    pub(crate) fn push(&mut self, item: T) -> io::Result<()> {
        if let Some(last) = &self.last {
            if (self.sort_order.order)(last, &item) == Ordering::Greater {
                self.sorted = false;
            } else if (self.sort_order.same)(last, &item) {
                return Ok(());
            }
        }
        append(&item, &mut self.buffer);
        self.count += 1;
        self.last = Some(item);
        if self.buffer.len() >= self.in_memory { self.spill() } else { Ok(()) }
    }

    /// Sorts the items. Fails if the temporary file cannot be read or written.
    pub(crate) fn finish(mut self) -> io::Result<SortedSpool<T>> {
        if self.file.is_none() {
            self.sort_buffer()?;
            let length = self.buffer.len() as u64;
            return Ok(SortedSpool::new(Store::Memory(Arc::new(self.buffer)), length, self.count));
        }
        if !self.buffer.is_empty() {
            self.spill()?;
        }
        drop(std::mem::take(&mut self.buffer));
        match (self.file, &self.runs[..]) {
            (Some(file), [length]) => {
                Ok(SortedSpool::new(Store::File(Arc::new(Mutex::new(file))), *length, self.count))
            }
            (Some(file), runs) => merge(file, runs, self.sort_order),
            (None, _) => Ok(SortedSpool::new(Store::Memory(Arc::default()), 0, 0)),
        }
    }

    /// Sorts the buffer, if necessary, and drops duplicates.
    fn sort_buffer(&mut self) -> io::Result<()> {
        if self.sorted {
            return Ok(());
        }
        let store = Store::Memory(Arc::new(std::mem::take(&mut self.buffer)));
        let length = store.length();
        let mut items: Vec<T> = Items::new(store, 0, length).collect::<io::Result<_>>()?;
        items.sort_by(self.sort_order.order);
        let before = items.len();
        items.dedup_by(|later, earlier| (self.sort_order.same)(earlier, later));
        self.count -= (before - items.len()) as u64;
        items.iter().for_each(|item| append(item, &mut self.buffer));
        self.last = items.pop();
        self.sorted = true;
        Ok(())
    }

    /// Writes the buffer as a run. If it continues the previous run in order, extends that run instead.
    fn spill(&mut self) -> io::Result<()> {
        let goes_on = self.sorted && !self.runs.is_empty();
        self.sort_buffer()?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => temporary::file()?,
        };
        file.write_all(&self.buffer).map_err(|error| temporary::explained(&error))?;
        let start = self.runs.last().copied().unwrap_or(0);
        let end = start + self.buffer.len() as u64;
        if goes_on {
            self.runs.pop();
        }
        self.runs.push(end);
        self.file = Some(file);
        self.buffer.clear();
        Ok(())
    }
}

impl<T: Record> SortedSpool<T> {
    fn new(store: Store, length: u64, count: u64) -> Self {
        Self { store, length, count, item: PhantomData }
    }

    /// The number of items.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Whether there are no items.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Iterates over the items in order. Errors come from the temporary file.
    pub(crate) fn iter(&self) -> Items<T> {
        Items::new(self.store.clone(), 0, self.length)
    }

    /// The items in order with their positions from 0, as a stream for `ordered_tasks`.
    pub(crate) fn numbered(&self) -> impl Stream<Item = Outcome<(u64, T)>> + Send + use<T> {
        let items = (0..).zip(self.iter());
        stream::iter(items.map(|(index, item)| item.map(|item| (index, item)).map_err(Failure::from)))
    }

    /// The first two neighbours for which `test` returns true.
    pub(crate) fn neighbours(&self, test: impl Fn(&T, &T) -> bool) -> io::Result<Option<(T, T)>> {
        let mut last: Option<T> = None;
        for item in self.iter() {
            let item = item?;
            match last {
                Some(last) if test(&last, &item) => return Ok(Some((last, item))),
                _ => last = Some(item),
            }
        }
        Ok(None)
    }
}

impl<T> Clone for SortedSpool<T> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), length: self.length, count: self.count, item: PhantomData }
    }
}

/// Iterates over the items of a spool or of a run.
#[derive(Debug)]
pub(crate) struct Items<T> {
    store: Store,
    /// Where the next block begins, and where the items end, in bytes.
    at: u64,
    end: u64,
    /// The current block of the file, and how much of it has been consumed.
    block: Vec<u8>,
    done: usize,
    item: PhantomData<fn() -> T>,
}

impl<T: Record> Items<T> {
    fn new(store: Store, at: u64, end: u64) -> Self {
        Self { store, at, end, block: Vec::new(), done: 0, item: PhantomData }
    }

    /// Decodes the next item, from `self.block` or from memory.
    fn step(&mut self) -> io::Result<Option<T>> {
        if let Store::Memory(bytes) = &self.store {
            if self.at >= self.end {
                return Ok(None);
            }
            let (item, length) = take(&bytes[self.at as usize..])?.ok_or_else(damaged)?;
            self.at += length as u64;
            return Ok(Some(item));
        }
        loop {
            if let Some((item, length)) = take(&self.block[self.done..])? {
                self.done += length;
                return Ok(Some(item));
            }
            if self.at >= self.end {
                return if self.done == self.block.len() { Ok(None) } else { Err(damaged()) };
            }
            self.load()?;
        }
    }

    /// Reads the next block.
    fn load(&mut self) -> io::Result<()> {
        let Store::File(file) = &self.store else { return Ok(()) };
        self.block.drain(..self.done);
        self.done = 0;
        let old = self.block.len();
        let more = (self.end - self.at).min(BLOCK as u64);
        self.block.resize(old + more as usize, 0);
        // Iterators share the file, so each one seeks before it reads.
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        file.read_exact(&mut self.block[old..])?;
        self.at += more;
        Ok(())
    }
}

impl<T: Record> Iterator for Items<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

impl Store {
    fn length(&self) -> u64 {
        match self {
            Store::Memory(bytes) => bytes.len() as u64,
            Store::File(_) => 0,
        }
    }
}

/// Merges the runs into one.
fn merge<T: Record>(file: File, runs: &[u64], sort_order: SortOrder<T>) -> io::Result<SortedSpool<T>> {
    let store = Store::File(Arc::new(Mutex::new(file)));
    let mut heads = BinaryHeap::with_capacity(runs.len());
    let mut start = 0;
    for (run, end) in runs.iter().enumerate() {
        let mut rest = Items::new(store.clone(), start, *end);
        start = *end;
        if let Some(item) = rest.next() {
            heads.push(Head { item: item?, run, rest, order: sort_order.order });
        }
    }
    let mut out = temporary::file()?;
    let (mut block, mut length, mut count) = (Vec::with_capacity(BLOCK * 2), 0, 0);
    let mut last: Option<T> = None;
    while let Some(Head { item, run, mut rest, order }) = heads.pop() {
        if let Some(next) = rest.next() {
            heads.push(Head { item: next?, run, rest, order });
        }
        if last.as_ref().is_some_and(|last| (sort_order.same)(last, &item)) {
            continue;
        }
        append(&item, &mut block);
        count += 1;
        last = Some(item);
        if block.len() >= BLOCK {
            out.write_all(&block).map_err(|error| temporary::explained(&error))?;
            length += block.len() as u64;
            block.clear();
        }
    }
    out.write_all(&block).map_err(|error| temporary::explained(&error))?;
    length += block.len() as u64;
    Ok(SortedSpool::new(Store::File(Arc::new(Mutex::new(out))), length, count))
}

/// The next item of a run. The greatest head is the one whose item comes first.
struct Head<T> {
    item: T,
    run: usize,
    rest: Items<T>,
    order: fn(&T, &T) -> Ordering,
}

impl<T> Ord for Head<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.order)(&other.item, &self.item).then(other.run.cmp(&self.run))
    }
}

impl<T> PartialOrd for Head<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Head<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Head<T> {}

#[cfg(test)]
mod tests;
