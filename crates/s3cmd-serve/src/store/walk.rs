//! Keys in S3's order (bytewise), produced lazily: only the directories that a page needs are read.
//!
//! A directory is sorted as its name with a trailing `/`, so that a walk of the tree returns keys in order. The escaped
//! objects are walked in the same manner (their paths have the order of the keys) and merged in.

use super::bucket::Bucket;
use super::dir::Dir;
use super::key_path::{self, Layout, PRIVATE};
use super::names::DirNames;
use super::unreadable;
use std::io;

#[derive(Debug)]
struct Frame {
    dir: Dir,
    /// Path from the root of the walk, with a trailing `/`; empty at the root.
    prefix: Vec<u8>,
    names: DirNames,
}

impl Frame {
    /// Moves to the first name that can reach `target`; never back.
    fn seek(&mut self, target: &[u8]) -> io::Result<()> {
        if let Some(rest) = target.strip_prefix(&*self.prefix) {
            self.names.seek(rest)?;
        } else if target > &*self.prefix {
            self.names.end();
        }
        Ok(())
    }
}

/// A walk of one directory tree of a bucket.
#[derive(Debug)]
struct Walk<'a> {
    bucket: &'a Bucket,
    /// Whether the paths are keys; otherwise they are escaped keys.
    plain: bool,
    stack: Vec<Frame>,
    /// Paths before this one are skipped.
    target: Vec<u8>,
    /// Whether an unreadable directory was skipped.
    has_skipped: bool,
}

impl<'a> Walk<'a> {
    /// Starts at the directory that contains every key with `prefix`.
    fn new(bucket: &'a Bucket, root: Option<&Dir>, plain: bool, prefix: &str) -> io::Result<Self> {
        let mut walk = Self { bucket, plain, stack: Vec::new(), target: Vec::new(), has_skipped: false };
        let Some(root) = root else { return Ok(walk) };
        match prefix.rsplit_once('/') {
            Some((path, _)) if plain => {
                // No file can have a prefix like `//x`.
                if key_path::is_path(path) {
                    let dir = root.walk(path.split('/'));
                    walk.enter(dir, format!("{path}/").into_bytes())?;
                }
            }
            _ => walk.push(root.try_clone()?, Vec::new())?,
        }
        Ok(walk)
    }

    /// Descends into a directory. One that the server has no permission to read is skipped and logged.
    fn enter(&mut self, dir: io::Result<Option<Dir>>, prefix: Vec<u8>) -> io::Result<()> {
        let display_path = String::from_utf8_lossy(&prefix).into_owned();
        let entered = dir.and_then(|dir| dir.map_or(Ok(()), |dir| self.push(dir, prefix)));
        match entered {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.has_skipped = true;
                unreadable::log_once(self.bucket, &display_path, &error);
                Ok(())
            }
            result => result,
        }
    }

    fn push(&mut self, dir: Dir, prefix: Vec<u8>) -> io::Result<()> {
        let names = self.bucket.names().names(&dir)?;
        let mut frame = Frame { dir, prefix, names };
        frame.seek(&self.target)?;
        self.stack.push(frame);
        Ok(())
    }

    /// Skips all keys before `key`, which need not exist.
    fn seek(&mut self, key: &[u8]) -> io::Result<()> {
        self.target = if self.plain { key.to_vec() } else { key_path::escape(key).into_bytes() };
        self.stack.iter_mut().try_for_each(|frame| frame.seek(&self.target))
    }

    fn next(&mut self) -> io::Result<Option<String>> {
        while let Some(Frame { dir, prefix, names }) = self.stack.last_mut() {
            let Some(name) = names.next()? else {
                self.stack.pop();
                continue;
            };
            let path = [prefix, name].concat();
            if let Some(child) = name.strip_suffix(b"/") {
                if self.plain && prefix.is_empty() && child == PRIVATE.as_bytes() {
                    continue;
                }
                // All names are UTF-8 here. A directory that does not exist any more is skipped.
                if let Ok(child) = std::str::from_utf8(child) {
                    let child = dir.child(child);
                    self.enter(child, path)?;
                }
                continue;
            }
            let key = if self.plain { Some(path) } else { key_path::unescape(&path) };
            if let Some(key) = key.and_then(|key| String::from_utf8(key).ok()) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

/// The keys of a bucket with a prefix, in order, from a start key on.
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
            (Walk::new(bucket, bucket.data_root(Layout::Plain)?, true, prefix)?, None),
            (Walk::new(bucket, bucket.data_root(Layout::Escaped)?, false, prefix)?, None),
        ];
        Self::start(walks, prefix, from)
    }

    /// As [`Self::new`], including keys that only have noncurrent versions or delete markers.
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

    /// Skips all keys before `key`. Never moves backwards.
    pub(crate) fn seek(&mut self, key: &[u8]) -> io::Result<()> {
        for (walk, head) in &mut self.walks {
            if head.as_ref().is_none_or(|head| head.as_bytes() < key) {
                walk.seek(key)?;
                *head = walk.next()?;
            }
        }
        Ok(())
    }

    /// Whether an unreadable directory was skipped.
    pub(super) fn has_skipped(&self) -> bool {
        self.walks.iter().any(|(walk, _)| walk.has_skipped)
    }

    /// The next key. A key that several walks return (a foreign file, or an object with noncurrent versions) is
    /// returned once.
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
