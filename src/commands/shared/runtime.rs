//! The async runtime that suits a command, and what ends a run from outside.

use crate::cli::Command;
use crate::commands::shared::signals;
use crate::output::{Failure, Outcome, print_error_text};
use crate::transfer::upload::abort_unfinished;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Most worker threads: transfers wait for the network, and each thread costs start-up time (128 cost 11 ms).
const MAX_THREADS: usize = 8;

/// How long writers and readers of files may take to end after an interruption, so that temporary files are removed.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs a command: on one thread where it makes a few requests, on several where it moves data. Ctrl-C and SIGTERM end it
/// in order: what is under way is dropped, and temporary files with it.
pub(crate) fn run(command: Command, work: impl Future<Output = Outcome>) -> Outcome {
    if threads(command).is_some() {
        crate::commands::shared::open_files::raise_limit();
    }
    if matches!(command, Command::Ls | Command::La | Command::Du) {
        crate::commands::shared::heap::return_long_pieces();
    }
    let runtime = build(command).map_err(Failure::from)?;
    let outcome = runtime.block_on(async {
        signals::survive_file_limit();
        if command == Command::Serve {
            // The server ends in an order of its own.
            return work.await;
        }
        let ended = tokio::select! {
            // In this order: an interruption right after the first word of the work finds somebody who listens.
            biased;
            failure = signals::interrupted() => Err(failure),
            outcome = work => outcome,
        };
        // Nothing is sent any more; what is left unfinished may have to go.
        for left in abort_unfinished(LAST_WORDS).await {
            print_error_text(&format!("WARNING: The unfinished upload could not be dropped: {left}\n"));
        }
        ended
    });
    if outcome.is_err() {
        runtime.shutdown_timeout(LAST_WORDS);
    } else {
        runtime.shutdown_background();
    }
    outcome
}

/// How many worker threads suit a command: none where it makes a few requests, two where pages are read while others
/// are printed, several where data moves.
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
