//! Access control lists: canned ACLs, grant headers, and XML.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>
//!
//! Permissions, groups and canned lists are those of the client's model. The list itself is not: the client keeps any
//! grantee and permission that a server sends, while the server accepts only its own users, S3's groups and S3's
//! permissions, and stores them in its records without names and addresses.

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::xml::{Node, Writer};
use crate::auth::users::User;
use s3cmd_client::model::acl::{CannedAcl, CannedGrantee};
pub(crate) use s3cmd_client::model::acl::{Group, Permission};
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

/// In the records, a group is its bare name: `"AllUsers"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Grantee {
    /// Canonical id.
    User(String),
    /// `LogDelivery` is only recorded: there is no log delivery.
    #[serde(untagged)]
    Group(Group),
}

/// S3's limit on the grants of an ACL.
const MAX_GRANTS: usize = 100;

impl Grantee {
    /// Whether this is a public group.
    fn is_public(&self) -> bool {
        matches!(self, Self::Group(group) if group.is_public())
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
        let Some(canned) = CannedAcl::of_name(name) else {
            return fail(ErrorCode::InvalidArgument, "The canned ACL is not known.");
        };
        let mut acl = Self::private(owner);
        for (to, permission) in canned.grants() {
            let to = match to {
                CannedGrantee::Group(group) => Grantee::Group(*group),
                // The owner has full control already.
                CannedGrantee::BucketOwner if bucket_owner == owner => continue,
                CannedGrantee::BucketOwner => Grantee::User(bucket_owner.to_owned()),
            };
            acl.grants.push(Grant { to, permission: *permission });
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
        for permission in Permission::all() {
            let Some(value) = header(permission.header()) else { continue };
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
            let permission = grant.value("Permission").and_then(|name| Permission::of_name(name.trim()));
            let permission = permission.ok_or_else(malformed_xml)?;
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
            match &grant.to {
                Grantee::Group(group) => {
                    xml.open_with("Grantee", &format!("{schema}\"Group\"")).text("URI", group.uri()).close();
                }
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
                    Grantee::Group(Group::AllUsers) => true,
                    Grantee::Group(Group::AuthenticatedUsers) => requester.is_some(),
                    Grantee::Group(Group::LogDelivery) => false,
                }
        })
    }

    /// Whether it grants anything to one of the public groups.
    pub(crate) fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| grant.to.is_public())
    }

    /// The ACL without grants to the public groups (for `IgnorePublicAcls`).
    pub(crate) fn without_public(mut self) -> Self {
        self.grants.retain(|grant| !grant.to.is_public());
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
    match Group::of_uri(uri) {
        Some(group) => Ok(Grantee::Group(group)),
        None => fail(ErrorCode::InvalidArgument, "Invalid group uri"),
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
        acl.grants
            .push(Grant { to: Grantee::Group(Group::AuthenticatedUsers), permission: Permission::WriteAcp });
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
    fn records_keep_their_form() {
        let mut acl = Acl::canned("log-delivery-write", "alice", "alice").unwrap();
        acl.grants.push(Grant { to: Grantee::Group(Group::AllUsers), permission: Permission::WriteAcp });
        let record = "{\"owner\":\"alice\",\"grants\":[{\"to\":{\"User\":\"alice\"},\"permission\":\"FullControl\"},\
                      {\"to\":\"LogDelivery\",\"permission\":\"Write\"},{\"to\":\"LogDelivery\",\"permission\":\"ReadAcp\"},\
                      {\"to\":\"AllUsers\",\"permission\":\"WriteAcp\"}]}";
        assert_eq!(serde_json::to_string(&acl).unwrap(), record);
        assert_eq!(serde_json::from_str::<Acl>(record).unwrap(), acl);
        for bad in ["\"Nobody\"", "{\"Group\":\"AllUsers\"}", "{\"User\":1}", "null"] {
            assert!(serde_json::from_str::<Grantee>(bad).is_err(), "{bad}");
        }
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
