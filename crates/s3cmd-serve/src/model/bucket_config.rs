//! The configuration of a bucket: its documents, parsed once when they are read or set.
//!
//! A document that cannot be parsed fails closed. A bucket whose policy, public access block, ownership, payer, default
//! encryption or object lock cannot be read is not served at all (see `store::damage`). As a second line of defence, an
//! unreadable document is not treated as absent here where that would allow more.

use super::bucket_documents::PAYER;
use super::cors_rules::CorsRules;
use super::error::S3Result;
use super::lifecycle_rules::LifecycleRules;
use super::object_lock::{self, DefaultRetention};
use super::ownership::Ownership;
use super::policy::Policy;
use super::public_access::PublicAccessBlock;
use super::website_config::WebsiteConfig;
use super::{default_encryption, xml};
use crate::store::cipher::KeyOrigin;
use std::collections::HashMap;
use std::sync::Arc;

/// The parsed documents of a bucket. An `Err` is the response to requests that need an unusable document.
#[derive(Debug)]
pub(crate) struct BucketConfig {
    /// `None` if absent or unreadable.
    pub(crate) policy: Option<Arc<Policy>>,
    /// All settings are on if the document is unreadable.
    pub(crate) public_access: PublicAccessBlock,
    pub(crate) ownership: Ownership,
    /// Whether requesters other than the bucket's owner pay for their requests.
    pub(crate) requester_pays: bool,
    /// Nothing expires if the rules are unreadable.
    pub(crate) lifecycle: Option<S3Result<LifecycleRules>>,
    pub(crate) cors: Option<S3Result<CorsRules>>,
    pub(crate) website: Option<S3Result<WebsiteConfig>>,
    /// The key origin for objects whose request does not specify encryption.
    pub(crate) default_encryption: Option<KeyOrigin>,
    /// No object is written if this is unreadable.
    pub(crate) default_retention: S3Result<Option<DefaultRetention>>,
}

impl BucketConfig {
    /// Parses the documents of a bucket; the map's keys are their names.
    pub(crate) fn new(documents: &HashMap<String, Arc<str>>) -> Self {
        let text = |name: &str| documents.get(name).map(|text| &**text);
        let root = |name: &str, element: &str| text(name).map(|text| xml::parse(text.as_bytes(), &[element]));
        Self {
            policy: text("policy").and_then(|text| Policy::parse(text).ok()).map(Arc::new),
            public_access: match root("publicAccessBlock", "PublicAccessBlockConfiguration") {
                None => PublicAccessBlock::default(),
                Some(Ok(root)) => PublicAccessBlock::parse(&root),
                Some(Err(_)) => PublicAccessBlock::ALL,
            },
            ownership: root("ownershipControls", "OwnershipControls")
                .and_then(|root| Ownership::of_document(&root.ok()?))
                .unwrap_or_default(),
            requester_pays: root("requestPayment", "RequestPaymentConfiguration").is_some_and(|root| {
                root.is_ok_and(|root| root.value(PAYER).map(str::trim) == Some("Requester"))
            }),
            lifecycle: root("lifecycle", "LifecycleConfiguration").map(|root| LifecycleRules::parse(&root?)),
            cors: text("cors").map(|text| CorsRules::parse(text.as_bytes())),
            website: root("website", "WebsiteConfiguration").map(|root| WebsiteConfig::parse(&root?)),
            default_encryption: root("encryption", "ServerSideEncryptionConfiguration")
                .and_then(|root| default_encryption::parse(&root.ok()?).ok()),
            default_retention: match text(object_lock::DOCUMENT) {
                Some(text) => object_lock::parse_configuration(text.as_bytes()),
                None => Ok(None),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 9] = [
        "policy",
        "publicAccessBlock",
        "ownershipControls",
        "requestPayment",
        "lifecycle",
        "cors",
        "website",
        "encryption",
        object_lock::DOCUMENT,
    ];

    fn config(text: &str) -> BucketConfig {
        BucketConfig::new(&NAMES.map(|name| (name.to_owned(), Arc::from(text))).into())
    }

    #[test]
    fn documents_that_cannot_be_read_fail_closed() {
        for text in ["", "<", "{}", "<Other/>"] {
            let config = config(text);
            assert!(config.policy.is_none() && config.default_encryption.is_none(), "{text}");
            assert!(config.public_access.switches().iter().all(|(_, on)| *on), "{text}");
            assert_eq!((config.ownership, config.requester_pays), (Ownership::ObjectWriter, false), "{text}");
            assert!(
                matches!(config.lifecycle, Some(Err(_))) && matches!(config.cors, Some(Err(_))),
                "{text}"
            );
            assert!(matches!(config.website, Some(Err(_))) && config.default_retention.is_err(), "{text}");
        }
    }

    #[test]
    fn a_bucket_without_documents_has_the_defaults() {
        let config = BucketConfig::new(&HashMap::new());
        assert!(config.policy.is_none() && config.default_encryption.is_none() && !config.requester_pays);
        assert!(config.public_access.switches().iter().all(|(_, on)| !on));
        assert!(config.lifecycle.is_none() && config.cors.is_none() && config.website.is_none());
        assert_eq!(config.default_retention.unwrap(), None);
    }
}
