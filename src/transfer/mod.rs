//! Moving many objects: plan, run, verify, with local files and remote objects on either side.
//!
//! - Plan: [`local`] and [`remote`] select files and objects; [`plan`] stores them, sorted or in the order in which they
//!   arrive; [`conflicts`] finds names that cannot exist together.
//! - Run: [`ordered_tasks`] works on many items at once and prints their output in order; [`upload`], [`download`] and
//!   [`copy`] transfer one item.
//! - Verify: each of them compares what arrived with what was sent before it reports success, and says which checksum
//!   proves it ([`proof`]).

pub mod attrs;
pub mod compare;
pub mod composite;
pub mod conflicts;
pub mod content_type;
pub mod copy;
pub mod delete;
pub mod destination;
pub mod download;
pub mod gpg;
pub mod local;
pub mod md5_cache;
pub mod ordered_tasks;
pub mod overlap;
pub mod part_sizes;
pub mod plan;
pub mod proof;
pub mod remote;
pub mod restore;
pub mod sync;
pub(crate) mod temporary;
pub mod unread;
pub mod upload;
