//! Checks of option values while the line is parsed, as s3cmd's parser does them. An error is the text after
//! `option X: `.

use std::ffi::OsStr;

use super::options::Check;
use super::quote;

pub(super) const PERMISSIONS: [&str; 6] = ["read", "write", "read_acp", "write_acp", "full_control", "all"];
pub(super) const PRIORITIES: [&str; 3] = ["standard", "expedited", "bulk"];

/// Checks a value. For an integer, returns its decimal form, which replaces the value.
pub(super) fn check(check: Check, value: &OsStr) -> Result<Option<String>, String> {
    let text = value.to_str();
    match check {
        Check::Any => Ok(None),
        Check::Integer => match text.and_then(integer) {
            Some(number) => Ok(Some(number.to_string())),
            None => Err(format!("invalid integer value: {}", quote::quoted(value))),
        },
        Check::Mime if text.is_some_and(is_mime_type) => Ok(None),
        Check::Mime => Err(format!("invalid MIME-Type format: {}", quote::quoted(value))),
        Check::Priority if text.is_some_and(|text| PRIORITIES.contains(&text)) => Ok(None),
        Check::Priority => {
            let choices = PRIORITIES.map(|choice| format!("'{choice}'")).join(", ");
            Err(format!("invalid choice: {} (choose from {choices})", quote::quoted(value)))
        }
        Check::Acl => acl(value).map(|()| None),
    }
}

/// An integer as Python's optparse parses it: decimal, or with the prefix `0x`, `0b` or `0` for the bases 16, 2 and 8
/// (without a sign). Measured on s3cmd 2.4.0. Numbers that do not fit into 64 bits are clamped.
fn integer(text: &str) -> Option<i64> {
    let lower = text.to_lowercase();
    let based = |digits: &str, base: u32| {
        let is_valid = !digits.is_empty()
            && !digits.ends_with('_')
            && !digits.contains("__")
            && digits.chars().all(|c| c == '_' || c.is_digit(base));
        is_valid.then(|| i64::from_str_radix(&digits.replace('_', ""), base).unwrap_or(i64::MAX))
    };
    if let Some(digits) = lower.strip_prefix("0x") {
        return based(digits, 16);
    }
    if let Some(digits) = lower.strip_prefix("0b") {
        return based(digits, 2);
    }
    if let Some(digits) = lower.strip_prefix("0").filter(|digits| !digits.is_empty()) {
        return based(digits.strip_prefix('o').unwrap_or(digits), 8);
    }
    decimal(text.trim())
}

fn decimal(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_valid = digits.starts_with(|c: char| c.is_ascii_digit())
        && !digits.ends_with('_')
        && !digits.contains("__")
        && digits.chars().all(|c| c == '_' || c.is_ascii_digit());
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    is_valid.then(|| text.replace('_', "").parse().unwrap_or(limit))
}

/// `TYPE/SUBTYPE`, optionally with parameters after a `;`. s3cmd 2.4.0 accepts letters and digits in the type, and also
/// `.`, `+` and `-` in the subtype. Here all characters of RFC 6838 are accepted in both, so that
/// `x-conference/x-cooltalk` is valid. A line break is rejected, because it would start another header.
fn is_mime_type(text: &str) -> bool {
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    essence.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype))
        && !parameters.contains(char::is_control)
}

/// `PERMISSION:GRANTEE`, with the permission in lower case. Measured on s3cmd 2.4.0.
fn acl(value: &OsStr) -> Result<(), String> {
    let invalid = || format!("invalid S3 ACL format: {}", quote::quoted(value));
    let text = value.to_str().unwrap_or_default();
    let (permission, grantee) = text.split_once(':').ok_or_else(invalid)?;
    let is_word = !permission.is_empty() && permission.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_word || grantee.is_empty() || grantee.contains('\n') {
        return Err(invalid());
    }
    if !PERMISSIONS.contains(&permission) {
        let valid = PERMISSIONS.join(", ");
        return Err(format!("invalid S3 ACL permission: {permission} (valid values: {valid})"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(kind: Check, value: &str) -> String {
        check(kind, OsStr::new(value)).unwrap_err()
    }

    /// Recorded from s3cmd 2.4.0.
    #[test]
    fn integers_have_python_bases() {
        for (text, expected) in [
            ("7", Some(7)),
            (" 7", Some(7)),
            ("+7", Some(7)),
            ("-7", Some(-7)),
            ("1_0", Some(10)),
            ("0x10", Some(16)),
            ("0X1F", Some(31)),
            ("0b111", Some(7)),
            ("0B111", Some(7)),
            ("010", Some(8)),
            ("0o17", Some(15)),
            ("0", Some(0)),
            ("09", None),
            ("0x", None),
            (" 0x10", None),
            ("-0x7", None),
            ("7L", None),
            ("x", None),
            ("", None),
            ("-", None),
            ("99999999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(integer(text), expected, "{text:?}");
        }
    }

    #[test]
    fn permissions_are_lower_case_words() {
        for good in ["read:x", "all:x:y", "read: x", "full_control:http://a/b", "read:é"] {
            assert_eq!(check(Check::Acl, OsStr::new(good)), Ok(None), "{good}");
        }
        for bad in ["lab-alt", "read:", ":x", " read:x", "read :x", "a-b:x", "", "read:a\nb"] {
            assert_eq!(
                fails(Check::Acl, bad),
                format!("invalid S3 ACL format: {}", quote::quoted(OsStr::new(bad)))
            );
        }
        assert_eq!(
            fails(Check::Acl, "eat:lab-alt"),
            "invalid S3 ACL permission: eat (valid values: read, write, read_acp, write_acp, full_control, all)"
        );
    }

    #[test]
    fn mime_types_have_two_parts() {
        for good in ["a/b", "text/html; charset=utf-8", "application/vnd.ms-excel", "x-a/b_c", "A/B", "a/b;"]
        {
            assert_eq!(check(Check::Mime, OsStr::new(good)), Ok(None), "{good}");
        }
        for bad in ["", "x", "a/", "/b", "a/b/c", "a b/c", "a/b ", "é/b", "*/*", "a/b\n", "a/b;c\r\nd: e"] {
            assert!(check(Check::Mime, OsStr::new(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_priority_is_one_of_three() {
        assert_eq!(check(Check::Priority, OsStr::new("bulk")), Ok(None));
        assert_eq!(
            fails(Check::Priority, "Standard"),
            "invalid choice: 'Standard' (choose from 'standard', 'expedited', 'bulk')"
        );
    }
}
