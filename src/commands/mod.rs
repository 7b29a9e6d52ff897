//! One file a subcommand. A command holds no protocol and no loops over bytes: it reads like the sentence that
//! describes it, and leaves the rest to `transfer` and `s3`.

pub mod abortmp;
pub mod check;
pub mod context;
pub mod cp;
pub mod del;
pub mod dellifecycle;
pub mod delpolicy;
pub mod deltagging;
mod document;
pub mod du;
pub mod get;
pub mod getacl;
pub mod getlifecycle;
pub mod getpolicy;
pub mod gettagging;
pub mod info;
pub mod la;
pub mod listmp;
pub mod ls;
pub mod mb;
pub mod md5sum;
pub mod multipart;
pub mod mv;
mod open_files;
pub mod put;
pub mod rb;
mod runtime;
#[cfg(feature = "serve")]
pub mod serve;
pub mod setacl;
pub mod setlifecycle;
pub mod setpolicy;
pub mod settagging;
pub mod sign;
pub mod signurl;
pub mod sync;

use crate::cli::Command;
use crate::output::{Exit, Failure, Outcome};
use context::Cx;
use std::ffi::OsString;

/// Runs a command to its end.
pub fn run(command: Command, cx: &Cx, args: &[OsString]) -> Outcome {
    cx.check_shard()?;
    runtime::run(command, async {
        match command {
            Command::Abortmp => abortmp::run(cx, args).await,
            Command::Check => check::run(cx, args).await,
            Command::Cp => cp::run(cx, args).await,
            Command::Del => del::run(cx, args).await,
            Command::Dellifecycle => dellifecycle::run(cx, args).await,
            Command::Delpolicy => delpolicy::run(cx, args).await,
            Command::Deltagging => deltagging::run(cx, args).await,
            Command::Du => du::run(cx, args).await,
            Command::Get => get::run(cx, args).await,
            Command::Getacl => getacl::run(cx, args).await,
            Command::Getlifecycle => getlifecycle::run(cx, args).await,
            Command::Getpolicy => getpolicy::run(cx, args).await,
            Command::Gettagging => gettagging::run(cx, args).await,
            Command::Info => info::run(cx, args).await,
            Command::La => la::run(cx, args).await,
            Command::Listmp => listmp::run(cx, args).await,
            Command::Ls => ls::run(cx, args).await,
            Command::Mb => mb::run(cx, args).await,
            Command::Md5sum => md5sum::run(cx, args).await,
            Command::Multipart => multipart::run(cx, args).await,
            Command::Mv => mv::run(cx, args).await,
            Command::Put => put::run(cx, args).await,
            Command::Rb => rb::run(cx, args).await,
            #[cfg(feature = "serve")]
            Command::Serve => serve::run(cx, args).await,
            #[cfg(not(feature = "serve"))]
            Command::Serve => {
                Err(Failure::new(Exit::USAGE, "This program was built without the embedded server"))
            }
            Command::Setacl => setacl::run(cx, args).await,
            Command::Setlifecycle => setlifecycle::run(cx, args).await,
            Command::Setpolicy => setpolicy::run(cx, args).await,
            Command::Settagging => settagging::run(cx, args).await,
            Command::Sign => sign::run(cx, args).await,
            Command::Signurl => signurl::run(cx, args).await,
            Command::Sync => sync::run(cx, args).await,
            other => Err(Failure::new(Exit::USAGE, format!("Invalid command: {other:?}"))),
        }
    })
}
