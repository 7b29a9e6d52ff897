//! Requests and responses on the wire: bodies, TLS, connections, throttling.

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
