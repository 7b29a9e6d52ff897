//! `--json`: events as JSON objects, one per line, on standard output; log lines in the same form on standard error.

use super::event::Event;
use super::exit::Exit;
use super::terminal;
use serde::Serialize;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// When JSON output was started, if it was. It is global to the process, like the log and the two streams.
static STARTED: OnceLock<Instant> = OnceLock::new();

/// Whether standard output is an object's content, so that events cannot go there.
static HAS_DATA: AtomicBool = AtomicBool::new(false);

/// The counters of the summary.
static RESULTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static ERRORS: AtomicU64 = AtomicU64::new(0);
static WARNINGS: AtomicU64 = AtomicU64::new(0);

/// Prints results and log lines as JSON from now on.
pub fn start_json() {
    STARTED.get_or_init(Instant::now);
}

/// Whether JSON output is on.
pub(crate) fn is_on() -> bool {
    STARTED.get().is_some()
}

/// Sends events to standard error, because standard output carries data.
pub(super) fn send_events_to_stderr() {
    HAS_DATA.store(true, Ordering::Relaxed);
}

/// Whether events go to standard error.
pub(super) fn sends_events_to_stderr() -> bool {
    HAS_DATA.load(Ordering::Relaxed)
}

/// Counts a result and appends it as a line.
pub(super) fn write_event(out: &mut String, event: &Event<'_>) {
    RESULTS.fetch_add(1, Ordering::Relaxed);
    if let Event::Upload { moved: Some(moved), .. } | Event::Download { moved: Some(moved), .. } = event {
        BYTES.fetch_add(moved.size, Ordering::Relaxed);
    }
    write_line(out, event);
}

/// Formats a log line, and counts errors and warnings.
pub(super) fn log_line(level: log::Level, text: &str) -> String {
    let (level, count) = match level {
        log::Level::Error => ("error", Some(&ERRORS)),
        log::Level::Warn => ("warning", Some(&WARNINGS)),
        log::Level::Info => ("info", None),
        log::Level::Debug | log::Level::Trace => ("debug", None),
    };
    if let Some(count) = count {
        count.fetch_add(1, Ordering::Relaxed);
    }
    #[derive(Serialize)]
    struct Message<'a> {
        event: &'static str,
        level: &'static str,
        text: &'a str,
    }
    let mut line = String::new();
    write_line(&mut line, &Message { event: "message", level, text: text.trim_matches('\n') });
    line
}

/// Prints the last event of a run with `--json`: the summary. Write errors are ignored: they have already been reported
/// for the results.
pub fn print_summary(command: &str, exit: Exit) {
    let Some(started) = STARTED.get() else { return };
    let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let summary = Event::Summary {
        command,
        exit: exit.0,
        results: now(&RESULTS),
        errors: now(&ERRORS),
        warnings: now(&WARNINGS),
        bytes: now(&BYTES),
        seconds: started.elapsed().as_secs_f64(),
    };
    let mut line = String::new();
    write_line(&mut line, &summary);
    if sends_events_to_stderr() {
        terminal::err(&line);
    } else {
        let _ = terminal::out(line.as_bytes());
    }
}

/// Appends a value as a line.
pub(super) fn write_line(out: &mut String, value: &impl Serialize) {
    // Writing to a string cannot fail, and all map keys here are strings.
    let _ = serde_json::to_writer(StringWriter(out), value);
    out.push('\n');
}

/// Adapts a string to [`Write`]; serde_json writes whole characters.
struct StringWriter<'a>(&'a mut String);

impl Write for StringWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.push_str(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// JSON for a terminal: escapes the control characters that JSON allows, DEL and those beyond ASCII.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::display_path::DisplayPath;
    use crate::output::event::{Moved, Position};
    use crate::uri::S3Uri;

    fn shown(event: &Event<'_>) -> String {
        let mut line = String::new();
        write_line(&mut line, event);
        line.trim_end().to_owned()
    }

    #[test]
    fn an_event_is_one_line_with_its_name_first() {
        let to = S3Uri::new("b", "ä\n\"\u{1}");
        let moved = Some(Moved { size: 5, seconds: 0.123_456 });
        let position = Some(Position { number: 1, total: 3 });
        let event = Event::Upload { from: DisplayPath::new("f"), to: &to, moved, position, dry_run: false };
        assert_eq!(
            shown(&event),
            r#"{"event":"upload","from":"f","to":"s3://b/ä\n\"\u0001","size":5,"seconds":0.123,"number":1,"total":3,"dry_run":false}"#
        );
        let plan = Event::Upload {
            from: DisplayPath::new("f"),
            to: &to,
            moved: None,
            position: None,
            dry_run: true,
        };
        assert!(shown(&plan).ends_with(r#""dry_run":true}"#) && !shown(&plan).contains("size"));
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(visible("{\"a\":\"\u{9b}x\u{7f}ä\"}\n"), "{\"a\":\"\\u009bx\\u007fä\"}\n");
    }
}
