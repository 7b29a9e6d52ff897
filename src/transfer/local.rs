//! Which local files a command is about: files, trees, lists of names, and the include/exclude rules.

use crate::output::{Failure, Outcome, reason};
use crate::patterns::Filter;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A local file or, with `--keep-dirs`, a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalItem {
    /// The path as it is opened and printed: it begins as the argument did.
    pub path: PathBuf,
    /// The name below the destination, with `/` between its parts; a directory's ends with `/`.
    pub relative: String,
}

/// The files that were chosen, in ascending order of their relative names.
#[derive(Clone, Debug, Default)]
pub struct LocalSelection {
    /// Chosen files.
    pub items: Vec<LocalItem>,
    /// Relative names that an exclude rule took out, in ascending order.
    pub excluded: Vec<String>,
    /// Files and directories that could not be used; each was warned about.
    pub unusable: u64,
    /// Whether one file was found, excluded ones counted and no directory named, so that the destination may be its full
    /// name.
    pub single_file: bool,
}

/// How sources are read.
#[derive(Clone, Debug)]
pub struct LocalOptions<'a> {
    /// Walk into directories; without, a directory is refused.
    pub recursive: bool,
    /// Follow symbolic links; without, they are skipped with a warning.
    pub follow_symlinks: bool,
    /// Make items of directories too.
    pub keep_dirs: bool,
    /// Keep control characters in names.
    pub verbatim: bool,
    /// What is left out.
    pub filter: &'a Filter,
}

/// Expands arguments to files. Rules measured on s3cmd 2.4.0: a source `dir` keeps its name below the destination, `dir/`
/// and `.` give their contents; a missing source is skipped.
pub fn select(sources: &[OsString], options: &LocalOptions<'_>) -> Outcome<LocalSelection> {
    let mut selection = LocalSelection::default();
    let mut walk = Walk { options, selection: &mut selection, ancestors: Vec::new() };
    let mut directories = 0;
    for source in sources {
        let path = PathBuf::from(source);
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        let target_is_dir = std::fs::metadata(&path).is_ok_and(|target| target.is_dir());
        let ends_with_slash = source.as_encoded_bytes().ends_with(b"/");
        let is_dir = target_is_dir && (!metadata.is_symlink() || options.follow_symlinks || ends_with_slash);
        if is_dir {
            if !options.recursive {
                return Err(Failure::parameter(format!(
                    "Use --recursive to upload a directory: {}",
                    path.display()
                )));
            }
            directories += 1;
            let contents = ends_with_slash || path.file_name().is_none();
            let prefix =
                if contents { Some(String::new()) } else { walk.name_of(&path).map(|name| name + "/") };
            if let Some(prefix) = prefix {
                walk.directory(&path, &prefix);
            }
        } else if let Some(name) = walk.name_of(&path) {
            walk.file(&path, name);
        }
    }
    selection.items.sort_by(|a, b| a.relative.cmp(&b.relative));
    selection.excluded.sort_unstable();
    selection.single_file = directories == 0 && {
        let names = selection.items.iter().map(|item| &item.relative).chain(&selection.excluded);
        names.collect::<BTreeSet<_>>().len() == 1
    };
    Ok(selection)
}

/// Expands the names of `--files-from`, which are relative to the one source directory; missing ones are dropped.
pub fn select_listed(base: &Path, names: &[OsString], options: &LocalOptions<'_>) -> Outcome<LocalSelection> {
    let mut selection = LocalSelection::default();
    let mut walk = Walk { options, selection: &mut selection, ancestors: Vec::new() };
    let mut seen = HashSet::new();
    for name in names {
        let relative: PathBuf = Path::new(name).components().collect();
        let path = base.join(&relative);
        if !seen.insert(relative.clone()) || std::fs::symlink_metadata(&path).is_err() || path.is_dir() {
            continue;
        }
        let Some(relative) = walk.utf8(&relative.into_os_string(), &path) else { continue };
        walk.file(&path, relative);
    }
    selection.items.sort_by(|a, b| a.relative.cmp(&b.relative));
    selection.excluded.sort_unstable();
    Ok(selection)
}

struct Walk<'a> {
    options: &'a LocalOptions<'a>,
    selection: &'a mut LocalSelection,
    /// Directories on the way down, to notice links that lead back up.
    ancestors: Vec<PathBuf>,
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, prefix: &str) {
        if self.options.follow_symlinks {
            let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if self.ancestors.contains(&real) {
                log::warn!(
                    "Skipping over symbolic link that leads back to its own directory: {}",
                    path.display()
                );
                return;
            }
            self.ancestors.push(real);
        }
        match std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(mut entries) => {
                entries.sort_by_key(std::fs::DirEntry::file_name);
                for entry in entries {
                    self.entry(&entry.path(), prefix);
                }
            }
            Err(error) => self.unusable(path, &reason(&error)),
        }
        if self.options.follow_symlinks {
            self.ancestors.pop();
        }
    }

    fn entry(&mut self, path: &Path, prefix: &str) {
        let Some(name) = self.name_of(path) else { return };
        let relative = format!("{prefix}{name}");
        let is_link = path.is_symlink();
        if path.is_dir() && (!is_link || self.options.follow_symlinks) {
            let with_slash = format!("{}/", path.to_string_lossy());
            if self.options.filter.prunes(&with_slash) {
                return;
            }
            let below = format!("{relative}/");
            if self.options.keep_dirs {
                self.take(LocalItem { path: path.to_owned(), relative: below.clone() });
            }
            self.directory(path, &below);
        } else {
            self.file(path, relative);
        }
    }

    fn file(&mut self, path: &Path, relative: String) {
        let is_link = path.is_symlink();
        if is_link && !self.options.follow_symlinks {
            // A link that leads nowhere is skipped without a word, as s3cmd does.
            if path.exists() {
                log::warn!("Skipping over symbolic link: {}", path.display());
            }
            return;
        }
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let path = path.to_owned();
                self.take(LocalItem { path, relative });
            }
            Ok(_) => log::warn!("Skipping over non regular file: {}", path.display()),
            Err(_) if is_link => {}
            Err(error) => self.unusable(path, &reason(&error)),
        }
    }

    fn take(&mut self, item: LocalItem) {
        if self.options.filter.excludes(&item.relative).is_some() {
            self.selection.excluded.push(item.relative);
        } else {
            self.selection.items.push(item);
        }
    }

    /// The file's own name as part of a key; `None`, with a warning, where it cannot be one.
    fn name_of(&mut self, path: &Path) -> Option<String> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
        self.utf8(&name, path)
    }

    fn utf8(&mut self, name: &OsString, path: &Path) -> Option<String> {
        let Some(name) = name.to_str() else {
            self.unusable(path, "the name is not UTF-8, and a key has to be");
            return None;
        };
        Some(if self.options.verbatim { name.to_owned() } else { printable(name) })
    }

    fn unusable(&mut self, path: &Path, why: &str) {
        log::warn!("Skipping over {}: {why}", path.display());
        self.selection.unusable += 1;
    }
}

/// Replaces control characters by `^@` ... `^_` and `^?`, with s3cmd's warning.
pub(super) fn printable(name: &str) -> String {
    let count = name.bytes().filter(|b| *b < 32 || *b == 127).count();
    if count == 0 {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len() + count);
    for c in name.chars() {
        match u32::from(c) {
            code @ 0..32 => {
                out.push('^');
                out.extend(char::from_u32(code + 64));
            }
            127 => out.push_str("^?"),
            _ => out.push(c),
        }
    }
    log::warn!("{count} non-printable characters replaced in: {out}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[&str], root: &Path, change: impl FnOnce(&mut LocalOptions<'_>)) -> Vec<String> {
        let filter = Filter::default();
        let mut options = LocalOptions {
            recursive: true,
            follow_symlinks: false,
            keep_dirs: false,
            verbatim: false,
            filter: &filter,
        };
        change(&mut options);
        let sources: Vec<OsString> =
            sources.iter().map(|source| format!("{}/{source}", root.display()).into()).collect();
        select(&sources, &options).unwrap().items.into_iter().map(|item| item.relative).collect()
    }

    #[test]
    fn a_slash_at_the_end_means_the_contents() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("dir/sub/empty")).unwrap();
        for name in ["dir/b", "dir/sub/a", "dir/sub-z", "dir/c\u{1}"] {
            std::fs::write(root.path().join(name), "x").unwrap();
        }
        assert_eq!(names(&["dir"], root.path(), |_| {}), ["dir/b", "dir/c^A", "dir/sub-z", "dir/sub/a"]);
        assert_eq!(names(&["dir/"], root.path(), |o| o.verbatim = true), ["b", "c\u{1}", "sub-z", "sub/a"]);
        assert_eq!(names(&["dir/sub/a", "none"], root.path(), |_| {}), ["a"]);
        let kept = names(&["dir/"], root.path(), |o| o.keep_dirs = true);
        assert_eq!(kept, ["b", "c^A", "sub-z", "sub/", "sub/a", "sub/empty/"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_skipped_or_followed_and_loops_end() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("dir/sub")).unwrap();
        std::fs::write(root.path().join("dir/f"), "x").unwrap();
        std::os::unix::fs::symlink("f", root.path().join("dir/link")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("dir/dangling")).unwrap();
        std::os::unix::fs::symlink("..", root.path().join("dir/sub/up")).unwrap();
        assert_eq!(names(&["dir"], root.path(), |_| {}), ["dir/f"]);
        assert_eq!(names(&["dir"], root.path(), |o| o.follow_symlinks = true), ["dir/f", "dir/link"]);
    }
}
