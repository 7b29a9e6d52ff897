//! Name filters: `--exclude`, `--include` and their variants, and wildcards in URIs.
//!
//! The rules are those of s3cmd, measured on 2.4.0. A glob is a Python `fnmatch` pattern that is anchored only at the
//! end. A regular expression has Python's syntax and can match anywhere. A name is excluded if an exclude pattern
//! matches it and no include pattern does.

mod glob;
mod regexp;

use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use glob::Wildcard;

/// The syntax of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `*`, `?` and `[...]` as in a shell, except that `*` also matches `/`.
    Glob,
    /// A regular expression in Python's syntax.
    Regexp,
}

/// A pattern or pattern file is invalid.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// The regular expression is invalid.
    #[error("'{text}' is not a valid regular expression: {reason}")]
    Invalid {
        /// The expression as typed.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The pattern file cannot be read.
    #[error("{}: {}", path.display(), reason)]
    File {
        /// The file.
        path: PathBuf,
        /// The message of the operating system.
        reason: String,
    },
}

#[derive(Clone)]
enum Matcher {
    Plain(regex::Regex),
    /// For features that need a backtracking engine: look-around and back-references.
    Fancy(Box<fancy_regex::Regex>),
}

/// One pattern.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    syntax: Syntax,
    matcher: Matcher,
}

impl Pattern {
    /// Compiles a pattern. A glob is always valid.
    pub(crate) fn new(syntax: Syntax, text: &str) -> Result<Self, PatternError> {
        let matcher = match syntax {
            Syntax::Glob => regexp::compile(&format!("{}\\z", glob::to_regex(text))),
            Syntax::Regexp => regexp::compile(&regexp::from_python(text)),
        };
        match matcher {
            Ok(matcher) => Ok(Self { text: text.to_owned(), syntax, matcher }),
            Err(reason) => Err(PatternError::Invalid { text: text.to_owned(), reason }),
        }
    }

    /// Whether the name matches. A backtracking expression that exceeds its limit on a name does not match it.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Plain(regex) => regex.is_match(name),
            Matcher::Fancy(regex) => regex.is_match(name).unwrap_or(false),
        }
    }

    /// The pattern as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The syntax of the pattern.
    pub(crate) fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// The regular expression that Python generates for it.
    fn python_regex(&self) -> String {
        match self.syntax {
            Syntax::Glob => glob::to_python(&self.text),
            Syntax::Regexp => self.text.clone(),
        }
    }

    /// Whether it can exclude directories from a tree walk: a glob that ends in `/`.
    fn is_for_directories(&self) -> bool {
        self.syntax == Syntax::Glob && self.text.ends_with('/')
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?})", self.syntax, self.text)
    }
}

/// A list of patterns. A name matches the list if it matches any of them.
#[derive(Debug, Clone, Default)]
pub struct PatternList(Vec<Pattern>);

impl PatternList {
    /// Adds a pattern.
    pub fn add(&mut self, syntax: Syntax, text: &str) -> Result<(), PatternError> {
        self.0.push(Pattern::new(syntax, text)?);
        Ok(())
    }

    /// The first pattern that matches.
    pub(crate) fn first_match(&self, name: &str) -> Option<&Pattern> {
        self.0.iter().find(|pattern| pattern.matches(name))
    }

    /// The first pattern for directories that matches.
    fn first_for_directory(&self, path: &str) -> Option<&Pattern> {
        self.0.iter().find(|pattern| pattern.is_for_directories() && pattern.matches(path))
    }

    /// Whether there are no patterns.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns, in the order of their addition.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }
}

/// Reads a pattern file: one pattern per line, trimmed. Empty lines and lines that start with `#` are ignored.
pub(crate) fn read_file(path: &Path) -> Result<Vec<String>, PatternError> {
    let failed = |reason: String| PatternError::File { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    // Python keeps a byte order mark as text, but no useful pattern starts with one.
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

/// Exclude and include patterns.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Patterns of excluded names.
    pub exclude: PatternList,
    /// Exceptions from `exclude`. They have no effect alone.
    pub(crate) include: PatternList,
}

impl Filter {
    /// Whether nothing can be excluded, so that names need not be checked.
    pub(crate) fn is_empty(&self) -> bool {
        self.exclude.is_empty()
    }

    /// Whether any pattern was given, even one without effect.
    pub(crate) fn has_patterns(&self) -> bool {
        !(self.exclude.is_empty() && self.include.is_empty())
    }

    /// The pattern that excludes a relative key (`dir/sub/file`), if any. With `-d`, logs the decision as s3cmd does.
    pub fn excludes(&self, relative_key: &str) -> Option<&Pattern> {
        let denied = self.exclude.first_match(relative_key);
        let allowed = denied.and_then(|_| self.include.first_match(relative_key));
        if log::log_enabled!(log::Level::Debug) {
            log_decision(relative_key, denied, allowed);
        }
        denied.filter(|_| allowed.is_none())
    }

    /// Whether a directory is excluded from the walk. `local_path` is the path as walked, starting with the argument,
    /// with a `/` at the end.
    ///
    /// Measured on s3cmd 2.4.0: only globs that end in `/` are considered, in both lists (`--include '*'` does not
    /// include a pruned tree again, `--include 'sub/'` does), and never for the argument itself.
    pub(crate) fn prunes(&self, local_path: &str) -> bool {
        let denied = self.exclude.first_for_directory(local_path);
        denied.is_some() && self.include.first_for_directory(local_path).is_none()
    }

    /// Like [`Filter::prunes`], for the walk itself: with `-d`, logs the decision as s3cmd does.
    pub(crate) fn prunes_walk(&self, local_path: &str) -> bool {
        if log::log_enabled!(log::Level::Debug) {
            let denied = self.exclude.first_for_directory(local_path);
            log_decision(
                local_path,
                denied,
                denied.and_then(|_| self.include.first_for_directory(local_path)),
            );
        }
        self.prunes(local_path)
    }
}

/// Logs the decision about a name as s3cmd 2.4.0 does (measured).
fn log_decision(name: &str, denied: Option<&Pattern>, allowed: Option<&Pattern>) {
    log::debug!("CHECK: '{name}'");
    if let Some(denied) = denied {
        log::debug!("EXCL-MATCH: '{}'", denied.python_regex());
    }
    if let Some(allowed) = allowed {
        log::debug!("INCL-MATCH: '{}'", allowed.python_regex());
    }
    let word = if denied.is_some() && allowed.is_none() { "EXCLUDE" } else { "PASS" };
    log::debug!("{word}: '{name}'");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(exclude: &[&str], include: &[&str]) -> Filter {
        let mut filter = Filter::default();
        for text in exclude {
            filter.exclude.add(Syntax::Glob, text).unwrap();
        }
        for text in include {
            filter.include.add(Syntax::Glob, text).unwrap();
        }
        filter
    }

    #[test]
    fn globs_are_anchored_only_at_the_end() {
        for (glob, name, excluded) in [
            ("sub/*", "src/sub/x", true),
            ("*.txt", "a/b.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a", "dir/data", true),
            ("a", "ab", false),
            ("", "anything", true),
            ("sub/", "sub/x", false),
        ] {
            assert_eq!(filter(&[glob], &[]).excludes(name).is_some(), excluded, "{glob} {name}");
        }
    }

    #[test]
    fn an_include_overrides_an_exclude() {
        let both = filter(&["*"], &["*.txt"]);
        assert!(both.excludes("a.txt").is_none());
        assert_eq!(both.excludes("b.log").unwrap().text(), "*");
        assert!(filter(&[], &["*.txt"]).excludes("b.log").is_none());
        assert!(filter(&[], &["*.txt"]).is_empty());
    }

    #[test]
    fn only_globs_for_directories_prune() {
        assert!(filter(&["sub/"], &[]).prunes("tree/src/sub/"));
        assert!(filter(&["su?/"], &["*"]).prunes("tree/src/sub/"));
        assert!(!filter(&["sub/"], &["*/sub/"]).prunes("tree/src/sub/"));
        assert!(!filter(&["sub*"], &[]).prunes("tree/src/sub/"));
        assert!(filter(&["/"], &[]).prunes("tree/src/"));
        let mut searched = Filter::default();
        searched.exclude.add(Syntax::Regexp, "sub/$").unwrap();
        assert!(!searched.prunes("tree/src/sub/"));
    }

    #[test]
    fn a_pattern_file_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patterns");
        std::fs::write(&path, "# c\r\n\r\n  *.txt  \r\n #y\n[#]*\n*.log # no\n").unwrap();
        assert_eq!(read_file(&path).unwrap(), ["*.txt", "[#]*", "*.log # no"]);
    }

    #[test]
    fn a_missing_file_and_an_invalid_expression_are_distinguished() {
        let mut list = PatternList::default();
        let missing = read_file(Path::new("/nonexistent/patterns")).unwrap_err();
        assert!(matches!(missing, PatternError::File { .. }));
        let broken = list.add(Syntax::Regexp, "a(b").unwrap_err();
        assert!(matches!(&broken, PatternError::Invalid { .. }), "{broken}");
        assert!(!broken.to_string().contains('\n'), "{broken}");
        assert!(list.is_empty());
    }

    proptest::proptest! {
        /// A glob is always valid, and one without wildcards matches exactly the names that end with it.
        #[test]
        fn every_glob_is_valid(glob in "\\PC{0,12}", plain in "[a-z.+(){}|^$\\\\/-]{0,8}", name in "\\PC{0,8}") {
            let _ = Pattern::new(Syntax::Glob, &glob).unwrap().matches(&name);
            let pattern = Pattern::new(Syntax::Glob, &plain).unwrap();
            assert!(pattern.matches(&format!("{name}{plain}")));
            assert_eq!(pattern.matches(&name), name.ends_with(&plain));
        }
    }
}
