//! Uploads in parts that are on their way and are to be dropped if the run is interrupted (`--abort-on-error`).

use crate::s3::Client;
use crate::s3::multipart::UploadRef;
use futures::StreamExt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Uploads that are dropped at once.
const WIDTH: usize = 16;

static BEGUN: Mutex<Vec<Begun>> = Mutex::new(Vec::new());

/// An upload that was begun.
#[derive(Clone, Debug)]
struct Begun {
    client: Client,
    bucket: String,
    key: String,
    id: String,
}

/// Notes an upload that is not to be left behind.
pub(super) fn note(client: &Client, upload: UploadRef<'_>) {
    let UploadRef { bucket, key, id } = upload;
    let begun =
        Begun { client: client.clone(), bucket: bucket.to_owned(), key: key.to_owned(), id: id.to_owned() };
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
}

/// Forgets an upload: it is complete, was dropped, or could not be dropped, which was told.
pub(super) fn forget(id: &str) {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner).retain(|begun| begun.id != id);
}

/// Drops the uploads that a run has begun, did not end and was told not to leave behind. To be called when nothing is sent
/// any more. Returns those that could not be dropped in that time, as URIs with ids.
pub async fn abort_begun(time: Duration) -> Vec<String> {
    let begun = std::mem::take(&mut *BEGUN.lock().unwrap_or_else(PoisonError::into_inner));
    let left: Mutex<Vec<Begun>> = Mutex::new(begun.clone());
    let aborted = futures::stream::iter(begun).for_each_concurrent(WIDTH, |begun| {
        let left = &left;
        async move {
            let Begun { client, bucket, key, id } = &begun;
            let answer = client.abort_upload(UploadRef { bucket, key, id }).await;
            // One that is gone was completed in the last moment, or dropped.
            if answer.is_ok() || answer.is_err_and(|error| error.is_not_found()) {
                left.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other.id != *id);
            }
        }
    });
    // What is late is left.
    let _ = tokio::time::timeout(time, aborted).await;
    let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
    left.into_iter().map(|Begun { bucket, key, id, .. }| format!("s3://{bucket}/{key} {id}")).collect()
}
