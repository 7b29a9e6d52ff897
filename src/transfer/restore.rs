//! The attributes of a file that came with an object, given back to a local file: mode, times and, for root, the owner.

use super::attrs::{self, Attributes};
use crate::digest::{Digest, Md5};
use crate::output::reason;
use filetime::FileTime;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Attributes to give back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restore {
    mode: Option<u32>,
    mtime: Option<FileTime>,
    atime: Option<FileTime>,
    owner: Option<(u32, u32)>,
}

/// What became of the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It is as stored, or none is stored.
    Right,
    /// Only root may change it.
    Kept,
}

impl Restore {
    /// Reads the headers of an answer: s3cmd's attributes, else rclone's time.
    pub fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let stored = header(attrs::HEADER).map(Attributes::parse).unwrap_or_default();
        let time = |name| stored.number(name).map(|seconds| FileTime::from_unix_time(seconds, 0));
        let id = |name| stored.number(name).and_then(|id| u32::try_from(id).ok());
        let mode = stored.number("mode").and_then(|mode| u32::try_from(mode).ok()).filter(|mode| *mode > 0);
        let mtime = time("mtime").or_else(|| header(attrs::RCLONE_MTIME_HEADER).and_then(seconds));
        Self { mode, mtime, atime: time("atime"), owner: id("uid").zip(id("gid")) }
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Gives a file or a directory its attributes. The owner first, because changing it takes bits of the mode away.
    #[cfg(unix)]
    pub fn apply(&self, path: &Path) -> io::Result<Owner> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let mut result = Owner::Right;
        let metadata = std::fs::metadata(path)?;
        let is_root = rustix::process::geteuid().is_root();
        if let Some((uid, gid)) = self.owner
            && (metadata.uid(), metadata.gid()) != (uid, gid)
        {
            if is_root {
                match std::os::unix::fs::lchown(path, Some(uid), Some(gid)) {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => result = Owner::Kept,
                    other => other?,
                }
            } else {
                result = Owner::Kept;
            }
        }
        if let Some(mode) = self.mode {
            // A bit that lends the owner's rights means nothing where the owner is another one.
            let bits = if is_root && result == Owner::Right { 0o7777 } else { 0o1777 };
            if metadata.mode() & 0o7777 != mode & bits {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & bits))?;
            }
        }
        self.set_times(path)?;
        Ok(result)
    }

    /// Gives a file or a directory its times; modes and owners are not known here.
    #[cfg(not(unix))]
    pub fn apply(&self, path: &Path) -> io::Result<Owner> {
        self.set_times(path).map(|()| Owner::Right)
    }

    fn set_times(&self, path: &Path) -> io::Result<()> {
        match (self.atime, self.mtime) {
            (Some(atime), Some(mtime)) => filetime::set_file_times(path, atime, mtime),
            (None, Some(mtime)) => filetime::set_file_mtime(path, mtime),
            (Some(atime), None) => filetime::set_file_atime(path, atime),
            (None, None) => Ok(()),
        }
    }
}

fn seconds(text: &str) -> Option<FileTime> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let (whole_seconds, fraction): (i64, u32) = (whole.parse().ok()?, digits.parse().ok()?);
    // Before 1970 the fraction counts downwards, but not in a file's time.
    Some(if whole.starts_with('-') && fraction > 0 {
        FileTime::from_unix_time(whole_seconds - 1, 1_000_000_000 - fraction)
    } else {
        FileTime::from_unix_time(whole_seconds, fraction)
    })
}

/// Copies a local file whose MD5 is known: verified, and in its place only when complete.
pub fn copy_file(from: &Path, to: &Path, md5: [u8; 16]) -> io::Result<()> {
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut source = File::open(from)?;
    let mut copy = tempfile::Builder::new().prefix(".s3cmd.").suffix(".tmp").tempfile_in(parent)?;
    let mut hasher = Md5::new();
    let mut block = vec![0; 256 * 1024];
    loop {
        let count = source.read(&mut block)?;
        if count == 0 {
            break;
        }
        hasher.update(&block[..count]);
        copy.write_all(&block[..count])?;
    }
    if <[u8; 16]>::from(hasher.finalize()) != md5 {
        return Err(io::Error::other(format!("{} has changed", from.display())));
    }
    #[cfg(unix)]
    copy.as_file().set_permissions(super::download::mode_for(to))?;
    copy.persist(to).map_err(|error| error.error)?;
    Ok(())
}

/// Deletes a file, or a directory if nothing is in it any more; answers whether it is gone, or why not.
pub fn delete_local(path: &Path, is_directory: bool) -> Result<bool, String> {
    let done = if is_directory { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
    match done {
        Ok(()) => Ok(true),
        // What the rules protect is still in it.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(reason(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &'static str) -> Restore {
        Restore::of(|asked| (asked == name).then_some(value))
    }

    #[cfg(unix)]
    #[test]
    fn mode_and_times_come_back() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "x").unwrap();
        let uid = std::fs::metadata(&path).unwrap().uid();
        let gid = std::fs::metadata(&path).unwrap().gid();
        let text = format!("atime:11/gid:{gid}/mode:33216/mtime:22/uid:{uid}");
        let restore = Restore::of(|name| (name == attrs::HEADER).then_some(text.as_str()));
        assert_eq!(restore.apply(&path).unwrap(), Owner::Right);
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.mtime(), metadata.atime()), (0o700, 22, 11));
        of(attrs::RCLONE_MTIME_HEADER, "1600000000.25").apply(&path).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(
            (metadata.mtime(), metadata.mtime_nsec(), metadata.atime()),
            (1_600_000_000, 250_000_000, 11)
        );
    }

    #[test]
    fn what_is_not_stored_or_nonsense_is_left_alone() {
        assert!(Restore::of(|_| None).is_empty());
        assert!(of(attrs::HEADER, "md5:x/mode:-1/mtime:y/uid:5").is_empty());
        assert!(of(attrs::RCLONE_MTIME_HEADER, "yesterday").is_empty());
        assert_eq!(of(attrs::RCLONE_MTIME_HEADER, "5").mtime, Some(FileTime::from_unix_time(5, 0)));
        let before = of(attrs::RCLONE_MTIME_HEADER, "-1.25").mtime;
        assert_eq!(before, Some(FileTime::from_unix_time(-2, 750_000_000)));
    }

    #[test]
    fn copies_are_verified() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&from, "abc").unwrap();
        let md5: [u8; 16] = Md5::digest(b"abc").into();
        copy_file(&from, &to, md5).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"abc");
        std::fs::write(&from, "abd").unwrap();
        assert!(copy_file(&from, &to, md5).is_err());
        assert_eq!(std::fs::read(&to).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn directories_go_only_when_they_are_empty() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("d");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("f"), "x").unwrap();
        assert_eq!(delete_local(&dir, true), Ok(false));
        assert_eq!(delete_local(&dir.join("f"), false), Ok(true));
        assert_eq!(delete_local(&dir, true), Ok(true));
        assert_eq!(delete_local(&dir, true), Ok(false));
    }
}
