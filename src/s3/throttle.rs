//! `--limit-rate`: one budget of bytes a second, shared by all connections.

use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// A shared rate limit.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_second: f64,
    /// When the bytes granted so far will have been paid for.
    paid_until: Mutex<Option<Instant>>,
}

impl Throttle {
    /// A limit in bytes a second; must be positive.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1) as f64, paid_until: Mutex::new(None) }
    }

    /// Waits until `bytes` more may pass.
    pub async fn take(&self, bytes: u64) {
        let until = {
            let mut paid_until = self.paid_until.lock().await;
            let now = Instant::now();
            let start = paid_until.map_or(now, |until| until.max(now));
            *paid_until = Some(start + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second));
            start
        };
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_are_paid_for_in_time() {
        let throttle = Throttle::new(1000);
        let start = Instant::now();
        for _ in 0..5 {
            throttle.take(500).await;
        }
        assert_eq!(start.elapsed().as_millis(), 2000);
    }
}
