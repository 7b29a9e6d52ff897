//! The table of the documents that a bucket can have: their names, and the validation of each.

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::ownership::Ownership;
use super::policy::Policy;
use super::public_access::PublicAccessBlock;
use super::website_config::WebsiteConfig;
use super::xml::{self, Node};
use super::{cors_rules, default_encryption, lifecycle_checks, object_lock, tags};

/// The element of a `RequestPaymentConfiguration` that names who pays.
pub(crate) const PAYER: &str = "Payer";
/// S3's limit on the tags of a bucket.
const MAX_BUCKET_TAGS: usize = 50;

/// A kind of document. A bucket has at most one of each.
pub(crate) struct Document {
    /// The query parameter, which is also the name under which the document is stored.
    pub(crate) sub: &'static str,
    /// Name in `s3:GetX`, `s3:PutX`.
    pub(crate) action: &'static str,
    /// Name of the root element; empty if the document is not XML.
    pub(crate) root: &'static str,
    /// The response to GET if the document is absent.
    pub(crate) if_absent: Absent,
    pub(crate) put: PutRule,
    /// Whether DELETE is supported.
    pub(crate) delete: bool,
}

/// The response to GET for a bucket without the document.
pub(crate) enum Absent {
    /// 404 with this code and message.
    Error(ErrorCode, &'static str),
    /// An empty document, or one with a single child element.
    Default(Option<(&'static str, &'static str)>),
}

/// How PUT handles a document.
pub(crate) enum PutRule {
    /// Validate it with this function, store it, and respond with this status.
    Stored(fn(&Node) -> S3Result<()>, u16),
    Policy,
    /// Not stored: the server does not implement the feature.
    Rejected,
}

#[rustfmt::skip]
const DOCUMENTS: &[Document] = &[
    Document { sub: "policy", action: "BucketPolicy", root: "", delete: true, put: PutRule::Policy,
        if_absent: Absent::Error(ErrorCode::NoSuchBucketPolicy, "The bucket policy does not exist") },
    Document { sub: "lifecycle", action: "LifecycleConfiguration", root: "LifecycleConfiguration", delete: true,
        put: PutRule::Stored(lifecycle_checks::check, 200),
        if_absent: Absent::Error(ErrorCode::NoSuchLifecycleConfiguration, "The lifecycle configuration does not exist") },
    Document { sub: "cors", action: "BucketCORS", root: "CORSConfiguration", delete: true, put: PutRule::Stored(cors_rules::check, 200),
        if_absent: Absent::Error(ErrorCode::NoSuchCORSConfiguration, "The CORS configuration does not exist") },
    Document { sub: "tagging", action: "BucketTagging", root: "Tagging", delete: true,
        put: PutRule::Stored(|root| tags::parse_xml(root, MAX_BUCKET_TAGS).map(drop), 204),
        if_absent: Absent::Error(ErrorCode::NoSuchTagSet, "The TagSet does not exist") },
    Document { sub: "website", action: "BucketWebsite", root: "WebsiteConfiguration", delete: true,
        put: PutRule::Stored(|root| WebsiteConfig::parse(root).map(drop), 200),
        if_absent: Absent::Error(ErrorCode::NoSuchWebsiteConfiguration, "The specified bucket does not have a website configuration") },
    Document { sub: "ownershipControls", action: "BucketOwnershipControls", root: "OwnershipControls", delete: true,
        put: PutRule::Stored(Ownership::check, 200),
        if_absent: Absent::Error(ErrorCode::OwnershipControlsNotFoundError, "The bucket ownership controls were not found") },
    Document { sub: "publicAccessBlock", action: "BucketPublicAccessBlock", root: "PublicAccessBlockConfiguration",
        delete: true, put: PutRule::Stored(PublicAccessBlock::check, 200),
        if_absent: Absent::Error(ErrorCode::NoSuchPublicAccessBlockConfiguration, "The public access block configuration was not found") },
    Document { sub: "requestPayment", action: "BucketRequestPayment", root: "RequestPaymentConfiguration", delete: false,
        put: PutRule::Stored(check_payer, 200), if_absent: Absent::Default(Some((PAYER, "BucketOwner"))) },
    Document { sub: "notification", action: "BucketNotification", root: "NotificationConfiguration", delete: false,
        put: PutRule::Stored(check_notification, 200), if_absent: Absent::Default(None) },
    Document { sub: "logging", action: "BucketLogging", root: "BucketLoggingStatus", delete: false,
        put: PutRule::Stored(|_| Ok(()), 200), if_absent: Absent::Default(None) },
    Document { sub: "encryption", action: "EncryptionConfiguration", root: "ServerSideEncryptionConfiguration", delete: true,
        put: PutRule::Stored(|root| default_encryption::parse(root).map(drop), 200),
        if_absent: Absent::Error(ErrorCode::ServerSideEncryptionConfigurationNotFoundError,
            "The server side encryption configuration was not found") },
    // Rejected: accepting a replication configuration would promise copies that are never made.
    Document { sub: "replication", action: "ReplicationConfiguration", root: "", delete: false, put: PutRule::Rejected,
        if_absent: Absent::Error(ErrorCode::ReplicationConfigurationNotFoundError, "The replication configuration was not found") },
];

/// The document that a query parameter names.
pub(crate) fn find(sub: &str) -> Option<&'static Document> {
    DOCUMENTS.iter().find(|document| document.sub == sub)
}

/// The names of all documents.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    DOCUMENTS.iter().map(|document| document.sub)
}

/// Whether a document controls access or how objects are protected. If such a document is unreadable, its bucket must
/// not be served as if the document were absent.
pub(crate) fn protects(name: &str) -> bool {
    matches!(
        name,
        "policy"
            | "publicAccessBlock"
            | "ownershipControls"
            | "requestPayment"
            | "encryption"
            | object_lock::DOCUMENT
    )
}

/// Why a stored document of a bucket cannot be used; `None` if it is valid or of an unknown kind.
pub(crate) fn problem(name: &str, text: &str, bucket: &str) -> Option<String> {
    let check = || match (name, find(name)) {
        ("policy", _) => Policy::parse(text)?.check_resources(bucket),
        (object_lock::DOCUMENT, _) => object_lock::parse_configuration(text.as_bytes()).map(drop),
        (_, Some(Document { put: PutRule::Stored(check, _), root, .. })) => {
            check(&xml::parse(text.as_bytes(), &[root])?)
        }
        _ => Ok(()),
    };
    check().err().map(|error| error.message)
}

/// Validates a notification configuration. The server sends no notifications, but rejects what could never work.
fn check_notification(root: &Node) -> S3Result<()> {
    const TARGETS: [(&str, &str); 3] = [
        ("TopicConfiguration", "Topic"),
        ("QueueConfiguration", "Queue"),
        ("CloudFunctionConfiguration", "CloudFunction"),
    ];
    for rule in &root.children {
        if rule.name == "EventBridgeConfiguration" {
            continue;
        }
        let target = TARGETS.iter().find(|(name, _)| *name == rule.name).ok_or_else(malformed_xml)?.1;
        let target = rule.value(target).ok_or_else(malformed_xml)?;
        if !target.trim().starts_with("arn:") {
            return fail(ErrorCode::InvalidArgument, "The ARN is not well formed");
        }
        if rule.all("Event").count() == 0 {
            return Err(malformed_xml());
        }
        if let Some(event) = rule.all("Event").find(|event| !event.text.trim().starts_with("s3:")) {
            let event = event.text.trim();
            return fail(
                ErrorCode::InvalidArgument,
                format!("The event '{event}' is not supported for notifications"),
            );
        }
    }
    Ok(())
}

fn check_payer(root: &Node) -> S3Result<()> {
    match root.value(PAYER).map(str::trim) {
        Some("BucketOwner" | "Requester") => Ok(()),
        _ => Err(malformed_xml()),
    }
}
