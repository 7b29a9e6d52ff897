//! Results of several lines: those of `info`, `getacl` and the CloudFront commands.

use super::event::as_map;
use crate::uri::S3Uri;
use s3cmd_client::model::acl::{Acl, Grant, Grantee};
use s3cmd_client::model::documents::LifecycleRule;
use s3cmd_client::ops::subresources::ObjectLock;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};

/// The details of an object, without those that could not be read because of an error.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct ObjectInfo {
    pub(crate) bucket: String,
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version_id: Option<String>,
    pub(crate) size: u64,
    pub(crate) modified: Option<String>,
    pub(crate) content_type: String,
    pub(crate) storage_class: String,
    pub(crate) etag: String,
    /// The stored MD5 of the content.
    pub(crate) md5: Option<String>,
    /// `AES256`, `aws:kms`.
    pub(crate) encryption: Option<String>,
    #[serde(flatten)]
    pub(crate) access: Access,
    #[serde(serialize_with = "as_map")]
    pub(crate) metadata: Vec<(String, String)>,
    /// Name and value of the stored checksum, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Checksum>,
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    /// Whether the object is under legal hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) legal_hold: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// `Last-Modified` as sent.
    #[serde(skip)]
    pub(crate) last_modified: String,
    /// Whether a version was requested, which then has a line.
    #[serde(skip)]
    pub(crate) shows_version: bool,
}

/// How long an object is protected from deletion.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct Retention {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub(crate) mode: String,
    pub(crate) until: String,
}

/// The default encryption of new objects in a bucket.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct Encryption {
    /// `AES256`, `aws:kms`.
    pub(crate) algorithm: String,
    /// Id of the KMS key.
    pub(crate) key: Option<String>,
}

/// The documents of a static website.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct WebsiteDocuments {
    pub(crate) index: Option<String>,
    pub(crate) error: Option<String>,
}

/// A checksum that the service stores.
#[derive(Debug, Serialize)]
pub(crate) struct Checksum {
    /// `crc64nvme`, for example.
    pub(crate) algorithm: &'static str,
    /// As the service writes it.
    pub(crate) value: String,
    /// The header that contained it.
    #[serde(skip)]
    pub(crate) header: &'static str,
}

/// The details of a bucket, without those that could not be read because of an error.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct BucketInfo {
    pub(crate) bucket: String,
    pub(crate) location: String,
    pub(crate) payer: Option<String>,
    pub(crate) ownership: Option<String>,
    pub(crate) versioning: Option<String>,
    /// The lifecycle rules. The first that expires objects is also under `expiration`.
    #[serde(flatten, serialize_with = "with_expiration")]
    pub(crate) lifecycle: Vec<LifecycleRule>,
    pub(crate) public_access_block: Vec<String>,
    #[serde(flatten)]
    pub(crate) access: Access,
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    /// Where access logs go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logging: Option<S3Uri>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) website: Option<WebsiteDocuments>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_lock: Option<ObjectLock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<Encryption>,
    /// The number of lines to print: those before an error.
    #[serde(skip)]
    pub(crate) lines_known: usize,
}

/// A rule that expires objects, in the form of the field `expiration`.
#[derive(Debug, Default, Serialize)]
struct Expiration<'a> {
    prefix: &'a str,
    days: Option<&'a str>,
    date: Option<&'a str>,
}

/// Lifecycle rules as two fields: `expiration`, the first enabled rule that expires objects by prefix, and `lifecycle`,
/// all rules.
fn with_expiration<S: Serializer>(rules: &[LifecycleRule], to: S) -> Result<S::Ok, S::Error> {
    let expiration = rules.iter().filter(|rule| rule.selects_by_prefix_only()).find_map(Expiration::of);
    let mut map = to.serialize_map(Some(2))?;
    map.serialize_entry("expiration", &expiration)?;
    if !rules.is_empty() {
        map.serialize_entry("lifecycle", rules)?;
    }
    map.end()
}

/// The access settings; a field is `None` if an error occurred before it was read.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct Access {
    /// The policy; the inner `None` means that there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<Option<String>>,
    /// The inner `None` means that the service does not support grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acl: Option<Option<Vec<OwnedGrant>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
}

/// One grant.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct GrantInfo<'a> {
    /// `user`, `email`, `group`, or `other` for a type of grantee that S3 does not have.
    pub kind: &'static str,
    /// Canonical id, address or URI; the type of another grantee.
    pub id: &'a str,
    /// Display name; empty if absent.
    pub name: &'a str,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub(crate) permission: &'a str,
    /// The grantee as the line shows it.
    #[serde(skip)]
    pub(crate) shown: &'a str,
}

/// One owned grant.
#[derive(Clone, Debug)]
pub(crate) struct OwnedGrant(Grant);

impl<'a> GrantInfo<'a> {
    /// A grant of an access control list.
    pub(crate) fn of(grant: &'a Grant) -> Self {
        let (kind, id, name) = match &grant.grantee {
            Grantee::User { id, name } => ("user", id.as_str(), name.as_str()),
            Grantee::Email(address) => ("email", address.as_str(), ""),
            Grantee::Group(uri) => ("group", uri.as_str(), ""),
            Grantee::Other(other) => ("other", other.kind(), ""),
        };
        let shown = if grant.grantee.is_anonymous() { "*anon*" } else { grant.grantee.name() };
        Self { kind, id, name, permission: &grant.permission, shown }
    }

    pub(super) fn text(&self, out: &mut String) -> fmt::Result {
        write!(out, "   ACL:       {}: {}", self.shown, self.permission)
    }
}

impl OwnedGrant {
    /// The grants of a list.
    pub(crate) fn all(acl: Acl) -> Vec<Self> {
        acl.grants.into_iter().map(Self).collect()
    }
}

impl Serialize for OwnedGrant {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        GrantInfo::of(&self.0).serialize(to)
    }
}

impl ObjectInfo {
    pub(super) fn text(&self, out: &mut String) -> fmt::Result {
        let or =
            |value: &str, other: &str| if value.is_empty() { other.to_owned() } else { value.to_owned() };
        let uri = S3Uri::new(&*self.bucket, &*self.key);
        write!(out, "{uri} (object):")?;
        write!(out, "\n   File size: {}", self.size)?;
        write!(out, "\n   Last mod:  {}", self.last_modified)?;
        write!(out, "\n   MIME type: {}", or(&self.content_type, "none"))?;
        write!(out, "\n   Storage:   {}", self.storage_class)?;
        write!(out, "\n   MD5 sum:   {}", self.md5.as_deref().unwrap_or(&self.etag))?;
        write!(out, "\n   SSE:       {}", self.encryption.as_deref().unwrap_or("none"))?;
        if let Some(id) = self.version_id.as_ref().filter(|_| self.shows_version) {
            write!(out, "\n   Version:   {id}")?;
        }
        self.access.text(out)?;
        for (name, value) in &self.metadata {
            write!(out, "\n   x-amz-meta-{name}: {value}")?;
        }
        if let Some(checksum) = &self.checksum {
            write!(out, "\n   {}: {}", checksum.header, checksum.value)?;
        }
        tag_lines(&self.tags, out)?;
        if self.legal_hold == Some(true) {
            out.push_str("\n   Legal hold: ON");
        }
        match &self.retention {
            Some(Retention { mode, until }) => write!(out, "\n   Retention: {mode} until {until}"),
            None => Ok(()),
        }
    }
}

impl BucketInfo {
    pub(super) fn text(&self, out: &mut String) -> fmt::Result {
        let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        let block = match &self.public_access_block[..] {
            [] => "none".to_owned(),
            switches => switches.join(","),
        };
        let lines = [
            format!("{} (bucket):", S3Uri::new(&*self.bucket, "")),
            format!("   Location:  {}", self.location),
            format!("   Payer:     {}", known(&self.payer)),
            format!("   Ownership: {}", known(&self.ownership)),
            format!("   Versioning:{}", known(&self.versioning)),
            expiration_line(&self.lifecycle),
            format!("   Block Public Access: {block}"),
        ];
        out.push_str(&lines[..self.lines_known.min(lines.len())].join("\n"));
        self.access.text(out)?;
        self.more(out)
    }

    /// Appends the settings that s3cmd does not show and that are set.
    fn more(&self, out: &mut String) -> fmt::Result {
        if !fits_one_line(&self.lifecycle) {
            self.lifecycle.iter().try_for_each(|rule| lifecycle_line(rule, out))?;
        }
        tag_lines(&self.tags, out)?;
        if let Some(target) = &self.logging {
            write!(out, "\n   Logging:   {target}")?;
        }
        if let Some(WebsiteDocuments { index, error }) = &self.website {
            let (index, error) = (index.as_deref().unwrap_or("none"), error.as_deref().unwrap_or("none"));
            write!(out, "\n   Website:   index document {index}, error document {error}")?;
        }
        if let Some(ObjectLock { mode, days, years }) = &self.object_lock {
            out.push_str("\n   Object lock: enabled");
            if let Some(mode) = mode {
                write!(out, ", {mode} for ")?;
                match (days, years) {
                    (Some(days), _) => write!(out, "{days} day(s)")?,
                    (None, years) => write!(out, "{} year(s)", years.as_deref().unwrap_or("?"))?,
                }
            }
        }
        if let Some(Encryption { algorithm, key }) = &self.encryption {
            write!(out, "\n   Encryption: {algorithm}")?;
            if let Some(key) = key {
                write!(out, " ({key})")?;
            }
        }
        Ok(())
    }
}

fn tag_lines(tags: &[(String, String)], out: &mut String) -> fmt::Result {
    tags.iter().try_for_each(|(key, value)| write!(out, "\n   Tag:       {key}: {value}"))
}

/// Whether s3cmd's line describes the rules completely.
fn fits_one_line(rules: &[LifecycleRule]) -> bool {
    match rules {
        [] => true,
        [rule] => matches!(&rule.actions[..], [action] if rule.enabled && action.expires_objects()),
        _ => false,
    }
}

fn lifecycle_line(rule: &LifecycleRule, out: &mut String) -> fmt::Result {
    let status = if rule.enabled { "enabled" } else { "disabled" };
    write!(out, "\n   Lifecycle: '{}' ({status}): {}: ", rule.id, rule.scope())?;
    for (index, action) in rule.actions.iter().enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        write!(out, "{separator}{action}")?;
    }
    Ok(())
}

/// s3cmd's line: the first enabled rule that expires objects, preferably one that selects them by prefix.
fn expiration_line(rules: &[LifecycleRule]) -> String {
    let by_prefix = rules.iter().filter(|rule| rule.selects_by_prefix_only());
    let found = by_prefix.chain(rules).find_map(|rule| Some((rule, Expiration::of(rule)?)));
    let Some((rule, expiration)) = found else { return "   Expiration rule: none".to_owned() };
    let when = match (expiration.days, expiration.date) {
        (Some(days), _) => format!("'{days}' day(s) after creation"),
        (None, date) => format!("'{}' ", date.unwrap_or_default()),
    };
    format!("   Expiration Rule: {} will expire in {when}", rule.scope())
}

impl Access {
    /// Appends the lines for policy, CORS and grants, which buckets and objects share. The documents are printed as
    /// received, with their line endings (measured on s3cmd 2.4.0).
    fn text(&self, out: &mut String) -> fmt::Result {
        let none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        if let Some(policy) = &self.policy {
            write!(out, "\n   Policy:    {}", none(policy))?;
        }
        if let Some(cors) = &self.cors {
            write!(out, "\n   CORS:      {}", none(cors))?;
        }
        match &self.acl {
            None => {}
            Some(None) => out.push_str("\n   ACL:       none"),
            Some(Some(grants)) => {
                for grant in grants {
                    out.push('\n');
                    GrantInfo::of(&grant.0).text(out)?;
                }
            }
        }
        match &self.public_url {
            Some(url) => write!(out, "\n   URL:       {url}"),
            None => Ok(()),
        }
    }
}

impl<'a> Expiration<'a> {
    /// The expiration of an enabled rule, if it expires objects.
    fn of(rule: &'a LifecycleRule) -> Option<Self> {
        let action = rule.actions.iter().find(|action| rule.enabled && action.expires_objects())?;
        Some(Self { prefix: &rule.prefix, days: action.days.as_deref(), date: action.date.as_deref() })
    }
}

/// The details of a CloudFront distribution. The command determines the lines.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are details in docs/json.md")]
pub(crate) struct Distribution<'a> {
    pub id: &'a str,
    pub(crate) domain_name: &'a str,
    pub(crate) origins: Vec<String>,
    pub(crate) cnames: &'a [String],
    pub(crate) status: &'a str,
    pub(crate) enabled: bool,
    pub(crate) comment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_root_object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logging: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<&'a str>,
    /// What was done: `created` or `modified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<&'a str>,
    /// A heading before the other lines.
    #[serde(skip)]
    pub(crate) heading: Option<String>,
    /// The lines: label and value.
    #[serde(skip)]
    pub lines: Vec<(&'static str, String)>,
}

impl Distribution<'_> {
    pub(super) fn text(&self, out: &mut String) -> fmt::Result {
        let heading = self.heading.iter().cloned();
        let lines = self.lines.iter().map(|(label, value)| labelled(label, value));
        out.push_str(&heading.chain(lines).collect::<Vec<_>>().join("\n"));
        Ok(())
    }
}

/// A label, and its value from the 17th column on.
pub(super) fn labelled(label: &str, value: impl fmt::Display) -> String {
    format!("{:<15} {value}", format!("{label}:"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::model::documents::LifecycleAction;

    fn rule(id: &str, enabled: bool, prefix: &str, days: Option<&str>, date: Option<&str>) -> LifecycleRule {
        let action = LifecycleAction {
            action: "Expiration".into(),
            days: days.map(Into::into),
            date: date.map(Into::into),
            ..LifecycleAction::default()
        };
        LifecycleRule {
            id: id.into(),
            enabled,
            prefix: prefix.into(),
            actions: vec![action],
            ..LifecycleRule::default()
        }
    }

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn expiry_rules_read_as_in_s3cmd() {
        let line = |prefix: &str, days, date| expiration_line(&[rule("r", true, prefix, days, date)]);
        assert_eq!(expiration_line(&[]), "   Expiration rule: none");
        assert_eq!(
            line("log/", Some("7"), None),
            "   Expiration Rule: objects with key prefix 'log/' will expire in '7' day(s) after creation"
        );
        assert_eq!(
            line("", Some("3"), None),
            "   Expiration Rule: all objects in this bucket will expire in '3' day(s) after creation"
        );
        assert_eq!(
            line("y/", None, Some("2030-01-01T00:00:00.000Z")),
            "   Expiration Rule: objects with key prefix 'y/' will expire in '2030-01-01T00:00:00.000Z' "
        );
    }

    #[test]
    fn disabled_or_complex_rules_have_their_own_lines() {
        let off = rule("off", false, "a/", Some("1"), None);
        assert_eq!(expiration_line(std::slice::from_ref(&off)), "   Expiration rule: none");
        let mut tagged = rule("tagged", true, "", Some("2"), None);
        tagged.tags.push(("k".into(), "v".into()));
        let rules = [off, tagged.clone(), rule("on", true, "b/", Some("3"), None)];
        assert_eq!(
            expiration_line(&rules),
            "   Expiration Rule: objects with key prefix 'b/' will expire in '3' day(s) after creation"
        );
        assert_eq!(
            expiration_line(&rules[..2]),
            "   Expiration Rule: objects with tag 'k=v' will expire in '2' day(s) after creation"
        );
        let mut lines = String::new();
        BucketInfo { lifecycle: rules.to_vec(), ..BucketInfo::default() }.more(&mut lines).unwrap();
        assert_eq!(
            lines,
            "\n   Lifecycle: 'off' (disabled): objects with key prefix 'a/': Expiration after 1 day(s)\
             \n   Lifecycle: 'tagged' (enabled): objects with tag 'k=v': Expiration after 2 day(s)\
             \n   Lifecycle: 'on' (enabled): objects with key prefix 'b/': Expiration after 3 day(s)"
        );
        assert!(fits_one_line(&rules[2..]) && fits_one_line(&[tagged]));
    }
}
