//! The documents of S3 as values.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::model::documents::{Document, Kind};
//!
//! let document = Document::new(Kind::Cors, "<CORSConfiguration/>");
//! assert!(document.check("bucket").is_err());
//! ```

pub mod acl;
pub(crate) mod document;
pub mod documents;
pub(crate) mod responses;
pub(crate) mod xml;
