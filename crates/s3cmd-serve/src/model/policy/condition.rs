//! The conditions of statements.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use super::key::{Key, KeyType};
use super::pattern::{Pattern, Syntax};
use super::question::Question;
use super::values::{contains, date, network, number};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::cmp::Ordering;
use std::net::IpAddr;

#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    key: Key,
    quantifier: Quantifier,
    /// `...IfExists`: also holds if the request does not have the key.
    if_exists: bool,
    inverted: bool,
    test: Test,
}

/// How many of the request's values have to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// The key has one value.
    Single,
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

/// What a value is compared with. One of the listed values has to match.
#[derive(Debug, PartialEq)]
enum Test {
    Text(Vec<Pattern>),
    TextIgnoringCase(Vec<Pattern>),
    Arn(Vec<Pattern>),
    Address(Vec<(IpAddr, u32)>),
    Bool(Vec<bool>),
    /// Whether the key is absent.
    Null(Vec<bool>),
    Number(Relation, Vec<f64>),
    Date(Relation, Vec<DateTime<Utc>>),
}

/// The required relation of the request's value to that of the policy.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Relation {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Relation {
    /// Parses the end of an operator's name, after `Numeric` or `Date`. Returns whether the test is negated, too.
    fn parse(name: &str) -> Option<(Self, bool)> {
        Some(match name {
            "Equals" => (Self::Equal, false),
            "NotEquals" => (Self::Equal, true),
            "LessThan" => (Self::Less, false),
            "LessThanEquals" => (Self::AtMost, false),
            "GreaterThan" => (Self::Greater, false),
            "GreaterThanEquals" => (Self::AtLeast, false),
            _ => return None,
        })
    }

    fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        })
    }
}

/// An operator without its quantifier and without `IfExists`.
#[derive(Clone, Copy, Debug)]
enum Operator {
    Text { wildcards: bool },
    TextIgnoringCase,
    Arn,
    Address,
    Bool,
    Null,
    Number(Relation),
    Date(Relation),
}

impl Operator {
    /// Parses a name. Returns whether the test is negated, too.
    fn parse(name: &str) -> Option<(Self, bool)> {
        Some(match name {
            "StringEquals" => (Self::Text { wildcards: false }, false),
            "StringNotEquals" => (Self::Text { wildcards: false }, true),
            "StringEqualsIgnoreCase" => (Self::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Self::TextIgnoringCase, true),
            "StringLike" => (Self::Text { wildcards: true }, false),
            "StringNotLike" => (Self::Text { wildcards: true }, true),
            "ArnLike" | "ArnEquals" => (Self::Arn, false),
            "ArnNotLike" | "ArnNotEquals" => (Self::Arn, true),
            "IpAddress" => (Self::Address, false),
            "NotIpAddress" => (Self::Address, true),
            "Bool" => (Self::Bool, false),
            "Null" => (Self::Null, false),
            _ => {
                if let Some(name) = name.strip_prefix("Numeric") {
                    let (relation, inverted) = Relation::parse(name)?;
                    (Self::Number(relation), inverted)
                } else {
                    let (relation, inverted) = Relation::parse(name.strip_prefix("Date")?)?;
                    (Self::Date(relation), inverted)
                }
            }
        })
    }

    /// Whether it can compare values of a type.
    fn supports(self, kind: KeyType) -> bool {
        match self {
            Self::Text { .. } | Self::TextIgnoringCase => {
                matches!(kind, KeyType::Text | KeyType::Texts | KeyType::Arn)
            }
            Self::Arn => kind == KeyType::Arn,
            Self::Address => kind == KeyType::Address,
            Self::Bool => kind == KeyType::Bool,
            Self::Null => true,
            Self::Number(_) => matches!(kind, KeyType::Number | KeyType::Epoch),
            Self::Date(_) => matches!(kind, KeyType::Date | KeyType::Epoch),
        }
    }
}

impl Condition {
    /// Parses one key of one operator. `variables`: whether the policy's version supports variables.
    ///
    /// # Errors
    /// A message that describes the problem.
    pub(super) fn parse(operator: &str, name: &str, values: &Value, variables: bool) -> Result<Self, String> {
        let (quantifier, stem) = match operator.split_once(':') {
            Some(("ForAnyValue", stem)) => (Quantifier::Any, stem),
            Some(("ForAllValues", stem)) => (Quantifier::All, stem),
            Some(_) => return Err("unknown operator".to_owned()),
            None => (Quantifier::Single, operator),
        };
        let (stem, if_exists) = match stem.strip_suffix("IfExists") {
            Some(stem) => (stem, true),
            None => (stem, false),
        };
        let (operator, inverted) = match Operator::parse(stem) {
            Some((Operator::Null, _)) if if_exists || quantifier != Quantifier::Single => None,
            parsed => parsed,
        }
        .ok_or("unknown operator")?;
        let key = Key::parse(name).ok_or("unknown condition key")?;
        if !operator.supports(key.spec.kind) {
            return Err("the operator does not support the type of the key".to_owned());
        }
        let is_null = matches!(operator, Operator::Null);
        if key.spec.kind == KeyType::Texts && quantifier == Quantifier::Single && !is_null {
            return Err(
                "the key has several values, so the operator needs ForAnyValue: or ForAllValues:".to_owned()
            );
        }
        let values = scalars(values)?;
        if values.is_empty() {
            return Err("there is no value".to_owned());
        }
        let patterns = |wildcards| patterns(&key, &values, Syntax { wildcards, variables });
        let test = match operator {
            Operator::Text { wildcards } => Test::Text(patterns(wildcards)?),
            Operator::TextIgnoringCase => Test::TextIgnoringCase(patterns(false)?),
            Operator::Arn => {
                let patterns = patterns(true)?;
                if let Some((_, text)) =
                    patterns.iter().zip(&values).find(|(pattern, _)| !pattern.could_be_arn())
                {
                    return Err(format!("'{text}' is not an ARN"));
                }
                Test::Arn(patterns)
            }
            Operator::Address => Test::Address(parse_all(&values, "not a network of IP addresses", network)?),
            Operator::Bool => Test::Bool(parse_all(&values, "neither true nor false", parse_bool)?),
            Operator::Null => Test::Null(parse_all(&values, "neither true nor false", parse_bool)?),
            Operator::Number(relation) => Test::Number(relation, parse_all(&values, "not a number", number)?),
            Operator::Date(relation) => Test::Date(relation, parse_all(&values, "not a date", date)?),
        };
        Ok(Self { key, quantifier, if_exists, inverted, test })
    }

    pub(super) fn holds(&self, question: &Question<'_>) -> bool {
        let values = question.values(&self.key);
        if let Test::Null(expected) = &self.test {
            return expected.contains(&values.is_empty());
        }
        let matches = |value: &String| self.test.matches(value, question) != self.inverted;
        if values.is_empty() {
            return match self.quantifier {
                Quantifier::Single => self.if_exists || self.inverted,
                Quantifier::Any => self.if_exists,
                Quantifier::All => true,
            };
        }
        match self.quantifier {
            // An object may have several tags whose names differ only in case.
            Quantifier::Single if self.inverted => values.iter().all(matches),
            Quantifier::Single | Quantifier::Any => values.iter().any(matches),
            Quantifier::All => values.iter().all(matches),
        }
    }

    /// Whether it restricts the clients to fixed networks or fixed users, so that the policy is not public.
    pub(super) fn restricts_clients(&self) -> bool {
        const FIXED: [&str; 3] = ["aws:userid", "aws:username", "aws:principalarn"];
        if self.inverted || self.if_exists || self.quantifier == Quantifier::All {
            return false;
        }
        match &self.test {
            // A large part of the Internet still counts as public.
            Test::Address(networks) => {
                networks.iter().all(|(address, bits)| *bits >= if address.is_ipv4() { 8 } else { 32 })
            }
            Test::Text(patterns) | Test::TextIgnoringCase(patterns) | Test::Arn(patterns) => {
                FIXED.contains(&self.key.spec.name) && patterns.iter().all(Pattern::is_fixed)
            }
            _ => false,
        }
    }

    /// Whether it restricts the values of a tag of an upload.
    pub(super) fn admits_tag(&self, name: &str) -> bool {
        let positive = !self.inverted && !self.if_exists && self.quantifier != Quantifier::All;
        positive
            && matches!(self.test, Test::Text(_) | Test::TextIgnoringCase(_))
            && self.key.spec.name == "s3:requestobjecttag/"
            && self.key.tag.as_ref().is_some_and(|tag| tag.eq_ignore_ascii_case(name))
    }

    /// The keys that it uses: its own, and those of its variables.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).chain(self.patterns().iter().flat_map(Pattern::keys))
    }

    /// The keys that it requires: its own, and those of variables without a default.
    pub(super) fn required_keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.key).chain(self.patterns().iter().flat_map(Pattern::required_keys))
    }

    fn patterns(&self) -> &[Pattern] {
        match &self.test {
            Test::Text(patterns) | Test::TextIgnoringCase(patterns) | Test::Arn(patterns) => patterns,
            _ => &[],
        }
    }
}

impl Test {
    fn matches(&self, value: &str, question: &Question<'_>) -> bool {
        match self {
            Self::Text(patterns) => patterns.iter().any(|pattern| pattern.matches(value, question)),
            Self::TextIgnoringCase(patterns) => {
                patterns.iter().any(|pattern| pattern.matches_ignoring_case(value, question))
            }
            Self::Arn(patterns) => patterns.iter().any(|pattern| pattern.matches_arn(value, question)),
            Self::Address(networks) => {
                let address = value.parse().ok();
                address.is_some_and(|address| networks.iter().any(|network| contains(*network, address)))
            }
            Self::Bool(expected) => parse_bool(value).is_some_and(|value| expected.contains(&value)),
            Self::Null(_) => false,
            Self::Number(relation, expected) => number(value).is_some_and(|value| {
                expected.iter().any(|expected| relation.holds(value.partial_cmp(expected)))
            }),
            Self::Date(relation, expected) => date(value).is_some_and(|value| {
                expected.iter().any(|expected| relation.holds(Some(value.cmp(expected))))
            }),
        }
    }
}

/// One value or a list of values, as strings. Numbers and booleans are equivalent to their text.
fn scalars(value: &Value) -> Result<Vec<String>, String> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        other => Err(format!("{other} is not a string, number or boolean")),
    };
    match value {
        Value::Array(values) => values.iter().map(scalar).collect(),
        value => scalar(value).map(|text| vec![text]),
    }
}

fn patterns(key: &Key, values: &[String], syntax: Syntax) -> Result<Vec<Pattern>, String> {
    let read = |value: &String| {
        // The source of a copy may begin with a slash.
        let value = match key.spec.name {
            "s3:x-amz-copy-source" => value.strip_prefix('/').unwrap_or(value),
            _ => value,
        };
        Pattern::parse(value, syntax)
    };
    values.iter().map(read).collect()
}

fn parse_all<T>(
    values: &[String],
    problem: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    values.iter().map(|value| read(value).ok_or_else(|| format!("'{value}' is {problem}"))).collect()
}

fn parse_bool(text: &str) -> Option<bool> {
    [true, false].into_iter().find(|value| text.eq_ignore_ascii_case(&value.to_string()))
}
