//! The query parameters to which S3 gives a meaning of their own, whether this server implements them or not.
//!
//! A request whose query names one of them asks for that operation, that version or that part. It is never answered
//! with another operation; see [`super::route`].
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html>

/// Sub-resources and selectors, in ascending order of their lower-case forms.
const NAMES: &[&str] = &[
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "append",
    "attributes",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "lifecycleConfiguration",
    "list-type",
    "location",
    "logging",
    "mdsearch",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "notificationConfiguration",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "rename",
    "renameObject",
    "replication",
    "replication-metrics",
    "replication-reset",
    "replication-reset-status",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "select-type",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Whether a query parameter names a sub-resource, or selects what an operation is about. The case of its letters does
/// not count: S3 does not know `?ACL`, and whoever sends it means `?acl`.
pub(super) fn is_one(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_there_once() {
        let lower: Vec<String> = NAMES.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert!(lower.windows(2).all(|pair| pair[0] < pair[1]), "{lower:?}");
    }

    #[test]
    fn what_signatures_of_version_2_cover_is_known() {
        for name in ["acl", "torrent", "versionId", "uploadId", "partNumber", "publicAccessBlock", "website"]
        {
            assert!(is_one(name) && is_one(&name.to_ascii_uppercase()), "{name}");
        }
        for name in ["v", "utm_source", "bucket", "key", "etag", "prefix", "", "acl2"] {
            assert!(!is_one(name), "{name}");
        }
    }
}
