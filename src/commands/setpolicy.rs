//! `setpolicy FILE s3://BUCKET`: gives the bucket the policy of a file.

use super::context::Cx;
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Replaces the policy of a bucket by that of a JSON file (`-` reads stdin).
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    let text = document::read(&args[0])?;
    document::put(cx, &args[1], "policy", text, "application/json", "Policy updated").await
}
