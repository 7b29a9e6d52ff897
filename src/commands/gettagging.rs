//! `gettagging s3://BUCKET[/KEY]`: shows the tags of a bucket or an object.

use super::context::Cx;
use super::document::bucket_of;
use crate::output::{Event, Outcome};
use std::ffi::OsString;

/// Prints the tags of a bucket or an object, one a line.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let uri = bucket_of(&args[0])?;
    let tags = cx.client().tags(&uri.bucket, uri.key_option()).await?;
    cx.console.tell(&Event::Tags { uri: &uri, tags: &tags })
}
