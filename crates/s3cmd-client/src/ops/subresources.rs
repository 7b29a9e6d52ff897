//! Reads and writes the configuration documents of buckets and objects: policies, lifecycle rules and other settings;
//! also restores archived objects. The content of the documents is defined in `documents`; `bucket` reads the small
//! ones.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use s3cmd_client::model::documents::{Document, Kind};
//!
//! client.put("bucket", None, &Document::versioning(true)).await?;
//! let stored = client.get("bucket", None, Kind::Versioning).await?;
//! println!("{}", stored.text());
//! # Ok(())
//! # }
//! ```

use super::object::with_document;
use crate::client::Client;
use crate::error::Result;
use crate::http::request::Request;
use crate::model::acl::{Acl, Group, Permission};
use crate::model::documents::{Document, Kind};
use crate::model::{document, responses, xml};
use http::Method;

const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// Static website hosting settings of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Website {
    /// Name of the index document of each directory; `None` if all requests are redirected.
    pub index: Option<String>,
    /// Key of the error document.
    pub error: Option<String>,
}

/// Default Object Lock settings of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ObjectLock {
    /// `GOVERNANCE` or `COMPLIANCE`; `None` if new objects are not locked by default.
    pub mode: Option<String>,
    /// Retention period in days.
    pub days: Option<String>,
    /// Retention period in years.
    pub years: Option<String>,
}

/// Where the access logs of a bucket are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// Target bucket.
    pub bucket: String,
    /// Key prefix of the logs; may be empty.
    pub prefix: String,
}

impl Client {
    /// Stores a document. Returns the HTTP status (200 or 204).
    pub async fn put(&self, bucket: &str, key: Option<&str>, document: &Document) -> Result<u16> {
        let kind = document.kind();
        let text = document.text().to_owned();
        self.put_document(bucket, key, kind.subresource(), text, kind.content_type()).await
    }

    /// Reads a document.
    pub async fn get(&self, bucket: &str, key: Option<&str>, kind: Kind) -> Result<Document> {
        Ok(Document::new(kind, self.document(bucket, key, kind.subresource()).await?))
    }

    /// Replaces the event notification configuration of a bucket.
    pub async fn set_notification(
        &self,
        bucket: &str,
        document: &Document,
        skip_destination_validation: bool,
    ) -> Result<u16> {
        let mut request = Request::new(Method::PUT, Some(bucket), None).query("notification", "");
        if skip_destination_validation {
            request = request.header("x-amz-skip-destination-validation", "True");
        }
        let text = document.text().to_owned();
        self.send(with_document(request, text, "application/xml").await?).await.map(|answer| answer.status)
    }

    /// Whether an object is under legal hold.
    pub async fn legal_hold(&self, bucket: &str, key: &str) -> Result<bool> {
        let text = self.document(bucket, Some(key), "legal-hold").await?;
        let read: responses::LegalHold = document::read(&text, &["LegalHold"])?;
        Ok(read.status.is_some_and(|status| status == "ON"))
    }

    /// Mode and end date of an object's retention.
    pub async fn retention(&self, bucket: &str, key: &str) -> Result<Option<(String, String)>> {
        let text = self.document(bucket, Some(key), "retention").await?;
        let read: responses::Retention = document::read(&text, &["Retention"])?;
        Ok(read.mode.zip(read.retain_until_date))
    }

    /// Object Lock settings of a bucket; `None` if Object Lock is not enabled.
    pub async fn object_lock(&self, bucket: &str) -> Result<Option<ObjectLock>> {
        let text = self.document(bucket, None, "object-lock").await?;
        let read: responses::ObjectLock = document::read(&text, &["ObjectLockConfiguration"])?;
        let responses::DefaultRetention { mode, days, years } = read.rule.default_retention;
        Ok((read.object_lock_enabled == "Enabled").then_some(ObjectLock { mode, days, years }))
    }

    /// Default encryption of new objects: the algorithm and, if there is one, the KMS key.
    pub async fn default_encryption(&self, bucket: &str) -> Result<Option<(String, Option<String>)>> {
        let text = self.document(bucket, None, "encryption").await?;
        let read: responses::Encryption = document::read(&text, &["ServerSideEncryptionConfiguration"])?;
        let mut rules = read.rule.into_iter().map(|rule| rule.apply_server_side_encryption_by_default);
        Ok(rules.find_map(|rule| rule.algorithm.map(|algorithm| (algorithm, rule.kms_key))))
    }

    /// The website configuration.
    pub async fn website(&self, bucket: &str) -> Result<Website> {
        let text = self.document(bucket, None, "website").await?;
        let read: responses::Website = document::read(&text, &["WebsiteConfiguration"])?;
        let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
        Ok(Website { index: trimmed(read.index_document.suffix), error: trimmed(read.error_document.key) })
    }

    /// Where access logs are stored; `None` if logging is off.
    pub async fn log_target(&self, bucket: &str) -> Result<Option<LogTarget>> {
        let text = self.document(bucket, None, "logging").await?;
        let read: responses::Logging = document::read(&text, &["BucketLoggingStatus"])?;
        let responses::LoggingTarget { target_bucket, target_prefix } = read.logging_enabled;
        Ok(target_bucket.map(|bucket| LogTarget { bucket: bucket.trim().to_owned(), prefix: target_prefix }))
    }

    /// Enables or disables access logging, as the document says. If the service reports that log delivery may not
    /// write to the target bucket, grants that permission and tries again (measured on s3cmd 2.4.0).
    pub async fn set_logging(
        &self,
        bucket: &str,
        target: Option<&LogTarget>,
        document: &Document,
    ) -> Result<u16> {
        match (self.put(bucket, None, document).await, target) {
            (Err(error), Some(target)) if error.code() == "InvalidTargetBucketForLogging" => {
                let mut acl: Acl = self.get_acl(&target.bucket, None).await?;
                acl.grant(Permission::ReadAcp.name(), Group::LogDelivery.uri());
                acl.grant(Permission::Write.name(), Group::LogDelivery.uri());
                self.put_acl(&target.bucket, None, &acl).await?;
                self.put(bucket, None, document).await
            }
            (answer, _) => answer,
        }
    }

    /// Restores a temporary copy of an archived object for a number of days; `tier` is `Standard`, `Expedited` or
    /// `Bulk`. An INTELLIGENT_TIERING object is restored permanently and takes no days.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>
    pub async fn restore_object(&self, bucket: &str, key: &str, days: Option<i64>, tier: &str) -> Result<()> {
        let tier = xml::escaped(tier);
        let days = days.map_or_else(String::new, |days| format!("<Days>{days}</Days>"));
        let document = format!(
            "<RestoreRequest {NAMESPACE}>{days}<GlacierJobParameters><Tier>{tier}</Tier>\
             </GlacierJobParameters></RestoreRequest>"
        );
        let request = self.request_for(Method::POST, bucket, Some(key)).query("restore", "");
        self.send(with_document(request, document, "application/xml").await?).await.map(drop)
    }
}
