//! Which names of a listing are meant: below a prefix or by a wildcard, without what the rules leave out, and of this run's
//! share.

use crate::commands::shared::context::Context;
use crate::patterns::{Filter, Wildcard};
use crate::shard::Shard;

/// What `ls` and `du` mean by an argument.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    prefix: String,
    wildcard: Option<Wildcard>,
    /// Whether the wildcard ends with `/`, and so means directories.
    ends_with_slash: bool,
    /// Every name below what is meant, rather than those of one level.
    recursive: bool,
    filter: &'a Filter,
    shard: Option<Shard>,
    /// Where relative names begin, which the rules are about.
    relative: usize,
}

impl<'a> Names<'a> {
    /// Reads the key of an argument: `*` and `?` are wildcards, a `*` at the end alone is what a prefix is anyway.
    pub(crate) fn new(cx: &'a Context, key: &str, recursive: bool) -> Self {
        let plain = key.strip_suffix('*').unwrap_or(key);
        let wildcard = Wildcard::new(plain).and_then(|_| Wildcard::new(key));
        let prefix = wildcard.as_ref().map_or(plain, Wildcard::literal_prefix).to_owned();
        let relative = prefix.rfind('/').map_or(0, |slash| slash + 1);
        let filter = &cx.settings.filter;
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

    /// What the listing begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the listing goes below the next `/`.
    pub(crate) fn is_deep(&self) -> bool {
        self.recursive || self.wildcard.as_ref().is_some_and(Wildcard::needs_recursion)
    }

    /// Whether everything below the prefix is meant.
    pub(crate) fn are_all(&self) -> bool {
        self.wildcard.is_none() && self.shard.is_none() && !self.filter.has_patterns()
    }

    /// Whether an object is meant.
    pub(crate) fn take(&self, key: &str) -> bool {
        let by_wildcard = match &self.wildcard {
            None => true,
            Some(wildcard) if wildcard.matches(key) => true,
            Some(_) => self.recursive && self.directory(key).is_some(),
        };
        let name = key.get(self.relative..).unwrap_or(key);
        by_wildcard
            && self.shard.is_none_or(|shard| shard.contains(name))
            && self.filter.excludes(name).is_none()
    }

    /// Whether a common prefix is meant.
    pub(crate) fn take_prefix(&self, prefix: &str) -> bool {
        let by_wildcard = self.wildcard.is_none() || self.means_directory(prefix);
        let name = prefix.get(self.relative..).unwrap_or(prefix);
        by_wildcard && self.filter.excludes(name).is_none()
    }

    /// Whether the wildcard means a directory, by its name without the slash at its end.
    fn means_directory(&self, directory: &str) -> bool {
        let name = directory.strip_suffix('/').unwrap_or(directory);
        let matches = |text| self.wildcard.as_ref().is_some_and(|wildcard| wildcard.matches(text));
        matches(name) || self.ends_with_slash && matches(directory)
    }

    /// The directory above a key that a wildcard means, if one is: the shortest.
    pub(crate) fn directory<'k>(&self, key: &'k str) -> Option<&'k str> {
        self.wildcard.as_ref()?;
        let ends = key.match_indices('/').map(|(slash, _)| slash + 1);
        ends.map(|end| &key[..end]).find(|directory| self.means_directory(directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::shared::context::Context;
    use crate::config::Settings;
    use crate::patterns::Syntax;

    fn taken(key: &str, recursive: bool, change: impl FnOnce(&mut Settings)) -> (String, Vec<&'static str>) {
        let mut settings = Settings::default();
        change(&mut settings);
        let cx = Context::new(settings);
        let names = Names::new(&cx, key, recursive);
        let all = ["a.txt", "b.dat", "d/a.txt", "d/e/b.txt", "d2/x"];
        let all = all.into_iter().filter(|key| key.starts_with(names.prefix()) && names.take(key));
        (names.prefix().to_owned(), all.collect())
    }

    #[test]
    fn wildcards_choose_names() {
        let plain = |key: &str, recursive| taken(key, recursive, |_| ());
        assert_eq!(plain("d", false), ("d".into(), vec!["d/a.txt", "d/e/b.txt", "d2/x"]));
        assert_eq!(plain("d*", true), ("d".into(), vec!["d/a.txt", "d/e/b.txt", "d2/x"]));
        assert_eq!(plain("*.dat", false), (String::new(), vec!["b.dat"]));
        assert_eq!(plain("*/a.t*", false), (String::new(), vec!["d/a.txt"]));
        assert_eq!(plain("?", true), (String::new(), vec!["d/a.txt", "d/e/b.txt"]));
        assert_eq!(plain("?", false), (String::new(), vec![]));
    }

    #[test]
    fn rules_choose_names() {
        let without = |settings: &mut Settings| settings.filter.exclude.add(Syntax::Glob, "*.txt").unwrap();
        assert_eq!(taken("", true, without).1, ["b.dat", "d2/x"]);
        assert_eq!(taken("d/", true, without).1, Vec::<&str>::new());
    }
}
