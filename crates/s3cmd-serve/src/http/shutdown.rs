//! Waiting for the shutdown signal.

use tokio::sync::watch;

/// Returns when the server must stop, or when the sender of the signal is dropped.
pub(crate) async fn stop_requested(stopping: &mut watch::Receiver<bool>) {
    // The returned guard must be dropped at once, because it locks the channel.
    let _ = stopping.wait_for(|stop| *stop).await;
}
