//! What the test has stored, and how it goes again, whatever happens.

use crate::s3::list::ListOptions;
use crate::s3::multipart::UploadRef;
use crate::s3::{Client, ClientOptions, Result};
use std::sync::atomic::{AtomicBool, Ordering};

/// Removes the test's objects, uploads and bucket: by [`Cleanup::finish`], or when it is dropped without, as by Ctrl-C.
#[derive(Debug)]
pub(super) struct Cleanup {
    options: ClientOptions,
    bucket: String,
    prefix: String,
    is_temporary: bool,
    is_pending: AtomicBool,
}

impl Cleanup {
    /// Takes care of everything below `prefix`, and of the bucket if it is temporary.
    pub(super) fn new(options: ClientOptions, bucket: &str, prefix: &str, is_temporary: bool) -> Self {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Self { options, bucket, prefix, is_temporary, is_pending: AtomicBool::new(true) }
    }

    /// Removes everything; only its own failure leaves something behind.
    pub(super) async fn finish(&self, client: &Client) -> Result<()> {
        self.is_pending.store(false, Ordering::Relaxed);
        self.sweep(client).await
    }

    /// There is nothing to remove: the bucket was never made.
    pub(super) fn forget(&self) {
        self.is_pending.store(false, Ordering::Relaxed);
    }

    async fn sweep(&self, client: &Client) -> Result<()> {
        let options = ListOptions { prefix: self.prefix.clone(), ..ListOptions::default() };
        let page = client.list_page(&self.bucket, &options, None).await?;
        for object in page.entries() {
            client.delete_object(&self.bucket, object.key).await?;
        }
        // A service that does not list uploads has none of ours left if the step itself aborted it.
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
        // The runtime of the test may be ending: this needs one of its own.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let swept =
                    runtime.map(|runtime| runtime.block_on(self.sweep(&Client::new(self.options.clone()))));
                // An interrupted request may not have made the bucket.
                let is_gone = match swept {
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
