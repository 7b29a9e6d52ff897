//! Texts of policies: wildcards and variables.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::key::{Key, KeyType};
use super::question::Question;

/// A text of a policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Char(char),
    /// `*`: any text.
    Any,
    /// `?`: one character.
    One,
    /// Stands for the value that the request has of a key, else for its default. That value is taken literally.
    Variable {
        key: Key,
        default: Option<String>,
    },
}

/// What the special characters of a text mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// `${...}` is a variable. Without, it is refused: nobody means it literally.
    pub(super) variables: bool,
}

impl Pattern {
    /// Reads a text; the problem is told in words.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            if let Some(inner) = rest.strip_prefix("${") {
                if !syntax.variables {
                    return Err(format!(
                        "variables are understood in Resource and in conditions of String and Arn operators, where the \
                         policy has \"Version\": \"2012-10-17\", not in '{text}'"
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

    /// Whether it matches a text. One with a variable that has no value matches nothing.
    pub(super) fn matches(&self, text: &str, question: &Question<'_>) -> bool {
        self.with_values(question, |pieces| glob(pieces, text, |a, b| a == b))
    }

    /// [`Self::matches`] where the case of letters does not matter.
    pub(super) fn matches_in_any_case(&self, text: &str, question: &Question<'_>) -> bool {
        self.with_values(question, |pieces| glob(pieces, text, same_letter))
    }

    /// Whether it matches an ARN: its six parts are compared each by itself, so that a wildcard does not reach over a
    /// colon, except in the last.
    pub(super) fn matches_arn(&self, text: &str, question: &Question<'_>) -> bool {
        self.with_values(question, |pieces| {
            let pattern: Vec<_> = pieces.splitn(6, |piece| *piece == Piece::Char(':')).collect();
            let parts: Vec<_> = text.splitn(6, ':').collect();
            pattern.len() == parts.len()
                && pattern.iter().zip(&parts).all(|(pattern, part)| glob(pattern, part, |a, b| a == b))
        })
    }

    /// Whether it matches a text that begins with `start`, and then ends or goes on with a slash and anything.
    pub(super) fn could_be_of(&self, start: &str) -> bool {
        // The places in the pattern that can be reached by what was read.
        let mut places = vec![false; self.pieces.len() + 1];
        places[0] = true;
        let is_any = |piece: &Piece| matches!(piece, Piece::Any | Piece::Variable { .. });
        let pass = |places: &mut Vec<bool>| {
            for (at, piece) in self.pieces.iter().enumerate() {
                places[at + 1] |= places[at] && is_any(piece);
            }
        };
        let step = |places: &[bool], char: char| {
            let mut next = vec![false; places.len()];
            for (at, piece) in self.pieces.iter().enumerate().filter(|(at, _)| places[*at]) {
                next[at] |= is_any(piece);
                next[at + 1] |= *piece == Piece::One || *piece == Piece::Char(char);
            }
            next
        };
        pass(&mut places);
        for char in start.chars() {
            places = step(&places, char);
            pass(&mut places);
        }
        places[self.pieces.len()] || step(&places, '/').contains(&true)
    }

    /// Whether it is one text, whatever the request; one that holds a `*` or `?` does not count, whatever that means
    /// there.
    pub(super) fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Char(char) if !matches!(char, '*' | '?')))
    }

    /// Whether it could be an ARN: six parts, or a variable, which may be any number of them.
    pub(super) fn could_be_arn(&self) -> bool {
        self.pieces.iter().filter(|piece| **piece == Piece::Char(':')).count() >= 5
            || self.keys().next().is_some()
    }

    /// The keys that it cannot do without.
    pub(super) fn needed_keys(&self) -> impl Iterator<Item = &Key> {
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

/// Reads a variable after its `${`; returns also what follows it.
fn variable(text: &str) -> Result<(Piece, &str), String> {
    let end = text.find([',', '}']).ok_or("a variable has no end")?;
    let (name, rest) = text.split_at(end);
    let name = name.trim();
    if let Some(after) = rest.strip_prefix('}') {
        let literal = match name {
            "*" => Some('*'),
            "?" => Some('?'),
            "$" => Some('$'),
            _ => None,
        };
        return Ok((literal.map_or_else(|| of_key(name, None), |char| Ok(Piece::Char(char)))?, after));
    }
    let bad = "the default of a variable is written as ${key, 'default'}";
    let quoted = rest[1..].trim_start().strip_prefix('\'').ok_or(bad)?;
    let (default, after) = quoted.split_once('\'').ok_or(bad)?;
    let after = after.trim_start().strip_prefix('}').ok_or(bad)?;
    Ok((of_key(name, Some(default.to_owned()))?, after))
}

fn of_key(name: &str, default: Option<String>) -> Result<Piece, String> {
    match Key::parse(name) {
        Some(key) if key.spec.kind != KeyType::Texts && !key.is_of_services() => {
            Ok(Piece::Variable { key, default })
        }
        _ => Err(format!("the variable '{name}' is not known")),
    }
}

fn same_letter(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

/// Compares from left to right; where that fails, the last `*` takes one character more. Never exponential.
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
            (Some(Piece::Char(wanted)), Some(char)) if same(*wanted, char) => {
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

/// Wildcards: `*` any text, `?` one byte. Linear in the text for each `*`, never exponential.
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
