//! The grants of a copy: those of its source, unless the command sets others. Grants are optional: if they cannot be
//! set, the copy is kept and a warning is printed.

use super::Copier;
use crate::uri::S3Uri;
use s3cmd_client::model::acl::{Acl, Grantee};
use s3cmd_client::{Error, Result};
use std::sync::atomic::Ordering;

/// The result of reading the grants of a source.
pub(super) enum Grants {
    /// The copy has them by default, or gets others.
    Default,
    /// They must be set on the copy.
    Carry(Acl),
    /// Access to them was denied.
    Denied(Error),
}

impl Copier {
    /// The grants to set on the copy. [`Grants::Default`] if the command sets others, if the copy has them by default
    /// (full control of its owner), or if the server does not support ACLs.
    pub(super) async fn source_grants(&self, from: &S3Uri) -> Result<Grants> {
        if self.sets_grants() || self.no_grants.load(Ordering::Relaxed) {
            return Ok(Grants::Default);
        }
        match self.source.get_acl(&from.bucket, Some(&from.key)).await {
            Ok(acl) => {
                let is_default = acl
                    .grants
                    .iter()
                    .all(|grant| grant.permission == "FULL_CONTROL" && is_of(&grant.grantee, &acl));
                Ok(if is_default { Grants::Default } else { Grants::Carry(acl) })
            }
            Err(error) => match error.status() {
                // A missing source is reported by the concurrent HEAD, which cannot distinguish it from a missing
                // bucket.
                Some(404) if error.service().is_some_and(|service| service.code == "NoSuchBucket") => {
                    Err(error)
                }
                Some(404) => Ok(Grants::Default),
                Some(405 | 501) => {
                    self.no_grants.store(true, Ordering::Relaxed);
                    Ok(Grants::Default)
                }
                Some(403) => Ok(Grants::Denied(error)),
                _ => Err(error),
            },
        }
    }

    /// Whether the command itself sets the grants of the copy: by a canned ACL, or by headers.
    fn sets_grants(&self) -> bool {
        let of_grants = |name: &str| name == "x-amz-acl" || name.starts_with("x-amz-grant-");
        let options = &self.options;
        options.placement.acl.is_some()
            || options.headers.names().any(|name| of_grants(&name.to_ascii_lowercase()))
    }

    /// Sets the grants of the source on the copy.
    pub(super) async fn set_grants(&self, from: &S3Uri, to: &S3Uri, grants: Grants) -> Result<()> {
        let acl = match grants {
            Grants::Default => return Ok(()),
            Grants::Carry(acl) => acl,
            Grants::Denied(reason) => {
                log::warn!("The grants of '{from}' cannot be read ({reason}): the copy has the default ones");
                return Ok(());
            }
        };
        let given = async {
            // An object that is copied onto itself keeps its owner.
            let acl = if from == to {
                acl
            } else {
                let copy = self.client.get_acl(&to.bucket, Some(&to.key)).await?;
                owned_by(acl, &copy)
            };
            self.client.put_acl(&to.bucket, Some(&to.key), &acl).await
        };
        match given.await {
            // The copy is complete. It is kept even if its owner, bucket or store does not support these grants.
            Err(error) if matches!(error.status(), Some(status) if status < 500 && status != 404 || status == 501) =>
            {
                log::warn!(
                    "The grants of '{from}' cannot be set on '{to}' ({error}): the copy has the default ones"
                );
                Ok(())
            }
            given => given,
        }
    }
}

/// Whether the grantee is the owner of the ACL.
fn is_of(grantee: &Grantee, acl: &Acl) -> bool {
    matches!(grantee, Grantee::User { id, .. } if *id == acl.owner_id)
}

/// Converts the grants of a source for a copy with the owner of `copy`: grants to the owner of the source become grants
/// to the owner of the copy.
fn owned_by(source: Acl, copy: &Acl) -> Acl {
    if source.owner_id == copy.owner_id {
        return source;
    }
    let mut acl =
        Acl { owner_id: copy.owner_id.clone(), owner_name: copy.owner_name.clone(), grants: Vec::new() };
    for mut grant in source.grants {
        if matches!(&grant.grantee, Grantee::User { id, .. } if *id == source.owner_id) {
            grant.grantee = Grantee::User { id: copy.owner_id.clone(), name: copy.owner_name.clone() };
        }
        acl.grants.push(grant);
    }
    // The owner's own rights are kept.
    let mut own = copy.grants.iter().filter(|grant| is_of(&grant.grantee, copy)).cloned().collect::<Vec<_>>();
    own.retain(|grant| !acl.grants.contains(grant));
    acl.grants.extend(own);
    acl
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::model::acl::Grant;

    #[test]
    fn the_owner_of_the_source_becomes_the_owner_of_the_copy() {
        let user = |id: &str| Grantee::User { id: id.into(), name: String::new() };
        let grant = |grantee: Grantee, permission: &str| Grant { grantee, permission: permission.into() };
        let list = |owner: &str, grants: Vec<Grant>| Acl {
            owner_id: owner.into(),
            owner_name: String::new(),
            grants,
        };
        let full = |id: &str| grant(user(id), "FULL_CONTROL");
        let source = list("them", vec![full("them"), grant(user("us"), "READ")]);
        let copy = list("us", vec![full("us")]);
        let given = owned_by(source.clone(), &copy);
        assert_eq!(given, list("us", vec![full("us"), grant(user("us"), "READ")]));
        // A source whose owner has no grant.
        let bare = list("them", vec![grant(user("us"), "READ")]);
        assert_eq!(owned_by(bare, &copy).grants, [grant(user("us"), "READ"), full("us")]);
        assert_eq!(owned_by(source.clone(), &list("them", vec![])), source);
    }
}
