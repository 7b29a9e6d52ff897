//! An S3 client: requests, signing, endpoints, retries, typed operations and XML models.
//!
//! The client knows neither a configuration file nor a terminal: it takes plain values and returns typed results and
//! errors. To support another sub-resource, add one model and one operation next to the existing ones; never build
//! the HTTP path by hand.
//!
//! The life of a request: a typed operation ([`object`], [`list`], [`multipart`], [`acl`], [`bucket`],
//! [`subresources`]) makes a [`request::Request`]. [`client::Client::send`] addresses it ([`endpoint`]), signs it
//! ([`sign`]) and sends it ([`transport`], [`tls`], [`body`]); it decides whether to retry ([`retry`]) and limits the
//! number of concurrent requests ([`concurrency`]).

pub mod acl;
pub mod body;
pub mod bucket;
mod buffers;
pub mod checksum;
pub mod client;
pub mod cloudfront;
mod concurrency;
pub mod credentials;
mod delete;
pub mod documents;
pub mod endpoint;
pub mod error;
mod expect;
mod expected_response;
pub mod failures;
pub mod header_text;
pub mod list;
pub mod multipart;
mod no_proxy;
pub mod object;
pub mod presign;
pub mod probe;
pub mod range;
pub mod request;
pub mod retry;
pub mod sign;
pub mod stream_body;
pub mod subresources;
mod throttle;
pub mod tls;
pub mod transport;
pub(crate) mod xml;

pub use client::{Client, ClientOptions, Signature};
pub use error::{ConnectionFailure, Error, Result, ServiceError};
pub use throttle::Throttle;
