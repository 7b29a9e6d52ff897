//! The names of a large directory, in order, in a temporary file.
//!
//! The list is cut into pages that fit a slot of the file. In memory is only the name with which each page begins: some
//! 50 bytes for some 500 names. A name that comes or goes changes one page; one that is full is cut in two.

use super::page::Page;
use super::page_file::{PAGE_SIZE, PageFile};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::sync::Arc;

/// Bytes of a page when it is new, which leaves room for more names.
const FILLED: usize = PAGE_SIZE / 4 * 3;

/// Bytes of names that are put in order in memory.
const BLOCK: usize = 4 << 20;

/// Where a page is.
#[derive(Debug)]
struct PageRef {
    /// No name of the page is smaller, and none of the pages before is as great.
    first: Box<[u8]>,
    slot: u32,
    length: u32,
}

/// The names of a directory.
#[derive(Debug)]
pub(super) struct Index {
    file: Arc<PageFile>,
    pages: Vec<PageRef>,
}

impl Index {
    /// An index without names.
    pub(super) fn new(file: Arc<PageFile>) -> Self {
        Self { file, pages: Vec::new() }
    }

    fn read(&self, page: &PageRef) -> io::Result<Page> {
        Ok(Page::new(self.file.read(page.slot, page.length as usize)?))
    }

    /// Appends a page of names that come after all others.
    fn append(&mut self, page: &Page) -> io::Result<()> {
        if let Some(first) = page.get(0) {
            let slot = self.file.add(page.bytes())?;
            self.pages.push(PageRef { first: first.into(), slot, length: page.bytes().len() as u32 });
        }
        Ok(())
    }

    /// The page that a name is on, if it is there.
    fn place(&self, name: &[u8]) -> usize {
        self.pages.partition_point(|page| &*page.first <= name).saturating_sub(1)
    }

    /// The first page that has something behind what `skip` passes over, and the place there. All of `skip` is on the
    /// page of `name` or before it.
    fn find(&self, name: &[u8], skip: impl Fn(&Page) -> usize) -> io::Result<Option<(Page, usize)>> {
        for page in self.pages.iter().skip(self.place(name)) {
            let page = self.read(page)?;
            let at = skip(&page);
            if at < page.len() {
                return Ok(Some((page, at)));
            }
        }
        Ok(None)
    }

    /// The page of the first name whose keys can reach `rest`, and its place there.
    pub(super) fn reaching(&self, rest: &[u8]) -> io::Result<Option<(Page, usize)>> {
        self.find(rest, |page| page.reaching(rest))
    }

    /// The page of the first name after this one, and its place there.
    pub(super) fn after(&self, name: &[u8]) -> io::Result<Option<(Page, usize)>> {
        self.find(name, |page| page.after(name))
    }

    /// Puts names in (`true`) and takes names out, whether they were there or not. After an error the index is of no
    /// use.
    pub(super) fn change(&mut self, changes: &BTreeMap<Vec<u8>, bool>) -> io::Result<()> {
        let mut changes = changes.iter().peekable();
        while let Some((name, _)) = changes.peek() {
            let at = self.place(name);
            let end = self.pages.get(at + 1).map(|page| page.first.clone());
            let here = std::iter::from_fn(|| {
                changes.next_if(|(name, _)| end.as_ref().is_none_or(|end| ***name < **end))
            });
            let old = self.pages.get(at).map_or_else(|| Ok(Page::default()), |page| self.read(page))?;
            let new = merged(&old, here);
            if new != old {
                self.replace(at, &new)?;
            }
        }
        Ok(())
    }

    /// Puts names where those of a page were.
    fn replace(&mut self, at: usize, names: &Page) -> io::Result<()> {
        let old = (at < self.pages.len()).then(|| self.pages.remove(at));
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
            self.pages.insert(at, page);
            return Ok(());
        }
        if let Some(old) = old {
            self.file.release(old.slot);
        }
        // Two halves, unless names from many changes meet here.
        let most = names.bytes().len().div_ceil(2).clamp(1, FILLED);
        let mut pieces = Self::new(Arc::clone(&self.file));
        let mut writer = Writer::new(&mut pieces, most);
        names.iter().try_for_each(|name| writer.push(name))?;
        writer.finish()?;
        self.pages.splice(at..at, std::mem::take(&mut pieces.pages));
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

/// The names of a page with those of changes. Both are in order.
fn merged<'a>(page: &Page, changes: impl Iterator<Item = (&'a Vec<u8>, &'a bool)>) -> Page {
    let mut new = Page::default();
    let mut names = page.iter().peekable();
    for (name, is_there) in changes {
        while let Some(before) = names.next_if(|other| *other < &**name) {
            new.push(before);
        }
        names.next_if(|other| *other == &**name);
        if *is_there {
            new.push(name);
        }
    }
    names.for_each(|name| new.push(name));
    new
}

/// Writes names in order to the end of an index.
struct Writer<'a> {
    index: &'a mut Index,
    page: Page,
    most: usize,
}

impl<'a> Writer<'a> {
    fn new(index: &'a mut Index, most: usize) -> Self {
        Self { index, page: Page::default(), most }
    }

    fn push(&mut self, name: &[u8]) -> io::Result<()> {
        if self.page.len() > 0 && self.page.bytes().len() + name.len() >= self.most {
            self.index.append(&std::mem::take(&mut self.page))?;
        }
        self.page.push(name);
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.index.append(&self.page)
    }
}

/// Makes an index of names that come in any order, in little memory: they are put in order block by block, and the
/// blocks merged.
#[derive(Debug)]
pub(super) struct Builder {
    file: Arc<PageFile>,
    most: usize,
    block: Vec<u8>,
    /// Where each name of the block begins and ends.
    names: Vec<(u32, u32)>,
    runs: Vec<Index>,
}

impl Builder {
    pub(super) fn new(file: Arc<PageFile>) -> Self {
        Self::with_block(file, BLOCK)
    }

    pub(super) fn with_block(file: Arc<PageFile>, most: usize) -> Self {
        Self { file, most, block: Vec::new(), names: Vec::new(), runs: Vec::new() }
    }

    /// Adds a name; directories have a `/` at their ends.
    pub(super) fn push(&mut self, name: &[u8], is_dir: bool) -> io::Result<()> {
        if self.block.len() + name.len() >= self.most {
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
        let mut writer = Writer::new(&mut run, FILLED);
        self.names.drain(..).try_for_each(|place| writer.push(name(place)))?;
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
        let mut writer = Writer::new(&mut all, FILLED);
        let mut cursors: Vec<Cursor> = self.runs.into_iter().map(Cursor::new).collect();
        let mut heads = BinaryHeap::new();
        for (run, cursor) in cursors.iter_mut().enumerate() {
            heads.extend(cursor.next()?.map(|name| Reverse((name, run))));
        }
        let mut last = Vec::new();
        while let Some(Reverse((name, run))) = heads.pop() {
            heads.extend(cursors[run].next()?.map(|name| Reverse((name, run))));
            // A directory that changes while it is read may give a name twice.
            if name != last {
                writer.push(&name)?;
                last = name;
            }
        }
        writer.finish()?;
        Ok(all)
    }
}

/// The names of a run, whose slots are given back one by one.
struct Cursor {
    run: Index,
    page: Page,
    at: usize,
}

impl Cursor {
    fn new(mut run: Index) -> Self {
        run.pages.reverse();
        Self { run, page: Page::default(), at: 0 }
    }

    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.at == self.page.len() {
            let Some(next) = self.run.pages.pop() else { return Ok(None) };
            let page = self.run.read(&next);
            self.run.file.release(next.slot);
            (self.page, self.at) = (page?, 0);
        }
        self.at += 1;
        Ok(self.page.get(self.at - 1).map(<[u8]>::to_vec))
    }
}
