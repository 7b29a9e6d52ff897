//! The default encryption of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html>

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::xml::Node;
use crate::store::cipher::KeyOrigin;

/// Parses a `ServerSideEncryptionConfiguration`. Returns the key origin for objects whose request does not specify
/// encryption.
pub(crate) fn parse(root: &Node) -> S3Result<KeyOrigin> {
    let rule = root.child("Rule").ok_or_else(malformed_xml)?;
    let default = rule.child("ApplyServerSideEncryptionByDefault").ok_or_else(malformed_xml)?;
    let name = default.value("KMSMasterKeyID").map(str::trim).filter(|name| !name.is_empty());
    match (default.value("SSEAlgorithm").map(str::trim), name) {
        (Some("AES256"), None) => Ok(KeyOrigin::Server),
        (Some("AES256"), Some(_)) => fail(
            ErrorCode::InvalidArgument,
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
        ),
        (Some("aws:kms"), Some(name)) => Ok(KeyOrigin::Kms(name.to_owned())),
        (Some("aws:kms"), None) => {
            fail(ErrorCode::InvalidArgument, "aws:kms requires a key id: this server has no default key.")
        }
        _ => Err(malformed_xml()),
    }
}
