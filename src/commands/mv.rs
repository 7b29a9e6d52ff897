//! `mv`: moves objects on the server.

use super::cp::{Kind, transfer};
use crate::commands::shared::context::Context;
use crate::output::Outcome;
use std::ffi::OsString;

/// Copies as `cp` does and deletes each source after its copy has been verified.
pub async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    transfer(cx, args, Kind::Move).await
}
