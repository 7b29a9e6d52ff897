//! The async runtime for a command, and how a run is interrupted.

use crate::cli::Command;
use crate::commands::shared::signals;
use crate::output::{Failure, Outcome, print_error_text};
use crate::transfer::upload::abort_unfinished;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Maximum number of worker threads: transfers wait for the network, and each thread costs start-up time (128 cost 11
/// ms).
const MAX_THREADS: usize = 8;

/// How long file readers and writers may take to stop after an interruption, so that temporary files are removed.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs a command: on one thread if it makes a few requests, on several if it transfers data. Ctrl-C and SIGTERM end it
/// cleanly: unfinished work is dropped, together with its temporary files.
pub(crate) fn run(command: Command, work: impl Future<Output = Outcome>) -> Outcome {
    if threads(command).is_some() {
        crate::commands::shared::open_files::raise_limit();
    }
    if matches!(command, Command::Ls | Command::La | Command::Du) {
        crate::commands::shared::heap::return_large_allocations();
    }
    let runtime = build(command).map_err(Failure::from)?;
    let outcome = runtime.block_on(async {
        signals::survive_file_limit();
        if command == Command::Serve {
            // The server has its own shutdown.
            return work.await;
        }
        let ended = tokio::select! {
            // In this order, so that signals are handled before the command prints anything.
            biased;
            failure = signals::interrupted() => Err(failure),
            outcome = work => outcome,
        };
        // No requests are running any longer; unfinished uploads may have to be aborted.
        for failure in abort_unfinished(SHUTDOWN_TIMEOUT).await {
            print_error_text(&format!("WARNING: The unfinished upload could not be aborted: {failure}\n"));
        }
        ended
    });
    if outcome.is_err() {
        runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    } else {
        runtime.shutdown_background();
    }
    outcome
}

/// The number of worker threads for a command: none if it makes a few requests, two if pages are received while others
/// are printed, several if data is transferred.
fn threads(command: Command) -> Option<usize> {
    match command {
        Command::Ls | Command::La | Command::Du | Command::Rb => Some(2),
        Command::Put
        | Command::Get
        | Command::Cp
        | Command::Mv
        | Command::Del
        | Command::Setacl
        | Command::Modify
        | Command::Restore
        | Command::Sync
        | Command::Md5sum
        | Command::Check
        | Command::Serve => {
            let cores = std::thread::available_parallelism().map_or(2, usize::from);
            Some(cores.clamp(2, MAX_THREADS))
        }
        _ => None,
    }
}

fn build(command: Command) -> std::io::Result<Runtime> {
    let mut builder = match threads(command) {
        Some(threads) => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
        None => Builder::new_current_thread(),
    };
    builder.enable_all().build()
}
