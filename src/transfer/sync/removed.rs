//! What the destination has and the source does not. A local directory is among it only if nothing in it stays, and an object
//! that stands for a directory, where it may stay, only if nothing comes into it.

use super::{Item, Origin};
use crate::transfer::plan::spool::Spool;
use std::io;

/// Items to delete, in ascending order of their names.
#[derive(Debug, Default)]
pub struct Removed {
    items: Spool<Item>,
    /// A bit for each item that stays after all.
    staying: Vec<u64>,
    stay: u64,
    /// The directories above the present name that may go.
    open: Vec<Open>,
}

/// A directory that goes unless its content says otherwise.
#[derive(Debug)]
struct Open {
    name: String,
    /// Of its item.
    number: u64,
    /// Whether it is an object, which needs no content and stays only for what the source has in it.
    is_object: bool,
}

impl Removed {
    /// Adds an item. Names, also those of the other methods, come in ascending order. With `keeps_objects` an object that
    /// stands for a directory stays if the source has something in it.
    pub fn push(&mut self, item: &Item, keeps_objects: bool) -> io::Result<()> {
        let number = self.items.len();
        self.items.push(item)?;
        let is_object = !matches!(item.origin, Origin::Local(_));
        if item.is_directory() && (keeps_objects || !is_object) {
            self.close(&item.relative);
            self.open.push(Open { name: item.relative.clone(), number, is_object });
        }
        Ok(())
    }

    /// Something of this name stays: the local directories above it do, too.
    pub fn occupied(&mut self, relative: &str) {
        self.close(relative);
        self.keep(|open| !open.is_object);
    }

    /// The source has something of this name: all directories above it stay.
    pub fn filled(&mut self, relative: &str) {
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

    /// Forgets directories that the names have left behind.
    fn close(&mut self, relative: &str) {
        while self.open.last().is_some_and(|open| !relative.starts_with(open.name.as_str())) {
            self.open.pop();
        }
    }

    /// Has all items stay of whose names this is true.
    pub fn protect(&mut self, stays: impl Fn(&str) -> bool) -> io::Result<()> {
        let mut kept = Spool::default();
        let staying = std::mem::take(&mut self.staying);
        for (number, item) in (0..).zip(std::mem::take(&mut self.items).into_records()?) {
            let item = item?;
            if goes(&staying, number) && !stays(&item.relative) {
                kept.push(&item)?;
            }
        }
        (self.items, self.stay) = (kept, 0);
        self.open.clear();
        Ok(())
    }

    /// Number of items to delete.
    pub fn len(&self) -> u64 {
        self.items.len() - self.stay
    }

    /// Whether there is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items, from the first on.
    pub fn into_items(self) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send> {
        let staying = self.staying;
        let items = (0..).zip(self.items.into_records()?);
        Ok(items.filter(move |(number, _)| goes(&staying, *number)).map(|(_, item)| item))
    }

    /// The items, from the last on: what is in a directory before the directory.
    pub fn into_reversed(self) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send> {
        let staying = self.staying;
        let items = (0..self.items.len()).rev().zip(self.items.into_reversed()?);
        Ok(items.filter(move |(number, _)| goes(&staying, *number)).map(|(_, item)| item))
    }
}

fn goes(staying: &[u64], number: u64) -> bool {
    staying.get((number / 64) as usize).is_none_or(|word| word & (1 << (number % 64)) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_stay_where_something_in_them_stays() {
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
        let wanted = ["a-x", "a/c", "b/", "b/d/", "b/d/x", "e/h/", "e/h/i"];
        assert_eq!(fill().len(), 7);
        let names: Vec<_> = fill().into_items().unwrap().map(|item| item.unwrap().relative).collect();
        assert_eq!(names, wanted);
        let mut reversed: Vec<_> =
            fill().into_reversed().unwrap().map(|item| item.unwrap().relative).collect();
        reversed.reverse();
        assert_eq!(reversed, wanted);
    }

    #[test]
    fn objects_that_stand_for_directories_stay_where_something_comes_into_them() {
        for keeps in [false, true] {
            let mut removed = Removed::default();
            // A name in capitals stays, one with a plus is the source's.
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
