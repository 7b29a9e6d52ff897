//! The schema of a document: the elements of the S3 API, how often they may occur, and the type of their values.

use super::element::Element;
use chrono::{DateTime, NaiveDate, SecondsFormat};

/// The schema of an element.
pub(super) struct ElementSchema {
    pub(super) name: &'static str,
    pub(super) count: Count,
    pub(super) content: Content,
}

/// How often an element may occur in its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// At most once.
    Optional,
    /// Exactly once.
    One,
    /// Any number of times.
    Any,
    /// At least once.
    Some,
}

/// The content of an element.
pub(super) enum Content {
    /// Child elements.
    Elements(&'static [ElementSchema]),
    /// Non-empty text.
    Text,
    /// Any text.
    AnyText,
    /// An integer of at least this value.
    Number(u64),
    /// `true` or `false`.
    Flag,
    /// A date, with or without a time.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
}

pub(super) const fn one(name: &'static str, content: Content) -> ElementSchema {
    ElementSchema { name, count: Count::One, content }
}

pub(super) const fn optional(name: &'static str, content: Content) -> ElementSchema {
    ElementSchema { name, count: Count::Optional, content }
}

pub(super) const fn any(name: &'static str, content: Content) -> ElementSchema {
    ElementSchema { name, count: Count::Any, content }
}

pub(super) const fn some(name: &'static str, content: Content) -> ElementSchema {
    ElementSchema { name, count: Count::Some, content }
}

/// Checks an element's content against the schema. The error describes the problem.
pub(super) fn check(element: &Element, content: &Content) -> Result<(), String> {
    let name = &element.name;
    let Content::Elements(schemas) = content else {
        if let Some(child) = element.children.first() {
            return Err(format!("'{name}' must contain text, not an element '{}'", child.name));
        }
        return check_text(name, &element.text, content);
    };
    if element.children.is_empty() && !element.text.trim().is_empty() {
        return Err(format!("'{name}' must contain elements, not text"));
    }
    for child in &element.children {
        let Some(schema) = schemas.iter().find(|schema| schema.name == child.name) else {
            return Err(format!("unknown element '{}' in '{name}'", child.name));
        };
        check(child, &schema.content)?;
    }
    for schema in *schemas {
        match (schema.count, element.all(schema.name).count()) {
            (Count::One | Count::Some, 0) => return Err(format!("no '{}' in '{name}'", schema.name)),
            (Count::One | Count::Optional, 2..) => {
                return Err(format!("'{}' occurs more than once in '{name}'", schema.name));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_text(name: &str, text: &str, content: &Content) -> Result<(), String> {
    let trimmed = text.trim();
    let problem = match content {
        Content::AnyText | Content::Elements(_) => return Ok(()),
        Content::Text if text.is_empty() => "must not be empty".to_owned(),
        Content::Number(least) => match number(trimmed) {
            Some(number) if number >= *least => return Ok(()),
            _ => format!("must be an integer of at least {least}, not '{trimmed}'"),
        },
        Content::Flag if flag(trimmed).is_none() => format!("must be true or false, not '{trimmed}'"),
        Content::Time if time(trimmed).is_none() => {
            format!("must be a date such as 2030-01-31 or 2030-01-31T00:00:00Z, not '{trimmed}'")
        }
        Content::Word(words) if !words.contains(&trimmed) => {
            format!("must be {}, not '{trimmed}'", words.join(" or "))
        }
        _ => return Ok(()),
    };
    Err(format!("'{name}' {problem}"))
}

/// Parses a number, which may be written in several forms. (S3 stores numbers in 31 bits, sizes in 63.)
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Normalizes a time, which may be written in several forms: UTC, with the fractional part of the second if it is not
/// zero.
pub(super) fn time(text: &str) -> Option<String> {
    let written = |time: DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(written(time.to_utc()));
    }
    if let Ok(day) = NaiveDate::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%d") {
        return Some(written(day.and_hms_opt(0, 0, 0)?.and_utc()));
    }
    // Some writers omit leading zeros, and the offset.
    let bare = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let time = chrono::NaiveDateTime::parse_from_str(bare, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(written(time.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_normalized() {
        for text in [
            "2030-01-31",
            "2030-01-31T00:00:00Z",
            "2030-01-31T00:00:00.000Z",
            "2030-01-31T01:00:00+01:00",
            "2030-1-31T0:0:0z",
        ] {
            assert_eq!(time(text).as_deref(), Some("2030-01-31T00:00:00Z"), "{text}");
        }
        assert_eq!(time("2030-01-31T00:00:00.5Z").as_deref(), Some("2030-01-31T00:00:00.500Z"));
        for text in ["", "soon", "2030-13-01", "7"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!((number("007"), number("+7"), number("0")), (Some(7), Some(7), Some(0)));
        for text in ["", "-7", "7.0", "x", "1e3"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
