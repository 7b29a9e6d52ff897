//! Standard output and standard error: result lines, log lines, meters. Nothing else in the program prints.

use super::failure::{Failure, Outcome};
use super::item::ItemLog;
use super::meter::Meter;
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
    terminal: bool,
    pending: Arc<Mutex<Vec<u8>>>,
}

/// A running meter, which must be ended.
#[derive(Debug)]
pub struct Running(Option<Arc<Meter>>);

impl Console {
    /// `quiet` discards standard output; `progress` shows meters instead of summary lines.
    pub fn new(quiet: bool, progress: bool) -> Self {
        let terminal = std::io::IsTerminal::is_terminal(&io::stdout());
        Self { quiet, progress: progress && !quiet, terminal, pending: Arc::default() }
    }

    /// Whether meters are shown, which replace the summary line of a transfer.
    pub fn shows_progress(&self) -> bool {
        self.progress
    }

    /// One result line. It is written at once, unless it comes from an item whose turn it is not yet.
    pub fn line(&self, text: impl AsRef<str>) -> Outcome {
        self.stream(text)?;
        self.flush()
    }

    /// One of very many result lines: written when enough have come together, or at the next [`Console::flush`].
    pub fn stream(&self, text: impl AsRef<str>) -> Outcome {
        self.put(text.as_ref(), "\n")
    }

    /// Result lines that were put together elsewhere, each with its line end; written as those of [`Console::stream`].
    pub fn block(&self, text: &str) -> Outcome {
        if text.is_empty() { Ok(()) } else { self.put(text, "") }
    }

    fn put(&self, text: &str, end: &str) -> Outcome {
        if self.quiet {
            return Ok(());
        }
        let text = self.safe(text);
        if let Some(item) = ItemLog::current() {
            item.out(format!("{text}{end}").into_bytes());
            return item.take_error().map_or(Ok(()), |error| Err(error.into()));
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.extend_from_slice(text.as_bytes());
        pending.extend_from_slice(end.as_bytes());
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

    /// Begins a meter, if meters are shown; the label is the line above it.
    pub fn meter(&self, label: impl FnOnce() -> String, total: u64, count: &Progress) -> Running {
        if !self.progress {
            return Running(None);
        }
        let meter = Meter::new(self.safe(&label()).into_owned(), total, count.clone());
        match ItemLog::current() {
            Some(item) => item.begin_meter(&meter),
            None => meter.show(),
        }
        Running(Some(meter))
    }

    /// Control characters of hostile names are made visible on a terminal; a pipe stays byte-exact.
    fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.terminal || !text.chars().any(|c| c.is_control() && c != '\t' && c != '\n') {
            return text.into();
        }
        text.chars().map(|c| if c.is_control() && c != '\t' && c != '\n' { '\u{fffd}' } else { c }).collect()
    }
}

impl Running {
    /// Ends the meter with `done` or `failed`.
    pub fn end(self, well: bool) {
        let Some(meter) = self.0 else { return };
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
    let mut stdout = io::stdout().lock();
    let result = stdout.write_all(pending).and_then(|()| stdout.flush());
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
        let level = match record.level() {
            Level::Error => "ERROR",
            Level::Warn => "WARNING",
            Level::Info => "INFO",
            Level::Debug | Level::Trace => "DEBUG",
        };
        let line = format!("{level}: {}\n", record.args());
        match ItemLog::current() {
            Some(item) => item.err(line),
            // There is nowhere to complain about a closed stderr.
            None => drop(io::stderr().lock().write_all(line.as_bytes())),
        }
    }

    fn flush(&self) {}
}

/// Starts logging to stderr from `level` on. A second call only changes the level.
pub fn start_log(level: LevelFilter) {
    let _ = log::set_logger(&StderrLog);
    log::set_max_level(level);
}

/// Prints text that is no result line (help, version, a dump) to stdout.
pub fn print_text(text: &str) -> Outcome {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::from)
}

/// Prints text that has no level (a usage error of the parser) to stderr.
pub fn print_error_text(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
