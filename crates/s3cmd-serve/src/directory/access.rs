//! Authorization: the bucket policy first (a Deny is final), then bucket ownership, then ACLs.
//!
//! The owner of a bucket may do everything with it that no policy denies, and may always read, replace and delete the
//! policy, so owners cannot lock themselves out. Where S3 evaluates ACLs (listing, writing, deleting; reading objects
//! and their ACLs), the bucket owner needs a grant like every other user: an object that another user uploaded is
//! readable only for those whom its ACL names. Owners can always read and write the ACLs of what they own.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-overview.html>

use super::condition_context::{ConditionContext, Target};
use super::state::Server;
use crate::http::call::Call;
use crate::model::acl::{Acl, Grantee, Permission};
use crate::model::copy_source;
use crate::model::error::{S3Error, S3Result, access_denied};
use crate::model::policy::{Decision, Policy, Question, for_version};
use crate::store::bucket::Bucket;
use crate::store::meta::Meta;
use chrono::Utc;
use std::sync::Arc;

/// What an action requires if no policy statement matches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequiredRight<'a> {
    /// Ownership of the bucket.
    Owner,
    /// A permission that the bucket's ACL grants.
    Bucket(Permission),
    /// A permission that the object's ACL grants.
    Object(Permission, &'a Meta),
}

/// What allows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AllowedBy {
    /// Ownership or an ACL.
    OwnershipOrAcl,
    /// Only the bucket policy.
    Policy,
}

/// The owners of the objects in a bucket; the bucket's owner is looked up once for all of them.
#[derive(Debug)]
pub(crate) struct Owners {
    of_bucket: String,
    has_acls: bool,
}

impl Owners {
    /// Canonical id of the owner of an object.
    pub(crate) fn of<'a>(&'a self, meta: &'a Meta) -> &'a str {
        match &meta.acl {
            Some(acl) if self.has_acls => &acl.owner,
            _ => &self.of_bucket,
        }
    }
}

/// Whether the request agrees to be charged (`x-amz-request-payer`). Anonymous requests cannot.
fn accepts_charges(call: &Call) -> bool {
    let payer = call.setting("x-amz-request-payer");
    call.user.is_some() && payer.is_some_and(|payer| payer.trim().eq_ignore_ascii_case("requester"))
}

impl Server {
    /// Canonical id of a bucket's owner. A bucket whose recorded owner is not a known user belongs to the first user.
    pub(crate) fn owner(&self, bucket: &Bucket) -> String {
        if !bucket.has_record() {
            // No owner while the record is unreadable.
            return String::new();
        }
        match bucket.recorded_owner() {
            Some(owner) if self.users.iter().any(|user| user.id == owner) => owner,
            _ => self.users.first().map(|user| user.id.clone()).unwrap_or_default(),
        }
    }

    /// The effective ACL of a bucket.
    pub(crate) fn bucket_acl(&self, bucket: &Bucket) -> Acl {
        let owner = self.owner(bucket);
        let acl = bucket.state().acl.filter(|acl| acl.owner == owner && bucket.config().ownership.has_acls());
        acl.unwrap_or_else(|| Acl::private(&owner))
    }

    /// The effective ACL of an object.
    pub(crate) fn object_acl(&self, bucket: &Bucket, meta: &Meta) -> Acl {
        let acl = meta.acl.clone().filter(|_| bucket.config().ownership.has_acls());
        acl.unwrap_or_else(|| Acl::private(&self.owner(bucket)))
    }

    /// The owners of the objects in a bucket.
    pub(crate) fn owners(&self, bucket: &Bucket) -> Owners {
        Owners { of_bucket: self.owner(bucket), has_acls: bucket.config().ownership.has_acls() }
    }

    /// Rejects a request whose `header` (such as `x-amz-expected-bucket-owner`) names another owner than the bucket's.
    /// A bucket that does not exist is reported elsewhere.
    pub(crate) fn check_expected_owner(&self, call: &Call, bucket: &str, header: &str) -> S3Result<()> {
        let Some(expected) = call.setting(header).filter(|id| !id.is_empty()) else { return Ok(()) };
        match self.store.find_any(bucket)? {
            Some(bucket) if self.owner(&bucket) != expected => Err(access_denied()),
            _ => Ok(()),
        }
    }

    /// Whether the requester pays for this request.
    pub(crate) fn is_charged(&self, call: &Call) -> bool {
        accepts_charges(call)
            && self.store.find(call.bucket_name()).ok().flatten().is_some_and(|bucket| {
                bucket.config().requester_pays && call.requester_id() != Some(self.owner(&bucket).as_str())
            })
    }

    /// The bucket of a request that replaces or deletes a document, once the requester is authorized. Only the bucket's
    /// owner may replace or delete a document that makes the bucket unusable.
    pub(crate) fn bucket_to_change(
        &self,
        call: &Call,
        document: &str,
        action: &str,
    ) -> S3Result<Arc<Bucket>> {
        let (bucket, repairs) = self.store.bucket_to_repair(call.bucket_name(), document)?;
        if repairs && call.requester_id() != Some(self.owner(&bucket).as_str()) {
            bucket.check()?;
        }
        self.authorize(call, &bucket, action, None, RequiredRight::Owner)?;
        Ok(bucket)
    }

    /// Rejects a request that is not allowed to perform `action`.
    pub(crate) fn authorize(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        key: Option<&str>,
        required: RequiredRight<'_>,
    ) -> S3Result<()> {
        if self.allows(call, bucket, action, key, required) { Ok(()) } else { Err(access_denied()) }
    }

    /// Rejects an anonymous request early if neither the bucket's ACL nor a policy could allow it, whatever its body
    /// contains.
    pub(crate) fn check_anonymous(&self, call: &Call, bucket: &Bucket) -> S3Result<()> {
        let is_possible = call.user.is_some()
            || bucket.policy().is_some()
            || self.bucket_acl(bucket).allows(None, Permission::Write);
        if is_possible { Ok(()) } else { Err(access_denied()) }
    }

    /// [`Self::authorize`] for a target that the request's path and query do not fully name.
    pub(crate) fn authorize_target(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        target: Target<'_>,
        required: RequiredRight<'_>,
    ) -> S3Result<()> {
        self.allowed_by(call, bucket, action, target, required).map(drop).ok_or_else(access_denied)
    }

    /// [`Self::authorize`] as a predicate.
    pub(crate) fn allows(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        key: Option<&str>,
        required: RequiredRight<'_>,
    ) -> bool {
        let target = Target { key, version: call.parameter("versionId"), ..Target::default() };
        self.allowed_by(call, bucket, action, target, required).is_some()
    }

    /// Rejects an upload that is not allowed, or whose headers set an ACL or tags that are not allowed: an ACL requires
    /// `s3:PutObjectAcl`, tags require `s3:PutObjectTagging`. A Deny of these applies to all users. Users who may write
    /// by ownership or by an ACL need no other permission. For users who may write only by the policy, the policy must
    /// allow these actions too, with two exceptions: an ACL that grants only to the requester and the bucket's owner,
    /// and tags whose values are named by the statement that allows the upload.
    pub(crate) fn authorize_upload(&self, call: &Call, bucket: &Bucket, key: &str) -> S3Result<()> {
        let target = Target { key: Some(key), ..Target::default() };
        let required = RequiredRight::Bucket(Permission::Write);
        let upload = "s3:PutObject";
        let allowed_by = self.allowed_by(call, bucket, upload, target, required).ok_or_else(access_denied)?;
        let Some(policy) = bucket.policy() else { return Ok(()) };
        let owns = call.requester_id() == Some(self.owner(bucket).as_str());
        let has_right = allowed_by == AllowedBy::OwnershipOrAcl || owns;
        let check = |action: &str, is_exempt: &dyn Fn() -> bool| match self
            .decision(call, bucket, &policy, action, target, None)
        {
            Decision::Deny => Err(access_denied()),
            Decision::Allow => Ok(()),
            Decision::NoMatch if has_right || is_exempt() => Ok(()),
            Decision::NoMatch => Err(access_denied()),
        };
        let sets_acl = |(name, _): &(String, String)| name == "x-amz-acl" || name.starts_with("x-amz-grant-");
        if call.headers.iter().any(sets_acl) {
            check("s3:PutObjectAcl", &|| self.acl_names_only_requester_and_owner(call, bucket))?;
        }
        let tags = call.new_tags();
        if !tags.is_empty() {
            let names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
            check("s3:PutObjectTagging", &|| {
                self.with_question(call, bucket, upload, target, None, |question| {
                    policy.admits_tags(question, &names)
                })
            })?;
        }
        Ok(())
    }

    /// The tags that a copy takes from its source; none if the requester may not read them. A Deny on reading them
    /// rejects the copy.
    pub(crate) fn copied_tags(
        &self,
        call: &Call,
        bucket: &Bucket,
        (key, version): (&str, Option<&str>),
        meta: &Meta,
    ) -> S3Result<Vec<(String, String)>> {
        if meta.tags.is_empty() {
            return Ok(Vec::new());
        }
        let action = "s3:GetObjectTagging";
        let action = if version.is_some() { for_version(action) } else { action.into() };
        let target = Target { key: Some(key), version, ..Target::default() };
        let required = RequiredRight::Object(Permission::FullControl, meta);
        if self.allowed_by(call, bucket, &action, target, required).is_some() {
            return Ok(meta.tags.clone());
        }
        match bucket.policy() {
            Some(policy)
                if self.decision(call, bucket, &policy, &action, target, Some(meta)) == Decision::Deny =>
            {
                Err(access_denied())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether the ACL in the headers of an upload grants only to the requester and the bucket's owner. `false` for an
    /// ACL that cannot be parsed; the operation rejects it.
    fn acl_names_only_requester_and_owner(&self, call: &Call, bucket: &Bucket) -> bool {
        let owner = self.owner(bucket);
        let requester = call.requester_id().unwrap_or(&owner);
        let header = |name: &str| call.setting(name).map(str::to_owned);
        let acl = Acl::from_headers(header, requester, &owner, &self.users);
        let is_either = |to: &Grantee| matches!(to, Grantee::User(id) if *id == requester || *id == owner);
        acl.is_ok_and(|acl| acl.is_none_or(|acl| acl.grants.iter().all(|grant| is_either(&grant.to))))
    }

    /// The decision of a bucket's policy on an action. `RestrictPublicBuckets` turns the Allow of a public policy into
    /// `NoMatch` for everyone but the owner.
    fn decision(
        &self,
        call: &Call,
        bucket: &Bucket,
        policy: &Policy,
        action: &str,
        target: Target<'_>,
        meta: Option<&Meta>,
    ) -> Decision {
        let decision =
            self.with_question(call, bucket, action, target, meta, |question| policy.decide(question));
        let is_restricted = || {
            let owns = call.requester_id() == Some(self.owner(bucket).as_str());
            !owns && bucket.config().public_access.restrict && policy.is_public()
        };
        if decision == Decision::Allow && is_restricted() { Decision::NoMatch } else { decision }
    }

    /// Calls `evaluate` with the question that a request puts to a policy.
    fn with_question<T>(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        target: Target<'_>,
        meta: Option<&Meta>,
        evaluate: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let context = ConditionContext { server: self, call, target, meta, now: Utc::now() };
        evaluate(&Question {
            who: call.requester_id(),
            action,
            bucket: bucket.name(),
            key: target.key,
            values: &|key| context.values(key),
            is_pending: &|key| context.is_pending(key),
        })
    }

    /// What allows an action; `None` if it is denied.
    fn allowed_by(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        target: Target<'_>,
        required: RequiredRight<'_>,
    ) -> Option<AllowedBy> {
        let requester = call.requester_id();
        let owns = requester == Some(self.owner(bucket).as_str());
        if owns && matches!(action, "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy") {
            return Some(AllowedBy::OwnershipOrAcl);
        }
        if !owns && bucket.config().requester_pays && !accepts_charges(call) {
            return None;
        }
        let decision = bucket.policy().map_or(Decision::NoMatch, |policy| {
            let meta = match required {
                RequiredRight::Object(_, meta) => Some(meta),
                RequiredRight::Owner | RequiredRight::Bucket(_) => None,
            };
            self.decision(call, bucket, &policy, action, target, meta)
        });
        let has_right = || {
            let ignores_public = bucket.config().public_access.ignore_acls;
            let effective = |acl: Acl| if ignores_public { acl.without_public() } else { acl };
            match required {
                RequiredRight::Owner => owns,
                // Bucket owners can always delete the contents.
                RequiredRight::Bucket(_)
                    if owns
                        && (action.starts_with("s3:DeleteObject") || action == "s3:AbortMultipartUpload") =>
                {
                    true
                }
                RequiredRight::Bucket(permission) => {
                    effective(self.bucket_acl(bucket)).allows(requester, permission)
                }
                RequiredRight::Object(permission, meta) => {
                    let acl = self.object_acl(bucket, meta);
                    // No ACL permission covers tags, retention and the like: they belong to the bucket's owner. So do
                    // objects whose owner is no longer a user.
                    let belongs_to_bucket_owner = permission == Permission::FullControl
                        || !self.users.iter().any(|user| user.id == acl.owner);
                    owns && belongs_to_bucket_owner || effective(acl).allows(requester, permission)
                }
            }
        };
        match decision {
            Decision::Deny => None,
            _ if has_right() => Some(AllowedBy::OwnershipOrAcl),
            Decision::Allow => Some(AllowedBy::Policy),
            Decision::NoMatch => None,
        }
    }

    /// The error for a missing key: `error` for clients that may list the bucket, AccessDenied for all others, so that
    /// they cannot probe for keys.
    pub(crate) fn missing_key(&self, call: &Call, bucket: &Bucket, error: S3Error) -> S3Error {
        let source = call.setting("x-amz-copy-source").and_then(|source| copy_source::parse(source).ok());
        let missing = source.as_ref().map(|(_, key, _)| key.as_str()).or(call.key.as_deref());
        let target = Target { missing, ..Target::default() };
        let required = RequiredRight::Bucket(Permission::Read);
        if self.allowed_by(call, bucket, "s3:ListBucket", target, required).is_some() {
            error
        } else {
            access_denied()
        }
    }
}
