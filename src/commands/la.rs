//! `la`: lists the objects of all buckets.

use super::context::Cx;
use super::ls::list_objects;
use crate::output::Outcome;
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Lists every bucket in the service's order as `ls` does, an empty line after each.
pub async fn run(cx: &Cx, _args: &[OsString]) -> Outcome {
    for bucket in cx.client().list_buckets().await? {
        list_objects(cx, &S3Uri::new(bucket.name, "")).await?;
        cx.console.ornament("")?;
    }
    Ok(())
}
