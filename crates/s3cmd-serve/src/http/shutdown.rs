//! The signal that the server is to stop.

use tokio::sync::watch;

/// Returns when the server is to stop, or when nothing is left that could say so.
pub(crate) async fn stop_requested(stopping: &mut watch::Receiver<bool>) {
    // The guard that this returns must not live on: it locks the channel.
    let _ = stopping.wait_for(|stop| *stop).await;
}
