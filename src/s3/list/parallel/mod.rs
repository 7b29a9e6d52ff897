//! A large prefix listed by several requests at once, in key order and in bounded memory.
//!
//! The key space that is still to be listed is a row of ranges. The first one is being handed out; the others are read
//! ahead, a few pages each. Whenever there is a request to spare, the foremost range that is under way is cut in two: at a
//! common prefix, where the bucket has directories and a probe with a delimiter named them, else at a guessed key between
//! where the range has got to and where it ends. So the work stays near the front, whatever the keys are like, and the
//! listing never waits long for one range. A cut can be bad (nothing beyond it, or next to nothing); that costs a request
//! and is never wrong: ranges are disjoint, and together they are the key space.

use super::ListPage;
use super::page::{CompactPage, disordered, repeated};
use super::splitter::KeyspaceSplitter;
use crate::s3::error::{Error, Result};
use std::collections::VecDeque;
use std::future::Future;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

/// PageSource that one range may be ahead.
const AHEAD: usize = 8;

/// PageSource that all ranges together may be ahead, some fifty kilobytes each. With half as many the front runs short of
/// ranges to cut.
const MOST_AHEAD: usize = 128;

/// Most ranges.
const MOST_RANGES: usize = 64;

/// Bad cuts in a row after which a range has to get on before it is cut again.
const BAD_CUTS: u32 = 8;

/// Pieces that are cut off a range between two of its pages, each half as wide as the one before: some may be bad.
const CUTS_A_PAGE: usize = 4;

/// PageSource that have to be left of a range, as far as one can tell, for it to be cut: each piece costs a request more.
const WORTH_A_CUT: f64 = 2.0;

/// Most requests at once: more make servers slower, not faster.
const MOST_REQUESTS: usize = 12;

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageStart {
    /// After this key; empty at the beginning.
    Key(String),
    /// Where the page before said.
    Token(String),
}

/// What is listed.
pub(super) trait PageSource: Clone + Send + 'static {
    /// One page.
    fn page(&self, from: PageStart) -> impl Future<Output = Result<ListPage>> + Send;

    /// Common prefixes after a key, ascending, as many as one or a few requests tell.
    fn known_prefixes(&self, after: String) -> impl Future<Output = Vec<String>> + Send;
}

/// A range of keys: above what was listed of it, up to its end.
#[derive(Debug)]
struct Range {
    id: u64,
    from: PageStart,
    /// The last key that was listed, or where the range begins.
    at: String,
    /// What it was before the last page.
    before: String,
    /// The last key that belongs to it; `None` if it is the last range.
    end: Option<String>,
    ready: VecDeque<CompactPage>,
    is_requested: bool,
    is_new: bool,
    is_done: bool,
    failed: Option<Error>,
    bad_cuts: u32,
    /// Pieces that were cut off since the last page.
    cuts: usize,
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
    cuts: KeyspaceSplitter,
}

/// Lists what comes after the key `after` (all, if it is empty) of keys that begin with `prefix`.
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
        width: width.clamp(1, MOST_REQUESTS),
        cuts: KeyspaceSplitter::new(prefix),
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
            while self.requests < self.width && (self.ask() || self.cut()) {}
            tokio::select! {
                biased;
                permit = out.reserve(), if has_page => {
                    // Nobody listens any more.
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
            bad_cuts: 0,
            cuts: 0,
        }
    }

    /// Whether there is room for another page that is not wanted yet.
    fn has_room(&self) -> bool {
        self.ranges.iter().map(|range| range.ready.len()).sum::<usize>() + self.requests < MOST_AHEAD
    }

    /// Asks for a page of the foremost range that wants one.
    fn ask(&mut self) -> bool {
        let room = self.has_room();
        let wants = |(index, range): &(usize, &Range)| {
            !(range.is_requested || range.is_done) && range.ready.len() < AHEAD && (room || *index == 0)
        };
        match self.ranges.iter().enumerate().find(wants) {
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

    /// KeyspaceSplitter the foremost range that is under way, and asks for a page of the new one.
    fn cut(&mut self) -> bool {
        if self.ranges.len() >= MOST_RANGES || !self.has_room() {
            return false;
        }
        let found = self.ranges.iter().enumerate().find_map(|(index, range)| {
            let may_cut =
                range.is_requested && !range.is_new && range.cuts < CUTS_A_PAGE && range.bad_cuts < BAD_CUTS;
            let is_worth_it = |end| self.cuts.pages_left(&range.before, &range.at, end) >= WORTH_A_CUT;
            if !may_cut || !range.end.as_deref().is_none_or(is_worth_it) {
                return None;
            }
            Some((index, self.cuts.between(&range.at, range.end.as_deref())?))
        });
        let Some((index, cut)) = found else { return false };
        let range = &mut self.ranges[index];
        range.cuts += 1;
        let end = range.end.replace(cut.clone());
        let rest = self.range(cut, end);
        self.ranges.insert(index + 1, rest);
        self.request(index + 1);
        true
    }

    fn take(&mut self, answer: std::result::Result<Answer, tokio::task::JoinError>) {
        match answer {
            Ok(Answer::Prefixes(known_prefixes)) => self.cuts.learn_prefixes(known_prefixes),
            Ok(Answer::Page { range, from, page }) => {
                self.requests -= 1;
                let Some(index) = self.ranges.iter().position(|other| other.id == range) else { return };
                match page.and_then(|page| self.ranges[index].check(&from, page)) {
                    Ok(page) => self.add(index, page),
                    Err(error) => {
                        let range = &mut self.ranges[index];
                        range.failed = Some(error);
                        range.is_done = true;
                        // What comes after an error is not handed out.
                        self.ranges.truncate(index + 1);
                    }
                }
            }
            Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            // The runtime is going down.
            Err(_) => self.ranges.clear(),
        }
    }

    /// Takes a page into its range.
    fn add(&mut self, index: usize, mut page: ListPage) {
        let range = &mut self.ranges[index];
        let was_new = std::mem::replace(&mut range.is_new, false);
        range.is_requested = false;
        range.cuts = 0;
        range.bad_cuts = 0;
        if let Some(last) = page.entries().next_back() {
            self.cuts.learn_keys(&page);
            range.before = std::mem::replace(&mut range.at, last.key.to_owned());
        }
        let is_past = range.end.as_deref().is_some_and(|end| page.cut(end) || range.at.as_str() >= end);
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
            // There is nothing behind the cut: the range before it may be cut again at once.
            let begin = match &self.ranges[index].from {
                PageStart::Key(begin) => begin.clone(),
                PageStart::Token(_) => String::new(),
            };
            let before = &mut self.ranges[index - 1];
            if !before.is_done && before.end.as_deref() == Some(&begin) {
                before.cuts = before.cuts.saturating_sub(1);
                before.bad_cuts += 1;
                self.cuts.note_miss(&before.at, &begin);
            }
        }
        if was_new && !is_empty && self.ranges[index].is_done && index > 0 {
            // A piece of less than a page: what is before it is hardly longer.
            self.ranges[index - 1].cuts = CUTS_A_PAGE;
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

    /// A server that does not keep the order, or does not get on, cannot be listed in ranges.
    fn check(&self, from: &PageStart, page: ListPage) -> Result<ListPage> {
        let after = Some(self.at.as_str()).filter(|at| !at.is_empty());
        if let Some(key) = page.disorder(after) {
            return Err(disordered(key));
        }
        match (from, page.next()) {
            (PageStart::Key(token) | PageStart::Token(token), Some(next)) if next == token => Err(repeated()),
            _ => Ok(page),
        }
    }
}

#[cfg(test)]
mod tests;
