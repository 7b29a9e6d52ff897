//! Which failures end the whole run.

use s3cmd_client::client::retry::{RetryClass, RetryPolicy};
use s3cmd_client::{ConnectionFailure, Error};

/// Whether an error ends the whole run with its own exit code (measured on s3cmd 2.4.0): rejections do, but not what
/// may be a temporary problem of one object, such as data damaged in transit (400 XAmzContentSHA256Mismatch).
pub(crate) fn is_final(error: &Error) -> bool {
    match error {
        Error::Service(service) => {
            matches!(service.status, 300..=408 | 410..=428 | 430..=499 | 507)
                && !RetryPolicy::is_transient(RetryClass::Upload, error)
        }
        Error::Connection { kind, .. } => *kind == ConnectionFailure::Tls,
        Error::Invalid(_) | Error::Malformed(_) => true,
        _ => false,
    }
}
