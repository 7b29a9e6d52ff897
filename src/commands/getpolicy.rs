//! `getpolicy s3://BUCKET...`: shows the policies of buckets.

use crate::commands::shared::arguments::bucket_uris;
use crate::commands::shared::context::Context;
use crate::commands::shared::document;
use crate::commands::shared::each::each;
use crate::output::{Event, Exit, Failure, Outcome};
use s3cmd_client::Error;
use std::ffi::OsString;

/// Prints the policy of each bucket, or `none`. s3cmd has this command only after 2.4.0. The line is that of `info`,
/// and `setpolicy` accepts the output.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = bucket_uris(args)?;
    each(cx, &uris, async |uri| {
        let text = policy_text(cx.client().document(&uri.bucket, None, "policy").await)?;
        let shown = text.as_deref().unwrap_or("none");
        // A policy that is not JSON is reported as a string.
        let policy = text.as_deref().map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
        document::heading(cx, uri, uris.len() > 1)?;
        cx.console.print(&Event::Policy { bucket: &uri.bucket, policy, shown })
    })
    .await
}

/// The policy as it is printed. A policy that the user may not read is exit code 77, whichever status the service uses.
fn policy_text(answer: Result<String, Error>) -> Outcome<Option<String>> {
    match answer {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) => match error.status() {
            Some(404 | 501) if error.code() != "NoSuchBucket" => Ok(None),
            Some(403 | 405) => Err(Failure { exit: Exit::ACCESSDENIED, ..Failure::about_bucket(error) }),
            _ => Err(error.into()),
        },
    }
}
