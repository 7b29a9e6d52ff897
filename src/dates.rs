//! Dates and times in options and arguments. A leaf module that any other module can use.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// A text that is not a time. The message is that of s3cmd.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Unable to convert '{0}' to an epoch time. Pass an epoch time. \
     Try `date -d 'now + 1 year' +%s` (shell) or time.mktime (Python)."
)]
pub(crate) struct InvalidTime(String);

/// Parses an expiry time. Accepts seconds since the epoch; `+` and seconds from now; `+` and a number with `s`, `m`,
/// `h`, `d` or `w`; or a date, with an optional time and offset from UTC, which is the default. Returns seconds since
/// the epoch.
pub(crate) fn expiry(text: &str, now: i64) -> Result<i64, InvalidTime> {
    let time = match text.trim().strip_prefix('+') {
        Some(duration) => seconds(duration).and_then(|seconds| now.checked_add(seconds)),
        None => text.trim().parse().ok().or_else(|| iso_time(text.trim())),
    };
    time.ok_or_else(|| InvalidTime(text.to_owned()))
}

fn seconds(duration: &str) -> Option<i64> {
    let unit = duration.chars().last().filter(char::is_ascii_alphabetic);
    let factor = match unit {
        None | Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        Some('w') => 7 * 24 * 3600,
        Some(_) => return None,
    };
    let digits = &duration[..duration.len() - usize::from(unit.is_some())];
    let number: u32 = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    i64::from(number).checked_mul(factor)
}

fn iso_time(text: &str) -> Option<i64> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp());
    }
    for form in
        ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%:z", "%Y-%m-%dT%H:%M%:z"]
    {
        if let Ok(time) = DateTime::parse_from_str(text, form) {
            return Some(time.timestamp());
        }
    }
    let bare = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    for form in
        ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
    {
        if let Ok(time) = NaiveDateTime::parse_from_str(bare, form) {
            return Some(time.and_utc().timestamp());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_times_are_parsed_in_all_formats() {
        let now = 1_000_000;
        for (text, expected) in [
            ("1893456000", 1_893_456_000),
            (" 5 ", 5),
            ("-5", -5),
            ("+3600", now + 3600),
            ("+30s", now + 30),
            ("+30m", now + 1800),
            ("+1h", now + 3600),
            ("+7d", now + 604_800),
            ("+2w", now + 1_209_600),
            ("2030-01-01", 1_893_456_000),
            ("2030-01-01T00:00:00Z", 1_893_456_000),
            ("2030-01-01T02:00:00+02:00", 1_893_456_000),
            ("2030-01-01 00:00", 1_893_456_000),
            ("2030-01-01T00:00:00.500Z", 1_893_456_000),
        ] {
            assert_eq!(expiry(text, now).unwrap(), expected, "{text}");
        }
        for text in
            ["", "+", "+x", "+h", "+1y", "++5", "+-5", "1.5", "soon", "2030-13-01", "1h", "+1hh", "+1é"]
        {
            assert!(expiry(text, now).is_err(), "{text}");
        }
    }
}
