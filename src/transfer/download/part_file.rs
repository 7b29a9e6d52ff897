//! The temporary file of a download. It is next to the target, and one run owns it until it is renamed to the target.
//!
//! The holder of the lock on a file owns its name: only that run may write to the file, rename it or remove it. After
//! locking, and again before renaming, the name must still refer to the locked file. After renaming, a run does not
//! touch any file that gets the old name. Bytes that a killed run left are reused only by a download that has a resume
//! state for them. Any other download writes to a newly created file, so that a locking mistake cannot affect a
//! finished file. On a file system without locks, the names are unique to the run, and nothing is taken over.

use super::file_lock::{Lock, create_new, leads_to, lock, open_left};
use super::finish::{Finish, Made};
use super::names::{self, Kind};
use super::object::Remote;
use super::resume_state;
use crate::transfer::file_attributes::restore::Owner;
use s3cmd_client::Result;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many times a name is tried that other runs create and remove meanwhile.
const ATTEMPTS: usize = 8;

/// A temporary file, which is renamed to the target or removed.
#[derive(Debug)]
pub(super) struct PartFile {
    file: Arc<File>,
    path: PathBuf,
    target: PathBuf,
    made: Made,
    /// Whether a later run can find the file by its name.
    lasting: bool,
    /// Whether to leave the file for a later run if it is not renamed to the target.
    keep: bool,
    has_resume_state: bool,
    /// Whether it was renamed to the target: this run no longer owns the temporary name.
    placed: bool,
}

impl PartFile {
    /// Opens or creates the temporary file of a target, with the content that an earlier run left.
    pub(super) fn resume(target: &Path, object: &Remote, finish: &Finish) -> io::Result<Self> {
        Self::open(target, Made::new(target, object, finish), true)
    }

    /// Creates the temporary file of a target, empty.
    pub(super) fn create(target: &Path, object: &Remote, finish: &Finish) -> io::Result<Self> {
        Self::open(target, Made::new(target, object, finish), false)
    }

    fn open(target: &Path, made: Made, resumes: bool) -> io::Result<Self> {
        for path in names::lasting(target) {
            // Another file that has the name of a resume state is not overwritten.
            if resumes && is_foreign(&path.with_extension("state")) {
                continue;
            }
            match acquire(&path, made.mode(), resumes)? {
                Ownership::New(file) => return Ok(Self::new(file, path, target, made, true)),
                Ownership::Left(file) => return Ok(Self::new(file, path, target, made.taken_over(), true)),
                Ownership::Busy => {}
                Ownership::NoLocks => break,
            }
        }
        let mut prefix = String::new();
        let made_file = names::private(target, &mut prefix)
            .make_in(names::parent(target), |path| create_new(path, made.mode()))
            .map_err(plain)?;
        let (file, path) = made_file.keep().map_err(|error| plain(error.error))?;
        // The lock shows other runs that the file is in use. Without it, the name is still unique to this run.
        let _ = lock(&file);
        Ok(Self::new(file, path, target, made, false))
    }

    fn new(file: File, path: PathBuf, target: &Path, made: Made, lasting: bool) -> Self {
        let target = target.to_owned();
        let file = Arc::new(file);
        Self { file, path, target, made, lasting, keep: false, has_resume_state: false, placed: false }
    }

    /// The open file.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The path of the resume state, if a later run can find it.
    pub(super) fn resume_state(&mut self) -> Option<PathBuf> {
        self.has_resume_state = self.lasting;
        self.lasting.then(|| self.path.with_extension("state"))
    }

    /// Leaves the file for a later run, if one can find it, unless it is renamed to the target.
    pub(super) fn keep(&mut self) {
        self.keep = self.lasting;
    }

    /// Whether a later run can resume with it.
    pub(super) fn is_kept(&self) -> bool {
        self.keep
    }

    /// The path of the target.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Reverts [`PartFile::keep`].
    pub(super) fn discard(&mut self) {
        self.keep = false;
    }

    /// Sets the attributes of the verified file, checks the errors that `close` would report, and renames it to the
    /// target. Returns whether the owner was restored.
    pub(super) fn place(mut self, object: &Remote, finish: &Finish) -> Result<Owner> {
        let owner = finish.attributes(&self.file, &self.target, object, self.made);
        finish.settle(&self.file)?;
        if !leads_to(&self.path, &self.file) {
            return Err(io::Error::other("the temporary file was removed or replaced").into());
        }
        std::fs::rename(&self.path, &self.target)?;
        self.placed = true;
        if self.has_resume_state {
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
            // Remove the resume state first: once the file is removed, another run may use its name.
            if self.has_resume_state {
                remove_resume_state(&self.path);
            }
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes the leftovers of killed downloads of a target: resume states without files.
pub(crate) fn tidy(target: &Path) {
    names::lasting(target).for_each(|path| remove_left(&path.with_extension("state")));
}

/// Removes a file that a killed download left and that no later run will use: a resume state whose file was renamed to
/// the target, or a file under a name that was unique to one run. Other files, and those in use by a run, stay.
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

/// Removes a temporary file and its resume state, unless a run is using them.
fn clear(path: &Path) {
    if let Ok(Ownership::New(_locked) | Ownership::Left(_locked)) = acquire(path, 0o600, true) {
        remove_resume_state(path);
        let _ = std::fs::remove_file(path);
    }
}

/// Removes the resume state of a temporary file that this run owns.
fn remove_resume_state(path: &Path) {
    let resume_state = path.with_extension("state");
    if !is_foreign(&resume_state) {
        let _ = std::fs::remove_file(resume_state);
    }
}

/// Whether a path with the name of a resume state holds something else.
fn is_foreign(resume_state: &Path) -> bool {
    std::fs::symlink_metadata(resume_state).is_ok()
        && !resume_state::is_one(resume_state)
        && !names::is_empty(resume_state)
}

/// The result of trying to own the name of a temporary file.
enum Ownership {
    /// The name was free: the new, empty file belongs to this run.
    New(File),
    /// An earlier run left the file, and this run took it over.
    Left(File),
    /// The name belongs to another run, or is not a temporary file.
    Busy,
    /// The file system does not support locks, so that ownership cannot be determined.
    NoLocks,
}

/// Creates the file of that name, or takes it over if no run is using it. `resumes`: keep its content instead of
/// creating a new file.
fn acquire(path: &Path, mode: u32, resumes: bool) -> io::Result<Ownership> {
    for _ in 0..ATTEMPTS {
        match create_new(path, mode) {
            Ok(file) => match lock(&file) {
                Lock::Held if leads_to(path, &file) => return Ok(Ownership::New(file)),
                // Another run opened it before it was locked, and removed it.
                Lock::Held => continue,
                Lock::Busy => return Ok(Ownership::Busy),
                Lock::Unsupported => {
                    // Without locks, files are never taken over.
                    let _ = std::fs::remove_file(path);
                    return Ok(Ownership::NoLocks);
                }
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let file = match open_left(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Ownership::Busy),
            // It was renamed or removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match lock(&file) {
            Lock::Held if leads_to(path, &file) => {}
            Lock::Held => continue,
            Lock::Busy => return Ok(Ownership::Busy),
            Lock::Unsupported => return Ok(Ownership::NoLocks),
        }
        if resumes {
            return Ok(Ownership::Left(file));
        }
        remove_resume_state(path);
        if std::fs::remove_file(path).is_err() {
            return Ok(Ownership::Busy);
        }
    }
    Ok(Ownership::Busy)
}

/// The error without the name of the temporary file, which means nothing to users.
fn plain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

#[cfg(test)]
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

    fn write_resume_state(part: &mut PartFile) -> PathBuf {
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
        // A second process at the same time, with its own open file, gets its own name.
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
    fn a_download_from_the_beginning_writes_to_a_new_file() {
        use std::os::unix::fs::MetadataExt;
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut left = resumed(&target);
        left.keep();
        let (path, open) = (left.path.clone(), File::open(&left.path).unwrap());
        write_resume_state(&mut left);
        drop(left);
        let new = created(&target);
        assert_eq!(new.path, path);
        assert_ne!(new.file().metadata().unwrap().ino(), open.metadata().unwrap().ino());
        drop(new);
        assert!(names_in(root.path()).is_empty());
    }

    #[test]
    fn a_later_file_with_the_temporary_name_is_not_touched() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        for has_resume_state in [false, true] {
            let mut first = resumed(&target);
            if has_resume_state {
                write_resume_state(&mut first);
            }
            let name = first.path.clone();
            // As if another run started between the renaming and the end of this one.
            first.placed = true;
            std::fs::rename(&name, &target).unwrap();
            let mut second = resumed(&target);
            assert_eq!(second.path, name);
            let resume_state = write_resume_state(&mut second);
            drop(first);
            clear(&name);
            assert!(name.exists() && resume_state.exists());
            place(second).unwrap();
            assert_eq!(names_in(root.path()), std::slice::from_ref(&target));
        }
    }

    #[test]
    fn a_name_that_refers_to_another_file_is_neither_renamed_nor_removed() {
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
    fn a_finished_run_removes_the_leftovers_of_a_killed_concurrent_run() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let first = resumed(&target);
        let mut second = resumed(&target);
        write_resume_state(&mut second);
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
    fn surplus_concurrent_runs_use_unique_files_that_are_not_kept() {
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
        // As if the run had been killed.
        std::fs::write(&private[0], "").unwrap();
        remove_left(&private[0]);
        assert!(!private[0].exists());
    }

    #[test]
    fn a_resume_state_is_removed_only_without_its_file() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let mut part = resumed(&target);
        let resume_state = write_resume_state(&mut part);
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
        // A file that only has such a name belongs to the user.
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
