//! How a command fails: the text on stderr and the exit code, decided in this one place.

use super::client_error::error_text;
use super::exit::Exit;
use s3cmd_client::{ConnectionFailure, Error};
use std::io;

/// Result of a command or of a part of it.
pub type Outcome<T = ()> = Result<T, Failure>;

/// The failure of a command: an exit code and the text of its `ERROR:` lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub exit: Exit,
    /// Lines for stderr, without their level; empty if everything was already reported.
    pub lines: Vec<String>,
}

impl Failure {
    /// A failure with an exit code and one line.
    pub(crate) fn new(exit: Exit, line: impl Into<String>) -> Self {
        Self { exit, lines: vec![line.into()] }
    }

    /// A failure whose cause was already reported.
    pub fn silent(exit: Exit) -> Self {
        Self { exit, lines: Vec::new() }
    }

    /// Wrong parameters: exit code 64, `Parameter problem: ...`.
    pub(crate) fn parameter(problem: impl std::fmt::Display) -> Self {
        Self::new(Exit::USAGE, format!("Parameter problem: {problem}"))
    }

    /// A local file that could not be read or written: exit code 74, with its name.
    pub(crate) fn file(path: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::new(Exit::IOERR, format!("{path}: {}", reason(error)))
    }

    /// Puts s3cmd's line about the bucket before the service's error: access denied, missing, or taken.
    pub(crate) fn about_bucket(error: Error) -> Self {
        let line = error.service().and_then(|service| {
            let bucket = service.bucket.as_ref()?;
            match service.code.as_str() {
                "AccessDenied" => Some(format!("Access to bucket '{bucket}' was denied")),
                "NoSuchBucket" => Some(format!("Bucket '{bucket}' does not exist")),
                "BucketAlreadyExists" => Some(format!("Bucket '{bucket}' already exists")),
                _ => None,
            }
        });
        let mut failure = Failure::from(error);
        failure.lines.splice(0..0, line);
        failure
    }
}

/// The system's error text without Rust's `(os error N)`. An error that was created from its kind alone is capitalised,
/// as the system's texts are.
pub(crate) fn reason(error: &io::Error) -> String {
    let mut text = error.to_string();
    if error.raw_os_error().is_none()
        && error.get_ref().is_none()
        && let Some(first) = text.get_mut(..1)
    {
        first.make_ascii_uppercase();
    }
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error_text(&error);
        match error {
            Error::Service(service) => Failure::new(Exit::of_status(service.status), message),
            Error::Connection { kind, .. } => match kind {
                ConnectionFailure::Refused => {
                    Failure::new(Exit::CONNECTIONREFUSED, format!("Could not connect to server: {message}"))
                }
                ConnectionFailure::Resolve => Failure {
                    exit: Exit::IOERR,
                    lines: vec![
                        "Connection Error: Error resolving a server hostname.".to_owned(),
                        "Please check the servers address specified in 'host_base', 'host_bucket', 'cloudfront_host', 'website_endpoint'"
                            .to_owned(),
                    ],
                },
                ConnectionFailure::Tls => Failure::new(
                    Exit::ACCESSDENIED,
                    format!("SSL certificate verification failure: {message}"),
                ),
                _ => Failure::new(
                    Exit::TEMPFAIL,
                    format!("S3 Temporary Error: {message}.  Please try again later."),
                ),
            },
            Error::Malformed(_) => Failure::new(Exit::SOFTWARE, format!("The server sent {message}")),
            Error::Invalid(_) => Failure::parameter(message),
            Error::Io(error) => Failure::from(error),
            _ => Failure::new(Exit::SOFTWARE, message),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // A closed pipe needs no message.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::silent(Exit::IOERR);
        }
        Failure::new(Exit::IOERR, reason(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::ServiceError;

    #[test]
    fn service_errors_read_as_s3cmd_writes_them() {
        let service = |status, code: &str, message: &str| {
            let mut error = ServiceError::new(status, code, message);
            error.bucket = Some("b".into());
            Error::from(error)
        };
        let failure = Failure::from(service(404, "NoSuchKey", "The specified key does not exist."));
        assert_eq!(failure.lines, ["S3 error: 404 (NoSuchKey): The specified key does not exist."]);
        assert_eq!(failure.exit, Exit::NOTFOUND);
        let failure = Failure::about_bucket(service(403, "AccessDenied", ""));
        assert_eq!(failure.lines, ["Access to bucket 'b' was denied", "S3 error: 403 (AccessDenied)"]);
        assert_eq!(Failure::about_bucket(service(403, "SignatureDoesNotMatch", "")).lines.len(), 1);
    }
}
