//! Lists a large prefix with several concurrent requests, in key order and with bounded memory.
//!
//! The key space that is still to be listed is a sequence of ranges. The first one is being returned to the caller; a
//! few pages of each of the others are read ahead. Whenever another request is allowed, the first range with a
//! request in flight is split in two: at a common prefix, if the bucket has directories and a request with a
//! delimiter found them, else at a guessed key between the range's current position and its end. So the work stays
//! near the front, whatever the keys look like, and the listing never waits long for one range. A split can be bad
//! (few or no keys beyond it); that costs a request but never correctness: the ranges are disjoint, and together they
//! cover the key space.

use super::ListPage;
use super::page::{CompactPage, out_of_order, repeated};
use super::splitter::KeyspaceSplitter;
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::future::Future;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

/// Maximum number of pages that are read ahead in one range.
const MAX_AHEAD: usize = 8;

/// Maximum number of pages that are read ahead in all ranges together, some fifty kilobytes each. With half as many,
/// there are too few ranges to split near the front.
const MAX_AHEAD_TOTAL: usize = 128;

/// Maximum number of ranges.
const MAX_RANGES: usize = 64;

/// Number of consecutive bad splits after which a range must advance before it is split again.
const MAX_BAD_SPLITS: u32 = 8;

/// Maximum number of splits of a range between two of its pages, each half as wide as the one before: some may be
/// bad.
const MAX_SPLITS_PER_PAGE: usize = 4;

/// Minimum estimated number of remaining pages for which a range is split: each split costs one more request.
const MIN_PAGES_TO_SPLIT: f64 = 2.0;

/// Maximum number of concurrent requests: more of them make servers slower, not faster.
const MAX_REQUESTS: usize = 12;

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageStart {
    /// After this key; empty for the beginning.
    Key(String),
    /// At the continuation token or marker of the preceding page.
    Token(String),
}

/// A source of list pages.
pub(super) trait PageSource: Clone + Send + 'static {
    /// Requests one page.
    fn page(&self, from: PageStart) -> impl Future<Output = Result<ListPage>> + Send;

    /// Common prefixes after a key, ascending, as many as one or a few requests find.
    fn known_prefixes(&self, after: String) -> impl Future<Output = Vec<String>> + Send;
}

/// A range of keys that is still to be listed, up to its end.
#[derive(Debug)]
struct Range {
    id: u64,
    from: PageStart,
    /// The last listed key, or the beginning of the range.
    at: String,
    /// The value of `at` before the last page.
    before: String,
    /// The last key of the range (inclusive); `None` for the last range.
    end: Option<String>,
    ready: VecDeque<CompactPage>,
    is_requested: bool,
    is_new: bool,
    is_done: bool,
    failed: Option<Error>,
    bad_splits: u32,
    /// Number of splits since the last page.
    splits: usize,
}

enum Answer {
    Page { range: u64, from: PageStart, page: Result<ListPage> },
    Prefixes(Vec<String>),
}

struct ParallelLister<P> {
    pages: P,
    ranges: VecDeque<Range>,
    requested: JoinSet<Answer>,
    requests: usize,
    next_id: u64,
    width: usize,
    splitter: KeyspaceSplitter,
}

/// Lists the keys with the prefix `prefix` after the key `after` (all keys if it is empty).
pub(super) async fn list<P: PageSource>(
    pages: P,
    prefix: &str,
    after: String,
    width: usize,
    out: Sender<Result<ListPage>>,
) {
    let mut lister = ParallelLister {
        pages,
        ranges: VecDeque::new(),
        requested: JoinSet::new(),
        requests: 0,
        next_id: 0,
        width: width.clamp(1, MAX_REQUESTS),
        splitter: KeyspaceSplitter::new(prefix),
    };
    let (pages, begin) = (lister.pages.clone(), after.clone());
    lister.requested.spawn(async move { Answer::Prefixes(pages.known_prefixes(begin).await) });
    let whole = lister.range(after, None);
    lister.ranges.push_back(whole);
    lister.run(out).await;
}

impl<P: PageSource> ParallelLister<P> {
    async fn run(mut self, out: Sender<Result<ListPage>>) {
        loop {
            while self.ranges.front().is_some_and(|front| front.is_over()) {
                let front = self.ranges.pop_front();
                if let Some(error) = front.and_then(|front| front.failed) {
                    let _ = out.send(Err(error)).await;
                    return;
                }
            }
            let Some(front) = self.ranges.front() else { return };
            let has_page = !front.ready.is_empty();
            while self.requests < self.width && (self.request_next() || self.split()) {}
            tokio::select! {
                biased;
                permit = out.reserve(), if has_page => {
                    // The receiver is gone.
                    let Ok(permit) = permit else { return };
                    let page = self.ranges.front_mut().and_then(|front| front.ready.pop_front());
                    if let Some(page) = page {
                        permit.send(Ok(page.unpack()));
                    }
                    while let Some(answer) = self.requested.try_join_next() {
                        self.take(answer);
                    }
                }
                Some(answer) = self.requested.join_next() => self.take(answer),
            }
        }
    }

    fn range(&mut self, at: String, end: Option<String>) -> Range {
        self.next_id += 1;
        Range {
            id: self.next_id,
            from: PageStart::Key(at.clone()),
            before: at.clone(),
            at,
            end,
            ready: VecDeque::new(),
            is_requested: false,
            is_new: true,
            is_done: false,
            failed: None,
            bad_splits: 0,
            splits: 0,
        }
    }

    /// Whether another page may be read ahead.
    fn has_room(&self) -> bool {
        self.ranges.iter().map(|range| range.ready.len()).sum::<usize>() + self.requests < MAX_AHEAD_TOTAL
    }

    /// Requests a page of the first range that needs one.
    fn request_next(&mut self) -> bool {
        let room = self.has_room();
        let needs_page = |(index, range): &(usize, &Range)| {
            !(range.is_requested || range.is_done) && range.ready.len() < MAX_AHEAD && (room || *index == 0)
        };
        match self.ranges.iter().enumerate().find(needs_page) {
            Some((index, _)) => {
                self.request(index);
                true
            }
            None => false,
        }
    }

    fn request(&mut self, index: usize) {
        let range = &mut self.ranges[index];
        range.is_requested = true;
        self.requests += 1;
        let (pages, range, from) = (self.pages.clone(), range.id, range.from.clone());
        self.requested.spawn(async move {
            let page = pages.page(from.clone()).await.map(ListPage::compact);
            Answer::Page { range, from, page }
        });
    }

    /// Splits the first range with a request in flight, and requests a page of the new range.
    fn split(&mut self) -> bool {
        if self.ranges.len() >= MAX_RANGES || !self.has_room() {
            return false;
        }
        let found = self.ranges.iter().enumerate().find_map(|(index, range)| {
            let may_split = range.is_requested
                && !range.is_new
                && range.splits < MAX_SPLITS_PER_PAGE
                && range.bad_splits < MAX_BAD_SPLITS;
            let is_worth_it =
                |end| self.splitter.pages_left(&range.before, &range.at, end) >= MIN_PAGES_TO_SPLIT;
            if !may_split || !range.end.as_deref().is_none_or(is_worth_it) {
                return None;
            }
            Some((index, self.splitter.between(&range.at, range.end.as_deref())?))
        });
        let Some((index, split_key)) = found else { return false };
        let range = &mut self.ranges[index];
        range.splits += 1;
        let end = range.end.replace(split_key.clone());
        let rest = self.range(split_key, end);
        self.ranges.insert(index + 1, rest);
        self.request(index + 1);
        true
    }

    fn take(&mut self, answer: std::result::Result<Answer, tokio::task::JoinError>) {
        match answer {
            Ok(Answer::Prefixes(known_prefixes)) => self.splitter.learn_prefixes(known_prefixes),
            Ok(Answer::Page { range, from, page }) => {
                self.requests -= 1;
                let Some(index) = self.ranges.iter().position(|other| other.id == range) else { return };
                match page.and_then(|page| self.ranges[index].check(&from, page)) {
                    Ok(page) => self.add(index, page),
                    Err(error) => {
                        let range = &mut self.ranges[index];
                        range.failed = Some(error);
                        range.is_done = true;
                        // Pages after an error are not returned.
                        self.ranges.truncate(index + 1);
                    }
                }
            }
            Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            // The runtime is shutting down.
            Err(_) => self.ranges.clear(),
        }
    }

    /// Adds a page to its range.
    fn add(&mut self, index: usize, mut page: ListPage) {
        let range = &mut self.ranges[index];
        let was_new = std::mem::replace(&mut range.is_new, false);
        range.is_requested = false;
        range.splits = 0;
        range.bad_splits = 0;
        if let Some(last) = page.entries().next_back() {
            self.splitter.learn_keys(&page);
            range.before = std::mem::replace(&mut range.at, last.key.to_owned());
        }
        let is_past =
            range.end.as_deref().is_some_and(|end| page.truncate_after(end) || range.at.as_str() >= end);
        match page.next() {
            Some(next) if !is_past => range.from = PageStart::Token(next.to_owned()),
            _ => range.is_done = true,
        }
        let is_empty = page.is_empty();
        if !is_empty {
            range.ready.push_back(CompactPage::new(&page));
        }
        let is_bad = was_new && is_empty && range.is_done;
        if is_bad && index > 0 {
            // There are no keys beyond the split: the preceding range may be split again at once.
            let begin = match &self.ranges[index].from {
                PageStart::Key(begin) => begin.clone(),
                PageStart::Token(_) => String::new(),
            };
            let before = &mut self.ranges[index - 1];
            if !before.is_done && before.end.as_deref() == Some(&begin) {
                before.splits = before.splits.saturating_sub(1);
                before.bad_splits += 1;
                self.splitter.note_miss(&before.at, &begin);
            }
        }
        if was_new && !is_empty && self.ranges[index].is_done && index > 0 {
            // The piece was shorter than a page, so what precedes it is hardly longer.
            self.ranges[index - 1].splits = MAX_SPLITS_PER_PAGE;
        }
        if index > 0 && self.ranges[index].is_over() {
            self.ranges.remove(index);
        }
    }
}

impl Range {
    fn is_over(&self) -> bool {
        self.is_done && self.ready.is_empty()
    }

    /// Rejects the page if the server does not keep the order or does not advance: such a server cannot be listed in
    /// ranges.
    fn check(&self, from: &PageStart, page: ListPage) -> Result<ListPage> {
        let after = Some(self.at.as_str()).filter(|at| !at.is_empty());
        if let Some(key) = page.disorder(after) {
            return Err(out_of_order(key));
        }
        match (from, page.next()) {
            (PageStart::Key(token) | PageStart::Token(token), Some(next)) if next == token => Err(repeated()),
            _ => Ok(page),
        }
    }
}

#[cfg(test)]
mod tests;
