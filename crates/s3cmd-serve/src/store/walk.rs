//! Keys in S3's order (bytes), found lazily: only the directories that a page needs are read.
//!
//! A directory is compared as its name with a `/`, which makes the walk of a tree come out in key order. The
//! escaped store is walked in the same way (its paths keep the order of keys) and merged in.

use super::bucket::Bucket;
use super::dir::Dir;
use super::key_path::{self, Layout, PRIVATE};
use super::names::DirNames;
use super::unreadable;
use std::io;

#[derive(Debug)]
struct Frame {
    dir: Dir,
    /// Path from the walk's root, with its `/`; empty at the root.
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
                if key_path::is_path(below) {
                    let dir = root.walk(below.split('/'));
                    walk.enter(dir, format!("{below}/").into_bytes())?;
                }
            }
            _ => walk.push(root.try_clone()?, Vec::new())?,
        }
        Ok(walk)
    }

    /// Goes into a directory that was found. One that the server's process may not read is left out, and named in the
    /// log.
    fn enter(&mut self, dir: io::Result<Option<Dir>>, prefix: Vec<u8>) -> io::Result<()> {
        let shown = String::from_utf8_lossy(&prefix).into_owned();
        let entered = dir.and_then(|dir| dir.map_or(Ok(()), |dir| self.push(dir, prefix)));
        match entered {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.has_skipped = true;
                unreadable::log_once(self.bucket, &shown, &error);
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

    /// Passes over all keys before `key`, which need not exist.
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
                // Only UTF-8 names were taken; a directory that is gone by now is passed over.
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
            (Walk::new(bucket, bucket.data_root(Layout::Plain)?, true, prefix)?, None),
            (Walk::new(bucket, bucket.data_root(Layout::Escaped)?, false, prefix)?, None),
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
                walk.seek(key)?;
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
