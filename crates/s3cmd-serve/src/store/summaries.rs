//! Summaries of objects for listings: their stat and metadata, without opening them.

use super::bucket::Bucket;
use super::dir::{Dir, FileKind, Stat};
use super::key_path::{self, Layout};
use super::meta::{self, Meta};
use super::object::Object;
use super::unreadable;
use crate::model::error::{ErrorCode, S3Result};
use chrono::{DateTime, Utc};
use std::io;
use std::sync::LazyLock;
use std::thread;

/// The data of an object that a listing needs.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) stat: Stat,
    pub(crate) meta: Meta,
}

impl Summary {
    /// Last-Modified.
    pub(crate) fn modified(&self) -> DateTime<Utc> {
        self.meta.modified(&self.stat)
    }
}

impl From<Object> for Summary {
    fn from(object: Object) -> Self {
        Self { stat: object.stat, meta: object.meta }
    }
}

/// Fewer keys than this are not worth another thread.
const MIN_KEYS_PER_THREAD: usize = 100;
/// The maximum number of threads for one page of a listing.
const MAX_THREADS: usize = 4;

static THREADS: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS));

/// The directories of the previous key, held open for the keys that follow in the same folder. If a directory is
/// replaced meanwhile, only keys that were absent for a moment are missed.
#[derive(Default)]
struct ParentDirs {
    parents: Option<String>,
    data: Option<Dir>,
    meta: Option<Dir>,
}

impl ParentDirs {
    /// The summary of an ordinary file that has a sidecar.
    fn summary(&mut self, bucket: &Bucket, key: &str) -> io::Result<Option<Summary>> {
        let (parents, name) = key.rsplit_once('/').unwrap_or(("", key));
        if self.parents.as_deref() != Some(parents) {
            let open = |root: Option<&Dir>| match root {
                None => Ok(None),
                Some(root) if parents.is_empty() => root.try_clone().map(Some),
                Some(root) => root.walk(parents.split('/')),
            };
            self.parents = None;
            self.data = open(bucket.data_root(Layout::Plain)?)?;
            self.meta = open(bucket.meta_root(Layout::Plain)?)?;
            self.parents = Some(parents.to_owned());
        }
        let (Some(data), Some(meta)) = (&self.data, &self.meta) else { return Ok(None) };
        let Some(stat) = data.stat(name)?.filter(|stat| stat.kind == FileKind::File) else { return Ok(None) };
        // A damaged sidecar is reported when the object is opened.
        let records = meta.read(name)?.and_then(|sidecar| meta::decode(&sidecar).ok());
        let meta = records.and_then(|records| meta::lookup(records, &stat));
        Ok(meta.map(|meta| Summary { stat, meta }))
    }
}

impl Bucket {
    /// The summary of a key; `None` if the object does not exist any more.
    pub(crate) fn summary(&self, key: &str) -> S3Result<Option<Summary>> {
        if let Some(summary) = self.stored_summary(key, &mut ParentDirs::default())? {
            return Ok(Some(summary));
        }
        Ok(self.open_object(key)?.map(Summary::from))
    }

    /// Passes the summary of each key of a page to `fold`, in order, without the keys that do not exist any more. A
    /// long page is divided among threads, each with an accumulator of its own; returns the accumulators in key order.
    pub(crate) fn fold_summaries<T: Default + Send>(
        &self,
        keys: &[String],
        fold: impl Fn(&mut T, &str, &Summary) + Sync,
    ) -> S3Result<Vec<T>> {
        let fold_chunk = |keys: &[String]| -> S3Result<T> {
            let (mut folded, mut parents) = (T::default(), ParentDirs::default());
            for key in keys {
                if let Some(summary) = self.summary_in(key, &mut parents)? {
                    fold(&mut folded, key, &summary);
                }
            }
            Ok(folded)
        };
        let chunk_size = keys.len().div_ceil(*THREADS).max(MIN_KEYS_PER_THREAD);
        let mut chunks = keys.chunks(chunk_size);
        let Some(first) = chunks.next() else { return Ok(Vec::new()) };
        thread::scope(|scope| {
            let fold_chunk = &fold_chunk;
            let threads: Vec<_> = chunks.map(|keys| scope.spawn(move || fold_chunk(keys))).collect();
            let mut folded = vec![fold_chunk(first)?];
            for thread in threads {
                folded.push(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(folded)
        })
    }

    /// The summary of a key for a listing. A file that cannot be read now is listed by its stat alone, so that it does
    /// not fail the whole listing.
    pub(super) fn summary_for_listing(&self, key: &str) -> S3Result<Option<Summary>> {
        self.summary_in(key, &mut ParentDirs::default())
    }

    /// [`Self::summary_for_listing`] with the open directories of the previous key.
    fn summary_in(&self, key: &str, parents: &mut ParentDirs) -> S3Result<Option<Summary>> {
        let is_denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        let reason: Box<dyn std::fmt::Display> = match self.stored_summary(key, parents) {
            Ok(Some(summary)) => return Ok(Some(summary)),
            Err(error) if is_denied(&error) => Box::new(error),
            Err(error) => return Err(error.into()),
            Ok(None) => match self.open_data(key) {
                Err(error) if is_denied(&error) => Box::new(error),
                Err(error) => return Err(error.into()),
                Ok(None) => return Ok(None),
                Ok(Some(_)) => match self.open_object(key) {
                    // The file is being written, or was removed.
                    Err(error) if error.code == ErrorCode::SlowDown => Box::new(error.message),
                    Err(error) => return Err(error),
                    Ok(object) => return Ok(object.map(Summary::from)),
                },
            },
        };
        unreadable::log_once(self, key, &reason);
        Ok(self.stat_summary(key))
    }

    /// The summary of an object that has a sidecar.
    fn stored_summary(&self, key: &str, parents: &mut ParentDirs) -> io::Result<Option<Summary>> {
        if key_path::is_path(key) {
            if let Some(summary) = parents.summary(self, key)? {
                return Ok(Some(summary));
            }
        } else if let Some(root) = self.data_root(Layout::Escaped)? {
            let path = key_path::path(Layout::Escaped, key);
            let (parents, name) = key_path::split(&path);
            if let Some(dir) = root.walk(parents)?
                && let Some(stat) = dir.stat(name)?
                && stat.kind == FileKind::File
                && let Some(meta) = self.read_meta(Layout::Escaped, key, &stat)?
            {
                return Ok(Some(Summary { stat, meta }));
            }
        }
        Ok(None)
    }

    /// The summary of a file that cannot be read: its size and time, without ETag and metadata. `None` if its stat is
    /// not available either.
    fn stat_summary(&self, key: &str) -> Option<Summary> {
        let stat = [Layout::Plain, Layout::Escaped]
            .into_iter()
            .filter(|layout| *layout == Layout::Escaped || key_path::is_path(key))
            .find_map(|layout| self.stat_data(layout, key).ok().flatten())?;
        Some(Summary { stat, meta: Meta::default() })
    }

    fn stat_data(&self, layout: Layout, key: &str) -> io::Result<Option<Stat>> {
        let Some(root) = self.data_root(layout)? else { return Ok(None) };
        let path = key_path::path(layout, key);
        let (parents, name) = key_path::split(&path);
        let Some(dir) = root.walk(parents)? else { return Ok(None) };
        Ok(dir.stat(name)?.filter(|stat| stat.kind == FileKind::File))
    }
}
