//! When a failed attempt is worth another one, and after how long.

use super::error::{ConnectionFailure, Error, Result};
use super::failures::clock_difference;
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

/// Who answers for a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There were too many requests at once; there are fewer now.
    Concurrency,
    /// The request itself.
    Request,
}

/// How far the delay grows by refusals for which there were too many requests: there will be fewer the next time.
const MAX_CONCURRENCY_STEPS: u32 = 3;

/// The retries that one request has used.
#[derive(Debug, Default)]
pub(crate) struct RetryState {
    own: u32,
    /// Those for which the crowd answers, up to the same number.
    by_concurrency: u32,
}

impl RetryState {
    /// The delay before the next attempt; `None` when there may be no more. `asked` is the server's `Retry-After`.
    pub(crate) fn next(
        &mut self,
        policy: &RetryPolicy,
        cause: Cause,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        let step = self.own + self.by_concurrency.min(MAX_CONCURRENCY_STEPS);
        if cause == Cause::Concurrency && self.by_concurrency < policy.max_retries {
            self.by_concurrency += 1;
        } else if self.own < policy.max_retries {
            self.own += 1;
        } else {
            return None;
        }
        Some(policy.delay(step, asked, random()))
    }
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
    "XAmzContentSHA256Mismatch",
];

/// Service codes that ask for fewer requests, beside the statuses 429 and 503. A signature that came too late, and a
/// socket that was not served for too long, are signs of the same.
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

/// A signature is refused when it is older than this. <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
const MAX_SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(15);

impl RetryPolicy {
    /// The delay before retry number `retry` (from 0): exponential with full-range jitter in its upper half, so
    /// that many clients do not come back together. `asked` is the server's `Retry-After`.
    pub fn delay(&self, retry: u32, asked: Option<Duration>, random: f64) -> Duration {
        let full = self.base.saturating_mul(1 << retry.min(16)).min(self.cap);
        let jittered = full.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0));
        asked.map_or(jittered, |asked| asked.max(jittered)).min(self.cap.max(full))
    }

    /// After an answer has broken off: says so, and waits before the rest is asked for. `failures` counts those in a row
    /// without a byte between them. The error comes back where there is no hope, or not any more.
    pub(crate) async fn resume(&self, failures: &mut u32, key: &str, error: Error) -> Result<()> {
        let transient = matches!(
            error,
            Error::Connection { kind: ConnectionFailure::Broken | ConnectionFailure::Timeout, .. }
        );
        if !transient || *failures >= self.max_retries {
            return Err(error);
        }
        let delay = self.delay(*failures, None, random());
        *failures += 1;
        log::warn!("Retrying failed request: /{key} ({error})");
        log::warn!("Waiting {:.1} sec...", delay.as_secs_f64());
        tokio::time::sleep(delay).await;
        Ok(())
    }

    /// Whether the service asks for fewer requests.
    pub(crate) fn is_throttle(error: &Error) -> bool {
        error.service().is_some_and(|service| {
            matches!(service.status, 429 | 503) || THROTTLE_CODES.contains(&service.code.as_str())
        })
    }

    /// Whether another attempt may help.
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

/// Whether this computer's clock is off, by the date of an answer; another attempt is of no use then. Without a date it is
/// taken to be.
fn is_clock_wrong(date: &str) -> bool {
    clock_difference(date).is_none_or(|difference| difference.abs() >= MAX_SKEW)
}

/// A random number in 0..1, for the jitter and whatever else has to be anywhere.
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
        // A signature that was refused as too old helps to a new one, unless this computer's clock is wrong.
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
