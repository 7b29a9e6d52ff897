//! Where credentials come from, and the request to each source.

use super::provider::CachedCredentials;
use super::{Credentials, imds, process, sts};
use crate::client::observer::Observer;
use crate::error::Result;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A source of credentials.
#[derive(Clone, Debug)]
pub enum Source {
    /// The role of a cloud instance, from its metadata service.
    Instance {
        /// Base URL of the metadata service, without a trailing slash; usually `http://169.254.169.254`.
        endpoint: String,
    },
    /// The role of a container, from its credentials endpoint.
    Container {
        /// URL of the endpoint.
        url: String,
        /// Value of the header `Authorization`, if the endpoint requires one.
        authorization: Option<Token>,
    },
    /// `AssumeRoleWithWebIdentity`.
    WebIdentity {
        /// ARN of the role.
        role: String,
        /// The file with the token. It is read for each request, since another process renews it.
        token_file: PathBuf,
        /// Name of the session in logs.
        session: String,
        /// URL of the Security Token Service.
        sts: String,
    },
    /// `AssumeRole` with other credentials.
    AssumeRole {
        /// ARN of the role.
        role: String,
        /// Name of the session in logs.
        session: String,
        /// External ID that the role's owner requires.
        external_id: Option<String>,
        /// URL of the Security Token Service.
        sts: String,
        /// Region of the signature.
        region: String,
        /// Credentials with which the role is assumed.
        keys: Credentials,
    },
    /// A program that prints credentials (`credential_process`).
    Process {
        /// Command line, for the shell.
        command: String,
    },
}

/// A secret for the header `Authorization`.
#[derive(Clone)]
pub enum Token {
    /// The secret itself.
    Text(Zeroizing<String>),
    /// A file with the secret, read for each request.
    File(PathBuf),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Text(_) => f.write_str("Text(***)"),
            Token::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl Source {
    /// Requests credentials.
    pub(super) async fn fetch(&self, observer: &dyn Observer) -> Result<CachedCredentials> {
        match self {
            Source::Instance { endpoint } => imds::of_instance(endpoint).await,
            Source::Container { url, authorization } => imds::of_container(url, authorization.as_ref()).await,
            Source::WebIdentity { role, token_file, session, sts } => {
                let token = Zeroizing::new(std::fs::read_to_string(token_file)?);
                let parameters = [
                    ("Action", "AssumeRoleWithWebIdentity"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role),
                    ("RoleSessionName", session),
                    ("WebIdentityToken", token.trim()),
                ];
                sts::assume_role(sts, &parameters, None).await
            }
            Source::AssumeRole { role, session, external_id, sts, region, keys } => {
                let mut parameters = vec![
                    ("Action", "AssumeRole"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role.as_str()),
                    ("RoleSessionName", session.as_str()),
                ];
                parameters.extend(external_id.as_deref().map(|id| ("ExternalId", id)));
                sts::assume_role(sts, &parameters, Some((keys, region))).await
            }
            Source::Process { command } => process::run(command, observer).await,
        }
    }
}

impl Token {
    /// The secret; reads the file if there is one.
    pub(super) fn value(&self) -> Result<String> {
        match self {
            Token::Text(text) => Ok(text.to_string()),
            Token::File(path) => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
        }
    }
}
