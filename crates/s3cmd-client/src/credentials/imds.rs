//! The metadata services of cloud instances and containers.
//!
//! Sources: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>,
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.

use super::document::from_json;
use super::provider::CachedCredentials;
use super::request::{check_status, send};
use super::source::Token;
use crate::error::{Error, Result};
use crate::sign::encode;
use http::Method;
use std::time::Duration;

/// Longest wait for a response of a metadata service (measured on s3cmd 2.4.0).
const TIMEOUT: Duration = Duration::from_secs(2);

/// Requests the credentials of the instance's role: with a session token if the service supports it (IMDSv2), else
/// without.
pub(super) async fn of_instance(endpoint: &str) -> Result<CachedCredentials> {
    let mut headers = Vec::new();
    let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
    let url = format!("{endpoint}/latest/api/token");
    let (status, token) = send(TIMEOUT, Method::PUT, &url, &lifetime, String::new()).await?;
    if status == 200 {
        headers.push(("x-aws-ec2-metadata-token", token.trim().to_owned()));
    }
    let list = format!("{endpoint}/latest/meta-data/iam/security-credentials/");
    let (status, roles) = send(TIMEOUT, Method::GET, &list, &headers, String::new()).await?;
    check_status(status, &list)?;
    let role = roles.lines().next().map(str::trim).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| Error::Malformed(format!("no role in {list}").into()))?;
    let url = format!("{list}{}", encode::path(role));
    let (status, text) = send(TIMEOUT, Method::GET, &url, &headers, String::new()).await?;
    check_status(status, &url)?;
    from_json(&text, &url)
}

/// Requests the credentials of the container's role.
pub(super) async fn of_container(url: &str, authorization: Option<&Token>) -> Result<CachedCredentials> {
    let mut headers = Vec::new();
    if let Some(token) = authorization {
        headers.push(("authorization", token.value()?));
    }
    let (status, text) = send(TIMEOUT, Method::GET, url, &headers, String::new()).await?;
    check_status(status, url)?;
    from_json(&text, url)
}
