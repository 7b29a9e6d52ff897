//! Lifecycle rules: what expires, and the task that removes it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
//!
//! An object expires when it is as many days old as its rule says, to the second (S3 itself waits for the midnight
//! after). Where there are versions, an expired object gets a delete marker. A version that is not current expires as many
//! days after the one that took its place was written, and a delete marker when nothing else is left of its key. Locked
//! versions stay. Rules for transitions are kept and returned, and do nothing.

use super::Server;
use super::call::http_date;
use super::error::{S3Error, S3Result, fail, malformed_xml};
use super::ops::lock;
use super::store::bucket::Bucket;
use super::store::meta::Meta;
use super::store::versions::ShownWhat;
use super::store::walk::Keys;
use super::store::write::Object;
use super::xml::{self, Node};
use crate::s3::sign::encode;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
/// How often the rules are applied where a day is a day.
const ROUND: Duration = Duration::from_secs(15 * 60);
const MAX_RULES: usize = 1000;

/// The rules of a bucket.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Rules(Vec<Rule>);

#[derive(Debug, Default, PartialEq)]
struct Rule {
    id: String,
    enabled: bool,
    prefix: String,
    tags: Vec<(String, String)>,
    larger_than: Option<u64>,
    smaller_than: Option<u64>,
    expires: Option<When>,
    abort_after: Option<u32>,
    noncurrent: Option<Noncurrent>,
    /// Whether delete markers go that nothing else is left of.
    markers: bool,
}

/// When versions that are not current expire.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Noncurrent {
    days: u32,
    /// The newest so many stay.
    keep: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Days(u32),
    Date(DateTime<Utc>),
}

fn positive(node: &Node, name: &str) -> S3Result<Option<u32>> {
    let Some(text) = node.value(name) else { return Ok(None) };
    match text.trim().parse::<i64>() {
        Ok(days) if days > 0 && days <= i64::from(i32::MAX) => Ok(Some(days as u32)),
        Ok(_) => {
            fail("InvalidArgument", format!("'{name}' for Expiration action must be a positive integer"))
        }
        Err(_) => Err(malformed_xml()),
    }
}

/// A date of a rule: the first moment of a day.
fn date(text: &str) -> S3Result<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        let time = time.to_utc();
        return if time.time() == NaiveTime::MIN {
            Ok(time)
        } else {
            fail("InvalidArgument", "'Date' must be at midnight GMT")
        };
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    day.map(|day| day.and_time(NaiveTime::MIN).and_utc()).ok_or_else(malformed_xml)
}

impl Rules {
    /// Reads a `LifecycleConfiguration`.
    pub(crate) fn parse(root: &Node) -> S3Result<Self> {
        let rules: Vec<Rule> = root.all("Rule").map(Rule::parse).collect::<S3Result<_>>()?;
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
            return fail("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule");
        }
        if ids.iter().any(|id| id.chars().count() > 255) {
            return fail("InvalidArgument", "ID length should not exceed allowed limit of 255");
        }
        Ok(Self(rules))
    }
}

impl Rule {
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
                if filter.children.len() > 1 {
                    return Err(malformed_xml());
                }
                rule.filter(filter.child("And").unwrap_or(filter))?;
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
                (Some(days), None, None) => Some(When::Days(days)),
                (None, Some(text), None) => Some(When::Date(date(text)?)),
                (None, None, Some(value @ ("true" | "false"))) => {
                    rule.markers = value == "true";
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
        if !rule.tags.is_empty() && (rule.markers || rule.abort_after.is_some()) {
            return fail("InvalidRequest", "What has no tags cannot be chosen by them");
        }
        if actions == 0 {
            return fail("InvalidRequest", "At least one action needs to be specified in a rule");
        }
        Ok(rule)
    }

    fn filter(&mut self, filter: &Node) -> S3Result<()> {
        let size = |node: &Node| node.text.trim().parse::<u64>().map(Some).map_err(|_| malformed_xml());
        for node in &filter.children {
            match node.name.as_str() {
                "Prefix" => node.text.clone_into(&mut self.prefix),
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

    fn is_due(&self, key: &str, meta: &Meta, size: u64, modified: DateTime<Utc>, now: &Now) -> bool {
        let Some(when) = self.expires.filter(|_| self.enabled) else { return false };
        let due = match when {
            When::Days(days) => now.is_past(modified, days),
            When::Date(date) => now.time >= date,
        };
        due && self.fits(key, meta, size)
    }

    /// Whether the rule's filter lets an object through.
    fn fits(&self, key: &str, meta: &Meta, size: u64) -> bool {
        key.starts_with(&self.prefix)
            && self.tags.iter().all(|tag| meta.tags.contains(tag))
            && self.larger_than.is_none_or(|limit| size > limit)
            && self.smaller_than.is_none_or(|limit| size < limit)
    }
}

/// The header that tells when a current object will expire, and by which rule; nothing if none applies to it.
/// `day` is how long a day lasts here.
pub(crate) fn expiry_header(
    bucket: &Bucket,
    key: &str,
    object: &Object,
    day: Duration,
) -> Option<(String, String)> {
    let text = bucket.document("lifecycle")?;
    let root = xml::parse(text.as_bytes(), &["LifecycleConfiguration"]).ok()?;
    let rules = Rules::parse(&root).ok()?;
    let (at, id) = rules
        .0
        .iter()
        .filter(|rule| rule.enabled && rule.fits(key, &object.meta, object.stat.size))
        .filter_map(|rule| match rule.expires? {
            When::Days(days) => Some((object.stat.modified() + day.saturating_mul(days), &rule.id)),
            When::Date(date) => Some((date, &rule.id)),
        })
        .min()?;
    let value = format!("expiry-date=\"{}\", rule-id=\"{}\"", http_date(at), encode::query(id));
    Some(("x-amz-expiration".to_owned(), value))
}

/// The time, and how long a day is.
struct Now {
    time: DateTime<Utc>,
    day: Duration,
}

impl Now {
    fn is_past(&self, from: DateTime<Utc>, days: u32) -> bool {
        let age = (self.time - from).to_std().unwrap_or_default();
        age >= self.day.saturating_mul(days)
    }
}

/// Applies the rules of all buckets from time to time until `stopping` turns true.
pub(super) async fn run(server: Arc<Server>, mut stopping: watch::Receiver<bool>) {
    if server.read_only {
        return;
    }
    let day = server.day;
    let round = ROUND.min(day / 4).max(Duration::from_millis(200));
    loop {
        tokio::select! {
            () = super::http::stop_wanted(&mut stopping) => return,
            () = tokio::time::sleep(round) => {}
        }
        let server = Arc::clone(&server);
        let stopping = stopping.clone();
        let stopped = move || *stopping.borrow();
        let work = move || {
            let now = Now { time: Utc::now(), day };
            for bucket in server.store.buckets()? {
                if let Err(error) = expire(&bucket, &now, &stopped) {
                    log::error!("serve: lifecycle of {}: {}", bucket.name(), error.message);
                }
            }
            Ok::<_, S3Error>(())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::error!("serve: lifecycle: {}", error.message),
            Err(error) => log::error!("serve: lifecycle panicked: {error}"),
        }
    }
}

fn expire(bucket: &Bucket, now: &Now, stopped: &dyn Fn() -> bool) -> S3Result<()> {
    let Some(text) = bucket.document("lifecycle") else { return Ok(()) };
    let rules =
        xml::parse(text.as_bytes(), &["LifecycleConfiguration"]).and_then(|root| Rules::parse(&root))?;
    for upload in bucket.uploads_in_order()? {
        let due = rules.0.iter().any(|rule| {
            rule.enabled
                && upload.key.starts_with(&rule.prefix)
                && rule.tags.is_empty()
                && rule.abort_after.is_some_and(|days| now.is_past(upload.initiated, days))
        });
        if due {
            log::info!("serve: lifecycle: upload {} of {}/{}", upload.id, bucket.name(), upload.key);
            bucket.remove_upload(&upload.id)?;
        }
    }
    // Only what has one of the prefixes is looked at, each prefix once.
    let mut prefixes: Vec<&str> = rules
        .0
        .iter()
        .filter(|rule| rule.enabled && rule.expires.is_some())
        .map(|rule| &*rule.prefix)
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup_by(|later, earlier| later.starts_with(*earlier));
    for prefix in prefixes {
        let mut keys = Keys::new(bucket, prefix, b"")?;
        while let Some(key) = keys.next()? {
            if stopped() {
                return Ok(());
            }
            let Some(found) = bucket.summary(&key)? else { continue };
            let due = |meta: &Meta, size, modified| {
                rules.0.iter().any(|rule| rule.is_due(&key, meta, size, modified, now))
            };
            if !due(&found.meta, found.stat.size, found.stat.modified()) {
                continue;
            }
            // Looked at once more under the key's lock: it may have been replaced or tagged since.
            let result = bucket.remove(&key, None, |present| match present {
                Some(object) if due(&object.meta, object.stat.size, object.stat.modified()) => Ok(()),
                _ => fail("PreconditionFailed", "not due any more"),
            });
            match result {
                Ok(_) => log::info!("serve: lifecycle: expired {}/{key}", bucket.name()),
                Err(error) => log::debug!("serve: lifecycle: {}/{key}: {}", bucket.name(), error.message),
            }
        }
    }
    if bucket.versioning().is_some() {
        expire_versions(bucket, &rules, now, stopped)?;
    }
    Ok(())
}

fn expire_versions(bucket: &Bucket, rules: &Rules, now: &Now, stopped: &dyn Fn() -> bool) -> S3Result<()> {
    let rules: Vec<&Rule> = rules
        .0
        .iter()
        .filter(|rule| rule.enabled && (rule.noncurrent.is_some() || rule.markers || rule.expires.is_some()))
        .collect();
    if rules.is_empty() {
        return Ok(());
    }
    let mut keys = Keys::with_versions(bucket, "", b"")?;
    while let Some(key) = keys.next()? {
        if stopped() {
            return Ok(());
        }
        let versions = bucket.versions_of(&key)?;
        for (index, shown) in versions.iter().enumerate() {
            let fits = |rule: &Rule| match &shown.what {
                ShownWhat::Data(summary) => rule.fits(&key, &summary.meta, summary.stat.size),
                ShownWhat::Marker { .. } => rule.tags.is_empty() && key.starts_with(&rule.prefix),
            };
            let due = |rule: &Rule| {
                if let Some(newer) = index.checked_sub(1) {
                    // It stopped being current when what stands before it was written.
                    let since = versions[newer].modified();
                    return rule.noncurrent.is_some_and(|noncurrent| {
                        newer >= noncurrent.keep && now.is_past(since, noncurrent.days)
                    });
                }
                let alone = versions.len() == 1 && matches!(shown.what, ShownWhat::Marker { .. });
                let old = match rule.expires {
                    Some(When::Days(days)) => now.is_past(shown.modified(), days),
                    Some(When::Date(_)) | None => false,
                };
                alone && (rule.markers || old)
            };
            if !rules.iter().any(|rule| fits(rule) && due(rule)) {
                continue;
            }
            let removed = bucket.remove_version(&key, &shown.id, |_, meta| {
                if lock::is_locked(meta) { fail("AccessDenied", "locked") } else { Ok(()) }
            });
            match removed {
                Ok(_) => log::info!("serve: lifecycle: version {} of {}/{key}", shown.id, bucket.name()),
                Err(error) => log::debug!("serve: lifecycle: {}/{key}: {}", bucket.name(), error.message),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(inner: &str) -> S3Result<Rules> {
        let text = format!("<LifecycleConfiguration>{inner}</LifecycleConfiguration>");
        Rules::parse(&xml::parse(text.as_bytes(), &["LifecycleConfiguration"])?)
    }

    fn due(rules: &Rules, key: &str, tags: &[(&str, &str)], size: u64, age: i64) -> bool {
        let time = Utc::now();
        let now = Now { time, day: Duration::from_secs(10) };
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
        let off =
            rules("<Rule><Prefix/><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>");
        assert!(!due(&off.unwrap(), "k", &[], 1, 1000));
    }

    #[test]
    fn dates_are_days() {
        let of = |text| date(text).map(|date| date.timestamp()).map_err(|error| error.code);
        assert_eq!(of("2030-01-01"), Ok(1_893_456_000));
        assert_eq!(of("2030-01-01T00:00:00.000Z"), Ok(1_893_456_000));
        assert_eq!(of("2030-01-01T01:00:00+01:00"), Ok(1_893_456_000));
        assert_eq!(of("2030-01-01T01:00:00Z"), Err("InvalidArgument"));
        assert_eq!(of("tomorrow"), Err("MalformedXML"));
    }

    #[test]
    fn broken_rules_are_refused() {
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
            assert_eq!(rules(inner).unwrap_err().code, code, "{inner}");
        }
    }
}
