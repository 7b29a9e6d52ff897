//! The signals that stop the server: Ctrl-C, and every signal that would otherwise end the process without cleanup.

use crate::output::Outcome;

/// Listens from its creation on, so that a signal that arrives before [`StopSignals::next`] is not lost.
pub(super) struct StopSignals {
    streams: Vec<tokio::signal::unix::Signal>,
}

impl StopSignals {
    /// Starts listening. A hangup signal that the process inherited as ignored (`nohup`) stays ignored.
    pub(super) fn listen() -> Outcome<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut kinds = vec![
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::quit(),
            SignalKind::alarm(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
            SignalKind::from_raw(libc::SIGXCPU),
        ];
        if !is_ignored(libc::SIGHUP) {
            kinds.push(SignalKind::hangup());
        }
        Ok(Self { streams: kinds.into_iter().map(signal).collect::<std::io::Result<_>>()? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            for stream in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(());
                }
            }
            std::task::Poll::Pending
        })
        .await;
    }
}

/// Whether a signal is ignored, according to `/proc`; `false` if unknown.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or(0) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_detected() {
        // Rust programs ignore SIGPIPE.
        assert!(is_ignored(libc::SIGPIPE) && !is_ignored(libc::SIGTERM));
    }

    #[tokio::test]
    async fn a_signal_before_the_wait_is_not_lost() {
        let mut signals = StopSignals::listen().unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR2).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        tokio::time::timeout(std::time::Duration::from_secs(10), signals.next()).await.unwrap();
    }
}
