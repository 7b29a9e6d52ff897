//! `getnotification s3://BUCKET`: shows who is told of changes in the bucket.

use super::context::{Cx, bucket_uri};
use crate::output::{Event, Outcome, indented};
use std::ffi::OsString;

/// Prints the notification rules of a bucket as indented XML, followed by an empty line.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_uri(&args[0])?;
    let text = cx.client().document(&uri.bucket, None, "notification").await?;
    cx.console.tell(&Event::Notification { bucket: &uri.bucket, xml: &text, shown: &indented(&text)? })
}
