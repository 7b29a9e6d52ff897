//! `dellifecycle s3://BUCKET`: takes the bucket's lifecycle rules away.

use super::context::Cx;
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Deletes the lifecycle rules of a bucket.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    document::delete(cx, &args[0], "lifecycle", "Lifecycle Policy deleted").await
}
