//! Translates regular expressions from Python's syntax to that of the engines used here.

use super::Matcher;

/// Compiles for the fast engine, or for the backtracking engine if the fast one does not support the expression.
pub(super) fn compile(regex: &str) -> Result<Matcher, String> {
    match regex::Regex::new(regex) {
        Ok(regex) => Ok(Matcher::Plain(regex)),
        Err(_) => match fancy_regex::Regex::new(regex) {
            Ok(regex) => Ok(Matcher::Fancy(Box::new(regex))),
            Err(error) => Err(one_line(&error.to_string())),
        },
    }
}

/// Compiles for the fast engine only.
pub(super) fn plain(regex: &str) -> Option<regex::Regex> {
    regex::Regex::new(regex).ok()
}

/// The last line of an engine's message, which contains the actual error.
fn one_line(error: &str) -> String {
    let last = error.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it cannot be read");
    last.trim_start_matches("error: ").to_owned()
}

/// Rewrites syntax that differs between Python's `re` and the engines used here: `\Z`, `\<` and `\>`, octal escapes,
/// braces that are not quantifiers, and characters that are special in a class only here (`[`, `&&`, `--`, `~~`).
pub(super) fn from_python(python: &str) -> String {
    let chars: Vec<char> = python.chars().collect();
    let mut regex = String::with_capacity(python.len() + 8);
    let mut at = 0;
    while at < chars.len() {
        at += match chars[at] {
            '\\' => escape(&chars[at..], &mut regex, false),
            '[' => class(&chars[at..], &mut regex),
            '{' => brace(&chars[at..], &mut regex),
            '(' if chars[at..].starts_with(&['(', '?', '#']) => {
                // Skip the comment.
                chars[at..].iter().position(|c| *c == ')').map_or(chars.len() - at, |end| end + 1)
            }
            other => {
                regex.push(other);
                1
            }
        };
    }
    regex
}

/// Writes the escape at the start of `rest` and returns its length.
fn escape(rest: &[char], regex: &mut String, in_class: bool) -> usize {
    let Some(&escaped) = rest.get(1) else {
        regex.push('\\');
        return 1;
    };
    match escaped {
        'Z' if !in_class => regex.push_str("\\z"),
        '0' => {
            let digits = rest[1..].iter().take(3).take_while(|c| c.is_digit(8)).count();
            let value = rest[1..=digits].iter().fold(0, |value, c| value * 8 + c.to_digit(8).unwrap_or(0));
            regex.push_str(&format!("\\x{{{value:x}}}"));
            return 1 + digits;
        }
        'b' if in_class => regex.push_str("\\x08"),
        other if other.is_ascii_alphanumeric() => regex.extend(['\\', other]),
        other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
    }
    2
}

/// Writes the class at the start of `rest` and returns its length.
fn class(rest: &[char], regex: &mut String) -> usize {
    regex.push('[');
    let mut at = 1;
    if rest.get(at) == Some(&'^') {
        regex.push('^');
        at += 1;
    }
    let first = at;
    while at < rest.len() {
        if rest[at] == ']' && at > first {
            regex.push(']');
            return at + 1;
        }
        at += member(&rest[at..], regex);
        // A hyphen between two members forms a range; at the end of the class it is literal.
        if rest.get(at) == Some(&'-') && rest.get(at + 1).is_some_and(|next| *next != ']') {
            regex.push('-');
            at += 1 + member(&rest[at + 1..], regex);
        }
    }
    at
}

/// Writes one member of a class and returns its length.
fn member(rest: &[char], regex: &mut String) -> usize {
    match rest.first() {
        Some('\\') => return escape(rest, regex, true),
        Some(c @ ('[' | ']' | '&' | '~' | '-' | '^')) => regex.extend(['\\', *c]),
        Some(c) => regex.push(*c),
        None => {}
    }
    1
}

/// Writes the brace at the start of `rest` and returns its length: a quantifier unchanged, anything else as a literal.
fn brace(rest: &[char], regex: &mut String) -> usize {
    let body: String = rest[1..].iter().take_while(|c| **c != '}').collect();
    let closed = rest.get(1 + body.chars().count()) == Some(&'}');
    let (low, high) = body.split_once(',').map_or((body.as_str(), None), |(low, high)| (low, Some(high)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let quantifier = closed && !body.is_empty() && digits(low) && high.is_none_or(digits);
    if !quantifier {
        regex.push_str("\\{");
        return 1;
    }
    let low = if low.is_empty() { "0" } else { low };
    match high {
        Some(high) => regex.push_str(&format!("{{{low},{high}}}")),
        None => regex.push_str(&format!("{{{low}}}")),
    }
    body.chars().count() + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::{Pattern, Syntax};

    /// Recorded from `re.search` of Python 3.11.
    #[test]
    fn expressions_match_as_in_python() {
        for (python, text, expected) in [
            ("sub", "a/subway", true),
            ("^sub", "a/sub", false),
            (r"x\Z", "ax", true),
            (r"x\Z", "xa", false),
            ("a{b}", "a{b}", true),
            ("a{2}", "aa", true),
            ("a{,2}b", "b", true),
            ("a{2,}b", "ab", false),
            ("^a{}$", "a{}", true),
            ("[[]", "[", true),
            ("[]a]", "]", true),
            ("[^]a]", "]", false),
            ("[a&&b]", "&", true),
            ("[a~~b]", "~", true),
            ("[--0]", ".", true),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            (r"[\d-]", "-", true),
            (r"\<b\>", "<b>", true),
            (r"\é", "é", true),
            (r"\/", "/", true),
            (r"\0", "\0", true),
            (r"\012", "\n", true),
            ("(?i)ABC", "xabc", true),
            ("(?P<q>a)(?P=q)", "aa", true),
            (r"(a)\1", "aa", true),
            (r"(a)\1", "ab", false),
            (r"^(?!.*\.txt$)", "a.txt", false),
            (r"^(?!.*\.txt$)", "a.log", true),
            (r"(?<=x)y", "xy", true),
            ("a(?#comment)b", "ab", true),
            ("é.", "éü", true),
            ("", "anything", true),
        ] {
            let pattern = Pattern::new(Syntax::Regexp, python).unwrap();
            assert_eq!(pattern.matches(text), expected, "{python:?} {text:?}");
        }
    }

    #[test]
    fn invalid_expressions_are_rejected() {
        for python in ["(", "a)", "*", "[", "(?P<x", "\\"] {
            assert!(compile(&from_python(python)).is_err(), "{python:?}");
        }
    }

    #[test]
    fn look_around_uses_the_backtracking_engine() {
        assert!(matches!(compile("a+"), Ok(Matcher::Plain(_))));
        assert!(matches!(compile("(?=a)"), Ok(Matcher::Fancy(_))));
    }
}
