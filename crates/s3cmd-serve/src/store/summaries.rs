//! What listings show of objects: their stat and metadata, without opening them.

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

/// What a listing needs of an object.
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

    fn of(object: Object) -> Self {
        Self { stat: object.stat, meta: object.meta }
    }
}

/// Fewer keys than this are not worth another thread.
const SHARE: usize = 100;
/// The most threads that one page of a listing takes.
const MOST: usize = 4;

static THREADS: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from).min(MOST));

/// The directories of the key before, held open for its neighbours. What happens to a directory meanwhile only hides
/// keys that were gone for a moment.
#[derive(Default)]
struct Neighbours {
    parents: Option<String>,
    data: Option<Dir>,
    meta: Option<Dir>,
}

impl Neighbours {
    /// The summary of an ordinary file that has a sidecar.
    fn summary(&mut self, bucket: &Bucket, key: &str) -> io::Result<Option<Summary>> {
        let (parents, name) = key.rsplit_once('/').unwrap_or(("", key));
        if self.parents.as_deref() != Some(parents) {
            let below = |root: Option<&Dir>| match root {
                None => Ok(None),
                Some(root) if parents.is_empty() => root.try_clone().map(Some),
                Some(root) => root.walk(parents.split('/')),
            };
            self.parents = None;
            self.data = below(bucket.data_root(Layout::Plain)?)?;
            self.meta = below(bucket.meta_root(Layout::Plain)?)?;
            self.parents = Some(parents.to_owned());
        }
        let (Some(data), Some(meta)) = (&self.data, &self.meta) else { return Ok(None) };
        let Some(stat) = data.stat(name)?.filter(|stat| stat.kind == FileKind::File) else { return Ok(None) };
        // A damaged sidecar is told of where the object is opened.
        let records = meta.read(name)?.and_then(|sidecar| meta::decode(&sidecar).ok());
        let meta = records.and_then(|records| meta::lookup(records, &stat));
        Ok(meta.map(|meta| Summary { stat, meta }))
    }
}

impl Bucket {
    /// What a listing shows of a key; `None` if it is gone.
    pub(crate) fn summary(&self, key: &str) -> S3Result<Option<Summary>> {
        self.summary_beside(key, &mut Neighbours::default())
    }

    /// Shows the summary of each of a page's keys, in order; those that are gone are left out. Long pages are cut into
    /// pieces that are worked on at the same time, each in its own `T`.
    pub(crate) fn show<T: Default + Send>(
        &self,
        keys: &[String],
        show: impl Fn(&mut T, &str, &Summary) + Sync,
    ) -> S3Result<Vec<T>> {
        let one_by_one = |keys: &[String]| -> S3Result<T> {
            let (mut shown, mut neighbours) = (T::default(), Neighbours::default());
            for key in keys {
                if let Some(summary) = self.listed_beside(key, &mut neighbours)? {
                    show(&mut shown, key, &summary);
                }
            }
            Ok(shown)
        };
        let share = keys.len().div_ceil(*THREADS).max(SHARE);
        let mut shares = keys.chunks(share);
        let Some(first) = shares.next() else { return Ok(Vec::new()) };
        thread::scope(|scope| {
            let one_by_one = &one_by_one;
            let others: Vec<_> = shares.map(|keys| scope.spawn(move || one_by_one(keys))).collect();
            let mut shown = vec![one_by_one(first)?];
            for other in others {
                shown.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(shown)
        })
    }

    /// What a listing shows of a key, as [`Self::show`] does: a file that cannot be described at this moment is in
    /// nobody's way.
    pub(super) fn listed(&self, key: &str) -> S3Result<Option<Summary>> {
        self.listed_beside(key, &mut Neighbours::default())
    }

    fn listed_beside(&self, key: &str, neighbours: &mut Neighbours) -> S3Result<Option<Summary>> {
        let is_denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        let why: Box<dyn std::fmt::Display> = match self.described_beside(key, neighbours) {
            Ok(Some(summary)) => return Ok(Some(summary)),
            Err(error) if is_denied(&error) => Box::new(error),
            Err(error) => return Err(error.into()),
            Ok(None) => match self.open_data(key) {
                Err(error) if is_denied(&error) => Box::new(error),
                Err(error) => return Err(error.into()),
                Ok(None) => return Ok(None),
                Ok(Some(_)) => match self.open_object(key) {
                    // It is being written, or it went.
                    Err(error) if error.code == ErrorCode::SlowDown => Box::new(error.message),
                    Err(error) => return Err(error),
                    Ok(object) => return Ok(object.map(Summary::of)),
                },
            },
        };
        unreadable::log_once(self, key, &why);
        Ok(self.bare_summary(key))
    }

    fn summary_beside(&self, key: &str, neighbours: &mut Neighbours) -> S3Result<Option<Summary>> {
        if let Some(summary) = self.described_beside(key, neighbours)? {
            return Ok(Some(summary));
        }
        Ok(self.open_object(key)?.map(Summary::of))
    }

    /// The summary of a key whose object has a sidecar.
    fn described_beside(&self, key: &str, neighbours: &mut Neighbours) -> io::Result<Option<Summary>> {
        if key_path::is_path(key) {
            if let Some(summary) = neighbours.summary(self, key)? {
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

    /// What a listing shows of a file that cannot be read: its size and time, but no ETag and nothing else that is in
    /// its content. `None` if not even that can be told.
    fn bare_summary(&self, key: &str) -> Option<Summary> {
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
