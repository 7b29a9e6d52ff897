//! What two or more commands need.

pub(crate) mod cloudfront;
pub mod context;
pub(crate) mod document;
pub(crate) mod each;
pub(crate) mod heap;
pub(crate) mod hint;
pub(crate) mod hosts;
pub(crate) mod names;
pub(crate) mod open_files;
pub(crate) mod runtime;
pub(crate) mod signals;
pub(crate) mod stdin;
pub(crate) mod versions;
