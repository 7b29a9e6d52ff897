//! `cflist`: lists CloudFront distributions.

use crate::commands::shared::context::Context;
use crate::commands::shared::distributions::show;
use crate::output::Outcome;
use std::ffi::OsString;

/// Lists all distributions, or prints the details of those that are named, as `cfinfo` does (measured on s3cmd 2.4.0).
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    show(cx, args).await
}
