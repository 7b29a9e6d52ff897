//! The embedded S3 server: buckets are folders, objects are ordinary files; or a part of another store is served.
//!
//! ```text
//! options, start   what to serve, and starting it
//! http             connections, requests, bodies, responses, limits, logs     (hyper)
//! auth             SigV4, SigV2, presigned URLs, chunked bodies, form policies (the client's own signing functions)
//! route            which operation a request is; an unknown one is 501
//! backend          what answers: the directory, or another store
//! directory        the operations on a directory, with its access checks
//! remote           the operations on another store
//! model            errors, ACLs, policies, rules, the configuration of a bucket
//! store            files, sidecars, listings
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
//! [`model::xml`] does in 200 lines, against 150,000 lines of dependency.
//!
//! Needs a Unix: everything below the root is opened relative to open directories.

mod app_state;
mod auth;
mod backend;
mod directory;
mod http;
mod model;
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
