//! Operations on buckets and their small sub-resources: location, policy, lifecycle, CORS, tagging and others.
//!
//! Documents that users write or read themselves are passed through as text. Only documents that the client has to
//! interpret have a type.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! client.create_bucket("bucket", Some("eu-north-1"), &[]).await?;
//! client.put_tags("bucket", None, &[("team".to_owned(), "fish".to_owned())]).await?;
//! println!("{}", client.bucket_location("bucket").await?);
//! # Ok(())
//! # }
//! ```

use super::object::with_document;
use crate::client::Client;
use crate::error::Result;
use crate::http::request::Request;
use crate::model::document::{self, RootElement};
use crate::model::documents::{Document, Kind, LifecycleRule};
use crate::model::responses::{self, PublicAccessItem, Sequence};
use crate::model::xml;
use http::Method;

impl Client {
    /// Creates a bucket. `location` is the location constraint; `None` uses the service's default region.
    pub async fn create_bucket(
        &self,
        bucket: &str,
        location: Option<&str>,
        headers: &[(String, String)],
    ) -> Result<()> {
        let mut request = Request::new(Method::PUT, Some(bucket), None).headers(headers);
        if let Some(location) = location {
            let document = format!(
                "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
                xml::escaped(location)
            );
            request = with_document(request, document, "application/xml").await?;
        }
        self.send(request).await.map(drop)
    }

    /// Deletes an empty bucket.
    pub async fn delete_bucket(&self, bucket: &str) -> Result<()> {
        self.send(Request::new(Method::DELETE, Some(bucket), None)).await.map(drop)
    }

    /// Checks that a bucket exists and is accessible.
    pub async fn head_bucket(&self, bucket: &str) -> Result<()> {
        self.send(Request::new(Method::HEAD, Some(bucket), None)).await.map(drop)
    }

    /// The bucket's region in its current spelling: `us-east-1` if the response is empty or `US`, `eu-west-1` for
    /// `EU`.
    pub async fn bucket_location(&self, bucket: &str) -> Result<String> {
        let text = self.document(bucket, None, "location").await?;
        let root = RootElement::of(&text)?;
        // An element of another name does not name a region.
        let location = if root.name == "LocationConstraint" { root.read()? } else { String::new() };
        Ok(crate::client::canonical_region(location.trim()).to_owned())
    }

    /// Whose account pays for requests: `BucketOwner` or `Requester`.
    pub async fn request_payer(&self, bucket: &str) -> Result<Option<String>> {
        let text = self.document(bucket, None, "requestPayment").await?;
        let read: responses::RequestPayment = document::read(&text, &["RequestPaymentConfiguration"])?;
        Ok(read.payer.map(|payer| payer.trim().to_owned()))
    }

    /// `Enabled` or `Suspended`; `None` if versioning was never set.
    pub async fn versioning(&self, bucket: &str) -> Result<Option<String>> {
        let text = self.document(bucket, None, "versioning").await?;
        // Servers disagree about the name of the root element.
        let read: responses::Versioning = RootElement::of(&text)?.read()?;
        Ok(read.status.map(|status| status.trim().to_owned()))
    }

    /// The object ownership setting of the bucket.
    pub async fn ownership(&self, bucket: &str) -> Result<Option<String>> {
        let text = self.document(bucket, None, "ownershipControls").await?;
        let read: responses::Ownership = document::read(&text, &["OwnershipControls"])?;
        let ownership = read.rule.into_iter().find_map(|rule| rule.object_ownership);
        Ok(ownership.map(|ownership| ownership.trim().to_owned()))
    }

    /// Names of the enabled Block Public Access settings, in the document's order.
    pub async fn public_access_block(&self, bucket: &str) -> Result<Vec<String>> {
        let text = self.document(bucket, None, "publicAccessBlock").await?;
        let read: Sequence<PublicAccessItem> = RootElement::of(&text)?.read()?;
        let enabled = read.items.into_iter().filter_map(|item| {
            let (name, value) = match item {
                PublicAccessItem::BlockPublicAcls(value) => ("BlockPublicAcls", value),
                PublicAccessItem::IgnorePublicAcls(value) => ("IgnorePublicAcls", value),
                PublicAccessItem::BlockPublicPolicy(value) => ("BlockPublicPolicy", value),
                PublicAccessItem::RestrictPublicBuckets(value) => ("RestrictPublicBuckets", value),
                PublicAccessItem::Other => return None,
            };
            value.trim().eq_ignore_ascii_case("true").then(|| name.to_owned())
        });
        Ok(enabled.collect())
    }

    /// The lifecycle rules of the bucket.
    pub async fn lifecycle_rules(&self, bucket: &str) -> Result<Vec<LifecycleRule>> {
        self.get(bucket, None, Kind::Lifecycle).await?.lifecycle_rules()
    }

    /// The tags of a bucket, or of an object if `key` is given, in the server's order.
    pub async fn tags(&self, bucket: &str, key: Option<&str>) -> Result<Vec<(String, String)>> {
        let text = self.document(bucket, key, "tagging").await?;
        let read: responses::Tagging = document::read(&text, &["Tagging"])?;
        Ok(read.tag_set.tag.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// Replaces the tags.
    pub async fn put_tags(&self, bucket: &str, key: Option<&str>, tags: &[(String, String)]) -> Result<()> {
        self.put(bucket, key, &Document::tagging(tags)).await.map(drop)
    }

    /// Reads the document of a sub-resource (`policy`, `lifecycle`, `cors`, ...) unchanged.
    pub async fn document(&self, bucket: &str, key: Option<&str>, name: &str) -> Result<String> {
        self.fetch_text(self.request_for(Method::GET, bucket, key).query(name, "")).await
    }

    /// Stores the document of a sub-resource unchanged. Returns the HTTP status (200 or 204).
    pub async fn put_document(
        &self,
        bucket: &str,
        key: Option<&str>,
        name: &str,
        document: String,
        content_type: &str,
    ) -> Result<u16> {
        let request = self.request_for(Method::PUT, bucket, key).query(name, "");
        let response = self.send(with_document(request, document, content_type).await?).await?;
        Ok(response.status)
    }

    /// Deletes a sub-resource.
    pub async fn delete_document(&self, bucket: &str, key: Option<&str>, name: &str) -> Result<()> {
        self.send(self.request_for(Method::DELETE, bucket, key).query(name, "")).await.map(drop)
    }
}
