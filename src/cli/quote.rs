//! Quotes arguments in messages as s3cmd's parser does, with control characters escaped to protect the terminal.

use std::ffi::OsStr;

/// Without quotes. Bytes that are not UTF-8 are shown as in Python (`\udcff`), control characters are escaped. A line
/// feed is kept, as s3cmd does in `Invalid command: `.
pub(super) fn shown(typed: &OsStr) -> String {
    let mut shown = String::new();
    for chunk in typed.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() && c != '\n' { shown.push_str(&escaped(c)) } else { shown.push(c) }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    shown
}

/// In quotes, as Python's `repr` writes a string: single quotes, unless it contains a single and no double quote.
pub(crate) fn quoted(typed: &OsStr) -> String {
    let bytes = typed.as_encoded_bytes();
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => quoted.push_str("\\\\"),
                c if c == quote => quoted.extend(['\\', c]),
                c if c.is_control() => quoted.push_str(&escaped(c)),
                c => quoted.push(c),
            }
        }
        for byte in chunk.invalid() {
            quoted.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    quoted.push(quote);
    quoted
}

fn escaped(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c => format!("\\x{:02x}", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_in_python() {
        for (text, expected) in [
            ("x", "'x'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\b\n\t\u{1b}", "'a\\\\b\\n\\t\\x1b'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(OsStr::new(text)), expected);
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_as_in_python() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(quoted(OsStr::from_bytes(b"a\xff")), "'a\\udcff'");
        assert_eq!(shown(OsStr::from_bytes(b"a\xff\x1b[2J")), "a\\udcff\\x1b[2J");
    }
}
