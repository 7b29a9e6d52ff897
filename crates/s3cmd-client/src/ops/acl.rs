//! Access control lists: the model, its XML form, and changes such as granting and revoking.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use super::object::with_document;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::model::xml::{self, Step};
use http::Method;
use std::fmt::Write;

/// URI of the group of all users, including anonymous ones.
pub const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
/// Part of the URI of every predefined group.
const GROUPS: &str = "http://acs.amazonaws.com/groups/";

/// The user or group that a grant applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// A user by canonical ID (on Ceph, a user or project ID).
    User {
        /// Canonical ID.
        id: String,
        /// Display name; empty in requests.
        name: String,
    },
    /// A user by e-mail address; servers respond with the canonical ID instead.
    Email(String),
    /// A predefined group by URI.
    Group(String),
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who receives the permission.
    pub grantee: Grantee,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

/// The access control list of a bucket or an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    /// Canonical ID of the owner.
    pub owner_id: String,
    /// Display name of the owner.
    pub owner_name: String,
    /// Grants, in the server's order.
    pub grants: Vec<Grant>,
}

impl Grantee {
    /// Parses a grantee: text with `@` is an e-mail address, the URI of a predefined group is a group, and anything
    /// else is a canonical ID, which is lower-cased. These are the rules of s3cmd's `--acl-grant=PERMISSION:WHO`
    /// (measured on s3cmd 2.4.0).
    pub fn parse(who: &str) -> Self {
        if who.contains('@') {
            Grantee::Email(who.to_owned())
        } else if who.contains(GROUPS) {
            Grantee::Group(who.to_owned())
        } else {
            Grantee::User { id: who.to_lowercase(), name: String::new() }
        }
    }

    /// Whether this is the group of all users, including anonymous ones.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Grantee::Group(uri) if uri == ALL_USERS)
    }

    /// Name for display: the display name, else the ID; `*anon*` for the group of all users.
    pub fn shown(&self) -> &str {
        match self {
            grantee if grantee.is_anonymous() => "*anon*",
            Grantee::User { id, name } if name.is_empty() => id,
            Grantee::User { name, .. } => name,
            Grantee::Email(address) => address,
            Grantee::Group(uri) => uri,
        }
    }

    /// Whether `who` refers to this grantee, by ID or display name, ignoring case.
    fn is_named(&self, who: &str) -> bool {
        let same = |name: &str| name.to_lowercase() == who.to_lowercase();
        match self {
            Grantee::User { id, name } => same(id) || same(name),
            Grantee::Email(name) | Grantee::Group(name) => same(name),
        }
    }
}

impl Acl {
    /// Whether anonymous users may read.
    pub fn allows_anonymous_read(&self) -> bool {
        self.grants.iter().any(|grant| {
            grant.grantee.is_anonymous() && matches!(grant.permission.as_str(), "READ" | "FULL_CONTROL")
        })
    }

    /// Grants read access to anonymous users. Returns `false` if they had it already.
    pub fn grant_anonymous_read(&mut self) -> bool {
        if self.allows_anonymous_read() {
            return false;
        }
        let grantee = Grantee::Group(ALL_USERS.to_owned());
        self.grants.push(Grant { grantee, permission: "READ".to_owned() });
        true
    }

    /// Revokes read, write and full control from anonymous users. Returns `false` if there was nothing to revoke.
    pub fn revoke_anonymous(&mut self) -> bool {
        let before = self.grants.len();
        self.grants.retain(|grant| {
            !(grant.grantee.is_anonymous()
                && matches!(grant.permission.as_str(), "READ" | "WRITE" | "FULL_CONTROL"))
        });
        self.grants.len() != before
    }

    /// Adds a grant. `permission` is case-insensitive; `all` stands for full control and replaces the grantee's other
    /// grants. A grant that already exists, or that full control already covers, is not added.
    pub fn grant(&mut self, permission: &str, who: &str) {
        let grantee = Grantee::parse(who);
        let permission = permission.to_uppercase();
        let permission = if permission == "ALL" { "FULL_CONTROL".to_owned() } else { permission };
        if permission == "FULL_CONTROL" {
            self.revoke("ALL", who);
        }
        let there = self.grants.iter().any(|grant| {
            grant.grantee.is_named(who)
                && (grant.permission == permission || grant.permission == "FULL_CONTROL")
        });
        if !there {
            self.grants.push(Grant { grantee, permission });
        }
    }

    /// Removes grants by ID or display name; the permission `all` removes every grant of the grantee. Returns `false`
    /// if nothing was removed.
    pub fn revoke(&mut self, permission: &str, who: &str) -> bool {
        let permission = permission.to_uppercase();
        let before = self.grants.len();
        self.grants.retain(|grant| {
            !(grant.grantee.is_named(who) && (permission == "ALL" || grant.permission == permission))
        });
        self.grants.len() != before
    }

    /// Whether the grantee has full control, which includes every permission.
    pub fn grants_all_to(&self, who: &str) -> bool {
        self.grants.iter().any(|grant| grant.grantee.is_named(who) && grant.permission == "FULL_CONTROL")
    }

    /// Serializes the list as an `AccessControlPolicy` document.
    pub fn to_xml(&self) -> String {
        let mut out = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        );
        let _ = write!(out, "<Owner><ID>{}</ID>", xml::escaped(&self.owner_id));
        if !self.owner_name.is_empty() {
            let _ = write!(out, "<DisplayName>{}</DisplayName>", xml::escaped(&self.owner_name));
        }
        out.push_str("</Owner><AccessControlList>");
        for grant in &self.grants {
            let (kind, tag, value) = match &grant.grantee {
                Grantee::User { id, .. } => ("CanonicalUser", "ID", id),
                Grantee::Email(address) => ("AmazonCustomerByEmail", "EmailAddress", address),
                Grantee::Group(uri) => ("Group", "URI", uri),
            };
            let _ = write!(
                out,
                "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">\
                 <{tag}>{}</{tag}></Grantee><Permission>{}</Permission></Grant>",
                xml::escaped(value),
                grant.permission,
            );
        }
        out.push_str("</AccessControlList></AccessControlPolicy>");
        out
    }

    /// Parses an `AccessControlPolicy` document.
    pub fn from_xml(text: &str) -> Result<Self> {
        let mut acl = Acl::default();
        let (mut id, mut name, mut uri, mut email) = <(String, String, String, String)>::default();
        let mut permission = String::new();
        let mut is_acl = false;
        xml::walk(text, |step| {
            let (path, value) = match step {
                Step::Open([root]) => {
                    is_acl = root == "AccessControlPolicy";
                    return;
                }
                Step::Close([_, path @ ..], value) => (path, value.trim()),
                Step::Open(..) | Step::Close(..) => return,
            };
            match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["Owner", "ID"] => acl.owner_id = value.to_owned(),
                ["Owner", "DisplayName"] => acl.owner_name = value.to_owned(),
                [_, "Grant", "Grantee", "ID"] => id = value.to_owned(),
                [_, "Grant", "Grantee", "DisplayName"] => name = value.to_owned(),
                [_, "Grant", "Grantee", "URI"] => uri = value.to_owned(),
                [_, "Grant", "Grantee", "EmailAddress"] => email = value.to_owned(),
                [_, "Grant", "Permission"] => permission = value.to_owned(),
                [_, "Grant"] => {
                    let (id, name) = (std::mem::take(&mut id), std::mem::take(&mut name));
                    let (uri, email) = (std::mem::take(&mut uri), std::mem::take(&mut email));
                    let grantee = if !uri.is_empty() {
                        Grantee::Group(uri)
                    } else if !email.is_empty() {
                        Grantee::Email(email)
                    } else {
                        Grantee::User { id, name }
                    };
                    acl.grants.push(Grant { grantee, permission: std::mem::take(&mut permission) });
                }
                _ => {}
            }
        })?;
        if is_acl { Ok(acl) } else { Err(Error::Malformed("a response that is not an ACL".into())) }
    }
}

impl Client {
    /// Reads the access control list of a bucket, or of an object if `key` is given.
    pub async fn get_acl(&self, bucket: &str, key: Option<&str>) -> Result<Acl> {
        let request = self.request_for(Method::GET, bucket, key).query("acl", "");
        Acl::from_xml(&self.fetch_text(request).await?)
    }

    /// Replaces the access control list.
    pub async fn put_acl(&self, bucket: &str, key: Option<&str>, acl: &Acl) -> Result<()> {
        let request = self.request_for(Method::PUT, bucket, key).query("acl", "");
        self.send(with_document(request, acl.to_xml(), "application/xml").await?).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Acl {
        let mut acl = Acl { owner_id: "me".into(), owner_name: "Me".into(), grants: vec![] };
        let me = Grantee::User { id: "me".into(), name: "Me".into() };
        acl.grants.push(Grant { grantee: me, permission: "FULL_CONTROL".into() });
        acl
    }

    #[test]
    fn documents_round_trip() {
        let mut acl = sample();
        acl.grant("read", "a&b");
        acl.grant("write", "x@example.org");
        acl.grant_anonymous_read();
        let mut read = Acl::from_xml(&acl.to_xml()).unwrap();
        // Display names are not sent.
        read.grants[0].grantee = Grantee::User { id: "me".into(), name: "Me".into() };
        assert_eq!(read, acl);
        assert!(Acl::from_xml("<html/>").is_err());
    }

    #[test]
    fn all_replaces_the_other_grants_of_the_grantee() {
        let mut acl = sample();
        acl.grant("read", "Other");
        acl.grant("read", "other");
        assert_eq!(acl.grants.len(), 2);
        acl.grant("all", "other");
        let shown: Vec<_> = acl.grants.iter().map(|g| (g.grantee.shown(), g.permission.as_str())).collect();
        assert_eq!(shown, [("Me", "FULL_CONTROL"), ("other", "FULL_CONTROL")]);
        acl.revoke("read", "other");
        assert_eq!(acl.grants.len(), 2);
        acl.revoke("all", "OTHER");
        assert_eq!(acl, sample());
        acl.revoke("full_control", "Me");
        assert!(acl.grants.is_empty());
    }

    #[test]
    fn public_and_private_are_idempotent() {
        let mut acl = sample();
        assert!(acl.grant_anonymous_read());
        assert!(!acl.grant_anonymous_read());
        assert!(acl.allows_anonymous_read());
        assert!(acl.revoke_anonymous());
        assert!(!acl.revoke_anonymous());
        assert_eq!(acl, sample());
    }
}
