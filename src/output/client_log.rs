//! Logs the events of the client, in s3cmd's words.

use super::{error_reason, error_text};
use s3cmd_client::Error;
use s3cmd_client::client::observer::{Observer, Retry};
use s3cmd_client::client::retry::RetryClass;
use std::time::Duration;

/// An observer that logs the events of the client. It ignores final failures: the command reports them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClientLog;

impl Observer for ClientLog {
    fn retrying(&self, retry: &Retry<'_>) {
        match (retry.class, retry.error) {
            (RetryClass::Upload, Error::Service(service)) => {
                log::warn!("Upload failed: {} ({service})", retry.resource);
            }
            _ => log::warn!("Retrying failed request: {} ({})", retry.resource, error_reason(retry.error)),
        }
        log::warn!("Waiting {:.1} sec...", retry.delay.as_secs_f64());
    }

    fn expect_unsupported(&self, waited: Duration) {
        log::warn!(
            "HTTP Expect Continue feature disabled because of no reply of the server in {:.2}s.",
            waited.as_secs_f64()
        );
    }

    fn batch_deletion_unsupported(&self) {
        log::info!("The service does not support batch deletion: objects are deleted one by one");
    }

    fn credentials_not_renewed(&self, error: &Error) {
        log::info!("Temporary credentials could not be renewed: {}", error_text(error));
    }

    fn credential_process_printed(&self, text: &str) {
        log::info!("credential_process printed: {text}");
    }
}
