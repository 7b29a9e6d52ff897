//! A directory held open, and file operations relative to it.
//!
//! Every path is walked from the open root, one component at a time or by a call of the kernel's that does the same
//! (`openat2`), and no symbolic link is ever followed (`O_NOFOLLOW`, `RESOLVE_NO_SYMLINKS`), so nothing outside the
//! served tree can be reached, whatever is swapped in behind our back.

use super::nonblocking::{self, FsKind};
use super::pending_dirs::PENDING;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Dir(OwnedFd);

/// What is known of a file without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: FileKind,
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since the epoch.
    pub(crate) mtime: i64,
    pub(crate) inode: u64,
}

/// Which directory or file it is, of all that are there: inodes are numbered by each file system on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // field types differ between platforms
fn identity(stat: &rustix::fs::Stat) -> Identity {
    Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
}

/// Which file this is.
pub(super) fn identify(file: &File) -> io::Result<Identity> {
    Ok(identity(&rustix::fs::fstat(file)?))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    File,
    Dir,
    /// Symbolic links, pipes, devices: never served.
    Other,
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Dir,
        _ => FileKind::Other,
    }
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // field types differ between platforms
fn convert(stat: &rustix::fs::Stat) -> Stat {
    Stat {
        kind: kind(FileType::from_raw_mode(stat.st_mode as _)),
        size: stat.st_size as u64,
        mtime: (stat.st_mtime as i64).saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec as i64),
        inode: stat.st_ino as u64,
    }
}

/// The stat of an open file.
pub(crate) fn stat_file(file: &File) -> io::Result<Stat> {
    Ok(convert(&rustix::fs::fstat(file)?))
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// NONBLOCK: opening a pipe that somebody put there must not hang.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
/// Most small files are below this size, in bytes, and take one call to be read.
const SMALL: usize = 1024;

/// `Ok(None)` where the error only says that nothing of that kind is there.
fn absent<T>(result: Result<T, Errno>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        // A link in the way answers ELOOP (or EMLINK on BSD), a socket ENXIO; an over-long or odd name cannot exist.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK | Errno::NAMETOOLONG | Errno::NXIO) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The content of a small file; `None` if it is none.
fn read_whole(fd: OwnedFd) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::from(fd);
    let mut content = vec![0; SMALL];
    let first = match io::Read::read(&mut file, &mut content) {
        Err(error) if matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::WouldBlock) => {
            return Ok(None);
        }
        other => other?,
    };
    content.truncate(first);
    // A regular file gives less than was asked for only at its end.
    if first == SMALL {
        io::Read::read_to_end(&mut file, &mut content)?;
    }
    Ok(Some(content))
}

impl Dir {
    /// Opens the root of a tree; only here may the path itself go through links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// A directory directly below; `None` if there is none of that name.
    pub(crate) fn child(&self, name: &str) -> io::Result<Option<Self>> {
        if name == ".." {
            return Ok(None);
        }
        Ok(self.open_one(name, DIRECTORY)?.map(Self))
    }

    /// A directory below, by its components.
    pub(crate) fn walk<'a>(&self, mut parts: impl Iterator<Item = &'a str>) -> io::Result<Option<Self>> {
        let (Some(first), second) = (parts.next(), parts.next()) else { return self.try_clone().map(Some) };
        let Some(second) = second else { return self.child(first) };
        let parts: Vec<&str> = [first, second].into_iter().chain(parts).collect();
        match self.open_in_one_call(&parts.join("/"), DIRECTORY) {
            Some(found) => Ok(found?.map(Self)),
            None => self.walk_by_steps(&parts),
        }
    }

    /// Has the kernel walk, which neither follows links nor leaves the directory. `None` where it cannot tell.
    fn open_in_one_call(&self, path: &str, flags: OFlags) -> Option<io::Result<Option<OwnedFd>>> {
        use rustix::fs::ResolveFlags;
        // No name is empty; in a path, nothing between two slashes would be passed over. And none leads up.
        if path.split('/').any(|part| part.is_empty() || part == "..") {
            return None;
        }
        let mut how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        if nonblocking::is_active() {
            how |= ResolveFlags::CACHED;
        }
        match rustix::fs::openat2(&self.0, path, flags, Mode::empty(), how) {
            Ok(found) => Some(Ok(Some(found))),
            // XDEV: the way led out.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NXIO) => Some(Ok(None)),
            // An old kernel, a sandbox that does not know the call, a path that is too long as a whole.
            Err(_) => nonblocking::may_block().err().map(Err),
        }
    }

    fn walk_by_steps(&self, parts: &[&str]) -> io::Result<Option<Self>> {
        let mut at = self.try_clone()?;
        for part in parts {
            match at.child(part)? {
                Some(next) => at = next,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// Another handle of the same directory.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Opens a directory below, making what is missing. With `sync`, each name is durable, whoever made it.
    pub(crate) fn make<'a>(&self, parts: impl Iterator<Item = &'a str>, sync: bool) -> io::Result<Self> {
        let mut at = self.try_clone()?;
        for part in parts {
            at = match rustix::fs::openat(&at.0, part, DIRECTORY, Mode::empty()) {
                Ok(next) => Self(next),
                Err(Errno::NOENT) => {
                    #[cfg(test)]
                    super::fault::step()?;
                    let _pending = sync.then(|| PENDING.begin());
                    match rustix::fs::mkdirat(&at.0, part, Mode::from_raw_mode(0o777)) {
                        Ok(()) if sync => at.sync()?,
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    Self(rustix::fs::openat(&at.0, part, DIRECTORY, Mode::empty())?)
                }
                Err(error) => return Err(error.into()),
            };
        }
        if sync {
            PENDING.wait();
        }
        Ok(at)
    }

    /// Where its bytes are.
    pub(super) fn fs_kind(&self) -> FsKind {
        rustix::fs::fstatfs(&self.0).map_or(FsKind::Other, |found| FsKind::of(found.f_type))
    }

    /// What a name is; links are not followed.
    pub(crate) fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let found = absent(rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW))?;
        Ok(found.map(|stat| convert(&stat)))
    }

    /// The stat of the directory itself.
    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        Ok(convert(&rustix::fs::fstat(&self.0)?))
    }

    /// Which directory this is.
    pub(crate) fn identity(&self) -> io::Result<Identity> {
        Ok(identity(&rustix::fs::fstat(&self.0)?))
    }

    /// Which directory a name is, if it is one.
    pub(super) fn child_identity(&self, name: &str) -> io::Result<Option<Identity>> {
        let found = absent(rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW))?;
        Ok(found.filter(|stat| convert(stat).kind == FileKind::Dir).map(|stat| identity(&stat)))
    }

    /// Opens a regular file for reading; `None` if there is none of that name.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<Option<(File, Stat)>> {
        let Some(fd) = self.open_one(name, FILE)? else { return Ok(None) };
        let file = File::from(fd);
        let stat = stat_file(&file)?;
        Ok((stat.kind == FileKind::File).then_some((file, stat)))
    }

    /// Opens a name of this directory.
    fn open_one(&self, name: &str, flags: OFlags) -> io::Result<Option<OwnedFd>> {
        if nonblocking::is_active()
            && let Some(found) = self.open_in_one_call(name, flags)
        {
            return found;
        }
        absent(rustix::fs::openat(&self.0, name, flags, Mode::empty()))
    }

    fn open_path(&self, path: &str) -> io::Result<Option<OwnedFd>> {
        let Some((parents, name)) = path.rsplit_once('/') else { return self.open_one(path, FILE) };
        match self.open_in_one_call(path, FILE) {
            Some(found) => found,
            None => match self.walk(parents.split('/'))? {
                Some(dir) => dir.open_one(name, FILE),
                None => Ok(None),
            },
        }
    }

    /// [`Self::open_file`] by a path below.
    pub(crate) fn open_below(&self, path: &str) -> io::Result<Option<(File, Stat)>> {
        let Some(fd) = self.open_path(path)? else { return Ok(None) };
        let file = File::from(fd);
        let stat = stat_file(&file)?;
        Ok((stat.kind == FileKind::File).then_some((file, stat)))
    }

    /// The content of a small file.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.open_one(name, FILE)?.map_or(Ok(None), read_whole)
    }

    /// [`Self::read`] by a path below.
    pub(crate) fn read_below(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.open_path(path)?.map_or(Ok(None), read_whole)
    }

    /// Makes a new file, open for reading and writing; fails if the name is taken.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        #[cfg(test)]
        super::fault::step()?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o666))?))
    }

    /// Opens a file for reading and writing, if it is there.
    pub(crate) fn open_to_write(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(absent(rustix::fs::openat(&self.0, name, flags, Mode::empty()))?.map(File::from))
    }

    /// Opens a file for reading and writing; makes it with a mode if it is not there.
    pub(crate) fn open_or_create(&self, name: &str, mode: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(mode))?))
    }

    /// Moves a name, replacing a file that has the new one.
    pub(crate) fn rename(&self, from: &str, to_dir: &Self, to: &str) -> io::Result<()> {
        #[cfg(test)]
        super::fault::step()?;
        Ok(rustix::fs::renameat(&self.0, from, &to_dir.0, to)?)
    }

    /// Gives a file a second name, which must be free.
    pub(crate) fn link(&self, name: &str, to_dir: &Self, to: &str) -> io::Result<()> {
        #[cfg(test)]
        super::fault::step()?;
        Ok(rustix::fs::linkat(&self.0, name, &to_dir.0, to, AtFlags::empty())?)
    }

    /// Removes a file; `false` if there was none.
    pub(crate) fn unlink(&self, name: &str) -> io::Result<bool> {
        #[cfg(test)]
        super::fault::step()?;
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty directory.
    pub(crate) fn rmdir(&self, name: &str) -> io::Result<()> {
        #[cfg(test)]
        super::fault::step()?;
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes a file or a whole directory below.
    pub(crate) fn remove_all(&self, name: &str) -> io::Result<()> {
        match self.stat(name)? {
            None => Ok(()),
            Some(Stat { kind: FileKind::Dir, .. }) => {
                if let Some(child) = self.child(name)? {
                    for entry in child.list()? {
                        child.remove_all_bytes(&entry)?;
                    }
                }
                self.rmdir(name)
            }
            Some(_) => self.unlink(name).map(drop),
        }
    }

    fn remove_all_bytes(&self, entry: &DirEntry) -> io::Result<()> {
        match std::str::from_utf8(&entry.name) {
            Ok(name) => self.remove_all(name),
            // Not one of ours; leave it, and the directory stays.
            Err(_) => Ok(()),
        }
    }

    /// Removes a directory if nothing but empty directories is below it; says whether it did.
    pub(crate) fn prune(&self, name: &str) -> io::Result<bool> {
        let Some(child) = self.child(name)? else { return Ok(true) };
        for entry in child.list()? {
            let Ok(inner) = std::str::from_utf8(&entry.name) else { return Ok(false) };
            if entry.kind != FileKind::Dir || !child.prune(inner)? {
                return Ok(false);
            }
        }
        match self.rmdir(name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The names inside, in no order, without `.` and `..`.
    pub(crate) fn list(&self) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        self.each(|name, kind| {
            entries.push(DirEntry { name: name.to_vec(), kind });
            Ok(())
        })?;
        Ok(entries)
    }

    /// Shows each name inside, as [`Self::list`] does; those of files may be removed meanwhile.
    pub(crate) fn each(&self, mut look: impl FnMut(&[u8], FileKind) -> io::Result<()>) -> io::Result<()> {
        self.each_until(|name, kind| look(name, kind).map(|()| true)).map(drop)
    }

    /// [`Self::each`] for as long as `look` returns `true`; whether that was to the end.
    pub(super) fn each_until(
        &self,
        mut look: impl FnMut(&[u8], FileKind) -> io::Result<bool>,
    ) -> io::Result<bool> {
        // A handle of its own: the read position is shared between duplicates.
        let fd = rustix::fs::openat(&self.0, ".", DIRECTORY, Mode::empty())?;
        let mut buffer = vec![MaybeUninit::<u8>::uninit(); 64 * 1024];
        let mut raw = RawDir::new(fd, &mut buffer);
        while let Some(entry) = raw.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say; ask.
                FileType::Unknown => {
                    match absent(rustix::fs::statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW))? {
                        Some(stat) => convert(&stat).kind,
                        None => continue,
                    }
                }
                known => self::kind(known),
            };
            if !look(name, kind)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A path at which this process finds the directory, whatever its names are.
    pub(super) fn own_path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }

    /// Makes the names in this directory durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.0) {
            // Some file systems cannot sync directories; their renames are what they are.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A name in a directory.
#[derive(Debug)]
pub(crate) struct DirEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: FileKind,
}

#[cfg(test)]
mod tests;
