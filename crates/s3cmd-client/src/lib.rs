//! An S3 client: requests, signing, endpoints, retries, typed operations and the documents of S3.
//!
//! The client knows neither a configuration file nor a terminal: it takes plain values and returns typed results and
//! errors. To support another sub-resource, add one model and one operation next to the existing ones; never build
//! the HTTP path by hand.
//!
//! The life of a request: a typed operation of [`ops`] or [`list`] makes a [`http::request::Request`].
//! [`client::Client::send`] addresses it ([`endpoint`]), signs it ([`sign`]) and sends it ([`mod@http`]); it decides
//! whether to retry ([`client::retry`]) and limits the number of concurrent requests.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use s3cmd_client::bytes::Bytes;
//! use s3cmd_client::ops::object::Outgoing;
//!
//! client.put_object("bucket", "key", Outgoing::new(Bytes::from("text")), &[]).await?;
//! # Ok(())
//! # }
//! ```

/// Makes the `with_` methods of option structs: each replaces one field.
macro_rules! with_methods {
    ($($(#[$doc:meta])* $name:ident($field:ident: $type:ty);)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $field: $type) -> Self {
            self.$field = $field.into();
            self
        }
    )*};
}

pub mod checksum;
pub mod client;
pub mod credentials;
pub mod digest;
pub mod endpoint;
pub mod error;
pub mod http;
pub mod list;
pub mod model;
pub mod ops;
pub mod presign;
pub mod sign;

pub use crate::http::throttle::Throttle;
pub use ::http::{HeaderMap, Method};
pub use client::{Client, ClientOptions, Signature};
pub use error::{ConnectionFailure, Error, Result, ServiceError};
pub use {bytes, chrono};
