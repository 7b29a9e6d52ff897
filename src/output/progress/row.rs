//! The rows of a [`ProgressTable`](super::table::ProgressTable) as text, cut to the width of the terminal.

use crate::units;
use std::time::Duration;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The sign for the omitted beginning of a name.
const CUT: char = '\u{2026}';

/// The numbers in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::output) struct Amount {
    /// Bytes so far.
    pub(in crate::output) now: u64,
    /// Total bytes; `None` if not known yet.
    pub(in crate::output) total: Option<u64>,
    /// Bytes per second.
    pub(in crate::output) speed: f64,
}

/// The row of one transfer: its name, then as many numbers as fit.
pub(in crate::output) fn transfer(name: &str, amount: Amount, width: usize) -> String {
    row(&shown(name), amount, width, tail)
}

/// The total row: `[12 of 2000]  0:00:21 left`, then the numbers.
pub(in crate::output) fn total(
    done: u64,
    items: u64,
    left: Option<Duration>,
    amount: Amount,
    width: usize,
) -> String {
    let mut name = format!("[{done} of {items}]");
    if let Some(left) = left {
        name += &format!("  {} left", clock(left));
    }
    row(&name, amount, width, head)
}

/// The row for transfers that do not fit.
pub(in crate::output) fn more(count: usize, width: usize) -> String {
    head(&format!("{CUT} and {count} more"), width)
}

fn row(name: &str, amount: Amount, width: usize, cut: fn(&str, usize) -> String) -> String {
    let Amount { now, total, speed } = amount;
    let percent = match total {
        Some(0) => "100%".to_owned(),
        Some(total) => format!("{:3}%", now.min(total) * 100 / total),
        None => "    ".to_owned(),
    };
    let (speed, unit) = units::scaled(speed);
    let speed = format!("{speed:7.2} {:>3}", format!("{unit}B/s"));
    let sizes = total.map_or_else(|| size(now), |total| format!("{} of {}", size(now), size(total)));
    let numbers = match width {
        72.. => format!("  {percent}  {sizes:>18}  {speed}"),
        48.. => format!("  {percent}  {speed}"),
        16.. => format!("  {percent}"),
        _ => String::new(),
    };
    let room = width.saturating_sub(numbers.len());
    let name = cut(name, room);
    let blanks = room.saturating_sub(name.width());
    format!("{name}{:blanks$}{numbers}", "")
}

/// `512`, `100.3M`.
fn size(bytes: u64) -> String {
    let (value, suffix) = units::scaled(bytes as f64);
    if suffix.is_empty() { bytes.to_string() } else { format!("{value:.1}{suffix}") }
}

/// `0:00:21`, at most 99 hours.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs().min(99 * 3600 + 3599);
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A name on one line. Control characters, and those that change the writing direction, would garble the display.
fn shown(name: &str) -> String {
    let garbles = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.chars().map(|c| if garbles(c) { '\u{fffd}' } else { c }).collect()
}

/// The beginning of a text, as much as fits.
fn head(text: &str, room: usize) -> String {
    let mut left = room;
    text.chars()
        .take_while(|c| {
            let fits = c.width().unwrap_or(0) <= left;
            left = left.saturating_sub(c.width().unwrap_or(0));
            fits
        })
        .collect()
}

/// The end of a name, as much as fits: paths differ at their ends.
fn tail(name: &str, room: usize) -> String {
    if name.width() <= room {
        return name.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let mut from = name.len();
    for (at, c) in name.char_indices().rev() {
        let width = c.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        // A combining mark does not stand alone.
        if width > 0 {
            from = at;
        }
    }
    if room == 0 { String::new() } else { format!("{CUT}{}", &name[from..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Amount = Amount { now: 50 << 20, total: Some(100 << 20), speed: 10.0 * 1048576.0 };

    #[test]
    fn a_wide_terminal_shows_all_numbers_in_columns() {
        let numbers = "   50%     50.0M of 100.0M    10.00 MB/s";
        assert_eq!(transfer("data/one.bin", HALF, 80), format!("{:40}{numbers}", "data/one.bin"));
        let left = Some(Duration::from_secs(3721));
        assert_eq!(total(12, 2000, left, HALF, 80), format!("{:40}{numbers}", "[12 of 2000]  1:02:01 left"));
        let numbers = "                     50.0M    10.00 MB/s";
        let unknown = Amount { total: None, ..HALF };
        assert_eq!(total(12, 2000, None, unknown, 80), format!("{:40}{numbers}", "[12 of 2000]"));
    }

    #[test]
    fn a_narrow_terminal_keeps_the_end_of_the_name_and_the_percentage() {
        let name = "a/long/way/down/to/file.bin";
        assert_eq!(transfer(name, HALF, 48), format!("{name}    50%    10.00 MB/s"));
        assert_eq!(transfer(name, HALF, 20), "\u{2026}n/to/file.bin   50%");
        assert_eq!(transfer(name, HALF, 5), "\u{2026}.bin");
        assert_eq!(transfer(name, HALF, 0), "");
        assert_eq!(total(3, 10, None, HALF, 10), "[3 of 10] ");
    }

    #[test]
    fn no_row_is_wider_than_the_terminal_or_has_control_characters() {
        let names = [
            "日本語のとても長いファイル名.txt",
            "e\u{301}e\u{301}\u{200d}x",
            "\u{1b}[2J\r\nx\u{9b}31m\u{202e}",
            "👩‍👩‍👧.jpg",
            "",
        ];
        for name in names {
            for width in 0..120 {
                let row = transfer(name, HALF, width);
                assert!(row.width() <= width, "{row:?} in {width}");
                assert!(!row.chars().any(char::is_control), "{row:?}");
            }
        }
    }

    #[test]
    fn empty_files_and_unknown_sizes_have_rows() {
        assert!(transfer("e", Amount { total: Some(0), ..Amount::default() }, 80).contains("100%"));
        assert!(!transfer("e", Amount::default(), 80).contains('%'));
    }
}
