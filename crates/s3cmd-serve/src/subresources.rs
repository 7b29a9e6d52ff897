//! The query parameters that have a meaning in S3, whether this server implements them or not.
//!
//! A request whose query names one of them asks for that operation, version or part. It must never be treated as
//! another operation; see [`super::route`].
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

/// Whether a query parameter names a sub-resource or a selector, in any case: S3 does not know `?ACL`, but a client
/// that sends it means `?acl`.
pub(super) fn is_subresource(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        let lower: Vec<String> = NAMES.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert!(lower.windows(2).all(|pair| pair[0] < pair[1]), "{lower:?}");
    }

    #[test]
    fn subresources_are_known_in_any_case() {
        for name in ["acl", "torrent", "versionId", "uploadId", "partNumber", "publicAccessBlock", "website"]
        {
            assert!(is_subresource(name) && is_subresource(&name.to_ascii_uppercase()), "{name}");
        }
        for name in ["v", "utm_source", "bucket", "key", "etag", "prefix", "", "acl2"] {
            assert!(!is_subresource(name), "{name}");
        }
    }
}
