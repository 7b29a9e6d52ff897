//! Cleaning up after a crash: unfinished writes and uploads, and version contents and segments that no index refers to.
//! They do no harm, but take up space.
//!
//! Unreferenced contents and segments are only searched for after an unclean shutdown, as the search reads every index.
//! The server recognises an unclean shutdown by the text in the lock file, which a clean shutdown removes.

use super::bucket::Bucket;
use super::dir::{Dir, FileKind};
use super::key_path::PRIVATE;
use super::staged::temporary_name;
use super::{uploads, versions};
use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Seek, Write};

/// Content of the lock file while its directory is served.
const RUNNING: &[u8] = b"running\n";

/// Marks the server as running in the lock file; returns whether the previous run ended uncleanly.
pub(super) fn begin(lock: &mut File) -> io::Result<bool> {
    let was_running = lock.metadata()?.len() > 0;
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(RUNNING)?;
    Ok(was_running)
}

/// Marks a clean shutdown.
pub(super) fn end(lock: &File) {
    // If this fails, the next start only searches in vain.
    let _ = lock.set_len(0);
}

/// Removes the remains of unfinished writes and uploads.
pub(super) fn remove_unfinished(bucket: &Bucket) -> io::Result<()> {
    if !bucket.mode.read_only
        && let Some(private) = bucket.dir.child(PRIVATE)?
    {
        private.remove_all("tmp")?;
        uploads::remove_unusable(&private)?;
    }
    Ok(())
}

/// A set of names, stored as hashes. A name whose hash collides with another one counts as a member, so its file stays.
#[derive(Default)]
struct NameSet {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl NameSet {
    fn insert(&mut self, name: &str) {
        self.hashes.insert(self.hasher.hash_one(name.as_bytes()));
    }

    /// Removes the files of a directory whose names are not in the set; returns their number.
    fn remove_others(&self, dir: &Dir) -> io::Result<usize> {
        let mut removed = 0;
        dir.for_each_entry(|name, kind| {
            if kind == FileKind::File
                && !self.hashes.contains(&self.hasher.hash_one(name))
                && let Ok(name) = std::str::from_utf8(name)
                && dir.unlink(name)?
            {
                removed += 1;
            }
            Ok(())
        })?;
        Ok(removed)
    }
}

/// Removes the contents and segments that no index of a bucket refers to; returns their number. The bucket must not be
/// in use yet.
pub(super) fn sweep(bucket: &Bucket) -> io::Result<usize> {
    let (contents, segments) = (bucket.version_data()?, bucket.version_segments()?);
    if contents.is_none() && segments.is_none() {
        return Ok(0);
    }
    let (mut known_contents, mut known_segments) = (NameSet::default(), NameSet::default());
    if let Some(index) = bucket.version_index()? {
        for_each_head(index, &mut |head| {
            let mut content = |name: &str| known_contents.insert(name);
            let mut segment = |name: &str| known_segments.insert(name);
            versions::visit_references(bucket, head, &mut content, &mut segment)
        })?;
    }
    let mut removed = 0;
    // Without hard links a version is moved, and an unreferenced file may be the only copy of its content.
    if let Some(contents) = contents
        && supports_hard_links(bucket)?
    {
        removed += known_contents.remove_others(contents)?;
    }
    if let Some(segments) = segments {
        removed += known_segments.remove_others(segments)?;
    }
    Ok(removed)
}

/// Calls `visit` with the head of each key below a directory of indexes. Fails if one cannot be read.
fn for_each_head(index: &Dir, visit: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    for entry in index.list()? {
        let Ok(name) = std::str::from_utf8(&entry.name) else { continue };
        match entry.kind {
            FileKind::Dir => {
                if let Some(child) = index.child(name)? {
                    for_each_head(&child, visit)?;
                }
            }
            FileKind::File => {
                if let Some(head) = index.read(name)? {
                    visit(&head)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the file system supports hard links.
fn supports_hard_links(bucket: &Bucket) -> io::Result<bool> {
    let (tmp, name, _file) = bucket.create_temporary()?;
    let link = temporary_name();
    let supported = tmp.link(&name, tmp, &link).is_ok();
    tmp.unlink(&name)?;
    tmp.unlink(&link)?;
    Ok(supported)
}
