//! The last failure that a setting may be the reason of, remembered for whoever can name that setting.

use super::error::{ConnectionFailure, Error};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// What went wrong between the client and the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection, or no answer.
    Connection {
        /// What kind of failure.
        kind: ConnectionFailure,
        /// The cause in words.
        message: String,
        /// `host[:port]` of the request.
        host: String,
    },
    /// The service refused who asked, or how the request was signed.
    Account {
        /// S3 code.
        code: String,
        /// The region that the service named.
        region: Option<String>,
        /// By how much the service's clock is ahead of this computer's.
        ahead: Option<TimeDelta>,
    },
}

/// Codes of refusals that are about the region a request was signed for, which a setting decides too.
const OF_THE_REGION: &[&str] = &["AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

/// Remembers the last [`Trouble`] of the clients that share it.
#[derive(Clone, Debug, Default)]
pub struct FailureLog(Arc<Mutex<Option<Trouble>>>);

impl FailureLog {
    /// Takes note of how a request to a host ended for good.
    pub(super) fn note(&self, error: &Error, host: &str) {
        let trouble = match error {
            Error::Connection { kind, message } => {
                Trouble::Connection { kind: *kind, message: message.clone(), host: host.to_owned() }
            }
            Error::Service(service)
                if service.is_about_account() || OF_THE_REGION.contains(&service.code.as_str()) =>
            {
                let (code, region) = (service.code.clone(), service.region.clone());
                Trouble::Account { code, region, ahead: clock_difference(&service.date) }
            }
            _ => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }

    /// The last one.
    pub fn last(&self) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// By how much the clock that wrote a `Date` header this moment is ahead of this computer's.
pub(super) fn clock_difference(date: &str) -> Option<TimeDelta> {
    let there = DateTime::parse_from_rfc2822(date.trim()).ok()?;
    Some(there.to_utc() - Utc::now())
}
