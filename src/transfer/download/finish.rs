//! What a complete file gets beside its name: mode, times and owner, and its place on the disk.
//!
//! Attributes are an extra: a file system that refuses them (GPFS with its own ACLs, CIFS, FUSE) keeps the file, and the
//! first refusal of a run is warned about.

use super::names;
use super::object::Remote;
use crate::files;
use crate::output::reason;
use crate::transfer::restore::Owner;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the files of a run are finished.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// Give back the attributes that are stored with the object.
    pub restore: bool,
    /// Attributes do not matter: a refusal is no warning.
    pub indifferent: bool,
    /// Have each file and its name on the disk before it counts as received.
    pub durable: Option<Arc<Durable>>,
}

/// Makes names durable, those of directories once.
#[derive(Debug)]
pub struct Durable {
    /// A directory that was there before the run; its own name is not made durable. As it was typed, and without links.
    bases: [PathBuf; 2],
    /// Directories whose names are on the disk.
    done: Mutex<HashSet<PathBuf>>,
}

impl Durable {
    /// For a destination; directories above it that are not there yet are part of the run's work.
    pub fn new(destination: &Path) -> Self {
        let existing = destination.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("")).to_owned();
        let real = std::fs::canonicalize(&existing).unwrap_or_else(|_| existing.clone());
        Self { bases: [existing, real], done: Mutex::default() }
    }

    /// Has the name of a file or a directory, and those of the directories above it, on the disk.
    pub fn name(&self, path: &Path) -> io::Result<()> {
        let mut directory = names::parent(path);
        files::sync_directory(directory)?;
        while !self.bases.iter().any(|base| directory == base)
            && self.bases.iter().any(|base| directory.starts_with(base))
            && !self.done().contains(directory)
        {
            files::sync_directory(names::parent(directory))?;
            self.done().insert(directory.to_owned());
            directory = names::parent(directory);
        }
        Ok(())
    }

    fn done(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a temporary file was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// The mode that it was opened with; the umask was applied to it.
    mode: u32,
    /// That of the file that it replaces.
    replaces: Option<u32>,
    /// Whether it has the mode that a new file gets here, ACLs of the directory included.
    is_plain: bool,
}

impl Made {
    /// How the temporary file of a target is made: so that its mode need not be changed, where that is possible, and that
    /// nobody reads it before it is finished who may not read it then.
    pub(super) fn new(target: &Path, object: &Remote, finish: &Finish) -> Self {
        let replaces = mode_of(target);
        let wanted = object.stored.mode().filter(|_| finish.restore).or(replaces);
        // It has to be written, and opened again by a later run.
        let mode = wanted.map_or(0o666, |mode| mode & 0o777 | 0o600);
        Self { mode, replaces, is_plain: wanted.is_none() }
    }

    /// What GPG writes into: nobody else may read it.
    pub(super) fn private(target: &Path) -> Self {
        Self { mode: 0o600, replaces: mode_of(target), is_plain: false }
    }

    /// The same for a file that an earlier run made.
    pub(super) fn taken_over(self) -> Self {
        Self { is_plain: false, ..self }
    }

    pub(super) fn mode(self) -> u32 {
        self.mode
    }

    /// The mode that the file has to have where none is stored; `None` where it has it.
    fn wanted(self) -> Option<u32> {
        match self.replaces {
            Some(mode) => Some(mode & 0o1777),
            None if self.is_plain => None,
            None => Some(0o666 & !umask()),
        }
    }
}

impl Finish {
    /// Gives an open file its attributes, as far as the file system lets it.
    pub(super) fn attributes(&self, file: &File, target: &Path, object: &Remote, made: Made) -> Owner {
        let (owner, refused) = object.stored.finish(file, self.restore, made.wanted(), object.modified);
        if let Some(error) = refused {
            self.refused(target, &error);
        }
        owner
    }

    /// Tells that a file has to do without its attributes; the first one of a run is a warning.
    pub fn refused(&self, path: &Path, error: &io::Error) {
        static TOLD: AtomicBool = AtomicBool::new(false);
        let (path, reason) = (path.display(), reason(error));
        if self.indifferent || TOLD.swap(true, Ordering::Relaxed) {
            log::info!("Can't set attributes of '{path}' ({reason})");
        } else {
            log::warn!("Can't set attributes of '{path}' ({reason}): such files are kept without them");
        }
    }

    /// Has the bytes of a file on the disk, if that is wanted, and reads what `close` would report.
    pub(super) fn settle(&self, file: &File) -> io::Result<()> {
        if self.durable.is_some() {
            file.sync_all()?;
        }
        files::check_close_errors(file)
    }

    /// Has the name of a file on the disk, if that is wanted.
    pub(super) fn name(&self, path: &Path) -> io::Result<()> {
        self.durable.as_ref().map_or(Ok(()), |durable| durable.name(path))
    }
}

#[cfg(unix)]
fn mode_of(target: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(target).ok().filter(|metadata| metadata.is_file())?;
    Some(metadata.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode_of(_: &Path) -> Option<u32> {
    None
}

/// The process's umask: read where Linux shows it, else by setting it for a moment, once.
#[cfg(unix)]
fn umask() -> u32 {
    static UMASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *UMASK.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let shown = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        if let Some(umask) = shown.and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok()) {
            return umask;
        }
        let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        rustix::process::umask(old);
        old.as_raw_mode()
    })
}

#[cfg(not(unix))]
fn umask() -> u32 {
    0o022
}
