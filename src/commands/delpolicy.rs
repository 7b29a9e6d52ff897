//! `delpolicy s3://BUCKET`: takes the bucket's policy away.

use super::context::Cx;
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Deletes the policy of a bucket.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    document::delete(cx, &args[0], "policy", "Policy deleted").await
}
