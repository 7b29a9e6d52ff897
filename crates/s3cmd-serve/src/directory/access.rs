//! May this be done? Policy first (a Deny ends it), then the bucket's owner, then ACLs.
//!
//! The owner of a bucket may do everything with it that no policy denies, and may always read, replace and remove the
//! policy: nobody can lock himself out. Where S3 asks ACLs (listing, writing, removing; reading objects and their ACLs)
//! the owner is asked for like everybody: an object that somebody else put there is read by whom that one lets. ACLs of
//! what he owns he can always read and write.
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

/// What an action needs where no policy speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequiredRight<'a> {
    /// To own the bucket.
    Owner,
    /// A permission of the bucket's ACL.
    Bucket(Permission),
    /// A permission of the object's ACL.
    Object(Permission, &'a Meta),
}

/// What allows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AllowedBy {
    /// Ownership, or an ACL.
    OwnershipOrAcl,
    /// The bucket's policy alone.
    Policy,
}

/// Who owns the objects of a bucket, looked up once for many.
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

/// Whether a requester says that he pays; strangers cannot.
fn pays(call: &Call) -> bool {
    let says = call.setting("x-amz-request-payer");
    call.user.is_some() && says.is_some_and(|who| who.trim().eq_ignore_ascii_case("requester"))
}

impl Server {
    /// Canonical id of a bucket's owner. A bucket of nobody known is the first user's.
    pub(crate) fn owner(&self, bucket: &Bucket) -> String {
        if !bucket.has_record() {
            // Nobody's, as long as it cannot be read whose it is.
            return String::new();
        }
        match bucket.recorded_owner() {
            Some(owner) if self.users.iter().any(|user| user.id == owner) => owner,
            _ => self.users.first().map(|user| user.id.clone()).unwrap_or_default(),
        }
    }

    /// The ACL of a bucket, as it takes effect.
    pub(crate) fn bucket_acl(&self, bucket: &Bucket) -> Acl {
        let owner = self.owner(bucket);
        let acl = bucket.state().acl.filter(|acl| acl.owner == owner && bucket.config().ownership.has_acls());
        acl.unwrap_or_else(|| Acl::private(&owner))
    }

    /// The ACL of an object.
    pub(crate) fn object_acl(&self, bucket: &Bucket, meta: &Meta) -> Acl {
        let acl = meta.acl.clone().filter(|_| bucket.config().ownership.has_acls());
        acl.unwrap_or_else(|| Acl::private(&self.owner(bucket)))
    }

    /// Who owns the objects of a bucket.
    pub(crate) fn owners(&self, bucket: &Bucket) -> Owners {
        Owners { of_bucket: self.owner(bucket), has_acls: bucket.config().ownership.has_acls() }
    }

    /// Refuses a request that takes a bucket for somebody else's, if it says so in a header. A bucket that does not
    /// exist is refused elsewhere.
    pub(crate) fn check_expected_owner(&self, call: &Call, bucket: &str, header: &str) -> S3Result<()> {
        let Some(expected) = call.setting(header).filter(|id| !id.is_empty()) else { return Ok(()) };
        match self.store.find_any(bucket)? {
            Some(bucket) if self.owner(&bucket) != expected => Err(access_denied()),
            _ => Ok(()),
        }
    }

    /// Whether a request that was answered is the requester's to pay.
    pub(crate) fn is_charged(&self, call: &Call) -> bool {
        pays(call)
            && self.store.find(call.bucket_name()).ok().flatten().is_some_and(|bucket| {
                bucket.config().requester_pays && call.requester_id() != Some(self.owner(&bucket).as_str())
            })
    }

    /// The bucket of a request that replaces or removes a document, where the requester may do that. The document that
    /// makes the bucket unusable is its owner's alone.
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

    /// Refuses what is not allowed.
    pub(crate) fn authorize(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        key: Option<&str>,
        need: RequiredRight<'_>,
    ) -> S3Result<()> {
        if self.allows(call, bucket, action, key, need) { Ok(()) } else { Err(access_denied()) }
    }

    /// Refuses a stranger's request that nothing could allow, whatever its body says: neither the bucket's ACL nor a
    /// policy.
    pub(crate) fn check_anonymous(&self, call: &Call, bucket: &Bucket) -> S3Result<()> {
        let may = call.user.is_some()
            || bucket.policy().is_some()
            || self.bucket_acl(bucket).allows(None, Permission::Write);
        if may { Ok(()) } else { Err(access_denied()) }
    }

    /// [`Self::authorize`] where not all that it is done to is in the request's path and query.
    pub(crate) fn authorize_target(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        target: Target<'_>,
        need: RequiredRight<'_>,
    ) -> S3Result<()> {
        self.allowed_by(call, bucket, action, target, need).map(drop).ok_or_else(access_denied)
    }

    /// [`Self::authorize`] as a question.
    pub(crate) fn allows(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        key: Option<&str>,
        need: RequiredRight<'_>,
    ) -> bool {
        let target = Target { key, version: call.parameter("versionId"), ..Target::default() };
        self.allowed_by(call, bucket, action, target, need).is_some()
    }

    /// Refuses an upload that is not allowed, or whose headers ask for what is not allowed: an ACL needs
    /// `s3:PutObjectAcl`, tags need `s3:PutObjectTagging`. A Deny of these counts for everybody. Whoever may write by
    /// ownership or by an ACL needs no more; whose right is the policy's alone needs it to allow these too, but for an
    /// ACL that gives nothing to anybody but the two of them, and for tags of which the statement that allows the
    /// upload says the values.
    pub(crate) fn authorize_upload(&self, call: &Call, bucket: &Bucket, key: &str) -> S3Result<()> {
        let target = Target { key: Some(key), ..Target::default() };
        let need = RequiredRight::Bucket(Permission::Write);
        let upload = "s3:PutObject";
        let allowed_by = self.allowed_by(call, bucket, upload, target, need).ok_or_else(access_denied)?;
        let Some(policy) = bucket.policy() else { return Ok(()) };
        let owns = call.requester_id() == Some(self.owner(bucket).as_str());
        let has_right = allowed_by == AllowedBy::OwnershipOrAcl || owns;
        let check = |action: &str, is_excused: &dyn Fn() -> bool| match self
            .decision(call, bucket, &policy, action, target, None)
        {
            Decision::Deny => Err(access_denied()),
            Decision::Allow => Ok(()),
            Decision::NoMatch if has_right || is_excused() => Ok(()),
            Decision::NoMatch => Err(access_denied()),
        };
        let asks_for_acl =
            |(name, _): &(String, String)| name == "x-amz-acl" || name.starts_with("x-amz-grant-");
        if call.headers.iter().any(asks_for_acl) {
            check("s3:PutObjectAcl", &|| self.is_between_both(call, bucket))?;
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

    /// The tags of a source that a copy takes along: those that the requester may read. A Deny of reading them refuses
    /// the copy.
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
        let need = RequiredRight::Object(Permission::FullControl, meta);
        if self.allowed_by(call, bucket, &action, target, need).is_some() {
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

    /// Whether the ACL that an upload asks for gives nothing to anybody but the requester and the bucket's owner. One
    /// that cannot be read is refused by the operation.
    fn is_between_both(&self, call: &Call, bucket: &Bucket) -> bool {
        let owner = self.owner(bucket);
        let who = call.requester_id().unwrap_or(&owner);
        let asked = Acl::from_headers(|name| call.setting(name).map(str::to_owned), who, &owner, &self.users);
        let is_one = |to: &Grantee| matches!(to, Grantee::User(id) if *id == who || *id == owner);
        asked.is_ok_and(|acl| acl.is_none_or(|acl| acl.grants.iter().all(|grant| is_one(&grant.to))))
    }

    /// What the policy of a bucket says of an action.
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
        let is_limited = || {
            let owns = call.requester_id() == Some(self.owner(bucket).as_str());
            !owns && bucket.config().public_access.restrict && policy.is_public()
        };
        if decision == Decision::Allow && is_limited() { Decision::NoMatch } else { decision }
    }

    /// Puts a question to a policy.
    fn with_question<T>(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        target: Target<'_>,
        meta: Option<&Meta>,
        answer: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let context = ConditionContext { server: self, call, target, meta, now: Utc::now() };
        answer(&Question {
            who: call.requester_id(),
            action,
            bucket: bucket.name(),
            key: target.key,
            values: &|key| context.values(key),
            is_pending: &|key| context.is_pending(key),
        })
    }

    /// By what an action is allowed; `None` if it is not.
    fn allowed_by(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        target: Target<'_>,
        need: RequiredRight<'_>,
    ) -> Option<AllowedBy> {
        let who = call.requester_id();
        let owns = who == Some(self.owner(bucket).as_str());
        if owns && matches!(action, "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy") {
            return Some(AllowedBy::OwnershipOrAcl);
        }
        if !owns && bucket.config().requester_pays && !pays(call) {
            return None;
        }
        let decision = bucket.policy().map_or(Decision::NoMatch, |policy| {
            let meta = match need {
                RequiredRight::Object(_, meta) => Some(meta),
                RequiredRight::Owner | RequiredRight::Bucket(_) => None,
            };
            self.decision(call, bucket, &policy, action, target, meta)
        });
        let has_right = || {
            let ignores = bucket.config().public_access.ignore_acls;
            let effective = |acl: Acl| if ignores { acl.without_public() } else { acl };
            match need {
                RequiredRight::Owner => owns,
                // Whoever owns a bucket can always remove what is in it.
                RequiredRight::Bucket(_)
                    if owns
                        && (action.starts_with("s3:DeleteObject") || action == "s3:AbortMultipartUpload") =>
                {
                    true
                }
                RequiredRight::Bucket(wanted) => effective(self.bucket_acl(bucket)).allows(who, wanted),
                RequiredRight::Object(wanted, meta) => {
                    let acl = self.object_acl(bucket, meta);
                    // Tags, retention and the like are the bucket's owner's affair: no ACL speaks of them. And what
                    // somebody wrote who is not known any more is his.
                    let his = wanted == Permission::FullControl
                        || !self.users.iter().any(|user| user.id == acl.owner);
                    owns && his || effective(acl).allows(who, wanted)
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

    /// What to answer where a key is missing: only who may list learns that it is.
    pub(crate) fn missing_key(&self, call: &Call, bucket: &Bucket, error: S3Error) -> S3Error {
        let source = call.setting("x-amz-copy-source").and_then(|source| copy_source::parse(source).ok());
        let missing = source.as_ref().map(|(_, key, _)| key.as_str()).or(call.key.as_deref());
        let target = Target { missing, ..Target::default() };
        let need = RequiredRight::Bucket(Permission::Read);
        if self.allowed_by(call, bucket, "s3:ListBucket", target, need).is_some() {
            error
        } else {
            access_denied()
        }
    }
}
