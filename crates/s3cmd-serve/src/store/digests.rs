//! In-memory metadata of files without a matching record, for a read-only server, which cannot store it.

use super::dir::{Identity, Stat, identify};
use super::foreign;
use super::locks;
use super::meta::Meta;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

/// The maximum number of files remembered per bucket; a foreign file takes about 100 bytes.
const MAX_FILES: usize = 100_000;

/// Identity, size and modification time of a file.
type FileState = (Identity, u64, i64);

/// The metadata of a file, in compact form.
#[derive(Clone, Debug)]
pub(super) enum KnownFile {
    /// A foreign file, with its MD5.
    Foreign([u8; 16]),
    /// A file with other metadata.
    Full(Box<Meta>),
}

impl KnownFile {
    /// Of a foreign file, keeps only the digest.
    pub(super) fn new(meta: &Meta, is_foreign: bool) -> Self {
        let mut digest = [0; 16];
        match hex::decode_to_slice(&meta.etag, &mut digest) {
            Ok(()) if is_foreign => Self::Foreign(digest),
            _ => Self::Full(Box::new(meta.clone())),
        }
    }

    /// The complete metadata of the file.
    pub(super) fn into_meta(self, key: &str, stat: &Stat) -> Meta {
        match self {
            Self::Foreign(digest) => Meta { etag: hex::encode(digest), ..foreign::metadata(key, stat) },
            Self::Full(meta) => *meta,
        }
    }
}

#[derive(Debug, Default)]
struct Files {
    known: HashMap<FileState, KnownFile>,
    states: Vec<FileState>,
}

/// The known files of a bucket.
#[derive(Debug, Default)]
pub(super) struct Digests {
    files: Mutex<Files>,
    hasher: RandomState,
}

fn state(file: &File, stat: &Stat) -> Option<FileState> {
    Some((identify(file).ok()?, stat.size, stat.mtime))
}

impl Digests {
    /// The remembered file with this stat.
    pub(super) fn get(&self, file: &File, stat: &Stat) -> Option<KnownFile> {
        let state = state(file, stat)?;
        locks::lock(&self.files).known.get(&state).cloned()
    }

    /// Remembers a file; evicts a random one if there are too many. Random eviction lets a repeated long listing find
    /// most of its files.
    pub(super) fn put(&self, file: &File, stat: &Stat, known_file: KnownFile) {
        let Some(state) = state(file, stat) else { return };
        let mut files = locks::lock(&self.files);
        let Files { known, states } = &mut *files;
        if known.insert(state, known_file).is_some() {
            return;
        }
        if states.len() < MAX_FILES {
            states.push(state);
            return;
        }
        let evicted = self.hasher.hash_one(state) as usize % states.len();
        known.remove(&std::mem::replace(&mut states[evicted], state));
    }
}
