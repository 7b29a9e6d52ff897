//! Conditional headers. <https://datatracker.ietf.org/doc/html/rfc9110#name-preconditions>

use crate::http::call::Call;
use crate::http::http_date;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use chrono::{DateTime, Utc};

/// The header names of the four conditions of a read, or of the source of a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderNames {
    matches: &'static str,
    none_match: &'static str,
    modified: &'static str,
    unmodified: &'static str,
}

pub(crate) const READ: HeaderNames = HeaderNames {
    matches: "if-match",
    none_match: "if-none-match",
    modified: "if-modified-since",
    unmodified: "if-unmodified-since",
};
pub(crate) const COPY: HeaderNames = HeaderNames {
    matches: "x-amz-copy-source-if-match",
    none_match: "x-amz-copy-source-if-none-match",
    modified: "x-amz-copy-source-if-modified-since",
    unmodified: "x-amz-copy-source-if-unmodified-since",
};

pub(super) fn precondition_failed(condition: &str) -> S3Error {
    S3Error::new(
        ErrorCode::PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold",
    )
    .detail("Condition", condition)
}

pub(super) fn names_etag(list: &str, etag: &str) -> bool {
    list.split(',').any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one).trim_matches('"') == etag
    })
}

fn time(call: &Call, name: &str) -> Option<DateTime<Utc>> {
    http_date::parse_any(call.header(name)?)
}

/// Checks the conditions of a read. An ETag takes precedence over a time.
pub(crate) fn check(call: &Call, names: HeaderNames, etag: &str, modified: DateTime<Utc>) -> S3Result<()> {
    if let Some(list) = call.header(names.matches) {
        if !names_etag(list, etag) {
            return Err(precondition_failed("If-Match"));
        }
    } else if time(call, names.unmodified).is_some_and(|time| modified > time) {
        return Err(precondition_failed("If-Unmodified-Since"));
    }
    let unchanged = match call.header(names.none_match) {
        Some(list) => names_etag(list, etag),
        None => time(call, names.modified).is_some_and(|time| modified <= time),
    };
    if !unchanged {
        return Ok(());
    }
    if names.matches == READ.matches {
        return Err(S3Error::new(ErrorCode::NotModified, "Not Modified")
            .header("etag", format!("\"{etag}\""))
            .header("last-modified", http_date::format(modified)));
    }
    Err(precondition_failed("x-amz-copy-source-If-None-Match"))
}

/// Checks the conditions of a write against the ETag of the present object, if there is one.
pub(crate) fn check_write(call: &Call, present: Option<&str>) -> S3Result<()> {
    if let Some(list) = call.header("if-none-match")
        && present.is_some_and(|etag| names_etag(list, etag))
    {
        return Err(precondition_failed("If-None-Match"));
    }
    if let Some(list) = call.header("if-match") {
        match present {
            None => return fail(ErrorCode::NoSuchKey, "The specified key does not exist."),
            Some(etag) if !names_etag(list, etag) => return Err(precondition_failed("If-Match")),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether the conditions of a write need the ETag of the present object.
pub(crate) fn is_conditional_write(call: &Call) -> bool {
    call.header("if-match").is_some() || call.header("if-none-match").is_some()
}

/// The part of an object that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Whole,
    Part { start: u64, length: u64 },
}

/// Reads a `Range` header. One that cannot be parsed is ignored, as RFC 9110 requires.
pub(crate) fn range(header: Option<&str>, size: u64) -> S3Result<Range> {
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return Ok(Range::Whole);
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Ok(Range::Whole) };
    let unsatisfiable = || {
        S3Error::new(ErrorCode::InvalidRange, "The requested range is not satisfiable")
            .detail("RangeRequested", spec)
            .detail("ActualObjectSize", size.to_string())
            .header("content-range", format!("bytes */{size}"))
    };
    let number = |text: &str| {
        // A number that overflows 64 bits lies past the end of every object.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let (start, end) = match (first, last) {
        ("", suffix) => {
            let Some(count) = number(suffix) else { return Ok(Range::Whole) };
            if count == 0 || size == 0 {
                return Err(unsatisfiable());
            }
            (size.saturating_sub(count), size - 1)
        }
        (first, last) => {
            let Some(start) = number(first) else { return Ok(Range::Whole) };
            let end = if last.is_empty() {
                u64::MAX
            } else {
                match number(last) {
                    Some(end) if end >= start => end,
                    _ => return Ok(Range::Whole),
                }
            };
            if start >= size {
                return Err(unsatisfiable());
            }
            (start, end.min(size - 1))
        }
    };
    Ok(Range::Part { start, length: end - start + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped_or_rejected() {
        let part = |start, length| Range::Part { start, length };
        let of = |text| range(Some(text), 10);
        assert_eq!(of("bytes=0-3").unwrap(), part(0, 4));
        assert_eq!(of("bytes=3-").unwrap(), part(3, 7));
        assert_eq!(of("bytes=5-99").unwrap(), part(5, 5));
        assert_eq!(of("bytes=-3").unwrap(), part(7, 3));
        assert_eq!(of("bytes=-30").unwrap(), part(0, 10));
        assert_eq!(of("bytes=0-99999999999999999999999").unwrap(), part(0, 10));
        for text in ["bytes=10-", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(text).unwrap_err().code.as_str(), "InvalidRange", "{text}");
        }
        for text in ["items=0-3", "bytes=a-b", "bytes=3-1", "bytes=", "bytes=0-1,3-4", "bytes=-"] {
            assert_eq!(of(text).unwrap(), Range::Whole, "{text}");
        }
        assert_eq!(range(Some("bytes=0-0"), 0).unwrap_err().code.as_str(), "InvalidRange");
    }

    #[test]
    fn etags_match_in_all_spellings() {
        for list in ["\"abc\"", "abc", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert!(names_etag(list, "abc"), "{list}");
        }
        assert!(!names_etag("\"abcd\"", "abc") && !names_etag("", "abc"));
    }
}
