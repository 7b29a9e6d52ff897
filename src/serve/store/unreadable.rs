//! Files and folders that the server's process cannot read, or that somebody writes into at this moment: one of them must
//! not be in the way of all others.

use super::bucket::Bucket;
use super::dir::{Kind, Stat};
use super::meta::Meta;
use super::place::{self, Space};
use super::summaries::Summary;
use std::collections::HashSet;
use std::fmt::Display;
use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The most names that are remembered; then all may be logged anew.
const MOST: usize = 10_000;

static NAMED: LazyLock<Mutex<HashSet<(String, String)>>> = LazyLock::new(Mutex::default);

/// Names something in the log, once.
pub(super) fn name_once(bucket: &Bucket, path: &str, why: &dyn Display) {
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    if named.len() >= MOST {
        named.clear();
    }
    if named.insert((bucket.name().to_owned(), path.to_owned())) {
        log::warn!("serve: {}/{path} cannot be read: {why}", bucket.name());
    }
}

impl Bucket {
    /// What a listing shows of a file that cannot be read: its size and time, but no ETag and nothing else that is in its
    /// content. `None` if not even that can be told.
    pub(super) fn bare_summary(&self, key: &str) -> Option<Summary> {
        let stat = [Space::Plain, Space::Escaped]
            .into_iter()
            .filter(|space| *space == Space::Escaped || place::is_path(key))
            .find_map(|space| self.stat_data(space, key).ok().flatten())?;
        Some(Summary { stat, meta: Meta::default() })
    }

    fn stat_data(&self, space: Space, key: &str) -> io::Result<Option<Stat>> {
        let Some(root) = self.data_root(space)? else { return Ok(None) };
        let path = place::path(space, key);
        let (parents, name) = place::split(&path);
        let Some(dir) = root.walk(parents)? else { return Ok(None) };
        Ok(dir.stat(name)?.filter(|stat| stat.kind == Kind::File))
    }
}
