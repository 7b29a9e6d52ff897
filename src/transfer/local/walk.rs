//! Walks the files of a tree in the order of their keys.
//!
//! A listing is sorted by the bytes of its keys. A walk in the same order can be compared with it as a stream, with
//! neither held in memory. In that order a directory sorts by its name with a trailing `/`: `a-b`, then the contents of
//! `a/`, then `a0`. Only the names in the directories on the current path are held in memory.

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
    /// Follow symbolic links. Without it, they are skipped with a warning.
    pub follow_symlinks: bool,
    /// Return entries for directories too, each before its contents.
    pub directories: bool,
    /// Keep control characters in names.
    pub verbatim: bool,
    /// Rules that exclude directories from the walk. `None` walks into all of them.
    pub prune: Option<Filter>,
    /// Do not read the sizes of files.
    pub names_only: bool,
    /// The tree is a destination. Links to files are entries too, marked as links, and unsuitable files cause no
    /// warnings, because the run does not depend on them.
    pub destination: bool,
    /// Remove temporary files of downloads that were killed just before they finished.
    pub tidy: bool,
}

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path to open and to print. It begins with the argument.
    pub path: PathBuf,
    /// The name for the comparison, with `/` as the separator. The name of a directory ends with `/`.
    pub relative: String,
    /// Length in bytes. 0 for a directory, and with [`WalkOptions::names_only`].
    pub size: u64,
    /// Whether this is a symbolic link that must not be followed. In a destination, also a link to a directory and
    /// everything below one, because it is located elsewhere.
    pub link: bool,
}

/// A walk through one tree. Paths that cannot be read cause a warning and are recorded; they do not end the walk.
#[derive(Debug)]
pub struct Walk {
    options: WalkOptions,
    levels: Vec<Level>,
    /// The entry of a source that is a file.
    single: Option<Entry>,
    /// The number of files whose names cannot be keys.
    unusable: u64,
    /// Names that could not be read.
    unread: UnreadNames,
}

#[derive(Debug)]
struct Level {
    path: PathBuf,
    prefix: String,
    /// The number of replaced control characters in the prefix.
    replaced: usize,
    /// The remaining names in reverse order.
    names: Vec<Name>,
    /// The canonical path, if links are followed and could lead back.
    real: Option<PathBuf>,
    /// Whether the path from the root of a destination contains a link.
    linked: bool,
}

#[derive(Debug)]
struct Name {
    /// The name in the key. The name of a directory ends with `/`.
    key: String,
    file: OsString,
    kind: Kind,
}

/// The type of a directory entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    /// Also a link to one, if links are followed.
    Directory,
    Link,
    /// A device, socket or pipe.
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
    /// Walks through a directory. `prefix`, which is empty or ends with `/`, is prepended to all names.
    pub fn directory(path: &Path, prefix: &str, options: WalkOptions) -> Self {
        let mut walk = Self::empty(options);
        let replaced = walk.replaced_in(path, prefix);
        walk.enter(path.to_owned(), prefix.to_owned(), replaced);
        walk
    }

    /// Walks a single file with the name `relative`.
    pub fn file(path: &Path, relative: &str, options: WalkOptions) -> Self {
        let mut walk = Self::empty(options);
        if !walk.options.destination && path.is_dir() {
            // Named in a list. s3cmd prints the same for a link to a directory.
            walk.skip_special(path);
            return walk;
        }
        walk.single = match std::fs::symlink_metadata(path) {
            Ok(metadata) => {
                let replaced = walk.replaced_in(path, relative);
                walk.entry(path.to_owned(), relative.to_owned(), replaced, Kind::of(metadata.file_type()))
            }
            // The destination may not exist yet.
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

    /// The number of files so far whose names cannot be keys. Each caused a warning.
    pub fn unusable(&self) -> u64 {
        self.unusable
    }

    /// The names so far that could not be read. Each caused a warning.
    pub fn unread_names(&self) -> &UnreadNames {
        &self.unread
    }

    /// Whether a path in the current directory is reached through a link, so that it is outside the destination.
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

    /// Returns the entry of a path that is not a directory, if it is a suitable file.
    fn entry(&mut self, path: PathBuf, relative: String, replaced: usize, kind: Kind) -> Option<Entry> {
        let link = kind == Kind::Link && !self.options.follow_symlinks;
        let size = match kind {
            Kind::File if self.options.names_only => 0,
            Kind::Special | Kind::Directory => {
                self.skip_special(&path);
                return None;
            }
            Kind::File | Kind::Link => match std::fs::metadata(&path) {
                Ok(target) if link && !self.options.destination => {
                    self.skipped_link(&path, target.file_type());
                    return None;
                }
                Ok(target) if target.is_file() => target.len(),
                // It was not a directory when its parent was read, so its contents were not walked.
                Ok(target) if target.is_dir() && !link => {
                    let error = io::Error::other("it changed while it was read");
                    self.unread(&path, &relative, Extent::Both, &error);
                    return None;
                }
                Ok(_) => {
                    if !link {
                        self.skip_special(&path);
                    }
                    return None;
                }
                // A dangling link is skipped silently if links are not followed, as in s3cmd.
                Err(_) if link || kind == Kind::Link && self.options.destination => return None,
                // It was deleted after its directory was read.
                Err(error) if kind == Kind::File && is_missing(&error) => return None,
                // The target, a file or a directory, may be temporarily unavailable.
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

    /// Reports a link that is not followed, as s3cmd does: a link to a directory causes a warning only if directories
    /// are uploaded.
    fn skipped_link(&self, path: &Path, target: FileType) {
        if !(target.is_file() || target.is_dir()) {
            return self.skip_special(path);
        }
        let is_warning = target.is_file() || self.options.directories;
        let level = if is_warning { log::Level::Warn } else { log::Level::Info };
        log::log!(level, "Skipping over symbolic link: {}", path.display());
    }

    fn skip_special(&self, path: &Path) {
        log::log!(self.level(), "Skipping over non regular file: {}", path.display());
    }

    /// The log level for files that cannot be entries.
    fn level(&self) -> log::Level {
        if self.options.destination { log::Level::Info } else { log::Level::Warn }
    }

    fn unread(&mut self, path: &Path, relative: &str, extent: Extent, error: &io::Error) {
        log::warn!("Skipping over {}: {}", path.display(), reason(error));
        self.unread.add(relative, extent);
    }

    /// The number of control characters in the last components of `path`: as many components as `relative` has, in
    /// which carets replaced them.
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
            let count =
                if self.options.verbatim { 0 } else { name.file.to_str().map_or(0, control_characters) };
            let replaced = level.replaced + count;
            let linked = level.linked;
            if name.kind != Kind::Directory {
                if let Some(mut entry) = self.entry(path, relative, replaced, name.kind) {
                    entry.link |= linked;
                    return Some(entry);
                }
                continue;
            }
            if let Some(filter) = &self.options.prune {
                // Patterns match the printed form, with carets.
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

/// A file name as part of a key, with carets for control characters unless `verbatim`. `None` if the name is not UTF-8.
pub fn key_name(name: &OsStr, verbatim: bool) -> Option<String> {
    let name = name.to_str()?;
    Some(if verbatim { name.to_owned() } else { in_carets(name).0 })
}

/// Replaces control characters by `^@` ... `^_` and `^?`. Returns the name and the number of replacements.
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

/// Prints s3cmd's warning, once per file, with its full name below the destination.
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
    fn files_are_walked_in_key_order() {
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
    fn entries_have_sizes_and_prefixes() {
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
        /// For any set of names, the walk returns every file once and in ascending order.
        #[test]
        fn any_tree_is_walked_in_order(names in proptest::collection::btree_set("[a-c./é-]{1,3}(/[a-b0-]{1,2}){0,2}", 1..12)) {
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
