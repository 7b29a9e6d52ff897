//! The short test of `--configure`: do the keys list the buckets, or the bucket that was named?

use super::account::other;
use super::hints::hint;
use crate::commands::shared::context::{Context, client_options};
use crate::s3::list::ListOptions;
use crate::s3::{Client, ClientOptions, Error, Signature};
use crate::uri::S3Uri;

/// Why the access test failed, and what to change; the hint is empty where there is nothing to say.
#[derive(Debug)]
pub(in crate::commands) struct Trouble {
    /// The failure in s3cmd's words.
    pub(in crate::commands) why: String,
    /// Which key of the configuration to change.
    pub(in crate::commands) hint: String,
}

/// Lists the buckets, or one entry of the bucket.
pub(in crate::commands) async fn access(cx: &Context, bucket: Option<&S3Uri>) -> Result<(), Trouble> {
    let mut options = client_options(&cx.settings);
    // A test shall say soon what is wrong.
    options.retry.max_retries = options.retry.max_retries.min(1);
    let Err(error) = list(&options, bucket).await else { return Ok(()) };
    let why = match &error {
        Error::Service(service) => service.to_string(),
        error => error.to_string(),
    };
    let other = ClientOptions { signature: other(options.signature), ..options };
    let hint = match &error {
        Error::Service(_) if list(&other, bucket).await.is_ok() => {
            format!("signature_v2 = {}", if other.signature == Signature::V2 { "True" } else { "False" })
        }
        error => hint(&cx.settings, error),
    };
    Err(Trouble { why, hint })
}

async fn list(options: &ClientOptions, bucket: Option<&S3Uri>) -> Result<(), Error> {
    let client = Client::new(options.clone());
    match bucket {
        Some(uri) => {
            let options = ListOptions { page_size: Some(1), ..ListOptions::default() };
            client.list_page(&uri.bucket, &options, None).await.map(drop)
        }
        None => client.list_buckets().await.map(drop),
    }
}
