//! The progress meter of s3cmd: a label line, then one line that is rewritten until the transfer ends. Its format was
//! measured on s3cmd 2.4.0.

use super::super::terminal::meter as print;
use crate::units;
use s3cmd_client::http::request::Progress;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The meter of one transfer.
#[derive(Debug)]
pub(in crate::output) struct Meter {
    label: String,
    total: u64,
    count: Progress,
    started: Instant,
    shown: AtomicBool,
    ended: AtomicBool,
}

impl Meter {
    /// Creates a meter for `total` bytes that are counted in `count`. The label is the line above it.
    pub(in crate::output) fn new(label: String, total: u64, count: Progress) -> Arc<Self> {
        Arc::new(Self {
            label,
            total,
            count,
            started: Instant::now(),
            shown: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        })
    }

    /// Shows the meter and updates it once a second until it ends.
    pub(in crate::output) fn show(self: &Arc<Self>) {
        if self.shown.swap(true, Ordering::Relaxed) {
            return;
        }
        print(&format!("{}\n{}", self.label, self.beginning()));
        let meter: Weak<Meter> = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let Some(meter) = meter.upgrade() else { return };
                if meter.ended.load(Ordering::Relaxed) {
                    return;
                }
                print(&format!("\r{}", meter.line()));
            }
        });
    }

    /// Ends a meter that is shown.
    pub(in crate::output) fn finish_shown(&self, word: &str) {
        self.ended.store(true, Ordering::Relaxed);
        if self.shown.load(Ordering::Relaxed) {
            print(&format!("\r{}  {word}\n", self.line()));
        }
    }

    /// The complete text of a meter that ended before it was shown.
    pub(in crate::output) fn whole_text(&self, word: &str) -> String {
        self.ended.store(true, Ordering::Relaxed);
        format!("{}\n{}\r{}  {word}\n", self.label, self.beginning(), self.line())
    }

    /// The line before the first byte.
    fn beginning(&self) -> String {
        format!("\r{}", line(0, self.total, 0.0))
    }

    fn line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        line(self.count.load(Ordering::Relaxed), self.total, seconds)
    }
}

fn line(now: u64, total: u64, seconds: f64) -> String {
    let total_text = total.to_string();
    let percent = (now.min(total) * 100).checked_div(total).unwrap_or(0);
    // With no bytes, s3cmd's meter shows the speed 0.00, not the -1.00 of its summaries.
    let (speed, unit) = if now == 0 { (0.0, "") } else { units::speed_parts(now, seconds) };
    format!(
        " {now:>width$} of {total_text}   {percent:3}% in {:4}s  {speed:7.2} {unit}B/s",
        seconds as u64,
        width = total_text.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_form_of_s3cmd() {
        assert_eq!(line(133_275, 133_275, 0.0515), " 133275 of 133275   100% in    0s     2.47 MB/s");
        assert_eq!(line(5, 2_081_306_836, 39.0), "          5 of 2081306836     0% in   39s     0.13 B/s");
    }
}
