//! The transfer rate of a run, and its remaining time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The period that the rate covers: long enough to be steady, short enough to follow the network.
const WINDOW: Duration = Duration::from_secs(10);

/// The longest remaining time to show, in seconds; more would be a useless guess.
const MAX_SECONDS: f64 = 100.0 * 3600.0;

/// The byte counts of the last seconds.
#[derive(Debug, Default)]
pub(in crate::output) struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// Records the count at a time and returns the rate in bytes per second. A lower count, after a repeated attempt,
    /// starts anew.
    pub(in crate::output) fn record(&mut self, time: Instant, count: u64) -> f64 {
        if self.0.back().is_some_and(|(_, last)| *last > count) {
            self.0.clear();
        }
        self.0.push_back((time, count));
        while self.0.len() > 2 && self.0.get(1).is_some_and(|(second, _)| time - *second >= WINDOW) {
            self.0.pop_front();
        }
        let Some((since, first)) = self.0.front() else { return 0.0 };
        let seconds = (time - *since).as_secs_f64();
        if seconds > 0.0 { (count - first) as f64 / seconds } else { 0.0 }
    }
}

/// The remaining time for a number of bytes; `None` if it cannot be estimated.
pub(in crate::output) fn remaining(bytes: u64, rate: f64) -> Option<Duration> {
    let seconds = bytes as f64 / rate;
    (rate > 0.0 && seconds < MAX_SECONDS).then(|| Duration::from_secs_f64(seconds.ceil()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        assert_eq!(rate.record(start, 0), 0.0);
        for tenths in 1..=300u64 {
            // 1,000 bytes a second, after 20 seconds 5,000.
            let count = tenths * 100 + tenths.saturating_sub(200) * 400;
            let now = rate.record(at(tenths), count);
            match tenths {
                ..=200 => assert!((now - 1000.0).abs() < 1e-6, "{now}"),
                300 => assert!((now - 5000.0).abs() < 1e-6, "{now}"),
                _ => {}
            }
        }
        assert!(rate.0.len() < 110);
        assert_eq!(rate.record(at(301), 0), 0.0);
        assert!((rate.record(at(311), 500) - 500.0).abs() < 1e-6);
    }

    #[test]
    fn the_remaining_time_is_estimated_if_possible() {
        assert_eq!(remaining(1001, 100.0), Some(Duration::from_secs(11)));
        assert_eq!(remaining(0, 100.0), Some(Duration::ZERO));
        assert_eq!(remaining(1001, 0.0), None);
        assert_eq!(remaining(u64::MAX, 1.0), None);
    }
}
