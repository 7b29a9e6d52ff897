//! The state of a served directory.

use crate::auth::users::User;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// A served directory: the state that all its operations share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) users: Arc<[User]>,
    pub(crate) region: String,
    pub(crate) read_only: bool,
    /// Whether connections use TLS.
    pub(crate) secure: bool,
    /// The length of a day for lifecycle rules and restored objects.
    pub(crate) day: Duration,
}
