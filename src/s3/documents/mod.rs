//! The documents of buckets and objects: what the S3 API allows in them, and what they mean. A document is checked before
//! it is sent, and compared in meaning with what the service gives back: order, forms of dates and lists, names that the
//! service makes up and defaults that it fills in are no difference.

mod cors;
mod element;
mod lifecycle;
mod made;
mod plain;
pub(crate) mod policy;
mod rule;
mod shape;

use super::error::{Error, Result};
use cors::notification;
use element::Element;
pub use lifecycle::{LifecycleAction, LifecycleRule};
use policy::Policy;
pub use rule::{Difference, Rule};
use shape::Holds;

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lifecycle rules.
    Lifecycle,
    /// The policy of a bucket.
    Policy,
    /// Cross-origin rules.
    Cors,
    /// Event notifications.
    Notification,
    /// Tags of a bucket or an object.
    Tagging,
    /// Static website hosting.
    Website,
    /// Where access logs go.
    Logging,
    /// Whether versions are kept.
    Versioning,
    /// Who owns new objects.
    Ownership,
    /// The switches against public access.
    PublicAccessBlock,
    /// Who pays for requests.
    RequestPayment,
    /// The legal hold of an object.
    LegalHold,
    /// The retention of an object.
    Retention,
}

/// A document and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    kind: Kind,
    text: String,
}

impl Kind {
    /// The sub-resource that it is read and written as.
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

    /// What it is called.
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

    /// Content-Type of its requests.
    pub fn content_type(self) -> &'static str {
        if self == Kind::Policy { "application/json" } else { "application/xml" }
    }

    /// The S3 code of the answer to a document that is none of this kind, as Ceph sends it.
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

    /// What may be in it; `None` for documents that this program makes itself.
    fn shape(self) -> Option<&'static Holds> {
        match self {
            Kind::Lifecycle => Some(&lifecycle::ROOT),
            Kind::Cors => Some(&cors::ROOT),
            Kind::Notification => Some(&notification::ROOT),
            _ => None,
        }
    }
}

impl Document {
    /// A document as it is.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a document of its kind, for this bucket, by the S3 API. The problem is told in words.
    pub fn check(&self, bucket: &str) -> std::result::Result<(), String> {
        if self.kind == Kind::Policy {
            return Policy::parse(&self.text)?.check(bucket);
        }
        let wanted = self.kind.root();
        let root = Element::parse(&self.text).map_err(|error| match error {
            Error::Malformed(words) => words
                .replace("an answer that is not XML", "it is not XML")
                .replace("an XML answer that ends", "it is XML that ends"),
            error => error.to_string(),
        })?;
        if root.name.is_empty() {
            return Err(format!("it holds no '{wanted}'"));
        }
        if root.name != wanted {
            return Err(format!("it is a '{}', not a '{wanted}'", root.name));
        }
        if let Some(shape) = self.kind.shape() {
            shape::check(&root, shape)?;
        }
        match self.kind {
            Kind::Lifecycle => lifecycle::check(&root),
            Kind::Notification => notification::check(&root),
            _ => Ok(()),
        }
    }

    /// The document in the form that the S3 API has for what it means: several conditions of a lifecycle filter stand in
    /// `And`, where some services give them beside it and lose them when they are sent so. Else it is left as it is.
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
        // The namespace is what the service gave.
        let start = self.text.find(&open).map_or("", |at| &self.text[at..]);
        if let Some(end) = start.find('>').filter(|_| start.contains("xmlns=")) {
            text = text.replacen(&format!("{open}>"), &start[..=end], 1);
        }
        Ok(Self { text, ..self })
    }

    /// What it says.
    pub fn rules(&self) -> Result<Vec<Rule>> {
        if self.kind == Kind::Policy {
            return Policy::parse(&self.text).map(|policy| policy.rules()).map_err(Error::Malformed);
        }
        let root = Element::parse(&self.text)?;
        // Servers disagree about the name of the root of small documents, and an error page is none of them.
        if self.kind.shape().is_some() && root.name != self.kind.root() {
            return Err(Error::Malformed(format!(
                "a '{}' where a '{}' was expected",
                root.name,
                self.kind.root()
            )));
        }
        Ok(match self.kind {
            Kind::Lifecycle => lifecycle::rules(&root),
            Kind::Cors => cors::rules(&root),
            Kind::Notification => notification::rules(&root),
            kind => plain::rules(&root, kind.noun()),
        })
    }

    /// The rules of a lifecycle configuration, as they are shown.
    pub fn lifecycle_rules(&self) -> Result<Vec<LifecycleRule>> {
        super::xml::expect_root(&self.text, Kind::Lifecycle.root())?;
        Ok(LifecycleRule::all(&Element::parse(&self.text)?))
    }

    /// What `stored`, the document that the service gives back, means else than this one.
    pub fn differences(&self, stored: &Self) -> Result<Vec<Difference>> {
        // The first rule that fits a request counts.
        let ordered = self.kind == Kind::Cors;
        Ok(rule::differences(&self.rules()?, &stored.rules()?, ordered))
    }

    /// The lines of a comparison of two documents of a kind, each with ` `, `-` or `+` in front; `None` stands for no
    /// document.
    pub fn changes(old: Option<&Self>, new: Option<&Self>) -> Result<Vec<String>> {
        let rules = |document: Option<&Self>| document.map_or_else(|| Ok(Vec::new()), Self::rules);
        Ok(rule::changes(&rules(old)?, &rules(new)?))
    }
}

#[cfg(test)]
mod tests;
