//! Descriptions of several lines: what `info`, `getacl` and the CloudFront commands tell.

use super::event::as_map;
use crate::s3::acl::{Acl, Grant, Grantee};
use crate::uri::S3Uri;
use serde::Serialize;
use std::fmt::{self, Write as _};

/// What is known of an object. What could not be found out because of an error is left out.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are described in docs/json.md")]
pub struct ObjectInfo {
    pub bucket: String,
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    pub size: u64,
    pub modified: Option<String>,
    pub content_type: String,
    pub storage_class: String,
    pub etag: String,
    /// The stored sum of the content.
    pub md5: Option<String>,
    /// `AES256`, `aws:kms`.
    pub encryption: Option<String>,
    #[serde(flatten)]
    pub access: Access,
    #[serde(serialize_with = "as_map")]
    pub metadata: Vec<(String, String)>,
    /// Name and value of the stored checksum, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// `Last-Modified` as sent.
    #[serde(skip)]
    pub last_modified: String,
    /// Whether a version was asked for, which gets a line then.
    #[serde(skip)]
    pub shows_version: bool,
}

/// A checksum that the service stores.
#[derive(Debug, Serialize)]
pub struct Checksum {
    /// `crc64nvme` and its kin.
    pub algorithm: &'static str,
    /// As the service writes it.
    pub value: String,
    /// The header that it came in.
    #[serde(skip)]
    pub header: &'static str,
}

/// What is known of a bucket. What could not be found out because of an error is left out.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are described in docs/json.md")]
pub struct BucketInfo {
    pub bucket: String,
    pub location: String,
    pub payer: Option<String>,
    pub ownership: Option<String>,
    pub versioning: Option<String>,
    pub expiration: Option<Expiration>,
    pub public_access_block: Vec<String>,
    #[serde(flatten)]
    pub access: Access,
    /// How many of the lines there are: what came before an error.
    #[serde(skip)]
    pub known: usize,
}

/// A rule that deletes objects some day.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are described in docs/json.md")]
pub struct Expiration {
    pub prefix: String,
    pub days: Option<String>,
    pub date: Option<String>,
}

/// Who may do what; each `None` where an error came before it.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are described in docs/json.md")]
pub struct Access {
    /// The policy; `None` inside where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Option<String>>,
    /// `None` inside where the service knows no grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Option<Vec<OwnedRight>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

/// One grant.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Right<'a> {
    /// `user`, `email`, `group`.
    pub kind: &'static str,
    /// Canonical id, address or URI.
    pub id: &'a str,
    /// Display name; empty where there is none.
    pub name: &'a str,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: &'a str,
    /// As the line shows it.
    #[serde(skip)]
    pub shown: &'a str,
}

/// One grant, kept.
#[derive(Clone, Debug)]
pub struct OwnedRight(Grant);

impl<'a> Right<'a> {
    /// A grant of an access control list.
    pub fn of(grant: &'a Grant) -> Self {
        let (kind, id, name) = match &grant.grantee {
            Grantee::User { id, name } => ("user", id.as_str(), name.as_str()),
            Grantee::Email(address) => ("email", address.as_str(), ""),
            Grantee::Group(uri) => ("group", uri.as_str(), ""),
        };
        Self { kind, id, name, permission: &grant.permission, shown: grant.grantee.shown() }
    }

    pub(super) fn text(&self, out: &mut String) -> fmt::Result {
        write!(out, "   ACL:       {}: {}", self.shown, self.permission)
    }
}

impl OwnedRight {
    /// The grants of a list.
    pub fn all(acl: Acl) -> Vec<Self> {
        acl.grants.into_iter().map(Self).collect()
    }
}

impl Serialize for OwnedRight {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Right::of(&self.0).serialize(to)
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
        match &self.checksum {
            Some(checksum) => write!(out, "\n   {}: {}", checksum.header, checksum.value),
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
            Expiration::line(self.expiration.as_ref()),
            format!("   Block Public Access: {block}"),
        ];
        out.push_str(&lines[..self.known.min(lines.len())].join("\n"));
        self.access.text(out)
    }
}

impl Access {
    /// The lines about policy, CORS and grants, which buckets and objects share. The documents are shown as they came,
    /// line ends and all (measured on s3cmd 2.4.0).
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
            Some(Some(rights)) => {
                for right in rights {
                    out.push('\n');
                    Right::of(&right.0).text(out)?;
                }
            }
        }
        match &self.public_url {
            Some(url) => write!(out, "\n   URL:       {url}"),
            None => Ok(()),
        }
    }
}

impl Expiration {
    fn line(rule: Option<&Self>) -> String {
        let Some(rule) = rule else { return "   Expiration rule: none".to_owned() };
        let objects = if rule.prefix.is_empty() {
            "all objects in this bucket".to_owned()
        } else {
            format!("objects with key prefix '{}'", rule.prefix)
        };
        let when = match (&rule.days, &rule.date) {
            (Some(days), _) => format!("'{days}' day(s) after creation"),
            (None, Some(date)) => format!("'{date}' "),
            (None, None) => return "   Expiration rule: none".to_owned(),
        };
        format!("   Expiration Rule: {objects} will expire in {when}")
    }
}

/// What is known of a CloudFront distribution. Which lines tell it depends on the command.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the fields are described in docs/json.md")]
pub struct Distribution<'a> {
    pub id: &'a str,
    pub domain_name: &'a str,
    pub origins: Vec<String>,
    pub cnames: &'a [String],
    pub status: &'a str,
    pub enabled: bool,
    pub comment: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_root_object: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<&'a str>,
    /// What was done with it: `created`, `modified`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<&'a str>,
    /// A line of its own before the others.
    #[serde(skip)]
    pub heading: Option<String>,
    /// The lines: labels and what they label.
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

/// A label, and what it labels from the 17th column on.
pub(super) fn labelled(label: &str, value: impl fmt::Display) -> String {
    format!("{:<15} {value}", format!("{label}:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn expiry_rules_read_as_in_s3cmd() {
        let line = |prefix: &str, days: Option<&str>, date: Option<&str>| {
            Expiration::line(Some(&Expiration {
                prefix: prefix.into(),
                days: days.map(Into::into),
                date: date.map(Into::into),
            }))
        };
        assert_eq!(Expiration::line(None), "   Expiration rule: none");
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
}
