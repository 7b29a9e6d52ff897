//! The public access block of a bucket.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use super::error::{S3Result, malformed_xml};
use super::xml::Node;

/// The four settings of a public access block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PublicAccessBlock {
    pub(crate) block_acls: bool,
    pub(crate) ignore_acls: bool,
    pub(crate) block_policy: bool,
    pub(crate) restrict: bool,
}

impl PublicAccessBlock {
    /// All settings on, for an unreadable document.
    pub(crate) const ALL: Self =
        Self { block_acls: true, ignore_acls: true, block_policy: true, restrict: true };

    /// Parses a `PublicAccessBlockConfiguration`; settings that it does not contain are off.
    pub(crate) fn parse(root: &Node) -> Self {
        let on = |name| root.value(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        Self {
            block_acls: on("BlockPublicAcls"),
            ignore_acls: on("IgnorePublicAcls"),
            block_policy: on("BlockPublicPolicy"),
            restrict: on("RestrictPublicBuckets"),
        }
    }

    /// The settings with their names in documents.
    pub(crate) fn switches(self) -> [(&'static str, bool); 4] {
        [
            ("BlockPublicAcls", self.block_acls),
            ("IgnorePublicAcls", self.ignore_acls),
            ("BlockPublicPolicy", self.block_policy),
            ("RestrictPublicBuckets", self.restrict),
        ]
    }

    /// The document with all settings.
    pub(crate) fn to_xml(self) -> String {
        let switches: String =
            self.switches().iter().map(|(name, on)| format!("<{name}>{on}</{name}>")).collect();
        format!("<PublicAccessBlockConfiguration>{switches}</PublicAccessBlockConfiguration>")
    }

    /// Validates a document before it is stored.
    pub(crate) fn check(root: &Node) -> S3Result<()> {
        let known = |node: &Node| {
            Self::default().switches().iter().any(|(name, _)| *name == node.name)
                && ["true", "false"].contains(&node.text.trim().to_ascii_lowercase().as_str())
        };
        if root.children.iter().all(known) { Ok(()) } else { Err(malformed_xml()) }
    }
}
