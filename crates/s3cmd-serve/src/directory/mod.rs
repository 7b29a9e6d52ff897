//! The backend that serves a directory: its state, access checks and operations.

pub(crate) mod access;
pub(crate) mod condition_context;
pub(crate) mod cors;
pub(crate) mod lifecycle;
pub(crate) mod ops;
pub(crate) mod sse;
pub(crate) mod state;
pub(crate) mod website;
