//! How fast a run moves, and how long it will take.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far back the rate looks: long enough to be steady, short enough to tell what the network does now.
const WINDOW: Duration = Duration::from_secs(10);

/// More time left than this is a guess that helps nobody.
const LONGEST: f64 = 100.0 * 3600.0;

/// Byte counts of the last seconds.
#[derive(Debug, Default)]
pub(in crate::output) struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// Notes the count at a time; returns bytes a second. A count that went back, since an attempt is repeated, begins
    /// anew.
    pub(in crate::output) fn note(&mut self, time: Instant, count: u64) -> f64 {
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

/// The time that is left for so many bytes; `None` where nobody can say.
pub(in crate::output) fn left(bytes: u64, rate: f64) -> Option<Duration> {
    let seconds = bytes as f64 / rate;
    (rate > 0.0 && seconds < LONGEST).then(|| Duration::from_secs_f64(seconds.ceil()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        assert_eq!(rate.note(start, 0), 0.0);
        for tenths in 1..=300u64 {
            // 1,000 bytes a second, after 20 seconds 5,000.
            let count = tenths * 100 + tenths.saturating_sub(200) * 400;
            let now = rate.note(at(tenths), count);
            match tenths {
                ..=200 => assert!((now - 1000.0).abs() < 1e-6, "{now}"),
                300 => assert!((now - 5000.0).abs() < 1e-6, "{now}"),
                _ => {}
            }
        }
        assert!(rate.0.len() < 110);
        assert_eq!(rate.note(at(301), 0), 0.0);
        assert!((rate.note(at(311), 500) - 500.0).abs() < 1e-6);
    }

    #[test]
    fn the_time_left_is_told_where_it_can_be() {
        assert_eq!(left(1001, 100.0), Some(Duration::from_secs(11)));
        assert_eq!(left(0, 100.0), Some(Duration::ZERO));
        assert_eq!(left(1001, 0.0), None);
        assert_eq!(left(u64::MAX, 1.0), None);
    }
}
