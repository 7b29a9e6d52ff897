//! Object ownership: who owns what others write to a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>

use super::error::{S3Result, malformed_xml};
use super::xml::Node;

/// Who owns what others write to a bucket, and whether ACLs count.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The writer. So it is in a bucket that says nothing.
    #[default]
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

    /// Checks a document that is put.
    pub(crate) fn check(root: &Node) -> S3Result<()> {
        Self::of_document(root).map(drop).ok_or_else(malformed_xml)
    }

    /// Whether ACLs count.
    pub(crate) fn has_acls(self) -> bool {
        self != Self::BucketOwnerEnforced
    }
}
