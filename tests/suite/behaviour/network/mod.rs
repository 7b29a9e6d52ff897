//! The way to the service: addresses, TLS, proxies, redirects, retries.

mod connections;
mod endpoints;
mod expect_continue;
mod redirects;
mod retries;
