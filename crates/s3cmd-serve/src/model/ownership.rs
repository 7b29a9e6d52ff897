//! Object ownership: who owns the objects that other users write to a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>

use super::error::{S3Result, malformed_xml};
use super::xml::Node;

/// Who owns the objects that other users write to a bucket, and whether ACLs apply.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The writer. The default of a bucket without the document.
    #[default]
    ObjectWriter,
    /// The bucket's owner, if the writer grants the owner full control.
    BucketOwnerPreferred,
    /// The bucket's owner; ACLs are disabled.
    BucketOwnerEnforced,
}

impl Ownership {
    /// Parses the setting's name in documents and headers.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ObjectWriter" => Self::ObjectWriter,
            "BucketOwnerPreferred" => Self::BucketOwnerPreferred,
            "BucketOwnerEnforced" => Self::BucketOwnerEnforced,
            _ => return None,
        })
    }

    /// The setting in an `OwnershipControls` document.
    pub(crate) fn of_document(root: &Node) -> Option<Self> {
        Self::parse(root.child("Rule")?.value("ObjectOwnership")?.trim())
    }

    /// Validates a document before it is stored.
    pub(crate) fn check(root: &Node) -> S3Result<()> {
        Self::of_document(root).map(drop).ok_or_else(malformed_xml)
    }

    /// Whether ACLs apply.
    pub(crate) fn has_acls(self) -> bool {
        self != Self::BucketOwnerEnforced
    }
}
