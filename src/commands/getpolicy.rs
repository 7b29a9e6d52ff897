//! `getpolicy s3://BUCKET`: shows the bucket's policy.

use super::context::{Cx, bucket_uri};
use crate::output::{Exit, Failure, Outcome};
use crate::s3::Error;
use std::ffi::OsString;

/// Prints the policy of a bucket, or that there is none. s3cmd has this command since 2.4.0's successor; the line is
/// that of `info`.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_uri(&args[0])?;
    let text = policy_text(cx.client().document(&uri.bucket, None, "policy").await)?;
    cx.console.line(format!("   Policy:    {text}"))
}

/// The policy as it is shown; `none` without one. One that may not be read is exit 77 whichever way the service says it.
fn policy_text(answer: Result<String, Error>) -> Outcome<String> {
    match answer {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) => match error.status() {
            Some(404 | 501) => Ok("none".to_owned()),
            Some(403 | 405) => Err(Failure { exit: Exit::ACCESSDENIED, ..Failure::about_bucket(error) }),
            _ => Err(error.into()),
        },
    }
}
