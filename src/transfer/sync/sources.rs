//! The two sides of a synchronisation as streams of items in ascending order of their names.

use super::{Exclusion, Item};
use crate::output::{Failure, Outcome};
use crate::patterns::{Filter, Syntax};
use crate::s3::Client;
use crate::s3::list::{ListOptions, ObjectRef};
use crate::shard::Shard;
use crate::transfer::local::walk::{Entry, Walk, WalkOptions};
use crate::transfer::unread::UnreadNames;
use crate::uri::S3Uri;
use futures::{FutureExt, Stream, StreamExt};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Items in ascending order of their names.
pub type Items = Pin<Box<dyn Stream<Item = Outcome<Item>> + Send>>;

/// Entries of a walk that travel together between threads.
const BATCH: usize = 256;

/// Look-ups of single objects under way at once.
const LOOKUPS: usize = 16;

/// A tree or a file of a local side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// What is in a directory, below a prefix that is empty or ends with `/`.
    Directory {
        /// The directory.
        path: PathBuf,
        /// What stands before its names.
        prefix: String,
    },
    /// One file.
    File {
        /// The file.
        path: PathBuf,
        /// Its name.
        relative: String,
    },
}

/// Objects of a remote side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Bucket.
    pub bucket: Arc<str>,
    /// What the keys begin with; for one object its key.
    pub prefix: String,
    /// What stands in the names where `prefix` stands in the keys.
    pub relative: String,
    /// Whether only the object of exactly that key is meant.
    pub exact: bool,
}

/// A part of the destination that a source answers for. Nothing else there is looked at, or deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// All of it: the source is what is in a directory or below a prefix.
    Everything,
    /// What is below this one name, with no slash at its end: the source is a directory.
    Below(String),
    /// This one name: the source is a file.
    Name(String),
    /// Both: the source is an object, or what is below its name, which is not known before.
    Either(String),
}

impl Area {
    /// The objects of some areas of a destination.
    pub fn listings(destination: &S3Uri, areas: &[Area]) -> Vec<Listing> {
        let bucket: Arc<str> = destination.bucket.as_str().into();
        let listing = |name: &str, exact| Listing {
            bucket: bucket.clone(),
            prefix: format!("{}{name}", destination.key),
            relative: name.to_owned(),
            exact,
        };
        if areas.contains(&Area::Everything) {
            return vec![listing("", false)];
        }
        let mut found: Vec<Listing> = Vec::new();
        for area in areas {
            match area {
                Area::Everything => {}
                Area::Below(name) => found.push(listing(&format!("{name}/"), false)),
                Area::Name(name) => found.push(listing(name, true)),
                Area::Either(name) => {
                    found.push(listing(name, true));
                    found.push(listing(&format!("{name}/"), false));
                }
            }
        }
        found.sort_by(|a, b| a.relative.cmp(&b.relative));
        found.dedup();
        found
    }
}

/// Troubles of a side; they are all known when its stream is over.
#[derive(Debug, Default)]
pub struct Tally {
    unusable: AtomicU64,
    unread: Mutex<UnreadNames>,
    empty: AtomicU64,
}

impl Tally {
    /// One that knows of names already.
    pub fn new(unread: UnreadNames) -> Self {
        Self { unread: Mutex::new(unread), ..Self::default() }
    }

    /// Files whose names cannot be keys; each was warned about.
    pub fn unusable(&self) -> u64 {
        self.unusable.load(Ordering::Relaxed)
    }

    /// Sources that answer for the whole destination and have nothing in them, such as a file system that is not mounted.
    pub fn empty(&self) -> u64 {
        self.empty.load(Ordering::Relaxed)
    }

    /// Directories and files that could not be looked at, and named ones that are not there; each was warned about.
    pub fn unreadable(&self) -> u64 {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).count()
    }

    /// Their names.
    pub fn unread_names(&self) -> UnreadNames {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The files of some trees, walked on a thread of their own.
pub fn local(roots: Vec<Root>, options: WalkOptions, tally: Arc<Tally>) -> Items {
    let (sender, receiver) = mpsc::channel::<Vec<Outcome<Item>>>(4);
    let walk = move || {
        let everything: Vec<bool> = roots
            .iter()
            .map(|root| matches!(root, Root::Directory { prefix, .. } if prefix.is_empty()))
            .collect();
        let walks = roots.into_iter().map(|root| match root {
            Root::Directory { path, prefix } => Walk::directory(&path, &prefix, options.clone()),
            Root::File { path, relative } => Walk::file(&path, &relative, options.clone()),
        });
        let mut walks: Vec<Walk> = walks.collect();
        let mut heads = BinaryHeap::new();
        let mut waiting: Vec<Option<Entry>> = Vec::with_capacity(walks.len());
        for (index, walk) in walks.iter_mut().enumerate() {
            waiting.push(walk.next());
            if everything[index] && waiting[index].is_none() {
                tally.empty.fetch_add(1, Ordering::Relaxed);
            }
            heads.extend(waiting[index].as_ref().map(|entry| Reverse((entry.relative.clone(), index))));
        }
        let mut batch = Vec::new();
        while let Some(Reverse((_, index))) = heads.pop() {
            // Nothing waits for what is left of a run that ends.
            if crate::interrupt::requested() {
                return;
            }
            let Some(entry) = waiting[index].take() else { continue };
            waiting[index] = walks[index].next();
            heads.extend(waiting[index].as_ref().map(|entry| Reverse((entry.relative.clone(), index))));
            let mut item = Item::local(entry.relative, entry.size, entry.path);
            item.guarded = entry.link;
            batch.push(Ok(item));
            // A receiver that has gone away wants no more.
            if batch.len() >= BATCH && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return;
            }
        }
        let mut unread = tally.unread.lock().unwrap_or_else(PoisonError::into_inner);
        for walk in &walks {
            tally.unusable.fetch_add(walk.unusable(), Ordering::Relaxed);
            unread.extend(walk.unread_names().clone());
        }
        drop(unread);
        let _ = sender.blocking_send(batch);
    };
    let mut pending = Some(walk);
    let batches = futures::stream::unfold(receiver, move |mut receiver| {
        if let Some(walk) = pending.take() {
            tokio::task::spawn_blocking(walk);
        }
        async move { receiver.recv().await.map(|batch| (batch, receiver)) }
    });
    without_twins(batches.flat_map(futures::stream::iter).boxed())
}

/// The objects of some listings.
pub fn remote(client: &Client, listings: Vec<Listing>, tally: &Arc<Tally>) -> Items {
    let (mut exact, prefixes): (Vec<_>, Vec<_>) = listings.into_iter().partition(|listing| listing.exact);
    let mut streams: Vec<Items> = Vec::new();
    if !exact.is_empty() {
        exact.sort_by(|a, b| a.relative.cmp(&b.relative));
        let client = client.clone();
        let found = futures::stream::iter(exact)
            .map(move |listing| look_up(client.clone(), listing))
            .buffered(LOOKUPS)
            .filter_map(|found| std::future::ready(found.transpose()));
        streams.push(found.boxed());
    }
    for listing in prefixes {
        streams.push(listed(client, listing, tally.clone()));
    }
    if streams.len() == 1
        && let Some(only) = streams.pop()
    {
        return without_twins(only);
    }
    without_twins(merged(streams))
}

fn listed(client: &Client, listing: Listing, tally: Arc<Tally>) -> Items {
    let is_everything = listing.relative.is_empty();
    let width = client.options().bulk;
    let options = ListOptions { prefix: listing.prefix.clone(), width, ..ListOptions::default() };
    let pages = client.list_pages(&listing.bucket, options);
    let items = pages.map(move |page| {
        let items: Vec<Outcome<Item>> = match page {
            Ok(page) => page.entries().map(|object| Ok(item(&listing, object))).collect(),
            Err(error) => vec![Err(error.into())],
        };
        futures::stream::iter(items)
    });
    // The object that stands for the prefix itself has no name in it.
    let mut items = items
        .flatten()
        .filter(|item| std::future::ready(!matches!(item, Ok(item) if item.relative.is_empty())))
        .boxed()
        .fuse();
    let counted = async move {
        let first = items.next().await;
        if first.is_none() && is_everything {
            tally.empty.fetch_add(1, Ordering::Relaxed);
        }
        futures::stream::iter(first).chain(items)
    };
    counted.into_stream().flatten().boxed()
}

fn item(listing: &Listing, object: ObjectRef<'_>) -> Item {
    let relative = format!("{}{}", listing.relative, object.key.get(listing.prefix.len()..).unwrap_or(""));
    Item::remote(relative, object.size, listing.bucket.clone(), object.key.to_owned(), object.etag.to_owned())
}

/// One object by its key: the first of all keys that begin so. A listing tells what HEAD does, and why it was refused.
async fn look_up(client: Client, listing: Listing) -> Outcome<Option<Item>> {
    let options =
        ListOptions { prefix: listing.prefix.clone(), page_size: Some(1), ..ListOptions::default() };
    let page = client.list_page(&listing.bucket, &options, None).await?;
    let object = page.entries().next().filter(|object| object.key == listing.prefix);
    Ok(object.map(|object| item(&listing, object)))
}

/// Merges streams that are each in order.
fn merged(streams: Vec<Items>) -> Items {
    struct State {
        streams: Vec<Items>,
        waiting: Vec<Option<Outcome<Item>>>,
        heads: BinaryHeap<Reverse<(String, usize)>>,
        started: bool,
    }
    impl State {
        async fn advance(&mut self, index: usize) {
            let next = self.streams[index].next().await;
            // A failure comes before everything else.
            let name =
                next.as_ref().map(|next| next.as_ref().map_or(String::new(), |item| item.relative.clone()));
            self.waiting[index] = next;
            self.heads.extend(name.map(|name| Reverse((name, index))));
        }
    }
    let waiting = streams.iter().map(|_| None).collect();
    let state = State { streams, waiting, heads: BinaryHeap::new(), started: false };
    let items = futures::stream::unfold(state, |mut state| async move {
        if !state.started {
            state.started = true;
            for index in 0..state.streams.len() {
                state.advance(index).await;
            }
        }
        let Reverse((_, index)) = state.heads.pop()?;
        let item = state.waiting[index].take()?;
        state.advance(index).await;
        Some((item, state))
    });
    items.boxed()
}

/// Refuses two sources with one name, of which s3cmd would take the later one without a word; the same item twice is
/// one item. A stream that is not in order is refused too: a merge would take what it misses for deleted.
fn without_twins(items: Items) -> Items {
    let mut last: Option<Item> = None;
    let checked = items.filter_map(move |item| {
        let kept = match item {
            Err(failure) => Some(Err(failure)),
            Ok(item) => match &last {
                Some(before) if before.relative == item.relative && before.origin == item.origin => None,
                Some(before) if before.relative == item.relative => Some(Err(twins(before, &item))),
                Some(before) if before.relative > item.relative => Some(Err(Failure::from(
                    crate::s3::Error::Malformed("a listing that is not in the order of its keys".into()),
                ))),
                _ => {
                    last = Some(item.clone());
                    Some(Ok(item))
                }
            },
        };
        std::future::ready(kept)
    });
    checked.boxed()
}

fn twins(a: &Item, b: &Item) -> Failure {
    let shown = |item: &Item| match &item.origin {
        super::Origin::Local(path) => path.display().to_string(),
        super::Origin::Remote { .. } => item.uri().to_string(),
    };
    Failure::parameter(format!(
        "Two sources have the same name '{}': {} and {}",
        a.relative,
        shown(a),
        shown(b)
    ))
}

/// The include/exclude rules, applied to both sides alike.
#[derive(Clone, Debug)]
pub struct NameRules {
    filter: Filter,
    /// The share of this run, if it is one of several; the names of other shares are left alone.
    shard: Option<Shard>,
    /// The directories of the walk with their prefixes in names, where some rule keeps it out of directories.
    bases: Vec<(String, String)>,
}

impl NameRules {
    /// NameRules; `roots` are the local trees, whose directories the rules for directories are asked about.
    pub fn new(filter: &Filter, shard: Option<Shard>, roots: &[Root]) -> Self {
        let prunes = filter
            .exclude
            .iter()
            .any(|pattern| pattern.syntax() == Syntax::Glob && pattern.text().ends_with('/'));
        let bases = roots.iter().filter(|_| prunes).filter_map(|root| match root {
            Root::Directory { path, prefix } => Some((prefix.clone(), path.to_string_lossy().into_owned())),
            Root::File { .. } => None,
        });
        Self { filter: filter.clone(), shard, bases: bases.collect() }
    }

    /// Whether the walk would not get to that name because it does not enter a directory above it.
    pub fn hides(&self, relative: &str) -> bool {
        self.bases.iter().any(|(prefix, base)| {
            let Some(below) = relative.strip_prefix(prefix.as_str()) else { return false };
            let base = base.strip_suffix('/').unwrap_or(base);
            below
                .match_indices('/')
                .any(|(slash, _)| self.filter.prunes(&format!("{base}/{}", &below[..=slash])))
        })
    }

    /// Marks what the rules take out, and what is another run's share.
    fn exclusion(&self, relative: &str) -> Exclusion {
        match self.shard {
            Some(shard) if !shard.contains(relative) => Exclusion::Elsewhere,
            _ if self.filter.excludes(relative).is_some() => Exclusion::Shown,
            _ => Exclusion::No,
        }
    }

    /// A side whose directories the walk enters, or not, by itself.
    pub fn walked(self: Arc<Self>, items: Items) -> Items {
        if self.filter.is_empty() && self.shard.is_none() {
            return items;
        }
        let marked = items.map(move |item| {
            item.map(|mut item| {
                item.excluded = self.exclusion(&item.relative);
                item
            })
        });
        marked.boxed()
    }

    /// The destination of a walk: what the walk does not see is not there either.
    pub fn mirrored(self: Arc<Self>, items: Items) -> Items {
        if self.bases.is_empty() {
            return self.walked(items);
        }
        let rules = self.clone();
        let marked = self.walked(items).map(move |item| {
            item.map(|mut item| {
                if item.excluded == Exclusion::No && rules.hides(&item.relative) {
                    item.excluded = Exclusion::Hidden;
                }
                item
            })
        });
        marked.boxed()
    }

    /// A local destination: what s3cmd's walk would not see is compared, but never deleted. (What an interrupted download
    /// left to be taken up is in no walk.)
    pub fn guarded(self: Arc<Self>, items: Items) -> Items {
        let rules = self.clone();
        let marked = self.walked(items).map(move |item| {
            item.map(|mut item| {
                item.guarded |= rules.hides(&item.relative);
                item
            })
        });
        marked.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(names: &[&str]) -> Items {
        let items: Vec<_> = names
            .iter()
            .map(|name| Ok(Item::local((*name).to_owned(), 0, format!("p/{name}").into())))
            .collect();
        futures::stream::iter(items).boxed()
    }

    async fn names(items: Items) -> Result<Vec<String>, String> {
        let collected: Vec<_> = items.collect().await;
        collected
            .into_iter()
            .map(|item| item.map(|item| item.relative).map_err(|failure| failure.lines.join("\n")))
            .collect()
    }

    #[tokio::test]
    async fn sorted_streams_stay_sorted_together() {
        let all = merged(vec![items(&["a", "d", "e"]), items(&[]), items(&["b", "c", "f"])]);
        assert_eq!(names(without_twins(all)).await.unwrap(), ["a", "b", "c", "d", "e", "f"]);
    }

    #[tokio::test]
    async fn one_item_twice_is_one_and_two_with_one_name_are_refused() {
        let same = merged(vec![items(&["a", "b"]), items(&["b"])]);
        assert_eq!(names(without_twins(same)).await.unwrap(), ["a", "b"]);
        let other = futures::stream::iter([Ok(Item::local("b".into(), 0, "other/b".into()))]).boxed();
        let refused = names(without_twins(merged(vec![items(&["a", "b"]), other]))).await.unwrap_err();
        assert!(
            refused.contains("'b'") && refused.contains("p/b") && refused.contains("other/b"),
            "{refused}"
        );
        assert!(names(without_twins(items(&["b", "a"]))).await.is_err());
    }

    #[tokio::test]
    async fn trees_come_as_one_stream_and_troubles_are_counted() {
        let root = tempfile::tempdir().unwrap();
        for name in ["one/b", "one/c/d", "two/a", "f"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        let directory = |name: &str, prefix: &str| Root::Directory {
            path: root.path().join(name),
            prefix: prefix.to_owned(),
        };
        let roots = vec![
            directory("two", "two/"),
            directory("one", ""),
            Root::File { path: root.path().join("f"), relative: "f".into() },
            directory("missing", "m/"),
        ];
        let tally = Arc::new(Tally::default());
        let found = names(local(roots, WalkOptions::default(), tally.clone())).await.unwrap();
        assert_eq!(found, ["b", "c/d", "f", "two/a"]);
        assert_eq!((tally.unreadable(), tally.unusable()), (1, 0));
        assert!(tally.unread_names().covers("m/x") && !tally.unread_names().covers("two/x"));
    }

    #[test]
    fn only_the_areas_of_the_sources_are_listed() {
        let destination = S3Uri::new("b", "x/");
        let listed = |areas: &[Area]| {
            let listings = Area::listings(&destination, areas);
            listings.into_iter().map(|one| (one.prefix, one.relative, one.exact)).collect::<Vec<_>>()
        };
        let one = |name: &str, exact| (format!("x/{name}"), name.to_owned(), exact);
        let (below, name) = (Area::Below("d".into()), Area::Name("f".into()));
        assert_eq!(listed(&[name.clone(), below.clone(), below.clone()]), [one("d/", false), one("f", true)]);
        assert_eq!(listed(&[below, Area::Everything, name]), [one("", false)]);
        assert_eq!(listed(&[Area::Either("e".into())]), [one("e", true), one("e/", false)]);
    }

    #[test]
    fn what_a_walk_does_not_enter_is_hidden_on_the_other_side() {
        let mut filter = Filter::default();
        filter.exclude.add(Syntax::Glob, "tree/sub/").unwrap();
        let roots = [Root::Directory { path: "my/tree".into(), prefix: "t/".into() }];
        let rules = NameRules::new(&filter, None, &roots);
        assert!(rules.hides("t/sub/x") && rules.hides("t/sub/x/y"));
        assert!(!rules.hides("t/sub") && !rules.hides("sub/x") && !rules.hides("t/a/sub/x"));
        filter.include.add(Syntax::Glob, "sub/").unwrap();
        assert!(!NameRules::new(&filter, None, &roots).hides("t/sub/x"));
    }
}
