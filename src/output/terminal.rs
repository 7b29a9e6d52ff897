//! All writes to standard output and standard error, so that lines and progress do not garble each other: lines go
//! above the rows of a [`ProgressTable`], or start on a new line after an unfinished meter.

use super::progress::table::ProgressTable;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// What the terminal shows. There is one terminal for all writers.
#[derive(Debug, Default)]
struct State {
    table: Option<Arc<ProgressTable>>,
    /// Whether the terminal ends with the unfinished line of a meter.
    open_line: bool,
}

static STATE: Mutex<State> = Mutex::new(State { table: None, open_line: false });

/// Whether standard output and standard error are terminals. Cached, because each check is a system call.
static TERMINALS: LazyLock<(bool, bool)> =
    LazyLock::new(|| (io::stdout().is_terminal(), io::stderr().is_terminal()));

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether standard output is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    TERMINALS.0
}

/// Whether standard error is a terminal.
pub(super) fn stderr_is_terminal() -> bool {
    TERMINALS.1
}

/// Writes result lines. If a table is shown, it writes them, and a failure is returned later, by [`take_error`].
pub(super) fn out(bytes: &[u8]) -> io::Result<()> {
    let mut state = state();
    if let Some(table) = state.table.clone() {
        drop(state);
        table.queue_lines(false, bytes);
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    if std::mem::take(&mut state.open_line) && stdout_is_terminal() {
        stdout.write_all(b"\n")?;
    }
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// Writes log lines. Errors are ignored: there is nowhere to report them.
pub(super) fn err(text: &str) {
    let mut state = state();
    if let Some(table) = state.table.clone().filter(|_| stderr_is_terminal()) {
        drop(state);
        return table.queue_lines(true, text.as_bytes());
    }
    let mut stderr = io::stderr().lock();
    if stderr_is_terminal() && stdout_is_terminal() && std::mem::take(&mut state.open_line) {
        let _ = stderr.write_all(b"\n");
    }
    let _ = stderr.write_all(text.as_bytes());
}

/// Writes part of a meter. Errors are ignored: the next result line reports them.
pub(super) fn meter(text: &str) {
    let mut state = state();
    state.open_line = !text.ends_with('\n');
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// The table that is shown, if there is one.
pub(super) fn table() -> Option<Arc<ProgressTable>> {
    state().table.clone()
}

/// Sets the shown table. With `None`, lines go straight to the terminal again.
pub(super) fn set_table(table: Option<Arc<ProgressTable>>) {
    state().table = table;
}

/// The first failure of a table to write result lines, returned once.
pub(super) fn take_error() -> Option<io::Error> {
    table().and_then(|table| table.take_error())
}
