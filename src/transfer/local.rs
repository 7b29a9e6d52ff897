//! Which local files a command is about: files, trees, lists of names, and the include/exclude rules.

use super::plan::{Plan, Rules, Sorted};
use super::record::{Fields, Record, put_bytes};
use crate::output::{Failure, Outcome, reason};
use crate::patterns::Filter;
use crate::shard::Shard;
use crate::transfer::download::is_unfinished;
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A local file or, with `--keep-dirs`, a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalItem {
    /// The path as it is opened and printed: it begins as the argument did.
    pub path: PathBuf,
    /// The name below the destination, with `/` between its parts; a directory's ends with `/`.
    pub relative: String,
}

impl LocalItem {
    /// Bytes of the file; `None` for a directory, and for what is not there any more.
    pub fn size(&self) -> Option<u64> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some(metadata.len()).filter(|_| metadata.is_file())
    }
}

/// The files that were chosen.
#[derive(Clone, Debug)]
pub struct LocalSelection {
    /// Chosen files, in ascending order of their relative names; one that was named twice is there once.
    pub items: Sorted<LocalItem>,
    /// Relative names that an exclude rule took out, in ascending order.
    pub excluded: Sorted<String>,
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
    /// The share of this run, if it is one of several.
    pub shard: Option<Shard>,
}

/// By relative names.
const RULES: Rules<LocalItem> = Rules { order: |a, b| a.relative.cmp(&b.relative), same: |a, b| a == b };

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

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes)).map(|path: &OsStr| path.into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

/// Whether a directory stands for what is in it, and does not keep its name below the destination: `dir/`, `dir/.`, `.`
/// (measured on s3cmd 2.4.0), and `..`, whose name no key may have.
pub fn means_contents(directory: &Path) -> bool {
    let text = directory.as_os_str().as_encoded_bytes();
    text.ends_with(b"/") || text.ends_with(b"/.") || directory.file_name().is_none()
}

/// Expands arguments to files. Rules measured on s3cmd 2.4.0: a source `dir` keeps its name below the destination, `dir/`
/// and `.` give their contents; a missing source is skipped.
pub fn select(sources: &[OsString], options: &LocalOptions<'_>) -> Outcome<LocalSelection> {
    let mut walk = Walk::new(options);
    let mut directories = 0;
    for source in sources {
        let path = PathBuf::from(source);
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        // A link to a directory that is named is meant.
        let is_dir = path.is_dir();
        if is_dir && !options.recursive {
            return Err(recursion_needed(&path));
        }
        if is_dir {
            directories += 1;
            let prefix = if means_contents(&path) {
                Some(String::new())
            } else {
                walk.name_of(&path).map(|name| name + "/")
            };
            if let Some(prefix) = prefix {
                walk.directory(&path, &prefix)?;
            }
        } else if let Some(name) = walk.name_of(&path) {
            walk.file(&path, name, Kind::of(&path, metadata.file_type()))?;
        }
    }
    walk.finish(directories == 0)
}

/// The complaint about a directory where `--recursive` was not given.
pub fn recursion_needed(directory: &Path) -> Failure {
    Failure::parameter(format!("Use --recursive to upload a directory: {}", directory.display()))
}

/// A name of `--files-from` without `.` and, by the text alone, without `..` after another name, as s3cmd 2.4.0 takes it.
pub fn normal(name: &Path) -> PathBuf {
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

/// Expands the names of `--files-from`, which are relative to the one source directory; missing ones are dropped.
pub fn select_listed(
    base: &Path,
    names: impl Iterator<Item = Outcome<OsString>>,
    options: &LocalOptions<'_>,
) -> Outcome<LocalSelection> {
    let mut walk = Walk::new(options);
    for name in names {
        let relative = normal(Path::new(&name?));
        let path = base.join(&relative);
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        let kind = Kind::of(&path, metadata.file_type());
        if matches!(kind, Kind::Directory | Kind::LinkToDirectory) {
            no_file(&path, kind == Kind::LinkToDirectory);
            continue;
        }
        let Some(relative) = walk.utf8(&relative.into_os_string(), &path) else { continue };
        walk.file(&path, relative, kind)?;
    }
    walk.finish(false)
}

/// Speaks of a name in a list that leads to a directory; s3cmd does so where it is a link.
pub fn no_file(path: &Path, is_link: bool) {
    if is_link {
        log::warn!("Skipping over non regular file: {}", path.display());
    }
}

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    LinkToFile,
    LinkToDirectory,
    LinkToSpecial,
    /// A link that leads nowhere.
    Dangling,
    /// A device, a socket, a pipe.
    Special,
}

impl Kind {
    /// Only links cost another look at the disk.
    fn of(path: &Path, kind: FileType) -> Self {
        if kind.is_symlink() {
            return match std::fs::metadata(path) {
                Ok(target) if target.is_dir() => Kind::LinkToDirectory,
                Ok(target) if target.is_file() => Kind::LinkToFile,
                Ok(_) => Kind::LinkToSpecial,
                Err(_) => Kind::Dangling,
            };
        }
        if kind.is_dir() {
            Kind::Directory
        } else if kind.is_file() {
            Kind::File
        } else {
            Kind::Special
        }
    }
}

struct Walk<'a> {
    options: &'a LocalOptions<'a>,
    items: Plan<LocalItem>,
    excluded: Plan<String>,
    unusable: u64,
    /// The first name that was found, in this share or another, and whether there is another one.
    name: Option<String>,
    several: bool,
    /// Directories on the way down, to notice links that lead back up.
    ancestors: Vec<PathBuf>,
}

impl<'a> Walk<'a> {
    fn new(options: &'a LocalOptions<'a>) -> Self {
        let excluded = Plan::new(Rules { order: String::cmp, same: String::eq });
        Self {
            options,
            items: Plan::new(RULES),
            excluded,
            unusable: 0,
            name: None,
            several: false,
            ancestors: Vec::new(),
        }
    }

    fn finish(self, only_files: bool) -> Outcome<LocalSelection> {
        let single_file = only_files && self.name.is_some() && !self.several;
        let (items, excluded) = (self.items.finish()?, self.excluded.finish()?);
        Ok(LocalSelection { items, excluded, unusable: self.unusable, single_file })
    }

    fn directory(&mut self, path: &Path, prefix: &str) -> Outcome {
        if self.options.follow_symlinks {
            let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if self.ancestors.contains(&real) {
                log::warn!(
                    "Skipping over symbolic link that leads back to its own directory: {}",
                    path.display()
                );
                return Ok(());
            }
            self.ancestors.push(real);
        }
        match self.entries(path) {
            Ok(entries) => {
                for (name, kind) in entries {
                    self.entry(&path.join(&*name), prefix, kind)?;
                }
            }
            Err(error) => self.unusable(path, &reason(&error)),
        }
        if self.options.follow_symlinks {
            self.ancestors.pop();
        }
        Ok(())
    }

    /// The entries of a directory in the order of the names that their files will have: a directory counts as its name
    /// with a slash, so that the plan comes in order.
    fn entries(&self, path: &Path) -> io::Result<Vec<(Box<OsStr>, Kind)>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name().into_boxed_os_str();
            if is_unfinished(&name) {
                continue;
            }
            let kind = Kind::of(&path.join(&*name), entry.file_type()?);
            entries.push((name, kind));
        }
        let slash = |kind| if self.walks(kind) { &b"/"[..] } else { b"" };
        entries.sort_unstable_by(|(a, a_kind), (b, b_kind)| {
            let (a, b) = (a.as_encoded_bytes(), b.as_encoded_bytes());
            let common = a.len().min(b.len());
            let rest =
                || a[common..].iter().chain(slash(*a_kind)).cmp(b[common..].iter().chain(slash(*b_kind)));
            a[..common].cmp(&b[..common]).then_with(rest)
        });
        Ok(entries)
    }

    /// Whether what is below is wanted.
    fn walks(&self, kind: Kind) -> bool {
        kind == Kind::Directory || kind == Kind::LinkToDirectory && self.options.follow_symlinks
    }

    fn entry(&mut self, path: &Path, prefix: &str, kind: Kind) -> Outcome {
        let Some(name) = self.name_of(path) else { return Ok(()) };
        let relative = format!("{prefix}{name}");
        if !self.walks(kind) {
            return self.file(path, relative, kind);
        }
        if self.options.filter.prunes(&format!("{}/", path.to_string_lossy())) {
            return Ok(());
        }
        let below = format!("{relative}/");
        if self.options.keep_dirs {
            self.take(LocalItem { path: path.to_owned(), relative: below.clone() })?;
        }
        self.directory(path, &below)
    }

    fn file(&mut self, path: &Path, relative: String, kind: Kind) -> Outcome {
        let is_link = matches!(kind, Kind::LinkToFile | Kind::LinkToDirectory);
        match kind {
            // A link that leads nowhere is skipped without a word, as s3cmd does.
            Kind::Dangling => {}
            // Nor does it speak of one that leads to a directory, unless directories are sent.
            _ if is_link && !self.options.follow_symlinks => {
                let spoken_of = kind == Kind::LinkToFile || self.options.keep_dirs;
                let level = if spoken_of { log::Level::Warn } else { log::Level::Info };
                log::log!(level, "Skipping over symbolic link: {}", path.display());
            }
            Kind::File | Kind::LinkToFile => self.take(LocalItem { path: path.to_owned(), relative })?,
            _ => log::warn!("Skipping over non regular file: {}", path.display()),
        }
        Ok(())
    }

    fn take(&mut self, item: LocalItem) -> Outcome {
        match &self.name {
            None => self.name = Some(item.relative.clone()),
            Some(name) => self.several |= *name != item.relative,
        }
        if self.options.shard.is_some_and(|shard| !shard.takes(&item.relative)) {
            return Ok(());
        }
        if self.options.filter.excludes(&item.relative).is_some() {
            self.excluded.push(item.relative)?;
        } else {
            self.items.push(item)?;
        }
        Ok(())
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
        self.unusable += 1;
    }
}

/// Replaces control characters by `^@` ... `^_` and `^?`, with s3cmd's warning.
pub(super) fn printable(name: &str) -> String {
    let (out, count) = in_carets(name);
    if count > 0 {
        log::warn!("{count} non-printable characters replaced in: {out}");
    }
    out
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
            shard: None,
        };
        change(&mut options);
        let sources: Vec<OsString> =
            sources.iter().map(|source| format!("{}/{source}", root.display()).into()).collect();
        select(&sources, &options).unwrap().items.iter().map(|item| item.unwrap().relative).collect()
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
