//! Standard output and standard error: result lines, log lines and progress. Nothing else in the program prints.

use super::event::Event;
use super::failure::{Failure, Outcome};
use super::json;
use super::ordered::ItemLog;
use super::progress::meter::Meter;
use super::progress::table::{ProgressTable, TableHandle};
use super::terminal;
use log::{Level, LevelFilter, Log, Metadata, Record};
use s3cmd_client::http::request::Progress;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of result lines to buffer before they are written, if there are many at once.
const BUFFER: usize = 64 * 1024;

/// The destination of results. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    quiet: bool,
    progress: bool,
    json: bool,
    pending: Arc<Mutex<Vec<u8>>>,
}

/// The progress display of a transfer; the caller ends it with [`Running::end`].
#[derive(Debug)]
pub(crate) struct Running(View);

#[derive(Debug)]
enum View {
    Hidden,
    Meter(Arc<Meter>),
    Row(Arc<ProgressTable>, u64),
}

/// The progress display of several transfers, shown until it is dropped.
#[derive(Debug)]
pub(crate) struct Display(Option<TableHandle>);

/// An item of a run, counted as finished when it is dropped.
#[derive(Debug)]
pub(crate) struct Item {
    table: Option<Arc<ProgressTable>>,
    bytes: u64,
}

impl Console {
    /// `quiet` discards standard output. `progress` shows meters instead of summary lines; not with JSON.
    pub(crate) fn new(quiet: bool, progress: bool) -> Self {
        let json = json::is_on();
        Self { quiet, progress: progress && !quiet && !json, json, pending: Arc::default() }
    }

    /// Whether results are printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Declares that standard output carries an object's content: JSON events then go to standard error.
    pub(crate) fn reserve_stdout_for_data(&self) {
        json::send_events_to_stderr();
    }

    /// Whether s3cmd's meters are shown, which replace the summary line of a transfer.
    pub(crate) fn shows_progress(&self) -> bool {
        self.progress && terminal::table().is_none()
    }

    /// Shows the progress of `items` transfers, `width` of them at once: a row for each and one for the total, on a
    /// terminal that can move its cursor. A single item, or sequential ones, are shown as s3cmd does.
    pub(crate) fn display(&self, items: u64, width: usize) -> Display {
        let is_requested = self.progress && terminal::stdout_is_terminal() && items > 1 && width > 1;
        let is_capable = || std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        Display(if is_requested && is_capable() { ProgressTable::start(items) } else { None })
    }

    /// Starts an item of a run, with its planned size in bytes.
    pub(crate) fn item(&self, bytes: u64) -> Item {
        Item { table: self.progress.then(terminal::table).flatten(), bytes }
    }

    /// Prints a result. It is written at once, unless it belongs to a concurrent item whose turn has not come.
    pub(crate) fn print(&self, event: &Event<'_>) -> Outcome {
        self.stream(event)?;
        self.flush()
    }

    /// Prints one of very many results: written when the buffer is full, or at the next [`Console::flush`].
    pub(crate) fn stream(&self, event: &Event<'_>) -> Outcome {
        let mut text = String::new();
        self.render(&mut text, event);
        self.print_lines(&text)
    }

    /// Appends the lines of a result to `out`, for [`Console::print_lines`].
    pub(crate) fn render(&self, out: &mut String, event: &Event<'_>) {
        if self.json {
            return json::write_event(out, event);
        }
        // Writing to a string cannot fail.
        let _ = event.text(out);
        out.push('\n');
    }

    /// Prints a result line that has no event type.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Outcome {
        self.print(&Event::Text { text: text.as_ref() })
    }

    /// Prints a line that JSON omits: a heading, a rule, an empty line.
    pub(crate) fn print_decoration(&self, text: &str) -> Outcome {
        if self.is_json() { Ok(()) } else { self.line(text) }
    }

    /// Prints complete result lines, each with its line ending; buffered as in [`Console::stream`].
    pub(crate) fn print_lines(&self, text: &str) -> Outcome {
        if self.quiet || text.is_empty() {
            return Ok(());
        }
        let text = self.sanitized(text);
        if self.json && json::sends_events_to_stderr() {
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

    /// Writes the buffered lines.
    pub(crate) fn flush(&self) -> Outcome {
        write_out(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows a transfer, if progress is shown: as a row named `name`, or as a meter with the label as the line above
    /// it.
    pub(crate) fn meter(
        &self,
        name: &str,
        label: impl FnOnce() -> String,
        total: u64,
        count: &Progress,
    ) -> Running {
        if !self.progress {
            return Running(View::Hidden);
        }
        if let Some(table) = terminal::table() {
            let number = table.begin(name, total, count);
            return Running(View::Row(table, number));
        }
        let meter = Meter::new(self.sanitized(&label()).into_owned(), total, count.clone());
        match ItemLog::current() {
            Some(item) => item.begin_meter(&meter),
            None => meter.show(),
        }
        Running(View::Meter(meter))
    }

    /// Replaces control characters of hostile names on a terminal. A pipe stays byte-exact.
    fn sanitized<'a>(&self, text: &'a str) -> Cow<'a, str> {
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
    /// Sets the total size in bytes, which is computed only if progress is shown.
    pub(crate) fn bytes(&self, bytes: impl FnOnce() -> u64) {
        if let Some(handle) = &self.0 {
            handle.table().set_bytes(bytes());
        }
    }

    /// Like [`Display::bytes`], on a separate thread, for a total that takes a while to compute.
    pub(crate) fn measure(&self, bytes: impl FnOnce() -> u64 + Send + 'static) {
        if let Some(handle) = &self.0 {
            let table = handle.table().clone();
            // Without a thread the total row has no size.
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
    /// Ends the display; a meter ends with `done` or `failed`.
    pub(crate) fn end(self, succeeded: bool) {
        let meter = match self.0 {
            View::Hidden => return,
            View::Row(table, number) => return table.end(number),
            View::Meter(meter) => meter,
        };
        let word = if succeeded { "done" } else { "failed" };
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
        // Only this program logs, not its libraries.
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

/// Starts logging to stderr at `level`. A second call only changes the level.
pub fn start_log(level: LevelFilter) {
    let _ = log::set_logger(&StderrLog);
    log::set_max_level(level);
}

/// Stops logging: later errors occur only because the program ends.
pub(crate) fn end_log() {
    log::set_max_level(LevelFilter::Off);
}

/// Reports write errors of standard output that appear only on close, such as those of a file on a full disk.
pub fn settle_output() -> Outcome {
    match crate::files::check_close_errors(std::io::stdout()) {
        // Closed from the start (`>&-`), so no output is wanted.
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(()),
        ended => ended.map_err(|error| Failure::file("standard output", &error)),
    }
}

/// Prints text that is not a result (help, version, a dump) to stdout.
pub fn print_text(text: &str) -> Outcome {
    terminal::out(text.as_bytes()).map_err(Failure::from)
}

/// Prints text without a level (a usage error of the parser) to stderr.
pub fn print_error_text(text: &str) {
    if json::is_on() {
        terminal::err(&json::log_line(Level::Error, text));
    } else {
        terminal::err(text);
    }
}
