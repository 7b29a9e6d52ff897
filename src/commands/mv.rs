//! `mv`: moves objects on the server.

use crate::commands::shared::context::Context;
use crate::commands::shared::copy_or_move::{Kind, transfer};
use crate::output::Outcome;
use std::ffi::OsString;

/// Copies as `cp` does and deletes each source after its copy has been verified.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    transfer(cx, args, Kind::Move).await
}
