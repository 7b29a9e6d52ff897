//! `delcors s3://BUCKET`: takes the bucket's cross-origin rules away.

use super::context::Cx;
use super::document;
use crate::output::Outcome;
use std::ffi::OsString;

/// Deletes the rules that browsers ask for.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    document::delete(cx, &args[0], "cors", "CORS deleted").await
}
