//! Restores the file attributes stored with an object: mode, times and, as root, the owner.

use super::{Attributes, HEADER, RCLONE_MTIME_HEADER};
use filetime::FileTime;
use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

/// The attributes to restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restore {
    mode: Option<u32>,
    mtime: Option<FileTime>,
    atime: Option<FileTime>,
    owner: Option<(u32, u32)>,
}

/// Whether the owner was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The owner is as stored, or none is stored.
    Right,
    /// The owner was not changed: only root can do that.
    Kept,
}

impl Restore {
    /// Reads the attributes from response headers: s3cmd's attributes, and rclone's modification time if s3cmd's is
    /// absent.
    pub fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let stored = header(HEADER).map(Attributes::parse).unwrap_or_default();
        let time = |name| stored.number(name).map(|seconds| FileTime::from_unix_time(seconds, 0));
        let id = |name| stored.number(name).and_then(|id| u32::try_from(id).ok());
        let mode = stored.number("mode").and_then(|mode| u32::try_from(mode).ok()).filter(|mode| *mode > 0);
        let mtime = time("mtime").or_else(|| header(RCLONE_MTIME_HEADER).and_then(seconds));
        Self { mode, mtime, atime: time("atime"), owner: id("uid").zip(id("gid")) }
    }

    /// Whether there are no attributes to restore.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The stored mode.
    pub fn mode(&self) -> Option<u32> {
        self.mode
    }

    /// Sets the attributes of an open file or directory. Returns whether the owner was restored, and the first error.
    /// An error does not prevent the other attributes from being set.
    pub fn apply(&self, file: &File) -> (Owner, Option<io::Error>) {
        self.finish(file, true, None, None)
    }

    /// Sets the attributes of a file whose content is complete. Without `restore`, the stored attributes are ignored.
    /// `mode` and `modified` apply where no attribute is stored.
    pub fn finish(
        &self,
        file: &File,
        restore: bool,
        mode: Option<u32>,
        modified: Option<SystemTime>,
    ) -> (Owner, Option<io::Error>) {
        let none = Self::default();
        let stored = if restore { self } else { &none };
        // Set the owner first, because changing it clears bits of the mode.
        let (owner, result) = match file.metadata() {
            Ok(metadata) => {
                let owner = stored.set_owner(file, &metadata);
                (owner, stored.set_mode(file, &metadata, owner, mode))
            }
            Err(error) => (Owner::Right, Err(error)),
        };
        let modified = modified.map(FileTime::from_system_time);
        let (atime, mtime) = (stored.atime.or(modified), stored.mtime.or(modified));
        let times = match (atime, mtime) {
            (None, None) => Ok(()),
            (atime, mtime) => filetime::set_file_handle_times(file, atime, mtime),
        };
        (owner, result.and(times).err())
    }

    fn set_owner(&self, file: &File, metadata: &Metadata) -> Owner {
        use std::os::unix::fs::MetadataExt;
        match self.owner {
            Some((uid, gid)) if (metadata.uid(), metadata.gid()) != (uid, gid) => {
                let can = rustix::process::geteuid().is_root()
                    && std::os::unix::fs::fchown(file, Some(uid), Some(gid)).is_ok();
                if can { Owner::Right } else { Owner::Kept }
            }
            _ => Owner::Right,
        }
    }

    fn set_mode(&self, file: &File, metadata: &Metadata, owner: Owner, plain: Option<u32>) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        // The setuid and setgid bits grant the rights of the stored owner, so they must not be set for another owner.
        let lends = rustix::process::geteuid().is_root() && owner == Owner::Right;
        let bits = if lends { 0o7777 } else { 0o1777 };
        match self.mode.map(|mode| mode & bits).or(plain) {
            Some(mode) if metadata.mode() & 0o7777 != mode => {
                file.set_permissions(std::fs::Permissions::from_mode(mode))
            }
            _ => Ok(()),
        }
    }
}

fn seconds(text: &str) -> Option<FileTime> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let (whole_seconds, fraction): (i64, u32) = (whole.parse().ok()?, digits.parse().ok()?);
    // Before 1970 rclone's fraction counts downwards from zero, but a file time's nanoseconds always count upwards.
    Some(if whole.starts_with('-') && fraction > 0 {
        FileTime::from_unix_time(whole_seconds - 1, 1_000_000_000 - fraction)
    } else {
        FileTime::from_unix_time(whole_seconds, fraction)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &'static str) -> Restore {
        Restore::of(|requested| (requested == name).then_some(value))
    }

    #[test]
    fn mode_and_times_are_restored() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "x").unwrap();
        let uid = std::fs::metadata(&path).unwrap().uid();
        let gid = std::fs::metadata(&path).unwrap().gid();
        let text = format!("atime:11/gid:{gid}/mode:33216/mtime:22/uid:{uid}");
        let restore = Restore::of(|name| (name == HEADER).then_some(text.as_str()));
        let apply = |restore: &Restore| {
            let (owner, refused) = restore.apply(&File::open(&path).unwrap());
            assert!(owner == Owner::Right && refused.is_none(), "{owner:?} {refused:?}");
        };
        apply(&restore);
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.mtime(), metadata.atime()), (0o700, 22, 11));
        apply(&of(RCLONE_MTIME_HEADER, "1600000000.25"));
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(
            (metadata.mtime(), metadata.mtime_nsec(), metadata.atime()),
            (1_600_000_000, 250_000_000, 11)
        );
    }

    #[test]
    fn missing_or_invalid_attributes_are_ignored() {
        assert!(Restore::of(|_| None).is_empty());
        assert!(of(HEADER, "md5:x/mode:-1/mtime:y/uid:5").is_empty());
        assert!(of(RCLONE_MTIME_HEADER, "yesterday").is_empty());
        assert_eq!(of(RCLONE_MTIME_HEADER, "5").mtime, Some(FileTime::from_unix_time(5, 0)));
        let before = of(RCLONE_MTIME_HEADER, "-1.25").mtime;
        assert_eq!(before, Some(FileTime::from_unix_time(-2, 750_000_000)));
    }
}
