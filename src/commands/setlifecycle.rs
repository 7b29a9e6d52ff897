//! `setlifecycle FILE s3://BUCKET`: gives the bucket the lifecycle rules of a file.

use super::context::Cx;
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Replaces the lifecycle rules of a bucket by those of an XML file (`-` reads stdin).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let text = document::read(&args[0])?;
    document::put(cx, &args[1], "lifecycle", text, "application/xml", "Lifecycle Policy updated").await
}
