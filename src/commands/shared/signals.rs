//! Signals that end a run at any moment.
//!
//! The run itself listens for signals and ends cleanly: unfinished work is dropped, together with its temporary files.
//! A separate thread also listens, for times when the run does not (matching patterns against hundreds of thousands of
//! files, reading from a terminal). If the run has not begun to end after a while, or at a second signal, the thread
//! ends the process.

use crate::interrupt;
use crate::output::{Exit, Failure, end_log, print_error_text};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the run may take to react to a signal.
const REACTION_TIME: Duration = Duration::from_secs(1);

/// How long the thread waits before it listens: short runs have finished by then. Signals stay pending until then.
const DELAY: Duration = Duration::from_millis(100);

/// Whether the run itself has received the signal.
static RECEIVED: AtomicBool = AtomicBool::new(false);

/// The signals that end a run.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

/// The signal that was received.
#[derive(Clone, Copy)]
enum EndSignal {
    Interrupt,
    Terminate,
}

impl EndSignal {
    /// Reports once what is kept, and returns the exit code.
    fn report(self) -> Exit {
        let message = match self {
            EndSignal::Interrupt => "See ya!\n",
            EndSignal::Terminate => "",
        };
        if !interrupt::request() {
            if !message.is_empty() {
                print_error_text(message);
            }
            for line in interrupt::resume_report() {
                log::warn!("{line}");
            }
            end_log();
        }
        match self {
            EndSignal::Interrupt => Exit::BREAK,
            // The code that a shell reports for a process killed by SIGTERM.
            EndSignal::Terminate => Exit(128 + 15),
        }
    }
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> EndSignal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => EndSignal::Interrupt,
            Some(()) = self.terminate.recv() => EndSignal::Terminate,
            else => std::future::pending().await,
        }
    }
}

/// Waits for a signal that ends the run, and reports it.
pub(crate) async fn interrupted() -> Failure {
    let (Ok(mut own), Ok(others)) = (Signals::new(), Signals::new()) else {
        return std::future::pending().await;
    };
    watch(others);
    let signal = own.next().await;
    RECEIVED.store(true, Ordering::Relaxed);
    Failure::silent(signal.report())
}

/// Starts the thread that ends the process if the run does not.
fn watch(mut signals: Signals) {
    let watch = move || {
        std::thread::sleep(DELAY);
        // On failure only the run itself listens.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let signal = signals.next().await;
            let again = tokio::time::timeout(REACTION_TIME, signals.next()).await;
            if again.is_err() && RECEIVED.load(Ordering::Relaxed) {
                // The run is ending; a second signal ends it at once.
                signals.next().await;
            }
            exit_process(signal.report());
        });
    };
    // On failure only the run itself listens.
    let _ = std::thread::Builder::new().name("signals".into()).spawn(watch);
}

#[allow(clippy::exit, reason = "the only way to end a run that does not react")]
fn exit_process(exit: Exit) {
    std::process::exit(i32::from(exit.0));
}

/// Makes a write beyond the file size limit (`ulimit -f`) return an error. By default the accompanying signal ends the
/// process without a message. With a handler it does nothing, and child processes start without the handler.
pub(crate) fn survive_file_limit() {
    let kind = tokio::signal::unix::SignalKind::from_raw(libc::SIGXFSZ);
    // On failure the default action stays.
    let _ = tokio::signal::unix::signal(kind);
}
