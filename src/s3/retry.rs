//! When a failed attempt is worth another one, and after how long.

use super::error::{ConnectionFailure, Error};
use std::time::Duration;

/// How often and how patiently to try again.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// Attempts after the first (`max_retries`).
    pub max_retries: u32,
    /// Delay before the first retry; each further one doubles it.
    pub base: Duration,
    /// Longest delay, `Retry-After` included.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 5, base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

/// What kind of request is retried: s3cmd is more patient with uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryClass {
    /// A request that can be repeated; a refused connection is final (exit 111, measured on s3cmd 2.4.0).
    Plain,
    /// Object data; any failure of the connection but TLS is retried (measured on s3cmd 2.4.0).
    Upload,
    /// Never repeated.
    Once,
}

/// Service codes that mean "again, please" whatever the status.
const TRANSIENT_CODES: &[&str] = &[
    "BadDigest",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottlingException",
    "TokenRefreshRequired",
    "XAmzContentSHA256Mismatch",
];

impl RetryPolicy {
    /// The delay before retry number `retry` (from 0): exponential with full-range jitter in its upper half, so
    /// that many clients do not come back together. `asked` is the server's `Retry-After`.
    pub fn delay(&self, retry: u32, asked: Option<Duration>, random: f64) -> Duration {
        let full = self.base.saturating_mul(1 << retry.min(16)).min(self.cap);
        let jittered = full.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0));
        asked.map_or(jittered, |asked| asked.max(jittered)).min(self.cap.max(full))
    }

    /// Whether another attempt may help.
    pub fn is_transient(class: RetryClass, error: &Error) -> bool {
        match (class, error) {
            (RetryClass::Once, _) => false,
            (_, Error::Service(service)) => {
                TRANSIENT_CODES.contains(&service.code.as_str())
                    || service.status == 429
                    || (service.status >= 500 && !matches!(service.status, 501 | 505 | 507))
            }
            (RetryClass::Upload, Error::Connection { kind, .. }) => *kind != ConnectionFailure::Tls,
            (RetryClass::Plain, Error::Connection { kind, .. }) => {
                matches!(kind, ConnectionFailure::Timeout | ConnectionFailure::Broken)
            }
            (_, Error::Integrity(_)) => true,
            _ => false,
        }
    }
}

/// A random number in 0..1 for the jitter.
pub(crate) fn random() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the delay is merely not jittered.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::error::ServiceError;

    #[test]
    fn delays_grow_are_capped_and_respect_the_server() {
        let policy =
            RetryPolicy { max_retries: 9, base: Duration::from_secs(1), cap: Duration::from_secs(8) };
        let at = |retry| policy.delay(retry, None, 1.0).as_secs();
        assert_eq!([at(0), at(1), at(2), at(3), at(9)], [1, 2, 4, 8, 8]);
        assert_eq!(policy.delay(0, None, 0.0), Duration::from_millis(500));
        assert_eq!(policy.delay(0, Some(Duration::from_secs(5)), 1.0).as_secs(), 5);
        assert_eq!(policy.delay(0, Some(Duration::from_secs(500)), 1.0).as_secs(), 8);
    }

    #[test]
    fn transient_is_what_another_attempt_can_cure() {
        let service = |status, code: &str| {
            Error::from(ServiceError { status, code: code.into(), ..Default::default() })
        };
        for (status, code, transient) in [
            (503, "SlowDown", true),
            (500, "InternalError", true),
            (429, "TooManyRequests", true),
            (400, "RequestTimeout", true),
            (400, "BadDigest", true),
            (400, "InvalidArgument", false),
            (403, "AccessDenied", false),
            (404, "NoSuchKey", false),
            (501, "NotImplemented", false),
            (507, "InsufficientStorage", false),
        ] {
            assert_eq!(
                RetryPolicy::is_transient(RetryClass::Plain, &service(status, code)),
                transient,
                "{code}"
            );
        }
        let refused = Error::connection(ConnectionFailure::Refused, "refused");
        assert!(!RetryPolicy::is_transient(RetryClass::Plain, &refused));
        assert!(RetryPolicy::is_transient(RetryClass::Upload, &refused));
        assert!(!RetryPolicy::is_transient(RetryClass::Once, &service(503, "SlowDown")));
    }
}
