//! Bandwidth limit: a budget of bytes per second that all connections share.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Pieces per second, so that bytes flow evenly rather than in bursts.
const PIECES_A_SECOND: u64 = 20;

/// Size of a piece in bytes: smaller pieces cost more than they smooth, larger ones exceed what the socket takes at
/// once.
const PIECE: std::ops::RangeInclusive<u64> = 1024..=64 * 1024;

/// How much lost time is caught up. Timers and busy machines delay a piece now and then, and without this the rate
/// would never be reached.
const MAX_CATCH_UP: Duration = Duration::from_millis(500);

/// A shared rate limit.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_second: u64,
    /// When the bytes granted so far are paid for.
    paid_until: Mutex<Option<Instant>>,
}

impl Throttle {
    /// A limit in bytes per second; at least one.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), paid_until: Mutex::new(None) }
    }

    /// Waits until `bytes` more may be moved. Callers are served in order. Unused time is not saved up, except for a
    /// short while.
    pub async fn take(&self, bytes: u64) {
        let price = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let until = {
            let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let start =
                paid_until.map_or(now, |until| until.max(now.checked_sub(MAX_CATCH_UP).unwrap_or(now)));
            *paid_until.insert(start + price)
        };
        sleep_until(until).await;
    }

    /// Number of bytes to move at once.
    pub(crate) fn piece(&self) -> usize {
        (self.bytes_per_second / PIECES_A_SECOND).clamp(*PIECE.start(), *PIECE.end()) as usize
    }

    /// Splits the blocks of a body into small pieces, and delays each as the limit requires.
    pub(crate) fn slow_down(
        self: Arc<Self>,
        blocks: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send {
        blocks.flat_map(move |block| {
            let throttle = self.clone();
            let (mut rest, mut error) = match block {
                Ok(bytes) => (bytes, None),
                Err(error) => (Bytes::new(), Some(Err(error))),
            };
            let pieces = std::iter::from_fn(move || {
                if rest.is_empty() {
                    return error.take();
                }
                Some(Ok(rest.split_to(rest.len().min(throttle.piece()))))
            });
            let throttle = self.clone();
            futures::stream::iter(pieces).then(move |piece| {
                let throttle = throttle.clone();
                async move {
                    if let Ok(piece) = &piece {
                        throttle.take(piece.len() as u64).await;
                    }
                    piece
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;

    #[tokio::test(start_paused = true)]
    async fn all_callers_share_one_rate() {
        let throttle = Throttle::new(2 << 20);
        let start = Instant::now();
        let worker = || async {
            for _ in 0..40 {
                throttle.take(65_536).await;
            }
        };
        join_all((0..8).map(|_| worker())).await;
        let (seconds, expected) = (start.elapsed().as_secs_f64(), 10.0);
        assert!((seconds - expected).abs() < 0.01, "{seconds} s instead of {expected}");
    }

    #[tokio::test(start_paused = true)]
    async fn late_pieces_are_caught_up() {
        let throttle = Throttle::new(1000);
        let start = Instant::now();
        for _ in 0..100 {
            throttle.take(100).await;
            tokio::time::sleep(Duration::from_millis(70)).await;
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!((seconds - 10.07).abs() < 0.01, "{seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up() {
        let throttle = Throttle::new(1000);
        throttle.take(500).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        for _ in 0..4 {
            throttle.take(500).await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(2) - MAX_CATCH_UP);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_are_sent_completely_in_small_pieces() {
        let content: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        let blocks = [
            Ok(Bytes::copy_from_slice(&content[..200_000])),
            Ok(Bytes::copy_from_slice(&content[200_000..])),
        ];
        let throttle = Arc::new(Throttle::new(100_000));
        let start = Instant::now();
        let pieces: Vec<Bytes> =
            throttle.slow_down(futures::stream::iter(blocks)).map(|piece| piece.unwrap()).collect().await;
        assert_eq!(pieces.concat(), content);
        assert!(pieces.iter().all(|piece| piece.len() <= 5_000));
        assert!((start.elapsed().as_secs_f64() - 3.0).abs() < 0.01, "{:?}", start.elapsed());

        let broken: [io::Result<Bytes>; 2] = [Ok(Bytes::from_static(b"x")), Err(io::ErrorKind::Other.into())];
        let throttle = Arc::new(Throttle::new(100_000));
        let pieces: Vec<_> = throttle.slow_down(futures::stream::iter(broken)).collect().await;
        assert!(matches!(&pieces[..], [Ok(_), Err(_)]));
    }
}
