//! The question that a policy answers: may this requester do this?

use super::key::Key;
use std::fmt;

/// What a request asks of a policy.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// Canonical id; `None` for an anonymous requester.
    pub(crate) who: Option<&'a str>,
    /// `s3:GetObject`, ...
    pub(crate) action: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) key: Option<&'a str>,
    /// The values that the request has of a condition key; none where it does not have the key.
    pub(crate) values: &'a dyn Fn(&Key) -> Vec<String>,
    /// Whether the request has not said yet what value it has of a key. An answer is then what the request could still
    /// be allowed: statements that ask for such a key allow, and do not deny.
    pub(crate) is_pending: &'a dyn Fn(&Key) -> bool,
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("who", &self.who)
            .field("action", &self.action)
            .field("bucket", &self.bucket)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Question<'_> {
    pub(super) fn values(&self, key: &Key) -> Vec<String> {
        if key.belongs_to(self.action) { (self.values)(key) } else { Vec::new() }
    }
}
