//! Standard output and standard error: result lines, log lines, displays. Nothing else in the program prints.

use super::event::Event;
use super::failure::{Failure, Outcome};
use super::json;
use super::ordered::ItemLog;
use super::progress::meter::Meter;
use super::progress::table::{ProgressTable, TableHandle};
use super::terminal;
use crate::s3::request::Progress;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of result lines that are collected before they are written, when many come at once.
const BUFFER: usize = 64 * 1024;

/// Where results go. Clones share it.
#[derive(Clone, Debug)]
pub struct Console {
    quiet: bool,
    progress: bool,
    json: bool,
    pending: Arc<Mutex<Vec<u8>>>,
}

/// A transfer on display, which must be ended.
#[derive(Debug)]
pub struct Running(Shown);

#[derive(Debug)]
enum Shown {
    Nowhere,
    Meter(Arc<Meter>),
    Row(Arc<ProgressTable>, u64),
}

/// The display of a run of several transfers, up until it is dropped.
#[derive(Debug)]
pub struct Display(Option<TableHandle>);

/// An item of a run, counted as ended when it is dropped.
#[derive(Debug)]
pub struct Item {
    table: Option<Arc<ProgressTable>>,
    bytes: u64,
}

impl Console {
    /// `quiet` discards standard output; `progress` shows meters instead of summary lines. Neither is shown in JSON.
    pub fn new(quiet: bool, progress: bool) -> Self {
        let json = json::is_on();
        Self { quiet, progress: progress && !quiet && !json, json, pending: Arc::default() }
    }

    /// Whether results are told in JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Says that standard output is going to be an object's content: events in JSON then go to standard error.
    pub fn expect_data(&self) {
        json::expect_data();
    }

    /// Whether s3cmd's meters are shown, which replace the summary line of a transfer.
    pub fn shows_progress(&self) -> bool {
        self.progress && terminal::table().is_none()
    }

    /// Puts up the display of a run of `items`, of which `width` are on their way at once: a row each and one for all of
    /// them, on a terminal that can move its cursor. One item, or one after the other, is shown as s3cmd does.
    pub fn display(&self, items: u64, width: usize) -> Display {
        let wanted = self.progress && terminal::stdout_is_terminal() && items > 1 && width > 1;
        let able = || std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        Display(if wanted && able() { ProgressTable::start(items) } else { None })
    }

    /// Begins an item of a run, planned to have so many bytes.
    pub fn item(&self, bytes: u64) -> Item {
        Item { table: self.progress.then(terminal::table).flatten(), bytes }
    }

    /// One result. It is written at once, unless it comes from an item whose turn it is not yet.
    pub fn tell(&self, event: &Event<'_>) -> Outcome {
        self.stream(event)?;
        self.flush()
    }

    /// One of very many results: written when enough have come together, or at the next [`Console::flush`].
    pub fn stream(&self, event: &Event<'_>) -> Outcome {
        let mut text = String::new();
        self.render(&mut text, event);
        self.block(&text)
    }

    /// Adds the lines of a result to others, for [`Console::block`].
    pub fn render(&self, out: &mut String, event: &Event<'_>) {
        if self.json {
            return json::put_event(out, event);
        }
        // Writing to a string cannot fail.
        let _ = event.text(out);
        out.push('\n');
    }

    /// A result line without a form of its own.
    pub fn line(&self, text: impl AsRef<str>) -> Outcome {
        self.tell(&Event::Text { text: text.as_ref() })
    }

    /// What only people need: a heading, a rule, an empty line.
    pub fn ornament(&self, text: &str) -> Outcome {
        if self.is_json() { Ok(()) } else { self.line(text) }
    }

    /// Result lines that were put together elsewhere, each with its line end; written as those of [`Console::stream`].
    pub fn block(&self, text: &str) -> Outcome {
        if self.quiet || text.is_empty() {
            return Ok(());
        }
        let text = self.safe(text);
        if self.json && json::is_beside_data() {
            match ItemLog::current() {
                Some(item) => item.err(text.into_owned()),
                None => terminal::err(&text),
            }
            return Ok(());
        }
        if let Some(item) = ItemLog::current() {
            item.out(text.into_owned().into_bytes());
            return item.take_error().map_or(Ok(()), |error| Err(error.into()));
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.extend_from_slice(text.as_bytes());
        if pending.len() >= BUFFER { write_out(&mut pending) } else { Ok(()) }
    }

    /// Writes the lines that are still held.
    pub fn flush(&self) -> Outcome {
        write_out(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Object data for `get ... -`; not affected by `--quiet`, which is about messages.
    pub fn data(&self, bytes: &[u8]) -> Outcome {
        self.flush()?;
        io::stdout().lock().write_all(bytes).map_err(Failure::from)
    }

    /// Shows a transfer, if they are shown: as a row under `name`, or as a meter with the label as the line above it.
    pub fn meter(&self, name: &str, label: impl FnOnce() -> String, total: u64, count: &Progress) -> Running {
        if !self.progress {
            return Running(Shown::Nowhere);
        }
        if let Some(table) = terminal::table() {
            let number = table.begin(name, total, count);
            return Running(Shown::Row(table, number));
        }
        let meter = Meter::new(self.safe(&label()).into_owned(), total, count.clone());
        match ItemLog::current() {
            Some(item) => item.begin_meter(&meter),
            None => meter.show(),
        }
        Running(Shown::Meter(meter))
    }

    /// Control characters of hostile names are made visible on a terminal; a pipe stays byte-exact.
    fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match (terminal::stdout_is_terminal(), self.json) {
            (false, _) => text.into(),
            (true, false) => visible(text),
            (true, true) => json::visible(text).into(),
        }
    }
}

fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| c.is_control() && c != '\t' && c != '\n';
    if !text.chars().any(hidden) {
        return text.into();
    }
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

impl Display {
    /// Says how many bytes the run will move, which is asked only where it is shown.
    pub fn bytes(&self, bytes: impl FnOnce() -> u64) {
        if let Some(up) = &self.0 {
            up.table().set_bytes(bytes());
        }
    }

    /// The same where finding out takes a while: on a thread of its own.
    pub fn measure(&self, bytes: impl FnOnce() -> u64 + Send + 'static) {
        if let Some(up) = &self.0 {
            let table = up.table().clone();
            // Without a thread the total goes without bytes.
            let _ = std::thread::Builder::new().spawn(move || table.set_bytes(bytes()));
        }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        if let Some(table) = &self.table {
            table.item_ended(self.bytes);
        }
    }
}

impl Running {
    /// Ends it; a meter with `done` or `failed`.
    pub fn end(self, well: bool) {
        let meter = match self.0 {
            Shown::Nowhere => return,
            Shown::Row(table, number) => return table.end(number),
            Shown::Meter(meter) => meter,
        };
        let word = if well { "done" } else { "failed" };
        match ItemLog::current() {
            Some(item) => item.end_meter(&meter, word),
            None => meter.finish_shown(word),
        }
    }
}

fn write_out(pending: &mut Vec<u8>) -> Outcome {
    if pending.is_empty() {
        return Ok(());
    }
    let result = terminal::out(pending);
    pending.clear();
    result.map_err(Failure::from)
}

/// Writes log records as s3cmd does: `LEVEL: text` on stderr.
#[derive(Debug)]
struct StderrLog;

impl Log for StderrLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Only this program speaks; libraries keep quiet.
        metadata.target().starts_with("s3cmd")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = if json::is_on() {
            let line = json::log_line(record.level(), &record.args().to_string());
            if terminal::stderr_is_terminal() { json::visible(&line) } else { line }
        } else {
            let level = match record.level() {
                Level::Error => "ERROR",
                Level::Warn => "WARNING",
                Level::Info => "INFO",
                Level::Debug | Level::Trace => "DEBUG",
            };
            let line = format!("{level}: {}\n", record.args());
            if terminal::stderr_is_terminal() { visible(&line).into_owned() } else { line }
        };
        match ItemLog::current() {
            Some(item) => item.err(line),
            None => terminal::err(&line),
        }
    }

    fn flush(&self) {}
}

/// Starts logging to stderr from `level` on. A second call only changes the level.
pub fn start_log(level: LevelFilter) {
    let _ = log::set_logger(&StderrLog);
    log::set_max_level(level);
}

/// Ends the log: what fails from here on fails because the program ends.
pub fn end_log() {
    log::set_max_level(LevelFilter::Off);
}

/// Reads what `close` would report of standard output, which may be a file on a full disk that says so only then.
pub fn settle_output() -> Outcome {
    match crate::files::check_close_errors(std::io::stdout()) {
        // Closed from the beginning (`>&-`): who does that wants no output.
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(()),
        ended => ended.map_err(|error| Failure::file("standard output", &error)),
    }
}

/// Prints text that is no result line (help, version, a dump) to stdout.
pub fn print_text(text: &str) -> Outcome {
    terminal::out(text.as_bytes()).map_err(Failure::from)
}

/// Prints text that has no level (a usage error of the parser) to stderr.
pub fn print_error_text(text: &str) {
    if json::is_on() {
        terminal::err(&json::log_line(Level::Error, text));
    } else {
        terminal::err(text);
    }
}
