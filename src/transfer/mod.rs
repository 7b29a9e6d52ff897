//! Moving many objects: plan, run, verify, with local files and remote objects on either side.
//!
//! - plan: [`local`] and [`remote`] select files and objects. [`plan`] stores them, either sorted or in order of
//!   arrival. [`conflicts`] finds names that cannot coexist.
//! - run: [`ordered_tasks`] works on many items at once and prints their output in order. [`upload`], [`download`] and
//!   [`copy`] each move one item.
//! - verify: each of them compares what arrived with what was sent before it reports success, and states the evidence
//!   ([`proof`]).

pub mod compare;
pub mod composite;
pub mod conflicts;
pub mod content_type;
pub mod copy;
pub mod delete;
pub mod destination;
pub mod download;
pub mod file_attributes;
pub mod gpg;
pub mod local;
pub mod md5_cache;
pub mod ordered_tasks;
pub mod overlap;
pub mod part_sizes;
pub mod placement;
pub mod plan;
pub mod proof;
pub mod remote;
pub mod selection;
pub mod sync;
pub(crate) mod temporary;
pub mod unread;
pub mod upload;
