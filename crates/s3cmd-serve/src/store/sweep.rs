//! What a crash left: unfinished writes and uploads, and of versions contents and segments that no index mentions. They
//! harm nothing and take space.
//!
//! The latter are looked for at the start after a run that did not end by itself, as it takes a look at each index. The
//! mark of such a run is the text in the lock file, which the end of a run removes.

use super::bucket::Bucket;
use super::dir::{Dir, FileKind};
use super::key_path::PRIVATE;
use super::staged::temporary_name;
use super::{uploads, versions};
use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Seek, Write};

/// What stands in the lock file while its directory is served.
const RUNNING: &[u8] = b"running\n";

/// Marks the beginning of a run in its lock file; says whether the run before did not come to its end.
pub(super) fn begin(lock: &mut File) -> io::Result<bool> {
    let was_running = lock.metadata()?.len() > 0;
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(RUNNING)?;
    Ok(was_running)
}

/// Marks the end of a run.
pub(super) fn end(lock: &File) {
    // At worst the next start looks for what is not there.
    let _ = lock.set_len(0);
}

/// Removes what writes and uploads left that never finished.
pub(super) fn remove_unfinished(bucket: &Bucket) -> io::Result<()> {
    if !bucket.mode.read_only
        && let Some(private) = bucket.dir.child(PRIVATE)?
    {
        private.remove_all("tmp")?;
        uploads::clean(&private)?;
    }
    Ok(())
}

/// Names by their sums: one that has the sum of another by chance stays.
#[derive(Default)]
struct NameSet {
    hasher: RandomState,
    sums: HashSet<u64>,
}

impl NameSet {
    fn insert(&mut self, name: &str) {
        self.sums.insert(self.hasher.hash_one(name.as_bytes()));
    }

    /// Removes the files of a directory that have another name; returns how many.
    fn remove_others(&self, dir: &Dir) -> io::Result<usize> {
        let mut removed = 0;
        dir.each(|name, kind| {
            if kind == FileKind::File
                && !self.sums.contains(&self.hasher.hash_one(name))
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

/// Removes the contents and the segments that no index of a bucket mentions; returns how many. Nobody uses the bucket
/// yet.
pub(super) fn sweep(bucket: &Bucket) -> io::Result<usize> {
    let (contents, segments) = (bucket.version_data()?, bucket.version_segments()?);
    if contents.is_none() && segments.is_none() {
        return Ok(0);
    }
    let (mut known_contents, mut known_segments) = (NameSet::default(), NameSet::default());
    if let Some(index) = bucket.version_index()? {
        each_head(index, &mut |head| {
            let mut content = |name: &str| known_contents.insert(name);
            let mut segment = |name: &str| known_segments.insert(name);
            versions::mentions(bucket, head, &mut content, &mut segment)
        })?;
    }
    let mut removed = 0;
    // Else a version may be in the middle of a move, and what no index mentions be the only one there is.
    if let Some(contents) = contents
        && has_links(bucket)?
    {
        removed += known_contents.remove_others(contents)?;
    }
    if let Some(segments) = segments {
        removed += known_segments.remove_others(segments)?;
    }
    Ok(removed)
}

/// Shows the head of each key below a directory of indexes. One that cannot be read ends the search.
fn each_head(index: &Dir, look: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    for entry in index.list()? {
        let Ok(name) = std::str::from_utf8(&entry.name) else { continue };
        match entry.kind {
            FileKind::Dir => {
                if let Some(below) = index.child(name)? {
                    each_head(&below, look)?;
                }
            }
            FileKind::File => {
                if let Some(head) = index.read(name)? {
                    look(&head)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the file system gives files second names.
fn has_links(bucket: &Bucket) -> io::Result<bool> {
    let (tmp, name, _file) = bucket.create_temporary()?;
    let second = temporary_name();
    let has = tmp.link(&name, tmp, &second).is_ok();
    tmp.unlink(&name)?;
    tmp.unlink(&second)?;
    Ok(has)
}
