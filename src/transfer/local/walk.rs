//! The files of a tree in the order of the keys that they have in a store, one after the other.
//!
//! A listing comes in ascending order of the bytes of its keys. A walk in the same order can be compared with it while
//! both go on, without holding either. In that order a directory stands where its name with a `/` behind it stands:
//! `a-b`, then what is in `a/`, then `a0`. Of each directory on the way down only the names are held.

use crate::output::reason;
use crate::patterns::Filter;
use crate::transfer::download::{is_unfinished, remove_left};
use crate::transfer::unread::{Extent, UnreadNames};
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::io;
use std::path::{Component, Path, PathBuf};

/// How trees are walked.
#[derive(Clone, Debug, Default)]
pub struct WalkOptions {
    /// Follow symbolic links; without, they are skipped with a warning.
    pub follow_symlinks: bool,
    /// Make entries of directories too, each before what is in it.
    pub directories: bool,
    /// Keep control characters in names.
    pub verbatim: bool,
    /// The rules by which directories are not walked into; `None` walks into all.
    pub prune: Option<Filter>,
    /// Do not ask for the sizes of files.
    pub names_only: bool,
    /// The tree is a destination, whose odd inhabitants are nobody's fault: links to files are entries too, marked as
    /// links, and what is no entry is not warned about.
    pub destination: bool,
    /// Remove what a download that was killed in its last moment left beside a complete file.
    pub tidy: bool,
}

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path as it is opened and printed: it begins as the argument did.
    pub path: PathBuf,
    /// The name in the comparison, with `/` between its parts; a directory's ends with `/`.
    pub relative: String,
    /// Length in bytes; 0 for a directory, and where sizes were not asked for.
    pub size: u64,
    /// Whether it is a symbolic link that was not to be followed; in a destination also a link to a directory, and what is
    /// behind one: it is somewhere else.
    pub link: bool,
}

/// A walk through one tree. Ends early only with the tree; what cannot be read is warned about and noted.
#[derive(Debug)]
pub struct Walk {
    options: WalkOptions,
    levels: Vec<Level>,
    /// Entries that are neither files nor directories below this one: a source that is a file.
    single: Option<Entry>,
    /// Files whose names cannot be keys.
    unusable: u64,
    /// What could not be looked at.
    unread: UnreadNames,
}

#[derive(Debug)]
struct Level {
    path: PathBuf,
    prefix: String,
    /// Control characters that were replaced in the prefix.
    replaced: usize,
    /// What is still to come, the next one last.
    names: Vec<Name>,
    /// The real place of the directory, where links are followed and could lead back.
    real: Option<PathBuf>,
    /// Whether the way from the root of a destination leads through a link.
    linked: bool,
}

#[derive(Debug)]
struct Name {
    /// The name in a key; a directory's ends with `/`.
    key: String,
    file: OsString,
    kind: Kind,
}

/// What the directory says that an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    /// Also a link to one, where links are followed.
    Directory,
    Link,
    /// A device, a socket, a pipe.
    Special,
}

impl Kind {
    fn of(kind: FileType) -> Self {
        match kind {
            _ if kind.is_symlink() => Kind::Link,
            _ if kind.is_dir() => Kind::Directory,
            _ if kind.is_file() => Kind::File,
            _ => Kind::Special,
        }
    }
}

impl Walk {
    /// Walks through a directory; `prefix`, which is empty or ends with `/`, stands before all names.
    pub fn directory(path: &Path, prefix: &str, options: WalkOptions) -> Self {
        let mut walk = Self::empty(options);
        let replaced = walk.replaced_in(path, prefix);
        walk.enter(path.to_owned(), prefix.to_owned(), replaced);
        walk
    }

    /// A single file with that name.
    pub fn file(path: &Path, relative: &str, options: WalkOptions) -> Self {
        let mut walk = Self::empty(options);
        if !walk.options.destination && path.is_dir() {
            // Named in a list: s3cmd says the same of a link to one.
            walk.no_file(path);
            return walk;
        }
        walk.single = match std::fs::symlink_metadata(path) {
            Ok(metadata) => {
                let replaced = walk.replaced_in(path, relative);
                walk.entry(path.to_owned(), relative.to_owned(), replaced, Kind::of(metadata.file_type()))
            }
            // There may be nothing yet where something is to go.
            Err(error) if walk.options.destination && is_missing(&error) => None,
            Err(error) => {
                walk.unread(path, relative, Extent::Name, &error);
                None
            }
        };
        walk
    }

    fn empty(options: WalkOptions) -> Self {
        Self { options, levels: Vec::new(), single: None, unusable: 0, unread: UnreadNames::default() }
    }

    /// Files so far whose names cannot be keys; each was warned about.
    pub fn unusable(&self) -> u64 {
        self.unusable
    }

    /// The names so far of what could not be read; each was warned about.
    pub fn unread_names(&self) -> &UnreadNames {
        &self.unread
    }

    /// Whether something in the directory that is walked through is not in the destination itself but behind a link.
    fn is_linked(&self, path: &Path) -> bool {
        let follows = self.options.destination && self.options.follow_symlinks;
        follows && self.levels.last().is_some_and(|level| level.linked || path.is_symlink())
    }

    fn enter(&mut self, path: PathBuf, prefix: String, replaced: usize) {
        let mut real = None;
        if self.options.follow_symlinks {
            let place = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            if self.levels.iter().any(|level| level.real.as_ref() == Some(&place)) {
                log::warn!(
                    "Skipping over symbolic link that leads back to its own directory: {}",
                    path.display()
                );
                return;
            }
            real = Some(place);
        }
        let mut names = Vec::new();
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) => return self.unread(&path, &prefix, Extent::Below, &error),
        };
        for entry in entries {
            match entry {
                Ok(entry) if is_unfinished(&path, &entry.file_name()) => {
                    if self.options.tidy {
                        remove_left(&entry.path());
                    }
                }
                Ok(entry) => names.extend(self.name(&path, &prefix, &entry)),
                Err(error) => self.unread(&path, &prefix, Extent::Below, &error),
            }
        }
        names.sort_unstable_by(|a, b| b.key.cmp(&a.key));
        let linked = self.is_linked(&path);
        self.levels.push(Level { path, prefix, replaced, names, real, linked });
    }

    fn name(&mut self, parent: &Path, prefix: &str, entry: &std::fs::DirEntry) -> Option<Name> {
        let file = entry.file_name();
        let path = || parent.join(&file);
        let Some(mut key) = key_name(&file, self.options.verbatim) else {
            let level = self.level();
            log::log!(
                level,
                "Skipping over {}: the name is not UTF-8, and a key has to be",
                path().display()
            );
            self.unusable += 1;
            return None;
        };
        let mut kind = match entry.file_type() {
            Ok(kind) => Kind::of(kind),
            Err(error) => {
                self.unread(&path(), &format!("{prefix}{key}"), Extent::Both, &error);
                return None;
            }
        };
        if kind == Kind::Link && self.options.follow_symlinks && path().is_dir() {
            kind = Kind::Directory;
        }
        if kind == Kind::Directory {
            key.push('/');
        }
        Some(Name { key, file, kind })
    }

    /// Looks at what is no directory.
    fn entry(&mut self, path: PathBuf, relative: String, replaced: usize, kind: Kind) -> Option<Entry> {
        let link = kind == Kind::Link && !self.options.follow_symlinks;
        let size = match kind {
            Kind::File if self.options.names_only => 0,
            Kind::Special | Kind::Directory => {
                self.no_file(&path);
                return None;
            }
            Kind::File | Kind::Link => match std::fs::metadata(&path) {
                Ok(target) if link && !self.options.destination => {
                    self.skipped_link(&path, target.file_type());
                    return None;
                }
                Ok(target) if target.is_file() => target.len(),
                // It was no directory when its name was read: what is in it has not been looked at.
                Ok(target) if target.is_dir() && !link => {
                    let error = io::Error::other("it changed while it was read");
                    self.unread(&path, &relative, Extent::Both, &error);
                    return None;
                }
                Ok(_) => {
                    if !link {
                        self.no_file(&path);
                    }
                    return None;
                }
                // A link that leads nowhere is skipped without a word where links are not followed, as s3cmd does.
                Err(_) if link || kind == Kind::Link && self.options.destination => return None,
                // It was there when the directory was read.
                Err(error) if kind == Kind::File && is_missing(&error) => return None,
                // What it leads to may be away for a while: a file, or a directory.
                Err(error) => {
                    let extent = if kind == Kind::Link { Extent::Both } else { Extent::Name };
                    self.unread(&path, &relative, extent, &error);
                    return None;
                }
            },
        };
        warn_replaced(&relative, replaced);
        Some(Entry { path, relative, size, link })
    }

    /// Speaks of a link that is not followed as s3cmd does: of one to a directory only where directories are sent.
    fn skipped_link(&self, path: &Path, target: FileType) {
        if !(target.is_file() || target.is_dir()) {
            return self.no_file(path);
        }
        let spoken_of = target.is_file() || self.options.directories;
        let level = if spoken_of { log::Level::Warn } else { log::Level::Info };
        log::log!(level, "Skipping over symbolic link: {}", path.display());
    }

    fn no_file(&self, path: &Path) {
        log::log!(self.level(), "Skipping over non regular file: {}", path.display());
    }

    /// How loudly to speak of what cannot be an entry.
    fn level(&self) -> log::Level {
        if self.options.destination { log::Level::Info } else { log::Level::Warn }
    }

    fn unread(&mut self, path: &Path, relative: &str, extent: Extent, error: &io::Error) {
        log::warn!("Skipping over {}: {}", path.display(), reason(error));
        self.unread.add(relative, extent);
    }

    /// Control characters in as many of the last names of a path as there are in a relative name, which has carets in
    /// their place.
    fn replaced_in(&self, path: &Path, relative: &str) -> usize {
        if self.options.verbatim {
            return 0;
        }
        let names = relative.split('/').filter(|name| !name.is_empty()).count();
        let parts = path.components().rev().filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        });
        parts.take(names).map(control_characters).sum()
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if let Some(single) = self.single.take() {
            return Some(single);
        }
        loop {
            let level = self.levels.last_mut()?;
            let Some(name) = level.names.pop() else {
                self.levels.pop();
                continue;
            };
            let path = level.path.join(&name.file);
            let relative = format!("{}{}", level.prefix, name.key);
            let own =
                if self.options.verbatim { 0 } else { name.file.to_str().map_or(0, control_characters) };
            let replaced = level.replaced + own;
            let linked = level.linked;
            if name.kind != Kind::Directory {
                if let Some(mut entry) = self.entry(path, relative, replaced, name.kind) {
                    entry.link |= linked;
                    return Some(entry);
                }
                continue;
            }
            if let Some(filter) = &self.options.prune {
                // As it is printed: with carets.
                let shown = key_name(path.as_os_str(), self.options.verbatim);
                let shown = shown.unwrap_or_else(|| path.to_string_lossy().into_owned());
                if filter.prunes_walk(&(shown + "/")) {
                    continue;
                }
            }
            let link = self.is_linked(&path);
            self.enter(path.clone(), relative.clone(), replaced);
            if self.options.directories {
                if !self.options.destination {
                    warn_replaced(relative.trim_end_matches('/'), replaced);
                }
                return Some(Entry { path, relative, size: 0, link });
            }
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A file's name as part of a key, with carets for control characters unless they are to be kept; `None` where it cannot
/// be one.
pub fn key_name(name: &OsStr, verbatim: bool) -> Option<String> {
    let name = name.to_str()?;
    Some(if verbatim { name.to_owned() } else { in_carets(name).0 })
}

/// The name with `^@` ... `^_` and `^?` for its control characters, and how many those are.
pub(crate) fn in_carets(name: &str) -> (String, usize) {
    let mut out = String::with_capacity(name.len());
    let mut count = 0;
    for c in name.chars() {
        match u32::from(c) {
            code @ (0..32 | 127) => {
                count += 1;
                out.push('^');
                out.extend(char::from_u32(code ^ 64));
            }
            _ => out.push(c),
        }
    }
    (out, count)
}

fn control_characters(name: &str) -> usize {
    name.bytes().filter(|byte| matches!(byte, 0..32 | 127)).count()
}

/// s3cmd's warning, once a file, with its whole name below the destination.
fn warn_replaced(relative: &str, count: usize) {
    if count > 0 {
        log::warn!("{count} non-printable characters replaced in: {relative}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::Syntax;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name.ends_with('/') {
                std::fs::create_dir_all(path).unwrap();
            } else {
                std::fs::write(path, name).unwrap();
            }
        }
        root
    }

    fn names(root: &Path, options: WalkOptions) -> Vec<String> {
        Walk::directory(root, "", options).map(|entry| entry.relative).collect()
    }

    #[test]
    fn the_order_is_that_of_keys() {
        let root = tree(&["a/b", "a-b", "a0", "a/b-c/d", "a/b.x", "z", "é", "A", "a\u{1}/x", "e/"]);
        let found = names(root.path(), WalkOptions::default());
        assert_eq!(found, ["A", "a-b", "a/b", "a/b-c/d", "a/b.x", "a0", "a^A/x", "z", "é"]);
        let with_directories = names(root.path(), WalkOptions { directories: true, ..Default::default() });
        let mut sorted = with_directories.clone();
        sorted.sort();
        assert_eq!(with_directories, sorted);
        assert!(
            with_directories.contains(&"e/".to_owned()) && with_directories.contains(&"a/b-c/".to_owned())
        );
    }

    #[test]
    fn sizes_and_prefixes_come_with_the_names() {
        let root = tree(&["d/file"]);
        let walk = Walk::directory(&root.path().join("d"), "d/", WalkOptions::default());
        let entries: Vec<_> = walk.collect();
        assert_eq!((entries[0].relative.as_str(), entries[0].size), ("d/file", 6));
        let walk = Walk::file(&root.path().join("d/file"), "name", WalkOptions::default());
        assert_eq!(walk.map(|entry| entry.relative).collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn pruned_directories_are_not_entered() {
        let root = tree(&["sub/x", "src/sub/y", "src/z"]);
        let mut filter = Filter::default();
        filter.exclude.add(Syntax::Glob, "src/sub/").unwrap();
        let options = WalkOptions { prune: Some(filter), ..Default::default() };
        assert_eq!(names(root.path(), options), ["src/z", "sub/x"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_skipped_followed_or_shown_and_loops_end() {
        let root = tree(&["dir/f", "dir/sub/g"]);
        let dir = root.path().join("dir");
        std::os::unix::fs::symlink("f", dir.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.join("dangling")).unwrap();
        std::os::unix::fs::symlink("..", dir.join("sub/up")).unwrap();
        assert_eq!(names(&dir, WalkOptions::default()), ["f", "sub/g"]);
        let followed = WalkOptions { follow_symlinks: true, ..Default::default() };
        assert_eq!(names(&dir, followed), ["f", "link", "sub/g"]);
        let shown = Walk::directory(&dir, "", WalkOptions { destination: true, ..Default::default() });
        let links: Vec<_> = shown.filter(|entry| entry.link).map(|entry| entry.relative).collect();
        assert_eq!(links, ["link"]);
    }

    proptest::proptest! {
        /// Whatever the names, the walk gives every file once and in ascending order.
        #[test]
        fn any_tree_comes_in_order(names in proptest::collection::btree_set("[a-c./é-]{1,3}(/[a-b0-]{1,2}){0,2}", 1..12)) {
            let root = tempfile::tempdir().unwrap();
            let mut made = Vec::new();
            for name in names {
                let plain = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
                let path = root.path().join(&name);
                if plain && std::fs::create_dir_all(path.parent().unwrap()).is_ok() && std::fs::write(path, "x").is_ok() {
                    made.push(name);
                }
            }
            made.sort();
            let found: Vec<_> = Walk::directory(root.path(), "", WalkOptions::default()).map(|entry| entry.relative).collect();
            proptest::prop_assert_eq!(found, made);
        }
    }
}
