//! State that all connections share.

use super::backend::Backend;
use crate::auth::users::User;
use crate::http::access_log::AccessLog;
use crate::http::limits::Limits;
use std::sync::Arc;
use std::time::Duration;

/// What the HTTP layer needs to process a request before it reaches the backend.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) users: Arc<[User]>,
    /// The only region that V4 signatures may name; `None` accepts any.
    pub(crate) region: Option<String>,
    pub(crate) domains: Vec<String>,
    pub(crate) read_timeout: Duration,
    pub(crate) access_log: Arc<AccessLog>,
    pub(crate) backend: Backend,
    pub(crate) limits: Limits,
    /// The letter case of header names, attached to every response; see [`header_case`](crate::http::header_case).
    pub(crate) header_case: http::Extensions,
    /// Treat every local request as the first user's, whatever its signature.
    pub(crate) no_auth: bool,
}
