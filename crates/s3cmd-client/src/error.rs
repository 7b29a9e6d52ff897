//! The errors of requests: error responses of the service, connection failures, and corrupt data.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) {
//! use s3cmd_client::{ConnectionFailure, Error};
//!
//! match client.head_object("bucket", "key").await {
//!     Ok(head) => println!("{} bytes", head.size),
//!     Err(error) if error.is_not_found() => println!("no such object"),
//!     Err(Error::Service(error)) => println!("{}, request {}", error.code, error.request_id),
//!     Err(Error::Connection { kind: ConnectionFailure::Refused, .. }) => println!("nothing listens there"),
//!     Err(error) => println!("{error}"),
//! }
//! # }
//! ```

use chrono::{DateTime, TimeDelta, Utc};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

/// The cause of an [`Error`], of any type.
pub type Cause = Box<dyn StdError + Send + Sync>;

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
#[derive(Clone, Debug, Default, thiserror::Error)]
#[non_exhaustive]
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
    /// An error with a status, a code and a message. The other fields are empty.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), ..Self::default() }
    }

    /// How far the service's clock is ahead of the local clock, if the response was sent just now; `None` without a
    /// valid date.
    pub fn clock_difference(&self) -> Option<TimeDelta> {
        clock_difference(&self.date)
    }

    /// Whether the bucket or object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// Whether the error concerns the account, its keys or the clock, and not the requested resource.
    pub fn is_about_account(&self) -> bool {
        OF_THE_ACCOUNT.contains(&self.code.as_str())
    }
}

/// For example `404 (NoSuchBucket): message`; without the last part if the message is empty.
impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.status, self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

/// How far the clock that just wrote this `Date` header is ahead of the local clock.
pub(crate) fn clock_difference(date: &str) -> Option<TimeDelta> {
    let there = DateTime::parse_from_rfc2822(date.trim()).ok()?;
    Some(there.to_utc() - Utc::now())
}

/// How a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

/// What is wrong, and the error that revealed it, if there is one.
#[derive(Debug)]
pub struct Detail {
    message: String,
    source: Option<Cause>,
}

impl Detail {
    /// A message with its cause. The message is complete without the cause.
    pub fn new(message: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}

impl From<String> for Detail {
    fn from(message: String) -> Self {
        Self { message, source: None }
    }
}

impl From<&str> for Detail {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Detail {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An error of the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service sent an error response.
    #[error("S3 error: {0}")]
    Service(Box<ServiceError>),
    /// There was no response, or an incomplete one.
    #[error("{message}")]
    #[non_exhaustive]
    Connection {
        /// What kind of failure.
        kind: ConnectionFailure,
        /// The innermost cause, in words without the URL.
        message: String,
        /// The error of the HTTP, TLS or socket layer.
        source: Option<Cause>,
    },
    /// The bytes do not match their checksum or length.
    #[error("{0}")]
    Integrity(String),
    /// The response is not a valid S3 response.
    #[error(transparent)]
    Malformed(Detail),
    /// The request cannot be sent exactly as named.
    #[error(transparent)]
    Invalid(Detail),
    /// Reading a local source or writing a local target failed.
    #[error(transparent)]
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

    /// S3 code of the service's error response; empty if this is not one.
    pub fn code(&self) -> &str {
        self.service().map_or("", |error| error.code.as_str())
    }

    /// Whether the service reported that the resource does not exist.
    pub fn is_not_found(&self) -> bool {
        self.service().is_some_and(ServiceError::is_not_found)
    }

    /// The causes of this error, from the outermost to the innermost. Unlike the chain of
    /// [`source`](StdError::source), it includes the errors that an [`io::Error`] was made from.
    pub fn causes(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        std::iter::successors(self.source(), |error| cause_of(*error))
    }

    /// Whether the server closed the connection without a response.
    pub(crate) fn is_hang_up(&self) -> bool {
        let is_reset = |cause: &(dyn StdError + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| {
                error.kind() == io::ErrorKind::ConnectionReset && error.raw_os_error().is_some()
            })
        };
        matches!(self, Error::Connection { kind: ConnectionFailure::Broken, message, .. }
            if message == HANG_UP || self.causes().any(is_reset))
    }

    /// A failed connection of this kind; `message` says what failed, without the host's secrets.
    pub fn connection(kind: ConnectionFailure, message: impl Into<String>) -> Self {
        Error::Connection { kind, message: message.into(), source: None }
    }

    /// A failed connection of this kind with its cause. The cause is visible in `Debug`: it must hold no secret.
    pub(crate) fn connection_by(
        kind: ConnectionFailure,
        message: impl Into<String>,
        source: impl Into<Cause>,
    ) -> Self {
        Error::Connection { kind, message: message.into(), source: Some(source.into()) }
    }

    /// A response that is not a valid S3 response: `message` describes it, `source` is the parser's error.
    pub(crate) fn malformed(message: impl Into<String>, source: impl Into<Cause>) -> Self {
        Error::Malformed(Detail::new(message, source))
    }

    /// A request that cannot be sent: `message` describes it, `source` is the reason.
    pub(crate) fn invalid(message: impl Into<String>, source: impl Into<Cause>) -> Self {
        Error::Invalid(Detail::new(message, source))
    }
}

/// The cause of an error. The error inside an [`io::Error`] is not its `source()`, but is its cause.
pub(crate) fn cause_of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
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
