//! What files are that no record names, in memory: for a server that may not write it down.

use super::dir::{Identity, Stat, identify};
use super::foreign;
use super::meta::Meta;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// The most files of a bucket that are remembered; of a file from outside about 100 bytes are.
const MOST: usize = 100_000;

/// A state of a file.
type FileState = (Identity, u64, i64);

/// What is known of a file.
#[derive(Clone, Debug)]
pub(super) enum KnownFile {
    /// It is from outside, and this is its MD5.
    Outside([u8; 16]),
    /// There is more to tell.
    Described(Box<Meta>),
}

impl KnownFile {
    /// Keeps little of a file from outside.
    pub(super) fn new(meta: &Meta, is_outside: bool) -> Self {
        let mut digest = [0; 16];
        match hex::decode_to_slice(&meta.etag, &mut digest) {
            Ok(()) if is_outside => Self::Outside(digest),
            _ => Self::Described(Box::new(meta.clone())),
        }
    }

    /// The description of the file.
    pub(super) fn describe(self, key: &str, stat: &Stat) -> Meta {
        match self {
            Self::Outside(digest) => Meta { etag: hex::encode(digest), ..foreign::metadata(key, stat) },
            Self::Described(meta) => *meta,
        }
    }
}

#[derive(Debug, Default)]
struct Files {
    known: HashMap<FileState, KnownFile>,
    states: Vec<FileState>,
}

/// What is known of the files of a bucket.
#[derive(Debug, Default)]
pub(super) struct Digests {
    files: Mutex<Files>,
    hasher: RandomState,
}

fn state(file: &File, stat: &Stat) -> Option<FileState> {
    Some((identify(file).ok()?, stat.size, stat.mtime))
}

impl Digests {
    /// What was kept of a file with this stat.
    pub(super) fn get(&self, file: &File, stat: &Stat) -> Option<KnownFile> {
        let state = state(file, stat)?;
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.known.get(&state).cloned()
    }

    /// Keeps it; where there is too much, something else goes. What goes is a matter of chance, so that a long listing
    /// that comes again and again finds most of its files.
    pub(super) fn put(&self, file: &File, stat: &Stat, what: KnownFile) {
        let Some(state) = state(file, stat) else { return };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let Files { known, states } = &mut *files;
        if known.insert(state, what).is_some() {
            return;
        }
        if states.len() < MOST {
            states.push(state);
            return;
        }
        let chosen = self.hasher.hash_one(state) as usize % states.len();
        known.remove(&std::mem::replace(&mut states[chosen], state));
    }
}
