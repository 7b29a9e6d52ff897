//! An open directory, and file operations relative to it.
//!
//! Every path is resolved from the open root, one component at a time or with `openat2`, and symbolic links are never
//! followed (`O_NOFOLLOW`, `RESOLVE_NO_SYMLINKS`). So nothing outside the served tree can be reached, even if another
//! process replaces a directory by a link at the same time.

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

/// The stat of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: FileKind,
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since the epoch.
    pub(crate) mtime: i64,
    pub(crate) inode: u64,
}

/// Identifies a directory or file. The inode alone does not, as each file system numbers its inodes independently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // field types differ between platforms
fn identity(stat: &rustix::fs::Stat) -> Identity {
    Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
}

/// The identity of an open file.
pub(super) fn identify(file: &File) -> io::Result<Identity> {
    Ok(identity(&rustix::fs::fstat(file)?))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    File,
    Dir,
    /// Symbolic links, pipes, sockets and devices, which are never served.
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

/// `NONBLOCK`, because opening a pipe must not hang.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
/// Most small files are below this size, in bytes, and are read with one call.
const SMALL: usize = 1024;

/// Converts errors that mean "no such file or directory" to `Ok(None)`.
fn optional<T>(result: Result<T, Errno>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        // A symbolic link returns ELOOP (EMLINK on BSD), a socket ENXIO; a name that is too long cannot exist.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK | Errno::NAMETOOLONG | Errno::NXIO) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// An open regular file with its stat; `None` if it is not a regular file.
fn regular_file(fd: OwnedFd) -> io::Result<Option<(File, Stat)>> {
    let file = File::from(fd);
    let stat = stat_file(&file)?;
    Ok((stat.kind == FileKind::File).then_some((file, stat)))
}

/// The content of a small file; `None` if it is not a file.
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
    // A read from a regular file is short only at the end of the file.
    if first == SMALL {
        io::Read::read_to_end(&mut file, &mut content)?;
    }
    Ok(Some(content))
}

impl Dir {
    /// Opens the root of a tree. Only this path may contain symbolic links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens a subdirectory; `None` if it does not exist.
    pub(crate) fn child(&self, name: &str) -> io::Result<Option<Self>> {
        if name == ".." {
            return Ok(None);
        }
        Ok(self.open_name(name, DIRECTORY)?.map(Self))
    }

    /// Opens a directory below by the components of its path; `None` if it does not exist.
    pub(crate) fn walk<'a>(&self, mut parts: impl Iterator<Item = &'a str>) -> io::Result<Option<Self>> {
        let (Some(first), second) = (parts.next(), parts.next()) else { return self.try_clone().map(Some) };
        let Some(second) = second else { return self.child(first) };
        let parts: Vec<&str> = [first, second].into_iter().chain(parts).collect();
        match self.open_with_openat2(&parts.join("/"), DIRECTORY) {
            Some(opened) => Ok(opened?.map(Self)),
            None => self.walk_by_component(&parts),
        }
    }

    /// Opens a path with `openat2`, without following links or leaving the directory. `None` if the path has to be
    /// resolved component by component instead.
    fn open_with_openat2(&self, path: &str, flags: OFlags) -> Option<io::Result<Option<OwnedFd>>> {
        use rustix::fs::ResolveFlags;
        // The kernel would ignore an empty component, which no file name can be, and follow `..`.
        if path.split('/').any(|part| part.is_empty() || part == "..") {
            return None;
        }
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        if nonblocking::is_active() {
            resolve |= ResolveFlags::CACHED;
        }
        match rustix::fs::openat2(&self.0, path, flags, Mode::empty(), resolve) {
            Ok(fd) => Some(Ok(Some(fd))),
            // XDEV: the path left the directory.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NXIO) => Some(Ok(None)),
            // An old kernel, a sandbox that does not know the call, or a path that is too long as a whole.
            Err(_) => nonblocking::may_block().err().map(Err),
        }
    }

    fn walk_by_component(&self, parts: &[&str]) -> io::Result<Option<Self>> {
        let mut dir = self.try_clone()?;
        for part in parts {
            match dir.child(part)? {
                Some(next) => dir = next,
                None => return Ok(None),
            }
        }
        Ok(Some(dir))
    }

    /// Another handle to the same directory.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Opens a directory below and creates missing components. With `sync`, every component is durable on return, even
    /// if another request created it.
    pub(crate) fn make<'a>(&self, parts: impl Iterator<Item = &'a str>, sync: bool) -> io::Result<Self> {
        let mut dir = self.try_clone()?;
        for part in parts {
            dir = match rustix::fs::openat(&dir.0, part, DIRECTORY, Mode::empty()) {
                Ok(next) => Self(next),
                Err(Errno::NOENT) => {
                    #[cfg(test)]
                    super::fault::step()?;
                    let _pending = sync.then(|| PENDING.begin());
                    match rustix::fs::mkdirat(&dir.0, part, Mode::from_raw_mode(0o777)) {
                        Ok(()) if sync => dir.sync()?,
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    Self(rustix::fs::openat(&dir.0, part, DIRECTORY, Mode::empty())?)
                }
                Err(error) => return Err(error.into()),
            };
        }
        if sync {
            PENDING.wait();
        }
        Ok(dir)
    }

    /// The kind of file system that the directory is on.
    pub(super) fn fs_kind(&self) -> FsKind {
        rustix::fs::fstatfs(&self.0).map_or(FsKind::Other, |stat| FsKind::from_magic(stat.f_type))
    }

    /// The stat of a name, without following links; `None` if it does not exist.
    pub(crate) fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let stat = optional(rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW))?;
        Ok(stat.map(|stat| convert(&stat)))
    }

    /// The stat of the directory itself.
    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        Ok(convert(&rustix::fs::fstat(&self.0)?))
    }

    /// The identity of the directory.
    pub(crate) fn identity(&self) -> io::Result<Identity> {
        Ok(identity(&rustix::fs::fstat(&self.0)?))
    }

    /// The identity of a subdirectory; `None` if it does not exist.
    pub(super) fn child_identity(&self, name: &str) -> io::Result<Option<Identity>> {
        let stat = optional(rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW))?;
        Ok(stat.filter(|stat| convert(stat).kind == FileKind::Dir).map(|stat| identity(&stat)))
    }

    /// Opens a regular file for reading; `None` if it does not exist.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<Option<(File, Stat)>> {
        self.open_name(name, FILE)?.map_or(Ok(None), regular_file)
    }

    /// Opens a name in this directory.
    fn open_name(&self, name: &str, flags: OFlags) -> io::Result<Option<OwnedFd>> {
        if nonblocking::is_active()
            && let Some(opened) = self.open_with_openat2(name, flags)
        {
            return opened;
        }
        optional(rustix::fs::openat(&self.0, name, flags, Mode::empty()))
    }

    fn open_path(&self, path: &str) -> io::Result<Option<OwnedFd>> {
        let Some((parents, name)) = path.rsplit_once('/') else { return self.open_name(path, FILE) };
        match self.open_with_openat2(path, FILE) {
            Some(opened) => opened,
            None => match self.walk(parents.split('/'))? {
                Some(dir) => dir.open_name(name, FILE),
                None => Ok(None),
            },
        }
    }

    /// [`Self::open_file`] with a relative path.
    pub(crate) fn open_below(&self, path: &str) -> io::Result<Option<(File, Stat)>> {
        self.open_path(path)?.map_or(Ok(None), regular_file)
    }

    /// The content of a small file; `None` if it does not exist.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.open_name(name, FILE)?.map_or(Ok(None), read_whole)
    }

    /// [`Self::read`] with a relative path.
    pub(crate) fn read_below(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.open_path(path)?.map_or(Ok(None), read_whole)
    }

    /// Creates a file, open for reading and writing; fails if the name is taken.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        #[cfg(test)]
        super::fault::step()?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(0o666))?))
    }

    /// Opens a file for reading and writing; `None` if it does not exist.
    pub(crate) fn open_to_write(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(optional(rustix::fs::openat(&self.0, name, flags, Mode::empty()))?.map(File::from))
    }

    /// Opens a file for reading and writing; creates it with `mode` if it does not exist.
    pub(crate) fn open_or_create(&self, name: &str, mode: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(mode))?))
    }

    /// Renames a file or directory, possibly to another directory; replaces a file that has the new name.
    pub(crate) fn rename(&self, from: &str, to_dir: &Self, to: &str) -> io::Result<()> {
        #[cfg(test)]
        super::fault::step()?;
        Ok(rustix::fs::renameat(&self.0, from, &to_dir.0, to)?)
    }

    /// Creates a hard link; fails if the new name is taken.
    pub(crate) fn link(&self, name: &str, to_dir: &Self, to: &str) -> io::Result<()> {
        #[cfg(test)]
        super::fault::step()?;
        Ok(rustix::fs::linkat(&self.0, name, &to_dir.0, to, AtFlags::empty())?)
    }

    /// Removes a file; returns `false` if it did not exist.
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

    /// Removes a file, or a directory with its content.
    pub(crate) fn remove_all(&self, name: &str) -> io::Result<()> {
        match self.stat(name)? {
            None => Ok(()),
            Some(Stat { kind: FileKind::Dir, .. }) => {
                if let Some(child) = self.child(name)? {
                    for entry in child.list()? {
                        // The server never writes other names; such a file stays, and so does its directory.
                        if let Ok(name) = std::str::from_utf8(&entry.name) {
                            child.remove_all(name)?;
                        }
                    }
                }
                self.rmdir(name)
            }
            Some(_) => self.unlink(name).map(drop),
        }
    }

    /// Removes a directory that contains nothing but empty directories; returns whether it is removed.
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

    /// The entries of the directory in no particular order, without `.` and `..`.
    pub(crate) fn list(&self) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        self.for_each_entry(|name, kind| {
            entries.push(DirEntry { name: name.to_vec(), kind });
            Ok(())
        })?;
        Ok(entries)
    }

    /// Calls `visit` with each entry of the directory, as [`Self::list`] returns them. `visit` may remove files.
    pub(crate) fn for_each_entry(
        &self,
        mut visit: impl FnMut(&[u8], FileKind) -> io::Result<()>,
    ) -> io::Result<()> {
        self.for_each_entry_while(|name, kind| visit(name, kind).map(|()| true)).map(drop)
    }

    /// [`Self::for_each_entry`] until `visit` returns `false`. Returns whether all entries were visited.
    pub(super) fn for_each_entry_while(
        &self,
        mut visit: impl FnMut(&[u8], FileKind) -> io::Result<bool>,
    ) -> io::Result<bool> {
        // A separate handle, as duplicates share the read position.
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
                // Some file systems do not store the type in the directory.
                FileType::Unknown => {
                    match optional(rustix::fs::statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW))?
                    {
                        Some(stat) => convert(&stat).kind,
                        None => continue,
                    }
                }
                known => self::kind(known),
            };
            if !visit(name, kind)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A path by which this process can open the directory, even after it was renamed.
    pub(super) fn proc_path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }

    /// Syncs the directory, which makes its entries durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.0) {
            // Some file systems cannot sync directories; nothing more can be done there.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// An entry of a directory.
#[derive(Debug)]
pub(crate) struct DirEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: FileKind,
}

#[cfg(test)]
mod tests;
