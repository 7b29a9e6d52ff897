//! The temporary file of a download: beside its target, and owned by one run until it has the target's name.
//!
//! A name belongs to whoever holds the lock on the file that it leads to: only that run may write the file, rename it or
//! remove the name. After locking, and again before the renaming, the name has to lead to the locked file still. After
//! its renaming a run has no part in whatever gets the old name. Bytes that a killed run left are used again only by a
//! download that has a resume_state of them; any other one writes into a file of its own making, so that no mistake about a lock
//! can reach a file that is finished. Where a file system has no locks, names are used that no other run has, and nothing is
//! taken over.

use super::finish::{Finish, Made};
use super::names::{self, Kind};
use super::object::Remote;
use super::resume_state;
use crate::s3::Result;
use crate::transfer::restore::Owner;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a name is tried that others make and remove meanwhile.
const ATTEMPTS: usize = 8;

/// A temporary file that becomes the target, or is removed.
#[derive(Debug)]
pub(super) struct PartFile {
    file: Arc<File>,
    path: PathBuf,
    target: PathBuf,
    made: Made,
    /// Whether a later run finds the file under its name.
    lasting: bool,
    /// Whether the file stays for a later run when it does not become the target.
    keep: bool,
    has_journal: bool,
    /// Whether it has become the target: the temporary name is not this run's any more.
    placed: bool,
}

impl PartFile {
    /// Opens or makes the temporary file of a target; its content is what an earlier run left.
    pub(super) fn resume(target: &Path, object: &Remote, finish: &Finish) -> io::Result<Self> {
        Self::open(target, Made::new(target, object, finish), true)
    }

    /// Makes the temporary file of a target, empty.
    pub(super) fn create(target: &Path, object: &Remote, finish: &Finish) -> io::Result<Self> {
        Self::open(target, Made::new(target, object, finish), false)
    }

    fn open(target: &Path, made: Made, resumes: bool) -> io::Result<Self> {
        for path in names::lasting(target) {
            // What only has the name of a resume_state is not overwritten.
            if resumes && is_foreign(&path.with_extension("state")) {
                continue;
            }
            match own(&path, made.mode(), resumes)? {
                Owned::New(file) => return Ok(Self::new(file, path, target, made, true)),
                Owned::Left(file) => return Ok(Self::new(file, path, target, made.taken_over(), true)),
                Owned::Busy => {}
                Owned::NoLocks => break,
            }
        }
        let mut prefix = String::new();
        let made_file = names::private(target, &mut prefix)
            .make_in(names::parent(target), |path| create_new(path, made.mode()))
            .map_err(plain)?;
        let (file, path) = made_file.keep().map_err(|error| plain(error.error))?;
        // So that nobody takes it for one that was left behind. Its name is this run's without a lock, too.
        let _ = lock(&file);
        Ok(Self::new(file, path, target, made, false))
    }

    fn new(file: File, path: PathBuf, target: &Path, made: Made, lasting: bool) -> Self {
        let target = target.to_owned();
        let file = Arc::new(file);
        Self { file, path, target, made, lasting, keep: false, has_journal: false, placed: false }
    }

    /// The open file.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where the progress of the download is written down, if a later run can find it.
    pub(super) fn resume_state(&mut self) -> Option<PathBuf> {
        self.has_journal = self.lasting;
        self.lasting.then(|| self.path.with_extension("state"))
    }

    /// Leaves the file to a later run, if one can find it, unless it becomes the target.
    pub(super) fn keep(&mut self) {
        self.keep = self.lasting;
    }

    /// Whether a later run goes on with it.
    pub(super) fn is_kept(&self) -> bool {
        self.keep
    }

    /// The file that it becomes.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Removes it after all.
    pub(super) fn discard(&mut self) {
        self.keep = false;
    }

    /// Gives the verified file its attributes and its name, after the file system has taken all of its bytes: what `close`
    /// reports is read before. Returns what became of the owner.
    pub(super) fn place(mut self, object: &Remote, finish: &Finish) -> Result<Owner> {
        let owner = finish.attributes(&self.file, &self.target, object, self.made);
        finish.settle(&self.file)?;
        if !leads_to(&self.path, &self.file) {
            return Err(io::Error::other("the temporary file was taken away").into());
        }
        std::fs::rename(&self.path, &self.target)?;
        self.placed = true;
        if self.has_journal {
            clear(&self.path);
        }
        for path in names::lasting(&self.target).skip(1).filter(|path| path.exists()) {
            clear(&path);
        }
        finish.name(&self.target)?;
        Ok(owner)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.placed && !self.keep && leads_to(&self.path, &self.file) {
            // The resume_state first: without its file another run's could have the name already.
            if self.has_journal {
                remove_journal(&self.path);
            }
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes what killed downloads of a target left: journals without files.
pub(crate) fn tidy(target: &Path) {
    names::lasting(target).for_each(|path| remove_left(&path.with_extension("state")));
}

/// Removes a file that a killed download left and that no later one will ask for: a resume_state whose file has become the
/// target, or a file under a name that belonged to one run alone. Anything else, and what a run is at, stays.
pub(crate) fn remove_left(path: &Path) {
    match path.file_name().and_then(names::kind) {
        Some(Kind::ResumeState) if resume_state::is_one(path) => {
            let part = path.with_extension("part");
            if !part.exists() || names::is_empty(&part) {
                clear(&part);
            }
        }
        Some(Kind::PrivatePart) => {
            let Ok(Some(file)) = open_left(path) else { return };
            if matches!(lock(&file), Lock::Held) && leads_to(path, &file) {
                let _ = std::fs::remove_file(path);
            }
        }
        _ => {}
    }
}

/// Removes a temporary file and its resume_state, unless a run is at them.
fn clear(path: &Path) {
    if let Ok(Owned::New(_locked) | Owned::Left(_locked)) = own(path, 0o600, true) {
        remove_journal(path);
        let _ = std::fs::remove_file(path);
    }
}

/// Removes the resume_state of a temporary file that this run owns.
fn remove_journal(path: &Path) {
    let resume_state = path.with_extension("state");
    if !is_foreign(&resume_state) {
        let _ = std::fs::remove_file(resume_state);
    }
}

/// Whether there is something under the name of a resume_state that is none.
fn is_foreign(resume_state: &Path) -> bool {
    std::fs::symlink_metadata(resume_state).is_ok()
        && !resume_state::is_one(resume_state)
        && !names::is_empty(resume_state)
}

/// A name of a temporary file, asked for.
enum Owned {
    /// Nothing was there: this run's, empty.
    New(File),
    /// It was left by an earlier run and is this run's now.
    Left(File),
    /// It is another run's, or no such file.
    Busy,
    /// The file system has no locks: nothing can be known of such names.
    NoLocks,
}

/// Makes the file of that name, or takes it over if nobody is at it: with its content if `resumes`, else anew.
#[cfg(unix)]
fn own(path: &Path, mode: u32, resumes: bool) -> io::Result<Owned> {
    for _ in 0..ATTEMPTS {
        match create_new(path, mode) {
            Ok(file) => match lock(&file) {
                Lock::Held if leads_to(path, &file) => return Ok(Owned::New(file)),
                // Another run saw it before it was locked, and removed it.
                Lock::Held => continue,
                Lock::Busy => return Ok(Owned::Busy),
                Lock::Unsupported => {
                    // Without locks nobody takes over what is there.
                    let _ = std::fs::remove_file(path);
                    return Ok(Owned::NoLocks);
                }
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let file = match open_left(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Owned::Busy),
            // It was renamed or removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match lock(&file) {
            Lock::Held if leads_to(path, &file) => {}
            Lock::Held => continue,
            Lock::Busy => return Ok(Owned::Busy),
            Lock::Unsupported => return Ok(Owned::NoLocks),
        }
        if resumes {
            return Ok(Owned::Left(file));
        }
        remove_journal(path);
        if std::fs::remove_file(path).is_err() {
            return Ok(Owned::Busy);
        }
    }
    Ok(Owned::Busy)
}

#[cfg(unix)]
fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)
}

/// Opens what is there under the name of a temporary file; `None` if it cannot be one of this user's.
#[cfg(unix)]
fn open_left(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    // Neither follows a link nor waits at a pipe.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = match OpenOptions::new().read(true).write(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        Err(_) => return Ok(None),
    };
    let metadata = file.metadata()?;
    let ours =
        metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.nlink() == 1;
    // Renamed between the two, it has no name or another one, which `leads_to` finds out.
    Ok(Some(file).filter(|_| ours))
}

/// What became of an attempt to lock a file.
enum Lock {
    Held,
    Busy,
    Unsupported,
}

#[cfg(unix)]
fn lock(file: &File) -> Lock {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Held,
        Err(rustix::io::Errno::WOULDBLOCK) => Lock::Busy,
        Err(_) => Lock::Unsupported,
    }
}

/// Whether a path leads to this open file, and not through a link.
#[cfg(unix)]
fn leads_to(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(named), Ok(open)) = (std::fs::symlink_metadata(path), file.metadata()) else { return false };
    (named.dev(), named.ino()) == (open.dev(), open.ino())
}

#[cfg(not(unix))]
fn own(_: &Path, _: u32, _: bool) -> io::Result<Owned> {
    Ok(Owned::NoLocks)
}

#[cfg(not(unix))]
fn create_new(path: &Path, _: u32) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

#[cfg(not(unix))]
fn open_left(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

#[cfg(not(unix))]
fn lock(_: &File) -> Lock {
    Lock::Unsupported
}

#[cfg(not(unix))]
fn leads_to(_: &Path, _: &File) -> bool {
    true
}

/// An error without the temporary file's name, which means nothing to the user.
fn plain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn resumed(target: &Path) -> PartFile {
        PartFile::resume(target, &Remote::default(), &Finish::default()).unwrap()
    }

    fn created(target: &Path) -> PartFile {
        PartFile::create(target, &Remote::default(), &Finish::default()).unwrap()
    }

    fn place(part: PartFile) -> Result<Owner> {
        part.place(&Remote::default(), &Finish::default())
    }

    fn write_journal(part: &mut PartFile) -> PathBuf {
        let line = r#"{"version":2,"endpoint":"h","bucket":"b","key":"k","etag":"e","size":1,"chunk":1}"#;
        let path = part.resume_state().expect("a later run finds it");
        std::fs::write(&path, format!("{line}\n")).unwrap();
        path
    }

    fn names_in(folder: &Path) -> Vec<PathBuf> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_killed_run_leaves_one_file_and_the_next_takes_it_over() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut first = resumed(&target);
        first.keep();
        // Another process, and so another open file, at the same time gets a name of its own.
        let second = resumed(&target);
        assert_ne!(first.path, second.path);
        drop(second);
        let path = first.path.clone();
        std::fs::write(&path, "left").unwrap();
        drop(first);
        assert_eq!(names_in(root.path()).len(), 1);
        let again = resumed(&target);
        assert_eq!((again.path.clone(), std::fs::read(&path).unwrap()), (path, b"left".to_vec()));
        drop(again);
        assert!(names_in(root.path()).is_empty());
    }

    #[test]
    fn a_download_from_the_beginning_writes_into_a_file_of_its_own() {
        use std::os::unix::fs::MetadataExt;
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut left = resumed(&target);
        left.keep();
        let (path, open) = (left.path.clone(), File::open(&left.path).unwrap());
        write_journal(&mut left);
        drop(left);
        let new = created(&target);
        assert_eq!(new.path, path);
        assert_ne!(new.file().metadata().unwrap().ino(), open.metadata().unwrap().ino());
        drop(new);
        assert!(names_in(root.path()).is_empty());
    }

    #[test]
    fn whatever_has_the_temporary_name_afterwards_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        for has_journal in [false, true] {
            let mut first = resumed(&target);
            if has_journal {
                write_journal(&mut first);
            }
            let name = first.path.clone();
            // As if another run came between the renaming and the end of this one.
            first.placed = true;
            std::fs::rename(&name, &target).unwrap();
            let mut second = resumed(&target);
            assert_eq!(second.path, name);
            let resume_state = write_journal(&mut second);
            drop(first);
            clear(&name);
            assert!(name.exists() && resume_state.exists());
            place(second).unwrap();
            assert_eq!(names_in(root.path()), std::slice::from_ref(&target));
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_neither_renamed_nor_removed() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        for places in [false, true] {
            let part = created(&target);
            let name = part.path.clone();
            std::fs::remove_file(&name).unwrap();
            std::fs::write(&name, "another run's").unwrap();
            if places {
                assert!(place(part).is_err());
            } else {
                drop(part);
            }
            assert_eq!(std::fs::read(&name).unwrap(), b"another run's");
            assert!(!target.exists());
            std::fs::remove_file(&name).unwrap();
        }
    }

    #[test]
    fn of_two_runs_at_once_the_one_that_ends_removes_what_a_kill_left_of_the_other() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let first = resumed(&target);
        let mut second = resumed(&target);
        write_journal(&mut second);
        let third = resumed(&target);
        assert_ne!(third.path, second.path);
        second.keep();
        drop(second);
        place(first).unwrap();
        let left = names_in(root.path());
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(target.exists() && third.path.exists());
    }

    #[test]
    fn more_runs_than_names_have_files_of_their_own_which_are_not_kept() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut parts: Vec<PartFile> = (0..7).map(|_| resumed(&target)).collect();
        let mut paths: Vec<PathBuf> = parts.iter().map(|part| part.path.clone()).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 7);
        parts.iter_mut().for_each(PartFile::keep);
        let private: Vec<PathBuf> = parts.iter().skip(4).map(|part| part.path.clone()).collect();
        for path in &private {
            remove_left(path);
            assert!(path.exists(), "a run is at it");
        }
        drop(parts);
        assert!(private.iter().all(|path| !path.exists()));
        assert_eq!(names_in(root.path()).len(), 4);
        // As of a run that was killed.
        std::fs::write(&private[0], "").unwrap();
        remove_left(&private[0]);
        assert!(!private[0].exists());
    }

    #[test]
    fn a_journal_without_its_file_is_removed_and_one_with_it_is_not() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut part = resumed(&target);
        let resume_state = write_journal(&mut part);
        tidy(&target);
        assert!(resume_state.exists());
        part.keep();
        std::fs::write(&part.path, "some bytes").unwrap();
        let path = part.path.clone();
        drop(part);
        tidy(&target);
        assert!(resume_state.exists());
        std::fs::remove_file(&path).unwrap();
        tidy(&target);
        assert!(names_in(root.path()).is_empty());
        // What only has such a name is its owner's.
        for name in ["my.state", ".s3cmd.notes.state", resume_state.file_name().unwrap().to_str().unwrap()] {
            let other = root.path().join(name);
            std::fs::write(&other, "notes").unwrap();
            remove_left(&other);
            assert!(other.exists());
        }
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let path = names::lasting(&target).next().unwrap();
        let victim = root.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        assert_ne!(resumed(&target).path, path);
        assert_ne!(created(&target).path, path);
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }
}
