//! What can go wrong with a request, as types: the service's own answer, the connection, the data.

use std::fmt;
use std::io;
use std::time::Duration;

/// S3 codes that are about the account or the clock and not about one object.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>; `UserSuspended` is Ceph's.
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

/// Result of the shared client.
pub type Result<T> = std::result::Result<T, Error>;

/// An error answer of the service.
#[derive(Clone, Debug, Default)]
pub struct ServiceError {
    /// HTTP status; for an `<Error>` inside a 200 answer the status that belongs to its code.
    pub status: u16,
    /// S3 error code, such as `NoSuchKey`; the HTTP reason phrase where there was no body (HEAD).
    pub code: String,
    /// The service's message; Ceph mostly sends none.
    pub message: String,
    /// Request id, for the service's support.
    pub request_id: String,
    /// Region named by the answer (`x-amz-bucket-region` or the element `Region`).
    pub region: Option<String>,
    /// Endpoint named by a redirect, as `host[:port]`.
    pub endpoint: Option<String>,
    /// `Retry-After`, where given in seconds.
    pub retry_after: Option<Duration>,
    /// The `Date` header of the answer; may be empty.
    pub date: String,
    /// Bucket of the request.
    pub bucket: Option<String>,
    /// Key of the request.
    pub key: Option<String>,
}

impl ServiceError {
    /// Whether the error says that the bucket or object is not there.
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// Whether the error is about the account, its keys or the clock, and not about what was asked for.
    pub fn is_about_account(&self) -> bool {
        OF_THE_ACCOUNT.contains(&self.code.as_str())
    }
}

/// The form that s3cmd prints: `404 (NoSuchBucket): message`, without the last part where there is no message.
impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.status, self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFailure {
    /// Nothing listens there, or the network cannot be reached.
    Refused,
    /// The host name does not resolve.
    Resolve,
    /// The TLS handshake failed: certificate, host name, or no TLS at the other end.
    Tls,
    /// Nothing was heard for the socket timeout.
    Timeout,
    /// Reset, closed in the middle, or not HTTP.
    Broken,
}

/// hyper's words for a connection that ended where an answer should have begun.
const HANG_UP: &str = "connection closed before message completed";

/// Any failure of the shared client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service answered with an error.
    #[error("S3 error: {0}")]
    Service(Box<ServiceError>),
    /// No answer, or half of one.
    #[error("{message}")]
    Connection {
        /// What kind of failure.
        kind: ConnectionFailure,
        /// The cause in words, without the URL.
        message: String,
    },
    /// Bytes that do not match their checksum or length.
    #[error("{0}")]
    Integrity(String),
    /// An answer that is not what S3 answers.
    #[error("{0}")]
    Malformed(String),
    /// A request that cannot be sent exactly as named.
    #[error("{0}")]
    Invalid(String),
    /// Reading a local source or writing a local target.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// The service's answer, if it was one.
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Error::Service(error) => Some(error),
            _ => None,
        }
    }

    /// HTTP status of the service's answer, if it was one.
    pub fn status(&self) -> Option<u16> {
        self.service().map(|error| error.status)
    }

    /// Whether it would meet every other request too: nothing listens at the endpoint, its certificate proves nothing, the
    /// account is refused, nobody reads the output any more. A run over many items ends with it; all else is the failure
    /// of one item.
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

    /// What a line about one item says of it: the words of the service where it said something.
    pub fn reason(&self) -> String {
        self.service().map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// S3 code of the service's answer; empty if it was none.
    pub fn code(&self) -> &str {
        self.service().map_or("", |error| error.code.as_str())
    }

    /// Whether the service says that the thing is not there.
    pub fn is_not_found(&self) -> bool {
        self.service().is_some_and(ServiceError::is_not_found)
    }

    /// Whether the other end closed the connection without a word.
    pub(crate) fn is_hang_up(&self) -> bool {
        matches!(self, Error::Connection { kind: ConnectionFailure::Broken, message }
            if message == HANG_UP || message.starts_with("[Errno 104]"))
    }

    pub(crate) fn connection(kind: ConnectionFailure, message: impl Into<String>) -> Self {
        Error::Connection { kind, message: message.into() }
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
    fn a_refused_object_is_its_own_trouble_and_a_refused_account_is_everybodys() {
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
