//! The access test of `--configure`: can the credentials list the buckets, or the given bucket?

use super::account::other_version;
use super::hints::hint;
use crate::commands::shared::context::Context;
use crate::output::error_reason;
use crate::uri::S3Uri;
use s3cmd_client::list::ListOptions;
use s3cmd_client::{Client, ClientOptions, Error, Signature};

/// Why the access test failed and which setting to change.
#[derive(Debug)]
pub(in crate::commands) struct AccessError {
    /// The error message, in s3cmd's wording.
    pub(in crate::commands) message: String,
    /// The configuration key to change; empty if there is no suggestion.
    pub(in crate::commands) hint: String,
}

/// Lists the buckets, or one entry of the given bucket.
pub(in crate::commands) async fn access(cx: &Context, bucket: Option<&S3Uri>) -> Result<(), AccessError> {
    let mut options = cx.client_options();
    // Fail fast: the user waits for the result.
    options.retry.max_retries = options.retry.max_retries.min(1);
    let Err(error) = list(&options, bucket).await else { return Ok(()) };
    let message = error_reason(&error);
    let other = options.clone().with_signature(other_version(options.signature));
    let hint = match &error {
        Error::Service(_) if list(&other, bucket).await.is_ok() => {
            format!("signature_v2 = {}", if other.signature == Signature::V2 { "True" } else { "False" })
        }
        error => hint(&cx.settings, error),
    };
    Err(AccessError { message, hint })
}

async fn list(options: &ClientOptions, bucket: Option<&S3Uri>) -> Result<(), Error> {
    let client = Client::new(options.clone());
    match bucket {
        Some(uri) => {
            let options = ListOptions::default().with_page_size(1);
            client.list_page(&uri.bucket, &options, None).await.map(drop)
        }
        None => client.list_buckets().await.map(drop),
    }
}
