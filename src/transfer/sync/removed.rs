//! Items that exist only at the destination. A local directory is deleted only if everything in it is. An object that
//! represents a directory can be kept if the source has something in that directory.

use super::{Item, Origin};
use crate::transfer::plan::spool::Spool;
use std::io;

/// Items to delete, in ascending order of their names.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    items: Spool<Item>,
    /// A bit for each item, which is set if the item stays.
    staying: Vec<u64>,
    stay: u64,
    /// The parent directories of the current name that may be deleted.
    open: Vec<Open>,
}

/// A directory that is deleted unless its contents require it to stay.
#[derive(Debug)]
struct Open {
    name: String,
    /// The number of its item.
    number: u64,
    /// Whether it is an object, which stays only for items of the source.
    is_object: bool,
}

impl Removed {
    /// Adds an item. The names passed to this and the other methods must be in ascending order. With `keeps_objects`,
    /// an object that represents a directory stays if the source has something in it.
    pub(crate) fn push(&mut self, item: &Item, keeps_objects: bool) -> io::Result<()> {
        let number = self.items.len();
        self.items.push(item)?;
        let is_object = !matches!(item.origin, Origin::Local(_));
        if item.is_directory() && (keeps_objects || !is_object) {
            self.close(&item.relative);
            self.open.push(Open { name: item.relative.clone(), number, is_object });
        }
        Ok(())
    }

    /// Records that something of this name stays, so that its local parent directories stay too.
    pub(crate) fn occupied(&mut self, relative: &str) {
        self.close(relative);
        self.keep(|open| !open.is_object);
    }

    /// Records that the source has something of this name, so that all its parent directories stay.
    pub(crate) fn filled(&mut self, relative: &str) {
        self.close(relative);
        self.keep(|_| true);
    }

    fn keep(&mut self, stays: impl Fn(&Open) -> bool) {
        for Open { number, .. } in self.open.extract_if(.., |open| stays(open)) {
            let word = (number / 64) as usize;
            if self.staying.len() <= word {
                self.staying.resize(word + 1, 0);
            }
            self.staying[word] |= 1 << (number % 64);
            self.stay += 1;
        }
    }

    /// Drops directories that do not contain the name.
    fn close(&mut self, relative: &str) {
        while self.open.last().is_some_and(|open| !relative.starts_with(open.name.as_str())) {
            self.open.pop();
        }
    }

    /// Keeps all items for whose names `stays` returns true.
    pub(crate) fn protect(&mut self, stays: impl Fn(&str) -> bool) -> io::Result<()> {
        let mut kept = Spool::default();
        let staying = std::mem::take(&mut self.staying);
        for (number, item) in (0..).zip(std::mem::take(&mut self.items).into_records()?) {
            let item = item?;
            if is_deleted(&staying, number) && !stays(&item.relative) {
                kept.push(&item)?;
            }
        }
        (self.items, self.stay) = (kept, 0);
        self.open.clear();
        Ok(())
    }

    /// The number of items to delete.
    pub(crate) fn len(&self) -> u64 {
        self.items.len() - self.stay
    }

    /// Whether there is nothing to delete.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the items, from first to last.
    pub(crate) fn into_items(self) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send> {
        let staying = self.staying;
        let items = (0..).zip(self.items.into_records()?);
        Ok(items.filter(move |(number, _)| is_deleted(&staying, *number)).map(|(_, item)| item))
    }

    /// Reads the items, from last to first, so that the contents of a directory come before the directory.
    pub(crate) fn into_reversed(self) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send> {
        let staying = self.staying;
        let items = (0..self.items.len()).rev().zip(self.items.into_reversed()?);
        Ok(items.filter(move |(number, _)| is_deleted(&staying, *number)).map(|(_, item)| item))
    }
}

fn is_deleted(staying: &[u64], number: u64) -> bool {
    staying.get((number / 64) as usize).is_none_or(|word| word & (1 << (number % 64)) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_stay_if_something_in_them_stays() {
        let fill = || {
            let mut removed = Removed::default();
            // A name in capitals stays.
            for name in
                ["a-x", "a/", "a/B", "a/c", "b/", "b/d/", "b/d/x", "e/", "e/f/", "e/f/G", "e/h/", "e/h/i"]
            {
                if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    removed.occupied(name);
                } else {
                    removed.push(&Item::local(name.to_owned(), 1, name.into()), false).unwrap();
                }
            }
            removed
        };
        let expected = ["a-x", "a/c", "b/", "b/d/", "b/d/x", "e/h/", "e/h/i"];
        assert_eq!(fill().len(), 7);
        let names: Vec<_> = fill().into_items().unwrap().map(|item| item.unwrap().relative).collect();
        assert_eq!(names, expected);
        let mut reversed: Vec<_> =
            fill().into_reversed().unwrap().map(|item| item.unwrap().relative).collect();
        reversed.reverse();
        assert_eq!(reversed, expected);
    }

    #[test]
    fn directory_objects_stay_if_the_source_has_something_in_them() {
        for keeps in [false, true] {
            let mut removed = Removed::default();
            // A name in capitals stays, and one with a plus belongs to the source.
            for name in ["a/", "a/+", "b/", "b/c", "d/", "d/E", "f/", "f/g/", "f/g/+h", "f/i/", "j/"] {
                if name.contains('+') {
                    removed.filled(name);
                } else if name.contains('E') {
                    removed.occupied(name);
                } else {
                    let item = Item::remote(name.to_owned(), 0, "b".into(), name.to_owned(), String::new());
                    removed.push(&item, keeps).unwrap();
                }
            }
            let names: Vec<_> = removed.into_items().unwrap().map(|item| item.unwrap().relative).collect();
            if keeps {
                assert_eq!(names, ["b/", "b/c", "d/", "f/i/", "j/"]);
            } else {
                assert_eq!(names, ["a/", "b/", "b/c", "d/", "f/", "f/g/", "f/i/", "j/"]);
            }
        }
    }
}
