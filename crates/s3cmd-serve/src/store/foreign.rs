//! Foreign files: files in the tree that another program wrote. Their metadata is derived from their names and times.

use super::dir::Stat;
use super::meta::Meta;
use std::time::{Duration, SystemTime};

/// The metadata of a foreign file, without ETag: the content type by its name, and the modification time in the form
/// that rclone uses.
pub(super) fn metadata(key: &str, stat: &Stat) -> Meta {
    Meta {
        content_type: mime_guess::from_path(key).first_raw().map(str::to_owned),
        user: vec![("mtime".to_owned(), seconds(stat.mtime))],
        ..Meta::default()
    }
}

/// Formats nanoseconds as decimal seconds without trailing zeros.
fn seconds(ns: i64) -> String {
    let (sign, ns) = (if ns < 0 { "-" } else { "" }, ns.unsigned_abs());
    let text = format!("{sign}{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The modification time in rclone's user metadata `mtime`: decimal seconds since the epoch. `None` if absent or not a
/// valid file time.
pub(super) fn client_mtime(meta: &Meta) -> Option<SystemTime> {
    let (_, text) = meta.user.iter().find(|(name, _)| name == "mtime")?;
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let since_epoch = Duration::new(whole.parse().ok()?, nanos.parse().ok()?);
    // Records store times as nanoseconds in 64 bits.
    i64::try_from(since_epoch.as_nanos()).ok()?;
    if negative {
        SystemTime::UNIX_EPOCH.checked_sub(since_epoch)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_decimal_seconds() {
        let parse = |text: &str| {
            let meta = Meta { user: vec![("mtime".to_owned(), text.to_owned())], ..Meta::default() };
            client_mtime(&meta).map(|time| match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since_epoch) => since_epoch.as_nanos() as i64,
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
            assert_eq!((parse(text), &*seconds(ns)), (Some(ns), text));
        }
        assert_eq!(parse("1.1234567891"), Some(1_123_456_789));
        for bad in
            ["", "-", ".5", "1e9", "1.5.5", "+1", "99999999999999999999", "9999999999999", "1,5", "yesterday"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
