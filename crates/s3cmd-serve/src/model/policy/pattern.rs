//! Patterns in policies: wildcards and variables.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::key::{Key, KeyType};
use super::question::Question;

/// A string in a policy, with wildcards and variables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Char(char),
    /// `*`: any string.
    Any,
    /// `?`: one character.
    One,
    /// The request's value of a key, or else the default. Wildcards in the value are literal.
    Variable {
        key: Key,
        default: Option<String>,
    },
}

/// Which special characters a pattern may contain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// `${...}` is a variable. If false, a pattern with `${` is rejected: it is hardly meant literally.
    pub(super) variables: bool,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// A message that describes the problem.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            if let Some(inner) = rest.strip_prefix("${") {
                if !syntax.variables {
                    return Err(format!(
                        "variables are supported only in Resource and in conditions with String and Arn operators, in a \
                         policy with \"Version\": \"2012-10-17\", not in '{text}'"
                    ));
                }
                let (piece, after) = variable(inner).map_err(|problem| format!("'{text}': {problem}"))?;
                pieces.push(piece);
                rest = after;
                continue;
            }
            pieces.push(match char {
                '*' if syntax.wildcards => Piece::Any,
                '?' if syntax.wildcards => Piece::One,
                char => Piece::Char(char),
            });
            rest = &rest[char.len_utf8()..];
        }
        Ok(Self { pieces })
    }

    /// Whether it matches a string. A pattern with a variable that has no value matches nothing.
    pub(super) fn matches(&self, text: &str, question: &Question<'_>) -> bool {
        self.with_values(question, |pieces| glob(pieces, text, |a, b| a == b))
    }

    /// [`Self::matches`], ignoring case.
    pub(super) fn matches_ignoring_case(&self, text: &str, question: &Question<'_>) -> bool {
        self.with_values(question, |pieces| glob(pieces, text, equal_ignoring_case))
    }

    /// Whether it matches an ARN. The six parts are compared separately, so a wildcard does not match a colon, except
    /// in the last part.
    pub(super) fn matches_arn(&self, text: &str, question: &Question<'_>) -> bool {
        self.with_values(question, |pieces| {
            let pattern: Vec<_> = pieces.splitn(6, |piece| *piece == Piece::Char(':')).collect();
            let parts: Vec<_> = text.splitn(6, ':').collect();
            pattern.len() == parts.len()
                && pattern.iter().zip(&parts).all(|(pattern, part)| glob(pattern, part, |a, b| a == b))
        })
    }

    /// Whether it could match `start` itself, or a string that begins with `start` and a slash.
    pub(super) fn could_match_in(&self, start: &str) -> bool {
        // The positions in the pattern that are reachable after the characters read so far.
        let mut reachable = vec![false; self.pieces.len() + 1];
        reachable[0] = true;
        let is_any = |piece: &Piece| matches!(piece, Piece::Any | Piece::Variable { .. });
        // A wildcard may also match nothing.
        let skip_wildcards = |reachable: &mut Vec<bool>| {
            for (at, piece) in self.pieces.iter().enumerate() {
                reachable[at + 1] |= reachable[at] && is_any(piece);
            }
        };
        let step = |reachable: &[bool], char: char| {
            let mut next = vec![false; reachable.len()];
            for (at, piece) in self.pieces.iter().enumerate().filter(|(at, _)| reachable[*at]) {
                next[at] |= is_any(piece);
                next[at + 1] |= *piece == Piece::One || *piece == Piece::Char(char);
            }
            next
        };
        skip_wildcards(&mut reachable);
        for char in start.chars() {
            reachable = step(&reachable, char);
            skip_wildcards(&mut reachable);
        }
        reachable[self.pieces.len()] || step(&reachable, '/').contains(&true)
    }

    /// Whether it is a constant string, independent of the request. A pattern with `*` or `?` does not count, even if
    /// they are literal.
    pub(super) fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Char(char) if !matches!(char, '*' | '?')))
    }

    /// Whether it could match an ARN: it has six parts, or a variable, which may contain any number of them.
    pub(super) fn could_be_arn(&self) -> bool {
        self.pieces.iter().filter(|piece| **piece == Piece::Char(':')).count() >= 5
            || self.keys().next().is_some()
    }

    /// The keys of its variables that have no default.
    pub(super) fn required_keys(&self) -> impl Iterator<Item = &Key> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, default: None } => Some(key),
            _ => None,
        })
    }

    /// The keys of its variables.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(key),
            _ => None,
        })
    }

    fn with_values(&self, question: &Question<'_>, test: impl FnOnce(&[Piece]) -> bool) -> bool {
        if self.keys().next().is_none() {
            return test(&self.pieces);
        }
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Variable { key, default } => {
                    let Some(value) = question.values(key).into_iter().next().or_else(|| default.clone())
                    else {
                        return false;
                    };
                    pieces.extend(value.chars().map(Piece::Char));
                }
                piece => pieces.push(piece.clone()),
            }
        }
        test(&pieces)
    }
}

/// Parses a variable after its `${`. Returns it and the rest of the text.
fn variable(text: &str) -> Result<(Piece, &str), String> {
    let end = text.find([',', '}']).ok_or("a variable is not terminated")?;
    let (name, rest) = text.split_at(end);
    let name = name.trim();
    if let Some(after) = rest.strip_prefix('}') {
        let literal = match name {
            "*" => Some('*'),
            "?" => Some('?'),
            "$" => Some('$'),
            _ => None,
        };
        return Ok((
            literal.map_or_else(|| variable_of_key(name, None), |char| Ok(Piece::Char(char)))?,
            after,
        ));
    }
    let bad = "the default of a variable is written as ${key, 'default'}";
    let quoted = rest[1..].trim_start().strip_prefix('\'').ok_or(bad)?;
    let (default, after) = quoted.split_once('\'').ok_or(bad)?;
    let after = after.trim_start().strip_prefix('}').ok_or(bad)?;
    Ok((variable_of_key(name, Some(default.to_owned()))?, after))
}

fn variable_of_key(name: &str, default: Option<String>) -> Result<Piece, String> {
    match Key::parse(name) {
        Some(key) if key.spec.kind != KeyType::Texts && !key.is_for_services() => {
            Ok(Piece::Variable { key, default })
        }
        _ => Err(format!("unknown variable '{name}'")),
    }
}

fn equal_ignoring_case(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

/// Matches from left to right. After a mismatch, the last `*` matches one more character. Never exponential.
fn glob(pattern: &[Piece], text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let (mut at, mut rest) = (0, text);
    let mut star: Option<(usize, &str)> = None;
    loop {
        let mut chars = rest.chars();
        match (pattern.get(at), chars.next()) {
            (Some(Piece::Any), _) => {
                at += 1;
                star = Some((at, rest));
            }
            (None, None) => return true,
            (Some(Piece::One), Some(_)) => {
                at += 1;
                rest = chars.as_str();
            }
            (Some(Piece::Char(expected)), Some(char)) if same(*expected, char) => {
                at += 1;
                rest = chars.as_str();
            }
            _ => {
                let Some((after, from)) = star else { return false };
                let mut chars = from.chars();
                if chars.next().is_none() {
                    return false;
                }
                (at, rest) = (after, chars.as_str());
                star = Some((after, rest));
            }
        }
    }
}

/// Matches with wildcards: `*` is any string, `?` is one byte. Linear in the text for each `*`, never exponential.
pub(crate) fn like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
