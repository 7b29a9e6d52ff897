//! What `-d` prints about the decisions of filters.

use std::collections::BTreeSet;

/// The first words of these lines.
pub(crate) const WORDS: [&str; 5] = ["CHECK", "EXCL-MATCH", "INCL-MATCH", "EXCLUDE", "PASS"];

/// The lines that filters print, without their order.
pub(crate) fn decisions(stderr: &str, words: &[&str]) -> BTreeSet<String> {
    let is_one = |line: &&str| words.iter().any(|word| line.starts_with(&format!("DEBUG: {word}: '")));
    stderr.lines().filter(is_one).map(str::to_owned).collect()
}
