//! Single requests that find out how an endpoint behaves: sent once and exactly as configured, with the answer's
//! circumstances. For the connection test.

use super::client::Client;
use super::error::{Error, Result, ServiceError};
use super::request::Request;
use super::retry::RetryClass;
use chrono::{DateTime, Utc};
use http::Method;

/// An answer, good or bad.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The service's error, if it is one.
    pub error: Option<ServiceError>,
    /// The server's clock, from the `Date` header.
    pub date: Option<DateTime<Utc>>,
    /// What the server calls itself; may be empty.
    pub server: String,
}

impl Client {
    /// Asks for the list of buckets, or for one entry of a bucket, with no second try in another dialect or region.
    /// Fails only where there is no answer.
    pub async fn probe(&self, bucket: Option<&str>) -> Result<Probe> {
        let mut request = Request::new(Method::GET, bucket, None).retry(RetryClass::Once).exact();
        if bucket.is_some() {
            request = request.query("max-keys", "1");
        }
        match self.send(request).await {
            Ok(response) => {
                let header = |name| response.header(name).unwrap_or("").to_owned();
                Ok(Probe { error: None, date: parse_date(&header("date")), server: header("server") })
            }
            Err(Error::Service(error)) => {
                let (date, server) = (parse_date(&error.date), error.server.clone());
                Ok(Probe { error: Some(*error), date, server })
            }
            Err(error) => Err(error),
        }
    }
}

/// Reads an HTTP date. <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        let date = parse_date("Fri, 20 Nov 2026 08:24:06 GMT").unwrap();
        assert_eq!(date.to_rfc3339(), "2026-11-20T08:24:06+00:00");
        assert_eq!(parse_date("yesterday"), None);
        assert_eq!(parse_date(""), None);
    }
}
