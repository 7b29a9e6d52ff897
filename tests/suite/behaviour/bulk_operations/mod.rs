//! Commands on many items at once: failures among them, overlapping names, shards.

mod overlap_model;
mod partial_failures;
mod shard;
