//! Several transfers on a terminal: one row each and one for all of them, below the lines that scroll by.
//!
//! Nothing here slows a transfer: workers count their bytes in atomics, lines are put in a queue, and one thread of its
//! own draws, ten times a second, however slow the terminal is.

use super::rate::{self, Rate};
use super::rows::{self, Amount};
use super::screen;
use crate::s3::request::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two drawings.
const TICK: Duration = Duration::from_millis(100);

/// Bytes of lines that may wait for the terminal before those who write them have to wait too.
const QUEUE: usize = 1 << 20;

/// Most rows of transfers; fewer on a low terminal.
const MAX_ROWS: usize = 16;

/// Stands for bytes that are not known.
const UNKNOWN: u64 = u64::MAX;

/// The display of one run of transfers.
#[derive(Debug)]
pub(super) struct Board {
    /// Items of the run, and how many of them have ended.
    items: u64,
    ended: AtomicU64,
    /// Bytes of the run, and of the items that have ended.
    bytes: AtomicU64,
    ended_bytes: AtomicU64,
    state: Mutex<State>,
    /// Wakes the thread that draws.
    wake: Condvar,
    /// Wakes those who wait for room in the queue.
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    active: BTreeMap<u64, Transfer>,
    next: u64,
    /// Lines to write, `true` for those of standard error.
    queue: Vec<(bool, Vec<u8>)>,
    queued: usize,
    closing: bool,
    broken: Option<io::Error>,
}

#[derive(Debug)]
struct Transfer {
    name: String,
    total: u64,
    count: Progress,
    started: Instant,
}

/// Keeps a board up; taken down, all lines written, when it is dropped.
#[derive(Debug)]
pub(super) struct Up {
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

impl Board {
    /// Puts a board up for so many items. `None` where the system has no thread to spare.
    pub(super) fn put_up(items: u64) -> Option<Up> {
        let board = Arc::new(Self {
            items,
            ended: AtomicU64::new(0),
            bytes: AtomicU64::new(UNKNOWN),
            ended_bytes: AtomicU64::new(0),
            state: Mutex::default(),
            wake: Condvar::new(),
            room: Condvar::new(),
        });
        let drawn = board.clone();
        let thread = std::thread::Builder::new().name("progress".into()).spawn(move || draw(&drawn)).ok()?;
        screen::set_board(Some(board.clone()));
        Some(Up { board, thread: Some(thread) })
    }

    /// Says how many bytes the run will move.
    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Counts an item that has ended, with the bytes that it was planned to have.
    pub(super) fn item_ended(&self, bytes: u64) {
        self.ended_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Shows a transfer; returns its number, for [`Board::end`].
    pub(super) fn begin(&self, name: &str, total: u64, count: &Progress) -> u64 {
        let transfer =
            Transfer { name: name.to_owned(), total, count: count.clone(), started: Instant::now() };
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.active.insert(number, transfer);
        number
    }

    /// A transfer has ended.
    pub(super) fn end(&self, number: u64) {
        self.lock().active.remove(&number);
    }

    /// Has lines written above the rows.
    pub(super) fn say(&self, to_stderr: bool, bytes: &[u8]) {
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
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.lock().broken.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of the transfers, then that of all of them.
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
                rows.push(rows::transfer(&transfer.name, amount, width));
            }
        }
        if state.active.len() > shown {
            rows.push(rows::more(state.active.len() - shown, width));
        }
        let bytes = self.bytes.load(Ordering::Relaxed);
        let total = Some(bytes).filter(|bytes| *bytes != UNKNOWN);
        let speed = rate.note(Instant::now(), now);
        let left = total.and_then(|total| rate::left(total.saturating_sub(now), speed));
        let amount = Amount { now, total, speed };
        rows.push(rows::total(self.ended.load(Ordering::Relaxed), self.items, left, amount, width));
        rows
    }

    /// Writes lines to where they belong, in order.
    fn write(&self, lines: Vec<(bool, Vec<u8>)>) {
        for (to_stderr, text) in lines {
            if to_stderr {
                // There is nowhere to complain about a closed standard error.
                let _ = io::stderr().lock().write_all(&text);
                continue;
            }
            let mut stdout = io::stdout().lock();
            if let Err(error) = stdout.write_all(&text).and_then(|()| stdout.flush()) {
                self.lock().broken.get_or_insert(error);
            }
        }
    }
}

impl Up {
    pub(super) fn board(&self) -> &Arc<Board> {
        &self.board
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.board.lock().closing = true;
        self.board.wake.notify_one();
        self.board.room.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was told by its own message.
            let _ = thread.join();
        }
        screen::set_board(None);
    }
}

/// Draws until the board is taken down.
fn draw(board: &Board) {
    let rows = Arc::new(Mutex::new(Vec::new()));
    let bar = bar(rows.clone());
    let mut rate = Rate::default();
    loop {
        let state = board.lock();
        let idle = |state: &mut State| !state.closing && state.queued <= QUEUE;
        let mut state =
            board.wake.wait_timeout_while(state, TICK, idle).unwrap_or_else(PoisonError::into_inner).0;
        let lines = std::mem::take(&mut state.queue);
        state.queued = 0;
        board.room.notify_all();
        if state.closing {
            drop(state);
            bar.finish_and_clear();
            return board.write(lines);
        }
        *rows.lock().unwrap_or_else(PoisonError::into_inner) = board.rows(&state, &mut rate);
        drop(state);
        if lines.is_empty() {
            bar.force_draw();
        } else {
            bar.suspend(|| board.write(lines));
        }
    }
}

/// One bar over all rows of the display.
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

/// Columns and lines of the terminal; the usual ones where it does not tell.
fn size() -> (usize, usize) {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stdout())
        && size.ws_col > 0
        && size.ws_row > 0
    {
        return (size.ws_col.into(), size.ws_row.into());
    }
    (80, 24)
}

/// Standard output as the bars draw on it: each drawing is one write, and leaves the cursor in the first column, so that
/// the `^C` of an interruption does not begin another line. The cursor is never hidden.
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
