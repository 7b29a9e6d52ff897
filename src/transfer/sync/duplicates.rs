//! Finds items that need not be transferred, because the destination has the same content under another name, or gets
//! it in this run.
//!
//! A file is hashed only if another one has the same size. An item that is about to be overwritten is never used as the
//! source of a copy: s3cmd 2.4.0 copies it after it was overwritten, and stores the wrong content (measured).

use super::Item;
use super::comparator::Comparator;
use super::plan::{Known, Plan, Sizes, short};
use crate::output::{Failure, Outcome};
use crate::transfer::compare::Stored;
use crate::transfer::plan::record::{Fields, Record, put_bytes};
use crate::transfer::plan::spool::{Records, Spool};
use futures::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// The number of files that may be hashed ahead, within the limits of the comparator.
const AHEAD: usize = 64;

/// An item whose content another item has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    /// The item to create.
    pub(crate) item: Item,
    /// The name, at the destination, of the item with the same content.
    pub(crate) from: String,
    /// The MD5 of the content.
    pub(crate) md5: [u8; 16],
}

/// The new and changed items of a plan, divided into transfers and copies.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Items to transfer: new ones, then changed ones.
    pub(crate) transfers: Spool<Item>,
    /// Their total size in bytes.
    pub(crate) bytes: u64,
    /// Items to copy at the destination, after the transfers.
    pub(crate) copies: Spool<Copy>,
}

impl Work {
    /// Adds an item to transfer. Returns its offset.
    fn send(&mut self, item: &Item) -> io::Result<u64> {
        self.bytes += item.size;
        self.transfers.push(item)
    }
}

/// Divides new and changed items into transfers and copies. Without `comparator`, all are transferred.
pub(crate) async fn find(plan: &mut Plan, comparator: Option<&Arc<Comparator>>) -> Outcome<Work> {
    let (new, changed) = (std::mem::take(&mut plan.new), std::mem::take(&mut plan.changed));
    let known = std::mem::take(&mut plan.known);
    let spool_failure = |error: io::Error| Failure::file("temporary file", &error);
    let mut work = Work::default();
    let Some(comparator) = comparator else {
        for item in both(new, changed).map_err(spool_failure)? {
            item.and_then(|item| work.send(&item)).map_err(spool_failure)?;
        }
        return Ok(work);
    };
    // A first pass finds the sizes that occur twice.
    let (mut shared, mut seen, mut items) = (Sizes::default(), Sizes::default(), Spool::default());
    for item in both(new, changed).map_err(spool_failure)? {
        let item = item.map_err(spool_failure)?;
        if item.size > 0 && !item.is_directory() && (known.sizes.contains(item.size) | seen.insert(item.size))
        {
            shared.insert(item.size);
        }
        items.push(&item).map_err(spool_failure)?;
    }
    let mut index = Index::new(known, &shared, comparator).await?;
    // The offsets of transferred items by the first bytes of their MD5s, instead of their names, to save half the
    // memory. If another MD5 begins with the same bytes, the copy fails, because every copy is compared with the whole
    // MD5, and the item is transferred after all.
    let mut sent: HashMap<u64, u64> = HashMap::new();
    let hashed = futures::stream::iter(items.into_records().map_err(spool_failure)?).map(|item| {
        let shared = &shared;
        async move {
            let item = item.map_err(spool_failure)?;
            let is_needed = item.size > 0 && !item.is_directory() && shared.contains(item.size);
            let md5 = if is_needed { content_md5(&item, comparator).await? } else { None };
            Outcome::Ok((item, md5))
        }
    });
    let mut hashed = std::pin::pin!(hashed.buffered(AHEAD));
    while let Some((item, md5)) = hashed.try_next().await? {
        let Some(md5) = md5 else {
            work.send(&item).map_err(spool_failure)?;
            continue;
        };
        let existing = index.find(md5, item.size).map_err(spool_failure)?;
        let from = match (existing, sent.get(&short(md5))) {
            (Some(from), _) => Some(from),
            (None, Some(place)) => Some(work.transfers.at(*place).map_err(spool_failure)?.relative),
            (None, None) => None,
        };
        match from {
            Some(from) => drop(work.copies.push(&Copy { item, from, md5 }).map_err(spool_failure)?),
            None => drop(sent.insert(short(md5), work.send(&item).map_err(spool_failure)?)),
        }
    }
    Ok(work)
}

/// The MD5 of an item of the source. `None` if it is unknown.
async fn content_md5(item: &Item, comparator: &Comparator) -> Outcome<Option<[u8; 16]>> {
    match &item.origin {
        super::Origin::Local(path) => comparator.md5_of(path, item.size).await,
        super::Origin::Remote { etag, .. } => Ok(match Stored::of_etag(etag) {
            Stored::Md5(md5) => Some(md5),
            _ => None,
        }),
    }
}

fn both(
    new: Spool<Item>,
    changed: Spool<Item>,
) -> io::Result<std::iter::Chain<Records<Item>, Records<Item>>> {
    Ok(new.into_records()?.chain(changed.into_records()?))
}

/// The content of the destination by MD5.
struct Index {
    items: Spool<Item>,
    by_md5: Vec<(u64, u64)>,
    /// MD5s of local files, which their records do not contain.
    hashed: HashMap<u64, [u8; 16]>,
}

impl Index {
    async fn new(known: Known, shared: &Sizes, comparator: &Comparator) -> Outcome<Self> {
        let Known { mut items, mut by_md5, by_size, .. } = known;
        let mut hashed = HashMap::new();
        for (_, place) in by_size.into_iter().filter(|(size, _)| shared.contains(*size)) {
            let item = items.at(place).map_err(|error| Failure::file("temporary file", &error))?;
            if let Some(md5) = comparator.md5_of(item.path(), item.size).await? {
                by_md5.push((short(md5), place));
                hashed.insert(place, md5);
            }
        }
        // Offsets are in name order, so the first of several names is found.
        by_md5.sort_unstable();
        Ok(Self { items, by_md5, hashed })
    }

    /// The name of an item with that content.
    fn find(&mut self, md5: [u8; 16], size: u64) -> io::Result<Option<String>> {
        let prefix = short(md5);
        let first = self.by_md5.partition_point(|(found, _)| *found < prefix);
        for position in first..self.by_md5.len() {
            let (found, place) = self.by_md5[position];
            if found != prefix {
                break;
            }
            let item = self.items.at(place)?;
            let same = match (&item.origin, self.hashed.get(&place)) {
                (_, Some(hashed)) => *hashed == md5,
                (super::Origin::Remote { etag, .. }, None) => Stored::of_etag(etag) == Stored::Md5(md5),
                // It was compared with an object of that MD5, and the copy is verified again when it is made.
                (super::Origin::Local(_), None) => true,
            };
            if same && item.size == size {
                return Ok(Some(item.relative));
            }
        }
        Ok(None)
    }
}

impl Record for Copy {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.md5);
        put_bytes(out, self.from.as_bytes());
        self.item.write(out);
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (md5, from) = (fields.array()?, fields.text()?.to_owned());
        Some(Self { md5, from, item: Item::read(fields)? })
    }
}
