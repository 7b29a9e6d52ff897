//! What two or more commands share.

pub(crate) mod access_failure;
pub(crate) mod arguments;
pub(crate) mod cloudfront;
pub(crate) mod context;
pub(crate) mod copies;
pub(crate) mod copy_or_move;
pub(crate) mod distributions;
pub(crate) mod document;
pub(crate) mod downloads;
pub(crate) mod each;
pub(crate) mod heap;
pub(crate) mod hint;
pub(crate) mod hosts;
pub(crate) mod listing;
pub(crate) mod names;
pub(crate) mod open_files;
pub(crate) mod outcome;
pub(crate) mod runtime;
pub(crate) mod selection;
#[cfg(feature = "serve")]
pub(crate) mod server;
pub(crate) mod signals;
pub(crate) mod stdin;
pub(crate) mod stored_md5;
pub(crate) mod uploads;
pub(crate) mod versions;
