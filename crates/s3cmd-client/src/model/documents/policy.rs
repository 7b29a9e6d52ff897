//! Bucket policies. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html>
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::model::documents::policy::unambiguous;
//!
//! assert!(unambiguous(r#"{"Version": "2012-10-17"}"#).is_ok());
//! // Readers disagree about which of the two counts.
//! assert!(unambiguous(r#"{"Effect": "Allow", "Effect": "Deny"}"#).is_err());
//! ```

use super::rule::Rule;
use regex::Regex;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;

/// The versions of the policy language; the first one is the default.
pub const VERSIONS: [&str; 2] = ["2008-10-17", "2012-10-17"];

/// The elements of a policy.
pub const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];

/// The elements of a statement.
pub const STATEMENT_ELEMENTS: [&str; 9] = [
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

/// A parsed policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policy(Map<String, Value>);

impl Policy {
    /// Parses a policy. The error describes the problem.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value = unambiguous(text.trim_start_matches('\u{feff}'))
            .map_err(|error| format!("it is not JSON: {error}"))?;
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err("it is not a JSON object".to_owned()),
        }
    }

    fn statements(&self) -> Vec<&Value> {
        match self.0.get("Statement") {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }

    /// Checks that this is a valid policy for the bucket.
    pub(super) fn check(&self, bucket: &str) -> Result<(), String> {
        if let Some(name) = self.0.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
            return Err(format!("unknown element '{name}'"));
        }
        match self.0.get("Version") {
            None => {}
            Some(Value::String(version)) if VERSIONS.contains(&version.as_str()) => {}
            Some(other) => return Err(format!("'Version' must be {}, not {other}", VERSIONS.join(" or "))),
        }
        if self.0.get("Id").is_some_and(|id| !id.is_string()) {
            return Err("'Id' must be a string".to_owned());
        }
        let statements = self.statements();
        if statements.is_empty() {
            return Err("it has no 'Statement'".to_owned());
        }
        for (position, statement) in statements.into_iter().enumerate() {
            let label = match statement.get("Sid").and_then(Value::as_str) {
                Some(id) if !id.is_empty() => format!("statement '{id}'"),
                _ => format!("statement {}", position + 1),
            };
            check_statement(statement, bucket).map_err(|problem| format!("{label}: {problem}"))?;
        }
        Ok(())
    }

    /// The statements as facts. A property of the whole policy is a fact of each statement.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let version = self.0.get("Version").and_then(Value::as_str).unwrap_or(VERSIONS[0]);
        let statements = self.statements().into_iter();
        statements
            .map(|statement| {
                let mut facts = statement_facts(statement);
                facts.push(format!("Version {version}"));
                Rule::new(
                    "statement",
                    statement.get("Sid").and_then(Value::as_str).unwrap_or_default(),
                    facts,
                )
            })
            .collect()
    }
}

fn check_statement(statement: &Value, bucket: &str) -> Result<(), String> {
    let Value::Object(statement) = statement else { return Err("it is not a JSON object".to_owned()) };
    // `Version` is documented for resource policies of other services, and S3 accepts it without effect.
    let is_known = |name: &str| STATEMENT_ELEMENTS.contains(&name) || name == "Version";
    if let Some(name) = statement.keys().find(|name| !is_known(name)) {
        return Err(format!("unknown element '{name}'"));
    }
    if statement.get("Sid").is_some_and(|id| !id.is_string()) {
        return Err("'Sid' must be a string".to_owned());
    }
    match statement.get("Effect") {
        None => return Err("it has no 'Effect'".to_owned()),
        Some(Value::String(effect)) if effect == "Allow" || effect == "Deny" => {}
        Some(other) => return Err(format!("'Effect' must be Allow or Deny, not {other}")),
    }
    let one_of =
        |name: &'static str, negated: &'static str| match (statement.get(name), statement.get(negated)) {
            (Some(value), None) => Ok((name, value)),
            (None, Some(value)) => Ok((negated, value)),
            (None, None) => Err(format!("it has no '{name}'")),
            (Some(_), Some(_)) => Err(format!("it has '{name}' and '{negated}'")),
        };
    let (name, principal) = one_of("Principal", "NotPrincipal")?;
    check_principal(name, principal)?;
    let (name, actions) = one_of("Action", "NotAction")?;
    for action in texts(name, actions)? {
        // Actions of Object Lambda, Outposts and others begin with `s3-`, those of directory buckets with
        // `s3express:`.
        let lower = action.to_lowercase();
        if lower != "*" && !(lower.starts_with("s3") && lower.contains(':')) {
            return Err(format!("'{name}' must be of the form s3:GetObject, not '{action}'"));
        }
    }
    let (name, resources) = one_of("Resource", "NotResource")?;
    let resources = texts(name, resources)?;
    if let Some(other) =
        resources.iter().find(|resource| **resource != "*" && bucket_part(resource).is_none())
    {
        return Err(format!("'{name}' must be of the form arn:aws:s3:::{bucket}/*, not '{other}'"));
    }
    if !resources.iter().any(|resource| covers(resource, bucket)) {
        return Err(format!("'{name}' names another bucket ('{}')", resources[0]));
    }
    match statement.get("Condition") {
        None => Ok(()),
        Some(Value::Object(operators)) if operators.values().all(Value::is_object) => Ok(()),
        Some(_) => Err("'Condition' must be an object of objects".to_owned()),
    }
}

fn check_principal(name: &str, principal: &Value) -> Result<(), String> {
    match principal {
        Value::String(text) if text == "*" => Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => {
            kinds.iter().try_for_each(|(kind, who)| texts(&format!("{name}/{kind}"), who).map(drop))
        }
        _ => Err(format!("'{name}' must be \"*\" or an object such as {{\"AWS\": \"...\"}}")),
    }
}

/// A string or a list of strings, with at least one string.
fn texts<'a>(name: &str, value: &'a Value) -> Result<Vec<&'a str>, String> {
    let found: Option<Vec<&str>> = match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let found = found.filter(|found| !found.is_empty() && found.iter().all(|text| !text.is_empty()));
    found.ok_or_else(|| format!("'{name}' must be a string or a list of strings"))
}

/// The bucket of an S3 ARN; it may be a pattern.
fn bucket_part(resource: &str) -> Option<&str> {
    let mut parts = resource.splitn(6, ':');
    let is_arn = parts.next()? == "arn";
    let (_partition, service) = (parts.next()?, parts.next()?);
    let (_region, _account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let bucket = rest.split('/').next().unwrap_or_default();
    (is_arn && (service.starts_with("s3") || service == "*") && !bucket.is_empty()).then_some(bucket)
}

/// Whether a resource belongs to this bucket: by name, by a pattern, or by a variable, which may stand for any name.
/// Names with a Ceph tenant (`tenant:bucket`) and access points are accepted unchecked.
fn covers(resource: &str, bucket: &str) -> bool {
    let Some(part) = bucket_part(resource) else { return resource == "*" };
    if part.contains("${") || part == "accesspoint" || part.contains(':') {
        return true;
    }
    let pattern = regex::escape(part).replace("\\*", ".*").replace("\\?", ".");
    // A pattern that spans the slash, such as `b*cket*`, also covers the name of the bucket itself.
    Regex::new(&format!("^(?s:{pattern})$")).is_ok_and(|pattern| pattern.is_match(bucket))
}

fn statement_facts(statement: &Value) -> Vec<String> {
    let mut facts = Vec::new();
    let Value::Object(statement) = statement else { return vec![statement.to_string()] };
    for (name, value) in statement {
        match name.as_str() {
            "Sid" => {}
            "Principal" | "NotPrincipal" => principal_facts(name, value, &mut facts),
            "Condition" => condition_facts(value, &mut facts),
            "Action" | "NotAction" => {
                facts.extend(texts_of(value).map(|action| format!("{name} {}", action.to_lowercase())));
            }
            _ => facts.extend(texts_of(value).map(|word| format!("{name} {word}"))),
        }
    }
    facts
}

fn principal_facts(name: &str, value: &Value, facts: &mut Vec<String>) {
    let Value::Object(kinds) = value else {
        facts.extend(texts_of(value).map(|who| format!("{name} AWS {who}")));
        return;
    };
    for (kind, who) in kinds {
        facts.extend(texts_of(who).map(|who| format!("{name} {kind} {}", normalized_account(&who))));
    }
}

/// Normalizes an account, which may be written as its number or as its root user, in any partition.
fn normalized_account(who: &str) -> String {
    let account = who.strip_suffix(":root").and_then(|rest| rest.strip_prefix("arn:")?.split_once(":iam::"));
    match account {
        Some((_, account)) if account.bytes().all(|byte| byte.is_ascii_digit()) => account.to_owned(),
        _ => who.to_owned(),
    }
}

fn condition_facts(value: &Value, facts: &mut Vec<String>) {
    let Value::Object(operators) = value else { return facts.push(format!("Condition {value}")) };
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else {
            facts.push(format!("Condition {operator} {keys}"));
            continue;
        };
        for (key, values) in keys {
            let (operator, key) = (operator.to_lowercase(), key.to_lowercase());
            facts.extend(texts_of(values).map(|value| format!("Condition {operator} {key} {value}")));
        }
    }
}

/// One or several values as texts. A number or a boolean is equivalent to its text.
fn texts_of(value: &Value) -> Box<dyn Iterator<Item = String> + '_> {
    match value {
        Value::Array(all) => Box::new(all.iter().flat_map(texts_of)),
        Value::String(text) => Box::new(std::iter::once(text.clone())),
        other => Box::new(std::iter::once(other.to_string())),
    }
}

/// Parses JSON, and rejects duplicate names in an object.
pub fn unambiguous(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).map(|Unambiguous(value)| value)
}

/// JSON without duplicate names: parsers disagree about which of two values applies.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Unambiguous(value)) = from.next_element()? {
            all.push(value);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let Unambiguous(value) = from.next_value()?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("'{name}' occurs twice")));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Policy::parse(text).and_then(|policy| policy.check("mine")).err().unwrap_or_default()
    }

    fn statement(change: &str, to: &str) -> String {
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::mine/*"}]}"#
            .replace(change, to)
    }

    #[test]
    fn invalid_policies_are_rejected() {
        for (text, words) in [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            ("{}", "no 'Statement'"),
            (r#"{"Statement": []}"#, "no 'Statement'"),
            (r#"{"Statement": ["x"]}"#, "statement 1: it is not a JSON object"),
            (&statement("2012-10-17", "2012-10-18"), "'Version' must be"),
            (&statement(r#""Effect": "Deny", "#, ""), "no 'Effect'"),
            (&statement("Deny", "deny"), "'Effect' must be Allow or Deny"),
            (&statement("Effect", "Efect"), "unknown element 'Efect'"),
            (&statement(r#""Principal": "*", "#, ""), "no 'Principal'"),
            (&statement(r#""Principal": "*""#, r#""Principal": "me""#), "'Principal' must be"),
            (&statement("Action", "Actions"), "unknown element 'Actions'"),
            (&statement("s3:GetObject", "GetObject"), "'Action' must be of the form"),
            (&statement("s3:GetObject", ""), "'Action' must be a string"),
            (&statement(":::mine/", ":::other/"), "names another bucket ('arn:aws:s3:::other/*')"),
            (&statement(":::mine/", ":::mine2/"), "names another bucket"),
            (
                &statement("arn:aws:s3:::mine/*", "mine/*"),
                "'Resource' must be of the form arn:aws:s3:::mine/*",
            ),
            (&statement("\"Effect\"", "\"Effect\": \"Allow\", \"Effect\""), "'Effect' occurs twice"),
            (&statement("\"Effect\"", "\"Condition\": [], \"Effect\""), "'Condition' must be"),
        ] {
            assert!(problem(text).contains(words), "{text}\n{}", problem(text));
        }
    }

    #[test]
    fn valid_policies_for_this_bucket_are_accepted() {
        assert_eq!(problem(&statement("", "")), "");
        for resource in [
            "*",
            "arn:aws:s3:::mine",
            "arn:aws:s3:::*",
            "arn:aws:s3:::mi*",
            "arn:aws:s3:::m?ne/a/*",
            "arn:aws:s3:::${aws:username}/*",
            "arn:aws-cn:s3:::mine/*",
            "arn:aws:s3::tenant:mine/*",
        ] {
            assert_eq!(problem(&statement("arn:aws:s3:::mine/*", resource)), "", "{resource}");
        }
        let several = r#"["arn:aws:s3:::other/*", "arn:aws:s3:::mine/*"]"#;
        assert_eq!(problem(&statement(r#""arn:aws:s3:::mine/*""#, several)), "");
        assert_eq!(problem(&statement(r#""Action""#, r#""NotAction""#)), "");
        assert_eq!(problem(&statement(r#""Principal": "*""#, r#""NotPrincipal": {"AWS": ["a", "b"]}"#)), "");
    }

    #[test]
    fn policies_are_compared_by_meaning() {
        let rules = |text: &str| Policy::parse(text).unwrap().rules();
        let one = rules(
            r#"{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Principal": {"AWS": ["*", "12"]},
            "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "r",
            "Condition": {"Bool": {"aws:SecureTransport": false}, "IpAddress": {"aws:SourceIp": ["b", "a"]}}}}"#,
        );
        let other = rules(
            r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::12:root", "*"]},
            "Action": ["s3:getobject", "s3:PutObject"], "Resource": ["r"],
            "Condition": {"IpAddress": {"aws:sourceIp": ["a", "b"]}, "Bool": {"aws:SecureTransport": "false"}}}],
            "Version": "2012-10-17"}"#,
        );
        assert_eq!(one, other);
        assert_ne!(rules(&statement("", "")), rules(&statement("Deny", "Allow")));
        assert_ne!(rules(&statement("", "")), rules(&statement("2012-10-17", "2008-10-17")));
    }
}
