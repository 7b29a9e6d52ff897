//! The sorted names of a large directory in a temporary file.
//!
//! The list is divided into pages, each of which fits a slot of the file. Only the first name of each page is in
//! memory: some 50 bytes for some 500 names. Adding or removing a name changes one page; a full page is split in two.

use super::page::Page;
use super::page_file::{PAGE_SIZE, PageFile};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::sync::Arc;

/// The maximum size in bytes of a new page, which leaves room for more names.
const NEW_PAGE_SIZE: usize = PAGE_SIZE / 4 * 3;

/// The number of bytes of names that are sorted in memory at a time.
const BLOCK_SIZE: usize = 4 << 20;

/// The location of a page.
#[derive(Debug)]
struct PageRef {
    /// A lower bound: no name in the page is smaller, and all names in the pages before are smaller.
    first: Box<[u8]>,
    slot: u32,
    /// Bytes.
    length: u32,
}

/// The sorted names of a directory.
#[derive(Debug)]
pub(super) struct Index {
    file: Arc<PageFile>,
    pages: Vec<PageRef>,
}

impl Index {
    /// An empty index.
    pub(super) fn new(file: Arc<PageFile>) -> Self {
        Self { file, pages: Vec::new() }
    }

    fn read(&self, page: &PageRef) -> io::Result<Page> {
        Ok(Page::new(self.file.read(page.slot, page.length as usize)?))
    }

    /// Appends a page, whose names must be greater than all others.
    fn append(&mut self, page: &Page) -> io::Result<()> {
        if let Some(first) = page.get(0) {
            let slot = self.file.add(page.bytes())?;
            self.pages.push(PageRef { first: first.into(), slot, length: page.bytes().len() as u32 });
        }
        Ok(())
    }

    /// The index of the page that contains a name, if any page does.
    fn page_index(&self, name: &[u8]) -> usize {
        self.pages.partition_point(|page| &*page.first <= name).saturating_sub(1)
    }

    /// Finds the first page that has a name at or after the index that `start` returns for it; returns the page and
    /// that index. The search begins at the page of `name`.
    fn find(&self, name: &[u8], start: impl Fn(&Page) -> usize) -> io::Result<Option<(Page, usize)>> {
        for page in self.pages.iter().skip(self.page_index(name)) {
            let page = self.read(page)?;
            let index = start(&page);
            if index < page.len() {
                return Ok(Some((page, index)));
            }
        }
        Ok(None)
    }

    /// The first name for which [`super::page::may_reach`] is true: its page and its index there.
    pub(super) fn reaching(&self, target: &[u8]) -> io::Result<Option<(Page, usize)>> {
        self.find(target, |page| page.reaching(target))
    }

    /// The first name after `name`: its page and its index there.
    pub(super) fn after(&self, name: &[u8]) -> io::Result<Option<(Page, usize)>> {
        self.find(name, |page| page.after(name))
    }

    /// Adds (`true`) and removes (`false`) names, which may be present or absent already. After an error the index is
    /// unusable.
    pub(super) fn change(&mut self, changes: &BTreeMap<Vec<u8>, bool>) -> io::Result<()> {
        let mut changes = changes.iter().peekable();
        while let Some((name, _)) = changes.peek() {
            let index = self.page_index(name);
            let end = self.pages.get(index + 1).map(|page| page.first.clone());
            let page_changes = std::iter::from_fn(|| {
                changes.next_if(|(name, _)| end.as_ref().is_none_or(|end| ***name < **end))
            });
            let old = self.pages.get(index).map_or_else(|| Ok(Page::default()), |page| self.read(page))?;
            let new = merge(&old, page_changes);
            if new != old {
                self.replace(index, &new)?;
            }
        }
        Ok(())
    }

    /// Replaces the names of a page.
    fn replace(&mut self, index: usize, names: &Page) -> io::Result<()> {
        let old = (index < self.pages.len()).then(|| self.pages.remove(index));
        let Some(first) = names.get(0) else {
            if let Some(old) = old {
                self.file.release(old.slot);
            }
            return Ok(());
        };
        if let (true, Some(old)) = (names.bytes().len() <= PAGE_SIZE, &old) {
            self.file.write(old.slot, names.bytes())?;
            let first = first.min(&*old.first).into();
            let page = PageRef { first, slot: old.slot, length: names.bytes().len() as u32 };
            self.pages.insert(index, page);
            return Ok(());
        }
        if let Some(old) = old {
            self.file.release(old.slot);
        }
        // Two halves, or more pages if there are many new names.
        let max_size = names.bytes().len().div_ceil(2).clamp(1, NEW_PAGE_SIZE);
        let mut parts = Self::new(Arc::clone(&self.file));
        let mut writer = Writer::new(&mut parts, max_size);
        names.iter().try_for_each(|name| writer.push(name))?;
        writer.finish()?;
        self.pages.splice(index..index, std::mem::take(&mut parts.pages));
        Ok(())
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        for page in &self.pages {
            self.file.release(page.slot);
        }
    }
}

/// Applies sorted changes to the names of a page.
fn merge<'a>(page: &Page, changes: impl Iterator<Item = (&'a Vec<u8>, &'a bool)>) -> Page {
    let mut new = Page::default();
    let mut names = page.iter().peekable();
    for (name, exists) in changes {
        while let Some(smaller) = names.next_if(|other| *other < &**name) {
            new.push(smaller);
        }
        names.next_if(|other| *other == &**name);
        if *exists {
            new.push(name);
        }
    }
    names.for_each(|name| new.push(name));
    new
}

/// Appends sorted names to an index.
struct Writer<'a> {
    index: &'a mut Index,
    page: Page,
    /// The maximum size of a page in bytes.
    max_size: usize,
}

impl<'a> Writer<'a> {
    fn new(index: &'a mut Index, max_size: usize) -> Self {
        Self { index, page: Page::default(), max_size }
    }

    fn push(&mut self, name: &[u8]) -> io::Result<()> {
        if self.page.len() > 0 && self.page.bytes().len() + name.len() >= self.max_size {
            self.index.append(&std::mem::take(&mut self.page))?;
        }
        self.page.push(name);
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.index.append(&self.page)
    }
}

/// Builds an index from unsorted names with little memory: an external merge sort.
#[derive(Debug)]
pub(super) struct Builder {
    file: Arc<PageFile>,
    block_size: usize,
    block: Vec<u8>,
    /// Start and end of each name in the block.
    names: Vec<(u32, u32)>,
    /// Sorted blocks.
    runs: Vec<Index>,
}

impl Builder {
    pub(super) fn new(file: Arc<PageFile>) -> Self {
        Self::with_block_size(file, BLOCK_SIZE)
    }

    pub(super) fn with_block_size(file: Arc<PageFile>, block_size: usize) -> Self {
        Self { file, block_size, block: Vec::new(), names: Vec::new(), runs: Vec::new() }
    }

    /// Adds a name without a trailing `/`.
    pub(super) fn push(&mut self, name: &[u8], is_dir: bool) -> io::Result<()> {
        if self.block.len() + name.len() >= self.block_size {
            self.end_run()?;
        }
        let start = self.block.len() as u32;
        self.block.extend_from_slice(name);
        if is_dir {
            self.block.push(b'/');
        }
        self.names.push((start, self.block.len() as u32));
        Ok(())
    }

    fn end_run(&mut self) -> io::Result<()> {
        let block = std::mem::take(&mut self.block);
        let name = |(start, end): (u32, u32)| &block[start as usize..end as usize];
        self.names.sort_unstable_by(|a, b| name(*a).cmp(name(*b)));
        let mut run = Index::new(Arc::clone(&self.file));
        let mut writer = Writer::new(&mut run, NEW_PAGE_SIZE);
        self.names.drain(..).try_for_each(|range| writer.push(name(range)))?;
        writer.finish()?;
        self.runs.push(run);
        self.block = block;
        self.block.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Index> {
        self.end_run()?;
        if self.runs.len() == 1 {
            return Ok(self.runs.remove(0));
        }
        let mut all = Index::new(Arc::clone(&self.file));
        let mut writer = Writer::new(&mut all, NEW_PAGE_SIZE);
        let mut cursors: Vec<Cursor> = self.runs.into_iter().map(Cursor::new).collect();
        let mut heads = BinaryHeap::new();
        for (run, cursor) in cursors.iter_mut().enumerate() {
            heads.extend(cursor.next()?.map(|name| Reverse((name, run))));
        }
        let mut last = Vec::new();
        while let Some(Reverse((name, run))) = heads.pop() {
            heads.extend(cursors[run].next()?.map(|name| Reverse((name, run))));
            // A directory that changes while it is read may return a name twice.
            if name != last {
                writer.push(&name)?;
                last = name;
            }
        }
        writer.finish()?;
        Ok(all)
    }
}

/// Reads the names of a run and frees its slots as it proceeds.
struct Cursor {
    run: Index,
    page: Page,
    next: usize,
}

impl Cursor {
    fn new(mut run: Index) -> Self {
        run.pages.reverse();
        Self { run, page: Page::default(), next: 0 }
    }

    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.next == self.page.len() {
            let Some(next_page) = self.run.pages.pop() else { return Ok(None) };
            let page = self.run.read(&next_page);
            self.run.file.release(next_page.slot);
            (self.page, self.next) = (page?, 0);
        }
        self.next += 1;
        Ok(self.page.get(self.next - 1).map(<[u8]>::to_vec))
    }
}
