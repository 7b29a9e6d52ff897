//! The condition keys that the server can evaluate, with their types and the actions that they apply to.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
//!
//! A policy with any other key is rejected when it is put: a Deny with it would never apply.

/// The type of a key's values, which determines the operators that can compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Text,
    /// Several strings, for `ForAnyValue:` and `ForAllValues:`.
    Texts,
    Arn,
    Address,
    Bool,
    Number,
    Date,
    /// Seconds since 1970: comparable as a date and as a number.
    Epoch,
}

/// The definition of a key.
#[derive(Debug, PartialEq)]
pub(crate) struct Spec {
    /// In lower case. A name that ends in `/` is followed by the name of a tag.
    pub(crate) name: &'static str,
    pub(crate) kind: KeyType,
    belongs: Belongs,
}

#[derive(Debug, PartialEq)]
enum Belongs {
    /// To every request.
    Everywhere,
    /// To requests for these actions, named without `s3:`.
    To(&'static [&'static str]),
    /// To requests by AWS services, which never reach this server.
    Services,
}

const UPLOAD: Belongs = Belongs::To(&["PutObject"]);
const ACL: Belongs = Belongs::To(&["PutObject", "PutObjectAcl", "PutObjectVersionAcl", "PutBucketAcl"]);
const TAGS: Belongs = Belongs::To(&["PutObject", "PutObjectTagging", "PutObjectVersionTagging"]);
const LISTING: Belongs = Belongs::To(&["ListBucket", "ListBucketVersions", "ListBucketMultipartUploads"]);
const RETENTION: Belongs = Belongs::To(&["PutObject", "PutObjectRetention"]);
const VERSION: Belongs = Belongs::To(&[
    "BypassGovernanceRetention",
    "DeleteObjectVersion",
    "DeleteObjectVersionTagging",
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectVersion",
    "GetObjectVersionAcl",
    "GetObjectVersionAttributes",
    "GetObjectVersionTagging",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectVersionAcl",
    "PutObjectVersionTagging",
    "RestoreObject",
]);
const EXISTING: Belongs = Belongs::To(&[
    "DeleteObjectTagging",
    "DeleteObjectVersionTagging",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetObjectTorrent",
    "GetObjectVersion",
    "GetObjectVersionAcl",
    "GetObjectVersionAttributes",
    "GetObjectVersionTagging",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutObjectVersionAcl",
    "PutObjectVersionTagging",
    "RestoreObject",
]);

const fn spec(name: &'static str, kind: KeyType, belongs: Belongs) -> Spec {
    Spec { name, kind, belongs }
}

#[rustfmt::skip]
pub(super) const SPECS: &[Spec] = &[
    spec("aws:currenttime", KeyType::Date, Belongs::Everywhere),
    spec("aws:epochtime", KeyType::Epoch, Belongs::Everywhere),
    spec("aws:principalarn", KeyType::Arn, Belongs::Everywhere),
    spec("aws:principalisawsservice", KeyType::Bool, Belongs::Everywhere),
    spec("aws:principaltype", KeyType::Text, Belongs::Everywhere),
    spec("aws:referer", KeyType::Text, Belongs::Everywhere),
    spec("aws:securetransport", KeyType::Bool, Belongs::Everywhere),
    spec("aws:sourceaccount", KeyType::Text, Belongs::Services),
    spec("aws:sourcearn", KeyType::Arn, Belongs::Services),
    spec("aws:sourceip", KeyType::Address, Belongs::Everywhere),
    spec("aws:sourceorgid", KeyType::Text, Belongs::Services),
    spec("aws:useragent", KeyType::Text, Belongs::Everywhere),
    spec("aws:userid", KeyType::Text, Belongs::Everywhere),
    spec("aws:username", KeyType::Text, Belongs::Everywhere),
    spec("aws:viaawsservice", KeyType::Bool, Belongs::Everywhere),
    spec("s3:authtype", KeyType::Text, Belongs::Everywhere),
    spec("s3:delimiter", KeyType::Text, LISTING),
    spec("s3:existingobjecttag/", KeyType::Text, EXISTING),
    spec("s3:if-match", KeyType::Text, Belongs::To(&["PutObject", "DeleteObject", "DeleteObjectVersion"])),
    spec("s3:if-none-match", KeyType::Text, UPLOAD),
    spec("s3:max-keys", KeyType::Number, Belongs::To(&["ListBucket", "ListBucketVersions"])),
    spec("s3:object-lock-legal-hold", KeyType::Text, Belongs::To(&["PutObject", "PutObjectLegalHold"])),
    spec("s3:object-lock-mode", KeyType::Text, RETENTION),
    spec("s3:object-lock-remaining-retention-days", KeyType::Number, RETENTION),
    spec("s3:object-lock-retain-until-date", KeyType::Date, RETENTION),
    spec("s3:objectcreationoperation", KeyType::Bool, UPLOAD),
    spec("s3:prefix", KeyType::Text, LISTING),
    spec("s3:requestobjecttag/", KeyType::Text, TAGS),
    spec("s3:requestobjecttagkeys", KeyType::Texts, TAGS),
    spec("s3:signatureage", KeyType::Number, Belongs::Everywhere),
    spec("s3:signatureversion", KeyType::Text, Belongs::Everywhere),
    spec("s3:tlsversion", KeyType::Number, Belongs::Everywhere),
    spec("s3:versionid", KeyType::Text, VERSION),
    spec("s3:x-amz-acl", KeyType::Text, ACL),
    spec("s3:x-amz-content-sha256", KeyType::Text, Belongs::Everywhere),
    spec("s3:x-amz-copy-source", KeyType::Text, UPLOAD),
    spec("s3:x-amz-grant-full-control", KeyType::Text, ACL),
    spec("s3:x-amz-grant-read", KeyType::Text, ACL),
    spec("s3:x-amz-grant-read-acp", KeyType::Text, ACL),
    spec("s3:x-amz-grant-write", KeyType::Text, ACL),
    spec("s3:x-amz-grant-write-acp", KeyType::Text, ACL),
    spec("s3:x-amz-metadata-directive", KeyType::Text, UPLOAD),
    spec("s3:x-amz-server-side-encryption", KeyType::Text, UPLOAD),
    spec("s3:x-amz-server-side-encryption-aws-kms-key-id", KeyType::Arn, UPLOAD),
    spec("s3:x-amz-server-side-encryption-customer-algorithm", KeyType::Text, UPLOAD),
    spec("s3:x-amz-storage-class", KeyType::Text, UPLOAD),
    spec("s3:x-amz-website-redirect-location", KeyType::Text, UPLOAD),
];

/// A condition key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) spec: &'static Spec,
    /// The name of a tag, as written in the policy.
    pub(crate) tag: Option<String>,
}

impl Key {
    /// Reads a key, ignoring case. `None` if the server does not know it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        if let Some((stem, _)) = lower.split_once('/') {
            let spec = SPECS.iter().find(|spec| spec.name.strip_suffix('/') == Some(stem))?;
            let tag = &text[spec.name.len()..];
            return (!tag.is_empty()).then(|| Self { spec, tag: Some(tag.to_owned()) });
        }
        let spec = SPECS.iter().find(|spec| spec.name == lower)?;
        Some(Self { spec, tag: None })
    }

    /// Whether requests for an action (`s3:GetObject`) can have this key.
    pub(crate) fn belongs_to(&self, action: &str) -> bool {
        match self.spec.belongs {
            Belongs::Everywhere => true,
            Belongs::To(names) => {
                let name = action.strip_prefix("s3:").unwrap_or(action);
                names.iter().any(|known| known.eq_ignore_ascii_case(name))
            }
            Belongs::Services => false,
        }
    }

    /// Whether only requests by AWS services have this key.
    pub(super) fn is_for_services(&self) -> bool {
        self.spec.belongs == Belongs::Services
    }
}
