//! `cp`: copies objects on the server.

use crate::commands::shared::context::Context;
use crate::commands::shared::copy_or_move::{Kind, transfer};
use crate::output::Outcome;
use std::ffi::OsString;

/// Copies the sources to the destination, many at once, compares each copy with its source, and prints a line for each
/// in the order of their names.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    transfer(cx, args, Kind::Copy).await
}
