//! Finishes a complete file: sets its mode, times and owner, and syncs it to disk if requested.
//!
//! Attributes are optional: if a file system rejects them (GPFS with its own ACLs, CIFS, FUSE), the file is kept, and
//! the first rejection of a run causes a warning.

use super::names;
use super::object::Remote;
use crate::files;
use crate::output::reason;
use crate::transfer::file_attributes::restore::Owner;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the files of a run are finished.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// Restore the attributes that are stored with the object.
    pub restore: bool,
    /// Attributes do not matter, so that a rejection causes no warning.
    pub indifferent: bool,
    /// Sync each file and its name to disk before it counts as received.
    pub durable: Option<Arc<Durable>>,
}

/// Syncs the names of files and directories to disk, those of directories once.
#[derive(Debug)]
pub struct Durable {
    /// A directory that existed before the run, whose own name is not synced: as typed, and canonical.
    bases: [PathBuf; 2],
    /// Directories whose names have been synced.
    done: Mutex<HashSet<PathBuf>>,
}

impl Durable {
    /// Creates one for a destination. Missing parent directories of it are created by the run, so they are synced too.
    pub fn new(destination: &Path) -> Self {
        let existing = destination.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("")).to_owned();
        let real = std::fs::canonicalize(&existing).unwrap_or_else(|_| existing.clone());
        Self { bases: [existing, real], done: Mutex::default() }
    }

    /// Syncs the name of a file or directory, and those of its parent directories, to disk.
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

/// How a temporary file was created.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// The mode that it was created with. The umask was applied to it.
    mode: u32,
    /// The mode of the file that it replaces.
    replaces: Option<u32>,
    /// Whether it has the default mode of a new file, including ACLs of the directory.
    is_plain: bool,
}

impl Made {
    /// Determines how to create the temporary file of a target: if possible so that its mode need not be changed, and
    /// never so that users can read it who may not read the finished file.
    pub(super) fn new(target: &Path, object: &Remote, finish: &Finish) -> Self {
        let replaces = mode_of(target);
        let required = object.stored.mode().filter(|_| finish.restore).or(replaces);
        // It must be writable, also for a later run.
        let mode = required.map_or(0o666, |mode| mode & 0o777 | 0o600);
        Self { mode, replaces, is_plain: required.is_none() }
    }

    /// The mode for GPG's output, which no other user may read.
    pub(super) fn private(target: &Path) -> Self {
        Self { mode: 0o600, replaces: mode_of(target), is_plain: false }
    }

    /// The same for a file that an earlier run created.
    pub(super) fn taken_over(self) -> Self {
        Self { is_plain: false, ..self }
    }

    pub(super) fn mode(self) -> u32 {
        self.mode
    }

    /// The mode that the file must get if none is stored. `None` if it has it already.
    fn missing_mode(self) -> Option<u32> {
        match self.replaces {
            Some(mode) => Some(mode & 0o1777),
            None if self.is_plain => None,
            None => Some(0o666 & !umask()),
        }
    }
}

impl Finish {
    /// Sets the attributes of an open file, as far as the file system supports them.
    pub(super) fn attributes(&self, file: &File, target: &Path, object: &Remote, made: Made) -> Owner {
        let (owner, rejected) =
            object.stored.finish(file, self.restore, made.missing_mode(), object.modified);
        if let Some(error) = rejected {
            self.report_rejected(target, &error);
        }
        owner
    }

    /// Reports that the attributes of a file could not be set. The first report of a run is a warning.
    pub fn report_rejected(&self, path: &Path, error: &io::Error) {
        static REPORTED: AtomicBool = AtomicBool::new(false);
        let (path, reason) = (path.display(), reason(error));
        if self.indifferent || REPORTED.swap(true, Ordering::Relaxed) {
            log::info!("Can't set attributes of '{path}' ({reason})");
        } else {
            log::warn!("Can't set attributes of '{path}' ({reason}): such files are kept without them");
        }
    }

    /// Syncs the content of a file to disk, if requested, and checks for errors that `close` would report.
    pub(super) fn settle(&self, file: &File) -> io::Result<()> {
        if self.durable.is_some() {
            file.sync_all()?;
        }
        files::check_close_errors(file)
    }

    /// Syncs the name of a file to disk, if requested.
    pub(super) fn name(&self, path: &Path) -> io::Result<()> {
        self.durable.as_ref().map_or(Ok(()), |durable| durable.name(path))
    }
}

fn mode_of(target: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(target).ok().filter(|metadata| metadata.is_file())?;
    Some(metadata.permissions().mode() & 0o7777)
}

/// The umask of the process: read from `/proc` on Linux, otherwise by setting it temporarily, once.
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
