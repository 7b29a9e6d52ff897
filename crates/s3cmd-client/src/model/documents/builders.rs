//! Documents that the client builds from typed values.

use super::{Document, Kind};
use crate::model::acl::Group;
use crate::model::xml::escaped;
use crate::ops::subresources::{LogTarget, Website};
use std::fmt::Write;

const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

impl Document {
    /// Enables or suspends versioning.
    pub fn versioning(enabled: bool) -> Self {
        let status = if enabled { "Enabled" } else { "Suspended" };
        Self::new(
            Kind::Versioning,
            format!(
                "<VersioningConfiguration {NAMESPACE}><Status>{status}</Status></VersioningConfiguration>"
            ),
        )
    }

    /// Sets the object ownership: `BucketOwnerPreferred`, `BucketOwnerEnforced` or `ObjectWriter`.
    pub fn ownership(rule: &str) -> Self {
        let rule = escaped(rule);
        Self::new(
            Kind::Ownership,
            format!(
                "<OwnershipControls {NAMESPACE}><Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule></OwnershipControls>"
            ),
        )
    }

    /// Sets the Block Public Access settings, each by its element name.
    pub fn public_access_block(switches: &[(&str, bool)]) -> Self {
        let mut text = format!("<PublicAccessBlockConfiguration {NAMESPACE}>");
        for (name, on) in switches {
            // Writing to a string cannot fail.
            let _ = write!(text, "<{name}>{on}</{name}>");
        }
        text.push_str("</PublicAccessBlockConfiguration>");
        Self::new(Kind::PublicAccessBlock, text)
    }

    /// Sets who pays for requests.
    pub fn request_payment(requester: bool) -> Self {
        let payer = if requester { "Requester" } else { "BucketOwner" };
        Self::new(
            Kind::RequestPayment,
            format!(
                "<RequestPaymentConfiguration {NAMESPACE}><Payer>{payer}</Payer></RequestPaymentConfiguration>"
            ),
        )
    }

    /// Removes all event notifications.
    pub fn no_notification() -> Self {
        Self::new(Kind::Notification, "<NotificationConfiguration></NotificationConfiguration>")
    }

    /// Enables static website hosting.
    pub fn website(website: &Website) -> Self {
        let mut text = format!("<WebsiteConfiguration {NAMESPACE}>");
        if let Some(index) = &website.index {
            let _ = write!(text, "<IndexDocument><Suffix>{}</Suffix></IndexDocument>", escaped(index));
        }
        if let Some(error) = &website.error {
            let _ = write!(text, "<ErrorDocument><Key>{}</Key></ErrorDocument>", escaped(error));
        }
        text.push_str("</WebsiteConfiguration>");
        Self::new(Kind::Website, text)
    }

    /// Enables access logging, with public read access to the logs if `public`; disables it if `target` is `None`.
    pub fn logging(target: Option<&LogTarget>, public: bool) -> Self {
        let namespace = "xmlns=\"http://doc.s3.amazonaws.com/2006-03-01\"";
        let Some(LogTarget { bucket, prefix }) = target else {
            return Self::new(Kind::Logging, format!("<BucketLoggingStatus {namespace}/>"));
        };
        let (bucket, prefix) = (escaped(bucket), escaped(prefix));
        let grants = if public {
            let all = Group::AllUsers.uri();
            format!(
                "<TargetGrants><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\">\
                 <URI>{all}</URI></Grantee><Permission>READ</Permission></Grant></TargetGrants>"
            )
        } else {
            String::new()
        };
        Self::new(
            Kind::Logging,
            format!(
                "<BucketLoggingStatus {namespace}><LoggingEnabled><TargetBucket>{bucket}</TargetBucket>\
                 <TargetPrefix>{prefix}</TargetPrefix>{grants}</LoggingEnabled></BucketLoggingStatus>"
            ),
        )
    }

    /// Sets one lifecycle rule that expires objects with the key prefix `prefix`, after `days` or on `date`.
    pub fn expiry(prefix: &str, days: Option<&str>, date: Option<&str>) -> Self {
        let when = match (days, date) {
            (Some(days), _) => format!("<Days>{}</Days>", escaped(days)),
            (None, Some(date)) => format!("<Date>{}</Date>", escaped(date)),
            (None, None) => String::new(),
        };
        let prefix = escaped(prefix);
        // Without a namespace, measured on s3cmd 2.4.0: some services return the document as it was stored.
        Self::new(
            Kind::Lifecycle,
            format!(
                "<LifecycleConfiguration><Rule><Filter><Prefix>{prefix}</Prefix></Filter>\
                 <Status>Enabled</Status><Expiration>{when}</Expiration></Rule></LifecycleConfiguration>"
            ),
        )
    }

    /// Sets the tags.
    pub fn tagging(tags: &[(String, String)]) -> Self {
        let mut text = format!("<Tagging {NAMESPACE}><TagSet>");
        for (name, value) in tags {
            let (name, value) = (escaped(name), escaped(value));
            let _ = write!(text, "<Tag><Key>{name}</Key><Value>{value}</Value></Tag>");
        }
        text.push_str("</TagSet></Tagging>");
        Self::new(Kind::Tagging, text)
    }

    /// Places or removes a legal hold on an object.
    pub fn legal_hold(on: bool) -> Self {
        let status = if on { "ON" } else { "OFF" };
        Self::new(Kind::LegalHold, format!("<LegalHold {NAMESPACE}><Status>{status}</Status></LegalHold>"))
    }

    /// Protects an object until a date (`2030-01-31T12:00:00Z`). `mode` is `GOVERNANCE` or `COMPLIANCE`.
    pub fn retention(mode: &str, until: &str) -> Self {
        let (mode, until) = (escaped(mode), escaped(until));
        Self::new(
            Kind::Retention,
            format!(
                "<Retention {NAMESPACE}><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::element::Element;
    use super::*;

    #[test]
    fn values_are_escaped_in_documents() {
        let target = LogTarget { bucket: "logs".into(), prefix: "a&b<".into() };
        let document = Document::logging(Some(&target), true);
        let root = Element::parse(document.text()).unwrap();
        let enabled = root.child("LoggingEnabled").unwrap();
        assert_eq!((root.name.as_str(), enabled.exact("TargetPrefix")), ("BucketLoggingStatus", "a&b<"));
        let grant = enabled.child("TargetGrants").and_then(|grants| grants.child("Grant")).unwrap();
        assert_eq!(grant.value("Permission"), "READ");
        let root = Element::parse(Document::logging(None, true).text()).unwrap();
        assert_eq!((root.name.as_str(), root.children.len()), ("BucketLoggingStatus", 0));
    }

    #[test]
    fn expiry_documents_are_checked() {
        assert_eq!(Document::expiry("a&b/", Some("3"), None).check("b"), Ok(()));
        assert_eq!(Document::expiry("", None, Some("2030-01-31")).check("b"), Ok(()));
        for (days, date) in [(Some("x"), None), (Some("0"), None), (Some("-1"), None), (None, Some("soon"))] {
            assert!(Document::expiry("", days, date).check("b").is_err(), "{days:?} {date:?}");
        }
    }
}
