//! The result of a comparison, in s3cmd's order: new items, then changed ones, and items that the source does not have.

use super::comparator::{Comparison, Pair};
use super::removed::Removed;
use super::sources::Area;
use super::{Exclusion, Item};
use crate::output::{Failure, Outcome};
use crate::transfer::compare::Stored;
use crate::transfer::destination::plain_name;
use crate::transfer::plan::spool::Spool;
use futures::{Stream, StreamExt};
use std::collections::{HashMap, HashSet};
use std::pin::pin;

/// A number of files and their total size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// The number of files.
    pub(crate) files: u64,
    /// Their total size in bytes.
    pub(crate) bytes: u64,
}

impl Count {
    /// Adds one file.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// The decisions about all names.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Items that exist only in the source.
    pub(crate) new: Spool<Item>,
    /// Source items that differ from the destination.
    pub(crate) changed: Spool<Item>,
    /// Items that exist only at the destination and may be deleted.
    pub(crate) removed: Removed,
    /// Names that the rules exclude.
    pub(crate) excluded: Spool<String>,
    /// Items that the destination has and keeps for now: their content need not be transferred again.
    pub(crate) known: Known,
    /// Names that cannot become files because of other names, with the reason.
    pub(crate) conflicts: HashMap<String, &'static str>,
    /// Files at the destination to which objects with unnormalised names (`a//b`) are written. They are not deleted.
    pub(crate) claimed: HashSet<String>,
    /// The total of the source.
    pub(crate) source: Count,
    /// The total of the destination.
    pub(crate) destination: Count,
    /// The number of source files, and of files to delete, in each area of the destination.
    areas: HashMap<String, (u64, u64)>,
    /// Source files whose names are prefixes of the current name, with their sizes in bytes.
    above: Vec<(String, u64)>,
}

/// Content at the destination that can be copied there.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The items.
    pub(crate) items: Spool<Item>,
    /// The first bytes of each known MD5, and the offset of the item, in item order.
    pub(crate) by_md5: Vec<(u64, u64)>,
    /// The sizes of items with unknown MD5s, and their offsets.
    pub(crate) by_size: Vec<(u64, u64)>,
    /// The sizes of all items.
    pub(crate) sizes: Sizes,
}

/// A set of sizes with false positives, which cost an unnecessary hash and nothing else.
#[derive(Debug)]
pub(crate) struct Sizes(Vec<u64>);

impl Default for Sizes {
    fn default() -> Self {
        Self(vec![0; 1 << 14])
    }
}

impl Sizes {
    /// Adds a size. Returns whether it was already contained.
    pub(crate) fn insert(&mut self, size: u64) -> bool {
        let (word, bit) = Self::place(size);
        let was = self.0[word] & bit != 0;
        self.0[word] |= bit;
        was
    }

    /// Whether the size was added. May return true for a size that was not.
    pub(crate) fn contains(&self, size: u64) -> bool {
        let (word, bit) = Self::place(size);
        self.0[word] & bit != 0
    }

    fn place(size: u64) -> (usize, u64) {
        // Fibonacci hashing spreads neighbouring sizes.
        let hash = size.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        ((hash >> 6) as usize, 1 << (hash & 63))
    }
}

/// The first bytes of an MD5, which serve as the search key.
pub(crate) fn short(md5: [u8; 16]) -> u64 {
    u64::from_be_bytes(md5[..8].try_into().unwrap_or_default())
}

/// Options of a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Planning {
    /// Record the destination's items, to find duplicates.
    pub(crate) find_duplicates: bool,
    /// Names become files: of `a` and `a/b` only one can.
    pub(crate) to_files: bool,
    /// An object that represents a directory is not deleted if the source has something in that directory.
    pub(crate) keeps_objects: bool,
    /// The names, without a slash, that correspond to sources. `None` stands for the whole destination. An empty source
    /// must not empty its area.
    pub(crate) areas: Option<HashSet<String>>,
}

impl Planning {
    /// Creates options for sources with these areas.
    pub(crate) fn of(areas: &[Area]) -> Self {
        let names = areas.iter().map(|area| match area {
            Area::Everything => None,
            Area::Below(name) | Area::Name(name) | Area::Either(name) => Some(name.clone()),
        });
        Self { areas: names.collect(), ..Self::default() }
    }

    /// The area that a name belongs to.
    fn area<'a>(&self, relative: &'a str) -> &'a str {
        match &self.areas {
            None => "",
            Some(_) => relative.split('/').next().unwrap_or(""),
        }
    }
}

impl Plan {
    /// Reads all decisions. Fails if the temporary file cannot be written.
    pub(crate) async fn collect(
        decisions: impl Stream<Item = Outcome<Comparison>>,
        planning: &Planning,
    ) -> Outcome<Self> {
        let mut plan = Self::default();
        let mut decisions = pin!(decisions);
        while let Some(decision) = decisions.next().await {
            plan.take(decision?, planning).map_err(|error| Failure::file("temporary file", &error))?;
        }
        Ok(plan)
    }

    fn take(&mut self, decision: Comparison, planning: &Planning) -> std::io::Result<()> {
        match decision.pair {
            Pair::Excluded(name, kind, in_source) => {
                self.removed.occupied(&name);
                // A source is not empty if its files belong to another shard.
                if kind == Exclusion::Elsewhere && in_source {
                    self.removed.filled(&name);
                    self.area(planning, &name).0 += 1;
                }
                if kind == Exclusion::Shown {
                    self.excluded.push(&name)?;
                }
            }
            Pair::Source(item) => {
                self.count_source(&item, planning);
                self.new.push(&item)?;
            }
            Pair::Destination(item) => {
                self.destination.add(item.size);
                if planning.find_duplicates {
                    self.known.keep(&item, None)?;
                }
                if item.guarded {
                    self.removed.occupied(&item.relative);
                } else {
                    self.area(planning, &item.relative).1 += 1;
                    self.removed.push(&item, planning.keeps_objects)?;
                }
            }
            Pair::Both(source, destination) => {
                self.count_source(&source, planning);
                self.destination.add(destination.size);
                if decision.changed {
                    self.changed.push(&source)?;
                } else if planning.find_duplicates {
                    self.known.keep(&destination, decision.md5)?;
                }
            }
        }
        Ok(())
    }

    fn count_source(&mut self, item: &Item, planning: &Planning) {
        self.source.add(item.size);
        self.removed.filled(&item.relative);
        self.area(planning, &item.relative).0 += 1;
        if planning.to_files {
            self.find_conflicts(item);
        }
    }

    /// A name cannot be both a file and a directory: of `a` and `a/b` the second fails, as in s3cmd. The exception is
    /// an empty `a`, such as the directory markers of other tools: then `a` fails and the objects below it are fetched.
    fn find_conflicts(&mut self, item: &Item) {
        let name = item.relative.as_str();
        while self.above.last().is_some_and(|(file, _)| !name.starts_with(file.as_str())) {
            self.above.pop();
        }
        for (file, size) in &self.above {
            match (name.as_bytes().get(file.len()), *size) {
                (Some(b'/'), 0) => self.conflicts.insert(file.clone(), "Is a directory"),
                (Some(b'/'), _) => self.conflicts.insert(name.to_owned(), "Not a directory"),
                _ => None,
            };
        }
        if let Some(plain) = plain_name(name)
            && !self.claimed.insert(plain)
        {
            self.conflicts.insert(name.to_owned(), "another object becomes the same file");
        }
        if !item.is_directory() {
            self.above.push((item.relative.clone(), item.size));
        }
    }

    fn area(&mut self, planning: &Planning, relative: &str) -> &mut (u64, u64) {
        let area = planning.area(relative);
        if !self.areas.contains_key(area) {
            self.areas.insert(area.to_owned(), (0, 0));
        }
        self.areas.entry(area.to_owned()).or_default()
    }

    /// Whether a source is empty while its area of the destination has files to delete.
    pub(crate) fn would_empty(&self) -> bool {
        self.areas.values().any(|(source, removed)| *source == 0 && *removed > 0)
    }
}

impl Known {
    fn keep(&mut self, item: &Item, md5: Option<[u8; 16]>) -> std::io::Result<()> {
        if item.size == 0 || item.is_directory() {
            return Ok(());
        }
        let md5 = match Stored::of_etag(item.etag()) {
            Stored::Md5(etag) => Some(etag),
            _ => md5,
        };
        let is_local = matches!(item.origin, super::Origin::Local(_));
        if md5.is_none() && !is_local {
            return Ok(());
        }
        let place = self.items.push(item)?;
        self.sizes.insert(item.size);
        match md5 {
            Some(md5) => self.by_md5.push((short(md5), place)),
            None => self.by_size.push((item.size, place)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_contained_once_added() {
        let mut sizes = Sizes::default();
        assert!(!sizes.contains(4096) && !sizes.insert(4096));
        assert!(sizes.contains(4096) && sizes.insert(4096));
        assert!(!sizes.contains(4097) && !sizes.contains(u64::MAX));
        sizes.insert(u64::MAX);
        assert!(sizes.contains(u64::MAX));
    }

    async fn plan(areas: &[&str], decisions: &[(&str, char)]) -> Plan {
        let areas: Vec<Area> = areas
            .iter()
            .map(|area| match *area {
                "" => Area::Everything,
                name => Area::Below(name.to_owned()),
            })
            .collect();
        let planning = Planning { find_duplicates: true, to_files: true, ..Planning::of(&areas) };
        let etag = "6f5902ac237024bdd0c176cb93063dc4";
        let comparison = decisions.iter().map(|(name, kind)| {
            let source = Item::local((*name).to_owned(), 3, (*name).into());
            let destination =
                Item::remote((*name).to_owned(), 3, "b".into(), (*name).to_owned(), etag.to_owned());
            let pair = match kind {
                '+' => Pair::Source(source),
                '-' => Pair::Destination(destination),
                'x' => Pair::Excluded((*name).to_owned(), Exclusion::Shown, true),
                's' => Pair::Excluded((*name).to_owned(), Exclusion::Elsewhere, true),
                'h' => Pair::Excluded((*name).to_owned(), Exclusion::Hidden, true),
                _ => Pair::Both(source, destination),
            };
            Ok(Comparison { pair, changed: *kind == '!', md5: None })
        });
        Plan::collect(futures::stream::iter(comparison.collect::<Vec<_>>()), &planning).await.unwrap()
    }

    #[tokio::test]
    async fn decisions_are_sorted_into_lists() {
        let plan = plan(
            &[""],
            &[("a", '+'), ("b", '-'), ("c", '='), ("d", '!'), ("e", 'x'), ("f", 'h'), ("g", '+')],
        )
        .await;
        let names = |spool: Spool<Item>| {
            spool.into_records().unwrap().map(|item| item.unwrap().relative).collect::<Vec<_>>()
        };
        assert_eq!((plan.source.files, plan.destination.files), (4, 3));
        // Items to be overwritten are not used as sources of copies.
        assert_eq!(plan.known.by_md5.len(), 2);
        assert!(!plan.would_empty());
        assert_eq!(names(plan.new), ["a", "g"]);
        assert_eq!(names(plan.changed), ["d"]);
        let removed: Vec<_> = plan.removed.into_items().unwrap().map(|item| item.unwrap().relative).collect();
        assert_eq!(removed, ["b"]);
        assert_eq!(plan.excluded.into_records().unwrap().map(Result::unwrap).collect::<Vec<_>>(), ["e"]);
    }

    #[tokio::test]
    async fn a_file_cannot_be_a_directory_as_well() {
        let plan = plan(&[""], &[("a", '+'), ("a-b", '+'), ("a/b", '+'), ("a/c/d", '='), ("ab", '+')]).await;
        let mut names: Vec<_> = plan.conflicts.into_keys().collect();
        names.sort();
        assert_eq!(names, ["a/b", "a/c/d"]);
        let mut plan = Plan::default();
        for name in ["m", "m/x"] {
            plan.find_conflicts(&Item::local(name.to_owned(), u64::from(name != "m"), name.into()));
        }
        assert_eq!(plan.conflicts.into_keys().collect::<Vec<_>>(), ["m"]);
    }

    #[tokio::test]
    async fn a_source_that_is_empty_would_empty_its_place() {
        assert!(plan(&[""], &[("a", '-')]).await.would_empty());
        assert!(!plan(&[""], &[]).await.would_empty());
        assert!(!plan(&[""], &[("a", '-'), ("b", '=')]).await.would_empty());
        assert!(plan(&["x", "y"], &[("x/a", '='), ("y/a", '-')]).await.would_empty());
        assert!(plan(&[""], &[("a", '-'), ("b", 'x')]).await.would_empty());
        assert!(!plan(&[""], &[("a", '-'), ("b", 's')]).await.would_empty());
        assert!(!plan(&["x", "y"], &[("x/a", '='), ("y/a", '-'), ("y/b", '+')]).await.would_empty());
    }
}
