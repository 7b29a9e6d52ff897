//! The documents of S3 as values.

pub mod documents;
pub(crate) mod xml;
