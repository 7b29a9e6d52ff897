//! Reports what the client does on its own: retries, renewals, and the features that a service turns out to lack.
//!
//! The client prints nothing. A program that wants to show a retry, or to count failures, gives the client an
//! [`Observer`].
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::client::observer::{Observer, Retry};
//! use s3cmd_client::endpoint::Endpoint;
//! use s3cmd_client::{Client, ClientOptions};
//! use std::sync::Arc;
//!
//! #[derive(Debug)]
//! struct ToStderr;
//!
//! impl Observer for ToStderr {
//!     fn retrying(&self, retry: &Retry<'_>) {
//!         eprintln!("{} failed: {}; next attempt in {:?}", retry.resource, retry.error, retry.delay);
//!     }
//! }
//!
//! let endpoint = Endpoint::from_url("https://s3.example.org");
//! let client = Client::new(ClientOptions::new(endpoint, None).with_observer(Arc::new(ToStderr)));
//! ```

use crate::client::retry::RetryClass;
use crate::error::Error;
use std::fmt::Debug;
use std::time::Duration;

/// Receives the events of a client. Every method does nothing by default. The client calls them while it works on a
/// request: they must not block.
pub trait Observer: Debug + Send + Sync {
    /// An attempt failed; the next one starts after [`Retry::delay`].
    fn retrying(&self, retry: &Retry<'_>) {
        let _ = retry;
    }

    /// A request failed and is not retried. `host` is the `host[:port]` that it was sent to; empty if it was not sent.
    fn failed(&self, error: &Error, host: &str) {
        let _ = (error, host);
    }

    /// The service did not respond to `Expect: 100-continue` within `waited`. Later requests do not send the header.
    fn expect_unsupported(&self, waited: Duration) {
        let _ = waited;
    }

    /// The service does not support batch deletion. From now on objects are deleted one by one.
    fn batch_deletion_unsupported(&self) {}

    /// Temporary credentials could not be renewed. The old ones are used as long as they are valid.
    fn credentials_not_renewed(&self, error: &Error) {
        let _ = error;
    }

    /// A program that printed credentials also printed this text to its stderr. Possible secrets are masked.
    fn credential_process_printed(&self, text: &str) {
        let _ = text;
    }
}

/// The observer that ignores all events.
impl Observer for () {}

/// A failed attempt that is repeated.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retry<'a> {
    /// The resource: `/` and the key, and the query if there is one.
    pub resource: &'a str,
    /// Which failures of the request are retried.
    pub class: RetryClass,
    /// Why the attempt failed.
    pub error: &'a Error,
    /// The wait before the next attempt.
    pub delay: Duration,
}
