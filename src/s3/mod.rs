//! The shared client: requests, signing, endpoints, retry, typed operations, XML models.
//!
//! This room knows neither the configuration file nor the terminal: it takes plain values and returns typed
//! results, and could be lifted out as a library of its own.

pub mod credentials;
pub mod sign;
