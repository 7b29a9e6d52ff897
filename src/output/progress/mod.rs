//! Progress: s3cmd's one-line meter, and a table of all transfers on a terminal.

pub(super) mod meter;
pub(super) mod rate;
mod row;
pub(super) mod table;
