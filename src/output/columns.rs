//! The columns of listings.

use crate::units;
use std::fmt::{self, Write as _};

/// Which columns are printed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns {
    /// Sizes with K, M, G or T.
    pub(crate) human: bool,
    /// MD5 sums.
    pub(crate) md5: bool,
    /// MD5 sums and storage classes.
    pub long: bool,
}

/// A line of a listing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row<'a> {
    /// As the server sent it; empty if absent.
    pub(super) modified: &'a str,
    pub(super) size: Size<'a>,
    pub(super) md5: &'a str,
    pub(super) storage_class: &'a str,
    /// Version id, and whether it is the latest version.
    pub(super) version: Option<(&'a str, bool)>,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
}

/// The content of the size column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size<'a> {
    Bytes(u64),
    Word(&'a str),
}

impl Default for Size<'_> {
    fn default() -> Self {
        Self::Bytes(0)
    }
}

impl<'a> Size<'a> {
    /// The size of an object; `DIROBJ` for a directory.
    pub(super) fn of(key: &str, size: u64) -> Self {
        if key.ends_with('/') { Self::Word("DIROBJ") } else { Self::Bytes(size) }
    }
}

impl Columns {
    /// Appends a line, without its line ending.
    pub(super) fn write(self, out: &mut String, row: Row<'_>) -> fmt::Result {
        let (date, clock) = minutes(row.modified);
        let width = date.len() + if clock.is_empty() { 0 } else { 1 + clock.len() };
        if width < 16 {
            out.extend(std::iter::repeat_n(' ', 16 - width));
        }
        out.push_str(date);
        if !clock.is_empty() {
            out.push(' ');
            out.push_str(clock);
        }
        out.push(' ');
        match row.size {
            Size::Word(word) if self.human => write!(out, "{word:>6}")?,
            Size::Word(word) => write!(out, "{word:>12}")?,
            Size::Bytes(bytes) if self.human => {
                let (number, suffix) = units::whole(bytes);
                write!(out, "{number:>5}{suffix:>1}")?;
            }
            Size::Bytes(bytes) => write!(out, "{bytes:>12}")?,
        }
        out.push_str("  ");
        let (md5, class) = (row.md5, row.storage_class);
        match (self.long, self.md5) {
            (true, _) => write!(out, "{md5:<35}  {class:<11}  ")?,
            (false, true) => write!(out, "{md5:<35}  ")?,
            (false, false) => {}
        }
        if let Some((id, is_latest)) = row.version {
            write!(out, "{id:<32}  {:<6}  ", if is_latest { "latest" } else { "" })?;
        }
        out.push_str("s3://");
        out.push_str(row.bucket);
        out.push('/');
        out.push_str(row.key);
        Ok(())
    }
}

/// Date and time to the minute, `2026-11-20` and `08:45`, of the time that the server sent.
pub(super) fn minutes(time: &str) -> (&str, &str) {
    let (date, clock) = time.split_once('T').unwrap_or((time, ""));
    (date, clock.get(..5).unwrap_or(clock))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn lines_are_those_of_s3cmd() {
        let columns = |human, md5, long| Columns { human, md5, long };
        let etag = "19019d16dd0f439825c39a2c5b9178fd-3";
        let shown = |columns: Columns, key: &str, size| {
            let mut line = String::new();
            let row = Row {
                modified: "2026-11-20T08:45:04.123Z",
                size: Size::of(key, size),
                md5: etag,
                storage_class: "STANDARD",
                bucket: "lab-ref-1",
                key,
                version: None,
            };
            columns.write(&mut line, row).unwrap();
            line
        };
        assert_eq!(
            shown(columns(false, false, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(true, false, false), "h.txt", 12),
            "2026-11-20 08:45    12   s3://lab-ref-1/h.txt"
        );
        assert_eq!(
            shown(columns(true, false, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45    12M  s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(false, true, true), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  19019d16dd0f439825c39a2c5b9178fd-3   STANDARD     s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(false, true, false), "multi.bin", 12_582_912),
            "2026-11-20 08:45     12582912  19019d16dd0f439825c39a2c5b9178fd-3   s3://lab-ref-1/multi.bin"
        );
        assert_eq!(
            shown(columns(false, false, false), "d/", 0),
            "2026-11-20 08:45       DIROBJ  s3://lab-ref-1/d/"
        );
        let prefix = |columns: Columns, key: &str| {
            let mut line = String::new();
            let row = Row { size: Size::Word("DIR"), bucket: "lab-ref-1", key, ..Row::default() };
            columns.write(&mut line, row).unwrap();
            line
        };
        assert_eq!(
            prefix(columns(false, false, false), "dir/"),
            "                          DIR  s3://lab-ref-1/dir/"
        );
        assert_eq!(
            prefix(columns(true, false, true), "d/"),
            "                    DIR                                                    s3://lab-ref-1/d/"
        );
    }

    #[test]
    fn incomplete_times_are_shown_as_far_as_possible() {
        assert_eq!(minutes("2026-11-20T08:45:04.123Z"), ("2026-11-20", "08:45"));
        assert_eq!(minutes("2026-11-20"), ("2026-11-20", ""));
        assert_eq!(minutes(""), ("", ""));
    }
}
