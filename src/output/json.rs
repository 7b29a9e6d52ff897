//! `--json`: events as objects, one a line, on standard output; what would be a log line, the same on standard error.

use super::event::Event;
use super::exit::Exit;
use super::terminal;
use serde::Serialize;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// When JSON was asked for, if it was. It belongs to the process, as the log and the two streams do.
static STARTED: OnceLock<Instant> = OnceLock::new();

/// Whether standard output is an object's content, so that events cannot go there.
static HAS_DATA: AtomicBool = AtomicBool::new(false);

/// What the summary tells.
static RESULTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static ERRORS: AtomicU64 = AtomicU64::new(0);
static WARNINGS: AtomicU64 = AtomicU64::new(0);

/// Has results and log lines told in JSON from now on.
pub fn start_json() {
    STARTED.get_or_init(Instant::now);
}

/// Whether they are.
pub fn is_on() -> bool {
    STARTED.get().is_some()
}

/// Has events told on standard error: standard output is going to be data.
pub(super) fn expect_data() {
    HAS_DATA.store(true, Ordering::Relaxed);
}

/// Whether events are told on standard error.
pub(super) fn is_beside_data() -> bool {
    HAS_DATA.load(Ordering::Relaxed)
}

/// Counts a result and adds it as a line.
pub(super) fn put_event(out: &mut String, event: &Event<'_>) {
    RESULTS.fetch_add(1, Ordering::Relaxed);
    if let Event::Upload { moved: Some(moved), .. } | Event::Download { moved: Some(moved), .. } = event {
        BYTES.fetch_add(moved.size, Ordering::Relaxed);
    }
    put(out, event);
}

/// A log line.
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
    put(&mut line, &Message { event: "message", level, text: text.trim_matches('\n') });
    line
}

/// Prints the last event of a run with `--json`: how it ended. Who cannot be told the results will not be told the end
/// either.
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
    put(&mut line, &summary);
    if is_beside_data() {
        terminal::err(&line);
    } else {
        let _ = terminal::out(line.as_bytes());
    }
}

/// Adds a value as a line.
pub(super) fn put(out: &mut String, value: &impl Serialize) {
    // A string takes everything, and all keys of maps here are strings.
    let _ = serde_json::to_writer(Text(out), value);
    out.push('\n');
}

/// A string that is written to as files are: serde_json writes whole characters.
struct Text<'a>(&'a mut String);

impl Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.push_str(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// JSON for a terminal: control characters that JSON takes as they are, DEL and those beyond ASCII, as escapes.
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
        put(&mut line, event);
        line.trim_end().to_owned()
    }

    #[test]
    fn an_event_is_one_line_with_its_name_first() {
        let to = S3Uri::new("b", "ä\n\"\u{1}");
        let moved = Some(Moved { size: 5, seconds: 0.123_456 });
        let place = Some(Position { number: 1, total: 3 });
        let event = Event::Upload { from: DisplayPath::new("f"), to: &to, moved, place, dry_run: false };
        assert_eq!(
            shown(&event),
            r#"{"event":"upload","from":"f","to":"s3://b/ä\n\"\u0001","size":5,"seconds":0.123,"number":1,"total":3,"dry_run":false}"#
        );
        let plan =
            Event::Upload { from: DisplayPath::new("f"), to: &to, moved: None, place: None, dry_run: true };
        assert!(shown(&plan).ends_with(r#""dry_run":true}"#) && !shown(&plan).contains("size"));
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(visible("{\"a\":\"\u{9b}x\u{7f}ä\"}\n"), "{\"a\":\"\\u009bx\\u007fä\"}\n");
    }
}
