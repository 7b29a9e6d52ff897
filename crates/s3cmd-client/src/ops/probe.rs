//! Single requests that test an endpoint: sent once and exactly as configured.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! let probe = client.probe(None).await?;
//! if let Some(error) = &probe.error {
//!     println!("the service rejects the credentials: {error}");
//! }
//! # Ok(())
//! # }
//! ```

use crate::client::Client;
use crate::client::retry::RetryClass;
use crate::error::{Error, Result, ServiceError};
use crate::http::request::Request;
use crate::model::document::RootElement;
use chrono::{DateTime, Utc};
use http::Method;

/// The response to a probe.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The service's error, if the response is one.
    pub error: Option<ServiceError>,
    /// The server's clock, from the `Date` header.
    pub date: Option<DateTime<Utc>>,
    /// Whether the response is a listing as S3 sends it; a server that responds with 200 is not necessarily an S3
    /// server.
    pub is_listing: bool,
}

impl Client {
    /// Requests the list of buckets, or one entry of a bucket, without retries and without following redirects or
    /// switching the signature version. Fails only if there is no response.
    pub async fn probe(&self, bucket: Option<&str>) -> Result<Probe> {
        let mut request = Request::new(Method::GET, bucket, None).retry(RetryClass::Once).exact();
        if bucket.is_some() {
            request = request.query("max-keys", "1");
        }
        match self.send(request).await {
            Ok(response) => {
                let date = parse_date(response.header("date").unwrap_or(""));
                // An unreadable body is not a listing.
                let is_listing = response.text().await.is_ok_and(|text| is_listing(&text));
                Ok(Probe { error: None, date, is_listing })
            }
            Err(Error::Service(error)) => {
                let date = parse_date(&error.date);
                Ok(Probe { error: Some(*error), date, is_listing: false })
            }
            Err(Error::Malformed(_)) => Ok(Probe { error: None, date: None, is_listing: false }),
            Err(error) => Err(error),
        }
    }
}

fn is_listing(text: &str) -> bool {
    let root = RootElement::of(text);
    root.is_ok_and(|root| matches!(root.name.as_str(), "ListAllMyBucketsResult" | "ListBucketResult"))
}

/// Parses an HTTP date. <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listings_are_listings() {
        assert!(is_listing("<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name></ListBucketResult>"));
        for text in ["", "welcome", "<html></html>", "<ListBucketResult><Name>"] {
            assert!(!is_listing(text), "{text}");
        }
    }

    #[test]
    fn http_dates_are_parsed() {
        let date = parse_date("Fri, 20 Nov 2026 08:24:06 GMT").unwrap();
        assert_eq!(date.to_rfc3339(), "2026-11-20T08:24:06+00:00");
        assert_eq!(parse_date("yesterday"), None);
        assert_eq!(parse_date(""), None);
    }
}
