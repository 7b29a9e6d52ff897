//! Access control lists: canned ACLs, grant headers, and XML.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::xml::{Node, Writer};
use crate::auth::users::User;
use serde::{Deserialize, Serialize};

/// Owner and grants of a bucket or object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acl {
    /// Canonical id.
    pub(crate) owner: String,
    pub(crate) grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) to: Grantee,
    pub(crate) permission: Permission,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Grantee {
    /// Canonical id.
    User(String),
    /// Everyone, including anonymous clients.
    AllUsers,
    /// All users with valid credentials.
    AuthenticatedUsers,
    /// Stored only: this server has no log delivery.
    LogDelivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Permission {
    Read,
    Write,
    ReadAcp,
    WriteAcp,
    FullControl,
}

const PERMISSIONS: [(Permission, &str); 5] = [
    (Permission::Read, "READ"),
    (Permission::Write, "WRITE"),
    (Permission::ReadAcp, "READ_ACP"),
    (Permission::WriteAcp, "WRITE_ACP"),
    (Permission::FullControl, "FULL_CONTROL"),
];

const GRANT_HEADERS: [(&str, Permission); 5] = [
    ("x-amz-grant-read", Permission::Read),
    ("x-amz-grant-write", Permission::Write),
    ("x-amz-grant-read-acp", Permission::ReadAcp),
    ("x-amz-grant-write-acp", Permission::WriteAcp),
    ("x-amz-grant-full-control", Permission::FullControl),
];

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// S3's limit on the grants of an ACL.
const MAX_GRANTS: usize = 100;

impl Permission {
    fn covers(self, required: Self) -> bool {
        self == required || self == Self::FullControl
    }

    fn parse(text: &str) -> S3Result<Self> {
        let known = PERMISSIONS.iter().find(|(_, name)| *name == text);
        known.map(|(permission, _)| *permission).ok_or_else(malformed_xml)
    }

    fn name(self) -> &'static str {
        PERMISSIONS.iter().find(|(permission, _)| *permission == self).map_or("", |(_, name)| name)
    }
}

impl Acl {
    /// Full control for the owner, nothing for others.
    pub(crate) fn private(owner: &str) -> Self {
        let full = Grant { to: Grantee::User(owner.to_owned()), permission: Permission::FullControl };
        Self { owner: owner.to_owned(), grants: vec![full] }
    }

    /// A canned ACL. `bucket_owner` matters for objects only.
    pub(crate) fn canned(name: &str, owner: &str, bucket_owner: &str) -> S3Result<Self> {
        let mut acl = Self::private(owner);
        let mut add = |to, permission| acl.grants.push(Grant { to, permission });
        match name {
            "private" | "aws-exec-read" => {}
            "public-read" => add(Grantee::AllUsers, Permission::Read),
            "public-read-write" => {
                add(Grantee::AllUsers, Permission::Read);
                add(Grantee::AllUsers, Permission::Write);
            }
            "authenticated-read" => add(Grantee::AuthenticatedUsers, Permission::Read),
            "bucket-owner-read" if bucket_owner != owner => {
                add(Grantee::User(bucket_owner.to_owned()), Permission::Read);
            }
            "bucket-owner-full-control" if bucket_owner != owner => {
                add(Grantee::User(bucket_owner.to_owned()), Permission::FullControl);
            }
            "bucket-owner-read" | "bucket-owner-full-control" => {}
            "log-delivery-write" => {
                add(Grantee::LogDelivery, Permission::Write);
                add(Grantee::LogDelivery, Permission::ReadAcp);
            }
            _ => return fail(ErrorCode::InvalidArgument, "The canned ACL is not known."),
        }
        Ok(acl)
    }

    /// The ACL that a request's headers set; `None` if there are no ACL headers.
    pub(crate) fn from_headers(
        header: impl Fn(&str) -> Option<String>,
        owner: &str,
        bucket_owner: &str,
        users: &[User],
    ) -> S3Result<Option<Self>> {
        let canned = header("x-amz-acl");
        let mut grants = Vec::new();
        for (name, permission) in GRANT_HEADERS {
            let Some(value) = header(name) else { continue };
            for part in value.split(',') {
                let (kind, grantee) = part.trim().split_once('=').unwrap_or((part.trim(), ""));
                let grantee = grantee.trim().trim_matches('"');
                let to = match kind.trim().to_ascii_lowercase().as_str() {
                    "id" => user_by_id(grantee, users)?,
                    "emailaddress" => user_by_email(grantee, users)?,
                    "uri" => group(grantee)?,
                    _ => return fail(ErrorCode::InvalidArgument, "Argument format not recognized"),
                };
                grants.push(Grant { to, permission });
            }
        }
        match canned {
            Some(_) if !grants.is_empty() => fail(
                ErrorCode::InvalidRequest,
                "Specifying both Canned ACLs and Header Grants is not allowed",
            ),
            Some(name) => Self::canned(&name, owner, bucket_owner).map(Some),
            None if grants.is_empty() => Ok(None),
            None => Ok(Some(Self { owner: owner.to_owned(), grants })),
        }
    }

    /// Parses an `AccessControlPolicy`. Its owner must be the current owner.
    pub(crate) fn from_xml(root: &Node, owner: &str, users: &[User]) -> S3Result<Self> {
        let named = root.child("Owner").and_then(|owner| owner.value("ID")).ok_or_else(malformed_xml)?;
        if named != owner {
            return fail(ErrorCode::AccessDenied, "The owner of a bucket or object cannot be changed.");
        }
        let list = root.child("AccessControlList").ok_or_else(malformed_xml)?;
        let mut grants = Vec::new();
        for grant in list.all("Grant") {
            let grantee = grant.child("Grantee").ok_or_else(malformed_xml)?;
            let permission = Permission::parse(grant.value("Permission").ok_or_else(malformed_xml)?.trim())?;
            let to = if let Some(id) = grantee.value("ID") {
                user_by_id(id.trim(), users)?
            } else if let Some(email) = grantee.value("EmailAddress") {
                user_by_email(email.trim(), users)?
            } else if let Some(uri) = grantee.value("URI") {
                group(uri.trim())?
            } else {
                return Err(malformed_xml());
            };
            grants.push(Grant { to, permission });
        }
        if grants.len() > MAX_GRANTS {
            return Err(malformed_xml());
        }
        Ok(Self { owner: owner.to_owned(), grants })
    }

    /// The `AccessControlPolicy` document.
    pub(crate) fn to_xml(&self, users: &[User]) -> String {
        let mut xml = Writer::new("AccessControlPolicy");
        write_user(xml.open("Owner"), &self.owner, users);
        xml.close().open("AccessControlList");
        // Groups first, as in Ceph, whose tests refer to grants by position.
        let (groups, users_of): (Vec<&Grant>, Vec<&Grant>) =
            self.grants.iter().partition(|grant| !matches!(grant.to, Grantee::User(_)));
        for grant in groups.into_iter().chain(users_of) {
            xml.open("Grant");
            let schema = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=";
            let mut group = |uri| {
                xml.open_with("Grantee", &format!("{schema}\"Group\"")).text("URI", uri).close();
            };
            match &grant.to {
                Grantee::AllUsers => group(ALL_USERS),
                Grantee::AuthenticatedUsers => group(AUTHENTICATED_USERS),
                Grantee::LogDelivery => group(LOG_DELIVERY),
                Grantee::User(id) => {
                    xml.open_with("Grantee", &format!("{schema}\"CanonicalUser\""));
                    write_user(&mut xml, id, users);
                    xml.close();
                }
            }
            xml.text("Permission", grant.permission.name()).close();
        }
        xml.finish()
    }

    /// Whether a requester has a permission; `None` is an anonymous requester.
    pub(crate) fn allows(&self, requester: Option<&str>, required: Permission) -> bool {
        let owner_may = matches!(required, Permission::ReadAcp | Permission::WriteAcp);
        if owner_may && requester == Some(self.owner.as_str()) {
            return true;
        }
        self.grants.iter().any(|grant| {
            grant.permission.covers(required)
                && match &grant.to {
                    Grantee::User(id) => requester == Some(id.as_str()),
                    Grantee::AllUsers => true,
                    Grantee::AuthenticatedUsers => requester.is_some(),
                    Grantee::LogDelivery => false,
                }
        })
    }

    /// Whether it grants anything to one of the public groups.
    pub(crate) fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| matches!(grant.to, Grantee::AllUsers | Grantee::AuthenticatedUsers))
    }

    /// The ACL without grants to the public groups (for `IgnorePublicAcls`).
    pub(crate) fn without_public(mut self) -> Self {
        self.grants.retain(|grant| !matches!(grant.to, Grantee::AllUsers | Grantee::AuthenticatedUsers));
        self
    }
}

/// Writes `ID` and `DisplayName` into the open element.
pub(crate) fn write_user(xml: &mut Writer, id: &str, users: &[User]) {
    xml.text("ID", id);
    xml.text("DisplayName", display_name(id, users));
}

/// The display name for an id; the id itself if the user is unknown.
pub(crate) fn display_name<'a>(id: &'a str, users: &'a [User]) -> &'a str {
    users.iter().find(|user| user.id == id).map_or(id, |user| &user.display_name)
}

fn user_by_id(id: &str, users: &[User]) -> S3Result<Grantee> {
    match users.iter().find(|user| user.id == id) {
        Some(user) => Ok(Grantee::User(user.id.clone())),
        None => fail(ErrorCode::InvalidArgument, "Invalid id"),
    }
}

fn user_by_email(email: &str, users: &[User]) -> S3Result<Grantee> {
    let has_email =
        |user: &&User| user.email.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(email));
    match users.iter().find(has_email) {
        Some(user) => Ok(Grantee::User(user.id.clone())),
        None => fail(
            ErrorCode::UnresolvableGrantByEmailAddress,
            "The email address you provided does not match any account on record.",
        ),
    }
}

fn group(uri: &str) -> S3Result<Grantee> {
    match uri {
        ALL_USERS => Ok(Grantee::AllUsers),
        AUTHENTICATED_USERS => Ok(Grantee::AuthenticatedUsers),
        LOG_DELIVERY => Ok(Grantee::LogDelivery),
        _ => fail(ErrorCode::InvalidArgument, "Invalid group uri"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::xml;

    fn users() -> Vec<User> {
        let mut alice = User::new("A", "s");
        alice.id = "alice".into();
        alice.email = Some("alice@example.org".into());
        let mut bob = User::new("B", "s");
        bob.id = "bob".into();
        vec![alice, bob]
    }

    #[test]
    fn xml_round_trips() {
        let mut acl = Acl::canned("public-read", "alice", "alice").unwrap();
        acl.grants.push(Grant { to: Grantee::User("bob".into()), permission: Permission::ReadAcp });
        acl.grants.push(Grant { to: Grantee::AuthenticatedUsers, permission: Permission::WriteAcp });
        let text = acl.to_xml(&users());
        assert!(text.contains("xsi:type=\"CanonicalUser\"") && text.contains("xsi:type=\"Group\""), "{text}");
        let root = xml::parse(text.as_bytes(), &["AccessControlPolicy"]).unwrap();
        // Groups come first.
        acl.grants.sort_by_key(|grant| matches!(grant.to, Grantee::User(_)));
        assert_eq!(Acl::from_xml(&root, "alice", &users()).unwrap(), acl);
        assert_eq!(Acl::from_xml(&root, "bob", &users()).unwrap_err().code.as_str(), "AccessDenied");
    }

    #[test]
    fn grant_headers_name_users_by_id_email_and_group() {
        let parse = |headers: &'static [(&str, &str)]| {
            let find = move |name: &str| {
                headers.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            };
            Acl::from_headers(find, "bob", "bob", &users())
        };
        let acl =
            parse(&[("x-amz-grant-read", "id=alice, emailAddress=\"ALICE@example.org\"")]).unwrap().unwrap();
        assert_eq!(acl.grants.len(), 2);
        assert!(acl.allows(Some("alice"), Permission::Read) && !acl.allows(None, Permission::Read));
        let group =
            parse(&[("x-amz-grant-full-control", "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"")]);
        assert!(group.unwrap().unwrap().allows(None, Permission::Write));
        assert_eq!(
            parse(&[("x-amz-grant-read", "id=unknown")]).unwrap_err().code.as_str(),
            "InvalidArgument"
        );
        assert_eq!(parse(&[("x-amz-acl", "unknown")]).unwrap_err().code.as_str(), "InvalidArgument");
        assert_eq!(parse(&[]).unwrap(), None);
    }

    #[test]
    fn groups_are_written_first() {
        let text = Acl::canned("public-read-write", "alice", "alice").unwrap().to_xml(&users());
        let position = |part: &str| text.find(part).unwrap();
        let (read, write) = (position(">READ<"), position(">WRITE<"));
        assert!(read < write && write < position(">FULL_CONTROL<"), "{text}");
    }

    #[test]
    fn grants_apply_only_to_their_grantees() {
        let acl = Acl::canned("authenticated-read", "alice", "alice").unwrap();
        assert!(acl.allows(Some("bob"), Permission::Read));
        assert!(!acl.allows(Some("bob"), Permission::Write) && !acl.allows(None, Permission::Read));
        assert!(acl.allows(Some("alice"), Permission::Write));
        let bare = Acl { owner: "alice".into(), grants: vec![] };
        assert!(
            bare.allows(Some("alice"), Permission::WriteAcp) && !bare.allows(Some("alice"), Permission::Read)
        );
    }
}
