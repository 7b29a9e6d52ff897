//! Maps object names to local paths. Object names are untrusted: a download never writes outside its destination.

use super::download::{Target, target_of};
use crate::output::{Failure, Outcome};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The destination argument of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `-`
    Stdout,
    /// An existing directory, as typed.
    Directory(OsString),
    /// The path of the only file.
    File(PathBuf),
}

/// The local destination of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// A directory, for a key that ends with a slash.
    Directory(PathBuf),
}

impl Destination {
    /// Parses the argument: an existing directory, `-`, or the path for a single object. With `several` objects, a path
    /// that is not a directory is an error.
    pub fn new(argument: OsString, several: bool) -> Outcome<Self> {
        if argument == "-" {
            return Ok(Destination::Stdout);
        }
        let path = PathBuf::from(&argument);
        if path.is_dir() {
            return Ok(Destination::Directory(argument));
        }
        if several {
            return Err(Failure::parameter(
                "Destination must be a directory or stdout when downloading multiple sources.",
            ));
        }
        Ok(Destination::File(path))
    }

    /// The directory or file that was named; `-` for standard output.
    pub fn path(&self) -> &Path {
        match self {
            Destination::Stdout => Path::new("-"),
            Destination::File(path) => path,
            Destination::Directory(base) => Path::new(base),
        }
    }

    /// The name to print for an object. The path that is written may differ; see [`Destination::target`].
    pub fn named(&self, relative: &str) -> OsString {
        match self {
            Destination::Stdout => "-".into(),
            Destination::File(path) => path.clone().into_os_string(),
            Destination::Directory(base) => {
                let mut name = base.clone();
                if !base.as_encoded_bytes().ends_with(b"/") {
                    name.push("/");
                }
                name.push(relative);
                name
            }
        }
    }

    /// [`Destination::named`] as text.
    pub fn shown(&self, relative: &str) -> String {
        self.named(relative).to_string_lossy().into_owned()
    }

    /// The local destination of an object. Empty and `.` components are dropped, and `..` is resolved below the
    /// directory. Returns an error message for a name that leads outside or that no file can have.
    pub fn target(&self, relative: &str) -> Result<Place, String> {
        let base = match self {
            Destination::Stdout => return Ok(Place::Stdout),
            Destination::File(path) => return Ok(Place::File(path.clone())),
            Destination::Directory(base) => Path::new(base),
        };
        if relative.contains('\0') {
            return Err("a file name cannot contain a NUL".to_owned());
        }
        let Some(parts) = plain_parts(relative) else {
            return Err("the name leads out of the destination directory".to_owned());
        };
        let path = parts.iter().fold(base.to_owned(), |path, part| path.join(part));
        let names_directory =
            relative.ends_with('/') || relative.ends_with("/.") || relative.ends_with("/..");
        if names_directory || parts.is_empty() { Ok(Place::Directory(path)) } else { Ok(Place::File(path)) }
    }

    /// Creates the parent directories of a file. Below an existing directory, no symbolic link may lead outside it.
    pub fn prepare(&self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
            return Ok(());
        };
        let Destination::Directory(base) = self else {
            // A path with a trailing slash can only be a directory.
            if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            return std::fs::create_dir_all(parent).map_err(not_a_directory);
        };
        if !parent.is_dir() {
            // The deepest existing directory determines where new ones are created.
            let existing = parent.ancestors().find(|ancestor| ancestor.exists());
            inside(existing.unwrap_or(Path::new(base)), base)?;
            std::fs::create_dir_all(parent).map_err(not_a_directory)?;
        }
        inside(parent, base)
    }

    /// Creates a directory and its parents. Returns its path without symbolic links. An existing link to a directory is
    /// accepted, unless it leads outside.
    pub fn make_directory(&self, path: &Path) -> io::Result<PathBuf> {
        let Destination::Directory(base) = self else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        if path == Path::new(base) {
            std::fs::create_dir_all(path).map_err(not_a_directory)?;
            return std::fs::canonicalize(path);
        }
        self.prepare(path)?;
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            // The link may be dangling or point to a file.
            Err(_) if !path.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        inside(path, base)?;
        std::fs::canonicalize(path)
    }

    /// Resolves a path for which [`Destination::prepare`] was called. A link that the user named is followed anywhere.
    /// Below an existing directory, a link must not lead outside, whether its target exists or not.
    pub fn resolve(&self, path: &Path) -> io::Result<Target> {
        let Destination::Directory(base) = self else { return target_of(path) };
        if !path.is_symlink() {
            return target_of(path);
        }
        let real = real_path(path)?;
        if !real.starts_with(std::fs::canonicalize(base)?) {
            return Err(leads_out());
        }
        target_of(&real)
    }
}

/// The maximum number of symbolic links that are followed in a row, as on Linux.
const LINKS: usize = 40;

/// The path without symbolic links. Its last component need not exist.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match std::fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match std::fs::read_link(&path) {
            Ok(link) => path = parent.join(link),
            // The name does not exist. `..` is not a name.
            Err(_) => {
                let name = path.file_name().ok_or(io::ErrorKind::NotFound)?;
                return Ok(std::fs::canonicalize(parent)?.join(name));
            }
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The components of a name without empty ones, with `.` and `..` resolved. `None` if the name leads outside.
fn plain_parts(relative: &str) -> Option<Vec<&str>> {
    let mut parts: Vec<&str> = Vec::new();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts)
}

/// The normalised form of a name: `a/b` for `a//b` and `a/./b`. `None` for a name that is normalised already, and for
/// one that does not become a file.
pub fn plain_name(relative: &str) -> Option<String> {
    let is_unnormalised = relative.split('/').any(|part| matches!(part, "" | "." | ".."));
    if !is_unnormalised || relative.ends_with('/') || relative.ends_with("/.") || relative.ends_with("/..") {
        return None;
    }
    plain_parts(relative).filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

/// `mkdir -p` reports "file exists" if a file is in the way, which is misleading.
fn not_a_directory(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::AlreadyExists { io::ErrorKind::NotADirectory.into() } else { error }
}

fn inside(path: &Path, base: &OsString) -> io::Result<()> {
    let base = std::fs::canonicalize(base)?;
    if std::fs::canonicalize(path)?.starts_with(base) {
        return Ok(());
    }
    Err(leads_out())
}

fn leads_out() -> io::Error {
    io::Error::other("a symbolic link leads out of the destination directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_destination() {
        let destination = Destination::Directory("d".into());
        let file = |name: &str| Ok(Place::File(PathBuf::from(name)));
        assert_eq!(destination.target("a/b"), file("d/a/b"));
        assert_eq!(destination.target("/etc/passwd"), file("d/etc/passwd"));
        assert_eq!(destination.target("a//./b/../c"), file("d/a/c"));
        assert_eq!(destination.target("a/.."), Ok(Place::Directory("d".into())));
        assert_eq!(destination.target("x/"), Ok(Place::Directory("d/x".into())));
        for name in ["../x", "a/../../x", "..", "a\0b"] {
            assert!(destination.target(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn unnormalised_names_are_normalised() {
        for (name, plain) in [
            ("a/b", None),
            ("a//b", Some("a/b")),
            ("/a/./b", Some("a/b")),
            ("a/../b", Some("b")),
            ("../b", None),
            ("a//", None),
            ("a/..", None),
            ("x/", None),
        ] {
            assert_eq!(plain_name(name).as_deref(), plain, "{name}");
        }
    }

    #[test]
    fn links_that_lead_outside_are_rejected() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("base");
        std::fs::create_dir_all(base.join("inner")).unwrap();
        std::os::unix::fs::symlink("..", base.join("out")).unwrap();
        std::os::unix::fs::symlink("inner", base.join("in")).unwrap();
        let destination = Destination::Directory(base.clone().into());
        assert!(destination.prepare(&base.join("new/deep/file")).is_ok());
        assert!(destination.prepare(&base.join("in/file")).is_ok());
        assert!(destination.prepare(&base.join("out/file")).is_err());
        assert!(destination.prepare(&base.join("out/new/file")).is_err());
        assert!(!root.path().join("new").exists());
    }

    #[test]
    fn dangling_links_create_nothing_outside() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("base");
        let outside = root.path().join("outside");
        std::fs::create_dir_all(base.join("inner")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "precious").unwrap();
        std::fs::write(base.join("inner/file"), "old").unwrap();
        for (link, target) in [
            ("out-file", "../outside/file"),
            ("out-new", "../outside/new"),
            ("out-absolute", "/nowhere/new"),
            ("out-by-chain", "out-new"),
            ("out-directory", "../outside"),
            ("in-file", "inner/file"),
            ("in-new", "inner/new"),
            ("in-by-chain", "in-new"),
            ("in-directory", "inner"),
            ("loop", "loop"),
        ] {
            symlink(target, base.join(link)).unwrap();
        }
        let destination = Destination::Directory(base.clone().into());
        let real = std::fs::canonicalize(&base).unwrap();
        for name in ["out-file", "out-new", "out-absolute", "out-by-chain", "out-directory", "loop"] {
            assert!(destination.resolve(&base.join(name)).is_err(), "{name}");
            assert!(destination.make_directory(&base.join(name)).is_err(), "{name}");
        }
        assert!(destination.make_directory(&base.join("out-directory/new")).is_err());
        for (name, place) in [("in-file", "file"), ("in-new", "new"), ("in-by-chain", "new")] {
            let expected = Target::File(real.join("inner").join(place));
            assert_eq!(destination.resolve(&base.join(name)).unwrap(), expected, "{name}");
        }
        assert_eq!(destination.make_directory(&base.join("in-directory/d")).unwrap(), real.join("inner/d"));
        assert_eq!(destination.make_directory(&base.join("in-directory")).unwrap(), real.join("inner"));
        assert_eq!(destination.make_directory(&base).unwrap(), real);
        assert!(destination.make_directory(&base.join("inner/file")).is_err());
        let left: Vec<_> = std::fs::read_dir(&outside).unwrap().collect();
        assert_eq!(left.len(), 1);
        // A link that the user named is followed.
        let named = base.join("out-new");
        let file = Destination::File(named.clone()).resolve(&named).unwrap();
        assert_eq!(file, Target::File(base.join("../outside/new")));
    }
}
