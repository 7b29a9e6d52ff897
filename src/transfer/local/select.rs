//! Selects local files: files, trees, lists of names, and the include/exclude rules.

use super::walk::{Walk, WalkOptions, key_name};
use crate::output::{Failure, Outcome, reason};
use crate::transfer::plan::record::{Fields, Record, put_bytes};
use crate::transfer::plan::{SortOrder, SortedSpool, Sorter};
use crate::transfer::selection::SelectionOptions;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A local file or, with `--keep-dirs`, a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalItem {
    /// The path to open and to print. It begins with the argument.
    pub path: PathBuf,
    /// The name below the destination, with `/` as the separator. The name of a directory ends with `/`.
    pub relative: String,
}

impl LocalItem {
    /// The size of the file in bytes. `None` for a directory, and for a file that has disappeared.
    pub fn size(&self) -> Option<u64> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some(metadata.len()).filter(|_| metadata.is_file())
    }
}

/// The selected files.
#[derive(Clone, Debug)]
pub struct LocalSelection {
    /// The selected files in ascending order of their relative names, without duplicates.
    pub items: SortedSpool<LocalItem>,
    /// Relative names that an exclude rule matched, in ascending order.
    pub excluded: SortedSpool<String>,
    /// The number of files and directories that could not be used. Each caused a warning.
    pub unusable: u64,
    /// The number of sources that do not exist. Each caused a warning, unless none of the sources exists.
    pub missing: u64,
    /// Whether exactly one file was found, including excluded files, and no directory was named, so that the
    /// destination may be the full name of the object.
    pub single_file: bool,
}

/// Sorts by relative name.
const BY_RELATIVE: SortOrder<LocalItem> =
    SortOrder { order: |a, b| a.relative.cmp(&b.relative), same: |a, b| a == b };

impl Record for LocalItem {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.path.as_os_str().as_encoded_bytes());
        put_bytes(out, self.relative.as_bytes());
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (path, relative) = (path_of(fields.bytes()?)?, fields.text()?.to_owned());
        Some(Self { path, relative })
    }
}

fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes)).map(|path: &OsStr| path.into())
}

/// Whether a directory argument selects only its contents and drops its own name: `dir/`, `dir/.`, `.` (measured on
/// s3cmd 2.4.0), and `..`, which cannot be part of a key.
pub fn selects_contents(directory: &Path) -> bool {
    let text = directory.as_os_str().as_encoded_bytes();
    text.ends_with(b"/") || text.ends_with(b"/.") || directory.file_name().is_none()
}

/// Expands arguments to files. Rules measured on s3cmd 2.4.0: a source `dir` keeps its name below the destination;
/// `dir/` and `.` select their contents. Missing sources cause a warning each, unless all of them are missing.
pub fn select(sources: &[OsString], options: &SelectionOptions) -> Outcome<LocalSelection> {
    let mut chosen = Chosen::new(options);
    let (mut directories, mut missing) = (0, Vec::new());
    for source in sources {
        let path = PathBuf::from(source);
        // A dangling link is a missing source.
        if let Err(error) = std::fs::metadata(&path) {
            missing.push((path, error));
            continue;
        }
        // A link to a directory is followed if it was named as an argument.
        let is_dir = path.is_dir();
        if is_dir && !options.recursive {
            return Err(recursion_needed(&path));
        }
        directories += u64::from(is_dir);
        if is_dir && selects_contents(&path) {
            chosen.walk(Walk::directory(&path, "", chosen.walk_options()))?;
            continue;
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        let Some(name) = chosen.name_of(Path::new(name), &path) else { continue };
        chosen.walk(if is_dir {
            Walk::directory(&path, &format!("{name}/"), chosen.walk_options())
        } else {
            Walk::file(&path, &name, chosen.walk_options())
        })?;
    }
    chosen.missing = missing.len() as u64;
    if missing.len() < sources.len() {
        missing.iter().for_each(|(path, error)| skipping(path, &reason(error)));
    }
    chosen.finish(directories == 0)
}

/// The error for a directory without `--recursive`.
pub fn recursion_needed(directory: &Path) -> Failure {
    Failure::parameter(format!("Use --recursive to upload a directory: {}", directory.display()))
}

/// Warns about a path that cannot be used.
pub fn skipping(path: &Path, why: &str) {
    log::warn!("Skipping over {}: {why}", path.display());
}

/// Removes `.` and, lexically, `..` after another name from a name of `--files-from`, as s3cmd 2.4.0 does.
fn normal(name: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in name.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(parts.pop()),
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => parts.push(part),
        }
    }
    parts.into_iter().collect()
}

/// The names of `--files-from`, looked up.
#[derive(Debug, Default)]
pub struct Listed {
    /// Existing paths, by their names below the source directory in the form of keys.
    pub found: BTreeMap<String, PathBuf>,
    /// Missing names below the source directory, in the form of keys. Each caused a warning.
    pub missing: Vec<String>,
    /// The number of names that cannot be used. Each caused a warning.
    pub unusable: u64,
}

/// Looks up the names of `--files-from`, which are relative to the only source directory. A name is used exactly as
/// written. If there is no such file, surrounding whitespace is removed; s3cmd always removes it.
pub fn look_up(
    base: &Path,
    names: impl Iterator<Item = Outcome<OsString>>,
    verbatim: bool,
) -> Outcome<Listed> {
    let mut listed = Listed::default();
    for name in names {
        let name = name?;
        let exact = Path::new(&name);
        let trimmed = name.to_str().map(str::trim).filter(|trimmed| *trimmed != name && !trimmed.is_empty());
        let mut relative = normal(exact);
        let mut found = exists(base, &relative);
        if let (Err(_), Some(trimmed)) = (&found, trimmed) {
            let other = normal(Path::new(trimmed));
            if exists(base, &other).is_ok() {
                (relative, found) = (other, Ok(()));
            }
        }
        // The path is printed without the leading dot, as in s3cmd.
        let path = if base == Path::new(".") { relative.clone() } else { base.join(&relative) };
        if relative.components().next() == Some(Component::ParentDir) {
            skipping(exact, "the name leads out of the source directory");
            listed.unusable += 1;
            continue;
        }
        let Some(key) = key_name(relative.as_os_str(), verbatim) else {
            skipping(&path, NOT_A_KEY);
            listed.unusable += 1;
            continue;
        };
        match found {
            Ok(()) => drop(listed.found.insert(key, path)),
            Err(error) => {
                skipping(&path, &reason(&error));
                listed.missing.push(key);
            }
        }
    }
    listed.missing.sort_unstable();
    listed.missing.dedup();
    Ok(listed)
}

fn exists(base: &Path, relative: &Path) -> io::Result<()> {
    std::fs::symlink_metadata(base.join(relative)).map(drop)
}

/// Why a name that is not UTF-8 is skipped.
const NOT_A_KEY: &str = "the name is not UTF-8, and a key has to be";

/// Selects the files that `--files-from` names.
pub fn select_listed(
    base: &Path,
    names: impl Iterator<Item = Outcome<OsString>>,
    options: &SelectionOptions,
) -> Outcome<LocalSelection> {
    let mut chosen = Chosen::new(options);
    let listed = look_up(base, names, options.verbatim)?;
    chosen.unusable = listed.unusable;
    chosen.missing = listed.missing.len() as u64;
    for (relative, path) in listed.found {
        chosen.walk(Walk::file(&path, &relative, chosen.walk_options()))?;
    }
    chosen.finish(false)
}

/// The selection in progress.
struct Chosen<'a> {
    options: &'a SelectionOptions,
    items: Sorter<LocalItem>,
    excluded: Sorter<String>,
    unusable: u64,
    missing: u64,
    /// The first name that was found, in any shard, and whether there is a second one.
    name: Option<String>,
    several: bool,
}

impl<'a> Chosen<'a> {
    fn new(options: &'a SelectionOptions) -> Self {
        let excluded = Sorter::new(SortOrder { order: String::cmp, same: String::eq });
        Self {
            options,
            items: Sorter::new(BY_RELATIVE),
            excluded,
            unusable: 0,
            missing: 0,
            name: None,
            several: false,
        }
    }

    fn walk_options(&self) -> WalkOptions {
        WalkOptions {
            follow_symlinks: self.options.follow_symlinks,
            directories: self.options.keep_dirs,
            verbatim: self.options.verbatim,
            prune: Some(self.options.filter.clone()).filter(|filter| !filter.is_empty()),
            names_only: true,
            ..WalkOptions::default()
        }
    }

    fn finish(self, only_files: bool) -> Outcome<LocalSelection> {
        let single_file = only_files && self.name.is_some() && !self.several;
        let (items, excluded) = (self.items.finish()?, self.excluded.finish()?);
        let (unusable, missing) = (self.unusable, self.missing);
        Ok(LocalSelection { items, excluded, unusable, missing, single_file })
    }

    fn walk(&mut self, mut walk: Walk) -> Outcome {
        for entry in walk.by_ref() {
            self.take(LocalItem { path: entry.path, relative: entry.relative })?;
        }
        self.unusable += walk.unusable() + walk.unread_names().count();
        Ok(())
    }

    fn take(&mut self, item: LocalItem) -> Outcome {
        match &self.name {
            None => self.name = Some(item.relative.clone()),
            Some(name) => self.several |= *name != item.relative,
        }
        if self.options.shard.is_some_and(|shard| !shard.contains(&item.relative)) {
            return Ok(());
        }
        if self.options.filter.excludes(&item.relative).is_some() {
            self.excluded.push(item.relative)?;
        } else {
            self.items.push(item)?;
        }
        Ok(())
    }

    /// The name as part of a key. `None`, with a warning, if it cannot be part of one.
    fn name_of(&mut self, name: &Path, path: &Path) -> Option<String> {
        let key = key_name(name.as_os_str(), self.options.verbatim);
        if key.is_none() {
            skipping(path, NOT_A_KEY);
            self.unusable += 1;
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[&str], root: &Path, change: impl FnOnce(&mut SelectionOptions)) -> Vec<String> {
        let mut options = SelectionOptions { recursive: true, ..SelectionOptions::default() };
        change(&mut options);
        let sources: Vec<OsString> =
            sources.iter().map(|source| format!("{}/{source}", root.display()).into()).collect();
        select(&sources, &options).unwrap().items.iter().map(|item| item.unwrap().relative).collect()
    }

    #[test]
    fn a_trailing_slash_selects_the_contents() {
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
