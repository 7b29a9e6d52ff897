//! CloudFront, the content delivery network for buckets, through its REST API of 2020-05-31.
//! <https://docs.aws.amazon.com/cloudfront/latest/APIReference/>
//!
//! The S3 client signs, sends and retries the requests; only paths and documents are specific to CloudFront.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(credentials: s3cmd_client::credentials::Credentials) -> s3cmd_client::Result<()> {
//! use s3cmd_client::ClientOptions;
//! use s3cmd_client::endpoint::Endpoint;
//! use s3cmd_client::ops::cloudfront::{CloudFront, encoded};
//!
//! let endpoint = Endpoint::new("cloudfront.amazonaws.com", "", true, true);
//! let cloudfront = CloudFront::new(ClientOptions::new(endpoint, Some(credentials)));
//! for distribution in cloudfront.distributions().await? {
//!     let paths = [encoded("index.html")];
//!     cloudfront.invalidate(&distribution.id, &paths, "unique reference").await?;
//! }
//! # Ok(())
//! # }
//! ```

mod config;
mod origin;
mod paths;
mod responses;

pub use config::{Changes, Config, Logging};
pub use origin::Origin;
pub use paths::encoded;

use super::object::with_document;
use crate::client::{Client, ClientOptions, Signature};
use crate::error::{Error, Result};
use crate::http::request::Request;
use crate::model::{document, xml};
use crate::sign::encode;
use http::Method;
use responses::{DistributionDocument, DistributionSummary, InvalidationDocument, InvalidationSummary, Page};
use serde::de::DeserializeOwned;
use std::fmt::Write;

/// API version; the first segment of every path.
const VERSION: &str = "2020-05-31";

/// XML namespace of the documents that are sent.
const NAMESPACE: &str = "http://cloudfront.amazonaws.com/doc/2020-05-31/";

/// Maximum number of paths in one invalidation. The service allows 3,000 paths in progress at a time, in one or
/// several requests.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/InvalidationLimits.html>
pub const MAX_PATHS: usize = 1000;

/// A distribution, as described in lists and in single responses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// ID.
    pub id: String,
    /// Host name for viewers.
    pub domain_name: String,
    /// `InProgress` while a change is being deployed, then `Deployed`.
    pub status: String,
    /// The origins of its content.
    pub origins: Vec<Origin>,
    /// Alternate host names (CNAMEs).
    pub cnames: Vec<String>,
    /// Whether it accepts requests.
    pub enabled: bool,
    /// The owner's comment.
    pub comment: String,
    /// The object returned for `/`; not included in lists.
    pub default_root_object: String,
    /// Access log settings, if logging is enabled; not included in lists.
    pub logging: Option<Logging>,
}

/// An invalidation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalidation {
    /// ID.
    pub id: String,
    /// `InProgress`, then `Completed`.
    pub status: String,
    /// Creation time, as sent.
    pub created: String,
    /// The caller's reference.
    pub reference: String,
    /// Number of paths.
    pub paths: usize,
}

/// A CloudFront client.
#[derive(Clone, Debug)]
pub struct CloudFront {
    client: Client,
}

impl CloudFront {
    /// Makes a client. Nothing is opened before the first request. The service is global: requests are signed with
    /// version 4 for `us-east-1`, whatever `options` say.
    pub fn new(options: ClientOptions) -> Self {
        let client = Client::new(ClientOptions {
            service: "cloudfront",
            region: "us-east-1".to_owned(),
            signature: Signature::V4,
            requester_pays: false,
            ..options
        });
        Self { client }
    }

    /// All distributions. If the list does not include the origins of a distribution (it does on AWS but not on
    /// moto), the distribution is queried.
    pub async fn distributions(&self) -> Result<Vec<Distribution>> {
        let mut found = Vec::new();
        self.pages("distribution", "DistributionList", |summary: DistributionSummary| {
            found.push(Distribution::from(summary));
        })
        .await?;
        for distribution in found.iter_mut().filter(|distribution| distribution.origins.is_empty()) {
            *distribution = self.distribution(&distribution.id).await?.0;
        }
        Ok(found)
    }

    /// One distribution, with the ETag of its configuration.
    pub async fn distribution(&self, id: &str) -> Result<(Distribution, String)> {
        self.one(Request::at(Method::GET, path(&["distribution", id]))).await
    }

    /// The configuration of a distribution, with its ETag.
    pub async fn config(&self, id: &str) -> Result<(Config, String)> {
        let mut request = Request::at(Method::GET, path(&["distribution", id, "config"])).exact();
        request.is_document = true;
        let answer = self.client.send(request).await?;
        let etag = answer.etag();
        Ok((Config::parse(&answer.text().await?)?, etag))
    }

    /// Creates a distribution.
    pub async fn create(&self, config: &Config) -> Result<(Distribution, String)> {
        let request = Request::at(Method::POST, path(&["distribution"]));
        self.one(with_document(request, config.to_string(), "text/xml").await?).await
    }

    /// Replaces the configuration, if it still has this ETag.
    pub async fn update(&self, id: &str, config: &Config, etag: &str) -> Result<(Distribution, String)> {
        let request =
            Request::at(Method::PUT, path(&["distribution", id, "config"])).header("if-match", etag);
        self.one(with_document(request, config.to_string(), "text/xml").await?).await
    }

    /// Deletes a disabled distribution, if its configuration still has this ETag.
    pub async fn delete(&self, id: &str, etag: &str) -> Result<()> {
        let request = Request::at(Method::DELETE, path(&["distribution", id])).header("if-match", etag);
        self.client.send(request.exact()).await.map(drop)
    }

    /// Removes up to [`MAX_PATHS`] percent-encoded paths from the edge caches. The same `reference` with the same
    /// paths is the same invalidation, so repeating the request is harmless.
    pub async fn invalidate(&self, id: &str, paths: &[String], reference: &str) -> Result<Invalidation> {
        let mut document = format!(
            "<InvalidationBatch xmlns=\"{NAMESPACE}\"><Paths><Quantity>{}</Quantity><Items>",
            paths.len()
        );
        for path in paths {
            let _ = write!(document, "<Path>{}</Path>", xml::escaped(path));
        }
        let _ = write!(
            document,
            "</Items></Paths><CallerReference>{}</CallerReference></InvalidationBatch>",
            xml::escaped(reference)
        );
        let request = Request::at(Method::POST, path(&["distribution", id, "invalidation"])).exact();
        let request = with_document(request, document, "text/xml").await?;
        read_invalidation(&self.client.fetch_text(request).await?)
    }

    /// The IDs of a distribution's invalidations, newest first.
    pub async fn invalidations(&self, id: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let resource = format!("distribution/{}/invalidation", encode::query(id));
        self.pages(&resource, "InvalidationList", |summary: InvalidationSummary| found.push(summary.id))
            .await?;
        Ok(found)
    }

    /// One invalidation.
    pub async fn invalidation(&self, id: &str, invalidation: &str) -> Result<Invalidation> {
        let path = path(&["distribution", id, "invalidation", invalidation]);
        read_invalidation(&self.client.fetch_text(Request::at(Method::GET, path).exact()).await?)
    }

    async fn one(&self, request: Request) -> Result<(Distribution, String)> {
        let mut request = request.exact();
        request.is_document = true;
        let answer = self.client.send(request).await?;
        let etag = answer.etag();
        Ok((read_distribution(&answer.text().await?)?, etag))
    }

    /// Reads all pages of a list.
    async fn pages<T: DeserializeOwned>(
        &self,
        resource: &str,
        root: &str,
        mut take: impl FnMut(T),
    ) -> Result<()> {
        let mut marker = String::new();
        loop {
            let mut request = Request::at(Method::GET, format!("/{VERSION}/{resource}")).exact();
            if !marker.is_empty() {
                request = request.query("Marker", &marker);
            }
            let text = self.client.fetch_text(request).await?;
            let page: Page<T> = document::read(&text, &[root])?;
            page.items.into_iter().for_each(&mut take);
            if page.is_truncated != "true" {
                return Ok(());
            }
            if page.next_marker.is_empty() || page.next_marker == marker {
                return Err(Error::Malformed("a list that does not advance".into()));
            }
            marker = page.next_marker;
        }
    }
}

fn read_distribution(text: &str) -> Result<Distribution> {
    document::read::<DistributionDocument>(text, &["Distribution"]).map(Distribution::from)
}

fn read_invalidation(text: &str) -> Result<Invalidation> {
    document::read::<InvalidationDocument>(text, &["Invalidation"]).map(Invalidation::from)
}

/// The URL path of a request.
fn path(parts: &[&str]) -> String {
    let mut path = format!("/{VERSION}");
    for part in parts {
        path.push('/');
        path.push_str(&encode::query(part));
    }
    path
}
