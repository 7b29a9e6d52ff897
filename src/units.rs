//! Formats sizes and speeds as s3cmd does.

/// The suffixes of s3cmd. Each is 1,024 times the previous one.
const SUFFIXES: [&str; 5] = ["", "K", "M", "G", "T"];

/// Divides by 1,024 while the value is above 2,048. Returns the number and its suffix. Measured on s3cmd 2.4.0.
pub(crate) fn scaled(value: f64) -> (f64, &'static str) {
    let mut value = value;
    let mut suffix = 0;
    while value > 2048.0 && suffix + 1 < SUFFIXES.len() {
        value /= 1024.0;
        suffix += 1;
    }
    (value, SUFFIXES[suffix])
}

/// Like [`scaled`], rounded down to an integer: `16M`.
pub(crate) fn whole(bytes: u64) -> (u64, &'static str) {
    let (value, suffix) = scaled(bytes as f64);
    (value as u64, suffix)
}

/// A size in bytes (`17000032`) or in human-readable form (`16M`).
pub(crate) fn plain_or_human(bytes: u64, human: bool) -> String {
    if !human {
        return bytes.to_string();
    }
    let (number, suffix) = whole(bytes);
    format!("{number}{suffix}")
}

/// A transfer speed: `6.47 MB/s`. It is `-1.00 B/s` if unknown (no bytes, or no time).
pub(crate) fn speed(bytes: u64, seconds: f64) -> String {
    let (value, suffix) = speed_parts(bytes, seconds);
    format!("{value:.2} {suffix}B/s")
}

/// The number and the suffix of a transfer speed, for the progress meter.
pub(crate) fn speed_parts(bytes: u64, seconds: f64) -> (f64, &'static str) {
    if bytes == 0 || seconds <= 0.0 { (-1.0, "") } else { scaled(bytes as f64 / seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_s3cmd() {
        assert_eq!(whole(2048), (2048, ""));
        assert_eq!(whole(2049), (2, "K"));
        assert_eq!(whole(17_000_032), (16, "M"));
        assert_eq!(whole(5 << 40), (5, "T"));
        assert_eq!(whole(5_000 << 40), (5000, "T"));
        assert_eq!(speed(12_582_912, 1.9), "6.32 MB/s");
        assert_eq!(speed(0, 0.0), "-1.00 B/s");
    }
}
