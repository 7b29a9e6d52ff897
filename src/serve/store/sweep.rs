//! What a crash left of versions: contents that no index mentions. They harm nothing and take space.
//!
//! Looked for at the start after a run that did not end by itself, as it takes a look at each index. The mark of such a run
//! is the text in the lock file, which the end of a run removes.

use super::bucket::Bucket;
use super::dir::{Dir, Kind};
use super::staged::temporary_name;
use super::versions;
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

/// Removes the contents that no index of a bucket mentions; returns how many. Nobody uses the bucket yet.
pub(super) fn sweep(bucket: &Bucket) -> io::Result<usize> {
    let Some(data) = bucket.version_data()? else { return Ok(0) };
    if !has_links(bucket)? {
        // A version may be in the middle of a move, then, and what no index mentions be the only one there is.
        return Ok(0);
    }
    // Sums of names: a content that has that of another by chance stays.
    let hasher = RandomState::new();
    let mut known = HashSet::new();
    if let Some(index) = bucket.version_index()? {
        remember(index, &mut |name| {
            known.insert(hasher.hash_one(name.as_bytes()));
        })?;
    }
    let mut removed = 0;
    data.each(|name, kind| {
        if kind == Kind::File
            && !known.contains(&hasher.hash_one(name))
            && let Ok(name) = std::str::from_utf8(name)
            && data.unlink(name)?
        {
            removed += 1;
        }
        Ok(())
    })?;
    Ok(removed)
}

/// Names every content that the indexes below a directory mention. One that cannot be read ends the search.
fn remember(index: &Dir, tell: &mut impl FnMut(String)) -> io::Result<()> {
    for entry in index.list()? {
        let Ok(name) = std::str::from_utf8(&entry.name) else { continue };
        match entry.kind {
            Kind::Dir => {
                if let Some(below) = index.child(name)? {
                    remember(&below, tell)?;
                }
            }
            Kind::File => {
                if let Some(bytes) = index.read(name)? {
                    versions::names_in(&bytes)?.into_iter().for_each(&mut *tell);
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
