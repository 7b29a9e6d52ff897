//! The question that a policy answers: may this requester perform this action?

use super::key::Key;
use std::fmt;

/// A request as a policy sees it: who, which action, on which resource, with which condition values.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    /// Canonical id; `None` for an anonymous requester.
    pub(crate) who: Option<&'a str>,
    /// `s3:GetObject`, ...
    pub(crate) action: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) key: Option<&'a str>,
    /// The request's values of a condition key; empty if it does not have the key.
    pub(crate) values: &'a dyn Fn(&Key) -> Vec<String>,
    /// Whether the value of a key is not known yet, because the body has not been read. The decision is then whether
    /// the request could still be allowed: tests of such a key hold in an Allow statement and fail in a Deny statement.
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
