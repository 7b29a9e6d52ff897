//! Signals: what ends a run from outside, at any moment.
//!
//! The run itself listens, and ends in order: what is under way is dropped, temporary files with it. A thread beside it
//! listens too, for the moments in which the run does not get to listening (patterns over hundreds of thousands of files, a
//! read from a terminal): if the run has not begun to end after a while, or at a second signal, it ends the process.

use crate::interrupt;
use crate::output::{Exit, Failure, end_log, print_error_text};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the run may take to notice a signal.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(1);

/// When the thread begins to listen: short runs are over by then. Until then signals wait.
#[cfg(unix)]
const DELAY: Duration = Duration::from_millis(100);

/// Whether the run itself has noticed.
#[cfg(unix)]
static NOTICED: AtomicBool = AtomicBool::new(false);

/// The signals that end a run.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

/// One of them.
#[derive(Clone, Copy)]
enum Ending {
    Interrupt,
    #[cfg(unix)]
    Terminate,
}

impl Ending {
    /// Says once what is kept, and with which words and which exit code the run ends.
    fn tell(self) -> Exit {
        let words = match self {
            Ending::Interrupt => "See ya!\n",
            #[cfg(unix)]
            Ending::Terminate => "",
        };
        if !interrupt::request() {
            if !words.is_empty() {
                print_error_text(words);
            }
            for line in interrupt::resume_report() {
                log::warn!("{line}");
            }
            end_log();
        }
        match self {
            Ending::Interrupt => Exit::BREAK,
            // What a shell reports of a process that SIGTERM ended.
            #[cfg(unix)]
            Ending::Terminate => Exit(128 + 15),
        }
    }
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Ending {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Ending::Interrupt,
            Some(()) = self.terminate.recv() => Ending::Terminate,
            else => std::future::pending().await,
        }
    }
}

/// Waits for a signal that ends the run, and says what is to be said.
#[cfg(unix)]
pub(crate) async fn interrupted() -> Failure {
    let (Ok(mut own), Ok(others)) = (Signals::new(), Signals::new()) else {
        return std::future::pending().await;
    };
    watch(others);
    let ending = own.next().await;
    NOTICED.store(true, Ordering::Relaxed);
    Failure::silent(ending.tell())
}

/// Ends the process where the run does not.
#[cfg(unix)]
fn watch(mut signals: Signals) {
    let watching = move || {
        std::thread::sleep(DELAY);
        // Without it only the run itself listens.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let ending = signals.next().await;
            let again = tokio::time::timeout(PATIENCE, signals.next()).await;
            if again.is_err() && NOTICED.load(Ordering::Relaxed) {
                // It is ending, which a second signal cuts short.
                signals.next().await;
            }
            leave(ending.tell());
        });
    };
    // A refusal leaves the run to listen alone.
    let _ = std::thread::Builder::new().name("signals".into()).spawn(watching);
}

#[cfg(unix)]
#[allow(clippy::exit, reason = "nothing else ends a run that does not listen")]
fn leave(exit: Exit) {
    std::process::exit(i32::from(exit.0));
}

#[cfg(not(unix))]
pub(crate) async fn interrupted() -> Failure {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Failure::silent(Ending::Interrupt.tell()),
        Err(_) => std::future::pending().await,
    }
}

/// Makes a write beyond the limit on file sizes (`ulimit -f`) an error of that write. By itself the signal that comes with
/// it ends the process without a word; caught, it does nothing, and other programs are started without it.
#[cfg(unix)]
pub(crate) fn survive_file_limit() {
    let kind = tokio::signal::unix::SignalKind::from_raw(libc::SIGXFSZ);
    // A refusal leaves it as it was.
    let _ = tokio::signal::unix::signal(kind);
}

#[cfg(not(unix))]
pub(crate) fn survive_file_limit() {}
