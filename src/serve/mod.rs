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

mod access;
mod access_log;
mod acl;
mod app_state;
mod auth;
mod backend;
mod bucket_config;
mod bucket_documents;
mod call;
mod checksum;
mod condition_context;
mod copy_source;
mod cors;
mod cors_rules;
mod default_encryption;
mod error;
mod form;
mod header_case;
mod http;
mod http_date;
mod lifecycle;
mod lifecycle_checks;
mod lifecycle_rules;
mod limits;
mod metrics;
mod object_lock;
mod ops;
mod options;
mod ownership;
mod policy;
mod post_policy;
mod public_access;
mod random;
mod redact;
mod remote;
mod request_body;
mod request_context;
mod request_head;
mod request_path;
mod response;
mod route;
mod rule_ids;
mod shutdown;
mod sse;
mod start;
mod state;
mod store;
mod subresources;
mod tags;
mod tls;
mod users;
mod website;
mod website_config;
mod xml;

#[cfg(test)]
mod tests;

pub use access_log::LogSink;
pub use options::{Options, RemoteSource, Storage};
pub use start::{Running, StartError, start};
pub use tls::tls_config;
pub use users::{User, generate_user, parse_auth_file};
