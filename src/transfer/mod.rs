//! Moving many objects: plan, run, verify, with local files and remote objects on either side.
//!
//! - plan: [`local`] and [`remote`] select files and objects. [`plan`] stores them, either sorted or in order of
//!   arrival. [`conflicts`] finds names that cannot coexist.
//! - run: [`ordered_tasks`] works on many items at once and prints their output in order. [`upload`], [`download`] and
//!   [`copy`] each move one item.
//! - verify: each of them compares what arrived with what was sent before it reports success, and states the evidence
//!   ([`proof`]).

pub(crate) mod compare;
pub(crate) mod composite;
pub(crate) mod conflicts;
pub(crate) mod content_type;
pub(crate) mod copy;
pub(crate) mod delete;
pub(crate) mod destination;
pub(crate) mod download;
pub(crate) mod file_attributes;
pub(crate) mod gpg;
pub(crate) mod local;
pub(crate) mod md5_cache;
pub(crate) mod ordered_tasks;
pub(crate) mod overlap;
pub(crate) mod part_sizes;
pub(crate) mod placement;
pub(crate) mod plan;
pub(crate) mod proof;
pub(crate) mod remote;
pub(crate) mod selection;
pub(crate) mod sync;
pub(crate) mod temporary;
pub(crate) mod unread;
pub(crate) mod upload;
