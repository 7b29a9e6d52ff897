//! The S3 operations, grouped by resource. Each takes the request and returns the reply or an S3 error.

pub(crate) mod acl;
pub(crate) mod attributes;
pub(crate) mod bucket;
mod change;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod dispatch;
pub(crate) mod documents;
pub(crate) mod get;
pub(crate) mod head_fields;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod multipart;
pub(crate) mod object;
pub(crate) mod post;
mod preconditions;
pub(crate) mod put;
pub(crate) mod restore;
pub(crate) mod tagging;
pub(crate) mod versions;
