//! What the destination has and the source does not. A local directory is among it only if nothing in it stays.

use super::{Item, Origin};
use crate::transfer::spool::Spool;
use std::io;

/// Items to delete, in ascending order of their names.
#[derive(Debug, Default)]
pub struct Removed {
    items: Spool<Item>,
    /// A bit for each item that stays after all.
    staying: Vec<u64>,
    stay: u64,
    /// The local directories above the present name that may go, with the numbers of their items.
    open: Vec<(String, u64)>,
}

impl Removed {
    /// Adds an item. Names, also those of [`Removed::occupied`], come in ascending order.
    pub fn push(&mut self, item: &Item) -> io::Result<()> {
        let number = self.items.len();
        self.items.push(item)?;
        if item.is_directory() && matches!(item.origin, Origin::Local(_)) {
            self.close(&item.relative);
            self.open.push((item.relative.clone(), number));
        }
        Ok(())
    }

    /// Something of this name is there or will be: the directories above it stay.
    pub fn occupied(&mut self, relative: &str) {
        self.close(relative);
        for (_, number) in std::mem::take(&mut self.open) {
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
        while self.open.last().is_some_and(|(directory, _)| !relative.starts_with(directory.as_str())) {
            self.open.pop();
        }
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
                    removed.push(&Item::local(name.to_owned(), 1, name.into())).unwrap();
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
}
