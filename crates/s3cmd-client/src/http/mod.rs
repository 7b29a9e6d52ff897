//! Requests and responses on the wire: bodies, TLS, connections, throttling.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::http::tls::TlsOptions;
//! use s3cmd_client::http::transport::TransportOptions;
//! use std::time::Duration;
//!
//! let tls = TlsOptions::default().with_ca_file(std::path::PathBuf::from("/etc/lab/ca.pem"));
//! let transport = TransportOptions::default().with_tls(tls).with_timeout(Duration::from_secs(30));
//! ```

pub mod body;
pub(crate) mod buffers;
pub(crate) mod expect;
pub(crate) mod expected_response;
pub mod header_text;
pub(crate) mod no_proxy;
pub mod request;
pub mod stream_body;
pub(crate) mod throttle;
pub mod tls;
pub mod transport;
