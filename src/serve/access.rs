//! May this be done? Policy first (a Deny ends it), then the bucket's owner, then ACLs.
//!
//! The owner of a bucket may do everything with it that no policy denies, and may always read, replace and remove the policy:
//! nobody can lock himself out. Where S3 asks ACLs (listing, writing, removing; reading objects and their ACLs) the owner is
//! asked for like everybody: an object that somebody else put there is read by whom that one lets. ACLs of what he owns he can
//! always read and write. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-overview.html>

use super::Server;
use super::acl::{Acl, Permission};
use super::call::Call;
use super::error::{S3Error, S3Result, access_denied};
use super::ops::tagging;
use super::policy::{Question, Verdict};
use super::store::bucket::Bucket;
use super::store::meta::Meta;
use super::xml::{self, Node};
use chrono::Utc;

/// What an action needs where no policy speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need<'a> {
    /// To own the bucket.
    Owner,
    /// A permission of the bucket's ACL.
    Bucket(Permission),
    /// A permission of the object's ACL.
    Object(Permission, &'a Meta),
}

/// The four switches of a public-access block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PublicBlock {
    pub(crate) block_acls: bool,
    pub(crate) ignore_acls: bool,
    pub(crate) block_policy: bool,
    pub(crate) restrict: bool,
}

impl PublicBlock {
    pub(crate) fn of(bucket: &Bucket) -> Self {
        let Some(text) = bucket.document("publicAccessBlock") else { return Self::default() };
        let Ok(root) = xml::parse(text.as_bytes(), &["PublicAccessBlockConfiguration"]) else {
            return Self::default();
        };
        Self::of_document(&root)
    }

    /// What a `PublicAccessBlockConfiguration` says; switches that it does not name are off.
    pub(crate) fn of_document(root: &Node) -> Self {
        let on = |name| root.value(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        Self {
            block_acls: on("BlockPublicAcls"),
            ignore_acls: on("IgnorePublicAcls"),
            block_policy: on("BlockPublicPolicy"),
            restrict: on("RestrictPublicBuckets"),
        }
    }

    /// The switches with the names that documents have for them.
    pub(crate) fn switches(self) -> [(&'static str, bool); 4] {
        [
            ("BlockPublicAcls", self.block_acls),
            ("IgnorePublicAcls", self.ignore_acls),
            ("BlockPublicPolicy", self.block_policy),
            ("RestrictPublicBuckets", self.restrict),
        ]
    }
}

/// Who owns what others write to a bucket, and whether ACLs count.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The writer. So it is in a bucket that says nothing.
    ObjectWriter,
    /// The bucket's owner, if the writer gives him full control.
    BucketOwnerPreferred,
    /// The bucket's owner; ACLs do not count.
    BucketOwnerEnforced,
}

impl Ownership {
    /// Reads the name of S3's documents and headers.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ObjectWriter" => Self::ObjectWriter,
            "BucketOwnerPreferred" => Self::BucketOwnerPreferred,
            "BucketOwnerEnforced" => Self::BucketOwnerEnforced,
            _ => return None,
        })
    }

    /// What an `OwnershipControls` document says.
    pub(crate) fn of_document(root: &Node) -> Option<Self> {
        Self::parse(root.child("Rule")?.value("ObjectOwnership")?.trim())
    }

    pub(crate) fn of(bucket: &Bucket) -> Self {
        let text = bucket.document("ownershipControls");
        let root = text.and_then(|text| xml::parse(text.as_bytes(), &["OwnershipControls"]).ok());
        root.and_then(|root| Self::of_document(&root)).unwrap_or(Self::ObjectWriter)
    }

    /// Whether ACLs count.
    pub(crate) fn has_acls(self) -> bool {
        self != Self::BucketOwnerEnforced
    }
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

/// Whether those who ask pay for a bucket's requests, all but its owner.
fn is_requester_pays(bucket: &Bucket) -> bool {
    let Some(text) = bucket.document("requestPayment") else { return false };
    xml::parse(text.as_bytes(), &["RequestPaymentConfiguration"])
        .is_ok_and(|root| root.value("Payer").map(str::trim) == Some("Requester"))
}

/// Whether a requester says that he pays; strangers cannot.
fn pays(call: &Call) -> bool {
    let says = call.setting("x-amz-request-payer");
    call.user.is_some() && says.is_some_and(|who| who.trim().eq_ignore_ascii_case("requester"))
}

impl Server {
    /// Canonical id of a bucket's owner. A bucket of nobody known is the first user's.
    pub(crate) fn owner(&self, bucket: &Bucket) -> String {
        match bucket.maker() {
            Some(owner) if self.users.iter().any(|user| user.id == owner) => owner,
            _ => self.users.first().map(|user| user.id.clone()).unwrap_or_default(),
        }
    }

    /// The ACL of a bucket, as it takes effect.
    pub(crate) fn bucket_acl(&self, bucket: &Bucket) -> Acl {
        let owner = self.owner(bucket);
        let acl = bucket.state().acl.filter(|acl| acl.owner == owner && Ownership::of(bucket).has_acls());
        acl.unwrap_or_else(|| Acl::private(&owner))
    }

    /// The ACL of an object.
    pub(crate) fn object_acl(&self, bucket: &Bucket, meta: &Meta) -> Acl {
        let acl = meta.acl.clone().filter(|_| Ownership::of(bucket).has_acls());
        acl.unwrap_or_else(|| Acl::private(&self.owner(bucket)))
    }

    /// Who owns the objects of a bucket.
    pub(crate) fn owners(&self, bucket: &Bucket) -> Owners {
        Owners { of_bucket: self.owner(bucket), has_acls: Ownership::of(bucket).has_acls() }
    }

    /// Refuses a request that takes a bucket for somebody else's, if it says so in a header. A bucket that does not exist
    /// is refused elsewhere.
    pub(crate) fn check_expected_owner(&self, call: &Call, bucket: &str, header: &str) -> S3Result<()> {
        let Some(expected) = call.setting(header).filter(|id| !id.is_empty()) else { return Ok(()) };
        match self.store.find(bucket)? {
            Some(bucket) if self.owner(&bucket) != expected => Err(access_denied()),
            _ => Ok(()),
        }
    }

    /// Whether a request that was answered is the requester's to pay.
    pub(crate) fn is_charged(&self, call: &Call) -> bool {
        pays(call)
            && self.store.find(call.bucket_name()).ok().flatten().is_some_and(|bucket| {
                is_requester_pays(&bucket) && call.who() != Some(self.owner(&bucket).as_str())
            })
    }

    /// Refuses what is not allowed.
    pub(crate) fn authorize(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        key: Option<&str>,
        need: Need<'_>,
    ) -> S3Result<()> {
        if self.allows(call, bucket, action, key, need) { Ok(()) } else { Err(access_denied()) }
    }

    /// Refuses a stranger's request that nothing could allow, whatever its body says: neither the bucket's ACL nor a policy.
    pub(crate) fn check_stranger(&self, call: &Call, bucket: &Bucket) -> S3Result<()> {
        let may = call.user.is_some()
            || bucket.policy().is_some()
            || self.bucket_acl(bucket).allows(None, Permission::Write);
        if may { Ok(()) } else { Err(access_denied()) }
    }

    /// [`Self::authorize`] as a question.
    pub(crate) fn allows(
        &self,
        call: &Call,
        bucket: &Bucket,
        action: &str,
        key: Option<&str>,
        need: Need<'_>,
    ) -> bool {
        let who = call.who();
        let owns = who == Some(self.owner(bucket).as_str());
        if owns && matches!(action, "s3:GetBucketPolicy" | "s3:PutBucketPolicy" | "s3:DeleteBucketPolicy") {
            return true;
        }
        if !owns && is_requester_pays(bucket) && !pays(call) {
            return false;
        }
        let block = PublicBlock::of(bucket);
        if let Some(policy) = bucket.policy() {
            let mut values = condition_values(call);
            if action == "s3:ListBucket"
                && let Some(key) = call.key.as_ref().filter(|_| call.header("x-amz-copy-source").is_none())
            {
                // Whether a missing key may be told is whether a listing of it is allowed.
                values.push(("s3:prefix".to_owned(), key.clone()));
            }
            if let Need::Object(_, meta) = need {
                let tags = meta.tags.iter();
                values.extend(tags.map(|(name, value)| (tag_key("existing", name), value.clone())));
            }
            let question = Question {
                who: call.user.as_ref().map(|user| (user.id.as_str(), user.display_name.as_str())),
                action,
                bucket: bucket.name(),
                key,
                source: call.peer,
                secure: self.secure,
                now: Utc::now(),
                values: &values,
            };
            match policy.decide(&question) {
                Verdict::Deny => return false,
                Verdict::Allow if !(block.restrict && !owns && policy.is_public()) => return true,
                Verdict::Allow | Verdict::Silent => {}
            }
        }
        let effective = |acl: Acl| if block.ignore_acls { acl.without_public() } else { acl };
        match need {
            Need::Owner => owns,
            // Whoever owns a bucket can always remove what is in it.
            Need::Bucket(_)
                if owns && (action.starts_with("s3:DeleteObject") || action == "s3:AbortMultipartUpload") =>
            {
                true
            }
            Need::Bucket(wanted) => effective(self.bucket_acl(bucket)).allows(who, wanted),
            Need::Object(wanted, meta) => {
                let acl = self.object_acl(bucket, meta);
                // Tags, retention and the like are the bucket's owner's affair: no ACL speaks of them. And what somebody
                // wrote who is not known any more is his.
                let his =
                    wanted == Permission::FullControl || !self.users.iter().any(|user| user.id == acl.owner);
                owns && his || effective(acl).allows(who, wanted)
            }
        }
    }

    /// What to answer where a key is missing: only who may list learns that it is.
    pub(crate) fn missing(&self, call: &Call, bucket: &Bucket, error: S3Error) -> S3Error {
        let need = Need::Bucket(Permission::Read);
        if self.allows(call, bucket, "s3:ListBucket", None, need) { error } else { access_denied() }
    }
}

/// `s3:ExistingObjectTag/NAME` or `s3:RequestObjectTag/NAME` as conditions are looked up.
fn tag_key(whose: &str, name: &str) -> String {
    format!("s3:{whose}objecttag/{}", name.to_ascii_lowercase())
}

/// The condition keys of S3 that a request has.
fn condition_values(call: &Call) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for name in ["prefix", "delimiter", "max-keys"] {
        if let Some(value) = call.parameter(name) {
            values.push((format!("s3:{name}"), value.to_owned()));
        }
    }
    for (name, value) in call.headers.iter().chain(call.hoisted()) {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-amz-") {
            values.push((format!("s3:{name}"), value.clone()));
        }
    }
    if let Some(id) = call.parameter("versionId") {
        values.push(("s3:versionid".to_owned(), id.to_owned()));
    }
    // A header that cannot be read is refused by the operation.
    let tags = call.setting("x-amz-tagging").and_then(|text| tagging::parse_header(text).ok());
    values.extend(tags.into_iter().flatten().map(|(name, value)| (tag_key("request", &name), value)));
    for (name, key) in [("referer", "aws:referer"), ("user-agent", "aws:useragent")] {
        if let Some(value) = call.header(name) {
            values.push((key.to_owned(), value.to_owned()));
        }
    }
    values
}
