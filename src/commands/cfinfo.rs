//! `cfinfo [cf://ID]...`: shows CloudFront distributions.

use crate::commands::shared::context::Context;
use crate::commands::shared::distributions::show;
use crate::output::Outcome;
use std::ffi::OsString;

/// Prints the details of the distributions that the arguments name, by id or by bucket. Without arguments, prints a
/// short list of all distributions.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    show(cx, args).await
}
