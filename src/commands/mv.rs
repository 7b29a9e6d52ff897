//! `mv`: move objects on the server.

use super::context::Cx;
use super::cp::{Kind, transfer};
use crate::output::Outcome;
use std::ffi::OsString;

/// Copies as `cp` does and deletes each source once its copy was compared with it.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    transfer(cx, args, Kind::Move).await
}
