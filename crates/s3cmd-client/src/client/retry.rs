//! Which failed attempts are retried, and after what delay.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::client::retry::RetryPolicy;
//! use std::time::Duration;
//!
//! let policy = RetryPolicy::default().with_max_retries(2).with_base(Duration::from_secs(1));
//! // Without jitter, the delay doubles with each retry.
//! assert_eq!(policy.delay(1, None, 1.0), Duration::from_secs(2));
//! ```

use crate::error::{ConnectionFailure, Error, clock_difference};
use std::time::Duration;

/// The number of retries and the delays between them. The default is 5 retries with delays from 0.5 s to 30 s.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Maximum number of attempts after the first.
    pub max_retries: u32,
    /// Delay before the first retry; it doubles with each further retry.
    pub base: Duration,
    /// Maximum delay, including `Retry-After`.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 5, base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

/// Which failures of a request are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryClass {
    /// A repeatable request. A refused connection is final (measured on s3cmd 2.4.0).
    Plain,
    /// Object data. Any connection failure except TLS is retried (measured on s3cmd 2.4.0).
    Upload,
    /// Never retried.
    Once,
}

/// What caused a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There were too many concurrent requests; the limit has been lowered.
    Concurrency,
    /// The request itself.
    Request,
}

/// Maximum number of times that refusals for too many concurrent requests double the delay: the limit is lower next
/// time.
const MAX_CONCURRENCY_STEPS: u32 = 3;

/// The retries that one request has used.
#[derive(Debug, Default)]
pub(crate) struct RetryState {
    own: u32,
    /// Retries caused by too many concurrent requests; counted separately, up to the same maximum.
    by_concurrency: u32,
}

impl RetryState {
    /// The delay before the next attempt; `None` if the retries are used up. `retry_after` is the server's
    /// `Retry-After`.
    pub(crate) fn next(
        &mut self,
        policy: &RetryPolicy,
        cause: Cause,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        let step = self.own + self.by_concurrency.min(MAX_CONCURRENCY_STEPS);
        if cause == Cause::Concurrency && self.by_concurrency < policy.max_retries {
            self.by_concurrency += 1;
        } else if self.own < policy.max_retries {
            self.own += 1;
        } else {
            return None;
        }
        Some(policy.delay(step, retry_after, random()))
    }
}

/// Service error codes that are worth a retry whatever the status.
const TRANSIENT_CODES: &[&str] = &[
    "BadDigest",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottlingException",
    "XAmzContentSHA256Mismatch",
];

/// Service error codes that ask for fewer requests, in addition to the statuses 429 and 503. A signature that arrived
/// too late and a connection that was idle for too long are signs of overload, too.
const THROTTLE_CODES: &[&str] = &[
    "RequestLimitExceeded",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
];

/// A signature older than this is rejected. <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
const MAX_SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(15);

impl RetryPolicy {
    with_methods! {
        /// Sets the maximum number of attempts after the first; 0 disables retries.
        with_max_retries(max_retries: u32);
        /// Sets the delay before the first retry; it doubles with each further retry.
        with_base(base: Duration);
        /// Sets the maximum delay, including `Retry-After`.
        with_cap(cap: Duration);
    }

    /// The delay before retry number `retry` (from 0): exponential, with jitter over its upper half so that many
    /// clients do not retry at the same time. `retry_after` is the server's `Retry-After`.
    pub fn delay(&self, retry: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        let full = self.base.saturating_mul(1 << retry.min(16)).min(self.cap);
        let jittered = full.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0));
        retry_after.map_or(jittered, |retry_after| retry_after.max(jittered)).min(self.cap.max(full))
    }

    /// Whether the service asks for fewer requests.
    pub(crate) fn is_throttle(error: &Error) -> bool {
        error.service().is_some_and(|service| {
            matches!(service.status, 429 | 503) || THROTTLE_CODES.contains(&service.code.as_str())
        })
    }

    /// Whether a retry may succeed.
    pub fn is_transient(class: RetryClass, error: &Error) -> bool {
        match (class, error) {
            (RetryClass::Once, _) => false,
            (_, Error::Service(service)) => {
                TRANSIENT_CODES.contains(&service.code.as_str())
                    || (service.code == "RequestTimeTooSkewed" && !is_clock_wrong(&service.date))
                    || service.status == 429
                    || (service.status >= 500
                        && service.code != "NotImplemented"
                        && !matches!(service.status, 501 | 505 | 507 | 511))
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

/// Whether the local clock is wrong, judging by the `Date` of a response; then a retry cannot succeed. Without a
/// date, it is assumed to be wrong.
fn is_clock_wrong(date: &str) -> bool {
    clock_difference(date).is_none_or(|difference| difference.abs() >= MAX_SKEW)
}

/// A random number between 0 and 1, for jitter and similar uses.
pub fn random() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the delay is merely not jittered.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServiceError;

    #[test]
    fn delays_grow_up_to_the_cap_and_respect_retry_after() {
        let policy =
            RetryPolicy { max_retries: 9, base: Duration::from_secs(1), cap: Duration::from_secs(8) };
        let at = |retry| policy.delay(retry, None, 1.0).as_secs();
        assert_eq!([at(0), at(1), at(2), at(3), at(9)], [1, 2, 4, 8, 8]);
        assert_eq!(policy.delay(0, None, 0.0), Duration::from_millis(500));
        assert_eq!(policy.delay(0, Some(Duration::from_secs(5)), 1.0).as_secs(), 5);
        assert_eq!(policy.delay(0, Some(Duration::from_secs(500)), 1.0).as_secs(), 8);
    }

    #[test]
    fn transient_errors_are_retried() {
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
            (511, "Network Authentication Required", false),
            (500, "NotImplemented", false),
            (400, "TokenRefreshRequired", false),
        ] {
            assert_eq!(
                RetryPolicy::is_transient(RetryClass::Plain, &service(status, code)),
                transient,
                "{code}"
            );
        }
        // A signature that was rejected as too old may be retried with a new one, unless the local clock is wrong.
        let skewed = |date: &str| {
            Error::from(ServiceError {
                status: 403,
                code: "RequestTimeTooSkewed".into(),
                date: date.into(),
                ..Default::default()
            })
        };
        let now = chrono::Utc::now().to_rfc2822();
        assert!(RetryPolicy::is_transient(RetryClass::Plain, &skewed(&now)));
        assert!(RetryPolicy::is_throttle(&skewed(&now)));
        for date in ["", "Thu, 01 Jan 2015 00:00:00 GMT"] {
            assert!(!RetryPolicy::is_transient(RetryClass::Plain, &skewed(date)));
        }
        assert!(!RetryPolicy::is_throttle(&service(500, "InternalError")));
        let refused = Error::connection(ConnectionFailure::Refused, "refused");
        assert!(!RetryPolicy::is_transient(RetryClass::Plain, &refused));
        assert!(RetryPolicy::is_transient(RetryClass::Upload, &refused));
        assert!(!RetryPolicy::is_transient(RetryClass::Once, &service(503, "SlowDown")));
    }
}
