//! What the store behind answers where it fails, in words that say nothing of its keys, hosts and names.

use super::Remote;
use crate::model::error::{ErrorCode, S3Error, not_implemented};
use s3cmd_client::error::{ConnectionFailure, Error, ServiceError};

/// The codes that are passed on: S3's own for what can be done here, and Ceph's.
const CODES: &[ErrorCode] = &[
    ErrorCode::AccessDenied,
    ErrorCode::BadDigest,
    ErrorCode::BadRequest,
    ErrorCode::BucketAlreadyExists,
    ErrorCode::ConditionalRequestConflict,
    ErrorCode::EncryptionTypeNotAllowed,
    ErrorCode::EntityTooLarge,
    ErrorCode::EntityTooSmall,
    ErrorCode::IncompleteBody,
    ErrorCode::InternalError,
    ErrorCode::InvalidArgument,
    ErrorCode::InvalidDigest,
    ErrorCode::InvalidEncryptionAlgorithmError,
    ErrorCode::InvalidObjectState,
    ErrorCode::InvalidPart,
    ErrorCode::InvalidPartNumber,
    ErrorCode::InvalidPartOrder,
    ErrorCode::InvalidRange,
    ErrorCode::InvalidRequest,
    ErrorCode::InvalidStorageClass,
    ErrorCode::InvalidTag,
    ErrorCode::KeyTooLongError,
    ErrorCode::MalformedXML,
    ErrorCode::MetadataTooLarge,
    ErrorCode::MethodNotAllowed,
    ErrorCode::MissingContentLength,
    ErrorCode::NoSuchBucket,
    ErrorCode::NoSuchKey,
    ErrorCode::NoSuchObjectLockConfiguration,
    ErrorCode::NoSuchTagSet,
    ErrorCode::NoSuchTagSetError,
    ErrorCode::NoSuchUpload,
    ErrorCode::NoSuchVersion,
    ErrorCode::NotImplemented,
    ErrorCode::ObjectLockConfigurationNotFoundError,
    ErrorCode::OperationAborted,
    ErrorCode::PreconditionFailed,
    ErrorCode::QuotaExceeded,
    ErrorCode::RequestTimeout,
    ErrorCode::RestoreAlreadyInProgress,
    ErrorCode::ServiceUnavailable,
    ErrorCode::SlowDown,
    ErrorCode::TooManyRequests,
    ErrorCode::UnexpectedContent,
    ErrorCode::XAmzContentChecksumMismatch,
    ErrorCode::XAmzContentSHA256Mismatch,
];

/// The code of a status that came without one, as answers to HEAD do.
fn code_of_status(status: u16) -> ErrorCode {
    match status {
        403 => ErrorCode::AccessDenied,
        404 => ErrorCode::NoSuchKey,
        405 => ErrorCode::MethodNotAllowed,
        409 => ErrorCode::OperationAborted,
        411 => ErrorCode::MissingContentLength,
        412 => ErrorCode::PreconditionFailed,
        416 => ErrorCode::InvalidRange,
        429 => ErrorCode::TooManyRequests,
        501 => ErrorCode::NotImplemented,
        503 => ErrorCode::ServiceUnavailable,
        400..=499 => ErrorCode::InvalidRequest,
        _ => ErrorCode::InternalError,
    }
}

const UNAVAILABLE: &str = "The store behind this server cannot be reached at the moment. Please try again.";
const FAILED: &str = "The store behind this server met an error. Please try again.";

impl Remote {
    /// The error that a client is shown.
    pub(super) fn shown_error(&self, error: &Error) -> S3Error {
        log::debug!("serve: the store behind: {error}");
        match error {
            Error::Service(service) => self.shown_service_error(service),
            Error::Connection { kind, message, .. } => {
                log::warn!("serve: the store behind cannot be reached: {message}");
                match kind {
                    ConnectionFailure::Tls => S3Error::new(ErrorCode::InternalError, FAILED),
                    _ => S3Error::new(ErrorCode::ServiceUnavailable, UNAVAILABLE),
                }
            }
            Error::Invalid(_) => not_implemented("A request for this key through a proxy"),
            _ => {
                log::error!("serve: the store behind: {error}");
                S3Error::new(ErrorCode::InternalError, FAILED)
            }
        }
    }

    fn shown_service_error(&self, error: &ServiceError) -> S3Error {
        if error.is_about_account() || error.code == "AuthorizationHeaderMalformed" {
            log::error!("serve: the store behind refuses this server's own keys: {error}");
            return S3Error::new(
                ErrorCode::AccessDenied,
                "The store behind this server does not let it in. Whoever runs it has to see to that.",
            );
        }
        if error.status < 400 {
            // Somewhere else, which the client behind has learnt by now; the body of this request has gone.
            return S3Error::new(ErrorCode::ServiceUnavailable, UNAVAILABLE);
        }
        let code = CODES.iter().copied().find(|code| code.as_str() == error.code);
        let code = code.unwrap_or_else(|| code_of_status(error.status));
        let message = if code.as_str() == error.code { self.shown_message(&error.message) } else { "" };
        let mut shown = S3Error::new(code, message);
        shown.status = error.status;
        if let Some(wait) = error.retry_after {
            shown = shown.header("retry-after", wait.as_secs().to_string());
        }
        shown
    }

    /// A message, unless it holds what nobody here is to see.
    fn shown_message<'a>(&self, message: &'a str) -> &'a str {
        let lower = message.to_lowercase();
        let tells = |secret: &str| !secret.is_empty() && lower.contains(&secret.to_lowercase());
        let endpoint = &self.client.options().endpoint.host;
        let host = endpoint.rsplit_once(':').map_or(endpoint.as_str(), |(host, _)| host);
        let key = self.client.options().credentials.as_ref().map_or("", |pair| &pair.access_key);
        let is_private = ["arn:", "://", "user:", host, key, self.served.hidden(), self.served.bucket()];
        if is_private.into_iter().any(tells) { "" } else { message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::RemoteSource;
    use s3cmd_client::credentials::Credentials;
    use s3cmd_client::endpoint::Endpoint;
    use s3cmd_client::{Client, ClientOptions};
    use std::time::Duration;

    fn remote() -> Remote {
        let endpoint = Endpoint::new("store.example.org:7480", "store.example.org:7480", false, false);
        let credentials = Credentials::new("AKREAL", "secret", None);
        let client = Client::new(ClientOptions::new(endpoint, Some(credentials)));
        Remote::new(RemoteSource { client, bucket: "real".into(), prefix: "team".into() }).unwrap()
    }

    fn shown(status: u16, code: &str, message: &str) -> (u16, &'static str, String) {
        let service = ServiceError::new(status, code, message);
        let error = remote().shown_error(&service.into());
        (error.status, error.code.as_str(), error.message)
    }

    #[test]
    fn codes_and_statuses_are_passed_on() {
        assert_eq!(shown(503, "SlowDown", "Reduce."), (503, "SlowDown", "Reduce.".into()));
        assert_eq!(shown(404, "NoSuchUpload", ""), (404, "NoSuchUpload", String::new()));
        assert_eq!(shown(404, "Not Found", "x"), (404, "NoSuchKey", String::new()));
        assert_eq!(shown(418, "Teapot", "x"), (418, "InvalidRequest", String::new()));
        assert_eq!(shown(307, "TemporaryRedirect", "x").0, 503);
        let mut slow = ServiceError::new(503, "SlowDown", "");
        slow.retry_after = Some(Duration::from_secs(7));
        assert_eq!(remote().shown_error(&slow.into()).headers, [("retry-after", "7".to_owned())]);
    }

    #[test]
    fn nothing_is_told_of_the_account_behind() {
        for message in [
            "User: arn:aws:iam::1234:user/x is not authorized",
            "no such key team/a",
            "see https://elsewhere",
            "AKREAL is not known",
            "at store.example.org",
            "bucket REAL",
        ] {
            assert_eq!(
                shown(403, "AccessDenied", message),
                (403, "AccessDenied", String::new()),
                "{message}"
            );
        }
        for code in ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"] {
            let (status, code, message) = shown(403, code, "AKREAL");
            assert_eq!((status, code), (403, "AccessDenied"));
            assert!(!message.contains("AKREAL"));
        }
        let error = Error::connection(ConnectionFailure::Refused, "store.example.org: refused");
        let error = remote().shown_error(&error);
        assert_eq!((error.status, error.code.as_str()), (503, "ServiceUnavailable"));
        assert!(!error.message.contains("example.org"));
    }
}
