//! Interruption of a run: whether it was requested, and which unfinished work the next run of the command can resume.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

static REQUESTED: AtomicBool = AtomicBool::new(false);

static RESUMABLE: Mutex<Vec<Weak<Entry>>> = Mutex::new(Vec::new());

/// Maximum number of items in the report. More lines would hide other messages.
const MAX_LINES: usize = 10;

/// Whether an interruption was requested. Long-running work on blocking threads must check it, because nothing else
/// stops such threads.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Requests an interruption. Returns whether it had already been requested.
pub(crate) fn request() -> bool {
    REQUESTED.swap(true, Ordering::Relaxed)
}

/// Unfinished work that the next run of the same command can resume. It is registered while this value exists.
#[derive(Debug)]
pub(crate) struct ResumableWork(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    what: String,
    /// Bytes that need not be transferred again.
    done: AtomicU64,
    size: u64,
}

impl ResumableWork {
    /// Registers `what`, which has `size` bytes in total, none of them transferred yet.
    pub(crate) fn new(what: String, size: u64) -> Self {
        let entry = Arc::new(Entry { what, done: AtomicU64::new(0), size });
        let mut all = RESUMABLE.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|entry| entry.strong_count() > 0);
        all.push(Arc::downgrade(&entry));
        Self(entry)
    }

    /// Records that many additional transferred bytes.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The current resumable work, one line per item. Empty if no bytes have been transferred.
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
        lines.push(format!("... and {more} more"));
    }
    lines.push("Run the same command again to resume.".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resumable_work_is_reported_while_it_exists() {
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
