//! The state of a served directory.

use crate::auth::users::User;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// A directory that is served: everything that its operations share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) users: Arc<[User]>,
    pub(crate) region: String,
    pub(crate) read_only: bool,
    /// Whether connections are encrypted.
    pub(crate) secure: bool,
    /// How long the days of lifecycle rules and of restored objects are.
    pub(crate) day: Duration,
}
