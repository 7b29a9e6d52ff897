//! Which names are meant: `--exclude` and `--include` with their families, and wildcards in URIs.
//!
//! The rules are s3cmd's, measured on 2.4.0. A glob is a Python `fnmatch` pattern anchored at the end only; a
//! regular expression is a Python one, searched anywhere. A name is left out when a pattern of the deny list
//! matches it and none of the allow list does.

mod glob;
mod regexp;

use std::fmt;
use std::path::{Path, PathBuf};

pub use glob::Wildcard;

/// How a pattern is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `*`, `?` and `[...]`, as in a shell, except that `*` crosses `/`.
    Glob,
    /// A regular expression in Python's syntax.
    Regexp,
}

/// Why patterns cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// The regular expression is none.
    #[error("'{text}' is not a valid regular expression: {reason}")]
    Invalid {
        /// The expression as typed.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of patterns cannot be read.
    #[error("{}: {}", path.display(), reason)]
    File {
        /// The file.
        path: PathBuf,
        /// The words of the operating system.
        reason: String,
    },
}

#[derive(Clone)]
enum Matcher {
    Plain(regex::Regex),
    /// For what only a backtracking engine does: look-around and back-references.
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
    /// Makes a pattern. A glob is always valid.
    pub fn new(syntax: Syntax, text: &str) -> Result<Self, PatternError> {
        let matcher = match syntax {
            Syntax::Glob => regexp::compile(&format!("{}\\z", glob::to_regex(text))),
            Syntax::Regexp => regexp::compile(&regexp::from_python(text)),
        };
        match matcher {
            Ok(matcher) => Ok(Self { text: text.to_owned(), syntax, matcher }),
            Err(reason) => Err(PatternError::Invalid { text: text.to_owned(), reason }),
        }
    }

    /// Whether the name matches. A back-tracking expression that explodes on a name does not match it.
    pub fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Plain(regex) => regex.is_match(name),
            Matcher::Fancy(regex) => regex.is_match(name).unwrap_or(false),
        }
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it was written.
    pub fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// The regular expression that Python makes of it.
    fn python_regex(&self) -> String {
        match self.syntax {
            Syntax::Glob => glob::to_python(&self.text),
            Syntax::Regexp => self.text.clone(),
        }
    }

    /// Whether it speaks of directories, so that the walk of a tree asks it: a glob that ends in `/`.
    fn is_for_directories(&self) -> bool {
        self.syntax == Syntax::Glob && self.text.ends_with('/')
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?})", self.syntax, self.text)
    }
}

/// Patterns of which any may match.
#[derive(Debug, Clone, Default)]
pub struct PatternList(Vec<Pattern>);

impl PatternList {
    /// Adds a pattern.
    pub fn add(&mut self, syntax: Syntax, text: &str) -> Result<(), PatternError> {
        self.0.push(Pattern::new(syntax, text)?);
        Ok(())
    }

    /// Adds the patterns of a file, see [`read_file`].
    pub fn add_file(&mut self, syntax: Syntax, path: &Path) -> Result<(), PatternError> {
        read_file(path)?.iter().try_for_each(|text| self.add(syntax, text))
    }

    /// The first pattern that matches.
    pub fn first_match(&self, name: &str) -> Option<&Pattern> {
        self.0.iter().find(|pattern| pattern.matches(name))
    }

    /// The first pattern for directories that matches.
    fn first_for_directory(&self, path: &str) -> Option<&Pattern> {
        self.0.iter().find(|pattern| pattern.is_for_directories() && pattern.matches(path))
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }
}

/// The patterns in a file: one a line, trimmed, without empty lines and those that begin with `#`.
pub fn read_file(path: &Path) -> Result<Vec<String>, PatternError> {
    let failed = |reason: String| PatternError::File { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    // Python's reader takes a byte order mark for text; nobody writes a pattern that begins with one.
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

/// What is left out, and what of that is let in again.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Names that are left out.
    pub exclude: PatternList,
    /// Names that are let in although `exclude` has them. Alone it does nothing.
    pub include: PatternList,
}

impl Filter {
    /// Whether nothing is left out, so that no name needs to be asked about.
    pub fn is_empty(&self) -> bool {
        self.exclude.is_empty()
    }

    /// Whether any pattern was given, even one that does nothing alone.
    pub fn has_patterns(&self) -> bool {
        !(self.exclude.is_empty() && self.include.is_empty())
    }

    /// The pattern for which a relative key (`dir/sub/file`) is left out, if it is. With `-d` the decision is told in
    /// s3cmd's words.
    pub fn excludes(&self, relative_key: &str) -> Option<&Pattern> {
        let denied = self.exclude.first_match(relative_key);
        let allowed = denied.and_then(|_| self.include.first_match(relative_key));
        if log::log_enabled!(log::Level::Debug) {
            log_decision(relative_key, denied, allowed);
        }
        denied.filter(|_| allowed.is_none())
    }

    /// Whether a directory need not be walked. `local_path` is the path as walked (it begins as the argument
    /// did) with `/` at the end.
    ///
    /// Measured on s3cmd 2.4.0: only globs ending in `/` are asked, on both sides (`--include '*'` does not
    /// bring a pruned tree back, `--include 'sub/'` does), and never about the argument itself.
    pub fn prunes(&self, local_path: &str) -> bool {
        let denied = self.exclude.first_for_directory(local_path);
        denied.is_some() && self.include.first_for_directory(local_path).is_none()
    }

    /// The same for the walk itself, which with `-d` tells the decision in s3cmd's words.
    pub fn prunes_walk(&self, local_path: &str) -> bool {
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

/// Tells how a decision about a name came about, as s3cmd 2.4.0 does (measured).
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
    fn globs_are_anchored_at_the_end_only() {
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
    fn an_include_lets_in_again_what_an_exclude_left_out() {
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
    fn a_file_of_patterns_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patterns");
        std::fs::write(&path, "# c\r\n\r\n  *.txt  \r\n #y\n[#]*\n*.log # no\n").unwrap();
        let mut list = PatternList::default();
        list.add_file(Syntax::Glob, &path).unwrap();
        let texts: Vec<&str> = list.iter().map(Pattern::text).collect();
        assert_eq!(texts, ["*.txt", "[#]*", "*.log # no"]);
    }

    #[test]
    fn a_missing_file_and_a_broken_expression_are_told_apart() {
        let mut list = PatternList::default();
        let missing = list.add_file(Syntax::Glob, Path::new("/nonexistent/patterns")).unwrap_err();
        assert!(matches!(missing, PatternError::File { .. }));
        let broken = list.add(Syntax::Regexp, "a(b").unwrap_err();
        assert!(matches!(&broken, PatternError::Invalid { .. }), "{broken}");
        assert!(!broken.to_string().contains('\n'), "{broken}");
        assert!(list.is_empty());
    }

    proptest::proptest! {
        /// A glob is always a pattern, one of plain text matches exactly the names that end so.
        #[test]
        fn every_glob_is_valid(glob in "\\PC{0,12}", plain in "[a-z.+(){}|^$\\\\/-]{0,8}", name in "\\PC{0,8}") {
            let _ = Pattern::new(Syntax::Glob, &glob).unwrap().matches(&name);
            let pattern = Pattern::new(Syntax::Glob, &plain).unwrap();
            assert!(pattern.matches(&format!("{name}{plain}")));
            assert_eq!(pattern.matches(&name), name.ends_with(&plain));
        }
    }
}
