//! Removes what the test stored, even if the test is interrupted.

use s3cmd_client::list::ListOptions;
use s3cmd_client::ops::multipart::UploadRef;
use s3cmd_client::{Client, ClientOptions, Result};
use std::sync::atomic::{AtomicBool, Ordering};

/// Removes the test's objects, uploads and bucket: in [`Cleanup::finish`], or on drop if `finish` was not called, for
/// example after Ctrl-C.
#[derive(Debug)]
pub(super) struct Cleanup {
    options: ClientOptions,
    bucket: String,
    prefix: String,
    is_temporary: bool,
    is_pending: AtomicBool,
}

impl Cleanup {
    /// Registers everything below `prefix` for removal, and the bucket if it is temporary.
    pub(super) fn new(options: ClientOptions, bucket: &str, prefix: &str, is_temporary: bool) -> Self {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Self { options, bucket, prefix, is_temporary, is_pending: AtomicBool::new(true) }
    }

    /// Removes everything. Returns an error if something could not be removed and remains.
    pub(super) async fn finish(&self, client: &Client) -> Result<()> {
        self.is_pending.store(false, Ordering::Relaxed);
        self.remove_all(client).await
    }

    /// Cancels the removal: the bucket was never created.
    pub(super) fn cancel(&self) {
        self.is_pending.store(false, Ordering::Relaxed);
    }

    async fn remove_all(&self, client: &Client) -> Result<()> {
        let options = ListOptions::new(&self.prefix);
        let page = client.list_page(&self.bucket, &options, None).await?;
        for object in page.entries() {
            client.delete_object(&self.bucket, object.key).await?;
        }
        // If the service cannot list uploads, the multipart step has aborted its own upload.
        for upload in client.list_uploads(&self.bucket, &self.prefix).await.unwrap_or_default() {
            let upload = UploadRef { bucket: &self.bucket, key: &upload.key, id: &upload.id };
            if upload.key.starts_with(&self.prefix) {
                client.abort_upload(upload).await?;
            }
        }
        if self.is_temporary { client.delete_bucket(&self.bucket).await } else { Ok(()) }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if !*self.is_pending.get_mut() {
            return;
        }
        // The runtime of the test may be shutting down, so this uses a separate one.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let removed = runtime
                    .map(|runtime| runtime.block_on(self.remove_all(&Client::new(self.options.clone()))));
                // An interrupted request may not have created the bucket.
                let is_gone = match removed {
                    Ok(Ok(())) => true,
                    Ok(Err(error)) => error.code() == "NoSuchBucket",
                    Err(_) => false,
                };
                if !is_gone {
                    log::warn!("Something may be left behind in s3://{}/{}", self.bucket, self.prefix);
                }
            });
        });
    }
}
