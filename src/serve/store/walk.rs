//! Keys in S3's order (bytes), found lazily: only the directories that a page needs are read.
//!
//! A directory is compared as its name with a `/`, which makes the walk of a tree come out in key order. The
//! escaped store is walked in the same way (its paths keep the order of keys) and merged in.

use super::bucket::Bucket;
use super::dir::{Dir, Identity, Kind};
use super::place::{self, PRIVATE, Space};
use super::unreadable;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The sorted names of a directory, directories with a trailing `/`, in one block of memory.
#[derive(Debug, Default)]
struct Names {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Names {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }

    /// The first name whose keys can reach `rest`.
    fn position(&self, rest: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let name = self.get(middle);
            if name < rest && !(name.ends_with(b"/") && rest.starts_with(name)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn read(dir: &Dir, top: bool) -> io::Result<Self> {
        let mut entries = dir.list()?;
        entries.retain(|entry| {
            entry.kind != Kind::Other
                && std::str::from_utf8(&entry.name).is_ok()
                && !(top && entry.name == PRIVATE.as_bytes())
        });
        for entry in &mut entries {
            if entry.kind == Kind::Dir {
                entry.name.push(b'/');
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut names = Self::default();
        names.bytes.reserve_exact(entries.iter().map(|entry| entry.name.len()).sum());
        names.ends.reserve_exact(entries.len());
        for entry in entries {
            names.bytes.extend_from_slice(&entry.name);
            names.ends.push(u32::try_from(names.bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?);
        }
        Ok(names)
    }

    fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4
    }
}

/// Directories with fewer names are read again each time.
const CACHED_FROM: usize = 500;
/// The most that the cache holds, in bytes.
const CACHE_BYTES: usize = 24 << 20;
/// A directory changed within this time before it was read may change again without its time stamp moving.
const SETTLED_NS: i64 = 1_000_000_000;

/// The names of big directories, so that the pages of one long listing read such a directory once. Valid while
/// the directory's modification time stands.
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    entries: Mutex<HashMap<Identity, Cached>>,
}

#[derive(Debug)]
struct Cached {
    mtime: i64,
    used: i64,
    names: Arc<Names>,
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl NameCache {
    fn names(&self, dir: &Dir, top: bool) -> io::Result<Arc<Names>> {
        let stat = dir.stat_self()?;
        let id = dir.identity()?;
        let now = now_ns();
        {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(cached) = entries.get_mut(&id) {
                if cached.mtime == stat.mtime {
                    cached.used = now;
                    return Ok(Arc::clone(&cached.names));
                }
                entries.remove(&id);
            }
        }
        let names = Arc::new(Names::read(dir, top)?);
        if names.len() >= CACHED_FROM && stat.mtime < now - SETTLED_NS && names.memory() < CACHE_BYTES {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            let mut total: usize = entries.values().map(|cached| cached.names.memory()).sum();
            while total + names.memory() > CACHE_BYTES {
                let Some(oldest) = entries.iter().min_by_key(|(_, cached)| cached.used).map(|(id, _)| *id)
                else {
                    break;
                };
                total -= entries.remove(&oldest).map_or(0, |cached| cached.names.memory());
            }
            entries.insert(id, Cached { mtime: stat.mtime, used: now, names: Arc::clone(&names) });
        }
        Ok(names)
    }
}

#[derive(Debug)]
struct Frame {
    dir: Dir,
    /// Path from the walk's root, with its `/`; empty at the root.
    prefix: Vec<u8>,
    names: Arc<Names>,
    at: usize,
}

impl Frame {
    /// Moves to the first name that can reach `target`; never back.
    fn seek(&mut self, target: &[u8]) {
        if let Some(rest) = target.strip_prefix(&*self.prefix) {
            self.at = self.at.max(self.names.position(rest));
        } else if target > &*self.prefix {
            self.at = self.names.len();
        }
    }
}

/// The walk of one store of a bucket.
#[derive(Debug)]
struct Walk<'a> {
    bucket: &'a Bucket,
    /// Whether the paths are the keys; else they are escaped.
    plain: bool,
    stack: Vec<Frame>,
    /// Paths below this are passed over.
    target: Vec<u8>,
    /// Whether a directory that cannot be read was left out.
    has_skipped: bool,
}

impl<'a> Walk<'a> {
    /// Starts at the directory that holds every key with `prefix`.
    fn new(bucket: &'a Bucket, root: Option<&Dir>, plain: bool, prefix: &str) -> io::Result<Self> {
        let mut walk = Self { bucket, plain, stack: Vec::new(), target: Vec::new(), has_skipped: false };
        let Some(root) = root else { return Ok(walk) };
        match prefix.rsplit_once('/') {
            Some((below, _)) if plain => {
                // A prefix with a directory that cannot be (`//x`) has no ordinary files.
                if place::is_path(below) {
                    let dir = root.walk(below.split('/'));
                    walk.enter(dir, format!("{below}/").into_bytes())?;
                }
            }
            _ => walk.push(root.again()?, Vec::new())?,
        }
        Ok(walk)
    }

    /// Goes into a directory that was found. One that the server's process may not read is left out, and named in the log.
    fn enter(&mut self, dir: io::Result<Option<Dir>>, prefix: Vec<u8>) -> io::Result<()> {
        let shown = String::from_utf8_lossy(&prefix).into_owned();
        let entered = dir.and_then(|dir| dir.map_or(Ok(()), |dir| self.push(dir, prefix)));
        match entered {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.has_skipped = true;
                unreadable::name_once(self.bucket, &shown, &error);
                Ok(())
            }
            result => result,
        }
    }

    fn push(&mut self, dir: Dir, prefix: Vec<u8>) -> io::Result<()> {
        let top = self.plain && prefix.is_empty();
        let names = self.bucket.names().names(&dir, top)?;
        let mut frame = Frame { dir, prefix, names, at: 0 };
        frame.seek(&self.target);
        self.stack.push(frame);
        Ok(())
    }

    /// Passes over all keys before `key`, which need not exist.
    fn seek(&mut self, key: &[u8]) {
        self.target = if self.plain { key.to_vec() } else { place::escape(key).into_bytes() };
        for frame in &mut self.stack {
            frame.seek(&self.target);
        }
    }

    fn next(&mut self) -> io::Result<Option<String>> {
        while let Some(top) = self.stack.last_mut() {
            if top.at >= top.names.len() {
                self.stack.pop();
                continue;
            }
            let name = top.names.get(top.at);
            let path = [&top.prefix, name].concat();
            top.at += 1;
            if let Some(dir) = name.strip_suffix(b"/") {
                // Only UTF-8 names were taken; a directory that is gone by now is passed over.
                if let Ok(dir) = std::str::from_utf8(dir) {
                    let child = top.dir.child(dir);
                    self.enter(child, path)?;
                }
                continue;
            }
            let key = if self.plain { Some(path) } else { place::unescape(&path) };
            if let Some(key) = key.and_then(|key| String::from_utf8(key).ok()) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

/// All keys of a bucket with a prefix, in order, from a starting point on.
#[derive(Debug)]
pub(crate) struct Keys<'a> {
    prefix: String,
    /// Walks, each with its next key.
    walks: Vec<(Walk<'a>, Option<String>)>,
}

impl<'a> Keys<'a> {
    /// Starts at the first key with `prefix` that is not before `from`.
    pub(crate) fn new(bucket: &'a Bucket, prefix: &str, from: &[u8]) -> io::Result<Self> {
        let walks = vec![
            (Walk::new(bucket, bucket.data_root(Space::Plain)?, true, prefix)?, None),
            (Walk::new(bucket, bucket.data_root(Space::Escaped)?, false, prefix)?, None),
        ];
        Self::start(walks, prefix, from)
    }

    /// As [`Self::new`], with the keys of which there are only versions that are not current.
    pub(crate) fn with_versions(bucket: &'a Bucket, prefix: &str, from: &[u8]) -> io::Result<Self> {
        let mut keys = Self::new(bucket, prefix, from)?;
        if bucket.versioning().is_some() {
            keys.walks.push((Walk::new(bucket, bucket.version_index()?, false, prefix)?, None));
        }
        Self::start(keys.walks, prefix, from)
    }

    fn start(walks: Vec<(Walk<'a>, Option<String>)>, prefix: &str, from: &[u8]) -> io::Result<Self> {
        let mut keys = Self { prefix: prefix.to_owned(), walks };
        keys.seek(from.max(prefix.as_bytes()))?;
        Ok(keys)
    }

    /// Goes on at the first key that is not before `key`. Never goes back.
    pub(crate) fn seek(&mut self, key: &[u8]) -> io::Result<()> {
        for (walk, head) in &mut self.walks {
            if head.as_ref().is_none_or(|head| head.as_bytes() < key) {
                walk.seek(key);
                *head = walk.next()?;
            }
        }
        Ok(())
    }

    /// Whether something was left out because it cannot be read.
    pub(super) fn has_skipped(&self) -> bool {
        self.walks.iter().any(|(walk, _)| walk.has_skipped)
    }

    /// The next key. One that several walks have (something was put there from outside; there are other versions of it)
    /// comes once.
    pub(crate) fn next(&mut self) -> io::Result<Option<String>> {
        let heads = self.walks.iter().filter_map(|(_, head)| head.as_ref());
        let Some(key) = heads.min().cloned() else { return Ok(None) };
        for (walk, head) in &mut self.walks {
            if head.as_ref() == Some(&key) {
                *head = walk.next()?;
            }
        }
        Ok(Some(key).filter(|key| key.starts_with(&self.prefix)))
    }
}
