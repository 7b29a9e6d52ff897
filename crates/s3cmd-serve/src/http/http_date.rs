//! Dates in HTTP headers: one format to write, several to parse.
//!
//! The `httpdate` crate is not used, because it panics on times before 1970 and parses none of the time zones that
//! clients send.

use chrono::{DateTime, NaiveDateTime, Utc};
use s3cmd_client::sign::v4;

/// The format that HTTP prescribes: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn format(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Parses a `Date` header: RFC 2822 with any time zone (Go programs such as rclone write `UTC`), or V4's timestamp
/// format.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let utc = text.strip_suffix(" UTC").map(|stem| format!("{stem} GMT"));
    let text = utc.as_deref().unwrap_or(text);
    // A weekday that contradicts the date is ignored.
    let date = text.split_once(", ").map_or(text, |(_, date)| date);
    if let Ok(time) = DateTime::parse_from_rfc2822(date) {
        // Times before 1970 cannot be genuine.
        return Some(time.to_utc()).filter(|time| time.timestamp() >= 0);
    }
    v4::parse_timestamp(text)
}

/// Parses a time in any of HTTP's three formats, or in those of [`parse`]; `None` if it has no known format.
/// <https://datatracker.ietf.org/doc/html/rfc9110#name-date-time-formats>
pub(crate) fn parse_any(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Some(time) = parse(text) {
        return Some(time);
    }
    let obsolete = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let parsed = obsolete.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    parsed.map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_formats() {
        // The examples of RFC 9110.
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse_any(text).map(|time| time.timestamp()), Some(784_111_777), "{text}");
        }
        assert_eq!(parse_any("yesterday"), None);
    }

    #[test]
    fn times_before_1970_can_be_formatted() {
        assert_eq!(format(DateTime::from_timestamp(-1, 0).unwrap()), "Wed, 31 Dec 1969 23:59:59 GMT");
    }
}
