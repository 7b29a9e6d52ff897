//! CloudFront, the content delivery network in front of buckets, over its REST API of 2020-05-31.
//! <https://docs.aws.amazon.com/cloudfront/latest/APIReference/>
//!
//! The shared client signs, sends and retries here as well; only the paths and the documents are CloudFront's.

mod config;
mod origin;
mod paths;

pub use config::{Changes, Config, Logging};
pub use origin::Origin;
pub use paths::encoded;

use super::client::{Client, ClientOptions, Signature};
use super::error::{Error, Result};
use super::object::with_document;
use super::request::Request;
use super::sign::encode;
use super::xml::{self, Step};
use http::Method;
use std::fmt::Write;

/// Version of the API, first part of every path.
const VERSION: &str = "2020-05-31";

/// Namespace of the documents that are sent.
const NAMESPACE: &str = "http://cloudfront.amazonaws.com/doc/2020-05-31/";

/// Most paths that one invalidation is given. The service takes 3,000 in progress at a time, in one request or several.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/InvalidationLimits.html>
pub const MAX_PATHS: usize = 1000;

/// A distribution, as lists and single answers show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Id, as `cf://` names it.
    pub id: String,
    /// Host name at which viewers find it.
    pub domain_name: String,
    /// `InProgress` while a change is on its way to the edges, then `Deployed`.
    pub status: String,
    /// Where its contents come from.
    pub origins: Vec<Origin>,
    /// Other host names of it.
    pub cnames: Vec<String>,
    /// Whether it answers.
    pub enabled: bool,
    /// The owner's words about it.
    pub comment: String,
    /// What is shown for `/`; not told by lists.
    pub default_root_object: String,
    /// Where access logs go, if they are written; not told by lists.
    pub logging: Option<Logging>,
}

/// What is known about an invalidation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invalidation {
    /// Its id.
    pub id: String,
    /// `InProgress`, then `Completed`.
    pub status: String,
    /// When it was made, as the service writes it.
    pub created: String,
    /// The caller's name for it.
    pub reference: String,
    /// How many paths it has.
    pub paths: usize,
}

/// A client of the service.
#[derive(Clone, Debug)]
pub struct CloudFront {
    client: Client,
}

impl CloudFront {
    /// Makes a client; nothing is opened before the first request. The service is one for all regions and signs with
    /// version 4 in `us-east-1`, whatever the options say for S3.
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

    /// All distributions. One whose origins the list does not tell, as AWS does and moto
    /// does not, is asked for.
    pub async fn distributions(&self) -> Result<Vec<Distribution>> {
        let mut found = Vec::new();
        self.pages("distribution", "DistributionList", |text| {
            xml::walk(text, |step| {
                let path = match &step {
                    Step::Open(path) | Step::Close(path, _) => *path,
                };
                let Some(path) = below(path, &["DistributionList", "Items", "DistributionSummary"]) else {
                    return;
                };
                if matches!(step, Step::Open(_)) && path.is_empty() {
                    found.push(Distribution::default());
                }
                if let (Some(distribution), Step::Close(_, value)) = (found.last_mut(), step) {
                    distribution.take(&path, value);
                }
            })
        })
        .await?;
        for distribution in found.iter_mut().filter(|distribution| distribution.origins.is_empty()) {
            *distribution = self.distribution(&distribution.id).await?.0;
        }
        Ok(found)
    }

    /// One distribution, and the ETag of its configuration.
    pub async fn distribution(&self, id: &str) -> Result<(Distribution, String)> {
        self.one(Request::at(Method::GET, path(&["distribution", id]))).await
    }

    /// The configuration of a distribution, to be changed, and its ETag.
    pub async fn config(&self, id: &str) -> Result<(Config, String)> {
        let mut request = Request::at(Method::GET, path(&["distribution", id, "config"])).exact();
        request.whole_answer = true;
        let answer = self.client.send(request).await?;
        let etag = answer.etag();
        Ok((Config::parse(&answer.text().await?)?, etag))
    }

    /// Makes a distribution.
    pub async fn create(&self, config: &Config) -> Result<(Distribution, String)> {
        let request = Request::at(Method::POST, path(&["distribution"]));
        self.one(with_document(request, config.to_string(), "text/xml").await?).await
    }

    /// Replaces the configuration that had this ETag.
    pub async fn update(&self, id: &str, config: &Config, etag: &str) -> Result<(Distribution, String)> {
        let request =
            Request::at(Method::PUT, path(&["distribution", id, "config"])).header("if-match", etag);
        self.one(with_document(request, config.to_string(), "text/xml").await?).await
    }

    /// Deletes a distribution that is disabled everywhere; its configuration has this ETag.
    pub async fn delete(&self, id: &str, etag: &str) -> Result<()> {
        let request = Request::at(Method::DELETE, path(&["distribution", id])).header("if-match", etag);
        self.client.send(request.exact()).await.map(drop)
    }

    /// Has the edges forget these paths, at most [`MAX_PATHS`], which are encoded. The same `reference` with the same
    /// paths is the same invalidation, so that a repeated request does no harm.
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

    /// The ids of a distribution's invalidations, the latest first.
    pub async fn invalidations(&self, id: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let resource = format!("distribution/{}/invalidation", encode::query(id));
        self.pages(&resource, "InvalidationList", |text| {
            xml::walk(text, |step| {
                if let Step::Close(path, value) = step
                    && let Some(path) = below(path, &["InvalidationList", "Items", "InvalidationSummary"])
                    && path == ["Id"]
                {
                    found.push(value.trim().to_owned());
                }
            })
        })
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
        request.whole_answer = true;
        let answer = self.client.send(request).await?;
        let etag = answer.etag();
        Ok((read_distribution(&answer.text().await?)?, etag))
    }

    /// Reads a list to its end.
    async fn pages(
        &self,
        resource: &str,
        root: &str,
        mut read: impl FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        let mut marker = String::new();
        loop {
            let mut request = Request::at(Method::GET, format!("/{VERSION}/{resource}")).exact();
            if !marker.is_empty() {
                request = request.query("Marker", &marker);
            }
            let text = self.client.fetch_text(request).await?;
            xml::expect_root(&text, root)?;
            read(&text)?;
            let next = xml::text_at(&text, &[root, "NextMarker"])?.unwrap_or_default();
            let more = xml::text_at(&text, &[root, "IsTruncated"])?.is_some_and(|more| more == "true");
            if !more {
                return Ok(());
            }
            if next.is_empty() || next == marker {
                return Err(Error::Malformed("a list that does not go on".into()));
            }
            marker = next;
        }
    }
}

impl Distribution {
    /// Takes one element of a `DistributionSummary`, or of a `DistributionConfig`, which have most names in common.
    fn take(&mut self, path: &[&str], value: &str) {
        let value = value.trim();
        match path {
            ["Id"] => self.id = value.to_owned(),
            ["Status"] => self.status = value.to_owned(),
            ["DomainName"] => self.domain_name = value.to_owned(),
            ["Enabled"] => self.enabled = value == "true",
            ["Comment"] => self.comment = value.to_owned(),
            ["DefaultRootObject"] => self.default_root_object = value.to_owned(),
            ["Aliases", "Items", "CNAME"] => self.cnames.push(value.to_owned()),
            ["Origins", "Items", "Origin", "DomainName"] => {
                self.origins.push(Origin { host: value.to_owned(), path: String::new() });
            }
            // The service writes the path behind the name.
            ["Origins", "Items", "Origin", "OriginPath"] => {
                if let Some(origin) = self.origins.last_mut() {
                    origin.path = value.to_owned();
                }
            }
            ["Logging", name @ ("Enabled" | "Bucket" | "Prefix")] => {
                let logging = self.logging.get_or_insert_default();
                match *name {
                    "Bucket" => logging.host = value.to_owned(),
                    "Prefix" => logging.prefix = value.to_owned(),
                    _ => logging.enabled = value == "true",
                }
            }
            ["Logging"] => self.logging = self.logging.take().filter(|logging| logging.enabled),
            _ => {}
        }
    }
}

fn read_distribution(text: &str) -> Result<Distribution> {
    xml::expect_root(text, "Distribution")?;
    let mut distribution = Distribution::default();
    xml::walk(text, |step| {
        let Step::Close(path, value) = step else { return };
        let Some(path) = below(path, &["Distribution"]) else { return };
        match path[..] {
            ["DistributionConfig", ref path @ ..] => distribution.take(path, value),
            ref path => distribution.take(path, value),
        }
    })?;
    Ok(distribution)
}

fn read_invalidation(text: &str) -> Result<Invalidation> {
    xml::expect_root(text, "Invalidation")?;
    let mut found = Invalidation::default();
    xml::walk(text, |step| {
        let Step::Close(path, value) = step else { return };
        let Some(path) = below(path, &["Invalidation"]) else { return };
        let value = value.trim();
        match path[..] {
            ["Id"] => found.id = value.to_owned(),
            ["Status"] => found.status = value.to_owned(),
            ["CreateTime"] => found.created = value.to_owned(),
            ["InvalidationBatch", "CallerReference"] => found.reference = value.to_owned(),
            ["InvalidationBatch", "Paths", "Items", "Path"] => found.paths += 1,
            _ => {}
        }
    })?;
    Ok(found)
}

/// The rest of a path of names below `start`.
fn below<'a>(path: &'a [String], start: &[&'a str]) -> Option<Vec<&'a str>> {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    names.strip_prefix(start).map(<[&str]>::to_vec)
}

/// The path of a request.
fn path(parts: &[&str]) -> String {
    let mut path = format!("/{VERSION}");
    for part in parts {
        path.push('/');
        path.push_str(&encode::query(part));
    }
    path
}
