//! The conditions of policy statements.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use super::error::S3Result;
use super::policy::{Question, like, malformed, strings};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use std::cmp::Ordering;
use std::net::IpAddr;

#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    test: Test,
    /// Holds also where the request does not have the key.
    if_exists: bool,
    inverted: bool,
    /// Lower case.
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Address,
    Bool,
    Null,
    Number(Relation),
    Date(Relation),
}

/// How the request's value stands to that of the policy.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Relation {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Relation {
    /// The end of an operator's name, after `Numeric` or `Date`; with it, whether the test is turned round.
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

impl Condition {
    pub(super) fn parse(operator: &str, key: &str, values: &Value) -> S3Result<Self> {
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator, false),
        };
        let (test, inverted) = match name {
            "StringEquals" => (Test::Equals, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "ArnLike" | "ArnEquals" => (Test::Arn, false),
            "ArnNotLike" | "ArnNotEquals" => (Test::Arn, true),
            "IpAddress" => (Test::Address, false),
            "NotIpAddress" => (Test::Address, true),
            "Bool" => (Test::Bool, false),
            "Null" if !if_exists => (Test::Null, false),
            _ => {
                let number = name.strip_prefix("Numeric").and_then(Relation::parse);
                let date = name.strip_prefix("Date").and_then(Relation::parse);
                match (number, date) {
                    (Some((relation, inverted)), _) => (Test::Number(relation), inverted),
                    (_, Some((relation, inverted))) => (Test::Date(relation), inverted),
                    _ => return Err(malformed(format!("Condition operator {operator} is not understood"))),
                }
            }
        };
        let values = strings(values)
            .filter(|values| !values.is_empty())
            .ok_or_else(|| malformed("Invalid Condition value"))?;
        let is_bad = match test {
            Test::Number(_) => values.iter().any(|value| number(value).is_none()),
            Test::Date(_) => values.iter().any(|value| date(value).is_none()),
            Test::Bool | Test::Null => {
                values.iter().any(|value| !["true", "false"].contains(&value.to_ascii_lowercase().as_str()))
            }
            _ => false,
        };
        if is_bad {
            return Err(malformed("Invalid Condition value"));
        }
        if test == Test::Address && values.iter().any(|value| network(value).is_none()) {
            return Err(malformed("Invalid IP address in Conditions"));
        }
        Ok(Self { test, if_exists, inverted, key: key.to_ascii_lowercase(), values })
    }

    pub(super) fn holds(&self, question: &Question<'_>) -> bool {
        let value = match self.key.as_str() {
            "aws:sourceip" => Some(question.source.to_string()),
            "aws:securetransport" => Some(question.secure.to_string()),
            "aws:userid" | "aws:principalid" => question.who.map(|(id, _)| id.to_owned()),
            "aws:principalarn" => question.who.map(|(id, _)| format!("arn:aws:iam:::user/{id}")),
            "aws:currenttime" => Some(question.now.to_rfc3339()),
            "aws:epochtime" => Some(question.now.timestamp().to_string()),
            "aws:username" => question.who.map(|(_, name)| name.to_owned()),
            key => question.values.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()),
        };
        if self.test == Test::Null {
            let absent = value.is_none().to_string();
            return self.values.iter().any(|wanted| wanted.eq_ignore_ascii_case(&absent));
        }
        let Some(value) = value else { return self.if_exists || self.inverted };
        let fits = self.values.iter().any(|wanted| match self.test {
            Test::Equals => *wanted == value,
            Test::EqualsIgnoreCase | Test::Bool => wanted.eq_ignore_ascii_case(&value),
            Test::Like => like(wanted.as_bytes(), value.as_bytes()),
            Test::Address => match (network(wanted), value.parse().ok()) {
                (Some(network), Some(address)) => contains(network, address),
                _ => false,
            },
            Test::Arn => like_arn(wanted, &value),
            Test::Number(relation) => match (number(&value), number(wanted)) {
                (Some(value), Some(wanted)) => relation.holds(value.partial_cmp(&wanted)),
                _ => false,
            },
            Test::Date(relation) => match (date(&value), date(wanted)) {
                (Some(value), Some(wanted)) => relation.holds(Some(value.cmp(&wanted))),
                _ => false,
            },
            Test::Null => false,
        });
        fits != self.inverted
    }
}

impl Condition {
    /// Whether what it lets through is no longer everybody: fixed networks or fixed people.
    pub(super) fn narrows(&self) -> bool {
        const FIXED: [&str; 4] = ["aws:userid", "aws:username", "aws:principalarn", "aws:sourcearn"];
        if self.inverted || self.if_exists {
            return false;
        }
        match self.test {
            // A large part of the Internet is the public still.
            Test::Address => self.values.iter().all(|value| {
                network(value).is_some_and(|(address, bits)| bits >= if address.is_ipv4() { 8 } else { 32 })
            }),
            Test::Equals | Test::EqualsIgnoreCase | Test::Like | Test::Arn => {
                FIXED.contains(&self.key.as_str())
                    && !self.values.iter().any(|value| value.contains(['*', '?']))
            }
            _ => false,
        }
    }
}

/// A decimal number.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// A time of ISO 8601 (a day is its first moment, in UTC), or seconds since 1970.
fn date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return DateTime::from_timestamp(seconds, 0);
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    // Minutes are enough for ISO 8601, not for RFC 3339.
    let minutes = text.strip_suffix('Z').map(|stem| format!("{stem}:00Z"));
    let full = DateTime::parse_from_rfc3339(text).ok();
    full.or_else(|| DateTime::parse_from_rfc3339(&minutes?).ok()).map(|time| time.to_utc())
}

/// The six parts of an ARN are compared each by itself: a wildcard does not reach over a colon, except in the last.
fn like_arn(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), text.splitn(6, ':').collect());
    pattern.len() == text.len()
        && pattern.iter().zip(&text).all(|(pattern, text)| like(pattern.as_bytes(), text.as_bytes()))
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok())?;
    (bits <= width).then_some((address, bits))
}

fn contains((network, bits): (IpAddr, u32), address: IpAddr) -> bool {
    // An IPv4 client of a socket that serves both shows as a mapped address.
    match (network, address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (network.to_bits() ^ address.to_bits()) & mask == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (network.to_bits() ^ address.to_bits()) & mask == 0
        }
        _ => false,
    }
}
