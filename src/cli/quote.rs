//! Showing what was typed, as s3cmd's parser shows it and without letting it act on the terminal.

use std::ffi::OsStr;

/// As it is, but bytes that are no UTF-8 as Python shows them (`\udcff`) and control characters as escapes.
/// A line feed stays: `Invalid command: ` shows it in s3cmd, too.
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

/// In quotes, as Python's `repr` writes a text: single quotes unless it holds one and no double quote.
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
    fn texts_are_quoted_as_python_quotes_them() {
        for (text, wanted) in [
            ("x", "'x'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\\b\n\t\u{1b}", "'a\\\\b\\n\\t\\x1b'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(OsStr::new(text)), wanted);
        }
    }

    #[cfg(unix)]
    #[test]
    fn stray_bytes_are_shown_as_python_shows_them() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(quoted(OsStr::from_bytes(b"a\xff")), "'a\\udcff'");
        assert_eq!(shown(OsStr::from_bytes(b"a\xff\x1b[2J")), "a\\udcff\\x1b[2J");
    }
}
