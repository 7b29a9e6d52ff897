//! Credentials: an access key, its secret key, and the session token of temporary credentials. A [`Provider`] obtains
//! temporary ones from a [`Source`] and renews them.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::credentials::Credentials;
//!
//! let credentials = Credentials::new("ACCESSKEY", "hush", Some("session token"));
//! assert!(!format!("{credentials:?}").contains("hush"));
//! ```

mod document;
mod imds;
mod process;
mod provider;
mod request;
mod source;
mod sts;

pub use provider::Provider;
pub use source::{Source, Token};

use std::fmt;
use zeroize::Zeroizing;

/// An access key pair, with a session token if it is temporary.
///
/// `Debug` masks the secret and the token, so that neither can reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key ID. It is sent in clear text with each request.
    pub access_key: String,
    secret_key: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Makes a key pair. An empty `token` stands for none.
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>, token: Option<&str>) -> Self {
        Self {
            access_key: access_key.into(),
            secret_key: Zeroizing::new(secret_key.into()),
            token: token.filter(|token| !token.is_empty()).map(|token| Zeroizing::new(token.to_owned())),
        }
    }

    /// The secret key, for signing only.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The session token that is sent as `x-amz-security-token`, if any.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key", &self.access_key)
            .field("secret_key", &"***")
            .field("token", &self.token.as_ref().map(|_| "***"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", Credentials::new("AK", "very-secret", Some("very-token")));
        assert!(shown.contains("AK") && !shown.contains("very"), "{shown}");
    }
}
