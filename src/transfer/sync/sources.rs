//! The two sides of a synchronisation as streams of items in ascending order of their names.

use super::Item;
use crate::output::{Failure, Outcome};
use crate::transfer::local::walk::{Entry, Walk, WalkOptions};
use crate::transfer::unread::UnreadNames;
use crate::uri::S3Uri;
use futures::{FutureExt, Stream, StreamExt};
use s3cmd_client::Client;
use s3cmd_client::list::{ListOptions, ObjectRef};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Items in ascending order of their names.
pub(crate) type Items = Pin<Box<dyn Stream<Item = Outcome<Item>> + Send>>;

/// Entries of a walk that are sent between threads together.
const BATCH: usize = 256;

/// The number of concurrent lookups of single objects.
const LOOKUPS: usize = 16;

/// A tree or file of a local side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// The contents of a directory, below a prefix that is empty or ends with `/`.
    Directory {
        /// The directory.
        path: PathBuf,
        /// The prefix of their names.
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
pub(crate) struct Listing {
    /// Bucket.
    pub(crate) bucket: Arc<str>,
    /// The prefix of the keys, or the key of one object.
    pub(crate) prefix: String,
    /// The text that replaces `prefix` in the names.
    pub(crate) relative: String,
    /// Whether only the object with exactly that key is included.
    pub(crate) exact: bool,
}

/// A part of the destination that corresponds to a source. Everything outside it is neither compared nor deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Area {
    /// The whole destination: the source is the contents of a directory or prefix.
    Everything,
    /// Everything below this name, which has no trailing slash: the source is a directory.
    Below(String),
    /// Exactly this name: the source is a file.
    Name(String),
    /// Both: the source is an object or a prefix, which is not known beforehand.
    Either(String),
}

impl Area {
    /// The listings that cover the areas of a destination.
    pub(crate) fn listings(destination: &S3Uri, areas: &[Area]) -> Vec<Listing> {
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

/// Problems of a side. They are complete when its stream has ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    unusable: AtomicU64,
    unread: Mutex<UnreadNames>,
    empty: AtomicU64,
}

impl Tally {
    /// Creates a tally that already contains unreadable names.
    pub(crate) fn new(unread: UnreadNames) -> Self {
        Self { unread: Mutex::new(unread), ..Self::default() }
    }

    /// The number of files whose names cannot be keys. Each caused a warning.
    pub(crate) fn unusable(&self) -> u64 {
        self.unusable.load(Ordering::Relaxed)
    }

    /// The number of sources for the whole destination that are empty, such as a file system that is not mounted.
    pub(crate) fn empty(&self) -> u64 {
        self.empty.load(Ordering::Relaxed)
    }

    /// The number of directories and files that could not be read, and of named files that do not exist. Each caused a
    /// warning.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).count()
    }

    /// The names that could not be read.
    pub(crate) fn unread_names(&self) -> UnreadNames {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The files of some trees, walked on a separate thread.
pub(crate) fn local(roots: Vec<Root>, options: WalkOptions, tally: Arc<Tally>) -> Items {
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
            // A run that is ending does not wait for the walk.
            if crate::interrupt::requested() {
                return;
            }
            let Some(entry) = waiting[index].take() else { continue };
            waiting[index] = walks[index].next();
            heads.extend(waiting[index].as_ref().map(|entry| Reverse((entry.relative.clone(), index))));
            let mut item = Item::local(entry.relative, entry.size, entry.path);
            item.guarded = entry.link;
            batch.push(Ok(item));
            // The receiver was dropped.
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
    unique(batches.flat_map(futures::stream::iter).boxed())
}

/// The objects of some listings.
pub(crate) fn remote(client: &Client, listings: Vec<Listing>, tally: &Arc<Tally>) -> Items {
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
        return unique(only);
    }
    unique(merged(streams))
}

fn listed(client: &Client, listing: Listing, tally: Arc<Tally>) -> Items {
    let is_everything = listing.relative.is_empty();
    let width = client.options().bulk;
    let options = ListOptions::new(&listing.prefix).with_width(width);
    let pages = client.list_pages(&listing.bucket, options);
    let items = pages.map(move |page| {
        let items: Vec<Outcome<Item>> = match page {
            Ok(page) => page.entries().map(|object| Ok(item(&listing, object))).collect(),
            Err(error) => vec![Err(error.into())],
        };
        futures::stream::iter(items)
    });
    // The object whose key equals the prefix has no relative name.
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

/// Looks up one object by its key, as the first key with that prefix. A listing returns the same properties as HEAD,
/// and also the reason of a rejection.
async fn look_up(client: Client, listing: Listing) -> Outcome<Option<Item>> {
    let options = ListOptions::new(&listing.prefix).with_page_size(1);
    let page = client.list_page(&listing.bucket, &options, None).await?;
    let object = page.entries().next().filter(|object| object.key == listing.prefix);
    Ok(object.map(|object| item(&listing, object)))
}

/// Merges sorted streams.
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
            // Errors sort first.
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

/// Fails if two sources have one name, of which s3cmd would silently use the later one. Drops items that occur twice.
/// Also fails if a stream is not sorted: the merge would treat the names that it misses as deleted.
fn unique(items: Items) -> Items {
    let mut last: Option<Item> = None;
    let checked = items.filter_map(move |item| {
        let kept = match item {
            Err(failure) => Some(Err(failure)),
            Ok(item) => match &last {
                Some(before) if before.relative == item.relative && before.origin == item.origin => None,
                Some(before) if before.relative == item.relative => Some(Err(same_name(before, &item))),
                Some(before) if before.relative > item.relative => Some(Err(Failure::from(
                    s3cmd_client::Error::Malformed("the listing is not in key order".into()),
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

fn same_name(a: &Item, b: &Item) -> Failure {
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
        assert_eq!(names(unique(all)).await.unwrap(), ["a", "b", "c", "d", "e", "f"]);
    }

    #[tokio::test]
    async fn duplicate_items_are_dropped_and_two_items_with_one_name_are_rejected() {
        let same = merged(vec![items(&["a", "b"]), items(&["b"])]);
        assert_eq!(names(unique(same)).await.unwrap(), ["a", "b"]);
        let other = futures::stream::iter([Ok(Item::local("b".into(), 0, "other/b".into()))]).boxed();
        let refused = names(unique(merged(vec![items(&["a", "b"]), other]))).await.unwrap_err();
        assert!(
            refused.contains("'b'") && refused.contains("p/b") && refused.contains("other/b"),
            "{refused}"
        );
        assert!(names(unique(items(&["b", "a"]))).await.is_err());
    }

    #[tokio::test]
    async fn trees_are_merged_into_one_stream_and_problems_are_counted() {
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
}
