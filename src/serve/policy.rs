//! Bucket policies: parsing, and the answer to "may this be done?".
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>
//!
//! What a statement says that is not understood here (an unknown condition operator, ...) makes the
//! document unacceptable when it is put: a policy that is stored is enforced in full.

use super::conditions::Condition;
use super::error::{S3Error, S3Result};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::net::IpAddr;

/// A policy document.
#[derive(Debug, PartialEq)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, PartialEq)]
struct Statement {
    allow: bool,
    principals: Principals,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq)]
enum Principals {
    Everybody,
    /// Canonical ids, user names or ARNs.
    These(Vec<String>),
    /// Everybody else, strangers too.
    AllBut(Vec<String>),
}

#[derive(Debug, PartialEq)]
struct Patterns {
    inverted: bool,
    patterns: Vec<String>,
}

/// What is asked of a policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Canonical id and display name; `None` for an anonymous requester.
    pub(crate) who: Option<(&'a str, &'a str)>,
    /// `s3:GetObject`, ...
    pub(crate) action: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) source: IpAddr,
    pub(crate) secure: bool,
    pub(crate) now: DateTime<Utc>,
    /// Further condition keys (lower case) with their values: `s3:prefix`, `s3:x-amz-acl`, ...
    pub(crate) values: &'a [(String, String)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    Deny,
    /// Nothing applies.
    Silent,
}

pub(super) fn malformed(message: impl Into<String>) -> S3Error {
    S3Error::new("MalformedPolicy", message)
}

impl Policy {
    /// Reads a document.
    pub(crate) fn parse(text: &str) -> S3Result<Self> {
        let root: Value = serde_json::from_str(text).map_err(|_| malformed("Policies must be valid JSON"))?;
        let root = root.as_object().ok_or_else(|| malformed("Policies must be JSON objects"))?;
        for name in root.keys() {
            if !["Version", "Id", "Statement"].contains(&name.as_str()) {
                return Err(malformed(format!("Unknown field {name}")));
            }
        }
        if let Some(version) = root.get("Version")
            && !matches!(version.as_str(), Some("2012-10-17" | "2008-10-17"))
        {
            return Err(malformed("The policy must contain a valid version string"));
        }
        let statements = match root.get("Statement") {
            Some(Value::Array(statements)) => {
                statements.iter().map(Statement::parse).collect::<S3Result<_>>()?
            }
            Some(statement @ Value::Object(_)) => vec![Statement::parse(statement)?],
            _ => return Err(malformed("Missing required field Statement")),
        };
        let policy = Self { statements };
        if policy.statements.is_empty() {
            return Err(malformed("Could not parse the policy: Statement is empty!"));
        }
        Ok(policy)
    }

    /// Refuses a policy whose resources are not of this bucket.
    pub(crate) fn check_resources(&self, bucket: &str) -> S3Result<()> {
        for statement in &self.statements {
            for pattern in &statement.resources.patterns {
                let of =
                    pattern.strip_prefix("arn:aws:s3:::").or_else(|| pattern.strip_prefix("arn:aws:s3::*:"));
                let of = match of {
                    Some(of) => of,
                    None if pattern == "*" => continue,
                    // Ceph puts the tenant where AWS has nothing.
                    None => pattern.rsplit(':').next().unwrap_or(""),
                };
                let named = of.split('/').next().unwrap_or("");
                if !like(named.as_bytes(), bucket.as_bytes()) {
                    return Err(malformed("Policy has invalid resource"));
                }
            }
        }
        Ok(())
    }

    /// Whether it allows anything to everybody; not where a condition says from where or by whom.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
    pub(crate) fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            statement.allow
                && statement.principals == Principals::Everybody
                && !statement.conditions.iter().any(Condition::narrows)
        })
    }

    /// Deny wins over Allow.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Verdict {
        let mut verdict = Verdict::Silent;
        for statement in self.statements.iter().filter(|statement| statement.applies(question)) {
            if !statement.allow {
                return Verdict::Deny;
            }
            verdict = Verdict::Allow;
        }
        verdict
    }
}

impl Statement {
    fn parse(value: &Value) -> S3Result<Self> {
        let statement = value.as_object().ok_or_else(|| malformed("A statement must be an object"))?;
        const KNOWN: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        if let Some(name) = statement.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(malformed(format!("Field {name} is not understood")));
        }
        let allow = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(malformed("Invalid effect")),
        };
        let principals = match (statement.get("Principal"), statement.get("NotPrincipal")) {
            (Some(principal), None) => Principals::parse(principal)?,
            (None, Some(principal)) => match Principals::parse(principal)? {
                // With Allow it would let in everybody else, strangers too: not supported, as AWS documents.
                Principals::These(these) if !allow => Principals::AllBut(these),
                _ => return Err(malformed("NotPrincipal needs names, and the effect Deny")),
            },
            _ => return Err(malformed("Missing required field Principal")),
        };
        let patterns = |plain: &str, not: &str| -> S3Result<Patterns> {
            let (value, inverted) = match (statement.get(plain), statement.get(not)) {
                (Some(value), None) => (value, false),
                (None, Some(value)) => (value, true),
                _ => return Err(malformed(format!("Missing required field {plain}"))),
            };
            let patterns = strings(value)
                .filter(|patterns| !patterns.is_empty())
                .ok_or_else(|| malformed(format!("Policy has invalid {}", plain.to_lowercase())))?;
            Ok(Patterns { inverted, patterns })
        };
        let mut actions = patterns("Action", "NotAction")?;
        for action in &mut actions.patterns {
            action.make_ascii_lowercase();
            if action != "*" && !action.starts_with("s3:") {
                return Err(malformed("Policy has invalid action"));
            }
        }
        let resources = patterns("Resource", "NotResource")?;
        let mut conditions = Vec::new();
        match statement.get("Condition") {
            None => {}
            Some(Value::Object(operators)) => {
                for (operator, tests) in operators {
                    let tests = tests.as_object().ok_or_else(|| malformed("Invalid Condition"))?;
                    for (key, values) in tests {
                        conditions.push(Condition::parse(operator, key, values)?);
                    }
                }
            }
            Some(_) => return Err(malformed("Invalid Condition")),
        }
        Ok(Self { allow, principals, actions, resources, conditions })
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        self.principals.include(question.who.map(|(id, _)| id))
            && self.actions.include(&question.action.to_ascii_lowercase())
            && self.resources.include_resource(question.bucket, question.key)
            && self.conditions.iter().all(|condition| condition.holds(question))
    }
}

pub(super) fn strings(value: &Value) -> Option<Vec<String>> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().map(scalar).collect(),
        value => scalar(value).map(|text| vec![text]),
    }
}

impl Principals {
    fn parse(value: &Value) -> S3Result<Self> {
        let invalid = || malformed("Invalid principal in policy");
        match value {
            Value::String(all) if all == "*" => Ok(Self::Everybody),
            Value::Object(kinds) => {
                let (mut these, mut services) = (Vec::new(), false);
                for (kind, names) in kinds {
                    if kind == "Service" && strings(names).is_some_and(|names| !names.is_empty()) {
                        // No service of Amazon's comes here: the statement is kept and fits nobody.
                        services = true;
                        continue;
                    }
                    if !["AWS", "CanonicalUser"].contains(&kind.as_str()) {
                        return Err(invalid());
                    }
                    these.extend(strings(names).ok_or_else(invalid)?);
                }
                if these.is_empty() && !services {
                    return Err(invalid());
                }
                Ok(if these.iter().any(|name| name == "*") { Self::Everybody } else { Self::These(these) })
            }
            _ => Err(malformed("Missing required field Principal")),
        }
    }

    /// Accepts the id itself, `arn:aws:iam::ANY:user/ID` and `arn:aws:iam::ID:root`. Display names do not count:
    /// two users may have the same.
    fn include(&self, who: Option<&str>) -> bool {
        let (names, inverted) = match self {
            Self::Everybody => return true,
            Self::These(names) => (names, false),
            Self::AllBut(names) => (names, true),
        };
        let Some(id) = who else { return inverted };
        let named = names.iter().any(|name| {
            let arn = name.strip_prefix("arn:aws:iam::").and_then(|arn| arn.split_once(':'));
            match arn {
                None => name == id,
                Some((account, resource)) => match resource.split_once('/') {
                    None => resource == "root" && account == id,
                    Some((kind, user)) => kind == "user" && (user == id || user == "*" && account == id),
                },
            }
        });
        named != inverted
    }
}

impl Patterns {
    fn include(&self, text: &str) -> bool {
        self.inverted != self.patterns.iter().any(|pattern| like(pattern.as_bytes(), text.as_bytes()))
    }

    fn include_resource(&self, bucket: &str, key: Option<&str>) -> bool {
        let resource = match key {
            Some(key) => format!("arn:aws:s3:::{bucket}/{key}"),
            None => format!("arn:aws:s3:::{bucket}"),
        };
        let fits = |pattern: &String| {
            // Ceph's form with a tenant between the colons is read as the one without.
            match pattern.strip_prefix("arn:aws:s3::").and_then(|rest| rest.split_once(':')) {
                Some((tenant, rest)) if !tenant.is_empty() => {
                    like(format!("arn:aws:s3:::{rest}").as_bytes(), resource.as_bytes())
                }
                _ => like(pattern.as_bytes(), resource.as_bytes()),
            }
        };
        self.inverted != self.patterns.iter().any(fits)
    }
}

/// Wildcards: `*` any text, `?` one character. Linear in the text for each `*`, never exponential.
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

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
