//! Unfinished multipart uploads that are aborted if the run is interrupted (`--abort-on-error`).

use futures::StreamExt;
use s3cmd_client::Client;
use s3cmd_client::ops::multipart::UploadRef;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The number of uploads that are aborted concurrently.
const WIDTH: usize = 16;

static UNFINISHED: Mutex<Vec<UnfinishedUpload>> = Mutex::new(Vec::new());

/// A multipart upload that was started.
#[derive(Clone, Debug)]
struct UnfinishedUpload {
    client: Client,
    bucket: String,
    key: String,
    id: String,
}

/// Registers an upload to be aborted on interruption.
pub(super) fn register(client: &Client, upload: UploadRef<'_>) {
    let UploadRef { bucket, key, id } = upload;
    let unfinished = UnfinishedUpload {
        client: client.clone(),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        id: id.to_owned(),
    };
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(unfinished);
}

/// Unregisters an upload: it is complete, was aborted, or could not be aborted, which was reported.
pub(super) fn unregister(id: &str) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|unfinished| unfinished.id != id);
}

/// Aborts the registered uploads. Must be called once nothing is being sent. Returns the uploads that could not be
/// aborted within `time`, as URIs with ids.
pub(crate) async fn abort_unfinished(time: Duration) -> Vec<String> {
    let unfinished = std::mem::take(&mut *UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner));
    let left: Mutex<Vec<UnfinishedUpload>> = Mutex::new(unfinished.clone());
    let aborted = futures::stream::iter(unfinished).for_each_concurrent(WIDTH, |unfinished| {
        let left = &left;
        async move {
            let UnfinishedUpload { client, bucket, key, id } = &unfinished;
            let answer = client.abort_upload(UploadRef { bucket, key, id }).await;
            // An upload that does not exist was completed or aborted in the meantime.
            if answer.is_ok() || answer.is_err_and(|error| error.is_not_found()) {
                left.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other.id != *id);
            }
        }
    });
    // Uploads that are not aborted in time are returned.
    let _ = tokio::time::timeout(time, aborted).await;
    let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
    left.into_iter()
        .map(|UnfinishedUpload { bucket, key, id, .. }| format!("s3://{bucket}/{key} {id}"))
        .collect()
}
