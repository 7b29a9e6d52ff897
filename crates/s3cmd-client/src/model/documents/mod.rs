//! The configuration documents of buckets and objects: what the S3 API allows in them, and what they mean. A document
//! is checked before it is sent, and compared by meaning with the one that the service returns. The order of
//! elements, the notation of dates and lists, generated names and added defaults do not count as differences.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::model::documents::{Document, Kind};
//!
//! let sent = Document::expiry("logs/", Some("30"), None);
//! assert!(sent.check("bucket").is_ok());
//! // The same rule, as a server returns it.
//! let stored = sent.text().replace("<Rule>", "<Rule><ID>generated</ID>");
//! assert!(sent.differences(&Document::new(Kind::Lifecycle, stored))?.is_empty());
//! # Ok::<(), s3cmd_client::Error>(())
//! ```

mod builders;
mod cors;
mod element;
mod lifecycle;
pub mod policy;
mod rule;
mod schema;
mod settings;

use crate::error::{Error, Result};
use crate::model::document::RootElement;
use cors::notification;
use element::Element;
pub use lifecycle::{LifecycleAction, LifecycleRule};
use policy::Policy;
pub use rule::{Difference, Rule};
use schema::Content;

/// The kind of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lifecycle rules.
    Lifecycle,
    /// Bucket policy.
    Policy,
    /// CORS rules.
    Cors,
    /// Event notifications.
    Notification,
    /// Tags of a bucket or an object.
    Tagging,
    /// Static website hosting.
    Website,
    /// Access logging.
    Logging,
    /// Versioning of a bucket.
    Versioning,
    /// Ownership of new objects.
    Ownership,
    /// Block Public Access settings.
    PublicAccessBlock,
    /// Who pays for requests (Requester Pays).
    RequestPayment,
    /// The legal hold of an object.
    LegalHold,
    /// The retention of an object.
    Retention,
}

/// A document with its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    kind: Kind,
    text: String,
}

impl Kind {
    /// The sub-resource of the document, as in the query string.
    pub fn subresource(self) -> &'static str {
        match self {
            Kind::Lifecycle => "lifecycle",
            Kind::Policy => "policy",
            Kind::Cors => "cors",
            Kind::Notification => "notification",
            Kind::Tagging => "tagging",
            Kind::Website => "website",
            Kind::Logging => "logging",
            Kind::Versioning => "versioning",
            Kind::Ownership => "ownershipControls",
            Kind::PublicAccessBlock => "publicAccessBlock",
            Kind::RequestPayment => "requestPayment",
            Kind::LegalHold => "legal-hold",
            Kind::Retention => "retention",
        }
    }

    /// Name of the document in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Lifecycle => "lifecycle configuration",
            Kind::Policy => "bucket policy",
            Kind::Cors => "CORS configuration",
            Kind::Notification => "notification configuration",
            Kind::Tagging => "tag set",
            Kind::Website => "website configuration",
            Kind::Logging => "logging configuration",
            Kind::Versioning => "versioning configuration",
            Kind::Ownership => "ownership configuration",
            Kind::PublicAccessBlock => "public access block",
            Kind::RequestPayment => "request payment configuration",
            Kind::LegalHold => "legal hold",
            Kind::Retention => "retention",
        }
    }

    /// `Content-Type` of the document in requests.
    pub fn content_type(self) -> &'static str {
        if self == Kind::Policy { "application/json" } else { "application/xml" }
    }

    /// The S3 error code for a document that is not of this kind, as Ceph sends it.
    pub fn malformed_code(self) -> &'static str {
        if self == Kind::Policy { "InvalidArgument" } else { "MalformedXML" }
    }

    /// Name of the root element; empty for JSON.
    fn root(self) -> &'static str {
        match self {
            Kind::Lifecycle => "LifecycleConfiguration",
            Kind::Policy => "",
            Kind::Cors => "CORSConfiguration",
            Kind::Notification => "NotificationConfiguration",
            Kind::Tagging => "Tagging",
            Kind::Website => "WebsiteConfiguration",
            Kind::Logging => "BucketLoggingStatus",
            Kind::Versioning => "VersioningConfiguration",
            Kind::Ownership => "OwnershipControls",
            Kind::PublicAccessBlock => "PublicAccessBlockConfiguration",
            Kind::RequestPayment => "RequestPaymentConfiguration",
            Kind::LegalHold => "LegalHold",
            Kind::Retention => "Retention",
        }
    }

    /// The schema of the document; `None` for documents that only the client itself builds.
    fn schema(self) -> Option<&'static Content> {
        match self {
            Kind::Lifecycle => Some(&lifecycle::ROOT),
            Kind::Cors => Some(&cors::ROOT),
            Kind::Notification => Some(&notification::ROOT),
            _ => None,
        }
    }
}

impl Document {
    /// Makes a document from text, without checking it.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// The kind of the document.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text of the document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that the S3 API allows this document for this bucket. The error describes the problem.
    pub fn check(&self, bucket: &str) -> std::result::Result<(), String> {
        if self.kind == Kind::Policy {
            return Policy::parse(&self.text)?.check(bucket);
        }
        let expected = self.kind.root();
        let root = Element::parse(&self.text).map_err(|error| match error {
            Error::Malformed(words) => words
                .to_string()
                .replace("a response that is not XML", "it is not XML")
                .replace("an incomplete XML response", "it is incomplete XML"),
            error => error.to_string(),
        })?;
        if root.name.is_empty() {
            return Err(format!("it contains no '{expected}'"));
        }
        if root.name != expected {
            return Err(format!("it is a '{}', not a '{expected}'", root.name));
        }
        if let Some(schema) = self.kind.schema() {
            schema::check(&root, schema)?;
        }
        match self.kind {
            Kind::Lifecycle => lifecycle::check(&root),
            Kind::Notification => notification::check(&root),
            _ => Ok(()),
        }
    }

    /// Converts the document to the equivalent form of the S3 API: several conditions of a lifecycle filter are put
    /// into `And`. Some services return them side by side, but lose them when they are sent in that form. Other
    /// documents are unchanged.
    pub fn in_api_form(self) -> Result<Self> {
        if self.kind != Kind::Lifecycle {
            return Ok(self);
        }
        let Some(root) = lifecycle::with_conditions_in_and(&Element::parse(&self.text)?) else {
            return Ok(self);
        };
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        root.write(&mut text);
        let open = format!("<{}", root.name);
        // Keep the namespace that the service sent.
        let start = self.text.find(&open).map_or("", |at| &self.text[at..]);
        if let Some(end) = start.find('>').filter(|_| start.contains("xmlns=")) {
            text = text.replacen(&format!("{open}>"), &start[..=end], 1);
        }
        Ok(Self { text, ..self })
    }

    /// The rules of the document, for comparison and display.
    pub fn rules(&self) -> Result<Vec<Rule>> {
        if self.kind == Kind::Policy {
            return Policy::parse(&self.text)
                .map(|policy| policy.rules())
                .map_err(|problem| Error::Malformed(problem.into()));
        }
        let root = Element::parse(&self.text)?;
        // Servers disagree about the root of small documents; but an error page must not pass for one of the others.
        if self.kind.schema().is_some() && root.name != self.kind.root() {
            return Err(Error::Malformed(
                format!("a '{}' where a '{}' was expected", root.name, self.kind.root()).into(),
            ));
        }
        Ok(match self.kind {
            Kind::Lifecycle => lifecycle::rules(&root),
            Kind::Cors => cors::rules(&root),
            Kind::Notification => notification::rules(&root),
            kind => settings::rules(&root, kind.noun()),
        })
    }

    /// The rules of a lifecycle configuration, for display.
    pub fn lifecycle_rules(&self) -> Result<Vec<LifecycleRule>> {
        RootElement::of(&self.text)?.expect(&[Kind::Lifecycle.root()])?;
        Ok(LifecycleRule::all(&Element::parse(&self.text)?))
    }

    /// How the meaning of `stored`, the document that the service returned, differs from this one.
    pub fn differences(&self, stored: &Self) -> Result<Vec<Difference>> {
        // The first CORS rule that matches a request applies, so their order matters.
        let ordered = self.kind == Kind::Cors;
        Ok(rule::differences(&self.rules()?, &stored.rules()?, ordered))
    }

    /// The lines of a diff of two documents of the same kind, each prefixed with ` `, `-` or `+`. `None` stands for a
    /// missing document.
    pub fn changes(old: Option<&Self>, new: Option<&Self>) -> Result<Vec<String>> {
        let rules = |document: Option<&Self>| document.map_or_else(|| Ok(Vec::new()), Self::rules);
        Ok(rule::changes(&rules(old)?, &rules(new)?))
    }
}

#[cfg(test)]
mod tests;
