//! The shared client: requests, signing, endpoints, retry, typed operations, XML models.
//!
//! This room knows neither the configuration file nor the terminal: it takes plain values and returns typed
//! results, and could be lifted out as a library of its own. Adding a sub-resource is one model and one operation
//! beside the others, never a new HTTP path by hand.
//!
//! A request goes this way: a typed operation ([`object`], [`list`], [`multipart`], [`acl`], [`bucket`], [`subresources`]) makes a
//! [`request::Request`]; [`client::Client::send`] addresses it ([`endpoint`]), signs it ([`sign`]), sends it
//! ([`transport`], [`tls`], [`body`]) and decides about another attempt ([`retry`]), and about how many requests go at once ([`concurrency`]).

pub mod acl;
mod answer;
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
pub mod roles;
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
