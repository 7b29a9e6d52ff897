//! Several transfers on a terminal: a row for each and one for the total, below the scrolling lines.
//!
//! Nothing here slows down a transfer: workers count their bytes in atomics, lines are queued, and a separate thread
//! draws ten times a second, however slow the terminal is.

use super::super::terminal;
use super::rate::{self, Rate};
use super::row::{self, Amount};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use s3cmd_client::http::request::Progress;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two redraws.
const TICK: Duration = Duration::from_millis(100);

/// Bytes of lines that may be queued before writers have to wait.
const QUEUE: usize = 1 << 20;

/// Maximum number of rows for transfers; fewer on a small terminal.
const MAX_ROWS: usize = 16;

/// The value for an unknown number of bytes.
const UNKNOWN: u64 = u64::MAX;

/// The progress of one run of transfers.
#[derive(Debug)]
pub(in crate::output) struct ProgressTable {
    /// Number of items, and how many of them have finished.
    items: u64,
    ended: AtomicU64,
    /// Bytes of the run, and of the finished items.
    bytes: AtomicU64,
    ended_bytes: AtomicU64,
    state: Mutex<State>,
    /// Wakes the drawing thread.
    wake: Condvar,
    /// Wakes writers that wait for room in the queue.
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    active: BTreeMap<u64, Transfer>,
    next: u64,
    /// Queued lines; `true` for standard error.
    queue: Vec<(bool, Vec<u8>)>,
    queued: usize,
    closing: bool,
    write_error: Option<io::Error>,
}

#[derive(Debug)]
struct Transfer {
    name: String,
    total: u64,
    count: Progress,
    started: Instant,
}

/// Keeps a table shown. On drop all lines are written and the table is removed.
#[derive(Debug)]
pub(in crate::output) struct TableHandle {
    table: Arc<ProgressTable>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressTable {
    /// Shows a table for a number of items. Returns `None` if no thread can be started.
    pub(in crate::output) fn start(items: u64) -> Option<TableHandle> {
        let table = Arc::new(Self {
            items,
            ended: AtomicU64::new(0),
            bytes: AtomicU64::new(UNKNOWN),
            ended_bytes: AtomicU64::new(0),
            state: Mutex::default(),
            wake: Condvar::new(),
            room: Condvar::new(),
        });
        let drawn = table.clone();
        let thread = std::thread::Builder::new().name("progress".into()).spawn(move || draw(&drawn)).ok()?;
        terminal::set_table(Some(table.clone()));
        Some(TableHandle { table, thread: Some(thread) })
    }

    /// Sets the total size of the run in bytes.
    pub(in crate::output) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Counts a finished item, with its planned size in bytes.
    pub(in crate::output) fn item_ended(&self, bytes: u64) {
        self.ended_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Shows a transfer; returns its number, for [`ProgressTable::end`].
    pub(in crate::output) fn begin(&self, name: &str, total: u64, count: &Progress) -> u64 {
        let transfer =
            Transfer { name: name.to_owned(), total, count: count.clone(), started: Instant::now() };
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.active.insert(number, transfer);
        number
    }

    /// Removes a finished transfer.
    pub(in crate::output) fn end(&self, number: u64) {
        self.lock().active.remove(&number);
    }

    /// Queues lines to be written above the rows.
    pub(in crate::output) fn queue_lines(&self, to_stderr: bool, bytes: &[u8]) {
        let mut state = self.lock();
        while state.queued > QUEUE && !state.closing {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closing {
            drop(state);
            return self.write(vec![(to_stderr, bytes.to_vec())]);
        }
        state.queued += bytes.len();
        match state.queue.last_mut() {
            Some((stderr, text)) if *stderr == to_stderr => text.extend_from_slice(bytes),
            _ => state.queue.push((to_stderr, bytes.to_vec())),
        }
        if state.queued > QUEUE {
            self.wake.notify_one();
        }
    }

    /// The first failure to write result lines, once.
    pub(in crate::output) fn take_error(&self) -> Option<io::Error> {
        self.lock().write_error.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of the transfers, then the total row.
    fn rows(&self, state: &State, rate: &mut Rate) -> Vec<String> {
        let (width, height) = size();
        let room = (height / 2).clamp(1, MAX_ROWS);
        let shown = if state.active.len() > room { room - 1 } else { room };
        let mut rows = Vec::new();
        let mut now = self.ended_bytes.load(Ordering::Relaxed);
        for (index, transfer) in state.active.values().enumerate() {
            let count = transfer.count.load(Ordering::Relaxed);
            now += count.min(transfer.total);
            if index < shown {
                let seconds = transfer.started.elapsed().as_secs_f64();
                let speed = if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
                let amount = Amount { now: count, total: Some(transfer.total), speed };
                rows.push(row::transfer(&transfer.name, amount, width));
            }
        }
        if state.active.len() > shown {
            rows.push(row::more(state.active.len() - shown, width));
        }
        let bytes = self.bytes.load(Ordering::Relaxed);
        let total = Some(bytes).filter(|bytes| *bytes != UNKNOWN);
        let speed = rate.record(Instant::now(), now);
        let left = total.and_then(|total| rate::remaining(total.saturating_sub(now), speed));
        let amount = Amount { now, total, speed };
        rows.push(row::total(self.ended.load(Ordering::Relaxed), self.items, left, amount, width));
        rows
    }

    /// Writes lines to their streams, in order.
    fn write(&self, lines: Vec<(bool, Vec<u8>)>) {
        for (to_stderr, text) in lines {
            if to_stderr {
                // There is nowhere to complain about a closed standard error.
                let _ = io::stderr().lock().write_all(&text);
                continue;
            }
            let mut stdout = io::stdout().lock();
            if let Err(error) = stdout.write_all(&text).and_then(|()| stdout.flush()) {
                self.lock().write_error.get_or_insert(error);
            }
        }
    }
}

impl TableHandle {
    pub(in crate::output) fn table(&self) -> &Arc<ProgressTable> {
        &self.table
    }
}

impl Drop for TableHandle {
    fn drop(&mut self) {
        self.table.lock().closing = true;
        self.table.wake.notify_one();
        self.table.room.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has already been printed.
            let _ = thread.join();
        }
        terminal::set_table(None);
    }
}

/// Draws until the table is closed.
fn draw(table: &ProgressTable) {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let bar = bar(rows.clone());
    let mut rate = Rate::default();
    loop {
        let state = table.lock();
        let idle = |state: &mut State| !state.closing && state.queued <= QUEUE;
        let mut state =
            table.wake.wait_timeout_while(state, TICK, idle).unwrap_or_else(PoisonError::into_inner).0;
        let lines = std::mem::take(&mut state.queue);
        state.queued = 0;
        table.room.notify_all();
        if state.closing {
            drop(state);
            bar.finish_and_clear();
            return table.write(lines);
        }
        *rows.lock().unwrap_or_else(PoisonError::into_inner) = table.rows(&state, &mut rate);
        drop(state);
        if lines.is_empty() {
            bar.force_draw();
        } else {
            bar.suspend(|| table.write(lines));
        }
    }
}

/// One bar that contains all rows.
fn bar(rows: Arc<Mutex<Vec<String>>>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like(Box::<Terminal>::default()));
    let rows = move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
        // Writing to a string cannot fail.
        let _ = text.write_str(&rows.lock().unwrap_or_else(PoisonError::into_inner).join("\n"));
    };
    match ProgressStyle::with_template("{rows}") {
        Ok(style) => bar.set_style(style.with_key("rows", rows)),
        Err(error) => log::debug!("the display has no style: {error}"),
    }
    bar
}

/// Columns and lines of the terminal; 80 and 24 if unknown.
fn size() -> (usize, usize) {
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stdout())
        && size.ws_col > 0
        && size.ws_row > 0
    {
        return (size.ws_col.into(), size.ws_row.into());
    }
    (80, 24)
}

/// Standard output for drawing: each redraw is one write, and leaves the cursor in the first column, so that the `^C`
/// of an interruption does not start another line. The cursor is never hidden.
#[derive(Debug, Default)]
struct Terminal(Mutex<String>);

impl Terminal {
    fn add(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        Ok(())
    }

    fn step(&self, count: usize, direction: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.add(&format!("\x1b[{count}{direction}")) }
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        size().0.try_into().unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        size().1.try_into().unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.step(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.step(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.step(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.step(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text)?;
        self.add("\r\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if text.is_empty() {
            return Ok(());
        }
        text.push('\r');
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    }
}
