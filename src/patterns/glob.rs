//! Shell-style patterns of Python's `fnmatch` (from its documentation, and measured on 3.11): `*` matches any text,
//! including `/`, `?` any character, `[abc]`, `[a-c]` and `[!a-c]` a character inside or outside a set. Every other
//! character, including the backslash, is literal, and so is a `[` without its `]`.

use super::regexp;

/// The regular expression of a glob, without anchors.
pub(super) fn to_regex(glob: &str) -> String {
    let chars: Vec<char> = glob.chars().collect();
    let mut regex = String::from("(?s:");
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '*' => {
                if !regex.ends_with(".*") {
                    regex.push_str(".*");
                }
            }
            '?' => regex.push('.'),
            '[' => match end_of_set(&chars, at + 1) {
                Some(end) => {
                    regex.push_str(&set_to_regex(&chars[at + 1..end]));
                    at = end;
                }
                None => regex.push_str("\\["),
            },
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        at += 1;
    }
    regex.push(')');
    regex
}

/// The regular expression that Python 3.11 generates for a glob, as s3cmd prints it. It is never used for matching.
pub(super) fn to_python(glob: &str) -> String {
    let chars: Vec<char> = glob.chars().collect();
    // The text between the stars.
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '*' if at > 0 && chars[at - 1] == '*' => {}
            '*' => pieces.push(std::mem::take(&mut piece)),
            '?' => piece.push('.'),
            '[' => match end_of_set(&chars, at + 1) {
                Some(end) => {
                    let set: String = chars[at + 1..end].iter().collect();
                    let set = set.replace('\\', r"\\");
                    piece += &match set.strip_prefix('!') {
                        Some(rest) => format!("[^{rest}]"),
                        None if set.starts_with(['^', '[']) => format!(r"[\{set}]"),
                        None => format!("[{set}]"),
                    };
                    at = end;
                }
                None => piece.push_str(r"\["),
            },
            other => {
                if other.is_ascii_whitespace() || r"()[]{}?*+-|^$\.&~#".contains(other) {
                    piece.push('\\');
                }
                piece.push(other);
            }
        }
        at += 1;
    }
    let mut pieces = pieces.into_iter();
    let mut out = String::from("(?s:");
    if let Some(first) = pieces.next() {
        out += &first;
        pieces.for_each(|inner| out += &format!("(?>.*?{inner})"));
        out += ".*";
    }
    out + &piece + r")\Z"
}

/// The index of the `]` that closes a set whose first character is at `start`. A `]` at the very beginning of a set,
/// also after `!`, is a member of the set.
fn end_of_set(chars: &[char], start: usize) -> Option<usize> {
    let mut from = start;
    if chars.get(from) == Some(&'!') {
        from += 1;
    }
    if chars.get(from) == Some(&']') {
        from += 1;
    }
    (from..chars.len()).find(|at| chars[*at] == ']')
}

/// Translates a set, given without its brackets. A reversed range is empty. A `-` at either end of the set, or directly
/// after a range, is literal.
fn set_to_regex(set: &[char]) -> String {
    let (negated, members) = match set.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut class = String::new();
    let mut at = 0;
    while at < members.len() {
        let first = members[at];
        if members.get(at + 1) == Some(&'-') && at + 2 < members.len() {
            let last = members[at + 2];
            if first <= last {
                class.push_str(&format!("{}-{}", class_char(first), class_char(last)));
            }
            at += 3;
        } else {
            class.push_str(&class_char(first));
            at += 1;
        }
    }
    match (class.is_empty(), negated) {
        (true, true) => ".".to_owned(),
        (true, false) => "[^\\s\\S]".to_owned(),
        (false, true) => format!("[^{class}]"),
        (false, false) => format!("[{class}]"),
    }
}

/// A character inside a class, escaped so that it is always literal.
fn class_char(c: char) -> String {
    if c.is_alphanumeric() || c == '_' { c.to_string() } else { format!("\\x{{{:x}}}", u32::from(c)) }
}

/// A URI or a key with wildcards, as `get` and `del` accept them.
#[derive(Clone)]
pub(crate) struct Wildcard {
    literal: String,
    rest: String,
    regex: regex::Regex,
}

impl Wildcard {
    /// Parses a text that contains `*` or `?`. `None` for other texts: `[...]` alone is not a wildcard, but it is
    /// special in combination with one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let first = text.find(['*', '?'])?;
        let regex = regexp::plain(&format!("\\A{}\\z", to_regex(text)))?;
        Some(Self { literal: text[..first].to_owned(), rest: text[first..].to_owned(), regex })
    }

    /// The text before the first wildcard: the prefix to list.
    pub(crate) fn literal_prefix(&self) -> &str {
        &self.literal
    }

    /// Whether the listing must be recursive: a `/` follows the first wildcard.
    pub(crate) fn needs_recursion(&self) -> bool {
        self.rest.contains('/')
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl std::fmt::Debug for Wildcard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wildcard({:?})", format!("{}{}", self.literal, self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(glob: &str, text: &str) -> bool {
        regexp::plain(&format!("\\A{}\\z", to_regex(glob))).unwrap().is_match(text)
    }

    /// Measured on s3cmd 2.4.0 with Python 3.11.
    #[test]
    fn globs_are_printed_as_python_translates_them() {
        for (glob, shown) in [
            ("*.log", r"(?s:.*\.log)\Z"),
            ("b.*", r"(?s:b\..*)\Z"),
            ("a*b*c*.txt", r"(?s:a(?>.*?b)(?>.*?c).*\.txt)\Z"),
            ("**.txt", r"(?s:.*\.txt)\Z"),
            ("a b-c#d~e&f{}x[[]y]!.tx[!a-b]", r"(?s:a\ b\-c\#d\~e\&f\{\}x[\[]y\]!\.tx[^a-b])\Z"),
            ("a?b*", r"(?s:a.b.*)\Z"),
            ("*[x]*", r"(?s:(?>.*?[x]).*)\Z"),
        ] {
            assert_eq!(to_python(glob), shown, "{glob}");
        }
    }

    /// Recorded from `fnmatch.fnmatchcase` of Python 3.11.
    #[test]
    fn globs_match_as_in_python() {
        for (glob, text, expected) in [
            ("*", "a/b", true),
            ("**", "", true),
            ("?", "/", true),
            ("?", "é", true),
            ("?", "", false),
            ("a*b*c", "axxbyyc", true),
            ("a.c", "abc", false),
            ("*", "a\nb", true),
            ("[abc]", "b", true),
            ("[!abc]", "b", false),
            ("[^abc]", "^", true),
            ("[^abc]", "x", false),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[!]]", "a", true),
            ("[]-a]", "^", true),
            ("[a-c]", "b", true),
            ("[c-a]", "b", false),
            ("[!c-a]", "b", true),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[a-c-e]", "d", false),
            ("[a-c-e]", "-", true),
            ("[a-c--e]", ".", true),
            ("[--a]", ".", true),
            ("[a", "[a", true),
            ("[", "[", true),
            ("[]", "[]", true),
            ("[!", "[!", true),
            ("[!]", "[!]", true),
            ("[!]a]", "b", true),
            ("[a&&b]", "&", true),
            ("[a~~b]", "b", true),
            ("[[:alpha:]]", ":]", true),
            ("[\\d]", "d", true),
            ("[\\d]", "5", false),
            ("\\*", "\\x", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("A", "a", false),
            ("[ä-ü]", "ö", true),
            ("(x|y)+$", "(x|y)+$", true),
            (".x", ".x", true),
            ("*x", ".x", true),
        ] {
            assert_eq!(full(glob, text), expected, "{glob:?} {text:?}");
        }
    }

    #[test]
    fn a_wildcard_needs_a_star_or_a_question_mark() {
        assert!(Wildcard::new("s3://b/[ab]").is_none());
        let wildcard = Wildcard::new("s3://b/d/[ab]*").unwrap();
        assert_eq!(wildcard.literal_prefix(), "s3://b/d/[ab]");
        assert!(!wildcard.needs_recursion());
        assert!(wildcard.matches("s3://b/d/axx") && !wildcard.matches("s3://b/d/cxx"));
        let deep = Wildcard::new("s3://b/d*/x").unwrap();
        assert_eq!(deep.literal_prefix(), "s3://b/d");
        assert!(deep.needs_recursion());
        assert!(!deep.matches("s3://b/d/x/y"));
    }
}
