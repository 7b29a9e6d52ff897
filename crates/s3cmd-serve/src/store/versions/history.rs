//! The history of a key on disk: its noncurrent versions and delete markers, newest first, in a head and in segments.
//!
//! The head, `versions/index/HEX`, contains the newest entries and lists the segments. A segment,
//! `versions/segments/NAME`, contains older entries and is immutable: a change writes a new segment in its place. So a
//! change writes the head and at most two segments, and a lookup reads the head and those segments that may contain the
//! version according to the range of ids in the head. A head without segments is stored as a plain list. Earlier
//! versions of the server had no segments and wrote lists of any length; the next change splits such a list.
//!
//! A change writes the new segments first, then replaces the head with one rename, and then removes the segments that
//! the head no longer lists. A crash in between leaves an unreferenced segment, which [`super::super::sweep`] removes.
//!
//! Readers hold no lock. The segments of a head exist until another head replaces it; if one is missing, the reader
//! starts again with the new head.

use super::format::{
    Head, SegmentSummary, Version, VersionContent, VersionSegment, damaged, new_segment_name, remove_segment,
};
use crate::store::bucket::Bucket;
use crate::store::dir::Stat;
use crate::store::key_path;
use crate::store::meta::Meta;
use crate::store::object::MAX_ATTEMPTS;
use std::io;
use std::mem;

/// Small in tests, so that short histories have many segments.
pub(super) const LIMITS: Limits = if cfg!(test) {
    Limits { newest: 4, after_split: 2, segment: 5 }
} else {
    Limits { newest: 64, after_split: 33, segment: 192 }
};

/// Numbers of entries. The segment limit is a multiple of the number of entries that leave a head at a time. An entry
/// takes some 300 bytes, the summary of a segment 130.
pub(super) struct Limits {
    /// The maximum in a head.
    pub(super) newest: usize,
    /// How many remain in a head after a split.
    pub(super) after_split: usize,
    /// The maximum in a segment.
    pub(super) segment: usize,
}

/// While the key is locked no other head can replace this one, so a missing segment means damage.
fn damaged_if_locked<T>(is_locked: bool, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if is_locked => damaged(error),
        _ => error,
    })
}

/// The position of an entry: in the head (block 0) or in a segment (block 1 and higher), and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryPosition {
    block: usize,
    index: usize,
}

impl EntryPosition {
    pub(super) const START: Self = Self { block: 0, index: 0 };

    pub(super) fn next(self) -> Self {
        Self { index: self.index + 1, ..self }
    }
}

/// The history of a key.
#[derive(Debug)]
pub(super) struct History<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    is_locked: bool,
    head: Head,
    /// Names of segments to remove after the next write.
    replaced: Vec<String>,
}

impl<'a> History<'a> {
    /// Reads the history of a key. Unless the caller holds the key's lock, every method that reads segments may fail
    /// with `NotFound`, if another request has changed the history meanwhile.
    pub(super) fn read(bucket: &'a Bucket, key: &'a str, is_locked: bool) -> io::Result<Self> {
        let head = match bucket.version_index()? {
            Some(root) => root.read_below(&key_path::escape(key.as_bytes()))?,
            None => None,
        };
        let head = head.map_or_else(|| Ok(Head::default()), |bytes| Head::parse(&bytes))?;
        Ok(Self { bucket, key, is_locked, head, replaced: Vec::new() })
    }

    /// An empty history.
    pub(super) fn empty(bucket: &'a Bucket, key: &'a str) -> Self {
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

    /// A block for a change; a segment will be written as a new one.
    fn block_mut(&mut self, block: usize) -> io::Result<&mut Vec<Version>> {
        self.block(block)?;
        let Some(segment) = block.checked_sub(1) else { return Ok(&mut self.head.newest) };
        let segment = &mut self.head.segments[segment];
        self.replaced.extend(Some(mem::take(&mut segment.name)).filter(|name| !name.is_empty()));
        Ok(segment.entries.get_mut().expect("the entries were loaded above"))
    }

    fn may_contain(&self, block: usize, id: Option<&str>) -> bool {
        block.checked_sub(1).is_none_or(|segment| self.head.segments[segment].may_contain(id))
    }

    /// The first entry with an id (`None` for the `null` version) that satisfies `predicate`.
    pub(super) fn find(
        &self,
        id: Option<&str>,
        predicate: impl Fn(&Version) -> bool,
    ) -> io::Result<Option<EntryPosition>> {
        for block in (0..self.blocks()).filter(|block| self.may_contain(*block, id)) {
            let mut entries = self.block(block)?.iter();
            let is_match = |version: &Version| version.id.as_deref() == id && predicate(version);
            if let Some(index) = entries.position(is_match) {
                return Ok(Some(EntryPosition { block, index }));
            }
        }
        Ok(None)
    }

    /// The newest entry.
    pub(super) fn first(&self) -> io::Result<Option<EntryPosition>> {
        for block in 0..self.blocks() {
            if !self.block(block)?.is_empty() {
                return Ok(Some(EntryPosition { block, index: 0 }));
            }
        }
        Ok(None)
    }

    /// The position that an entry with this id would have: after all newer ones. The id of the `null` version does not
    /// show its age; it counts as older than the entry before it.
    pub(super) fn insertion_point(&self, id: &str) -> io::Result<EntryPosition> {
        let mut position = EntryPosition::START;
        for block in 0..self.blocks() {
            if let Some(segment) = block.checked_sub(1).map(|segment| &self.head.segments[segment].summary)
                && segment.nulls == 0
                && segment.ids.as_ref().is_some_and(|(smallest, _)| &**smallest >= id)
            {
                position = EntryPosition { block: block + 1, index: 0 };
                continue;
            }
            let entries = self.block(block)?;
            let is_older = |version: &Version| version.id.as_deref().is_some_and(|other| other < id);
            let end = entries.iter().position(is_older);
            let newer = &entries[..end.unwrap_or(entries.len())];
            if let Some(index) = newer.iter().rposition(|version| version.id.is_some()) {
                position = EntryPosition { block, index: index + 1 };
            }
            if end.is_some() {
                break;
            }
        }
        Ok(position)
    }

    pub(super) fn get(&self, position: EntryPosition) -> io::Result<&Version> {
        Ok(&self.block(position.block)?[position.index])
    }

    pub(super) fn get_mut(&mut self, position: EntryPosition) -> io::Result<&mut Version> {
        Ok(&mut self.block_mut(position.block)?[position.index])
    }

    pub(super) fn push(&mut self, version: Version) {
        self.head.newest.insert(0, version);
    }

    pub(super) fn remove(&mut self, position: EntryPosition) -> io::Result<Version> {
        Ok(self.block_mut(position.block)?.remove(position.index))
    }

    /// Removes all entries of the `null` version; returns them in order.
    pub(super) fn remove_nulls(&mut self) -> io::Result<Vec<Version>> {
        self.remove_nulls_after(0)
    }

    /// [`Self::remove_nulls`], except for the first entry.
    pub(super) fn remove_nulls_but_first(&mut self) -> io::Result<Vec<Version>> {
        self.remove_nulls_after(1)
    }

    /// [`Self::remove_nulls`], except for the first `keep` entries.
    fn remove_nulls_after(&mut self, mut keep: usize) -> io::Result<Vec<Version>> {
        let mut removed = Vec::new();
        for block in 0..self.blocks() {
            let count = self.count_nulls(block);
            if count > keep {
                let mut seen = 0;
                removed.extend(self.block_mut(block)?.extract_if(.., |version| {
                    seen += usize::from(version.id.is_none());
                    version.id.is_none() && seen > keep
                }));
            }
            keep = keep.saturating_sub(count);
        }
        Ok(removed)
    }

    fn count_nulls(&self, block: usize) -> usize {
        let segment = block.checked_sub(1).map(|segment| &self.head.segments[segment]);
        match segment.map_or(Some(&self.head.newest), |segment| segment.entries.get()) {
            Some(entries) => entries.iter().filter(|version| version.id.is_none()).count(),
            None => segment.map_or(0, |segment| segment.summary.nulls),
        }
    }

    /// Drops entries that a crash may have left: the entry of the current version, with the marker of an unfinished
    /// deletion before it, and a `null` version that another one has replaced.
    pub(super) fn drop_unfinished(&mut self, current: Option<(&Meta, &Stat)>) -> io::Result<()> {
        if let Some((meta, stat)) = current {
            let is_current = |version: &Version| match &version.content {
                VersionContent::Data { record, .. } => version.id.is_some() || record.describes(stat),
                VersionContent::Marker { .. } => false,
            };
            if let Some(position) = self.find(meta.version.as_deref(), is_current)? {
                self.block_mut(position.block)?.drain(..=position.index);
                if let Some(segment) = position.block.checked_sub(1) {
                    self.head.newest.clear();
                    let newer = self.head.segments.drain(..segment).map(|segment| segment.name);
                    self.replaced.extend(newer.filter(|name| !name.is_empty()));
                }
            }
        }
        let is_null = current.is_some_and(|(meta, _)| meta.version.is_none());
        self.remove_nulls_after(usize::from(!is_null)).map(drop)
    }

    /// At most `max` entries from a position on. Reads only the segments that contain them.
    pub(super) fn into_entries(self, from: EntryPosition, max: usize) -> io::Result<Vec<Version>> {
        let Head { newest, segments } = self.head;
        let mut skip = from.index;
        let mut taken = Vec::new();
        if from.block == 0 {
            taken.extend(newest.into_iter().skip(mem::take(&mut skip)).take(max));
        }
        for segment in segments.into_iter().skip(from.block.saturating_sub(1)) {
            if taken.len() >= max {
                break;
            }
            let entries = damaged_if_locked(self.is_locked, segment.into_entries(self.bucket))?;
            let missing = max - taken.len();
            taken.extend(entries.into_iter().skip(mem::take(&mut skip)).take(missing));
        }
        Ok(taken)
    }

    /// Splits a head that is too long; fills an empty one from the newest segment.
    fn balance(&mut self) -> io::Result<()> {
        self.head.segments.retain(|segment| segment.len() > 0);
        if self.head.newest.is_empty() && !self.head.segments.is_empty() {
            self.head.newest = self.take_newest_segment()?;
        }
        if self.head.newest.len() <= LIMITS.newest {
            return Ok(());
        }
        let mut entries = self.head.newest.split_off(LIMITS.after_split);
        if let Some(first) = self.head.segments.first()
            && first.len() + entries.len() <= LIMITS.segment
        {
            entries.extend(self.take_newest_segment()?);
        }
        // Older segments are full; the newest has room for the next entries.
        while entries.len() > LIMITS.segment {
            let oldest = entries.split_off(entries.len() - LIMITS.segment);
            self.head.segments.insert(0, VersionSegment::new(oldest));
        }
        self.head.segments.insert(0, VersionSegment::new(entries));
        Ok(())
    }

    /// Removes the newest segment; returns its entries.
    fn take_newest_segment(&mut self) -> io::Result<Vec<Version>> {
        let entries = mem::take(self.block_mut(1)?);
        self.head.segments.remove(0);
        Ok(entries)
    }

    /// Stores the history. The caller holds the key's lock. The history may be changed and written again.
    pub(super) fn write(&mut self) -> io::Result<()> {
        self.balance()?;
        let mut created = Vec::new();
        let written = self.write_segments(&mut created).and_then(|()| self.write_head());
        if let Err(error) = written {
            self.remove_unreferenced(&created);
            return Err(error);
        }
        for name in mem::take(&mut self.replaced) {
            remove_segment(self.bucket, &name);
        }
        Ok(())
    }

    /// Writes the new segments and adds their names to `created`.
    fn write_segments(&mut self, created: &mut Vec<String>) -> io::Result<()> {
        for segment in self.head.segments.iter_mut().filter(|segment| segment.name.is_empty()) {
            let entries = segment.entries.get().expect("a segment without a file is in memory");
            segment.summary = SegmentSummary::new(entries);
            let json = serde_json::to_vec(entries).expect("plain data becomes JSON");
            let name = new_segment_name()?;
            created.push(name.clone());
            self.bucket.put_small(self.bucket.make_version_segments()?, &name, &json)?;
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
        let json = self.head.to_json();
        let (parents, name) = key_path::split(&path);
        let root = self.bucket.make_version_index()?;
        for attempt in 0.. {
            let written = root
                .make(parents.clone(), self.bucket.mode.fsync)
                .and_then(|dir| self.bucket.put_small(&dir, name, &json));
            match written {
                // A concurrent deletion removed the directory that was just created.
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < MAX_ATTEMPTS => {}
                result => return result,
            }
        }
        Ok(())
    }

    /// Removes new segments after a failure, unless the head that refers to them was written nevertheless.
    fn remove_unreferenced(&self, created: &[String]) {
        let Ok(stored) = History::read(self.bucket, self.key, true) else { return };
        for name in created {
            if !stored.head.segments.iter().any(|segment| segment.name == *name) {
                remove_segment(self.bucket, name);
            }
        }
    }
}
