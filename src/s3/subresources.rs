//! What a bucket or an object can be told in a small document: versioning, ownership, public access, payer, website,
//! access logs, expiry; legal hold, retention and restoring. Reading them for `info` is in `bucket`.

use super::acl::{ALL_USERS, Acl};
use super::bucket::ExpiryRule;
use super::client::Client;
use super::error::Result;
use super::object::with_document;
use super::request::Request;
use super::xml;
use http::Method;
use std::fmt::Write;

const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// Who writes access logs.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html>
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// What a bucket answers as a website.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Website {
    /// Name of the index document in each directory; none where everything is redirected.
    pub index: Option<String>,
    /// Key of the error document.
    pub error: Option<String>,
}

/// Where a bucket's access logs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// The bucket.
    pub bucket: String,
    /// What the logs' keys begin with; may be empty.
    pub prefix: String,
}

impl Client {
    /// Keeps old versions of objects from now on, or makes no new ones.
    pub async fn set_versioning(&self, bucket: &str, enabled: bool) -> Result<()> {
        let status = if enabled { "Enabled" } else { "Suspended" };
        let document = format!(
            "<VersioningConfiguration {NAMESPACE}><Status>{status}</Status></VersioningConfiguration>"
        );
        self.put_document(bucket, None, "versioning", document, "application/xml").await.map(drop)
    }

    /// Says who owns new objects: `BucketOwnerPreferred`, `BucketOwnerEnforced` or `ObjectWriter`.
    pub async fn set_ownership(&self, bucket: &str, rule: &str) -> Result<()> {
        let rule = xml::escaped(rule);
        let document = format!(
            "<OwnershipControls {NAMESPACE}><Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule></OwnershipControls>"
        );
        self.put_document(bucket, None, "ownershipControls", document, "application/xml").await.map(drop)
    }

    /// Sets the switches against public access: each with its name in the document.
    pub async fn set_public_access_block(&self, bucket: &str, switches: &[(&str, bool)]) -> Result<()> {
        let mut document = format!("<PublicAccessBlockConfiguration {NAMESPACE}>");
        for (name, on) in switches {
            let _ = write!(document, "<{name}>{on}</{name}>");
        }
        document.push_str("</PublicAccessBlockConfiguration>");
        self.put_document(bucket, None, "publicAccessBlock", document, "application/xml").await.map(drop)
    }

    /// Says who pays for requests; returns the status.
    pub async fn set_request_payer(&self, bucket: &str, requester: bool) -> Result<u16> {
        let payer = if requester { "Requester" } else { "BucketOwner" };
        let document = format!(
            "<RequestPaymentConfiguration {NAMESPACE}><Payer>{payer}</Payer></RequestPaymentConfiguration>"
        );
        self.put_document(bucket, None, "requestPayment", document, "application/xml").await
    }

    /// Replaces what the bucket tells others of its objects' changes by a document of the user's.
    pub async fn set_notification(
        &self,
        bucket: &str,
        document: String,
        skip_destination_validation: bool,
    ) -> Result<()> {
        let mut request = Request::new(Method::PUT, Some(bucket), None).query("notification", "");
        if skip_destination_validation {
            request = request.header("x-amz-skip-destination-validation", "True");
        }
        self.send(with_document(request, document, "application/xml").await?).await.map(drop)
    }

    /// The website configuration.
    pub async fn website(&self, bucket: &str) -> Result<Website> {
        let text = self.document(bucket, None, "website").await?;
        xml::expect_root(&text, "WebsiteConfiguration")?;
        Ok(Website {
            index: xml::text_at(&text, &["WebsiteConfiguration", "IndexDocument", "Suffix"])?,
            error: xml::text_at(&text, &["WebsiteConfiguration", "ErrorDocument", "Key"])?,
        })
    }

    /// Makes a website of a bucket.
    pub async fn set_website(&self, bucket: &str, website: &Website) -> Result<()> {
        let mut document = format!("<WebsiteConfiguration {NAMESPACE}>");
        if let Some(index) = &website.index {
            let _ =
                write!(document, "<IndexDocument><Suffix>{}</Suffix></IndexDocument>", xml::escaped(index));
        }
        if let Some(error) = &website.error {
            let _ = write!(document, "<ErrorDocument><Key>{}</Key></ErrorDocument>", xml::escaped(error));
        }
        document.push_str("</WebsiteConfiguration>");
        self.put_document(bucket, None, "website", document, "application/xml").await.map(drop)
    }

    /// Where the access logs go; `None` where none are written.
    pub async fn log_target(&self, bucket: &str) -> Result<Option<LogTarget>> {
        let text = self.document(bucket, None, "logging").await?;
        xml::expect_root(&text, "BucketLoggingStatus")?;
        let at = |name| xml::text_at(&text, &["BucketLoggingStatus", "LoggingEnabled", name]);
        let prefix = at("TargetPrefix")?.unwrap_or_default();
        Ok(at("TargetBucket")?.map(|bucket| LogTarget { bucket, prefix }))
    }

    /// Has access logs written, readable by everybody where `public`, or none. Where the service says that it may not
    /// write into the target bucket, it is given the permission there and asked again, as s3cmd does.
    pub async fn set_log_target(&self, bucket: &str, target: Option<&LogTarget>, public: bool) -> Result<()> {
        let document = || logging_document(target, public);
        let answer = self.put_document(bucket, None, "logging", document(), "application/xml").await;
        match (answer, target) {
            (Err(error), Some(target)) if error.code() == "InvalidTargetBucketForLogging" => {
                let mut acl: Acl = self.get_acl(&target.bucket, None).await?;
                acl.grant("READ_ACP", LOG_DELIVERY);
                acl.grant("WRITE", LOG_DELIVERY);
                self.put_acl(&target.bucket, None, &acl).await?;
                self.put_document(bucket, None, "logging", document(), "application/xml").await.map(drop)
            }
            (answer, _) => answer.map(drop),
        }
    }

    /// Replaces the lifecycle of a bucket by one rule that expires objects.
    pub async fn set_expiry(&self, bucket: &str, rule: &ExpiryRule) -> Result<()> {
        let when = match (&rule.days, &rule.date) {
            (Some(days), _) => format!("<Days>{}</Days>", xml::escaped(days)),
            (None, Some(date)) => format!("<Date>{}</Date>", xml::escaped(date)),
            (None, None) => String::new(),
        };
        let prefix = xml::escaped(&rule.prefix);
        // Without a namespace, as s3cmd 2.4.0 sends it: some services show the document as it came.
        let document = format!(
            "<LifecycleConfiguration><Rule><Filter><Prefix>{prefix}</Prefix></Filter>\
             <Status>Enabled</Status><Expiration>{when}</Expiration></Rule></LifecycleConfiguration>"
        );
        self.put_document(bucket, None, "lifecycle", document, "application/xml").await.map(drop)
    }

    /// Puts an object under legal hold, or lifts it; returns the status.
    pub async fn set_legal_hold(&self, bucket: &str, key: &str, on: bool) -> Result<u16> {
        let status = if on { "ON" } else { "OFF" };
        let document = format!("<LegalHold {NAMESPACE}><Status>{status}</Status></LegalHold>");
        self.put_document(bucket, Some(key), "legal-hold", document, "application/xml").await
    }

    /// Protects an object until a date (`2030-01-31T12:00:00Z`); `mode` is `GOVERNANCE` or `COMPLIANCE`. Returns the
    /// status.
    pub async fn set_retention(&self, bucket: &str, key: &str, mode: &str, until: &str) -> Result<u16> {
        let (mode, until) = (xml::escaped(mode), xml::escaped(until));
        let document = format!(
            "<Retention {NAMESPACE}><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
        );
        self.put_document(bucket, Some(key), "retention", document, "application/xml").await
    }

    /// Asks for a copy of an archived object that lasts some days; `tier` is `Standard`, `Expedited` or `Bulk`.
    pub async fn restore_object(&self, bucket: &str, key: &str, days: i64, tier: &str) -> Result<()> {
        let tier = xml::escaped(tier);
        let document = format!(
            "<RestoreRequest {NAMESPACE}><Days>{days}</Days><GlacierJobParameters><Tier>{tier}</Tier>\
             </GlacierJobParameters></RestoreRequest>"
        );
        let request = self.about(Method::POST, bucket, Some(key)).query("restore", "");
        self.send(with_document(request, document, "application/xml").await?).await.map(drop)
    }
}

fn logging_document(target: Option<&LogTarget>, public: bool) -> String {
    let namespace = "xmlns=\"http://doc.s3.amazonaws.com/2006-03-01\"";
    let Some(LogTarget { bucket, prefix }) = target else {
        return format!("<BucketLoggingStatus {namespace}/>");
    };
    let (bucket, prefix) = (xml::escaped(bucket), xml::escaped(prefix));
    let grants = if public {
        format!(
            "<TargetGrants><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\">\
             <URI>{ALL_USERS}</URI></Grantee><Permission>READ</Permission></Grant></TargetGrants>"
        )
    } else {
        String::new()
    };
    format!(
        "<BucketLoggingStatus {namespace}><LoggingEnabled><TargetBucket>{bucket}</TargetBucket>\
         <TargetPrefix>{prefix}</TargetPrefix>{grants}</LoggingEnabled></BucketLoggingStatus>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_stays_text_in_a_document() {
        let target = LogTarget { bucket: "logs".into(), prefix: "a&b<".into() };
        let text = logging_document(Some(&target), true);
        let at = |path: &[&str]| {
            let path: Vec<&str> =
                ["BucketLoggingStatus", "LoggingEnabled"].iter().chain(path).copied().collect();
            xml::text_at(&text, &path).unwrap()
        };
        assert_eq!(at(&["TargetPrefix"]).as_deref(), Some("a&b<"));
        assert_eq!(at(&["TargetGrants", "Grant", "Permission"]).as_deref(), Some("READ"));
        assert!(xml::expect_root(&logging_document(None, true), "BucketLoggingStatus").is_ok());
    }
}
