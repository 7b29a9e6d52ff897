//! The end of a run from outside: whether it was asked for, and what stays for the next run of the same command.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

static REQUESTED: AtomicBool = AtomicBool::new(false);

static RESUMABLE: Mutex<Vec<Weak<Entry>>> = Mutex::new(Vec::new());

/// Lines that name one thing each; more of them would hide what else is said.
const MAX_LINES: usize = 10;

/// Whether the run is to end: long work on a thread of its own looks here, because nothing else stops it.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Asks the run to end. Returns whether it was asked before.
pub(crate) fn request() -> bool {
    REQUESTED.swap(true, Ordering::Relaxed)
}

/// Something unfinished that the next run of the same command goes on with, as long as this lives.
#[derive(Debug)]
pub(crate) struct ResumableWork(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    what: String,
    /// Bytes that need not move again.
    done: AtomicU64,
    size: u64,
}

impl ResumableWork {
    /// `what` is unfinished and will have `size` bytes; nothing of it is there yet.
    pub(crate) fn new(what: String, size: u64) -> Self {
        let entry = Arc::new(Entry { what, done: AtomicU64::new(0), size });
        let mut all = RESUMABLE.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|entry| entry.strong_count() > 0);
        all.push(Arc::downgrade(&entry));
        Self(entry)
    }

    /// That many bytes more need not move again.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What is kept at this moment, a line each. Nothing where no byte of anything is.
pub(crate) fn resume_report() -> Vec<String> {
    let all = RESUMABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut lines: Vec<String> = all
        .iter()
        .filter_map(Weak::upgrade)
        .map(|entry| (entry.done.load(Ordering::Relaxed), entry))
        .filter(|(done, _)| *done > 0)
        .map(|(done, entry)| format!("{}: {done} of {} bytes are kept", entry.what, entry.size))
        .collect();
    if lines.is_empty() {
        return lines;
    }
    let more = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    if more > 0 {
        lines.push(format!("... and of {more} more"));
    }
    lines.push("Run the same command again to go on from there.".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_while_it_is() {
        let none = ResumableWork::new("'untouched'".into(), 5);
        let kept = ResumableWork::new("'some'".into(), 100);
        kept.add(30);
        kept.add(12);
        let line = "'some': 42 of 100 bytes are kept".to_owned();
        let lines = super::resume_report();
        assert!(lines.contains(&line) && !lines.iter().any(|line| line.contains("untouched")), "{lines:?}");
        assert!(lines.last().unwrap().contains("same command"));
        drop((kept, none));
        assert!(!super::resume_report().contains(&line));
    }
}
