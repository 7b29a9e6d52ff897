//! Bucket policies: parsing and evaluation.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>
//!
//! A policy with an element that the server does not know, or that could never take effect (an unknown condition key,
//! an action that does not exist, ...), is rejected when it is put. Every stored policy is enforced in full.

mod action;
mod condition;
mod key;
mod pattern;
mod principal;
mod question;
mod values;

#[cfg(test)]
mod tests;

use super::error::{ErrorCode, S3Error, S3Result};
pub(crate) use action::for_version;
use condition::Condition;
pub(crate) use key::Key;
pub(crate) use pattern::like;
use pattern::{Pattern, Syntax};
use principal::Principals;
pub(crate) use question::Question;
use s3cmd_client::model::documents::policy::{ELEMENTS, STATEMENT_ELEMENTS, VERSIONS, unambiguous};
use values::texts;

use serde_json::{Map, Value};

/// The prefix of the ARNs of buckets and objects.
const ARN: &str = "arn:aws:s3:::";

/// A policy document.
#[derive(Debug, PartialEq)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, PartialEq)]
struct Statement {
    /// For error messages.
    name: String,
    allow: bool,
    principals: Principals,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq)]
struct Patterns {
    /// The element that contains them.
    element: &'static str,
    inverted: bool,
    patterns: Vec<Pattern>,
    texts: Vec<String>,
}

/// The result of evaluating a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    Deny,
    /// No statement applies.
    NoMatch,
}

fn malformed(message: impl Into<String>) -> S3Error {
    S3Error::new(ErrorCode::MalformedPolicy, message)
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// `MalformedPolicy`, with a message that names the element that is not valid.
    pub(crate) fn parse(text: &str) -> S3Result<Self> {
        let root = unambiguous(text)
            .map_err(|problem| malformed(format!("Policies must be valid JSON: {problem}")))?;
        let root = root.as_object().ok_or_else(|| malformed("Policies must be JSON objects"))?;
        if let Some(name) = root.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
            return Err(malformed(format!("Unknown field {name}")));
        }
        let version = match root.get("Version") {
            None => VERSIONS[0],
            Some(Value::String(version)) if VERSIONS.contains(&version.as_str()) => version,
            Some(other) => {
                return Err(malformed(format!(
                    "The policy must contain a valid version string, not {other}"
                )));
            }
        };
        if root.get("Id").is_some_and(|id| !id.is_string()) {
            return Err(malformed("Policy has invalid Id: it must be a string"));
        }
        let variables = version != VERSIONS[0];
        let statements = match root.get("Statement") {
            Some(Value::Array(statements)) => &statements[..],
            Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
            _ => return Err(malformed("Missing required field Statement")),
        };
        if statements.is_empty() {
            return Err(malformed("Could not parse the policy: Statement is empty!"));
        }
        let parse = |(index, statement): (usize, &Value)| {
            let name = match statement.get("Sid").and_then(Value::as_str) {
                Some(id) if !id.is_empty() => format!("statement '{id}'"),
                _ => format!("statement {}", index + 1),
            };
            Statement::parse(name.clone(), statement, variables)
                .map_err(|problem| malformed(format!("{problem} ({name})")))
        };
        Ok(Self { statements: statements.iter().enumerate().map(parse).collect::<S3Result<_>>()? })
    }

    /// Checks that all resources belong to this bucket.
    ///
    /// # Errors
    /// `MalformedPolicy`, with a message that names the resource.
    pub(crate) fn check_resources(&self, bucket: &str) -> S3Result<()> {
        let start = format!("{ARN}{bucket}");
        for statement in &self.statements {
            let Patterns { element, patterns, texts, .. } = &statement.resources;
            if let Some((_, text)) =
                patterns.iter().zip(texts).find(|(pattern, _)| !pattern.could_match_in(&start))
            {
                return Err(malformed(format!(
                    "Policy has invalid resource: {element} {text} is not in the bucket {bucket} ({})",
                    statement.name
                )));
            }
        }
        Ok(())
    }

    /// Whether it allows anything to everyone. A condition that restricts the networks or users makes it non-public.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
    pub(crate) fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            statement.allow
                && statement.principals == Principals::Everyone
                && !statement.conditions.iter().any(Condition::restricts_clients)
        })
    }

    /// Evaluates the policy. Deny takes precedence over Allow.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Decision {
        let mut decision = Decision::NoMatch;
        for statement in self.statements.iter().filter(|statement| statement.applies(question)) {
            if !statement.allow {
                return Decision::Deny;
            }
            decision = Decision::Allow;
        }
        decision
    }

    /// Whether a statement that allows the request restricts the value of each of these tags of an upload.
    pub(crate) fn admits_tags(&self, question: &Question<'_>, names: &[&str]) -> bool {
        self.statements.iter().any(|statement| {
            let admits =
                |name: &&str| statement.conditions.iter().any(|condition| condition.admits_tag(name));
            statement.allow && statement.applies(question) && names.iter().all(admits)
        })
    }
}

impl Statement {
    fn parse(name: String, value: &Value, variables: bool) -> Result<Self, String> {
        let statement = value.as_object().ok_or("A statement must be an object")?;
        if let Some(name) = statement.keys().find(|name| !STATEMENT_ELEMENTS.contains(&name.as_str())) {
            return Err(format!("Unknown field {name}"));
        }
        if statement.get("Sid").is_some_and(|id| !id.is_string()) {
            return Err("Policy has invalid Sid: it must be a string".to_owned());
        }
        let allow = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("Invalid effect: Effect must be Allow or Deny".to_owned()),
        };
        let (element, inverted, principals) = one_of(statement, "Principal", "NotPrincipal")?;
        let principals = Principals::parse(principals)
            .map_err(|problem| format!("Invalid principal in policy: {element}: {problem}"))?;
        let principals = match (inverted, principals) {
            (false, principals) => principals,
            // With Allow it would also allow anonymous clients. AWS documents that as not supported.
            (true, Principals::Listed(names)) if !allow => Principals::AllExcept(names),
            (true, _) => return Err("NotPrincipal requires names, and the effect Deny".to_owned()),
        };
        let actions = Patterns::parse(one_of(statement, "Action", "NotAction")?, "action", action)?;
        let syntax = Syntax { wildcards: true, variables };
        let resources = Patterns::parse(one_of(statement, "Resource", "NotResource")?, "resource", |text| {
            resource(text, syntax)
        })?;
        let mut parsed = Self { name, allow, principals, actions, resources, conditions: Vec::new() };
        match statement.get("Condition") {
            None => {}
            Some(Value::Object(operators)) => {
                for (operator, tests) in operators {
                    let tests = tests.as_object().filter(|tests| !tests.is_empty()).ok_or_else(|| {
                        format!("Invalid Condition: {operator} needs an object of condition keys")
                    })?;
                    for (key, values) in tests {
                        let condition = Condition::parse(operator, key, values, variables)
                            .map_err(|problem| format!("Invalid Condition: {operator} {key}: {problem}"))?;
                        parsed.conditions.push(condition);
                    }
                }
            }
            Some(_) => return Err("Invalid Condition: it must be an object of operators".to_owned()),
        }
        parsed.check_keys()?;
        Ok(parsed)
    }

    /// Rejects condition keys that no request for these actions has: a Deny with one would never apply.
    fn check_keys(&self) -> Result<(), String> {
        let of_patterns = self.resources.patterns.iter().flat_map(Pattern::required_keys);
        let keys: Vec<&Key> =
            of_patterns.chain(self.conditions.iter().flat_map(Condition::required_keys)).collect();
        for key in keys {
            let belongs = match self.principals {
                Principals::Services => true,
                // An empty action name matches the keys that every request has.
                _ => {
                    key.belongs_to("")
                        || action::all().any(|action| key.belongs_to(&action) && self.includes(&action))
                }
            };
            if !belongs {
                return Err(format!(
                    "Conditions do not apply to combination of actions and resources in statement: no request for its \
                     {} has the key {}",
                    self.actions.element, key.spec.name
                ));
            }
        }
        Ok(())
    }

    fn includes(&self, action: &str) -> bool {
        let no_request = Question {
            who: None,
            action,
            bucket: "",
            key: None,
            values: &|_| Vec::new(),
            is_pending: &|_| false,
        };
        self.actions.include(&action.to_ascii_lowercase(), &no_request)
    }

    fn applies(&self, question: &Question<'_>) -> bool {
        self.principals.include(question.who)
            && self.actions.include(&question.action.to_ascii_lowercase(), question)
            && {
                let key = question.key.map(|key| format!("/{key}")).unwrap_or_default();
                let resource = format!("{ARN}{}{key}", question.bucket);
                let keys = self.resources.patterns.iter().flat_map(Pattern::keys);
                self.holds(keys, question, || self.resources.include(&resource, question))
            }
            && self
                .conditions
                .iter()
                .all(|condition| self.holds(condition.keys(), question, || condition.holds(question)))
    }

    /// The result of a test that uses these keys. While one of their values is pending, the result is the one that
    /// allows the request: true in an Allow statement, false in a Deny statement.
    fn holds<'a>(
        &self,
        mut keys: impl Iterator<Item = &'a Key>,
        question: &Question<'_>,
        test: impl FnOnce() -> bool,
    ) -> bool {
        if keys.any(|key| key.belongs_to(question.action) && (question.is_pending)(key)) {
            self.allow
        } else {
            test()
        }
    }
}

impl Patterns {
    fn parse(
        (element, inverted, value): (&'static str, bool, &Value),
        what: &str,
        read: impl Fn(&str) -> Result<Pattern, String>,
    ) -> Result<Self, String> {
        let invalid = |problem| format!("Policy has invalid {what}: {element}: {problem}");
        let texts = texts(value).map_err(invalid)?;
        let patterns = texts.iter().map(|text| read(text)).collect::<Result<_, _>>().map_err(invalid)?;
        Ok(Self { element, inverted, patterns, texts: texts.into_iter().map(str::to_owned).collect() })
    }

    fn include(&self, text: &str, question: &Question<'_>) -> bool {
        self.inverted != self.patterns.iter().any(|pattern| pattern.matches(text, question))
    }
}

/// Finds an element or its negation, exactly one of which has to be present. Returns its name, whether it is the
/// negation, and its value.
fn one_of<'a>(
    statement: &'a Map<String, Value>,
    plain: &'static str,
    not: &'static str,
) -> Result<(&'static str, bool, &'a Value), String> {
    match (statement.get(plain), statement.get(not)) {
        (Some(value), None) => Ok((plain, false, value)),
        (None, Some(value)) => Ok((not, true, value)),
        (None, None) => Err(format!("Missing required field {plain}")),
        (Some(_), Some(_)) => Err(format!("{plain} and {not} exclude each other")),
    }
}

/// Reads an action pattern. It has to match at least one existing action.
fn action(text: &str) -> Result<Pattern, String> {
    let lower = text.to_ascii_lowercase();
    let pattern = Pattern::parse(&lower, Syntax { wildcards: true, variables: false })?;
    let matches = |name: String| {
        let no_request = Question {
            who: None,
            action: "",
            bucket: "",
            key: None,
            values: &|_| Vec::new(),
            is_pending: &|_| false,
        };
        pattern.matches(&name.to_ascii_lowercase(), &no_request)
    };
    if action::all().any(matches) {
        return Ok(pattern);
    }
    Err(format!("{text} is not an action that a bucket policy can allow or deny"))
}

/// Reads a resource: the ARN of a bucket or of objects.
fn resource(text: &str, syntax: Syntax) -> Result<Pattern, String> {
    // In Ceph's ARNs the tenant stands in the field that AWS leaves empty.
    let rest = text.strip_prefix("arn:aws:s3::").and_then(|rest| rest.split_once(':'));
    match rest {
        Some((_, rest)) => Pattern::parse(&format!("{ARN}{rest}"), syntax),
        None => Pattern::parse(text, syntax),
    }
}
