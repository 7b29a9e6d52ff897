//! Files that were put into the tree from outside: their metadata, which only their name and times can say.

use super::dir::Stat;
use super::meta::Meta;
use std::time::{Duration, SystemTime};

/// What is said of a file from outside, beside its ETag: its type by its name, and its time as rclone keeps it.
pub(super) fn metadata(key: &str, stat: &Stat) -> Meta {
    Meta {
        content_type: mime_guess::from_path(key).first_raw().map(str::to_owned),
        user: vec![("mtime".to_owned(), seconds(stat.mtime))],
        ..Meta::default()
    }
}

/// Nanoseconds as decimal seconds, without zeros at the end.
fn seconds(ns: i64) -> String {
    let (sign, ns) = (if ns < 0 { "-" } else { "" }, ns.unsigned_abs());
    let text = format!("{sign}{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The time that a client states of a file, as rclone does: decimal seconds since the epoch. `None` without one that a
/// file can have.
pub(super) fn time_of(meta: &Meta) -> Option<SystemTime> {
    let (_, text) = meta.user.iter().find(|(name, _)| name == "mtime")?;
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let span = Duration::new(whole.parse().ok()?, nanos.parse().ok()?);
    // Records keep times as nanoseconds in 64 bits.
    i64::try_from(span.as_nanos()).ok()?;
    if negative { SystemTime::UNIX_EPOCH.checked_sub(span) } else { SystemTime::UNIX_EPOCH.checked_add(span) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_decimal_seconds() {
        let of = |text: &str| {
            let meta = Meta { user: vec![("mtime".to_owned(), text.to_owned())], ..Meta::default() };
            time_of(&meta).map(|time| match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(span) => span.as_nanos() as i64,
                Err(error) => -(error.duration().as_nanos() as i64),
            })
        };
        for (ns, text) in [
            (1_700_000_000_123_456_789, "1700000000.123456789"),
            (1_500_000_000, "1.5"),
            (1_000_000_000, "1"),
            (0, "0"),
            (-1_500_000_000, "-1.5"),
        ] {
            assert_eq!((of(text), &*seconds(ns)), (Some(ns), text));
        }
        assert_eq!(of("1.1234567891"), Some(1_123_456_789));
        for bad in
            ["", "-", ".5", "1e9", "1.5.5", "+1", "99999999999999999999", "9999999999999", "1,5", "yesterday"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
