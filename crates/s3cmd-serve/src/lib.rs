//! The embedded S3 server. It serves a directory, whose folders are the buckets and whose files are the objects, or a
//! bucket (or a prefix of one) in another store.
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
//! Modules must not import each other in a cycle; the test `tests::imports` enforces this.
//!
//! # Why not an existing protocol crate
//!
//! The `s3s` crate (0.14.1) was evaluated for the protocol and XML, and rejected. It falls through to the plain
//! operation if a query sub-resource is unknown or not valid for the method (`HEAD ?acl` becomes a HeadObject), a
//! fault that destroys data in other servers. It rejects the region `US`, which is s3cmd's default, and header values
//! that are not ASCII, which are common in user metadata. SigV2, chunk signatures, browser forms, CORS preflight and
//! websites would need code in front of it anyway. That leaves XML for some thirty documents, which [`model::xml`] does
//! in 200 lines, against 150,000 lines of dependency.
//!
//! Linux only: everything below the root is opened relative to open directories.

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
