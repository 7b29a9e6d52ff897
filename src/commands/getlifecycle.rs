//! `getlifecycle s3://BUCKET`: shows the bucket's lifecycle rules.

use super::context::{Cx, bucket_uri};
use crate::output::{Event, Outcome, indented};
use std::ffi::OsString;

/// Prints the lifecycle rules of a bucket as indented XML, followed by an empty line.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_uri(&args[0])?;
    let text = cx.client().document(&uri.bucket, None, "lifecycle").await?;
    cx.console.tell(&Event::Lifecycle { bucket: &uri.bucket, xml: &text, shown: &indented(&text)? })
}
