//! The HTTP side: connections, requests, bodies, responses, limits, logs.

pub(crate) mod access_log;
pub(crate) mod call;
pub(crate) mod form;
pub(crate) mod header_case;
pub(crate) mod http_date;
pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod redact;
pub(crate) mod request_body;
pub(crate) mod request_context;
pub(crate) mod request_head;
pub(crate) mod request_path;
mod respond;
pub(crate) mod response;
pub(crate) mod server;
pub(crate) mod shutdown;
pub(crate) mod tls;
