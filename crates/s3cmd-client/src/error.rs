//! The errors of requests: error responses of the service, connection failures, and corrupt data.

use std::fmt;
use std::io;
use std::time::Duration;

/// The cause of an [`Error`], of any type.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// S3 error codes that concern the account or the clock, not one object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>; `UserSuspended` is specific to Ceph.
const OF_THE_ACCOUNT: &[&str] = &[
    "AccountProblem",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UserSuspended",
];

/// Result of the client's operations.
pub type Result<T> = std::result::Result<T, Error>;

/// An error response of the service.
#[derive(Clone, Debug, Default)]
pub struct ServiceError {
    /// HTTP status; for an `<Error>` inside a 200 response, the status that belongs to its code.
    pub status: u16,
    /// S3 error code, such as `NoSuchKey`; the HTTP reason phrase if there was no body (HEAD).
    pub code: String,
    /// The service's message; Ceph mostly sends none.
    pub message: String,
    /// Request ID, for the service's support.
    pub request_id: String,
    /// Region named by the response (`x-amz-bucket-region` or the element `Region`).
    pub region: Option<String>,
    /// Endpoint named by a redirect, as `host[:port]`.
    pub endpoint: Option<String>,
    /// `Retry-After`, if given in seconds.
    pub retry_after: Option<Duration>,
    /// The `Date` header of the response; may be empty.
    pub date: String,
    /// Bucket of the request.
    pub bucket: Option<String>,
    /// Key of the request.
    pub key: Option<String>,
}

impl ServiceError {
    /// Whether the bucket or object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// Whether the error concerns the account, its keys or the clock, and not the requested resource.
    pub fn is_about_account(&self) -> bool {
        OF_THE_ACCOUNT.contains(&self.code.as_str())
    }
}

/// For example `404 (NoSuchBucket): message`; without the last part if the message is empty. (s3cmd prints this
/// form.)
impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.status, self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFailure {
    /// The connection was refused, or the network is unreachable.
    Refused,
    /// The host name does not resolve.
    Resolve,
    /// The TLS handshake failed: invalid certificate, wrong host name, or the server does not speak TLS.
    Tls,
    /// No data arrived within the socket timeout.
    Timeout,
    /// The connection was reset, closed early, or did not carry HTTP.
    Broken,
}

/// hyper's message for a connection that was closed before a response began.
const HANG_UP: &str = "connection closed before message completed";

/// An error of the client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service sent an error response.
    #[error("S3 error: {0}")]
    Service(Box<ServiceError>),
    /// There was no response, or an incomplete one.
    #[error("{message}")]
    Connection {
        /// What kind of failure.
        kind: ConnectionFailure,
        /// The cause, without the URL.
        message: String,
    },
    /// The bytes do not match their checksum or length.
    #[error("{0}")]
    Integrity(String),
    /// The response is not a valid S3 response.
    #[error("{0}")]
    Malformed(String),
    /// The request cannot be sent exactly as named.
    #[error("{0}")]
    Invalid(String),
    /// Reading a local source or writing a local target failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// The service's error response, if this is one.
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Error::Service(error) => Some(error),
            _ => None,
        }
    }

    /// HTTP status of the service's error response, if this is one.
    pub fn status(&self) -> Option<u16> {
        self.service().map(|error| error.status)
    }

    /// Whether every other request would fail in the same way: nothing listens at the endpoint, its certificate is
    /// invalid, the account is rejected, or the reader of the output is gone. A run over many items should stop on
    /// such an error; any other error concerns one item only.
    pub fn concerns_all_requests(&self) -> bool {
        match self {
            Error::Service(service) => service.is_about_account(),
            Error::Connection { kind, .. } => matches!(
                kind,
                ConnectionFailure::Refused | ConnectionFailure::Resolve | ConnectionFailure::Tls
            ),
            Error::Io(error) => error.kind() == std::io::ErrorKind::BrokenPipe,
            Error::Integrity(_) | Error::Malformed(_) | Error::Invalid(_) => false,
        }
    }

    /// The message for one item, without a prefix: for a service error, its status, code and message.
    pub fn reason(&self) -> String {
        self.service().map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// S3 code of the service's error response; empty if this is not one.
    pub fn code(&self) -> &str {
        self.service().map_or("", |error| error.code.as_str())
    }

    /// Whether the service reported that the resource does not exist.
    pub fn is_not_found(&self) -> bool {
        self.service().is_some_and(ServiceError::is_not_found)
    }

    /// Whether the server closed the connection without a response.
    pub(crate) fn is_hang_up(&self) -> bool {
        matches!(self, Error::Connection { kind: ConnectionFailure::Broken, message }
            if message == HANG_UP || message.starts_with("[Errno 104]"))
    }

    /// A failed connection of this kind; `message` says what failed, without the host's secrets.
    pub fn connection(kind: ConnectionFailure, message: impl Into<String>) -> Self {
        Error::Connection { kind, message: message.into() }
    }

    /// A response that is not a valid S3 response: `message` describes it, `source` is the parser's error.
    pub(crate) fn malformed(message: impl Into<String>, source: impl Into<Cause>) -> Self {
        drop(source.into());
        Error::Malformed(message.into())
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        Error::Service(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_account_and_endpoint_errors_concern_all_requests() {
        let service =
            |code: &str| Error::from(ServiceError { status: 403, code: code.into(), ..Default::default() });
        assert!(service("InvalidAccessKeyId").concerns_all_requests());
        for code in ["AccessDenied", "InvalidObjectState", "NoSuchKey", ""] {
            assert!(!service(code).concerns_all_requests(), "{code}");
        }
        assert!(Error::connection(ConnectionFailure::Refused, "x").concerns_all_requests());
        assert!(!Error::connection(ConnectionFailure::Timeout, "x").concerns_all_requests());
        assert!(!Error::Integrity("x".into()).concerns_all_requests());
    }
}
