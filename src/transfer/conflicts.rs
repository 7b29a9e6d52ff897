//! Finds names in a plan that cannot become files because of another name.
//!
//! A name cannot be both a file and a directory: of `a` and `a/b` the second fails, as in s3cmd. The exception is an
//! empty `a`, such as the directory markers of other tools: then `a` fails and the objects below it are fetched. If two
//! names resolve to one path (`a/b`, `a//b`), only the normalised one is written.
//!
//! The names are read in ascending order, at most twice, and never held in memory: all parents of a name are prefixes
//! of it, and these are few.

use super::destination::{Destination, Place};
use super::plan::record::{Fields, Record, put_bytes, put_number};
use super::plan::{Items, SortOrder, SortedSpool, Sorter};
use std::ffi::OsString;
use std::io;
use std::iter::Peekable;

/// Why the item at a position of the plan cannot become a file. If there are several reasons, the greatest one applies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Conflict {
    index: u64,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Another name resolves to the same path.
    SameAs(String),
    /// A parent of the name is a file.
    BelowFile,
    /// The object is empty, and there are names below it.
    Directory,
}

/// A name that is not in normalised form.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UnnormalisedName {
    plain: String,
    index: u64,
    name: String,
}

/// The conflicts of a plan, queried in the order of its items.
#[derive(Debug)]
pub(crate) struct Conflicts(Peekable<Items<Conflict>>);

impl Conflicts {
    /// Finds the conflicts. `names` returns the relative names, without duplicates and in ascending order, with the
    /// sizes of their objects in bytes. It is called once or twice.
    pub(crate) fn find<I>(names: impl Fn() -> I) -> io::Result<Self>
    where
        I: Iterator<Item = io::Result<(String, u64)>>,
    {
        let mut found = Sorter::new(SortOrder { order: Conflict::cmp, same: Conflict::eq });
        let mut unnormalised = Sorter::new(SortOrder {
            order: |a: &UnnormalisedName, b: &UnnormalisedName| (&a.plain, a.index).cmp(&(&b.plain, b.index)),
            same: |_, _| false,
        });
        // Names that are prefixes of the current one: name, position, size, and whether it is already reported as a
        // directory.
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
            if let Some(plain) = normalised(&name) {
                unnormalised.push(UnnormalisedName { plain, index, name: name.clone() })?;
            }
            above.push((name, index, size, false));
        }
        let unnormalised = unnormalised.finish()?;
        if !unnormalised.is_empty() {
            same_places(&unnormalised, names(), &mut found)?;
        }
        Ok(Self(found.finish()?.iter().peekable()))
    }

    /// No conflicts.
    pub(crate) fn none() -> io::Result<Self> {
        Self::find(std::iter::empty)
    }

    /// Why the item at `index` cannot become a file. Must be called with ascending positions.
    pub(crate) fn at(&mut self, index: u64) -> io::Result<Option<String>> {
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

/// The normalised form of a name, or `None` if the name is normalised already or does not become a file.
fn normalised(name: &str) -> Option<String> {
    if name.ends_with('/') || !name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    match Destination::Directory(OsString::new()).target(name) {
        Ok(Place::File(plain)) => Some(plain.to_string_lossy().into_owned()),
        _ => None,
    }
}

/// Of the names for one path, keeps the normalised one or else the first.
fn same_places(
    unnormalised: &SortedSpool<UnnormalisedName>,
    names: impl Iterator<Item = io::Result<(String, u64)>>,
    found: &mut Sorter<Conflict>,
) -> io::Result<()> {
    let mut names = names.peekable();
    let mut first: Option<(String, String)> = None;
    for unnormalised in unnormalised.iter() {
        let unnormalised = unnormalised?;
        if first.as_ref().is_none_or(|(plain, _)| *plain != unnormalised.plain) {
            first = None;
            // An error stops this loop and is returned below.
            while names.next_if(|next| matches!(next, Ok((name, _)) if *name < unnormalised.plain)).is_some()
            {
            }
            match names.peek() {
                Some(Ok((name, _))) if *name == unnormalised.plain => {
                    first = Some((unnormalised.plain.clone(), unnormalised.plain.clone()));
                }
                Some(Err(_)) => return names.next().map_or(Ok(()), |next| next.map(drop)),
                _ => {}
            }
        }
        match &first {
            Some((_, name)) => {
                found.push(Conflict { index: unnormalised.index, why: Why::SameAs(name.clone()) })?;
            }
            None => first = Some((unnormalised.plain, unnormalised.name)),
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

impl Record for UnnormalisedName {
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

    /// A direct implementation of the rules, with all names in memory.
    fn model(names: &[(&str, u64)]) -> Vec<Option<String>> {
        let position = |name: &str| names.binary_search_by(|(other, _)| (*other).cmp(name)).ok();
        let mut found = HashMap::new();
        let mut unnormalised: HashMap<String, usize> = HashMap::new();
        for (index, (name, _)) in names.iter().enumerate() {
            if let Some(plain) = normalised(name) {
                if let Some(same) = position(&plain).or_else(|| unnormalised.get(&plain).copied()) {
                    found.insert(index, format!("it is the same file as that of '{}'", names[same].0));
                }
                unnormalised.entry(plain).or_insert(index);
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
    fn conflicting_names_are_found() {
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
        fn the_streamed_rules_match_the_model(
            names in proptest::collection::btree_map("[ab./-]{0,6}", 0..2u64, 0..40)
        ) {
            let names: BTreeMap<String, u64> = names;
            let names: Vec<(&str, u64)> = names.iter().map(|(name, size)| (name.as_str(), *size)).collect();
            prop_assert_eq!(conflicts(&names), model(&names));
        }
    }
}
