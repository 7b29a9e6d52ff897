//! One file a subcommand. A command holds no protocol and no loops over bytes: it reads like the sentence that
//! describes it, and leaves the rest to `transfer` and `s3`.

pub mod context;
pub mod get;
pub mod put;
mod runtime;

use crate::cli::Command;
use crate::output::{Exit, Failure, Outcome};
use context::Cx;
use std::ffi::OsString;

/// Runs a command to its end.
pub fn run(command: Command, cx: &Cx, args: &[OsString]) -> Outcome {
    runtime::run(command, async {
        match command {
            Command::Get => get::run(cx, args).await,
            Command::Put => put::run(cx, args).await,
            other => Err(Failure::new(Exit::USAGE, format!("Invalid command: {other:?}"))),
        }
    })
}
