//! Local names that could not be read. Their copies at the destination must stay, because the sources may still exist.

use std::collections::HashSet;

/// Which paths are unknown because a name could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Only the name itself: it is a file.
    Name,
    /// Everything below it: it is a directory.
    Below,
    /// Both: it may be a file or a directory.
    Both,
}

/// The set of unreadable names, in the form in which they are compared with the destination.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnreadNames {
    names: HashSet<String>,
    /// Directories, each with a trailing `/`. The empty string is the root of the tree.
    directories: HashSet<String>,
    count: u64,
}

impl UnreadNames {
    /// Adds a name, with or without a trailing slash. The empty name with [`Extent::Below`] stands for the whole tree.
    pub(crate) fn add(&mut self, relative: &str, extent: Extent) {
        self.count += 1;
        let name = relative.strip_suffix('/').unwrap_or(relative);
        if extent != Extent::Below {
            self.names.insert(name.to_owned());
        }
        if extent != Extent::Name {
            self.directories.insert(if name.is_empty() { String::new() } else { format!("{name}/") });
        }
    }

    /// Adds the names of another set.
    pub(crate) fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        self.directories.extend(other.directories);
        self.count += other.count;
    }

    /// Whether the destination's item of that name may be the copy of something that could not be read.
    pub(crate) fn covers(&self, relative: &str) -> bool {
        if self.count == 0 {
            return false;
        }
        let above = relative.match_indices('/').map(|(slash, _)| &relative[..=slash]);
        self.names.contains(relative)
            || std::iter::once("").chain(above).any(|directory| self.directories.contains(directory))
    }

    /// The number of names added.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_below_directories_are_covered() {
        let mut unread = UnreadNames::default();
        assert!(!unread.covers("") && !unread.covers("a"));
        unread.add("a/file", Extent::Name);
        unread.add("a/dir/", Extent::Below);
        unread.add("link", Extent::Both);
        for name in ["a/file", "a/dir/", "a/dir/x", "a/dir/x/y", "link", "link/", "link/x"] {
            assert!(unread.covers(name), "{name}");
        }
        for name in ["a", "a/", "a/file/x", "a/file2", "a/dir", "a/dir2/x", "links", "x/link", ""] {
            assert!(!unread.covers(name), "{name}");
        }
        assert_eq!(unread.count(), 3);
    }

    #[test]
    fn an_unread_root_covers_everything() {
        let mut unread = UnreadNames::default();
        let mut all = UnreadNames::default();
        all.add("", Extent::Below);
        unread.extend(all);
        assert!(unread.covers("a") && unread.covers("a/b") && unread.covers("a/"));
        assert_eq!(unread.count(), 1);
    }
}
