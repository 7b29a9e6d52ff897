//! The line dialect of `.s3cfg`, which is s3cmd's own and not INI: every rule here was measured on s3cmd 2.4.0.

use std::collections::BTreeMap;

/// What stood in a file: the last value of each key, in the order of the names, and the lines that mean nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Values as they stand, `$NAME` not yet looked up.
    pub(crate) values: BTreeMap<String, String>,
    /// The numbers, from 1, of lines that are neither comment, section nor `key = value`. What stands in them may be a secret
    /// in another program's form.
    pub(crate) ignored: Vec<usize>,
}

/// Reads the text of a file. Sections are ignored, so the keys of all of them count and the last value wins.
pub(crate) fn parse(text: &str) -> Contents {
    let mut contents = Contents::default();
    for (index, line) in lines(text).into_iter().enumerate() {
        let start = line.trim_start();
        if start.is_empty() || start.starts_with('#') || is_section(&line) {
            continue;
        }
        match assigned(&line) {
            Some((key, value)) => {
                contents.values.insert(key.to_owned(), value.to_owned());
            }
            None => contents.ignored.push(index + 1),
        }
    }
    contents
}

/// The lines with their ends, which Python reads as `\n` whichever of `\n`, `\r\n` and `\r` they were.
fn lines(text: &str) -> Vec<String> {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    unified.split_inclusive('\n').map(str::to_owned).collect()
}

/// `[name]` at the very start of a line; what follows the bracket does not matter.
fn is_section(line: &str) -> bool {
    line.strip_prefix('[').and_then(|rest| rest.find(']')).is_some_and(|end| end > 0)
}

/// The key and the value that a line gives, as the reader takes it; `None` for all other lines.
pub(crate) fn assigned(line: &str) -> Option<(&str, &str)> {
    let start = line.trim_start();
    if start.starts_with('#') || is_section(line) {
        return None;
    }
    assignment(start)
}

/// Splits `key = value`. The key is letters, digits and underscores; the value is all the rest.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
    let (key, rest) = line.split_at(end);
    let value = rest.trim_start().strip_prefix('=')?.trim_start_matches(|c: char| c.is_whitespace());
    (!key.is_empty()).then(|| (key, unquoted(value)))
}

/// Takes off one pair of double quotes, then the white space around.
///
/// White space after the closing quote makes s3cmd lose a character of it instead of the quote; here the
/// quotes go in that case, too.
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
    fn values_are_kept_as_they_stand() {
        for (line, wanted) in [
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
            assert_eq!(value(line).as_deref(), Some(wanted), "{line:?}");
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
    fn stray_lines_are_reported_by_their_number() {
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
    fn comments_and_empty_lines_are_nothing() {
        assert_eq!(parse("# k = 1\n  # k = 2\n\n   \n#\n"), Contents::default());
    }

    #[test]
    fn line_ends_of_other_systems_end_lines() {
        let contents = parse("k = a\r\nl = 3\rm = 4\r\n");
        assert_eq!(contents.values["k"], "a");
        assert_eq!(contents.values["l"], "3");
        assert_eq!(contents.values["m"], "4");
    }

    proptest::proptest! {
        /// A key pair is read as it stands, whatever stands around it.
        #[test]
        fn a_secret_survives(secret in "[!-~]{1,40}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
            proptest::prop_assume!(!secret.starts_with('"'));
            let contents = parse(&format!("{before}\nsecret_key = {secret}\n# {after}\n"));
            assert_eq!(contents.values["secret_key"], secret);
        }
    }
}
