//! The final lines of `sync`: what was transferred, how fast, and the counters of `--stats`.

use crate::commands::shared::context::Context;
use crate::output::{Event, Outcome, SyncReport};
use crate::transfer::sync::plan::Count;
use crate::units;
use std::time::Instant;

/// The results of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// All files of the source.
    pub(super) source: Count,
    /// What was transferred.
    pub(super) moved: Count,
    /// What was copied at the destination.
    pub(super) copied: Count,
    /// What was deleted.
    pub(super) deleted: u64,
    /// Bytes of deleted local files; `None` for remote ones.
    pub(super) deleted_bytes: Option<u64>,
    /// When the work started.
    pub(super) started: Instant,
}

impl Report {
    pub(super) fn new(source: Count) -> Self {
        let none = Count::default();
        Self { source, moved: none, copied: none, deleted: 0, deleted_bytes: None, started: Instant::now() }
    }

    /// Prints `Done. Uploaded ...`, if bytes were transferred or saved.
    pub(super) fn bytes(&self, cx: &Context, verb: &str) -> Outcome {
        let seconds = self.seconds();
        let (speed, suffix) = units::scaled(self.moved.bytes as f64 / seconds);
        let line = format!(
            "Done. {verb} {} bytes in {seconds:.1} seconds, {speed:.2} {suffix}B/s.",
            self.moved.bytes
        );
        // Copies within the store save a transfer; local copies are still read and written.
        let saved = if verb == "Uploaded" { self.copied.bytes } else { 0 };
        self.print(cx, line, self.moved.bytes + saved > 0)
    }

    /// Prints `Done. Copied ...`, if files were copied.
    pub(super) fn files(&self, cx: &Context) -> Outcome {
        let (files, seconds) = (self.copied.files, self.seconds());
        let line = format!(
            "Done. Copied {files} files in {seconds:.1} seconds, {:.2} files/s.",
            files as f64 / seconds
        );
        self.print(cx, line, files > 0)
    }

    /// s3cmd never prints less than one second.
    fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64().max(1.0)
    }

    fn print(&self, cx: &Context, line: String, notable: bool) -> Outcome {
        let report = SyncReport {
            source_files: self.source.files,
            source_bytes: self.source.bytes,
            transferred_files: self.moved.files,
            transferred_bytes: self.moved.bytes,
            copied_files: self.copied.files,
            copied_bytes: self.copied.bytes,
            deleted_files: self.deleted,
            seconds: self.started.elapsed().as_secs_f64(),
        };
        if cx.settings.stats {
            let line = &format!("{line}{}", self.stats());
            return cx.console.print(&Event::SyncReport { report, line });
        }
        if notable || cx.console.is_json() {
            return cx.console.print(&Event::SyncReport { report, line: &line });
        }
        log::info!("{line}");
        Ok(())
    }

    fn stats(&self) -> String {
        let counted = |what: &str, count: Count| {
            if count.files == 0 {
                return String::new();
            }
            format!("\nStats: Number of files{what}: {} ({} bytes) ", count.files, count.bytes)
        };
        let mut text =
            format!("\nStats: Number of files: {} ({} bytes) ", self.source.files, self.source.bytes);
        text += &counted(" transferred", self.moved);
        text += &counted(" copied", self.copied);
        if let (Some(bytes), 1..) = (self.deleted_bytes, self.deleted) {
            text += &counted(" deleted", Count { files: self.deleted, bytes });
        } else if self.deleted > 0 {
            text += &format!("\nStats: Number of files deleted: {}", self.deleted);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_read_as_in_s3cmd() {
        let mut report = Report::new(Count { files: 6, bytes: 11 });
        assert_eq!(report.stats(), "\nStats: Number of files: 6 (11 bytes) ");
        report.moved = Count { files: 2, bytes: 5 };
        report.copied = Count { files: 1, bytes: 2 };
        report.deleted = 1;
        assert_eq!(
            report.stats(),
            "\nStats: Number of files: 6 (11 bytes) \nStats: Number of files transferred: 2 (5 bytes) \nStats: Number of files copied: 1 (2 bytes) \nStats: Number of files deleted: 1"
        );
        report.deleted_bytes = Some(0);
        assert!(report.stats().ends_with("\nStats: Number of files deleted: 1 (0 bytes) "));
    }
}
