//! The versions of a key that are not current, as they are kept on the disk: the newest first, in a head and in
//! segments.
//!
//! The head, `versions/index/HEX`, has the newest entries and says which segments there are. A segment,
//! `versions/segments/NAME`, has older entries and is never changed: what changes in it is written to a new one. So a
//! change costs the head and at most two segments, and a look-up the head and the segments that may have the version,
//! which the head tells by their ids. A head without segments is a plain list, of any length where it was written
//! before there were segments; the next change cuts it.
//!
//! New segments are written first, then the head, in one rename, and then the segments go that it does not mention any
//! more. Whoever dies in between leaves a segment that no head mentions, which [`super::super::sweep`] removes.
//!
//! Readers hold no lock. The segments that belong to a head stand until another head is in its place; where one is
//! gone, the reader begins anew.

use super::format::{
    Head, SegmentSummary, Version, VersionContent, VersionSegment, damaged, discard, new_name,
};
use crate::store::bucket::Bucket;
use crate::store::dir::Stat;
use crate::store::key_path;
use crate::store::meta::Meta;
use crate::store::object::MAX_ATTEMPTS;
use std::io;
use std::mem;

/// Few in tests, so that short histories have many segments.
pub(super) const LIMITS: Limits = if cfg!(test) {
    Limits { newest: 4, left: 2, segment: 5 }
} else {
    Limits { newest: 64, left: 33, segment: 192 }
};

/// Numbers of entries. What goes from a head at a time fills a segment without a rest. An entry has some 300 bytes, and
/// what the head says of a segment 130.
pub(super) struct Limits {
    /// The most in a head.
    pub(super) newest: usize,
    /// How many stay in a head that had too many.
    pub(super) left: usize,
    /// The most in a segment.
    pub(super) segment: usize,
}

/// Under the lock, what is missing stays missing.
fn damaged_if_locked<T>(is_locked: bool, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if is_locked => damaged(error),
        _ => error,
    })
}

/// Where an entry is: in the head (block 0) or in a segment (from 1 on), and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryPosition {
    block: usize,
    at: usize,
}

impl EntryPosition {
    pub(super) const START: Self = Self { block: 0, at: 0 };

    pub(super) fn next(self) -> Self {
        Self { at: self.at + 1, ..self }
    }
}

/// The history of a key.
#[derive(Debug)]
pub(super) struct History<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    is_locked: bool,
    head: Head,
    /// Names of segments that are not needed any more.
    replaced: Vec<String>,
}

impl<'a> History<'a> {
    /// Reads it. Unless the key's lock is held, everything that looks into segments may fail with `NotFound`: another
    /// one was written meanwhile.
    pub(super) fn read(bucket: &'a Bucket, key: &'a str, is_locked: bool) -> io::Result<Self> {
        let head = match bucket.version_index()? {
            Some(root) => root.read_below(&key_path::escape(key.as_bytes()))?,
            None => None,
        };
        let head = head.map_or_else(|| Ok(Head::default()), |bytes| Head::parse(&bytes))?;
        Ok(Self { bucket, key, is_locked, head, replaced: Vec::new() })
    }

    /// One of a key that has none.
    pub(super) fn none(bucket: &'a Bucket, key: &'a str) -> Self {
        Self { bucket, key, is_locked: false, head: Head::default(), replaced: Vec::new() }
    }

    fn blocks(&self) -> usize {
        self.head.segments.len() + 1
    }

    fn block(&self, block: usize) -> io::Result<&[Version]> {
        match block.checked_sub(1) {
            None => Ok(&self.head.newest),
            Some(segment) => {
                damaged_if_locked(self.is_locked, self.head.segments[segment].entries(self.bucket))
            }
        }
    }

    /// A block to be changed, which makes a segment a new one.
    fn block_mut(&mut self, block: usize) -> io::Result<&mut Vec<Version>> {
        self.block(block)?;
        let Some(segment) = block.checked_sub(1) else { return Ok(&mut self.head.newest) };
        let segment = &mut self.head.segments[segment];
        self.replaced.extend(Some(mem::take(&mut segment.name)).filter(|name| !name.is_empty()));
        Ok(segment.entries.get_mut().expect("it was looked at"))
    }

    fn may_have(&self, block: usize, id: Option<&str>) -> bool {
        block.checked_sub(1).is_none_or(|segment| self.head.segments[segment].may_have(id))
    }

    /// The first entry with an id, `None` for the `null` version, of which `is_it` is true.
    pub(super) fn find(
        &self,
        id: Option<&str>,
        is_it: impl Fn(&Version) -> bool,
    ) -> io::Result<Option<EntryPosition>> {
        for block in (0..self.blocks()).filter(|block| self.may_have(*block, id)) {
            let mut entries = self.block(block)?.iter();
            if let Some(at) = entries.position(|version| version.id.as_deref() == id && is_it(version)) {
                return Ok(Some(EntryPosition { block, at }));
            }
        }
        Ok(None)
    }

    /// The newest entry.
    pub(super) fn first(&self) -> io::Result<Option<EntryPosition>> {
        for block in 0..self.blocks() {
            if !self.block(block)?.is_empty() {
                return Ok(Some(EntryPosition { block, at: 0 }));
            }
        }
        Ok(None)
    }

    /// Where an entry with this id would be if it were there: after all newer ones. The `null` version, of which nobody
    /// knows whether it is newer, counts as older than its neighbour before.
    pub(super) fn place_of(&self, id: &str) -> io::Result<EntryPosition> {
        let mut place = EntryPosition::START;
        for block in 0..self.blocks() {
            if let Some(segment) = block.checked_sub(1).map(|segment| &self.head.segments[segment].about)
                && segment.nulls == 0
                && segment.ids.as_ref().is_some_and(|(least, _)| &**least >= id)
            {
                place = EntryPosition { block: block + 1, at: 0 };
                continue;
            }
            let entries = self.block(block)?;
            let older = |version: &Version| version.id.as_deref().is_some_and(|other| other < id);
            let end = entries.iter().position(older);
            let newer = &entries[..end.unwrap_or(entries.len())];
            if let Some(at) = newer.iter().rposition(|version| version.id.is_some()) {
                place = EntryPosition { block, at: at + 1 };
            }
            if end.is_some() {
                break;
            }
        }
        Ok(place)
    }

    pub(super) fn get(&self, place: EntryPosition) -> io::Result<&Version> {
        Ok(&self.block(place.block)?[place.at])
    }

    pub(super) fn get_mut(&mut self, place: EntryPosition) -> io::Result<&mut Version> {
        Ok(&mut self.block_mut(place.block)?[place.at])
    }

    pub(super) fn push(&mut self, version: Version) {
        self.head.newest.insert(0, version);
    }

    pub(super) fn remove(&mut self, place: EntryPosition) -> io::Result<Version> {
        Ok(self.block_mut(place.block)?.remove(place.at))
    }

    /// Takes out every entry of the `null` version, in the order that they have.
    pub(super) fn remove_nulls(&mut self) -> io::Result<Vec<Version>> {
        self.remove_nulls_after(0)
    }

    /// [`Self::remove_nulls`] but for the first.
    pub(super) fn remove_nulls_but_first(&mut self) -> io::Result<Vec<Version>> {
        self.remove_nulls_after(1)
    }

    /// [`Self::remove_nulls`] but for so many of the first.
    fn remove_nulls_after(&mut self, mut stay: usize) -> io::Result<Vec<Version>> {
        let mut removed = Vec::new();
        for block in 0..self.blocks() {
            let count = self.nulls(block);
            if count > stay {
                let mut seen = 0;
                removed.extend(self.block_mut(block)?.extract_if(.., |version| {
                    seen += usize::from(version.id.is_none());
                    version.id.is_none() && seen > stay
                }));
            }
            stay = stay.saturating_sub(count);
        }
        Ok(removed)
    }

    fn nulls(&self, block: usize) -> usize {
        let segment = block.checked_sub(1).map(|segment| &self.head.segments[segment]);
        match segment.map_or(Some(&self.head.newest), |segment| segment.entries.get()) {
            Some(entries) => entries.iter().filter(|version| version.id.is_none()).count(),
            None => segment.map_or(0, |segment| segment.about.nulls),
        }
    }

    /// Forgets what a crash may have left in it: the entry of what is current, with the marker of an unfinished
    /// deletion before it, and a `null` version that another one has replaced.
    pub(super) fn pass_over(&mut self, current: Option<(&Meta, &Stat)>) -> io::Result<()> {
        if let Some((meta, stat)) = current {
            let is_it = |version: &Version| match &version.what {
                VersionContent::Data { record, .. } => version.id.is_some() || record.describes(stat),
                VersionContent::Marker { .. } => false,
            };
            if let Some(place) = self.find(meta.version.as_deref(), is_it)? {
                self.block_mut(place.block)?.drain(..=place.at);
                if let Some(segment) = place.block.checked_sub(1) {
                    self.head.newest.clear();
                    let newer = self.head.segments.drain(..segment).map(|segment| segment.name);
                    self.replaced.extend(newer.filter(|name| !name.is_empty()));
                }
            }
        }
        let is_null = current.is_some_and(|(meta, _)| meta.version.is_none());
        self.remove_nulls_after(usize::from(!is_null)).map(drop)
    }

    /// The entries from a place on, at most so many. No segment is looked at that has none of them.
    pub(super) fn into_entries(self, from: EntryPosition, most: usize) -> io::Result<Vec<Version>> {
        let Head { newest, segments } = self.head;
        let mut skip = from.at;
        let mut taken = Vec::new();
        if from.block == 0 {
            taken.extend(newest.into_iter().skip(mem::take(&mut skip)).take(most));
        }
        for segment in segments.into_iter().skip(from.block.saturating_sub(1)) {
            if taken.len() >= most {
                break;
            }
            let entries = damaged_if_locked(self.is_locked, segment.into_entries(self.bucket))?;
            let left = most - taken.len();
            taken.extend(entries.into_iter().skip(mem::take(&mut skip)).take(left));
        }
        Ok(taken)
    }

    /// Cuts a head that is too long, and fills one that is empty.
    fn balance(&mut self) -> io::Result<()> {
        self.head.segments.retain(|segment| segment.len() > 0);
        if self.head.newest.is_empty() && !self.head.segments.is_empty() {
            self.head.newest = self.dissolve_first()?;
        }
        if self.head.newest.len() <= LIMITS.newest {
            return Ok(());
        }
        let mut entries = self.head.newest.split_off(LIMITS.left);
        if let Some(first) = self.head.segments.first()
            && first.len() + entries.len() <= LIMITS.segment
        {
            entries.extend(self.dissolve_first()?);
        }
        // The oldest are full, and the newest has room for what comes next.
        while entries.len() > LIMITS.segment {
            let oldest = entries.split_off(entries.len() - LIMITS.segment);
            self.head.segments.insert(0, VersionSegment::new(oldest));
        }
        self.head.segments.insert(0, VersionSegment::new(entries));
        Ok(())
    }

    /// The entries of the newest segment, which is no more.
    fn dissolve_first(&mut self) -> io::Result<Vec<Version>> {
        let entries = mem::take(self.block_mut(1)?);
        self.head.segments.remove(0);
        Ok(entries)
    }

    /// Makes it the history of its key, whose lock is held. It may be changed and written again.
    pub(super) fn write(&mut self) -> io::Result<()> {
        self.balance()?;
        let mut made = Vec::new();
        let written = self.write_segments(&mut made).and_then(|()| self.write_head());
        if let Err(error) = written {
            self.take_back(&made);
            return Err(error);
        }
        for name in mem::take(&mut self.replaced) {
            discard(self.bucket, &name);
        }
        Ok(())
    }

    /// Writes the segments that are new, and tells their names.
    fn write_segments(&mut self, made: &mut Vec<String>) -> io::Result<()> {
        for segment in self.head.segments.iter_mut().filter(|segment| segment.name.is_empty()) {
            let entries = segment.entries.get().expect("what is not written is here");
            segment.about = SegmentSummary::of(entries);
            let text = serde_json::to_vec(entries).expect("plain data becomes JSON");
            let name = new_name()?;
            made.push(name.clone());
            self.bucket.put_small(self.bucket.make_version_segments()?, &name, &text)?;
            segment.name = name;
        }
        Ok(())
    }

    fn write_head(&self) -> io::Result<()> {
        let path = key_path::escape(self.key.as_bytes());
        if self.head.newest.is_empty() {
            return match self.bucket.version_index()? {
                Some(root) => self.bucket.unlink_below(root, &path).map(drop),
                None => Ok(()),
            };
        }
        let text = self.head.text();
        let (parents, name) = key_path::split(&path);
        let root = self.bucket.make_version_index()?;
        for attempt in 0.. {
            let written = root
                .make(parents.clone(), self.bucket.mode.fsync)
                .and_then(|dir| self.bucket.put_small(&dir, name, &text));
            match written {
                // A deletion next door removed the directory just after it was made.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < MAX_ATTEMPTS => {}
                result => return result,
            }
        }
        Ok(())
    }

    /// Removes new segments after a failure, unless the head that mentions them came to be nevertheless.
    fn take_back(&self, made: &[String]) {
        let Ok(now) = History::read(self.bucket, self.key, true) else { return };
        for name in made {
            if !now.head.segments.iter().any(|segment| segment.name == *name) {
                discard(self.bucket, name);
            }
        }
    }
}
