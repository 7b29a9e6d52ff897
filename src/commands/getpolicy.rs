//! `getpolicy s3://BUCKET`: shows the bucket's policy.

use super::context::{Cx, bucket_uri};
use crate::output::{Event, Exit, Failure, Outcome};
use crate::s3::Error;
use std::ffi::OsString;

/// Prints the policy of a bucket, or that there is none. s3cmd has this command since 2.4.0's successor; the line is
/// that of `info`.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_uri(&args[0])?;
    let text = policy_text(cx.client().document(&uri.bucket, None, "policy").await)?;
    let shown = text.as_deref().unwrap_or("none");
    // What is no JSON is told as the text that it is.
    let policy = text.as_deref().map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
    cx.console.tell(&Event::Policy { bucket: &uri.bucket, policy, shown })
}

/// The policy as it is shown. One that may not be read is exit 77 whichever way the service says it.
fn policy_text(answer: Result<String, Error>) -> Outcome<Option<String>> {
    match answer {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) => match error.status() {
            Some(404 | 501) => Ok(None),
            Some(403 | 405) => Err(Failure { exit: Exit::ACCESSDENIED, ..Failure::about_bucket(error) }),
            _ => Err(error.into()),
        },
    }
}
