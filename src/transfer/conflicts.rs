//! Which names of a plan cannot become files because of another one.
//!
//! A file cannot be a directory as well: of `a` and `a/b` the second fails, as in s3cmd, unless `a` is empty, as the
//! directory markers of other tools are: then `a` fails and what lies below it is fetched. And of two names for one
//! place (`a/b`, `a//b`) only the plain one is written.
//!
//! The names are read in ascending order, twice at most, and never held: those above a name are all among the names that
//! it begins with, which are few.

use super::destination::{Destination, Place};
use super::plan::record::{Fields, Record, put_bytes, put_number};
use super::plan::{Items, SortOrder, SortedSpool, Sorter};
use std::ffi::OsString;
use std::io;
use std::iter::Peekable;

/// Why an item of a plan, by its position, cannot become a file. Of several reasons the greatest holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Conflict {
    index: u64,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Another name is for the same place.
    SameAs(String),
    /// A name above it is a file.
    BelowFile,
    /// It is empty, and there are names below it.
    Directory,
}

/// A name that is not the plain one for its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Odd {
    plain: String,
    index: u64,
    name: String,
}

/// The conflicts of a plan, asked for in the order of its items.
#[derive(Debug)]
pub struct Conflicts(Peekable<Items<Conflict>>);

impl Conflicts {
    /// Looks for conflicts. `names` gives the relative names, each once and in ascending order, with the sizes of their
    /// objects; it is called once or twice.
    pub fn find<I>(names: impl Fn() -> I) -> io::Result<Self>
    where
        I: Iterator<Item = io::Result<(String, u64)>>,
    {
        let mut found = Sorter::new(SortOrder { order: Conflict::cmp, same: Conflict::eq });
        let mut odd = Sorter::new(SortOrder {
            order: |a: &Odd, b: &Odd| (&a.plain, a.index).cmp(&(&b.plain, b.index)),
            same: |_, _| false,
        });
        // Names that the current one begins with, with what is known of them.
        let mut above: Vec<(String, u64, u64, bool)> = Vec::new();
        for (index, named) in (0..).zip(names()) {
            let (name, size) = named?;
            while above.last().is_some_and(|(above, ..)| !name.starts_with(above)) {
                above.pop();
            }
            for (file, file_index, file_size, is_known) in &mut above {
                if name.as_bytes().get(file.len()) != Some(&b'/') {
                    continue;
                }
                if *file_size > 0 {
                    found.push(Conflict { index, why: Why::BelowFile })?;
                } else if !std::mem::replace(is_known, true) {
                    found.push(Conflict { index: *file_index, why: Why::Directory })?;
                }
            }
            if let Some(plain) = plain_of(&name) {
                odd.push(Odd { plain, index, name: name.clone() })?;
            }
            above.push((name, index, size, false));
        }
        let odd = odd.finish()?;
        if !odd.is_empty() {
            same_places(&odd, names(), &mut found)?;
        }
        Ok(Self(found.finish()?.iter().peekable()))
    }

    /// No conflicts.
    pub fn none() -> io::Result<Self> {
        Self::find(std::iter::empty)
    }

    /// Why the item at `index` cannot become a file; positions are asked about in ascending order.
    pub fn at(&mut self, index: u64) -> io::Result<Option<String>> {
        let mut why = None;
        loop {
            match self.0.next_if(|next| next.as_ref().map_or(true, |conflict| conflict.index <= index)) {
                None => break,
                Some(Ok(conflict)) if conflict.index < index => {}
                Some(Ok(conflict)) => why = Some(conflict.why),
                Some(Err(error)) => return Err(error),
            }
        }
        Ok(why.map(|why| match why {
            Why::SameAs(name) => format!("it is the same file as that of '{name}'"),
            Why::BelowFile => "Not a directory".to_owned(),
            Why::Directory => "Is a directory".to_owned(),
        }))
    }
}

/// The plain name of the place of a name that is not plain itself.
fn plain_of(name: &str) -> Option<String> {
    if name.ends_with('/') || !name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    match Destination::Directory(OsString::new()).target(name) {
        Ok(Place::File(plain)) => Some(plain.to_string_lossy().into_owned()),
        _ => None,
    }
}

/// Of the names for one place the plain one is written, or else the first.
fn same_places(
    odd: &SortedSpool<Odd>,
    names: impl Iterator<Item = io::Result<(String, u64)>>,
    found: &mut Sorter<Conflict>,
) -> io::Result<()> {
    let mut names = names.peekable();
    let mut first: Option<(String, String)> = None;
    for odd in odd.iter() {
        let odd = odd?;
        if first.as_ref().is_none_or(|(plain, _)| *plain != odd.plain) {
            first = None;
            // What cannot be read stays in the way and is found below.
            while names.next_if(|next| matches!(next, Ok((name, _)) if *name < odd.plain)).is_some() {}
            match names.peek() {
                Some(Ok((name, _))) if *name == odd.plain => {
                    first = Some((odd.plain.clone(), odd.plain.clone()));
                }
                Some(Err(_)) => return names.next().map_or(Ok(()), |next| next.map(drop)),
                _ => {}
            }
        }
        match &first {
            Some((_, name)) => {
                found.push(Conflict { index: odd.index, why: Why::SameAs(name.clone()) })?;
            }
            None => first = Some((odd.plain, odd.name)),
        }
    }
    Ok(())
}

impl Record for Conflict {
    fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.index);
        let (kind, name) = match &self.why {
            Why::SameAs(name) => (0, name.as_str()),
            Why::BelowFile => (1, ""),
            Why::Directory => (2, ""),
        };
        put_number(out, kind);
        put_bytes(out, name.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (index, kind, name) = (fields.number()?, fields.number()?, fields.text()?);
        let why = match kind {
            0 => Why::SameAs(name.to_owned()),
            1 => Why::BelowFile,
            2 => Why::Directory,
            _ => return None,
        };
        Some(Self { index, why })
    }
}

impl Record for Odd {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.plain.as_bytes());
        put_number(out, self.index);
        put_bytes(out, self.name.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (plain, index, name) = (fields.text()?, fields.number()?, fields.text()?);
        Some(Self { plain: plain.to_owned(), index, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, HashMap};

    fn conflicts(names: &[(&str, u64)]) -> Vec<Option<String>> {
        let mut found =
            Conflicts::find(|| names.iter().map(|(name, size)| Ok(((*name).to_owned(), *size)))).unwrap();
        (0..names.len() as u64).map(|index| found.at(index).unwrap()).collect()
    }

    /// The rules said plainly, with every name at hand.
    fn model(names: &[(&str, u64)]) -> Vec<Option<String>> {
        let position = |name: &str| names.binary_search_by(|(other, _)| (*other).cmp(name)).ok();
        let mut found = HashMap::new();
        let mut odd: HashMap<String, usize> = HashMap::new();
        for (index, (name, _)) in names.iter().enumerate() {
            if let Some(plain) = plain_of(name) {
                if let Some(same) = position(&plain).or_else(|| odd.get(&plain).copied()) {
                    found.insert(index, format!("it is the same file as that of '{}'", names[same].0));
                }
                odd.entry(plain).or_insert(index);
            }
            for (slash, _) in name.match_indices('/') {
                match position(&name[..slash]) {
                    Some(file) if names[file].1 == 0 => {
                        found.insert(file, "Is a directory".to_owned());
                    }
                    Some(_) => {
                        found.insert(index, "Not a directory".to_owned());
                    }
                    None => {}
                }
            }
        }
        (0..names.len()).map(|index| found.remove(&index)).collect()
    }

    #[test]
    fn names_in_each_others_way_are_found() {
        let names = [
            ("/b", 1),
            ("a", 5),
            ("a-b", 1),
            ("a/b", 1),
            ("b", 1),
            ("m", 0),
            ("m/x", 1),
            ("z/", 0),
            ("z/y", 1),
        ];
        let found = conflicts(&names);
        let named: Vec<_> =
            names.iter().zip(&found).filter(|(_, why)| why.is_some()).map(|(n, _)| n.0).collect();
        assert_eq!(named, ["/b", "a/b", "m"]);
        assert!(conflicts(&[("x/./y", 1), ("x//y", 1)])[1].is_some());
    }

    proptest! {
        #[test]
        fn the_streamed_rules_are_the_plain_ones(
            names in proptest::collection::btree_map("[ab./-]{0,6}", 0..2u64, 0..40)
        ) {
            let names: BTreeMap<String, u64> = names;
            let names: Vec<(&str, u64)> = names.iter().map(|(name, size)| (name.as_str(), *size)).collect();
            prop_assert_eq!(conflicts(&names), model(&names));
        }
    }
}
