//! The documents of S3 as values.

pub mod acl;
pub(crate) mod document;
pub mod documents;
pub(crate) mod responses;
pub(crate) mod xml;
