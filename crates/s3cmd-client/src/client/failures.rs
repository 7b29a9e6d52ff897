//! Remembers the last failure that a wrong setting may have caused, so that the caller can suggest which setting to
//! change.

use crate::error::{ConnectionFailure, Error};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// A failure to reach the service or to be authorized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessFailure {
    /// No connection, or no response.
    Connection {
        /// What kind of failure.
        kind: ConnectionFailure,
        /// The cause.
        message: String,
        /// `host[:port]` of the request.
        host: String,
    },
    /// The service rejected the credentials or the signature.
    Account {
        /// S3 code.
        code: String,
        /// The region that the service reported.
        region: Option<String>,
        /// How far the service's clock is ahead of the local clock.
        ahead: Option<TimeDelta>,
    },
}

/// Error codes that concern the region of the signature, which is a setting as well.
const OF_THE_REGION: &[&str] = &["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

/// Remembers the last [`AccessFailure`] of the clients that share it.
#[derive(Clone, Debug, Default)]
pub struct FailureLog(Arc<Mutex<Option<AccessFailure>>>);

impl FailureLog {
    /// Records the final error of a request to a host.
    pub(crate) fn note(&self, error: &Error, host: &str) {
        let failure = match error {
            Error::Connection { kind, message } => {
                AccessFailure::Connection { kind: *kind, message: message.clone(), host: host.to_owned() }
            }
            Error::Service(service)
                if service.is_about_account() || OF_THE_REGION.contains(&service.code.as_str()) =>
            {
                let (code, region) = (service.code.clone(), service.region.clone());
                AccessFailure::Account { code, region, ahead: clock_difference(&service.date) }
            }
            _ => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// The last failure.
    pub fn last(&self) -> Option<AccessFailure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How far the clock that just wrote this `Date` header is ahead of the local clock.
pub(crate) fn clock_difference(date: &str) -> Option<TimeDelta> {
    let there = DateTime::parse_from_rfc2822(date.trim()).ok()?;
    Some(there.to_utc() - Utc::now())
}
