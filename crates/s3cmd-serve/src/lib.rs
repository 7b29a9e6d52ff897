//! The embedded S3 server: buckets are folders, objects are ordinary files; or a part of another store is served.
//!
//! ```text
//! start, options       what to serve, and starting it
//! http, response ...   connections, request heads and bodies, the access log   (hyper)
//! auth                 SigV4, SigV2, presigned, chunked bodies                 (the client's own signing functions)
//! route                which operation; what is unknown is 501
//! backend              what answers: the directory, or another store
//! access, policy ...   policies, ownership, ACLs
//! ops                  the operations on a directory
//! lifecycle, website   what expires; what browsers see
//! bucket_config ...    the documents of a bucket, parsed
//! store                files, sidecars, listing
//! remote               the operations on another store
//! ```
//!
//! No two modules import each other, not even in a roundabout way: `tests::imports` holds them to it.
//!
//! # Why a protocol layer of our own
//!
//! The `s3s` crate (0.14.1) was tried for protocol and XML. Against it: it falls through to the plain operation where
//! a query sub-resource is unknown or not meant for the method (`HEAD ?acl` is a HeadObject), which is the very
//! fault that destroys data elsewhere; it refuses the region `US`, s3cmd's default, and header values that are not
//! ASCII, as user metadata is in practice; SigV2, chunk signatures, browser forms, CORS preflight and websites
//! would have to be done in front of it anyway. What was left of its use was XML for some thirty documents, which
//! [`xml`] does in 200 lines, against 150,000 lines of dependency.
//!
//! Needs a Unix: everything below the root is opened relative to open directories.

mod app_state;
mod auth;
mod backend;
pub(crate) mod directory;
pub(crate) mod http;
pub(crate) mod model;
mod options;
mod random;
mod remote;
mod route;
mod start;
mod store;
mod subresources;

#[cfg(test)]
mod tests;

pub use crate::http::access_log::LogSink;
pub use crate::http::tls::tls_config;
pub use auth::users::{User, generate_user, parse_auth_file};
pub use options::{Options, RemoteSource, Storage};
pub use start::{Running, StartError, start};
