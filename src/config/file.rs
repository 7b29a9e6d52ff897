//! Parser of `.s3cfg`. The format is s3cmd's own, not INI. Every rule here was measured on s3cmd 2.4.0.

use std::collections::BTreeMap;

/// The contents of a file: the last value of each key, sorted by name, and the invalid lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Values as written, before the expansion of `$NAME`.
    pub(crate) values: BTreeMap<String, String>,
    /// The numbers, starting at 1, of lines that are neither comment, section nor `key = value`. Their text is not
    /// kept, because it could be a secret in the format of another program.
    pub(crate) ignored: Vec<usize>,
}

/// Parses a file. Section headers are ignored: the keys of all sections apply, and the last value wins.
pub(super) fn parse(text: &str) -> Contents {
    let mut contents = Contents::default();
    for (index, line) in lines(text).into_iter().enumerate() {
        let start = line.trim_start();
        if start.is_empty() || start.starts_with('#') || is_section(&line) {
            continue;
        }
        match parse_assignment(&line) {
            Some((key, value)) => {
                contents.values.insert(key.to_owned(), value.to_owned());
            }
            None => contents.ignored.push(index + 1),
        }
    }
    contents
}

/// Splits a text into lines, including line endings. As in Python, `\r\n` and `\r` are converted to `\n`.
fn lines(text: &str) -> Vec<String> {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    unified.split_inclusive('\n').map(str::to_owned).collect()
}

/// `[name]` at the very start of a line. Text after the bracket is ignored.
fn is_section(line: &str) -> bool {
    line.strip_prefix('[').and_then(|rest| rest.find(']')).is_some_and(|end| end > 0)
}

/// The key and the value of a line. `None` for all other lines.
pub(crate) fn parse_assignment(line: &str) -> Option<(&str, &str)> {
    let start = line.trim_start();
    if start.starts_with('#') || is_section(line) {
        return None;
    }
    split_assignment(start)
}

/// Splits `key = value`. The key consists of letters, digits and underscores; the value is the rest of the line.
fn split_assignment(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    let (key, rest) = line.split_at(end);
    let value = rest.trim_start().strip_prefix('=')?.trim_start_matches(|c: char| c.is_whitespace());
    (!key.is_empty()).then(|| (key, unquoted(value)))
}

/// Removes one pair of double quotes, then surrounding white space.
///
/// If white space follows the closing quote, s3cmd removes a character of the white space instead of the quote. Here
/// the quotes are removed in this case, too.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.trim(),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Option<String> {
        parse(line).values.remove("k")
    }

    #[test]
    fn values_are_kept_as_written() {
        for (line, expected) in [
            ("k = a b c # x", "a b c # x"),
            ("k=a", "a"),
            ("\t k\t=\ta\t\n", "a"),
            ("k = a=b = c", "a=b = c"),
            ("k = ab\\ncd/\"x\"#y;z%20=w", "ab\\ncd/\"x\"#y;z%20=w"),
            ("k = \"a b\"", "a b"),
            ("k = \" a \"", "a"),
            ("k = \"\"a\"\"", "\"a\""),
            ("k = \"a\" b\"", "a\" b"),
            ("k = \"\"", ""),
            ("k = \"", "\""),
            ("k = \"a", "\"a"),
            ("k = a\"", "a\""),
            ("k = \"a\"  ", "a"),
            ("k = 'a'", "'a'"),
            ("k =", ""),
            ("k = a\u{2028}limit = 5", "a\u{2028}limit = 5"),
            ("\u{a0}k = a\u{a0}", "a"),
        ] {
            assert_eq!(value(line).as_deref(), Some(expected), "{line:?}");
        }
    }

    #[test]
    fn sections_are_merged_and_the_last_value_wins() {
        let contents = parse("[default]\nk = 1\n[allas-project_1]\nk = 2\n[x] y\nother = 3\n");
        assert_eq!(contents.values["k"], "2");
        assert_eq!(contents.values["other"], "3");
        assert!(contents.ignored.is_empty());
    }

    #[test]
    fn invalid_lines_are_reported_by_number() {
        for line in [
            "k : a",
            "k a",
            "k",
            ";k = a",
            "a-b = 2",
            "key with = 3",
            "= 3",
            "[default",
            " [default]",
            "[]",
            "\u{feff}k = 1",
        ] {
            let contents = parse(&format!("# first\n{line}\n"));
            assert_eq!(contents.ignored, [2]);
            assert!(contents.values.is_empty(), "{line:?}");
        }
    }

    #[test]
    fn comments_and_empty_lines_are_ignored() {
        assert_eq!(parse("# k = 1\n  # k = 2\n\n   \n#\n"), Contents::default());
    }

    #[test]
    fn line_endings_of_other_systems_are_accepted() {
        let contents = parse("k = a\r\nl = 3\rm = 4\r\n");
        assert_eq!(contents.values["k"], "a");
        assert_eq!(contents.values["l"], "3");
        assert_eq!(contents.values["m"], "4");
    }

    proptest::proptest! {
        /// A secret is read unchanged, whatever surrounds it.
        #[test]
        fn a_secret_is_read_unchanged(secret in "[!-~]{1,40}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
            proptest::prop_assume!(!secret.starts_with('"'));
            let contents = parse(&format!("{before}\nsecret_key = {secret}\n# {after}\n"));
            assert_eq!(contents.values["secret_key"], secret);
        }
    }
}
