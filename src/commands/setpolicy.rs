//! `setpolicy FILE s3://BUCKET`: gives the bucket the policy of a file.

use super::context::{Cx, bucket_uri};
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Replaces the policy of a bucket by that of a JSON file (`-` reads stdin). It is said where the service answers 204, as
/// S3 does (measured on s3cmd 2.4.0).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let text = document::read(&args[0])?;
    let uri = bucket_uri(&args[1])?;
    if cx.settings.dry_run {
        return Ok(());
    }
    let status = cx.client().put_document(&uri.bucket, None, "policy", text, "application/json").await?;
    document::said_if_204(cx, &uri, "Policy updated", status)
}
