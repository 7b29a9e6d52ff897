//! Lifecycle rules: parsing them, and deciding whether an object is due.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::xml::Node;
use crate::store::meta::Meta;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::time::Duration;

/// The length of a lifecycle day, unless it is shortened for testing.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// S3's limit on the rules of a bucket.
const MAX_RULES: usize = 1000;

/// The rules of a bucket.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct LifecycleRules(pub(crate) Vec<LifecycleRule>);

#[derive(Debug, Default, PartialEq)]
pub(crate) struct LifecycleRule {
    pub(crate) id: String,
    pub(crate) enabled: bool,
    pub(crate) prefix: String,
    pub(crate) tags: Vec<(String, String)>,
    larger_than: Option<u64>,
    smaller_than: Option<u64>,
    pub(crate) expires: Option<Expiration>,
    pub(crate) abort_after: Option<u32>,
    pub(crate) noncurrent: Option<Noncurrent>,
    /// Whether delete markers expire when they are the only version left of their key.
    pub(crate) expire_markers: bool,
}

/// When noncurrent versions expire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Noncurrent {
    pub(crate) days: u32,
    /// How many of the newest noncurrent versions are kept.
    pub(crate) keep: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expiration {
    Days(u32),
    Date(DateTime<Utc>),
}

/// A positive number of days; `None` if absent.
fn positive(node: &Node, name: &str) -> S3Result<Option<u32>> {
    let Some(text) = node.value(name) else { return Ok(None) };
    match text.trim().parse::<i64>() {
        Ok(days) if days > 0 && days <= i64::from(i32::MAX) => Ok(Some(days as u32)),
        Ok(_) => fail(
            ErrorCode::InvalidArgument,
            format!("'{name}' for Expiration action must be a positive integer"),
        ),
        Err(_) => Err(malformed_xml()),
    }
}

/// Parses the date of a rule, which must be midnight UTC.
pub(crate) fn date(text: &str) -> S3Result<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        let time = time.to_utc();
        return if time.time() == NaiveTime::MIN {
            Ok(time)
        } else {
            fail(ErrorCode::InvalidArgument, "'Date' must be at midnight GMT")
        };
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    day.map(|day| day.and_time(NaiveTime::MIN).and_utc()).ok_or_else(malformed_xml)
}

impl LifecycleRules {
    /// Parses a `LifecycleConfiguration`.
    pub(crate) fn parse(root: &Node) -> S3Result<Self> {
        let rules: Vec<LifecycleRule> =
            root.all("Rule").map(LifecycleRule::parse).collect::<S3Result<_>>()?;
        if rules.is_empty() || rules.len() > MAX_RULES || root.children.iter().any(|node| node.name != "Rule")
        {
            return Err(malformed_xml());
        }
        let mut ids: Vec<&str> =
            root.all("Rule").filter_map(|rule| rule.value("ID")).filter(|id| !id.is_empty()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != count {
            return fail(
                ErrorCode::InvalidArgument,
                "Rule ID must be unique. Found same ID for more than one rule",
            );
        }
        if ids.iter().any(|id| id.chars().count() > 255) {
            return fail(ErrorCode::InvalidArgument, "ID length should not exceed allowed limit of 255");
        }
        Ok(Self(rules))
    }
}

impl LifecycleRule {
    fn parse(node: &Node) -> S3Result<Self> {
        let enabled = match node.value("Status").map(str::trim) {
            Some("Enabled") => true,
            Some("Disabled") => false,
            _ => return Err(malformed_xml()),
        };
        let mut rule =
            Self { id: node.value("ID").unwrap_or_default().to_owned(), enabled, ..Self::default() };
        match (node.child("Filter"), node.value("Prefix")) {
            (Some(_), Some(_)) => return Err(malformed_xml()),
            (Some(filter), None) => {
                rule.add_filter(filter)?;
            }
            (None, Some(prefix)) => prefix.clone_into(&mut rule.prefix),
            (None, None) => return Err(malformed_xml()),
        }
        let mut actions = 0;
        if let Some(expiration) = node.child("Expiration") {
            actions += 1;
            let days = positive(expiration, "Days")?;
            let marker = expiration.value("ExpiredObjectDeleteMarker");
            rule.expires = match (days, expiration.value("Date"), marker) {
                (Some(days), None, None) => Some(Expiration::Days(days)),
                (None, Some(text), None) => Some(Expiration::Date(date(text)?)),
                (None, None, Some(value @ ("true" | "false"))) => {
                    rule.expire_markers = value == "true";
                    None
                }
                _ => return Err(malformed_xml()),
            };
        }
        if let Some(abort) = node.child("AbortIncompleteMultipartUpload") {
            actions += 1;
            rule.abort_after = Some(positive(abort, "DaysAfterInitiation")?.ok_or_else(malformed_xml)?);
        }
        if let Some(noncurrent) = node.child("NoncurrentVersionExpiration") {
            actions += 1;
            let days = positive(noncurrent, "NoncurrentDays")?.ok_or_else(malformed_xml)?;
            let keep = positive(noncurrent, "NewerNoncurrentVersions")?.unwrap_or(0) as usize;
            rule.noncurrent = Some(Noncurrent { days, keep });
        }
        for name in ["Transition", "NoncurrentVersionTransition"] {
            actions += node.all(name).count();
        }
        if !rule.tags.is_empty() && (rule.expire_markers || rule.abort_after.is_some()) {
            return fail(
                ErrorCode::InvalidRequest,
                "A Tag filter cannot be used with AbortIncompleteMultipartUpload or ExpiredObjectDeleteMarker",
            );
        }
        if actions == 0 {
            return fail(ErrorCode::InvalidRequest, "At least one action needs to be specified in a rule");
        }
        Ok(rule)
    }

    /// Adds the conditions of a filter, which must all be true. AWS allows a single condition or `And`; Ceph allows
    /// several without `And`.
    fn add_filter(&mut self, filter: &Node) -> S3Result<()> {
        let size = |node: &Node| node.text.trim().parse::<u64>().map(Some).map_err(|_| malformed_xml());
        for node in &filter.children {
            match node.name.as_str() {
                "And" => self.add_filter(node)?,
                // Of two prefixes only the longer one matters, as it includes the other.
                "Prefix" if self.prefix.starts_with(&node.text) => {}
                "Prefix" if node.text.starts_with(&self.prefix) => node.text.clone_into(&mut self.prefix),
                "Tag" => {
                    let key = node.value("Key").ok_or_else(malformed_xml)?;
                    let value = node.value("Value").ok_or_else(malformed_xml)?;
                    self.tags.push((key.to_owned(), value.to_owned()));
                }
                "ObjectSizeGreaterThan" => self.larger_than = size(node)?,
                "ObjectSizeLessThan" => self.smaller_than = size(node)?,
                _ => return Err(malformed_xml()),
            }
        }
        Ok(())
    }

    /// Whether an object has expired by this rule.
    pub(crate) fn is_due(
        &self,
        key: &str,
        meta: &Meta,
        size: u64,
        modified: DateTime<Utc>,
        now: &LifecycleClock,
    ) -> bool {
        let Some(when) = self.expires.filter(|_| self.enabled) else { return false };
        let due = match when {
            Expiration::Days(days) => now.is_past(modified, days),
            Expiration::Date(date) => now.time >= date,
        };
        due && self.matches(key, meta, size)
    }

    /// Whether the rule's filter matches an object.
    pub(crate) fn matches(&self, key: &str, meta: &Meta, size: u64) -> bool {
        key.starts_with(&self.prefix)
            && self.tags.iter().all(|tag| meta.tags.contains(tag))
            && self.larger_than.is_none_or(|limit| size > limit)
            && self.smaller_than.is_none_or(|limit| size < limit)
    }
}

/// The time when `days` have passed since `from`. Real days are rounded up to midnight, as in S3; shortened days are
/// exact. `None` if it is beyond the end of the calendar.
pub(crate) fn due(from: DateTime<Utc>, days: u32, day: Duration) -> Option<DateTime<Utc>> {
    let past =
        from.checked_add_signed(TimeDelta::from_std(day).ok()?.checked_mul(i32::try_from(days).ok()?)?)?;
    if day != DAY {
        return Some(past);
    }
    let midnight = past.date_naive().and_time(NaiveTime::MIN).and_utc();
    if midnight == past { Some(past) } else { midnight.checked_add_days(Days::new(1)) }
}

/// The current time, and the length of a lifecycle day.
pub(crate) struct LifecycleClock {
    pub(crate) time: DateTime<Utc>,
    pub(crate) day: Duration,
}

impl LifecycleClock {
    /// Whether `days` have passed since `from`.
    pub(crate) fn is_past(&self, from: DateTime<Utc>, days: u32) -> bool {
        due(from, days, self.day).is_some_and(|due| self.time >= due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::xml;

    fn rules(inner: &str) -> S3Result<LifecycleRules> {
        let text = format!("<LifecycleConfiguration>{inner}</LifecycleConfiguration>");
        LifecycleRules::parse(&xml::parse(text.as_bytes(), &["LifecycleConfiguration"])?)
    }

    fn due(rules: &LifecycleRules, key: &str, tags: &[(&str, &str)], size: u64, age: i64) -> bool {
        let time = Utc::now();
        let now = LifecycleClock { time, day: Duration::from_secs(10) };
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let meta = Meta { tags, ..Meta::default() };
        let modified = time - chrono::TimeDelta::seconds(age);
        rules.0.iter().any(|rule| rule.is_due(key, &meta, size, modified, &now))
    }

    #[test]
    fn rules_select_by_prefix_tag_size_and_age() {
        let by_prefix = rules(
            "<Rule><Prefix>a/</Prefix><Status>Enabled</Status><Expiration><Days>2</Days></Expiration></Rule>",
        );
        let by_prefix = by_prefix.unwrap();
        assert!(due(&by_prefix, "a/x", &[], 1, 20) && !due(&by_prefix, "a/x", &[], 1, 19));
        assert!(!due(&by_prefix, "b/x", &[], 1, 20));
        let by_tag = rules(
            "<Rule><Filter><Tag><Key>days</Key><Value>1</Value></Tag></Filter><Status>Enabled</Status>\
             <Expiration><Days>1</Days></Expiration></Rule>",
        );
        let by_tag = by_tag.unwrap();
        assert!(due(&by_tag, "k", &[("days", "1")], 1, 10));
        assert!(!due(&by_tag, "k", &[], 1, 10) && !due(&by_tag, "k", &[("days", "2")], 1, 10));
        let both = rules(
            "<Rule><ID>r</ID><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>\
             <ObjectSizeGreaterThan>10</ObjectSizeGreaterThan></And></Filter><Status>Enabled</Status>\
             <Expiration><Date>2020-01-01T00:00:00Z</Date></Expiration></Rule>",
        );
        let both = both.unwrap();
        assert!(due(&both, "pq", &[("k", "v")], 11, 0));
        assert!(!due(&both, "pq", &[("k", "v")], 10, 0) && !due(&both, "q", &[("k", "v")], 11, 0));
        // Several conditions without `And` must all be true.
        let several = rules(
            "<Rule><Filter><Prefix>p/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><And><Prefix>p/q</Prefix>\
             <Tag><Key>l</Key><Value>w</Value></Tag></And></Filter><Status>Enabled</Status>\
             <Expiration><Days>1</Days></Expiration></Rule>",
        );
        let several = several.unwrap();
        assert!(due(&several, "p/q", &[("k", "v"), ("l", "w")], 1, 10));
        assert!(!due(&several, "p/x", &[("k", "v"), ("l", "w")], 1, 10));
        assert!(!due(&several, "p/q", &[("k", "v")], 1, 10) && !due(&several, "p/q", &[("l", "w")], 1, 10));
        let disabled =
            rules("<Rule><Prefix/><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>");
        assert!(!due(&disabled.unwrap(), "k", &[], 1, 1000));
    }

    #[test]
    fn real_days_are_rounded_up_to_midnight() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let due_at = |from, days, day| super::due(time(from), days, day).map(|due| due.to_rfc3339());
        let expected = |text: &str| Some(time(text).to_rfc3339());
        assert_eq!(due_at("2014-01-15T10:30:00Z", 3, DAY), expected("2014-01-19T00:00:00Z"));
        assert_eq!(due_at("2014-01-15T00:00:00Z", 3, DAY), expected("2014-01-18T00:00:00Z"));
        assert_eq!(
            due_at("2014-01-15T10:30:00Z", 3, Duration::from_secs(10)),
            expected("2014-01-15T10:30:30Z")
        );
        assert_eq!(due_at("2014-01-15T10:30:00Z", i32::MAX as u32, DAY), None);
    }

    #[test]
    fn dates_must_be_midnight() {
        let parse = |text| date(text).map(|date| date.timestamp()).map_err(|error| error.code.as_str());
        assert_eq!(parse("2030-01-01"), Ok(1_893_456_000));
        assert_eq!(parse("2030-01-01T00:00:00.000Z"), Ok(1_893_456_000));
        assert_eq!(parse("2030-01-01T01:00:00+01:00"), Ok(1_893_456_000));
        assert_eq!(parse("2030-01-01T01:00:00Z"), Err("InvalidArgument"));
        assert_eq!(parse("tomorrow"), Err("MalformedXML"));
    }

    #[test]
    fn malformed_rules_are_rejected() {
        let days = "<Expiration><Days>1</Days></Expiration>";
        for (inner, code) in [
            ("", "MalformedXML"),
            ("<Rule><Prefix/><Status>On</Status></Rule>", "MalformedXML"),
            ("<Rule><Prefix/><Status>Enabled</Status></Rule>", "InvalidRequest"),
            (
                "<Rule><Prefix/><Status>Enabled</Status><Expiration><Days>0</Days></Expiration></Rule>",
                "InvalidArgument",
            ),
            ("<Rule><Prefix/><Status>Enabled</Status><Expiration/></Rule>", "MalformedXML"),
            (
                "<Rule><Prefix/><Filter/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>",
                "MalformedXML",
            ),
            (
                &format!("<Rule><ID>a</ID><Prefix/><Status>Enabled</Status>{days}</Rule>").repeat(2),
                "InvalidArgument",
            ),
            (
                "<Rule><Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter><Status>Enabled</Status><Expiration>\
                 <ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>",
                "InvalidRequest",
            ),
            (
                "<Rule><Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter><Status>Enabled</Status>\
                 <AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>\
                 </AbortIncompleteMultipartUpload></Rule>",
                "InvalidRequest",
            ),
        ] {
            assert_eq!(rules(inner).unwrap_err().code.as_str(), code, "{inner}");
        }
    }
}
