//! POST policies: the signed conditions that the fields of a browser form must meet.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use crate::http::form::is_header;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDateTime, Utc};
use s3cmd_client::http::header_text;
use serde_json::Value;
use std::ops::RangeInclusive;

/// A policy document.
#[derive(Debug, PartialEq)]
pub(crate) struct PostPolicy {
    expires: DateTime<Utc>,
    conditions: Vec<Condition>,
    lengths: Vec<RangeInclusive<u64>>,
}

/// A condition on a field; the field's name is in lower case.
#[derive(Debug, PartialEq)]
struct Condition {
    prefix_only: bool,
    field: String,
    value: String,
}

/// Fields that need no condition.
const EXEMPT: [&str; 5] = ["awsaccesskeyid", "signature", "x-amz-signature", "policy", "file"];

/// Prefixes of further fields that need no condition: ignored fields and, as in Ceph, checksums of the file.
const EXEMPT_PREFIXES: [&str; 2] = ["x-ignore-", "x-amz-checksum-"];

fn invalid(reason: impl std::fmt::Display) -> S3Error {
    S3Error::new(ErrorCode::InvalidPolicyDocument, format!("Invalid Policy: {reason}"))
}

fn rejected<T>(reason: impl std::fmt::Display) -> S3Result<T> {
    fail(ErrorCode::AccessDenied, format!("Invalid according to Policy: {reason}"))
}

/// Converts a policy document to JSON: it may contain two escapes that JSON does not have, `\$` and `\v`.
fn to_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('$')) => out.push('$'),
            (_, Some('v')) => out.push_str("\\u000b"),
            (c, next) => {
                out.push(c);
                out.extend(next);
            }
        }
    }
    out
}

/// Parses a time in the format that S3 requires, ISO 8601 in UTC: `2030-01-31T12:00:00Z`, with or without a fraction.
/// Other RFC 3339 forms (a space, an offset, lower-case letters) are rejected, as on AWS and Ceph.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let is_digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    // Checked here, because chrono accepts signs and spaces before numbers.
    let fields = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    let rest = text.get(19..)?;
    let fraction = rest.strip_suffix('Z')?;
    let fraction_is_valid = match fraction.strip_prefix('.') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => fraction.is_empty(),
    };
    if !fields.into_iter().all(is_digit) || !fraction_is_valid {
        return None;
    }
    NaiveDateTime::parse_from_str(&text[..19], "%Y-%m-%dT%H:%M:%S").ok().map(|time| time.and_utc())
}

impl PostPolicy {
    /// Parses the base64 value of a form's `policy` field.
    pub(crate) fn parse(text: &str) -> S3Result<Self> {
        let compact: String = text.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD.decode(compact).map_err(|_| invalid("Invalid Base64."))?;
        let text = String::from_utf8(bytes).map_err(|_| invalid("Invalid UTF-8."))?;
        let root: Value = serde_json::from_str(&to_json(&text)).map_err(|_| invalid("Invalid JSON."))?;
        let root = root.as_object().ok_or_else(|| invalid("Invalid JSON."))?;
        if let Some(name) = root.keys().find(|name| !["expiration", "conditions"].contains(&name.as_str())) {
            return Err(invalid(format!("Unexpected: '{name}'")));
        }
        let expires = root.get("expiration").ok_or_else(|| invalid("Policy missing expiration."))?;
        let expires = expires
            .as_str()
            .and_then(parse_time)
            .ok_or_else(|| invalid(format!("Invalid 'expiration' value: {expires}")))?;
        let conditions = root.get("conditions").ok_or_else(|| invalid("Policy missing conditions."))?;
        let conditions =
            conditions.as_array().ok_or_else(|| invalid("Invalid 'conditions' value: must be a List."))?;
        let mut policy = Self { expires, conditions: Vec::new(), lengths: Vec::new() };
        for condition in conditions {
            policy.add(condition)?;
        }
        Ok(policy)
    }

    fn add(&mut self, condition: &Value) -> S3Result<()> {
        match condition {
            Value::Object(simple) => {
                let mut all = simple.iter();
                let (Some((name, value)), None) = (all.next(), all.next()) else {
                    return Err(invalid(
                        "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
                    ));
                };
                let value = value
                    .as_str()
                    .ok_or_else(|| invalid("Invalid Simple-Condition: value must be a string."))?;
                self.conditions.push(Condition::new(false, name, value));
            }
            Value::Array(parts) => {
                let invalid_condition = || invalid(format!("Invalid Condition: {condition}"));
                let [Value::String(operator), first, second] = parts.as_slice() else {
                    return Err(invalid_condition());
                };
                let operator = operator.to_ascii_lowercase();
                if operator == "content-length-range" {
                    let number = |value: &Value| match value {
                        Value::String(text) => text.trim().parse::<u64>().ok(),
                        value => value.as_u64(),
                    };
                    let (min, max) = number(first).zip(number(second)).ok_or_else(invalid_condition)?;
                    self.lengths.push(min..=max);
                    return Ok(());
                }
                let prefix_only = match operator.as_str() {
                    "eq" => false,
                    "starts-with" => true,
                    _ => return Err(invalid_condition()),
                };
                let field =
                    first.as_str().and_then(|name| name.strip_prefix('$')).ok_or_else(invalid_condition)?;
                let value = second.as_str().ok_or_else(invalid_condition)?;
                self.conditions.push(Condition::new(prefix_only, field, value));
            }
            _ => return Err(invalid("Invalid Condition: must be a Map or a List.")),
        }
        Ok(())
    }

    /// Checks a form against the policy. The fields have their final values, and names in lower case. The bucket and
    /// every field need a condition. AccessDenied if the policy has expired or a condition fails.
    pub(crate) fn check(
        &self,
        bucket: &str,
        fields: &[(String, String)],
        now: DateTime<Utc>,
    ) -> S3Result<()> {
        if now >= self.expires {
            return rejected("Policy expired.");
        }
        for condition in &self.conditions {
            let value = match condition.field.as_str() {
                "bucket" => Some(bucket),
                name => fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()),
            };
            // A condition that allows any value also allows an absent field, as in Ceph.
            if value.is_none() && condition.prefix_only && condition.value.is_empty() {
                continue;
            }
            if !value.is_some_and(|value| condition.holds(value)) {
                let operator = if condition.prefix_only { "starts-with" } else { "eq" };
                return rejected(format!(
                    "Policy Condition failed: [\"{operator}\", \"${}\", \"{}\"]",
                    condition.field, condition.value
                ));
            }
        }
        let covered = |name: &str| self.conditions.iter().any(|condition| condition.field == name);
        let needs = |name: &str| {
            let exempt =
                EXEMPT.contains(&name) || EXEMPT_PREFIXES.iter().any(|start| name.starts_with(start));
            !exempt && !covered(name)
        };
        let names = fields.iter().map(|(name, _)| name.as_str()).chain(["bucket"]);
        let mut extra: Vec<&str> = names.filter(|name| needs(name)).collect();
        extra.dedup();
        if extra.is_empty() { Ok(()) } else { rejected(format!("Extra input fields: {}", extra.join(","))) }
    }

    /// The allowed lengths of the file in bytes; empty if conditions contradict each other.
    pub(crate) fn lengths(&self) -> RangeInclusive<u64> {
        let min = self.lengths.iter().map(|range| *range.start()).max().unwrap_or(0);
        let max = self.lengths.iter().map(|range| *range.end()).min().unwrap_or(u64::MAX);
        min..=max
    }
}

impl Condition {
    fn new(prefix_only: bool, field: &str, value: &str) -> Self {
        let field = field.to_ascii_lowercase();
        // Encoded like the fields that it is compared with.
        let value =
            if is_header(&field) { header_text::from_bytes(value.as_bytes()) } else { value.to_owned() };
        Self { prefix_only, field, value }
    }

    fn holds(&self, value: &str) -> bool {
        if !self.prefix_only {
            return value == self.value;
        }
        if self.field == "content-type" {
            // A comma separates several types, each of which must match.
            return value.split(',').all(|part| part.trim_start().starts_with(&self.value));
        }
        value.starts_with(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PostPolicy, &'static str> {
        PostPolicy::parse(&BASE64_STANDARD.encode(text)).map_err(|error| error.code.as_str())
    }

    #[test]
    fn an_unrestricted_field_may_be_absent_and_checksums_need_no_condition() {
        let policy = with(r#"{"bucket":"b"},{"key":"k"},["starts-with","$tagging",""]"#);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let check = |fields: &[(&str, &str)]| {
            let fields: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            policy.check("b", &fields, now).map_err(|error| error.message)
        };
        assert_eq!(check(&[("key", "k")]), Ok(()));
        assert_eq!(check(&[("key", "k"), ("tagging", "x"), ("x-amz-checksum-sha256", "y")]), Ok(()));
        let error = check(&[("key", "k"), ("x-amz-meta-a", "y")]).unwrap_err();
        assert!(error.ends_with("Extra input fields: x-amz-meta-a"), "{error}");
        let eq = with(r#"{"bucket":"b"},{"key":"k"},["eq","$tagging",""]"#);
        assert!(eq.check("b", &[("key".to_owned(), "k".to_owned())], now).is_err());
    }

    fn with(conditions: &str) -> PostPolicy {
        parse(&format!(r#"{{"expiration":"2030-01-01T00:00:00.000Z","conditions":[{conditions}]}}"#)).unwrap()
    }

    fn check(policy: &PostPolicy, fields: &[(&str, &str)]) -> Result<(), String> {
        let fields: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let now = DateTime::parse_from_rfc3339("2029-12-31T23:59:59Z").unwrap().to_utc();
        policy.check("b", &fields, now).map_err(|error| {
            assert_eq!((error.code.as_str(), error.status), ("AccessDenied", 403));
            error.message
        })
    }

    #[test]
    fn conditions_match_exactly_or_by_prefix() {
        let policy = with(
            r#"{"bucket":"b"},["Starts-With","$KEY","user/\$a/"],{"AcL":"private"},["starts-with","$Content-Type","image/"]"#,
        );
        let is_allowed = |key, acl, kind| {
            check(&policy, &[("key", key), ("acl", acl), ("content-type", kind), ("x-ignore-me", "")]).is_ok()
        };
        assert!(
            is_allowed("user/$a/k", "private", "image/png")
                && is_allowed("user/$a/", "private", "image/a, image/b")
        );
        assert!(
            !is_allowed("user/k", "private", "image/png")
                && !is_allowed("user/$a/k", "public-read", "image/png")
        );
        assert!(!is_allowed("user/$a/k", "private", "image/a,text/b"));
        let error = check(&policy, &[("key", "user/$a/"), ("acl", "private")]).unwrap_err();
        assert!(
            error.ends_with(r#"Policy Condition failed: ["starts-with", "$content-type", "image/"]"#),
            "{error}"
        );
    }

    #[test]
    fn every_field_and_the_bucket_need_a_condition() {
        let policy = with(r#"{"bucket":"b"},{"key":"k"}"#);
        let exempt = [("key", "k"), ("policy", "p"), ("signature", "s"), ("awsaccesskeyid", "a")];
        assert_eq!(check(&policy, &exempt), Ok(()));
        let error = check(&policy, &[("key", "k"), ("x-amz-meta-a", "1"), ("tagging", "")]).unwrap_err();
        assert!(error.ends_with("Extra input fields: x-amz-meta-a,tagging"), "{error}");
        assert!(check(&with(r#"{"key":"k"}"#), &[("key", "k")]).unwrap_err().ends_with("fields: bucket"));
        assert!(check(&with(r#"{"bucket":"c"},{"key":"k"}"#), &[("key", "k")]).is_err());
    }

    #[test]
    fn policies_expire() {
        let policy = with(r#"{"bucket":"b"}"#);
        let error = policy.check("b", &[], policy.expires).unwrap_err();
        assert!(error.message.ends_with("Policy expired."), "{}", error.message);
    }

    #[test]
    fn length_ranges_are_intersected() {
        let lengths = |text| with(text).lengths();
        assert_eq!(lengths(""), 0..=u64::MAX);
        assert_eq!(lengths(r#"["content-length-range",5,10],["content-length-range","1","7"]"#), 5..=7);
    }

    #[test]
    fn malformed_policies_are_rejected() {
        assert_eq!(PostPolicy::parse("%").unwrap_err().code.as_str(), "InvalidPolicyDocument");
        let date = r#""expiration":"2030-01-01T00:00:00Z""#;
        for text in [
            "",
            "[]",
            "{",
            r#"{"conditions":[]}"#,
            &format!("{{{date}}}"),
            &format!("{{{date},\"CONDITIONS\":[]}}"),
            r#"{"EXPIRATION":"2030-01-01T00:00:00Z","conditions":[]}"#,
            r#"{"expiration":"2030-01-31 12:00:00+00:00","conditions":[]}"#,
            r#"{"expiration":"2030-01-31 12:00:00Z","conditions":[]}"#,
            r#"{"expiration":"2030-01-31T12:00:00+00:00","conditions":[]}"#,
            r#"{"expiration":"2030-01-31t12:00:00z","conditions":[]}"#,
            r#"{"expiration":"2030-01-31T12:00:00","conditions":[]}"#,
            r#"{"expiration":"2030-01-31T12:00:00.Z","conditions":[]}"#,
            r#"{"expiration":"2030-01-31T12:00Z","conditions":[]}"#,
            r#"{"expiration":"2030-02-31T12:00:00Z","conditions":[]}"#,
            r#"{"expiration":"+2030-1-31T12:00:00Z","conditions":[]}"#,
            r#"{"expiration":"2030-01-31","conditions":[]}"#,
            r#"{"expiration":1900000000,"conditions":[]}"#,
            r#"{"expiration":"é2030-01-31T12:00:00Z","conditions":[]}"#,
            &format!("{{{date},\"conditions\":{{}}}}"),
            &format!("{{{date},\"conditions\":[{{}}]}}"),
            &format!("{{{date},\"conditions\":[{{\"a\":1}}]}}"),
            &format!("{{{date},\"conditions\":[{{\"a\":\"1\",\"b\":\"2\"}}]}}"),
            &format!("{{{date},\"conditions\":[[\"eq\",\"key\",\"k\"]]}}"),
            &format!("{{{date},\"conditions\":[[\"like\",\"$key\",\"k\"]]}}"),
            &format!("{{{date},\"conditions\":[[\"content-length-range\",0]]}}"),
            &format!("{{{date},\"conditions\":[[\"content-length-range\",-1,0]]}}"),
            &format!("{{{date},\"conditions\":[\"x\"]}}"),
        ] {
            assert_eq!(parse(text), Err("InvalidPolicyDocument"), "{text}");
        }
    }
}
