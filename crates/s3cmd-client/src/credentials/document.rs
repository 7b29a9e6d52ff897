//! The JSON document with which metadata services and programs return credentials.

use super::provider::CachedCredentials;
use crate::error::{Error, Result};
use serde::Deserialize;

/// The response of metadata services and the output of programs.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    message: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    #[serde(alias = "SessionToken")]
    token: Option<String>,
    expiration: Option<String>,
}

/// Parses the document. `source` names its origin in errors.
pub(super) fn from_json(text: &str, source: &str) -> Result<CachedCredentials> {
    // The parser's message could quote a secret.
    let malformed = |_| Error::Malformed(format!("no credentials from {source}").into());
    let document: Document = serde_json::from_str(text).map_err(malformed)?;
    if document.code.as_deref().is_some_and(|code| code != "Success") {
        let why = document.message.or(document.code).unwrap_or_default();
        return Err(Error::Invalid(format!("{source}: {why}").into()));
    }
    let Document { access_key_id, secret_access_key, token, expiration, .. } = document;
    CachedCredentials::new(access_key_id, secret_access_key, token, expiration, source)
}
