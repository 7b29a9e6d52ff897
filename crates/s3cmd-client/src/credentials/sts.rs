//! The Security Token Service.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use super::Credentials;
use super::provider::CachedCredentials;
use super::request::{send, split_url};
use crate::error::{Error, Result};
use crate::model::document::{self, nonempty};
use crate::sign::{self, encode, v4};
use chrono::Utc;
use http::Method;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Longest wait for a response of the Security Token Service, which may be far away.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The response to `AssumeRole` or `AssumeRoleWithWebIdentity`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Response {
    #[serde(rename = "AssumeRoleResult", alias = "AssumeRoleWithWebIdentityResult")]
    result: AssumeRoleResult,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: IssuedCredentials,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct IssuedCredentials {
    #[serde(deserialize_with = "nonempty")]
    access_key_id: Option<String>,
    #[serde(deserialize_with = "nonempty")]
    secret_access_key: Option<String>,
    #[serde(deserialize_with = "nonempty")]
    session_token: Option<String>,
    #[serde(deserialize_with = "nonempty")]
    expiration: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ErrorResponse {
    error: ErrorMessage,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ErrorMessage {
    #[serde(deserialize_with = "nonempty")]
    message: Option<String>,
}

/// Sends a request for credentials with these form parameters, of which `Action` is the first. `signed_by` has the
/// credentials and the region of the signature; without it the request is unsigned.
pub(super) async fn assume_role(
    sts: &str,
    parameters: &[(&str, &str)],
    signed_by: Option<(&Credentials, &String)>,
) -> Result<CachedCredentials> {
    let form: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode::query(name), encode::query(value)))
        .collect();
    let form = form.join("&");
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    let signed;
    if let Some((keys, region)) = signed_by {
        let (_, host, path) = split_url(sts)?;
        let to_sign: Vec<(String, String)> =
            vec![("host".to_owned(), host.to_owned()), ("content-type".to_owned(), headers[0].1.clone())];
        let request = sign::Request { method: "POST", path, query: &[], headers: &to_sign };
        let scope = v4::Scope { time: Utc::now(), region, service: "sts" };
        signed = v4::sign(&request, &hex::encode(Sha256::digest(form.as_bytes())), keys, &scope);
        headers.extend(signed.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }
    let (status, text) = send(TIMEOUT, Method::POST, sts, &headers, form).await?;
    if status != 200 {
        let why = document::read::<ErrorResponse>(&text, &["ErrorResponse"]).ok();
        let why = why.and_then(|response| response.error.message);
        return Err(Error::Invalid(
            format!("{sts}: {}", why.unwrap_or_else(|| format!("status {status}"))).into(),
        ));
    }
    let action = parameters[0].1;
    let response: Response = document::read(&text, &[&format!("{action}Response")])?;
    let IssuedCredentials { access_key_id, secret_access_key, session_token, expiration } =
        response.result.credentials;
    CachedCredentials::new(access_key_id, secret_access_key, session_token, expiration, sts)
}
