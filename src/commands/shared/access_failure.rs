//! Remembers the last failure that a wrong setting may have caused, so that a hint can name that setting.

use crate::output::{ClientLog, error_text};
use chrono::TimeDelta;
use s3cmd_client::client::observer::{Observer, Retry};
use s3cmd_client::{ConnectionFailure, Error};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A failure to reach the service or to be authorized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccessFailure {
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

/// Logs the events of the clients that share it, and remembers the last [`AccessFailure`].
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureLog(Arc<Mutex<Option<AccessFailure>>>);

impl FailureLog {
    /// The last failure.
    pub(crate) fn last(&self) -> Option<AccessFailure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for FailureLog {
    fn failed(&self, error: &Error, host: &str) {
        let failure = match error {
            Error::Connection { kind, .. } => {
                AccessFailure::Connection { kind: *kind, message: error_text(error), host: host.to_owned() }
            }
            Error::Service(service)
                if service.is_about_account() || OF_THE_REGION.contains(&service.code.as_str()) =>
            {
                let (code, region) = (service.code.clone(), service.region.clone());
                AccessFailure::Account { code, region, ahead: service.clock_difference() }
            }
            _ => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    fn retrying(&self, retry: &Retry<'_>) {
        ClientLog.retrying(retry);
    }

    fn expect_unsupported(&self, waited: Duration) {
        ClientLog.expect_unsupported(waited);
    }

    fn batch_deletion_unsupported(&self) {
        ClientLog.batch_deletion_unsupported();
    }

    fn credentials_not_renewed(&self, error: &Error) {
        ClientLog.credentials_not_renewed(error);
    }

    fn credential_process_printed(&self, text: &str) {
        ClientLog.credential_process_printed(text);
    }
}
