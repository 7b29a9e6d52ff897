//! Responses that no S3 server should send: none of them counts as success.

mod batch_deletions;
mod foreign;
mod listings;
