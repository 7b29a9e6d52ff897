//! Which names of a listing an argument selects: below a prefix or matching a wildcard, not excluded by the rules, and
//! in this run's shard.

use crate::commands::shared::context::Context;
use crate::patterns::{Filter, Wildcard};
use crate::shard::Shard;

/// The names that an argument of `ls` or `du` selects.
#[derive(Debug)]
pub(crate) struct NameFilter<'a> {
    prefix: String,
    wildcard: Option<Wildcard>,
    /// Whether the wildcard ends with `/`, and so matches directories.
    ends_with_slash: bool,
    /// Whether to select names on all levels, rather than on one.
    recursive: bool,
    filter: &'a Filter,
    shard: Option<Shard>,
    /// Where the relative names begin that the rules apply to.
    relative: usize,
}

impl<'a> NameFilter<'a> {
    /// Parses the key of an argument: `*` and `?` are wildcards, but a single `*` at the end is just a prefix.
    pub(crate) fn new(cx: &'a Context, key: &str, recursive: bool) -> Self {
        let plain = key.strip_suffix('*').unwrap_or(key);
        let wildcard = Wildcard::new(plain).and_then(|_| Wildcard::new(key));
        let prefix = wildcard.as_ref().map_or(plain, Wildcard::literal_prefix).to_owned();
        let relative = prefix.rfind('/').map_or(0, |slash| slash + 1);
        let filter = &cx.selection.filter;
        let ends_with_slash = key.ends_with('/');
        Self {
            prefix,
            wildcard,
            ends_with_slash,
            recursive,
            filter,
            shard: cx.shard().filter(|_| recursive),
            relative,
        }
    }

    /// The prefix of the listing.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the listing has to continue below the next `/`.
    pub(crate) fn needs_recursion(&self) -> bool {
        self.recursive || self.wildcard.as_ref().is_some_and(Wildcard::needs_recursion)
    }

    /// Whether everything below the prefix is selected.
    pub(crate) fn selects_everything(&self) -> bool {
        self.wildcard.is_none() && self.shard.is_none() && !self.filter.has_patterns()
    }

    /// Whether an object is selected.
    pub(crate) fn selects(&self, key: &str) -> bool {
        let matches_wildcard = match &self.wildcard {
            None => true,
            Some(wildcard) if wildcard.matches(key) => true,
            Some(_) => self.recursive && self.directory(key).is_some(),
        };
        let name = key.get(self.relative..).unwrap_or(key);
        matches_wildcard
            && self.shard.is_none_or(|shard| shard.contains(name))
            && self.filter.excludes(name).is_none()
    }

    /// Whether a common prefix is selected.
    pub(crate) fn selects_prefix(&self, prefix: &str) -> bool {
        let matches_wildcard = self.wildcard.is_none() || self.matches_directory(prefix);
        let name = prefix.get(self.relative..).unwrap_or(prefix);
        matches_wildcard && self.filter.excludes(name).is_none()
    }

    /// Whether the wildcard matches a directory, without the slash at its end.
    fn matches_directory(&self, directory: &str) -> bool {
        let name = directory.strip_suffix('/').unwrap_or(directory);
        let matches = |text| self.wildcard.as_ref().is_some_and(|wildcard| wildcard.matches(text));
        matches(name) || self.ends_with_slash && matches(directory)
    }

    /// The shortest directory above a key that matches the wildcard, if any.
    pub(crate) fn directory<'k>(&self, key: &'k str) -> Option<&'k str> {
        self.wildcard.as_ref()?;
        let ends = key.match_indices('/').map(|(slash, _)| slash + 1);
        ends.map(|end| &key[..end]).find(|directory| self.matches_directory(directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::shared::context::Context;
    use crate::config::Settings;
    use crate::patterns::Syntax;

    fn selected(
        key: &str,
        recursive: bool,
        change: impl FnOnce(&mut Settings),
    ) -> (String, Vec<&'static str>) {
        let mut settings = Settings::default();
        change(&mut settings);
        let cx = Context::new(settings).unwrap();
        let names = NameFilter::new(&cx, key, recursive);
        let all = ["a.txt", "b.dat", "d/a.txt", "d/e/b.txt", "d2/x"];
        let all = all.into_iter().filter(|key| key.starts_with(names.prefix()) && names.selects(key));
        (names.prefix().to_owned(), all.collect())
    }

    #[test]
    fn wildcards_select_names() {
        let plain = |key: &str, recursive| selected(key, recursive, |_| ());
        assert_eq!(plain("d", false), ("d".into(), vec!["d/a.txt", "d/e/b.txt", "d2/x"]));
        assert_eq!(plain("d*", true), ("d".into(), vec!["d/a.txt", "d/e/b.txt", "d2/x"]));
        assert_eq!(plain("*.dat", false), (String::new(), vec!["b.dat"]));
        assert_eq!(plain("*/a.t*", false), (String::new(), vec!["d/a.txt"]));
        assert_eq!(plain("?", true), (String::new(), vec!["d/a.txt", "d/e/b.txt"]));
        assert_eq!(plain("?", false), (String::new(), vec![]));
    }

    #[test]
    fn rules_select_names() {
        let without = |settings: &mut Settings| settings.filter.exclude.add(Syntax::Glob, "*.txt").unwrap();
        assert_eq!(selected("", true, without).1, ["b.dat", "d2/x"]);
        assert_eq!(selected("d/", true, without).1, Vec::<&str>::new());
    }
}
